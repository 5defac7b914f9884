// SPDX-License-Identifier: MIT
#include "ops/watch.h"

#include <bit>
#include <cmath>

#include "autograd/sites.h"
#include "kernels/strided.h"

namespace tg {

namespace {

constexpr int kMostNamed = 3;  // operands, in a message

// An IEEE 754 number whose exponent is all ones is NaN if its fraction is not 0, else infinite.
template <class Bits, int kFraction>
void look_at_row(void* const* data, const int64_t* strides, int64_t n,
                 const void* parameters) noexcept {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  constexpr Bits kInfinity = static_cast<Bits>((kSign - 1) >> kFraction << kFraction);
  auto* found = static_cast<uint32_t*>(const_cast<void*>(parameters));
  const auto* at = static_cast<const char*>(data[0]);
  bool any = false, nan = false;
  for (int64_t i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, at + i * strides[0], sizeof bits);
    bits = static_cast<Bits>(bits & static_cast<Bits>(~kSign));
    any |= bits == kInfinity;
    nan |= bits > kInfinity;
  }
  *found |= (nan ? 1u : 0u) | (any ? 2u : 0u);
}

kernels::Loop look_for(DType dtype) {
  switch (dtype) {
    case DType::float64: return look_at_row<uint64_t, 52>;
    case DType::float32: return look_at_row<uint32_t, 23>;
    case DType::float16: return look_at_row<uint16_t, 10>;
    case DType::bfloat16: return look_at_row<uint16_t, 7>;
    default: return nullptr;
  }
}

}  // namespace

uint32_t nonfinite(const Tensor& x) noexcept {
  const kernels::Loop loop = look_for(x.dtype());
  uint32_t found = 0;
  if (loop == nullptr || x.numel() == 0) return found;
  void* const data[] = {const_cast<std::byte*>(x.data())};
  const int64_t* const strides[] = {x.strides()};
  const int64_t item = size_of(x.dtype());
  kernels::walk(loop, &found, 1, data, strides, &item, x.sizes(), x.rank());
  return found;
}

uint32_t nonfinite(double number) noexcept {
  return std::isnan(number) ? 1u : std::isinf(number) ? 2u : 0u;
}

void WatchedCall::check(const char* op, const Tensor& result, const Tensor* const* operands, int n,
                        uint32_t had) const {
  if (!anomalies_) return;
  uint32_t made = nonfinite(result) & ~had;
  for (int i = 0; made != 0 && i < n; ++i) {
    if (*operands[i]) made &= ~nonfinite(*operands[i]);
  }
  if (made == 0) return;
  char text[1000];
  Message of(text, sizeof text);
  int named = 0;
  for (int i = 0; i < n && named < kMostNamed; ++i) {
    if (*operands[i]) of << (named++ == 0 ? " of " : " and ") << Named{*operands[i]};
  }
  of << (named == 0   ? ", which no operand has"
         : named == 1 ? ", which has none"
                      : ", which have none");
  char place[300];
  Message at(place, sizeof place);
  if (const uint64_t site = thread_record().site; site != 0) at << " at " << Site{site};
  fail(TG_ERROR_AUTOGRAD, op, place, " makes ", (made & 1) != 0 ? "NaN" : "an infinity", text,
       "; look at the elements that went in (anomaly mode is on)");
}

void WatchedCall::look(const char* op, const Tensor& scratch, const Tensor* const* operands, int n,
                       uint32_t had, Node* node) const {
  check(op, scratch, operands, n, had);
  if (node != nullptr) note_node(*node, scratch);
}

void WatchedCall::note(const Tensor& result) {
  Node* node = Edge(history_word(*result.head())).node();
  if (node != nullptr) note_node(*node);
}

}  // namespace tg
