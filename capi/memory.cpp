// SPDX-License-Identifier: MIT
// Memory, threads and BLAS: questions and settings.
#include "base/parallel.h"
#include "blas/gemm.h"
#include "capi/seam.h"

using namespace tg::capi;

uint64_t tg_memory_current(void) { return tg::memory_current(); }
uint64_t tg_memory_peak(void) { return tg::memory_peak(); }
uint64_t tg_memory_cached(void) { return tg::memory_cached(); }
void tg_memory_peak_reset(void) { tg::memory_peak_reset(); }

tg_status tg_memory_limit_set(uint64_t bytes) {
  return guarded_always(__func__, [&] { tg::memory_limit_set(bytes); });
}
tg_status tg_memory_trim(void) {
  return guarded_always(__func__, [] { tg::memory_trim(); });
}

tg_status tg_num_threads_set(int32_t count) {
  return guarded(__func__, [&] {
    if (count < 0 || count > tg::kMaxThreads) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "count is ", count, "; give 1 to ", tg::kMaxThreads,
               ", or 0 for all cores");
    }
    tg::set_thread_count(count);
  });
}
int32_t tg_num_threads(void) { return tg::thread_count(); }

tg_status tg_blas_info(char* buffer, size_t capacity, size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const size_t full = tg::blas::describe(buffer, capacity);
    if (length != nullptr) *length = full;
  });
}
