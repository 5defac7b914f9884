// SPDX-License-Identifier: MIT
// A function of scalars, applied to every element. The walk is on the calling thread alone, and
// lets an exception of the function through.
#include "ops/elementwise.h"
#include "ffi/routine.h"

namespace tg::ffi {

namespace {

// Where the operands and results of one element lie, walked in row-major order. Results are fresh,
// so they lie in that order without gaps.
class Walk {
 public:
  Walk(const Tensor& like, int n) : shape_(like), n_(n) {
    for (int d = 0; d < like.rank(); ++d) index_[d] = 0;
    left_ = like.numel();
  }
  void set(int i, const Tensor& x) {
    data_[i] = x.data();
    broadcast_strides(x, shape_, strides_[i]);
    for (int d = 0; d < shape_.rank(); ++d) strides_[i][d] <<= size_shift(x.dtype());
  }
  std::byte* at(int i) const { return data_[i]; }
  int64_t left() const { return left_; }
  void next() {
    --left_;
    for (int d = shape_.rank() - 1; d >= 0; --d) {
      if (++index_[d] < shape_.size(d)) {
        for (int i = 0; i < n_; ++i) data_[i] += strides_[i][d];
        return;
      }
      for (int i = 0; i < n_; ++i) data_[i] -= strides_[i][d] * (shape_.size(d) - 1);
      index_[d] = 0;
    }
  }

 private:
  const Tensor& shape_;
  int n_;
  int64_t left_;
  int64_t index_[kMaxRank];
  std::byte* data_[kMaxParameters + 1];
  int64_t strides_[kMaxParameters + 1][kMaxRank];
};

template <class T>
void scale(const Tensor& out, double factor) {
  T* const data = reinterpret_cast<T*>(out.data());
  const int64_t n = out.numel();
  for (int64_t k = 0; k < n; ++k) data[k] = static_cast<T>(factor * static_cast<double>(data[k]));
}

template <class T>
void call_one(const void* address, const Tensor& out, const Tensor& x) {
  const auto function = reinterpret_cast<T (*)(T)>(const_cast<void*>(address));
  T* const to = reinterpret_cast<T*>(out.data());
  const T* const from = reinterpret_cast<const T*>(x.data());
  const int64_t n = out.numel();
  for (int64_t k = 0; k < n; ++k) to[k] = function(from[k]);
}
template <class T>
void call_two(const void* address, const Tensor& out, const Tensor& x, const Tensor& y) {
  const auto function = reinterpret_cast<T (*)(T, T)>(const_cast<void*>(address));
  T* const to = reinterpret_cast<T*>(out.data());
  const T* const from = reinterpret_cast<const T*>(x.data());
  const T* const other = reinterpret_cast<const T*>(y.data());
  const int64_t n = out.numel();
  for (int64_t k = 0; k < n; ++k) to[k] = function(from[k], other[k]);
}

}  // namespace

// The commonest functions are called directly: libffi would cost several times as much.
bool Routine::call_plain_elements(Prepared& prepared) const {
  if (fortran_ || signature_.returns != Returns::element || outputs_ != 1) return false;
  const size_t n = signature_.parameters.size();
  if (static_cast<size_t>(inputs_) != n || n > 2) return false;
  const DType dtype = signature_.returned;
  if (!is_floating(dtype)) return false;
  const Tensor& out = prepared.outs_[0];
  for (size_t i = 0; i < n; ++i) {
    if (!is_plain(*prepared.elements_[i], out)) return false;
  }
  const Tensor& x = *prepared.elements_[0];
  if (n == 1) {
    dtype == DType::float32 ? call_one<float>(address_, out, x)
                            : call_one<double>(address_, out, x);
  } else {
    const Tensor& y = *prepared.elements_[1];
    dtype == DType::float32 ? call_two<float>(address_, out, x, y)
                            : call_two<double>(address_, out, x, y);
  }
  return true;
}

void Routine::call_elements(Prepared& prepared) const {
  if (!call_plain_elements(prepared)) {
    const size_t n = signature_.parameters.size();
    const bool returns = signature_.returns == Returns::element;
    const auto last = static_cast<size_t>(outputs_ - 1);
    int walked[kMaxParameters];  // the walk's number of a parameter
    int count = 0;
    for (size_t i = 0; i < n; ++i) {
      const Direction direction = signature_.parameters[i].direction;
      walked[i] = direction != Direction::number ? count++ : -1;
    }
    Walk walk(prepared.outs_[0], count + returns);
    for (size_t i = 0; i < n; ++i) {
      if (walked[i] >= 0) walk.set(walked[i], *prepared.elements_[i]);
    }
    if (returns) walk.set(count, prepared.outs_[last]);
    Returned result{};
    for (; walk.left() > 0; walk.next()) {
      for (size_t i = 0; i < n; ++i) {
        if (walked[i] < 0) continue;
        void*& place =
            by_address(signature_.parameters[i]) ? prepared.addresses_[i] : prepared.cells_[i];
        place = walk.at(walked[i]);
      }
      ffi_call(const_cast<ffi_cif*>(&cif_), FFI_FN(address_), &result, prepared.cells_);
      if (returns) result.store(signature_.returned, walk.at(count));
    }
  }
  if (signature_.factor == 1) return;
  for (const Tensor& out : prepared.outs_) {
    out.dtype() == DType::float32 ? scale<float>(out, signature_.factor)
                                  : scale<double>(out, signature_.factor);
  }
}

}  // namespace tg::ffi
