# SPDX-License-Identifier: MIT
# libffi: calls of functions whose types are known at run time alone. Libffi::ffi is linked;
# Libffi::archive, where there is one whose code may stand in a shared library, is linked into the
# library of the wheel.
find_path(LIBFFI_INCLUDE_DIR NAMES ffi.h DOC "Folder that holds ffi.h (Debian: libffi-dev)")
find_library(LIBFFI_LIBRARY NAMES ffi DOC "libffi")
find_library(LIBFFI_ARCHIVE NAMES libffi_pic.a DOC "libffi as an archive of position-independent code")
mark_as_advanced(LIBFFI_INCLUDE_DIR LIBFFI_LIBRARY LIBFFI_ARCHIVE)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libffi REQUIRED_VARS LIBFFI_LIBRARY LIBFFI_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libffi-dev, or set LIBFFI_LIBRARY and LIBFFI_INCLUDE_DIR")
if(Libffi_FOUND AND NOT TARGET Libffi::ffi)
  add_library(Libffi::ffi UNKNOWN IMPORTED)
  set_target_properties(Libffi::ffi PROPERTIES
    IMPORTED_LOCATION "${LIBFFI_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBFFI_INCLUDE_DIR}")
endif()
if(Libffi_FOUND AND LIBFFI_ARCHIVE AND NOT TARGET Libffi::archive)
  add_library(Libffi::archive STATIC IMPORTED)
  set_target_properties(Libffi::archive PROPERTIES
    IMPORTED_LOCATION "${LIBFFI_ARCHIVE}"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBFFI_INCLUDE_DIR}")
endif()
