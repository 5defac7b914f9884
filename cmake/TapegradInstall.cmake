# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: libraries, headers, their description for bindings, manual pages
# where they are wanted, the pkg-config file, the CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS tapegrad tapegrad_static EXPORT tapegradTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tapegrad"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

install(FILES "${PROJECT_SOURCE_DIR}/api/api.json"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/tapegrad")

if(TAPEGRAD_MAN)
  # SOURCE_DATE_EPOCH, where it is set, gives the date of the pages.
  find_package(Python3 COMPONENTS Interpreter REQUIRED)
  file(GLOB generator CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/scripts/api.d/*.py")
  set(pages "${PROJECT_BINARY_DIR}/man")
  add_custom_command(OUTPUT "${pages}/tapegrad.3"
    COMMAND "${CMAKE_COMMAND}" -E rm -rf "${pages}"
    COMMAND Python3::Interpreter -B "${PROJECT_SOURCE_DIR}/scripts/api.d/main.py"
      --root "${PROJECT_SOURCE_DIR}" man "${pages}"
    DEPENDS "${PROJECT_SOURCE_DIR}/api/api.json" ${generator}
    COMMENT "Manual pages")
  add_custom_target(man ALL DEPENDS "${pages}/tapegrad.3")
  install(DIRECTORY "${pages}/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man3"
    COMPONENT man FILES_MATCHING PATTERN "*.3")
endif()

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
