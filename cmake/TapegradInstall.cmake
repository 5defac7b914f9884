# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: libraries, headers, the pkg-config file, the CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS tapegrad tapegrad_static EXPORT tapegradTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tapegrad"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

# Paths of the .pc file hang on its prefix where they can, so that the tree may be moved.
foreach(kind LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(TAPEGRAD_PC_${kind} "${CMAKE_INSTALL_${kind}}")
  else()
    set(TAPEGRAD_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tapegrad")
# The prefix is known when installing (`cmake --install --prefix`), so the file is made then.
configure_file("${PROJECT_SOURCE_DIR}/cmake/tapegrad.pc.in"
  "${PROJECT_BINARY_DIR}/tapegrad.pc.in" @ONLY)
install(CODE "
  file(READ \"${PROJECT_BINARY_DIR}/tapegrad.pc.in\" text)
  string(REGEX REPLACE \"^prefix=[^\\n]*\" \"prefix=\${CMAKE_INSTALL_PREFIX}\" text \"\${text}\")
  file(WRITE \"${PROJECT_BINARY_DIR}/tapegrad.pc\" \"\${text}\")")
install(FILES "${PROJECT_BINARY_DIR}/tapegrad.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/tapegradConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/tapegradConfig.cmake" INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tapegradConfigVersion.cmake"
  COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tapegradConfig.cmake"
  "${PROJECT_BINARY_DIR}/tapegradConfigVersion.cmake" DESTINATION "${config_dir}")
install(EXPORT tapegradTargets NAMESPACE tapegrad:: DESTINATION "${config_dir}")
