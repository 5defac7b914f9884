// SPDX-License-Identifier: MIT
// What the tests of the modes share: handles that release themselves, the five kinds of tensor and
// the three modes of the rules, and checks of statuses and messages. Public header only.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "tapegrad/tapegrad.h"

namespace capi {

using Where = std::source_location;
using Values = std::vector<double>;
using Sizes = std::vector<int64_t>;
using Phrases = std::vector<std::string>;

inline std::string at(const Where& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

// A call that must succeed; the failure shows the library's own message and the caller's line.
inline void ok(tg_status status, Where where = Where::current()) {
  INFO(at(where) << ": " << tg_last_error_message());
  REQUIRE(status == TG_OK);
}

// A call that must fail with this code and a message that has each phrase.
inline void fails(tg_status status, tg_status code, const Phrases& phrases = {},
                  Where where = Where::current()) {
  INFO(at(where));
  CHECK(status == code);
  if (status != code) return;
  CHECK(tg_last_error() == code);
  const std::string message = tg_last_error_message();
  for (const std::string& phrase : phrases) CHECK_THAT(message, Catch::Contains(phrase));
}

// A handle of any kind with one owner.
class Handle {
 public:
  Handle() = default;
  explicit Handle(tg_handle handle) : handle_(handle) {}
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Handle() { tg_release(handle_); }
  operator tg_handle() const { return handle_; }
  tg_handle* out() {
    release();
    return &handle_;
  }
  void release() { tg_release(std::exchange(handle_, 0)); }

 private:
  tg_handle handle_ = 0;
};
using Tensor = Handle;

// make(tg_mul, a, b): what the call gives in its last parameter.
template <class Function, class... Arguments>
Tensor make(Function function, const Arguments&... arguments) {
  Tensor out;
  const tg_status status = function(arguments..., out.out());
  INFO(tg_last_error_message());
  REQUIRE(status == TG_OK);
  REQUIRE(out != 0);
  return out;
}

// The status of a call whose last parameter is a handle; that handle must be 0 after a failure.
template <class Function, class... Arguments>
tg_status attempt(Function function, const Arguments&... arguments) {
  tg_handle out = 12345;
  const tg_status status = function(arguments..., &out);
  if (status != TG_OK) CHECK(out == 0);
  if (status == TG_OK) CHECK(tg_release(out) == TG_OK);
  return status;
}

// How the rules name the modes of a call.
enum class Mode { normal, no_grad, inf };
inline constexpr Mode kModes[] = {Mode::normal, Mode::no_grad, Mode::inf};

inline std::ostream& operator<<(std::ostream& stream, Mode mode) {
  return stream << (mode == Mode::normal ? "normal" : mode == Mode::no_grad ? "no_grad" : "inf");
}

class In {
 public:
  explicit In(Mode mode) : mode_(mode) {
    if (mode == Mode::no_grad) ok(tg_no_grad_enter());
    if (mode == Mode::inf) ok(tg_inference_mode_enter(1));
  }
  ~In() {
    if (mode_ == Mode::no_grad) tg_no_grad_exit();
    if (mode_ == Mode::inf) tg_inference_mode_exit();
  }
  In(const In&) = delete;
  In& operator=(const In&) = delete;

 private:
  Mode mode_;
};

// The empty default state for a block, whatever modes lie around it.
class Aside {
 public:
  Aside() { ok(tg_state_set(0, &before_)); }
  ~Aside() { tg_state_set(before_, nullptr); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  uint64_t before_ = 0;
};

inline int64_t count_of(const Sizes& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return count;
}

// A float64 tensor from row-major elements; a sole element stands for all.
inline Tensor tensor(const Values& values, const Sizes& sizes, bool requires_grad = false,
                     Where where = Where::current()) {
  Values all = values;
  if (values.size() == 1) all.assign(static_cast<size_t>(count_of(sizes)), values[0]);
  INFO(at(where));
  REQUIRE(static_cast<int64_t>(all.size()) == count_of(sizes));
  const double nothing = 0;  // an address for a tensor without elements
  Tensor out;
  ok(tg_tensor_create(all.empty() ? &nothing : all.data(), TG_FLOAT64, sizes.data(),
                      static_cast<int32_t>(sizes.size()), requires_grad, out.out()),
     where);
  return out;
}
inline Tensor vec(const Values& values, bool requires_grad = false) {
  return tensor(values, {static_cast<int64_t>(values.size())}, requires_grad);
}
inline Tensor leaf(const Values& values) { return vec(values, true); }
inline Tensor indices(const std::vector<int64_t>& values, Sizes sizes = {}) {
  if (sizes.empty()) sizes = {static_cast<int64_t>(values.size())};
  Tensor out;
  ok(tg_tensor_create(values.data(), TG_INT64, sizes.data(), static_cast<int32_t>(sizes.size()), 0,
                      out.out()));
  return out;
}

// Elements in row-major order, whatever the dtype.
inline Values values(tg_tensor x, Where where = Where::current()) {
  int32_t dtype = 0;
  int64_t count = 0;
  ok(tg_tensor_dtype(x, &dtype), where);
  ok(tg_tensor_numel(x, &count), where);
  Values list(static_cast<size_t>(count));
  Tensor plain, wide;
  ok(tg_detach(x, plain.out()), where);
  ok(tg_to_dtype(plain, TG_FLOAT64, wide.out()), where);
  double nothing = 0;
  ok(tg_tensor_copy_out(wide, list.empty() ? &nothing : list.data(), list.size() * sizeof(double)),
     where);
  return list;
}
inline double item(tg_tensor x, Where where = Where::current()) {
  double value = 0;
  ok(tg_tensor_item(x, &value), where);
  return value;
}

// Flags by their functions.
template <class Function>
int32_t flag(Function function, tg_tensor x) {
  int32_t out = -1;
  ok(function(x, &out));
  return out;
}
inline int32_t requires_grad(tg_tensor x) { return flag(tg_tensor_requires_grad, x); }
inline int32_t is_leaf(tg_tensor x) { return flag(tg_tensor_is_leaf, x); }
inline int32_t is_inference(tg_tensor x) { return flag(tg_tensor_is_inference, x); }
inline int32_t is_view(tg_tensor x) { return flag(tg_tensor_is_view, x); }
inline int64_t version(tg_tensor x, Where where = Where::current()) {
  int64_t out = -1;
  ok(tg_tensor_version(x, &out), where);
  return out;
}
inline bool same(tg_tensor a, tg_tensor b) {
  int32_t out = -1;
  ok(tg_is_same(a, b, &out));
  return out == 1;
}
inline uint64_t storage(tg_tensor x) {
  uint64_t id = 0;
  ok(tg_tensor_storage_id(x, &id));
  return id;
}
inline Handle grad_fn(tg_tensor x) {
  Handle node;
  ok(tg_tensor_grad_fn(x, node.out()));
  return node;
}
inline Tensor grad_of(tg_tensor x) {
  Tensor grad;
  ok(tg_tensor_grad(x, grad.out()));
  return grad;
}
inline bool has_grad(tg_tensor x) { return grad_of(x) != 0; }
inline Values grad_values(tg_tensor x, Where where = Where::current()) {
  const Tensor grad = grad_of(x);
  INFO(at(where));
  REQUIRE(grad != 0);
  return values(grad, where);
}
inline std::string node_name(tg_node node) {
  char name[64] = "";
  ok(tg_node_name(node, name, sizeof name, nullptr));
  return name;
}

// The kind of a tensor from all that can be asked of it; no kind where the answers do not fit.
inline std::string kind_of(tg_tensor x) {
  const int32_t wants = requires_grad(x);
  const int32_t leaf = is_leaf(x);
  const bool recorded = grad_fn(x) != 0;
  if (is_inference(x)) {
    if (leaf || recorded || is_view(x)) return "an inference tensor that is leaf, view or recorded";
    return wants ? "i1" : "i0";
  }
  if (!wants && leaf && !recorded) return "n0";
  if (wants && leaf && !recorded) return "nl";
  if (wants && !leaf && recorded) return "nn";
  return "requires_grad " + std::to_string(wants) + ", is_leaf " + std::to_string(leaf) +
         ", grad_fn " + std::to_string(recorded);
}

inline constexpr const char* kKinds[] = {"n0", "nl", "nn", "i0", "i1"};

// A tensor of the kind.
inline Tensor of_kind(const std::string& kind, const Values& values, const Sizes& sizes) {
  const Aside aside;
  const In mode(kind[0] == 'i' ? Mode::inf : Mode::normal);
  const bool wants = kind == "i1" || kind == "nl" || kind == "nn";
  Tensor x = tensor(values, sizes, wants);
  if (kind == "nn") x = make(tg_clone, x);
  REQUIRE(kind_of(x) == kind);
  return x;
}

// All that a failed call must leave as it was.
struct Snapshot {
  std::string kind;
  int64_t version;  // -1: an inference tensor, which has none
  int32_t view;
  Values data;
  bool has_grad;
  bool operator==(const Snapshot& other) const = default;
};
inline std::ostream& operator<<(std::ostream& stream, const Snapshot& of) {
  stream << of.kind << " version " << of.version << " view " << of.view << " grad " << of.has_grad;
  for (const double value : of.data) stream << ' ' << value;
  return stream;
}
inline Snapshot snapshot(tg_tensor x) {
  return {kind_of(x), is_inference(x) ? -1 : version(x), is_view(x), values(x), has_grad(x)};
}

// backward of the root with a gradient of ones, so that any shape will do.
inline tg_status backward_ones(tg_tensor root, uint32_t flags = 0) {
  Tensor plain = make(tg_detach, root);
  Tensor ones = make(tg_ones_like, plain);
  const tg_tensor roots[] = {root};
  const tg_tensor grads[] = {ones};
  return tg_backward_from(roots, grads, 1, flags);
}

// The remedies of the rules on messages.
inline const std::string kClone = "tg_clone";
inline const std::string kOutside = "outside inference mode";

}  // namespace capi
