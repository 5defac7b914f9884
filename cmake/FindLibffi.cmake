# SPDX-License-Identifier: MIT
# libffi: calls of functions whose types are known at run time alone. Libffi::ffi is linked.
find_path(LIBFFI_INCLUDE_DIR NAMES ffi.h DOC "Folder that holds ffi.h (Debian: libffi-dev)")
find_library(LIBFFI_LIBRARY NAMES ffi DOC "libffi")
mark_as_advanced(LIBFFI_INCLUDE_DIR LIBFFI_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libffi REQUIRED_VARS LIBFFI_LIBRARY LIBFFI_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libffi-dev, or set LIBFFI_LIBRARY and LIBFFI_INCLUDE_DIR")
if(Libffi_FOUND AND NOT TARGET Libffi::ffi)
  add_library(Libffi::ffi UNKNOWN IMPORTED)
  set_target_properties(Libffi::ffi PROPERTIES
    IMPORTED_LOCATION "${LIBFFI_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LIBFFI_INCLUDE_DIR}")
endif()
