// SPDX-License-Identifier: MIT
// What every SIMD file includes before hwy/foreach_target.h: which targets are compiled, so that
// all files agree with base/cpu.h. Highway is used as headers only.
#pragma once

#ifdef HIGHWAY_HWY_DETECT_TARGETS_H_
#error "kernels/targets.h must stand before Highway's headers"
#endif

// gcc before 12.3 compiles EMU128 wrongly; HWY_SCALAR everywhere keeps one baseline to test.
#define HWY_BROKEN_EMU128 1
// Highway's debug checks call hwy::Abort, which prints and aborts.
#define HWY_IS_DEBUG_BUILD 0
// The baseline, AVX2 and AVX3 alone on amd64; elsewhere what the compiler was told to assume.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
