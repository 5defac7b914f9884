// SPDX-License-Identifier: MIT
// Puts the loops of all files together, one table for each target, as constant data.
#include "kernels/table.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/table.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {

constexpr Table make_table() {
  Table table{};
  const Column columns[kDTypes] = {
      {},
      column<DType::float32>(),
      column<DType::float64>(),
      column<DType::float16>(),
      column<DType::bfloat16>(),
      column<DType::int8>(),
      column<DType::int16>(),
      column<DType::int32>(),
      column<DType::int64>(),
      column<DType::uint8>(),
      column<DType::boolean>(),
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int dtype = 0; dtype < kDTypes; ++dtype) {
      table.lane[lane][dtype] = columns[dtype].lane[lane];
    }
  }
  return table;
}

constexpr Table kTable = make_table();

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {

constinit std::atomic<const Table*> chosen_table{nullptr};

const Table& table_of([[maybe_unused]] Target target) noexcept {
#if HWY_TARGETS & HWY_AVX3
  if (target >= Target::avx512) return N_AVX3::kTable;
#endif
#if HWY_TARGETS & HWY_AVX2
  if (target >= Target::avx2) return N_AVX2::kTable;
#endif
  return HWY_STATIC_DISPATCH(kTable);
}

const Table& choose_table() noexcept {
  const Table& best = table_of(best_target());
  chosen_table.store(&best, std::memory_order_relaxed);
  return best;
}

}  // namespace tg::kernels
#endif  // HWY_ONCE
