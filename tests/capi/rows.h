// SPDX-License-Identifier: MIT
// Rows of errors: one call that must fail, with its function's name, code and words of the message.
// Each row also holds that a failed call changes nothing: no handle is made, handle places are 0,
// other places keep their bytes, and every tensor that is watched keeps data, version and flags.
//
//   rows.fails("tg_mm", TG_ERROR_SHAPE, {"inner sizes"}, tg_mm(a, b, rows.out()));
//
// tests/house/errors.cpp reads function and code in this form, and asks for a row for each error
// that the header names; so both stand beside each other, as they are written.
#pragma once

#include <cstring>
#include <memory>

#include "capi/tensors.h"

namespace capi {

class Rows {
 public:
  explicit Rows(std::initializer_list<tg_tensor> watched = {}) {
    for (const tg_tensor x : watched) watched_.push_back({x, state_of(x)});
    live_ = tg_live_handles();
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  // Places for a handle, for an array of them, and for something that is no handle.
  tg_handle* out() { return outs(1); }
  tg_handle* outs(size_t count) {
    handles_.push_back(std::make_unique<std::vector<tg_handle>>(count, kUnset));
    return handles_.back()->data();
  }
  template <class T>
  T* untouched() {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.push_back(std::make_unique<Bytes>(sizeof(T), kPattern));
    return reinterpret_cast<T*>(bytes_.back()->data());
  }

  void fails(const char* function, tg_status code, const Phrases& phrases, tg_status status,
             Where where = Where::current()) {
    INFO(at(where) << ": " << function << ": " << tg_status_name(status) << ": "
                   << tg_last_error_message());
    CHECK(status == code);
    if (status == code) {
      CHECK(tg_last_error() == code);
      const std::string message = tg_last_error_message();
      CHECK_THAT(message, Catch::StartsWith(std::string(function) + ": "));
      for (const std::string& phrase : phrases) CHECK_THAT(message, Catch::Contains(phrase));
    }
    for (const auto& places : handles_) {
      for (const tg_handle handle : *places) CHECK(handle == 0);
    }
    for (const auto& bytes : bytes_) CHECK(*bytes == Bytes(bytes->size(), kPattern));
    handles_.clear();
    bytes_.clear();
    CHECK(tg_live_handles() == live_);
    for (const Watched& watched : watched_) CHECK(state_of(watched.tensor) == watched.state);
    ++count_;
  }

  size_t count() const { return count_; }

 private:
  using Bytes = std::vector<unsigned char>;
  static constexpr tg_handle kUnset = 12345;
  static constexpr unsigned char kPattern = 0xa5;

  // What can be asked of any tensor, stale views included.
  struct State {
    int64_t version;  // -1: an inference tensor, which has none
    int32_t requires_grad, is_leaf;
    bool has_grad;
    Values data;
    bool operator==(const State& other) const = default;
    friend std::ostream& operator<<(std::ostream& stream, const State& of) {
      stream << "version " << of.version << " requires_grad " << of.requires_grad << " is_leaf "
             << of.is_leaf << " has_grad " << of.has_grad;
      for (const double value : of.data) stream << ' ' << value;
      return stream;
    }
  };
  struct Watched {
    tg_tensor tensor;
    State state;
  };
  static State state_of(tg_tensor x) {
    return {is_inference(x) ? -1 : version(x), requires_grad(x), is_leaf(x), capi::has_grad(x),
            values(x)};
  }

  std::vector<Watched> watched_;
  std::vector<std::unique_ptr<std::vector<tg_handle>>> handles_;
  std::vector<std::unique_ptr<Bytes>> bytes_;
  uint64_t live_ = 0;
  size_t count_ = 0;
};

// A tensor of zeros of any dtype, and one that borrows memory which may not be written.
inline Tensor zeros(int32_t dtype, const Sizes& sizes) {
  return make(tg_zeros, dtype, sizes.data(), static_cast<int32_t>(sizes.size()));
}
inline Tensor read_only(const double* memory, const Sizes& sizes) {
  Tensor out;
  ok(tg_tensor_from_memory(const_cast<double*>(memory), TG_FLOAT64, sizes.data(), nullptr,
                           static_cast<int32_t>(sizes.size()), TG_READ_ONLY, nullptr, nullptr,
                           out.out()));
  return out;
}
inline Tensor viewed(tg_tensor x, const Sizes& sizes) {
  return make(tg_view, x, sizes.data(), static_cast<int32_t>(sizes.size()));
}
// The whole of x as the only output of tg_split.
inline Tensor piece_of(tg_tensor x, int64_t size) {
  Tensor out;
  size_t count = 0;
  ok(tg_split(x, size, 0, out.out(), 1, &count));
  REQUIRE(count == 1);
  return out;
}

}  // namespace capi
