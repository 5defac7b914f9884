# SPDX-License-Identifier: MIT
# Compiler and linker flags, as three interface targets: tapegrad_flags (language, warnings and
# sanitizers; the tests take it too), tapegrad_library_flags (how the library's code is compiled)
# and tapegrad_shared_flags (how the shared library is linked).

add_library(tapegrad_flags INTERFACE)
target_compile_features(tapegrad_flags INTERFACE cxx_std_20)
target_compile_options(tapegrad_flags INTERFACE -Wall -Wextra)
if(TAPEGRAD_WERROR)
  target_compile_options(tapegrad_flags INTERFACE -Werror)
endif()
if(TAPEGRAD_DEBUG)
  target_compile_definitions(tapegrad_flags INTERFACE TG_DEBUG)
endif()
if(TAPEGRAD_SANITIZE)
  # A finding ends the program, so that a test cannot pass over it.
  # gcc 12 warns of its own std::function once it has instrumented it.
  target_compile_options(tapegrad_flags INTERFACE
    -fsanitize=${TAPEGRAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)
  target_link_options(tapegrad_flags INTERFACE -fsanitize=${TAPEGRAD_SANITIZE})
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

add_library(tapegrad_library_flags INTERFACE)
target_compile_options(tapegrad_library_flags INTERFACE
  -fPIC
  -fvisibility=hidden
  -fvisibility-inlines-hidden
  -ftls-model=initial-exec     # thread-locals without a call: a mode costs nanoseconds
  -fno-plt
  -fno-semantic-interposition
  -fno-gnu-unique              # a unique symbol would keep the library mapped after dlclose
  -fno-math-errno              # errno belongs to the host
  -ffp-contract=off            # the same bits on every machine
  -ffunction-sections
  -fdata-sections)

add_library(tapegrad_shared_flags INTERFACE)
target_link_options(tapegrad_shared_flags INTERFACE
  "-Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/tapegrad.map"
  -Wl,-z,now,-z,relro,-z,defs
  -Wl,--gc-sections
  -Wl,-Bsymbolic-functions     # addresses of the library's own functions need no search at load
  -Wl,--as-needed)
if(TAPEGRAD_LTO)
  # Fat objects: the static library made of them works with any linker, plug-in or not.
  target_compile_options(tapegrad_library_flags INTERFACE -flto=auto -ffat-lto-objects)
  target_link_options(tapegrad_shared_flags INTERFACE -flto=auto)
endif()
