// SPDX-License-Identifier: MIT
#include "blas/symbols.h"

#include <dlfcn.h>

#include <cstring>

#include "base/error.h"

namespace tg::blas {

namespace {

// dlsym gives void*; POSIX says that it converts to a pointer to function.
template <class Function>
void find(void* handle, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(handle, name));
}

void find_all(void* handle, Symbols& s) {
  find(handle, "cblas_sgemm", s.sgemm);
  find(handle, "cblas_dgemm", s.dgemm);
  find(handle, "openblas_get_parallel", s.get_parallel);
  find(handle, "openblas_get_config", s.get_config);
  find(handle, "openblas_get_corename", s.get_corename);
  find(handle, "openblas_get_num_threads", s.get_num_threads);
  find(handle, "openblas_set_num_threads", s.set_num_threads);
  find(handle, "blas_memory_alloc", s.memory_alloc);
  find(handle, "blas_memory_free", s.memory_free);
  find(handle, "omp_get_max_threads", s.omp_get_max_threads);
  find(handle, "omp_set_num_threads", s.omp_set_num_threads);
}

// "" where the library can be used.
const char* judge(void* handle, Library& library) {
  const Symbols& s = library.symbols;
  if (s.sgemm == nullptr || s.dgemm == nullptr) {
    if (dlsym(handle, "cblas_sgemm64_") != nullptr) {
      library.int_bits = 64;
      return "its integers have 64 bits";
    }
    return s.sgemm == nullptr ? "it has no cblas_sgemm" : "it has no cblas_dgemm";
  }
  if (s.get_parallel != nullptr) {
    library.vendor = Vendor::openblas;
    const char* config = s.get_config != nullptr ? s.get_config() : "";
    if (std::strstr(config, "USE64BITINT") != nullptr) {
      library.int_bits = 64;
      return "its integers have 64 bits";
    }
  } else if (dlsym(handle, "cblas_sgemm_batch") != nullptr) {
    library.vendor = Vendor::other;
  } else {
    // The reference implementation is slower than the own kernels, and it ends the process on an
    // argument that it does not like.
    library.vendor = Vendor::netlib;
    return "the reference BLAS is slower than the own kernels";
  }
  library.int_bits = 32;
  return "";
}

}  // namespace

void open_library(const char* name, Library& library) noexcept {
  ErrnoKeeper keep;
  library = Library{};
  void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  library.shared_with_host = handle != nullptr;
  if (handle == nullptr) handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    dlerror();  // takes the text away: the host's dlerror speaks of the host's calls
    library.reason = "it cannot be opened";
    return;
  }
  find_all(handle, library.symbols);
  library.reason = judge(handle, library);
  dlerror();
  Dl_info where;
  const Symbols& s = library.symbols;
  const void* inside =
      s.sgemm != nullptr ? reinterpret_cast<const void*>(s.sgemm) : dlsym(handle, "cblas_sgemm64_");
  if (inside != nullptr && dladdr(inside, &where) != 0 && where.dli_fname != nullptr) {
    Message(library.file, sizeof library.file) << where.dli_fname;
  }
}

}  // namespace tg::blas
