// SPDX-License-Identifier: MIT
#include "ffi/symbols.h"

#include <dlfcn.h>

#include "base/error.h"

namespace tg::ffi {

namespace {

const char* reason() {
  const char* text = dlerror();
  return text != nullptr ? text : "no reason is given";
}

}  // namespace

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
}

Found find_symbol(const char* library, const char* symbol) {
  const ErrnoKeeper keep;
  if (library == nullptr) {
    if (const void* address = dlsym(RTLD_DEFAULT, symbol)) return {address, {}};
    fail(TG_ERROR_NOT_FOUND, "symbol ", Quoted{symbol},
         " is in no library that this process has loaded for all to see; name its library");
  }
  Library opened(dlopen(library, RTLD_LOCAL | RTLD_NOW));
  if (!opened) {
    fail(TG_ERROR_NOT_FOUND, "library ", Quoted{library}, " cannot be opened: ", Quoted{reason()},
         "; give its path, or the name that the loader knows it by");
  }
  if (const void* address = dlsym(opened.handle(), symbol)) return {address, std::move(opened)};
  fail(TG_ERROR_NOT_FOUND, "symbol ", Quoted{symbol}, " is not in library ", Quoted{library},
       "; `nm -D` lists what is (Fortran compilers put a _ behind a name)");
}

}  // namespace tg::ffi
