# SPDX-License-Identifier: MIT
# Google Highway, headers alone: its runtime library can print and abort, so it is never linked.
find_path(HIGHWAY_INCLUDE_DIR NAMES hwy/highway.h
  DOC "Folder that holds hwy/highway.h (Debian: libhwy-dev)")
mark_as_advanced(HIGHWAY_INCLUDE_DIR)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Highway REQUIRED_VARS HIGHWAY_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libhwy-dev, or set HIGHWAY_INCLUDE_DIR")
if(Highway_FOUND AND NOT TARGET Highway::headers)
  add_library(Highway::headers INTERFACE IMPORTED)
  set_target_properties(Highway::headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${HIGHWAY_INCLUDE_DIR}")
endif()
