// SPDX-License-Identifier: MIT
// tapegrad for C++17 and later: handles that release themselves, exceptions, operators and guards.
// Header-only and over the C interface alone, so that one binary of the library serves every
// compiler and standard library; what a call does in detail stands in tapegrad.h.
//
//     #include <cstdio>
//     #include <tapegrad/tapegrad.hpp>
//     namespace tg = tapegrad;
//
//     int main() try {
//       tg::Tensor x = tg::tensor({1.0, 2.0, 3.0}, tg::DType::float32, true);
//       (x * x).sum().backward();
//       std::puts(x.grad().format().c_str());  // tensor([2., 4., 6.])
//       tg::InferenceMode guard;
//       std::printf("%d\n", (x * 2).requires_grad());  // 0
//     } catch (const tg::Error& error) {
//       std::fprintf(stderr, "%s\n", error.what());
//       return 1;
//     }
//
// Rules of the whole header:
// - A failing call throws Error; the library is then as it was before the call.
// - Tensor, Module and so on own one handle each. Moving takes it, copying makes a second handle of
//   the same object (tg_alias): two copies of a Tensor see the same elements. An empty one (handle
//   0) stands for "none" where that is allowed and is an Error elsewhere.
// - Names and orders of parameters are those of the C functions; dims may be negative.
// - Integers in a list of values give int64, other numbers float32, as in PyTorch; a std::vector
//   keeps the type of its elements.
// - operator<< for streams is there when TAPEGRAD_OSTREAM is defined before inclusion.
#ifndef TAPEGRAD_TAPEGRAD_HPP
#define TAPEGRAD_TAPEGRAD_HPP

#include <tapegrad/tapegrad.h>

#if __cplusplus < 201703L
#error "tapegrad.hpp needs C++17; tapegrad.h serves older standards"
#endif

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif
#ifdef TAPEGRAD_OSTREAM
#include <ostream>
#endif

namespace tapegrad {

// ==== Errors ====

// What a failing call throws. what() names the function, the operand, what was expected, what came
// and what to do.
class Error : public std::runtime_error {
 public:
  Error(tg_status code, const std::string& message, int64_t number = 0, int32_t operand = -1)
      : std::runtime_error(message), code_(code), operand_(operand), number_(number) {}

  // The last error of this thread, as the exception for `code`.
  static Error last(tg_status code) {
    int64_t number = 0;
    int32_t operand = -1;
    tg_last_error_detail(&number, &operand);
    return Error(code, tg_last_error_message(), number, operand);
  }

  tg_status code() const noexcept { return code_; }  // TG_ERROR_*
  const char* name() const noexcept { return tg_status_name(code_); }
  const char* explain() const noexcept { return tg_status_explain(code_); }
  int32_t operand() const noexcept { return operand_; }  // position at fault; -1: none
  int64_t number() const noexcept { return number_; }    // errno, byte offset, callback's number

 private:
  tg_status code_;
  int32_t operand_;
  int64_t number_;
};

// Throws what a status other than TG_OK says.
inline void check(tg_status status) {
  if (status != TG_OK) throw Error::last(status);
}

// The last error of this thread, for code that mixes C calls in.
inline tg_status last_error() noexcept { return tg_last_error(); }
inline void clear_last_error() noexcept { tg_last_error_clear(); }
inline std::string last_error_message() {
  std::string text(tg_last_error_copy(nullptr, 0), '\0');
  tg_last_error_copy(text.data(), text.size() + 1);
  return text;
}

// ==== Types ====

enum class DType : int32_t {
  float32 = TG_FLOAT32,
  float64 = TG_FLOAT64,
  float16 = TG_FLOAT16,
  bfloat16 = TG_BFLOAT16,
  int8 = TG_INT8,
  int16 = TG_INT16,
  int32 = TG_INT32,
  int64 = TG_INT64,
  uint8 = TG_UINT8,
  boolean = TG_BOOL
};
enum class Reduction : int32_t {
  none = TG_REDUCTION_NONE,
  mean = TG_REDUCTION_MEAN,
  sum = TG_REDUCTION_SUM
};
constexpr bool is_floating(DType dtype) {
  return static_cast<int32_t>(dtype) >= TG_FLOAT32 && static_cast<int32_t>(dtype) <= TG_BFLOAT16;
}
using Shape = std::vector<int64_t>;  // sizes, strides or dimensions

// The dtype that holds a C++ type.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return DType::boolean;
  } else if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "no dtype holds this type");
    return sizeof(T) == 4 ? DType::float32 : DType::float64;
  } else {
    static_assert(std::is_integral_v<T> && (std::is_signed_v<T> || sizeof(T) == 1),
                  "no dtype holds this type");
    return sizeof(T) == 8        ? DType::int64
           : sizeof(T) == 4      ? DType::int32
           : sizeof(T) == 2      ? DType::int16
           : std::is_signed_v<T> ? DType::int8
                                 : DType::uint8;
  }
}

namespace detail {

// ask(buffer, capacity, &length), once for the length and once for the text.
template <class Ask>
std::string text(Ask ask) {
  std::string result;
  std::size_t length = 0;
  check(ask(nullptr, 0, &length));
  do {  // again if the text has grown meanwhile
    result.resize(length);
    check(ask(result.data(), result.size() + 1, &length));
  } while (length > result.size());
  result.resize(length);
  return result;
}

// ask(items, capacity, &count) of a shape or strides.
template <class Ask>
Shape sizes(Ask ask) {
  int64_t places[16];
  int32_t rank = 0;
  check(ask(places, 16, &rank));
  return Shape(places, places + rank);
}

inline int32_t rank_of(const Shape& shape) {
  return shape.size() > 1000 ? 1000 : static_cast<int32_t>(shape.size());  // the call refuses it
}

// Runs body inside a callback: what it throws becomes this thread's last error and a status.
template <class Body>
int32_t guarded(Body body) {
  try {
    body();
    return TG_OK;
#if defined(__GLIBCXX__)
  } catch (abi::__forced_unwind&) {  // pthread_cancel has to pass
    throw;
#endif
  } catch (const Error& error) {
    return tg_error_set(error.code(), error.number(), error.what());
  } catch (const std::exception& error) {
    const tg_status status = tg_error_set(TG_ERROR_CALLBACK, 0, error.what());
    return status == TG_ERROR_CALLBACK ? status : tg_error_set(TG_ERROR_CALLBACK, 0, nullptr);
  } catch (...) {
    return tg_error_set(TG_ERROR_CALLBACK, 0, "an exception of an unknown type");
  }
}

template <class T>
void destroy(void* pointer) {
  delete static_cast<T*>(pointer);
}

}  // namespace detail

// ==== Handles ====

// Owns one handle. The classes below add what its kind can do.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(tg_handle handle) noexcept : handle_(handle) {}  // takes the handle over
  Handle(const Handle& other) {
    if (other.handle_ != 0) check(tg_alias(other.handle_, &handle_));
  }
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Handle& operator=(const Handle& other) {
    Handle copy(other);
    std::swap(handle_, copy.handle_);
    return *this;
  }
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
  }
  ~Handle() { reset(); }

  tg_handle handle() const noexcept { return handle_; }               // still owned here
  tg_handle release() noexcept { return std::exchange(handle_, 0); }  // the caller's now
  void reset() noexcept {
    if (handle_ != 0) tg_release(std::exchange(handle_, 0));
  }
  // Where a C function may write a handle; what was owned before is released.
  tg_handle* out() noexcept {
    reset();
    return &handle_;
  }
  explicit operator bool() const noexcept { return handle_ != 0; }
  bool is_valid() const noexcept { return tg_is_valid(handle_) != 0; }
  bool is_same(const Handle& other) const {
    int32_t same = 0;
    check(tg_is_same(handle_, other.handle_, &same));
    return same != 0;
  }

 protected:
  // The value or flag that a question of the C interface gives.
  template <class Value, class Call>
  Value ask(Call call) const {
    Value value{};
    check(call(handle_, &value));
    return value;
  }
  template <class Call>
  bool flag(Call call) const {
    return ask<int32_t>(call) != 0;
  }

 private:
  tg_handle handle_ = 0;
};

inline uint64_t live_handles() noexcept { return tg_live_handles(); }

// Releases the handles of many at once; they are empty afterwards.
template <class T>
void release_all(std::vector<T>& owners) {
  std::vector<tg_handle> handles;
  handles.reserve(owners.size());
  for (T& owner : owners) handles.push_back(owner.release());
  if (!handles.empty()) check(tg_release_many(handles.data(), handles.size()));
}

// Deleters and destructors of users run in drain() once a wake function was set; wake may run on
// any thread and may only signal. An empty one takes it away.
inline void drain() { check(tg_drain()); }
inline void set_drain(std::function<void()> wake) {
  if (!wake) return check(tg_drain_set(nullptr, nullptr, nullptr));
  using Wake = std::function<void()>;
  auto kept = std::make_unique<Wake>(std::move(wake));
  check(tg_drain_set(
      [](void* data) -> int32_t { return detail::guarded([&] { (*static_cast<Wake*>(data))(); }); },
      kept.get(), detail::destroy<Wake>));
  kept.release();
}

// Collects the tensor and node handles of C code that runs while it lives, and releases them. A
// Tensor made meanwhile is empty of meaning afterwards, unless keep() took it out.
class [[nodiscard]] Scope {
 public:
  Scope() { check(tg_scope_enter(&scope_)); }
  Scope(Scope&& other) noexcept : scope_(std::exchange(other.scope_, 0)) {}
  Scope& operator=(Scope&&) = delete;
  ~Scope() {
    if (scope_ != 0) tg_scope_exit(scope_);
  }

  tg_scope handle() const noexcept { return scope_; }
  void keep(const Handle& handle) const { check(tg_scope_keep(scope_, handle.handle())); }
  void exit() {  // as the destructor, but says what went wrong
    check(tg_scope_exit(scope_));
    scope_ = 0;
  }
  // Puts another task's chain of scopes on this thread (0: none) and gives the former one.
  static tg_scope use(tg_scope scope) {
    tg_scope previous = 0;
    check(tg_scope_use(scope, &previous));
    return previous;
  }

 private:
  tg_scope scope_ = 0;
};

// A C++ value behind a handle; `type` is compared by text when it is asked for.
class Object : public Handle {
 public:
  using Handle::Handle;
  template <class T>
  static Object make(const std::string& type, T value) {
    auto payload = std::make_unique<T>(std::move(value));
    Object object;
    check(tg_object_create(type.c_str(), payload.get(), detail::destroy<T>, object.out()));
    payload.release();
    return object;
  }
  template <class T>
  T& as(const std::string& type) const {
    void* payload = nullptr;
    check(tg_object_payload(handle(), type.c_str(), &payload));
    return *static_cast<T*>(payload);
  }
};

// ==== Modes ====

namespace detail {

// A guard enters in its constructor, which throws where the mode may not be entered, and exits in
// its destructor, which never throws. Guards end in the reverse order of their making.
template <tg_status (*Exit)()>
class ModeGuard {
 public:
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 protected:
  explicit ModeGuard(tg_status entered) { check(entered); }
  ~ModeGuard() { Exit(); }
};

// Runs f through one of the _call functions. What f throws passes unchanged: it is carried around
// the C frames.
template <class Call, class F>
auto call_in_mode(Call call, F&& f) -> std::invoke_result_t<F> {
  using Result = std::invoke_result_t<F>;
  using Kept = std::conditional_t<
      std::is_void_v<Result>, bool,
      std::conditional_t<std::is_reference_v<Result>, std::remove_reference_t<Result>*, Result>>;
  struct Run {
    std::remove_reference_t<F>& f;
    std::optional<Kept> result;
    std::exception_ptr thrown;
  } run{f, std::nullopt, nullptr};
  const tg_status status = call(
      [](void* data) -> int32_t {
        Run& now = *static_cast<Run*>(data);
        try {
          if constexpr (std::is_void_v<Result>) {
            std::forward<F>(now.f)();
          } else if constexpr (std::is_reference_v<Result>) {
            auto&& result = std::forward<F>(now.f)();
            now.result = std::addressof(result);
          } else {
            now.result.emplace(std::forward<F>(now.f)());
          }
          return TG_OK;
#if defined(__GLIBCXX__)
        } catch (abi::__forced_unwind&) {
          throw;
#endif
        } catch (...) {
          now.thrown = std::current_exception();
          return TG_ERROR_CALLBACK;
        }
      },
      &run);
  if (run.thrown) std::rethrow_exception(run.thrown);
  check(status);
  if constexpr (std::is_reference_v<Result>) {
    return static_cast<Result>(**run.result);
  } else if constexpr (!std::is_void_v<Result>) {
    return std::move(*run.result);
  }
}

}  // namespace detail

// Inference mode while the guard lives; InferenceMode(false) leaves it for a while.
class [[nodiscard]] InferenceMode : detail::ModeGuard<tg_inference_mode_exit> {
 public:
  explicit InferenceMode(bool mode = true) : ModeGuard(tg_inference_mode_enter(mode)) {}
  static bool is_enabled() noexcept { return tg_is_inference_mode_enabled() != 0; }
};
// Nothing records while the guard lives.
class [[nodiscard]] NoGrad : detail::ModeGuard<tg_no_grad_exit> {
 public:
  NoGrad() : ModeGuard(tg_no_grad_enter()) {}
};
// Grad mode 1 while the guard lives.
class [[nodiscard]] EnableGrad : detail::ModeGuard<tg_enable_grad_exit> {
 public:
  EnableGrad() : ModeGuard(tg_enable_grad_enter()) {}
};
// Anomaly mode while the guard lives: a call whose result has a NaN or an infinity that no operand
// has throws, and so does backward.
class [[nodiscard]] AnomalyMode : detail::ModeGuard<tg_anomaly_mode_exit> {
 public:
  AnomalyMode() : ModeGuard(tg_anomaly_mode_enter()) {}
};
// Grad mode as given while the guard lives.
class [[nodiscard]] SetGradEnabled : detail::ModeGuard<tg_set_grad_enabled_exit> {
 public:
  explicit SetGradEnabled(bool enabled) : ModeGuard(tg_set_grad_enabled_enter(enabled)) {}
};

inline bool is_inference_mode_enabled() noexcept { return tg_is_inference_mode_enabled() != 0; }
inline bool is_grad_enabled() noexcept { return tg_is_grad_enabled() != 0; }

// The call form: runs f once in the mode and gives what it gives. Exceptions of f pass. That f
// leaves the stack of modes other than it found it is an Error (TG_ERROR_MODE).
template <class F>
auto inference_mode(F&& f, bool mode = true) -> std::invoke_result_t<F> {
  return detail::call_in_mode(
      [mode](tg_callback fn, void* data) { return tg_inference_mode_call(mode, fn, data); },
      std::forward<F>(f));
}
template <class F>
auto no_grad(F&& f) -> std::invoke_result_t<F> {
  return detail::call_in_mode(tg_no_grad_call, std::forward<F>(f));
}
template <class F>
auto enable_grad(F&& f) -> std::invoke_result_t<F> {
  return detail::call_in_mode(tg_enable_grad_call, std::forward<F>(f));
}
template <class F>
auto set_grad_enabled(bool enabled, F&& f) -> std::invoke_result_t<F> {
  return detail::call_in_mode(
      [enabled](tg_callback fn, void* data) { return tg_set_grad_enabled_call(enabled, fn, data); },
      std::forward<F>(f));
}

// Whether no_grad and inference mode may be nested in each other on this thread.
inline void allow_mode_nesting(bool allow) {
  check(tg_mode_nesting_set(allow ? TG_NESTING_ALLOW : TG_NESTING_REFUSE));
}
// The modes of this thread as one word, for tasks that change threads.
inline uint64_t mode_state() {
  uint64_t state = 0;
  check(tg_state_get(&state));
  return state;
}
inline uint64_t set_mode_state(uint64_t state) {  // gives the former word
  uint64_t previous = 0;
  check(tg_state_set(state, &previous));
  return previous;
}

// ==== The graph and random numbers ====

// A recorded call of the graph; empty where no gradient goes.
class Node : public Handle {
 public:
  using Handle::Handle;
  std::string name() const {
    return detail::text([this](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_node_name(handle(), buffer, capacity, length);
    });
  }
  std::vector<Node> inputs() const {
    std::size_t count = 0;
    check(tg_node_inputs(handle(), nullptr, 0, &count));
    std::vector<tg_node> handles(count);
    std::vector<Node> nodes;
    nodes.reserve(count);
    check(tg_node_inputs(handle(), handles.data(), count, &count));
    for (tg_node node : handles) nodes.emplace_back(node);
    return nodes;
  }
  uint32_t input_number(std::size_t index) const {
    uint32_t number = 0;
    check(tg_node_input_number(handle(), index, &number));
    return number;
  }
  uint64_t sequence() const { return ask<uint64_t>(tg_node_sequence); }
  uint64_t saved_bytes() const { return ask<uint64_t>(tg_node_saved_bytes); }
};

// Random numbers; an empty one is the default generator.
class Generator : public Handle {
 public:
  struct State {
    uint64_t seed, offset;
  };
  Generator() noexcept = default;
  static Generator seeded(uint64_t seed) {
    Generator generator;
    check(tg_generator_create(seed, generator.out()));
    return generator;
  }
  State state() const {
    State state{};
    check(tg_generator_state_get(handle(), &state.seed, &state.offset));
    return state;
  }
  void set_state(const State& state) const {
    check(tg_generator_state_set(handle(), state.seed, state.offset));
  }
};

inline void manual_seed(uint64_t seed) { check(tg_manual_seed(seed)); }

// ==== Tensors ====

class Tensor : public Handle {
 public:
  using Handle::Handle;

  // ---- asking ----
  DType dtype() const { return static_cast<DType>(ask<int32_t>(tg_tensor_dtype)); }
  int32_t rank() const { return ask<int32_t>(tg_tensor_rank); }
  Shape shape() const {
    return detail::sizes([this](int64_t* items, int32_t capacity, int32_t* rank) {
      return tg_tensor_shape(handle(), items, capacity, rank);
    });
  }
  Shape strides() const {
    return detail::sizes([this](int64_t* items, int32_t capacity, int32_t* rank) {
      return tg_tensor_strides(handle(), items, capacity, rank);
    });
  }
  int64_t storage_offset() const { return ask<int64_t>(tg_tensor_storage_offset); }
  int64_t size(int64_t dim) const {
    int64_t size = 0;
    check(tg_tensor_size(handle(), dim, &size));
    return size;
  }
  int64_t numel() const { return ask<int64_t>(tg_tensor_numel); }
  uint64_t nbytes() const { return ask<uint64_t>(tg_tensor_nbytes); }
  uint64_t storage_nbytes() const { return ask<uint64_t>(tg_tensor_storage_nbytes); }
  uint64_t storage_id() const { return ask<uint64_t>(tg_tensor_storage_id); }
  bool is_contiguous() const { return flag(tg_tensor_is_contiguous); }
  bool is_view() const { return flag(tg_tensor_is_view); }
  bool is_leaf() const { return flag(tg_tensor_is_leaf); }
  bool is_inference() const { return flag(tg_tensor_is_inference); }
  bool requires_grad() const { return flag(tg_tensor_requires_grad); }
  int64_t version() const { return ask<int64_t>(tg_tensor_version); }
  Tensor grad() const { return result(tg_tensor_grad, handle()); }  // empty: none
  Node grad_fn() const { return Node(ask<tg_node>(tg_tensor_grad_fn)); }
  std::string name() const {
    return detail::text([this](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_tensor_name(handle(), buffer, capacity, length);
    });
  }
  std::string format() const {
    return detail::text([this](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_tensor_format(handle(), buffer, capacity, length);
    });
  }

  // ---- elements ----
  // The one element; an integer type asks for an integer or bool tensor.
  template <class T = double>
  T item() const {
    if constexpr (std::is_same_v<T, bool>) {
      return ask<int64_t>(tg_tensor_item_int64) != 0;
    } else if constexpr (std::is_integral_v<T>) {
      const int64_t value = ask<int64_t>(tg_tensor_item_int64);
      if (static_cast<int64_t>(static_cast<T>(value)) != value || (value < 0) != (T(value) < T{})) {
        throw Error(TG_ERROR_DTYPE, "item: the value does not fit the type asked for");
      }
      return static_cast<T>(value);
    } else {
      return static_cast<T>(ask<double>(tg_tensor_item));
    }
  }
  // The elements, row-major; T has the tensor's dtype.
  template <class T>
  std::vector<T> to_vector() const {
    expect_dtype(dtype_of<T>(), "to_vector");
    if constexpr (std::is_same_v<T, bool>) {
      std::vector<unsigned char> bytes(static_cast<std::size_t>(numel()));
      copy_out(bytes.data(), bytes.size());
      return std::vector<bool>(bytes.begin(), bytes.end());
    } else {
      std::vector<T> values(static_cast<std::size_t>(numel()));
      copy_out(values.data(), values.size() * sizeof(T));
      return values;
    }
  }
  // The first element's address; T has the tensor's dtype. Strides hold.
  template <class T>
  T* data() const {
    expect_dtype(dtype_of<std::remove_const_t<T>>(), "data");
    return static_cast<T*>(data());
  }
  void* data() const { return ask<void*>(tg_tensor_data); }
  void copy_out(void* buffer, std::size_t bytes) const {
    check(tg_tensor_copy_out(handle(), buffer, bytes));
  }
  Tensor& copy_in(const void* buffer, std::size_t bytes) {
    return done(tg_tensor_copy_in(handle(), buffer, bytes));
  }

  // ---- changing ----
  Tensor& set_requires_grad(bool on = true) {
    return done(tg_tensor_set_requires_grad(handle(), on));
  }
  Tensor& set_grad(const Tensor& grad) { return done(tg_tensor_set_grad(handle(), grad.handle())); }
  Tensor& set_name(const std::string& name) {
    return done(tg_tensor_set_name(handle(), name.c_str()));
  }
  Tensor& retain_grad() { return done(tg_tensor_retain_grad(handle())); }
  Tensor& mark_written() { return done(tg_tensor_mark_written(handle())); }
  Tensor& detach_() { return done(tg_detach_(handle())); }
  Tensor& copy_(const Tensor& source) { return done(tg_copy_(handle(), source.handle())); }
  Tensor& fill_(double value) { return done(tg_fill_(handle(), value)); }
  Tensor& fill_int64_(int64_t value) { return done(tg_fill_int64_(handle(), value)); }
  Tensor& zero_() { return done(tg_zero_(handle())); }
  Tensor detach() const { return result(tg_detach, handle()); }
  Tensor clone() const { return result(tg_clone, handle()); }
  Tensor contiguous() const { return result(tg_contiguous, handle()); }
  Tensor to(DType dtype) const {
    return result(tg_to_dtype, handle(), static_cast<int32_t>(dtype));
  }
  Tensor zeros_like() const { return result(tg_zeros_like, handle()); }
  Tensor ones_like() const { return result(tg_ones_like, handle()); }

  // ---- elementwise ----
  Tensor add(const Tensor& b) const { return result(tg_add, handle(), b.handle()); }
  Tensor sub(const Tensor& b) const { return result(tg_sub, handle(), b.handle()); }
  Tensor mul(const Tensor& b) const { return result(tg_mul, handle(), b.handle()); }
  Tensor div(const Tensor& b) const { return result(tg_div, handle(), b.handle()); }
  Tensor add(double value) const { return result(tg_add_scalar, handle(), value); }
  Tensor sub(double value) const { return result(tg_sub_scalar, handle(), value); }
  Tensor mul(double value) const { return result(tg_mul_scalar, handle(), value); }
  Tensor div(double value) const { return result(tg_div_scalar, handle(), value); }
  Tensor pow(double exponent) const { return result(tg_pow_scalar, handle(), exponent); }
  Tensor& add_(const Tensor& b) { return done(tg_add_(handle(), b.handle())); }
  Tensor& sub_(const Tensor& b) { return done(tg_sub_(handle(), b.handle())); }
  Tensor& mul_(const Tensor& b) { return done(tg_mul_(handle(), b.handle())); }
  Tensor& div_(const Tensor& b) { return done(tg_div_(handle(), b.handle())); }
  Tensor& add_(double value) { return done(tg_add_scalar_(handle(), value)); }
  Tensor& sub_(double value) { return done(tg_sub_scalar_(handle(), value)); }
  Tensor& mul_(double value) { return done(tg_mul_scalar_(handle(), value)); }
  Tensor& div_(double value) { return done(tg_div_scalar_(handle(), value)); }
  Tensor& pow_(double exponent) { return done(tg_pow_scalar_(handle(), exponent)); }
  Tensor neg() const { return result(tg_neg, handle()); }
  Tensor abs() const { return result(tg_abs, handle()); }
  Tensor exp() const { return result(tg_exp, handle()); }
  Tensor log() const { return result(tg_log, handle()); }
  Tensor sqrt() const { return result(tg_sqrt, handle()); }
  Tensor sin() const { return result(tg_sin, handle()); }
  Tensor cos() const { return result(tg_cos, handle()); }
  Tensor tanh() const { return result(tg_tanh, handle()); }
  Tensor sigmoid() const { return result(tg_sigmoid, handle()); }
  Tensor relu() const { return result(tg_relu, handle()); }
  Tensor& neg_() { return done(tg_neg_(handle())); }
  Tensor& abs_() { return done(tg_abs_(handle())); }
  Tensor& log_() { return done(tg_log_(handle())); }
  Tensor& sqrt_() { return done(tg_sqrt_(handle())); }
  Tensor& sin_() { return done(tg_sin_(handle())); }
  Tensor& cos_() { return done(tg_cos_(handle())); }
  Tensor& tanh_() { return done(tg_tanh_(handle())); }
  Tensor& exp_() { return done(tg_exp_(handle())); }
  Tensor& sigmoid_() { return done(tg_sigmoid_(handle())); }
  Tensor& relu_() { return done(tg_relu_(handle())); }
  // -infinity and infinity: no bound.
  Tensor clamp(double low, double high = std::numeric_limits<double>::infinity()) const {
    return result(tg_clamp, handle(), low, high);
  }
  Tensor& clamp_(double low, double high = std::numeric_limits<double>::infinity()) {
    return done(tg_clamp_(handle(), low, high));
  }
  Tensor maximum(const Tensor& b) const { return result(tg_maximum, handle(), b.handle()); }
  Tensor minimum(const Tensor& b) const { return result(tg_minimum, handle(), b.handle()); }

  // ---- comparison: bool tensors ----
  Tensor eq(const Tensor& b) const { return result(tg_eq, handle(), b.handle()); }
  Tensor ne(const Tensor& b) const { return result(tg_ne, handle(), b.handle()); }
  Tensor lt(const Tensor& b) const { return result(tg_lt, handle(), b.handle()); }
  Tensor le(const Tensor& b) const { return result(tg_le, handle(), b.handle()); }
  Tensor gt(const Tensor& b) const { return result(tg_gt, handle(), b.handle()); }
  Tensor ge(const Tensor& b) const { return result(tg_ge, handle(), b.handle()); }
  Tensor eq(double value) const { return result(tg_eq_scalar, handle(), value); }
  Tensor ne(double value) const { return result(tg_ne_scalar, handle(), value); }
  Tensor lt(double value) const { return result(tg_lt_scalar, handle(), value); }
  Tensor le(double value) const { return result(tg_le_scalar, handle(), value); }
  Tensor gt(double value) const { return result(tg_gt_scalar, handle(), value); }
  Tensor ge(double value) const { return result(tg_ge_scalar, handle(), value); }

  // ---- reductions ----
  Tensor sum() const { return result(tg_sum, handle()); }
  Tensor sum(const Shape& dims, bool keepdim = false) const {
    return result(tg_sum_dims, handle(), dims.data(), dims.size(), int32_t{keepdim});
  }
  Tensor mean() const { return result(tg_mean, handle()); }
  Tensor mean(const Shape& dims, bool keepdim = false) const {
    return result(tg_mean_dims, handle(), dims.data(), dims.size(), int32_t{keepdim});
  }
  Tensor max() const { return result(tg_max, handle()); }
  Tensor min() const { return result(tg_min, handle()); }
  std::pair<Tensor, Tensor> max(int64_t dim, bool keepdim = false) const {  // values, indices
    return with_indices(tg_max_dim, dim, keepdim);
  }
  std::pair<Tensor, Tensor> min(int64_t dim, bool keepdim = false) const {
    return with_indices(tg_min_dim, dim, keepdim);
  }
  Tensor argmax() const { return result(tg_argmax, handle()); }
  Tensor argmin() const { return result(tg_argmin, handle()); }
  Tensor argmax(int64_t dim, bool keepdim = false) const {
    return result(tg_argmax_dim, handle(), dim, int32_t{keepdim});
  }
  Tensor argmin(int64_t dim, bool keepdim = false) const {
    return result(tg_argmin_dim, handle(), dim, int32_t{keepdim});
  }
  Tensor softmax(int64_t dim) const { return result(tg_softmax, handle(), dim); }
  Tensor log_softmax(int64_t dim) const { return result(tg_log_softmax, handle(), dim); }

  // ---- products ----
  Tensor mm(const Tensor& b) const { return result(tg_mm, handle(), b.handle()); }
  Tensor bmm(const Tensor& b) const { return result(tg_bmm, handle(), b.handle()); }
  Tensor mv(const Tensor& x) const { return result(tg_mv, handle(), x.handle()); }
  Tensor dot(const Tensor& b) const { return result(tg_dot, handle(), b.handle()); }
  Tensor matmul(const Tensor& b) const { return result(tg_matmul, handle(), b.handle()); }
  Tensor addmm(const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1) const {
    return result(tg_addmm, handle(), a.handle(), b.handle(), beta, alpha);
  }
  Tensor& addmm_(const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1) {
    return done(tg_addmm_(handle(), a.handle(), b.handle(), beta, alpha));
  }

  // ---- shape ----
  Tensor view(const Shape& shape) const {
    return result(tg_view, handle(), shape.data(), detail::rank_of(shape));
  }
  Tensor reshape(const Shape& shape) const {
    return result(tg_reshape, handle(), shape.data(), detail::rank_of(shape));
  }
  Tensor flatten(int64_t start_dim = 0, int64_t end_dim = -1) const {
    return result(tg_flatten, handle(), start_dim, end_dim);
  }
  Tensor t() const { return result(tg_t, handle()); }
  Tensor transpose(int64_t dim0, int64_t dim1) const {
    return result(tg_transpose, handle(), dim0, dim1);
  }
  Tensor permute(const Shape& dims) const {
    return result(tg_permute, handle(), dims.data(), dims.size());
  }
  Tensor expand(const Shape& shape) const {
    return result(tg_expand, handle(), shape.data(), detail::rank_of(shape));
  }
  Tensor squeeze() const { return result(tg_squeeze, handle()); }
  Tensor squeeze(int64_t dim) const { return result(tg_squeeze_dim, handle(), dim); }
  Tensor unsqueeze(int64_t dim) const { return result(tg_unsqueeze, handle(), dim); }
  Tensor select(int64_t dim, int64_t index) const {
    return result(tg_select, handle(), dim, index);
  }
  Tensor operator[](int64_t index) const { return select(0, index); }
  Tensor narrow(int64_t dim, int64_t start, int64_t length) const {
    return result(tg_narrow, handle(), dim, start, length);
  }
  Tensor slice(int64_t dim, int64_t start = 0, int64_t end = std::numeric_limits<int64_t>::max(),
               int64_t step = 1) const {
    return result(tg_slice, handle(), dim, start, end, step);
  }
  Tensor as_strided(const Shape& shape, const Shape& strides, int64_t offset = 0) const {
    if (shape.size() != strides.size()) {
      throw Error(TG_ERROR_INVALID_ARGUMENT,
                  "as_strided: shape and strides have different lengths");
    }
    return result(tg_as_strided, handle(), shape.data(), strides.data(), detail::rank_of(shape),
                  offset);
  }
  std::vector<Tensor> split(int64_t size, int64_t dim = 0) const {
    std::size_t count = 0;
    check(tg_split(handle(), size, dim, nullptr, 0, &count));
    std::vector<tg_tensor> handles(count);
    std::vector<Tensor> parts;
    parts.reserve(count);
    check(tg_split(handle(), size, dim, handles.data(), count, &count));
    for (tg_tensor part : handles) parts.emplace_back(part);
    return parts;
  }
  Tensor index_select(int64_t dim, const Tensor& index) const {
    return result(tg_index_select, handle(), dim, index.handle());
  }
  Tensor gather(int64_t dim, const Tensor& index) const {
    return result(tg_gather, handle(), dim, index.handle());
  }

  // ---- autograd ----
  void backward() const { check(tg_backward(handle())); }
  // With a gradient of this tensor's shape; flags: TG_RETAIN_GRAPH, TG_CREATE_GRAPH.
  void backward(const Tensor& gradient, uint32_t flags = 0) const {
    const tg_tensor output = handle();
    const tg_tensor given = gradient.handle();
    check(tg_backward_from(&output, &given, 1, flags));
  }

  // Calls a C function whose last parameter is a tensor out.
  template <class Call, class... Arguments>
  static Tensor result(Call call, Arguments... arguments) {
    tg_tensor made = 0;
    check(call(arguments..., &made));
    return Tensor(made);
  }

 private:
  Tensor& done(tg_status status) {
    check(status);
    return *this;
  }
  template <class Call>
  std::pair<Tensor, Tensor> with_indices(Call call, int64_t dim, bool keepdim) const {
    tg_tensor values = 0;
    tg_tensor indices = 0;
    check(call(handle(), dim, keepdim, &values, &indices));
    return {Tensor(values), Tensor(indices)};
  }
  void expect_dtype(DType expected, const char* where) const {
    if (dtype() != expected) {
      const std::string message = std::string(where) +
                                  ": the tensor has another dtype than the "
                                  "type asked for; convert it by to() first";
      throw Error(TG_ERROR_DTYPE, message);
    }
  }
};

// ==== Making tensors ====

namespace detail {

template <class T>
std::vector<tg_handle> handles(const std::vector<T>& owners) {
  std::vector<tg_handle> result;
  result.reserve(owners.size());
  for (const T& owner : owners) result.push_back(owner.handle());
  return result;
}

// count elements at data, as a tensor of the dtype asked for.
template <class T>
Tensor from_values(const T* data, std::size_t count, const Shape& shape, DType dtype,
                   bool requires_grad) {
  std::size_t wanted = 1;
  for (int64_t size : shape) wanted *= static_cast<std::size_t>(size);
  if (wanted != count) {
    throw Error(TG_ERROR_SHAPE,
                "tensor: the shape does not have as many elements as "
                "were given");
  }
  const bool converted = dtype != dtype_of<T>();
  Tensor made = Tensor::result(tg_tensor_create, static_cast<const void*>(data),
                               static_cast<int32_t>(dtype_of<T>()), shape.data(), rank_of(shape),
                               int32_t{requires_grad && !converted});
  if (converted) {
    made = made.to(dtype);
    if (requires_grad) made.set_requires_grad();
  }
  return made;
}

// What a list of literals becomes unless a dtype is given.
template <class T>
constexpr DType literal_dtype() {
  return std::is_same_v<T, bool>       ? DType::boolean
         : std::is_floating_point_v<T> ? DType::float32
                                       : DType::int64;
}

// call(dtype, shape, rank) behind the parameters that stand before them.
template <class Call, class... Before>
Tensor filled(Call call, const Shape& shape, DType dtype, Before... before) {
  return Tensor::result(call, before..., static_cast<int32_t>(dtype), shape.data(), rank_of(shape));
}

}  // namespace detail

// From a list: tensor({1.0, 2.0}), tensor({{1, 2}, {3, 4}}).
template <class T>
Tensor tensor(std::initializer_list<T> values, DType dtype = detail::literal_dtype<T>(),
              bool requires_grad = false) {
  return detail::from_values(values.begin(), values.size(), {static_cast<int64_t>(values.size())},
                             dtype, requires_grad);
}
template <class T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows,
              DType dtype = detail::literal_dtype<T>(), bool requires_grad = false) {
  const std::size_t columns = rows.size() == 0 ? 0 : rows.begin()->size();
  const std::size_t count = rows.size() * columns;
  const std::unique_ptr<T[]> values(new T[count == 0 ? 1 : count]);
  std::size_t place = 0;
  for (const std::initializer_list<T>& row : rows) {
    if (row.size() != columns) {
      throw Error(TG_ERROR_SHAPE, "tensor: the rows have different lengths");
    }
    for (const T& value : row) values[place++] = value;
  }
  return detail::from_values(values.get(), count,
                             {static_cast<int64_t>(rows.size()), static_cast<int64_t>(columns)},
                             dtype, requires_grad);
}
// From a vector, row-major, of its elements' type.
template <class T>
Tensor tensor(const std::vector<T>& values, const Shape& shape, bool requires_grad = false) {
  if constexpr (std::is_same_v<T, bool>) {
    const std::unique_ptr<bool[]> bytes(new bool[values.size() + 1]);
    for (std::size_t i = 0; i < values.size(); ++i) bytes[i] = values[i];
    return detail::from_values(bytes.get(), values.size(), shape, DType::boolean, requires_grad);
  } else {
    return detail::from_values(values.data(), values.size(), shape, dtype_of<T>(), requires_grad);
  }
}
template <class T>
Tensor tensor(const std::vector<T>& values) {
  return tensor(values, Shape{static_cast<int64_t>(values.size())});
}
// Over memory of the caller, without a copy. `done` runs once when nothing uses the memory any
// more. Memory that is const gives a read-only tensor.
template <class T>
Tensor from_memory(T* data, const Shape& shape, std::function<void()> done = {},
                   const Shape& strides = {}) {
  using Done = std::function<void()>;
  using Element = std::remove_const_t<T>;
  auto kept = done ? std::make_unique<Done>(std::move(done)) : nullptr;
  if (!strides.empty() && strides.size() != shape.size()) {
    throw Error(TG_ERROR_INVALID_ARGUMENT, "from_memory: shape and strides have different lengths");
  }
  tg_tensor made = 0;
  check(tg_tensor_from_memory(const_cast<Element*>(data), static_cast<int32_t>(dtype_of<Element>()),
                              shape.data(), strides.empty() ? nullptr : strides.data(),
                              detail::rank_of(shape),
                              std::is_const_v<T> ? uint32_t{TG_READ_ONLY} : 0,
                              kept ? tg_deleter([](void* user_data, void*) {
                                const std::unique_ptr<Done> owned(static_cast<Done*>(user_data));
                                detail::guarded([&] { (*owned)(); });
                              })
                                   : nullptr,
                              kept.get(), &made));
  kept.release();
  return Tensor(made);
}

inline Tensor scalar(double value, DType dtype = DType::float32) {
  return Tensor::result(tg_scalar, value, static_cast<int32_t>(dtype));
}
inline Tensor empty(const Shape& shape, DType dtype = DType::float32) {
  return detail::filled(tg_empty, shape, dtype);
}
inline Tensor zeros(const Shape& shape, DType dtype = DType::float32) {
  return detail::filled(tg_zeros, shape, dtype);
}
inline Tensor ones(const Shape& shape, DType dtype = DType::float32) {
  return detail::filled(tg_ones, shape, dtype);
}
inline Tensor full(const Shape& shape, double value, DType dtype = DType::float32) {
  return detail::filled(tg_full, shape, dtype, value);
}
inline Tensor full_int64(const Shape& shape, int64_t value, DType dtype = DType::int64) {
  return detail::filled(tg_full_int64, shape, dtype, value);
}
inline Tensor eye(int64_t rows, int64_t columns, DType dtype = DType::float32) {
  return Tensor::result(tg_eye, static_cast<int32_t>(dtype), rows, columns);
}
inline Tensor eye(int64_t size, DType dtype = DType::float32) { return eye(size, size, dtype); }
inline Tensor arange(double start, double end, double step = 1, DType dtype = DType::float32) {
  return Tensor::result(tg_arange, start, end, step, static_cast<int32_t>(dtype));
}
inline Tensor rand(const Shape& shape, DType dtype = DType::float32,
                   const Generator& generator = Generator()) {
  return detail::filled(tg_rand, shape, dtype, generator.handle());
}
inline Tensor randn(const Shape& shape, DType dtype = DType::float32,
                    const Generator& generator = Generator()) {
  return detail::filled(tg_randn, shape, dtype, generator.handle());
}
inline Tensor randint(int64_t low, int64_t high, const Shape& shape, DType dtype = DType::int64,
                      const Generator& generator = Generator()) {
  return detail::filled(tg_randint, shape, dtype, generator.handle(), low, high);
}
inline Tensor randperm(int64_t n, const Generator& generator = Generator()) {
  return Tensor::result(tg_randperm, generator.handle(), n);
}

// ==== Operators ====

inline Tensor operator+(const Tensor& a, const Tensor& b) { return a.add(b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return a.sub(b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return a.mul(b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return a.div(b); }
inline Tensor operator+(const Tensor& a, double b) { return a.add(b); }
inline Tensor operator-(const Tensor& a, double b) { return a.sub(b); }
inline Tensor operator*(const Tensor& a, double b) { return a.mul(b); }
inline Tensor operator/(const Tensor& a, double b) { return a.div(b); }
inline Tensor operator+(double a, const Tensor& b) { return b.add(a); }
inline Tensor operator-(double a, const Tensor& b) { return b.neg().add(a); }
inline Tensor operator*(double a, const Tensor& b) { return b.mul(a); }
inline Tensor operator/(double a, const Tensor& b) {
  const DType dtype = b.dtype();
  return scalar(a, is_floating(dtype) ? dtype : DType::float32).div(b);
}
inline Tensor operator-(const Tensor& x) { return x.neg(); }
inline Tensor& operator+=(Tensor& a, const Tensor& b) { return a.add_(b); }
inline Tensor& operator-=(Tensor& a, const Tensor& b) { return a.sub_(b); }
inline Tensor& operator*=(Tensor& a, const Tensor& b) { return a.mul_(b); }
inline Tensor& operator/=(Tensor& a, const Tensor& b) { return a.div_(b); }
inline Tensor& operator+=(Tensor& a, double b) { return a.add_(b); }
inline Tensor& operator-=(Tensor& a, double b) { return a.sub_(b); }
inline Tensor& operator*=(Tensor& a, double b) { return a.mul_(b); }

// Elementwise, bool tensors; is_same() asks for the same object.
inline Tensor operator==(const Tensor& a, const Tensor& b) { return a.eq(b); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return a.ne(b); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return a.lt(b); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return a.le(b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return a.gt(b); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return a.ge(b); }
inline Tensor operator==(const Tensor& a, double b) { return a.eq(b); }
inline Tensor operator!=(const Tensor& a, double b) { return a.ne(b); }
inline Tensor operator<(const Tensor& a, double b) { return a.lt(b); }
inline Tensor operator<=(const Tensor& a, double b) { return a.le(b); }
inline Tensor operator>(const Tensor& a, double b) { return a.gt(b); }
inline Tensor operator>=(const Tensor& a, double b) { return a.ge(b); }

inline Tensor mm(const Tensor& a, const Tensor& b) { return a.mm(b); }
inline Tensor matmul(const Tensor& a, const Tensor& b) { return a.matmul(b); }
inline Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return Tensor::result(tg_where, condition.handle(), a.handle(), b.handle());
}
inline Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = Tensor()) {
  return Tensor::result(tg_linear, x.handle(), weight.handle(), bias.handle());
}
inline Tensor cat(const std::vector<Tensor>& tensors, int64_t dim = 0) {
  const std::vector<tg_handle> handles = detail::handles(tensors);
  return Tensor::result(tg_cat, handles.data(), handles.size(), dim);
}
inline Tensor stack(const std::vector<Tensor>& tensors, int64_t dim = 0) {
  const std::vector<tg_handle> handles = detail::handles(tensors);
  return Tensor::result(tg_stack, handles.data(), handles.size(), dim);
}
// Into a given tensor of the result's shape; never recorded.
inline void add_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_add_out(a.handle(), b.handle(), out.handle()));
}
inline void sub_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_sub_out(a.handle(), b.handle(), out.handle()));
}
inline void mul_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_mul_out(a.handle(), b.handle(), out.handle()));
}
inline void div_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_div_out(a.handle(), b.handle(), out.handle()));
}
inline void maximum_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_maximum_out(a.handle(), b.handle(), out.handle()));
}
inline void minimum_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_minimum_out(a.handle(), b.handle(), out.handle()));
}
inline void eq_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_eq_out(a.handle(), b.handle(), out.handle()));
}
inline void ne_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_ne_out(a.handle(), b.handle(), out.handle()));
}
inline void lt_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_lt_out(a.handle(), b.handle(), out.handle()));
}
inline void le_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_le_out(a.handle(), b.handle(), out.handle()));
}
inline void gt_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_gt_out(a.handle(), b.handle(), out.handle()));
}
inline void ge_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_ge_out(a.handle(), b.handle(), out.handle()));
}
inline void mm_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_mm_out(a.handle(), b.handle(), out.handle()));
}
inline void bmm_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_bmm_out(a.handle(), b.handle(), out.handle()));
}
inline void matmul_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_matmul_out(a.handle(), b.handle(), out.handle()));
}
inline void dot_out(const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_dot_out(a.handle(), b.handle(), out.handle()));
}
inline void mv_out(const Tensor& a, const Tensor& x, Tensor& out) {
  check(tg_mv_out(a.handle(), x.handle(), out.handle()));
}
inline void add_out(const Tensor& x, double value, Tensor& out) {
  check(tg_add_scalar_out(x.handle(), value, out.handle()));
}
inline void sub_out(const Tensor& x, double value, Tensor& out) {
  check(tg_sub_scalar_out(x.handle(), value, out.handle()));
}
inline void mul_out(const Tensor& x, double value, Tensor& out) {
  check(tg_mul_scalar_out(x.handle(), value, out.handle()));
}
inline void div_out(const Tensor& x, double value, Tensor& out) {
  check(tg_div_scalar_out(x.handle(), value, out.handle()));
}
inline void pow_out(const Tensor& x, double exponent, Tensor& out) {
  check(tg_pow_scalar_out(x.handle(), exponent, out.handle()));
}
inline void eq_out(const Tensor& x, double value, Tensor& out) {
  check(tg_eq_scalar_out(x.handle(), value, out.handle()));
}
inline void ne_out(const Tensor& x, double value, Tensor& out) {
  check(tg_ne_scalar_out(x.handle(), value, out.handle()));
}
inline void lt_out(const Tensor& x, double value, Tensor& out) {
  check(tg_lt_scalar_out(x.handle(), value, out.handle()));
}
inline void le_out(const Tensor& x, double value, Tensor& out) {
  check(tg_le_scalar_out(x.handle(), value, out.handle()));
}
inline void gt_out(const Tensor& x, double value, Tensor& out) {
  check(tg_gt_scalar_out(x.handle(), value, out.handle()));
}
inline void ge_out(const Tensor& x, double value, Tensor& out) {
  check(tg_ge_scalar_out(x.handle(), value, out.handle()));
}
inline void neg_out(const Tensor& x, Tensor& out) { check(tg_neg_out(x.handle(), out.handle())); }
inline void abs_out(const Tensor& x, Tensor& out) { check(tg_abs_out(x.handle(), out.handle())); }
inline void exp_out(const Tensor& x, Tensor& out) { check(tg_exp_out(x.handle(), out.handle())); }
inline void log_out(const Tensor& x, Tensor& out) { check(tg_log_out(x.handle(), out.handle())); }
inline void sqrt_out(const Tensor& x, Tensor& out) { check(tg_sqrt_out(x.handle(), out.handle())); }
inline void sin_out(const Tensor& x, Tensor& out) { check(tg_sin_out(x.handle(), out.handle())); }
inline void cos_out(const Tensor& x, Tensor& out) { check(tg_cos_out(x.handle(), out.handle())); }
inline void tanh_out(const Tensor& x, Tensor& out) { check(tg_tanh_out(x.handle(), out.handle())); }
inline void sigmoid_out(const Tensor& x, Tensor& out) {
  check(tg_sigmoid_out(x.handle(), out.handle()));
}
inline void relu_out(const Tensor& x, Tensor& out) { check(tg_relu_out(x.handle(), out.handle())); }
inline void sum_out(const Tensor& x, Tensor& out) { check(tg_sum_out(x.handle(), out.handle())); }
inline void mean_out(const Tensor& x, Tensor& out) { check(tg_mean_out(x.handle(), out.handle())); }
inline void max_out(const Tensor& x, Tensor& out) { check(tg_max_out(x.handle(), out.handle())); }
inline void min_out(const Tensor& x, Tensor& out) { check(tg_min_out(x.handle(), out.handle())); }
inline void max_out(const Tensor& x, int64_t dim, bool keepdim, Tensor& values, Tensor& indices) {
  check(tg_max_dim_out(x.handle(), dim, int32_t{keepdim}, values.handle(), indices.handle()));
}
inline void min_out(const Tensor& x, int64_t dim, bool keepdim, Tensor& values, Tensor& indices) {
  check(tg_min_dim_out(x.handle(), dim, int32_t{keepdim}, values.handle(), indices.handle()));
}
inline void argmax_out(const Tensor& x, Tensor& out) {
  check(tg_argmax_out(x.handle(), out.handle()));
}
inline void argmin_out(const Tensor& x, Tensor& out) {
  check(tg_argmin_out(x.handle(), out.handle()));
}
inline void clamp_out(const Tensor& x, double low, double high, Tensor& out) {
  check(tg_clamp_out(x.handle(), low, high, out.handle()));
}
inline void where_out(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& out) {
  check(tg_where_out(condition.handle(), a.handle(), b.handle(), out.handle()));
}
inline void sum_out(const Tensor& x, const Shape& dims, bool keepdim, Tensor& out) {
  check(tg_sum_dims_out(x.handle(), dims.data(), dims.size(), int32_t{keepdim}, out.handle()));
}
inline void mean_out(const Tensor& x, const Shape& dims, bool keepdim, Tensor& out) {
  check(tg_mean_dims_out(x.handle(), dims.data(), dims.size(), int32_t{keepdim}, out.handle()));
}
inline void argmax_out(const Tensor& x, int64_t dim, bool keepdim, Tensor& out) {
  check(tg_argmax_dim_out(x.handle(), dim, int32_t{keepdim}, out.handle()));
}
inline void argmin_out(const Tensor& x, int64_t dim, bool keepdim, Tensor& out) {
  check(tg_argmin_dim_out(x.handle(), dim, int32_t{keepdim}, out.handle()));
}
inline void softmax_out(const Tensor& x, int64_t dim, Tensor& out) {
  check(tg_softmax_out(x.handle(), dim, out.handle()));
}
inline void log_softmax_out(const Tensor& x, int64_t dim, Tensor& out) {
  check(tg_log_softmax_out(x.handle(), dim, out.handle()));
}
inline void addmm_out(const Tensor& x, const Tensor& a, const Tensor& b, double beta, double alpha,
                      Tensor& out) {
  check(tg_addmm_out(x.handle(), a.handle(), b.handle(), beta, alpha, out.handle()));
}
inline void linear_out(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor& out) {
  check(tg_linear_out(x.handle(), weight.handle(), bias.handle(), out.handle()));
}
inline void index_select_out(const Tensor& x, int64_t dim, const Tensor& index, Tensor& out) {
  check(tg_index_select_out(x.handle(), dim, index.handle(), out.handle()));
}
inline void gather_out(const Tensor& x, int64_t dim, const Tensor& index, Tensor& out) {
  check(tg_gather_out(x.handle(), dim, index.handle(), out.handle()));
}
inline void cat_out(const std::vector<Tensor>& tensors, int64_t dim, Tensor& out) {
  const std::vector<tg_handle> handles = detail::handles(tensors);
  check(tg_cat_out(handles.data(), handles.size(), dim, out.handle()));
}
inline void stack_out(const std::vector<Tensor>& tensors, int64_t dim, Tensor& out) {
  const std::vector<tg_handle> handles = detail::handles(tensors);
  check(tg_stack_out(handles.data(), handles.size(), dim, out.handle()));
}

// ==== Losses ====

inline Tensor mse_loss(const Tensor& x, const Tensor& target,
                       Reduction reduction = Reduction::mean) {
  return Tensor::result(tg_mse_loss, x.handle(), target.handle(), static_cast<int32_t>(reduction));
}
inline Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight = Tensor(),
                       int64_t ignore_index = -100, Reduction reduction = Reduction::mean) {
  return Tensor::result(tg_nll_loss, x.handle(), target.handle(), weight.handle(), ignore_index,
                        static_cast<int32_t>(reduction));
}
inline Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = Tensor(),
                            int64_t ignore_index = -100, Reduction reduction = Reduction::mean,
                            double label_smoothing = 0) {
  return Tensor::result(tg_cross_entropy, x.handle(), target.handle(), weight.handle(),
                        ignore_index, static_cast<int32_t>(reduction), label_smoothing);
}

inline void mse_loss_out(const Tensor& x, const Tensor& target, Reduction reduction, Tensor& out) {
  check(
      tg_mse_loss_out(x.handle(), target.handle(), static_cast<int32_t>(reduction), out.handle()));
}
inline void nll_loss_out(const Tensor& x, const Tensor& target, const Tensor& weight,
                         int64_t ignore_index, Reduction reduction, Tensor& out) {
  check(tg_nll_loss_out(x.handle(), target.handle(), weight.handle(), ignore_index,
                        static_cast<int32_t>(reduction), out.handle()));
}
inline void cross_entropy_out(const Tensor& x, const Tensor& target, const Tensor& weight,
                              int64_t ignore_index, Reduction reduction, double label_smoothing,
                              Tensor& out) {
  check(tg_cross_entropy_out(x.handle(), target.handle(), weight.handle(), ignore_index,
                             static_cast<int32_t>(reduction), label_smoothing, out.handle()));
}

// ==== Autograd ====

// One pass from several outputs. grad_outputs empty: each output is a single number; an empty
// Tensor among them stands for 1.
inline void backward(const std::vector<Tensor>& outputs,
                     const std::vector<Tensor>& grad_outputs = {}, uint32_t flags = 0) {
  const std::vector<tg_handle> roots = detail::handles(outputs);
  const std::vector<tg_handle> given = detail::handles(grad_outputs);
  if (!given.empty() && given.size() != roots.size()) {
    throw Error(TG_ERROR_INVALID_ARGUMENT, "backward: there are not as many gradients as outputs");
  }
  check(
      tg_backward_from(roots.data(), given.empty() ? nullptr : given.data(), roots.size(), flags));
}
// The gradients of the outputs by the inputs; no .grad is touched. With TG_ALLOW_UNUSED the
// gradient of an input that no output depends on is empty.
inline std::vector<Tensor> grad(const std::vector<Tensor>& outputs,
                                const std::vector<Tensor>& inputs,
                                const std::vector<Tensor>& grad_outputs = {}, uint32_t flags = 0) {
  const std::vector<tg_handle> roots = detail::handles(outputs);
  const std::vector<tg_handle> by = detail::handles(inputs);
  const std::vector<tg_handle> given = detail::handles(grad_outputs);
  if (!given.empty() && given.size() != roots.size()) {
    throw Error(TG_ERROR_INVALID_ARGUMENT, "grad: there are not as many gradients as outputs");
  }
  std::vector<tg_tensor> handles(by.size());
  std::vector<Tensor> gradients;
  gradients.reserve(by.size());
  check(tg_grad(roots.data(), given.empty() ? nullptr : given.data(), roots.size(), by.data(),
                by.size(), flags, handles.data()));
  for (tg_tensor gradient : handles) gradients.emplace_back(gradient);
  return gradients;
}

// ==== Derivatives of functions ====

// A function of tensors. What it throws becomes the Error of the call.
using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

namespace detail {

inline int32_t call_function(void* data, const tg_tensor* inputs, std::size_t count,
                             tg_tensor* outs, std::size_t out_count) {
  return guarded([&] {
    struct Borrowed {  // lends the handles and never releases them
      std::vector<Tensor> list;
      ~Borrowed() {
        for (Tensor& x : list) x.release();
      }
    } lent;
    lent.list.reserve(count);
    for (std::size_t i = 0; i < count; ++i) lent.list.emplace_back(inputs[i]);
    std::vector<Tensor> results = (*static_cast<const TensorFunction*>(data))(lent.list);
    if (results.size() != out_count) {
      throw Error(TG_ERROR_INVALID_ARGUMENT, "the function gave " + std::to_string(results.size()) +
                                                 " tensors, not " + std::to_string(out_count));
    }
    for (std::size_t i = 0; i < out_count; ++i) outs[i] = results[i].release();
  });
}
inline void* data_of(const TensorFunction& f) { return const_cast<TensorFunction*>(&f); }

inline std::vector<Tensor> tensors(const std::vector<tg_handle>& list) {
  std::vector<Tensor> owned;
  owned.reserve(list.size());
  for (const tg_handle handle : list) owned.emplace_back(handle);
  return owned;
}
inline void check_as_many(const char* function, std::size_t given, std::size_t inputs) {
  if (given == inputs) return;
  throw Error(TG_ERROR_INVALID_ARGUMENT,
              std::string(function) + ": there are not as many tensors as inputs");
}

}  // namespace detail

// What the function gave, and the products of its Jacobian: by each input, or of each result.
struct Products {
  std::vector<Tensor> outs, products;
};

// The gradients by each input. Without cotangents each of out_count results has one element.
inline Products vjp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& cotangents = {}, std::size_t out_count = 1) {
  const std::vector<tg_handle> at = detail::handles(inputs), weights = detail::handles(cotangents);
  std::vector<tg_handle> outs(weights.empty() ? out_count : weights.size()), grads(at.size());
  check(tg_vjp(detail::call_function, detail::data_of(f), at.data(), at.size(),
               weights.empty() ? nullptr : weights.data(), outs.data(), outs.size(), grads.data()));
  return {detail::tensors(outs), detail::tensors(grads)};
}

// How the results change along the tangents, one for each input; an empty one is zero.
inline Products jvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& tangents, std::size_t out_count = 1) {
  detail::check_as_many("jvp", tangents.size(), inputs.size());
  const std::vector<tg_handle> at = detail::handles(inputs), along = detail::handles(tangents);
  std::vector<tg_handle> outs(out_count), found(out_count);
  check(tg_jvp(detail::call_function, detail::data_of(f), at.data(), along.data(), at.size(),
               outs.data(), found.data(), out_count));
  return {detail::tensors(outs), detail::tensors(found)};
}

// The Hessian of a function of one number times the vectors, one for each input.
inline std::vector<Tensor> hvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                               const std::vector<Tensor>& vectors) {
  detail::check_as_many("hvp", vectors.size(), inputs.size());
  const std::vector<tg_handle> at = detail::handles(inputs), along = detail::handles(vectors);
  std::vector<tg_handle> found(at.size());
  check(tg_hvp(detail::call_function, detail::data_of(f), at.data(), along.data(), at.size(),
               found.data()));
  return detail::tensors(found);
}

struct Gradcheck {
  bool passed;
  std::string report;
};
// Gradients against differences; eps, atol and rtol 0: the library's own.
inline Gradcheck gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                           int32_t order = 1, std::size_t out_count = 1, double eps = 0,
                           double atol = 0, double rtol = 0) {
  const std::vector<tg_handle> at = detail::handles(inputs);
  int32_t passed = 0;
  std::string report(16000, '\0');
  std::size_t length = 0;
  check(tg_gradcheck(detail::call_function, detail::data_of(f), at.data(), at.size(), out_count,
                     order, eps, atol, rtol, &passed, report.data(), report.size(), &length));
  report.resize(length < report.size() ? length : report.size() - 1);
  return {passed == 1, report};
}

// ==== Pictures of the tape ====

inline std::string explain(const Tensor& x) {
  return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
    return tg_explain(x.handle(), buffer, capacity, length);
  });
}
inline std::string graph_dot(const Tensor& output) {
  return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
    return tg_graph_dot(output.handle(), buffer, capacity, length);
  });
}
inline std::string graph_json(const Tensor& output) {
  return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
    return tg_graph_json(output.handle(), buffer, capacity, length);
  });
}

// ==== Dictionaries and files ====

// An ordered map from text to tensor, with metadata from text to text.
class Dict : public Handle {
 public:
  explicit Dict(tg_dict dict) noexcept : Handle(dict) {}  // takes the handle over
  Dict() { check(tg_dict_create(out())); }
  Dict& set(const std::string& name, const Tensor& x) {
    check(tg_dict_set(handle(), name.c_str(), x.handle()));
    return *this;
  }
  Dict& erase(const std::string& name) {
    check(tg_dict_set(handle(), name.c_str(), 0));
    return *this;
  }
  Tensor get(const std::string& name) const {
    return Tensor::result(tg_dict_get, handle(), name.c_str());
  }
  Tensor operator[](const std::string& name) const { return get(name); }
  std::size_t size() const { return ask<std::size_t>(tg_dict_size); }
  std::string name_at(std::size_t index) const {
    return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_dict_name_at(handle(), index, buffer, capacity, length);
    });
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (std::size_t i = 0, count = size(); i < count; ++i) names.push_back(name_at(i));
    return names;
  }
  Dict& set_metadata(const std::string& key, const std::string& value) {
    check(tg_dict_metadata_set(handle(), key.c_str(), value.c_str()));
    return *this;
  }
  Dict& erase_metadata(const std::string& key) {
    check(tg_dict_metadata_set(handle(), key.c_str(), nullptr));
    return *this;
  }
  std::string metadata(const std::string& key) const {
    return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_dict_metadata_get(handle(), key.c_str(), buffer, capacity, length);
    });
  }
};

namespace safetensors {

inline void save(const std::string& path, const Dict& dict) {
  check(tg_safetensors_save(path.c_str(), dict.handle()));
}
// flags: TG_FILE_MAP maps the file; the caller trusts that nobody changes it.
inline Dict load(const std::string& path, uint32_t flags = 0) {
  tg_dict dict = 0;
  check(tg_safetensors_load(path.c_str(), flags, &dict));
  return Dict(dict);
}
inline Dict load_memory(const void* bytes, std::size_t size) {
  tg_dict dict = 0;
  check(tg_safetensors_load_memory(bytes, size, &dict));
  return Dict(dict);
}

}  // namespace safetensors

// NumPy's files: .npy of one tensor, .npz of a dictionary.
namespace npy {

inline void save(const std::string& path, const Tensor& x) {
  check(tg_npy_save(path.c_str(), x.handle()));
}
inline Tensor load(const std::string& path) { return Tensor::result(tg_npy_load, path.c_str()); }

}  // namespace npy

namespace npz {

inline void save(const std::string& path, const Dict& dict) {
  check(tg_npz_save(path.c_str(), dict.handle()));
}
inline Dict load(const std::string& path) {
  tg_dict dict = 0;
  check(tg_npz_load(path.c_str(), &dict));
  return Dict(dict);
}

}  // namespace npz

// ==== Modules ====

// A layer or a chain of layers. Copies share parameters.
class Module : public Handle {
 public:
  using Handle::Handle;
  Tensor forward(const Tensor& x) const {
    return Tensor::result(tg_module_forward, handle(), x.handle());
  }
  Tensor operator()(const Tensor& x) const { return forward(x); }
  void train(bool on = true) const { check(tg_module_train(handle(), on)); }
  void eval() const { check(tg_module_eval(handle())); }
  bool is_training() const { return flag(tg_module_is_training); }
  void set_requires_grad(bool on = true) const { check(tg_module_set_requires_grad(handle(), on)); }
  void zero_grad() const { check(tg_module_zero_grad(handle())); }
  std::size_t parameter_count() const { return ask<std::size_t>(tg_module_parameter_count); }
  Tensor parameter(std::size_t index) const {
    return Tensor::result(tg_module_parameter_at, handle(), index);
  }
  std::string parameter_name(std::size_t index) const {
    return detail::text([&](char* buffer, std::size_t capacity, std::size_t* length) {
      return tg_module_parameter_name(handle(), index, buffer, capacity, length);
    });
  }
  std::vector<Tensor> parameters() const {
    std::vector<Tensor> result;
    for (std::size_t i = 0, count = parameter_count(); i < count; ++i) {
      result.push_back(parameter(i));
    }
    return result;
  }
  std::vector<std::pair<std::string, Tensor>> named_parameters() const {
    std::vector<std::pair<std::string, Tensor>> result;
    for (std::size_t i = 0, count = parameter_count(); i < count; ++i) {
      result.emplace_back(parameter_name(i), parameter(i));
    }
    return result;
  }
  Dict state_dict() const { return Dict(ask<tg_dict>(tg_module_state_dict)); }
  // All or nothing. The report has a line for each missing, unexpected or misshaped name; where
  // the call fails it stands in the Error's text as well.
  std::string load_state_dict(const Dict& dict, bool strict = true) const {
    std::string report(1024 + 256 * (dict.size() + parameter_count()), '\0');
    for (;;) {
      std::size_t length = 0;
      const tg_status status = tg_module_load_state_dict(handle(), dict.handle(), strict,
                                                         report.data(), report.size() + 1, &length);
      const bool is_cut = length > report.size();
      if (status == TG_OK) {  // a report that does not fit is cut: loading twice counts twice
        if (!is_cut) report.resize(length);
        return report;
      }
      const Error error = Error::last(status);
      report.resize(length);
      if (is_cut) continue;  // a failed call changed nothing: once more for the whole report
      // The message has the report as far as its 4 KiB go.
      if (std::string(error.what()).find(report) != std::string::npos) throw error;
      throw Error(error.code(), std::string(error.what()) + "\n" + report, error.number(),
                  error.operand());
    }
  }
};

namespace nn {

using tapegrad::Module;

class Linear : public Module {
 public:
  Linear(int64_t in_features, int64_t out_features, bool bias = true,
         DType dtype = DType::float32) {
    check(tg_nn_linear(in_features, out_features, bias, static_cast<int32_t>(dtype), out()));
  }
};

class ReLU : public Module {
 public:
  ReLU() { check(tg_nn_relu(out())); }
};

// Any function of one tensor as a module. What it throws becomes the Error of the call.
class Function : public Module {
 public:
  explicit Function(std::function<Tensor(const Tensor&)> f) {
    using F = std::function<Tensor(const Tensor&)>;
    auto kept = std::make_unique<F>(std::move(f));
    check(tg_nn_function(
        [](void* data, const tg_tensor* inputs, std::size_t, tg_tensor* outs,
           std::size_t) -> int32_t {
          return detail::guarded([&] {
            struct Borrowed {  // lends the handle and never releases it
              Tensor x;
              ~Borrowed() { x.release(); }
            } input{Tensor(inputs[0])};
            outs[0] = (*static_cast<F*>(data))(input.x).release();
          });
        },
        kept.get(), detail::destroy<F>, out()));
    kept.release();
  }
};

// A chain of modules: Sequential{Linear(64, 128), ReLU(), Linear(128, 10)}. Braces make the layers,
// and draw their weights, from left to right; between parentheses C++ leaves the order open.
class Sequential : public Module {
 public:
  template <class... Modules,
            class = std::enable_if_t<(std::is_base_of_v<Module, Modules> && ...) &&
                                     !(sizeof...(Modules) == 1 &&
                                       (std::is_same_v<Modules, Sequential> && ...))>>
  explicit Sequential(const Modules&... modules) {
    const tg_module handles[sizeof...(modules) + 1] = {modules.handle()..., 0};
    check(tg_nn_sequential(handles, sizeof...(modules), out()));
  }
  explicit Sequential(const std::vector<Module>& modules) {
    const std::vector<tg_handle> handles = detail::handles(modules);
    check(tg_nn_sequential(handles.data(), handles.size(), out()));
  }
};

}  // namespace nn

// ==== Optimizers ====

class Optimizer : public Handle {
 public:
  using Handle::Handle;
  void step() const { check(tg_optimizer_step(handle())); }
  void zero_grad() const { check(tg_optimizer_zero_grad(handle())); }
  Optimizer& set(const std::string& name, double value) {
    check(tg_optimizer_set(handle(), name.c_str(), value));
    return *this;
  }
  double get(const std::string& name) const {
    double value = 0;
    check(tg_optimizer_get(handle(), name.c_str(), &value));
    return value;
  }
  Dict state_dict() const { return Dict(ask<tg_dict>(tg_optimizer_state_dict)); }
  void load_state_dict(const Dict& dict) const {
    check(tg_optimizer_load_state_dict(handle(), dict.handle()));
  }
};

namespace optim {

using tapegrad::Optimizer;

// Gradient descent; further settings by set("momentum", 0.9), "dampening", "weight_decay",
// "nesterov".
class SGD : public Optimizer {
 public:
  SGD(const std::vector<Tensor>& parameters, double lr, double momentum = 0) {
    const std::vector<tg_handle> handles = detail::handles(parameters);
    check(tg_optim_sgd(handles.data(), handles.size(), lr, out()));
    if (momentum != 0) set("momentum", momentum);
  }
};

// Adam; further settings by set("beta1", 0.9), "beta2", "eps", "weight_decay", "decoupled".
class Adam : public Optimizer {
 public:
  explicit Adam(const std::vector<Tensor>& parameters, double lr = 1e-3) {
    const std::vector<tg_handle> handles = detail::handles(parameters);
    check(tg_optim_adam(handles.data(), handles.size(), lr, out()));
  }
};

}  // namespace optim

// Scales the gradients so that their common norm is at most max_norm; gives the norm before.
inline double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm,
                              double norm_type = 2) {
  const std::vector<tg_handle> handles = detail::handles(parameters);
  double total = 0;
  check(tg_clip_grad_norm_(handles.data(), handles.size(), max_norm, norm_type, &total));
  return total;
}

// ==== Library, memory, threads ====

inline uint32_t version() noexcept { return tg_version(); }
inline const char* version_string() noexcept { return tg_version_string(); }
inline void shutdown() { check(tg_shutdown()); }

namespace memory {

inline uint64_t current() noexcept { return tg_memory_current(); }
inline uint64_t peak() noexcept { return tg_memory_peak(); }
inline uint64_t cached() noexcept { return tg_memory_cached(); }
inline void reset_peak() noexcept { tg_memory_peak_reset(); }
inline void set_limit(uint64_t bytes) { check(tg_memory_limit_set(bytes)); }  // 0: none
inline void trim() { check(tg_memory_trim()); }

}  // namespace memory

inline int32_t num_threads() noexcept { return tg_num_threads(); }
inline void set_num_threads(int32_t count) { check(tg_num_threads_set(count)); }  // 0: all cores
inline std::string blas_info() {                                                  // JSON
  return detail::text(tg_blas_info);
}

// ==== Hooks ====

// Owns a hook: at its end the hook is taken away.
class [[nodiscard]] Hook : public Handle {
 public:
  using Handle::Handle;
};

namespace detail {

// Lends handles as objects and never releases them.
template <class T>
class Lent {
 public:
  explicit Lent(tg_handle handle) : object_(handle) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() { object_.release(); }
  const T& operator*() const { return object_; }

 private:
  T object_;
};
class LentTensors {
 public:
  LentTensors(const tg_tensor* handles, std::size_t count) {
    tensors_.reserve(handles != nullptr ? count : 0);
    for (std::size_t i = 0; handles != nullptr && i < count; ++i) {
      tensors_.emplace_back(Tensor(handles[i]));
    }
  }
  LentTensors(const LentTensors&) = delete;
  LentTensors& operator=(const LentTensors&) = delete;
  ~LentTensors() {
    for (Tensor& tensor : tensors_) tensor.release();
  }
  const std::vector<Tensor>& operator*() const { return tensors_; }

 private:
  std::vector<Tensor> tensors_;
};

template <class F, class Register>
Hook hook(F f, Register hang) {
  auto kept = std::make_unique<F>(std::move(f));
  tg_hook handle = 0;
  check(hang(kept.get(), destroy<F>, &handle));
  kept.release();
  return Hook(handle);
}

}  // namespace detail

// f sees the gradient of x on its way and may give another one in its place; an empty Tensor keeps
// it. x is empty in f once the tensor is gone. What f throws becomes the Error of the pass.
inline Hook tensor_hook(const Tensor& x,
                        std::function<Tensor(const Tensor& x, const Tensor& grad)> f) {
  using F = decltype(f);
  return detail::hook(std::move(f), [&](void* data, tg_destructor destructor, tg_hook* out) {
    return tg_tensor_hook(
        x.handle(),
        [](void* self, tg_tensor tensor, tg_tensor grad, tg_tensor* given) -> int32_t {
          return detail::guarded([&] {
            const detail::Lent<Tensor> its(tensor), lent(grad);
            *given = (*static_cast<F*>(self))(*its, *lent).release();
          });
        },
        data, destructor, out);
  });
}
// f runs after backward has written the .grad of a leaf, and may change it.
inline Hook post_accumulate_grad_hook(
    const Tensor& leaf, std::function<void(const Tensor& leaf, const Tensor& grad)> f) {
  using F = decltype(f);
  return detail::hook(std::move(f), [&](void* data, tg_destructor destructor, tg_hook* out) {
    return tg_post_accumulate_grad_hook(
        leaf.handle(),
        [](void* self, tg_tensor tensor, tg_tensor grad, tg_tensor*) -> int32_t {
          return detail::guarded([&] {
            const detail::Lent<Tensor> its(tensor), lent(grad);
            (*static_cast<F*>(self))(*its, *lent);
          });
        },
        data, destructor, out);
  });
}
// f runs before a node (when: TG_BEFORE; inputs is empty) or after it (TG_AFTER), and gives what
// takes the place of the gradients of its outputs, or of its inputs: nothing, or a Tensor for each,
// an empty one to keep it.
inline Hook node_hook(
    const Node& node, int32_t when,
    std::function<std::vector<Tensor>(const Node& node, const std::vector<Tensor>& inputs,
                                      const std::vector<Tensor>& outputs)>
        f) {
  using F = decltype(f);
  return detail::hook(std::move(f), [&](void* data, tg_destructor destructor, tg_hook* out) {
    return tg_node_hook(
        node.handle(), when,
        [](void* self, tg_node its, const tg_tensor* inputs, std::size_t input_count,
           const tg_tensor* outputs, std::size_t output_count, tg_tensor* replaced) -> int32_t {
          return detail::guarded([&] {
            const detail::Lent<Node> lent(its);
            const detail::LentTensors in(inputs, input_count), to(outputs, output_count);
            std::vector<Tensor> given = (*static_cast<F*>(self))(*lent, *in, *to);
            const std::size_t places = inputs != nullptr ? input_count : output_count;
            for (std::size_t i = 0; i < given.size() && i < places; ++i) {
              replaced[i] = given[i].release();
            }
          });
        },
        data, destructor, out);
  });
}

// ==== Saved tensors ====

// While the guard lives, what the calls of this thread save for backward goes to pack, and comes
// from unpack where backward reads it. Packed is whatever pack gives; it ends with the graph, or
// when backward has freed it.
template <class Packed>
class [[nodiscard]] SavedTensorHooks {
 public:
  SavedTensorHooks(std::function<Packed(const Tensor& x)> pack,
                   std::function<Tensor(const Packed& packed)> unpack) {
    auto kept = std::make_unique<Functions>(Functions{std::move(pack), std::move(unpack)});
    check(tg_saved_tensor_hooks_enter(call_pack, call_unpack, free_packed, kept.get(),
                                      detail::destroy<Functions>, &hooks_));
    kept.release();
  }
  SavedTensorHooks(const SavedTensorHooks&) = delete;
  SavedTensorHooks& operator=(const SavedTensorHooks&) = delete;
  ~SavedTensorHooks() { tg_saved_tensor_hooks_exit(hooks_); }

 private:
  struct Functions {
    std::function<Packed(const Tensor&)> pack;
    std::function<Tensor(const Packed&)> unpack;
  };
  static int32_t call_pack(void* self, tg_tensor x, void** packed) {
    return detail::guarded([&] {
      const detail::Lent<Tensor> lent(x);
      *packed = new Packed(static_cast<Functions*>(self)->pack(*lent));
    });
  }
  static int32_t call_unpack(void* self, void* packed, tg_tensor* out) {
    return detail::guarded([&] {
      *out = static_cast<Functions*>(self)->unpack(*static_cast<Packed*>(packed)).release();
    });
  }
  static void free_packed(void*, void* packed) { delete static_cast<Packed*>(packed); }

  tg_hook hooks_ = 0;
};

// Runs f and keeps its inputs alone: backward runs f once more for what its calls saved.
inline std::vector<Tensor> checkpoint(TensorFunction f, const std::vector<Tensor>& inputs,
                                      std::size_t out_count = 1) {
  auto kept = std::make_unique<TensorFunction>(std::move(f));
  const std::vector<tg_handle> at = detail::handles(inputs);
  std::vector<tg_handle> outs(out_count);
  check(tg_checkpoint(detail::call_function, kept.get(), detail::destroy<TensorFunction>, at.data(),
                      at.size(), outs.data(), outs.size()));
  kept.release();
  return detail::tensors(outs);
}

// Where in your code the calls of this thread stand from now on; nullptr: no place. TG_SITE() says
// its own line.
inline void set_site(const char* file, int32_t line) { check(tg_site_set(file, line)); }

// ==== Hosts ====

// Long calls of a thread end with TG_ERROR_CANCELLED once the token in use there was cancelled.
class Token : public Handle {
 public:
  Token() { check(tg_token_create(out())); }
  void cancel() const { check(tg_token_cancel(handle())); }  // from any thread
  bool is_cancelled() const { return flag(tg_token_is_cancelled); }
};
// In use while it lives, on the thread that made it.
class [[nodiscard]] UseToken {
 public:
  explicit UseToken(const Token& token) { check(tg_token_use(token.handle(), &former_)); }
  UseToken(const UseToken&) = delete;
  UseToken& operator=(const UseToken&) = delete;
  ~UseToken() { tg_token_use(former_, nullptr); }

 private:
  tg_token former_ = 0;
};

namespace detail {

// Sets a callback of the host, or takes it away where `f` is empty. C: what the library calls.
template <class F, class Set, class C>
void lend(Set set, C call, F f) {
  if (!f) return check(set(nullptr, nullptr, nullptr));
  auto kept = std::make_unique<F>(std::move(f));
  check(set(call, kept.get(), destroy<F>));
  kept.release();
}

}  // namespace detail

// Each failing call, and what is to know of the BLAS: level is one of TG_LOG_*. An empty function
// takes it away; so it is with those below.
inline void set_log(std::function<void(int32_t level, const char* text)> log) {
  using F = std::function<void(int32_t, const char*)>;
  detail::lend(
      tg_log_set,
      [](void* data, int32_t level, const char* text) {
        detail::guarded([&] { (*static_cast<F*>(data))(level, text); });
      },
      std::move(log));
}
// Asked where a request would pass soft_limit (0: none) or was refused: true if memory was given
// back and the request is worth another try. It may release handles and ask questions, no more.
inline void set_memory_pressure(std::function<bool(uint64_t current, uint64_t wanted)> relieve,
                                uint64_t soft_limit = 0) {
  using F = std::function<bool(uint64_t, uint64_t)>;
  detail::lend(
      [soft_limit](tg_pressure_fn fn, void* data, tg_destructor destructor) {
        return tg_memory_pressure_set(fn, data, destructor, soft_limit);
      },
      [](void* data, uint64_t current, uint64_t wanted) -> int32_t {
        bool again = false;
        const tg_status status =
            detail::guarded([&] { again = (*static_cast<F*>(data))(current, wanted); });
        return status == TG_OK && again ? 0 : 1;
      },
      std::move(relieve));
}
// The host's own pool: calls run(job, index) once for each index below count, on any threads, and
// returns when all are done.
inline void set_parallel_for(
    std::function<void(std::size_t count, tg_job_fn run, void* job)> pool) {
  using F = std::function<void(std::size_t, tg_job_fn, void*)>;
  detail::lend(
      tg_parallel_for_set,
      [](void* data, std::size_t count, tg_job_fn run, void* job) -> int32_t {
        return detail::guarded([&] { (*static_cast<F*>(data))(count, run, job); });
      },
      std::move(pool));
}

// DLPack: a DLManagedTensor, or with TG_DLPACK_VERSIONED a DLManagedTensorVersioned, which the
// receiver ends by its deleter; and back: after success it is the library's.
inline void* to_dlpack(const Tensor& x, uint32_t flags = TG_DLPACK_VERSIONED) {
  void* managed = nullptr;
  check(tg_to_dlpack(x.handle(), flags, &managed));
  return managed;
}
inline Tensor from_dlpack(void* managed, uint32_t flags = TG_DLPACK_VERSIONED) {
  Tensor x;
  check(tg_from_dlpack(managed, flags, x.out()));
  return x;
}

// ==== Operators of the caller ====

namespace detail {
// A handle of its own for what a callback is lent; 0 is an empty tensor.
inline Tensor alias(tg_tensor lent) {
  Tensor x;
  if (lent != 0) check(tg_alias(lent, x.out()));
  return x;
}
}  // namespace detail

// What forward and backward of such an operator ask and tell (docs/operators.md). Live until the
// function that got it returns, on its thread.
class Context {
 public:
  explicit Context(tg_context context) noexcept : context_(context) {}
  tg_context handle() const noexcept { return context_; }

  // Of the input with this number: whether its gradient is asked for.
  bool needs_input_grad(std::size_t input) const {
    std::int32_t needs = 0;
    check(tg_context_needs_input_grad(context_, input, &needs));
    return needs != 0;
  }
  // In forward.
  void save_for_backward(const std::vector<Tensor>& tensors) const {
    const std::vector<tg_handle> handles = detail::handles(tensors);
    check(tg_context_save_for_backward(context_, handles.data(), handles.size()));
  }
  void mark_dirty(std::size_t input) const { check(tg_context_mark_dirty(context_, input)); }
  void mark_non_differentiable(std::size_t result) const {
    check(tg_context_mark_non_differentiable(context_, result));
  }
  // In backward.
  Tensor saved_tensor(std::size_t index) const {
    Tensor x;
    check(tg_context_saved_tensor(context_, index, x.out()));
    return x;
  }
  // Something that the call keeps: set in forward, asked in backward.
  template <class T>
  void set_data(T value) const {
    auto kept = std::make_unique<T>(std::move(value));
    check(tg_context_set_data(context_, kept.get(), detail::destroy<T>));
    kept.release();
  }
  template <class T>
  T& data() const {
    void* kept = nullptr;
    check(tg_context_data(context_, &kept));
    return *static_cast<T*>(kept);
  }

 private:
  tg_context context_;
};

// ==== Foreign functions, calls by name ====

// An operator made at run time. The texts of a definition are read during the call alone;
// struct_size is set here.
class Operator : public Handle {
 public:
  // A function of a shared library (docs/ffi.md).
  explicit Operator(tg_ffi_definition definition) {
    definition.struct_size = sizeof definition;
    check(tg_ffi_operator(&definition, out()));
  }
  // Functions in the form of C (docs/operators.md).
  explicit Operator(tg_operator_definition definition) {
    definition.struct_size = sizeof definition;
    check(tg_operator_create(&definition, out()));
  }
  // Functions of C++ with one result. forward(context, inputs) gives it; backward(context, grad)
  // gives a gradient for each input, an empty tensor for none. What they throw fails the call.
  using Forward = std::function<Tensor(const Context&, const std::vector<Tensor>& inputs)>;
  using Backward = std::function<std::vector<Tensor>(const Context&, const Tensor& grad)>;
  Operator(const char* name, Forward forward, Backward backward = {}, std::uint32_t flags = 0) {
    struct Functions {
      Forward forward;
      Backward backward;
    };
    auto kept = std::make_unique<Functions>(Functions{std::move(forward), std::move(backward)});
    tg_operator_definition definition{};
    definition.struct_size = sizeof definition;
    definition.name = name;
    definition.out_count = 1;
    definition.flags = flags;
    definition.forward = [](void* data, tg_context context, const tg_tensor* inputs,
                            std::size_t count, const tg_value*, std::size_t, tg_tensor* outs,
                            std::size_t) -> std::int32_t {
      return detail::guarded([&] {
        std::vector<Tensor> lent;
        for (std::size_t i = 0; i < count; ++i) lent.push_back(detail::alias(inputs[i]));
        outs[0] = static_cast<Functions*>(data)->forward(Context(context), lent).release();
      });
    };
    if (kept->backward) {
      definition.backward = [](void* data, tg_context context, const tg_tensor* grad_outputs,
                               std::size_t, tg_tensor* grad_inputs,
                               std::size_t count) -> std::int32_t {
        return detail::guarded([&] {
          std::vector<Tensor> given = static_cast<Functions*>(data)->backward(
              Context(context), detail::alias(grad_outputs[0]));
          for (std::size_t i = 0; i < count && i < given.size(); ++i) {
            grad_inputs[i] = given[i].release();
          }
        });
      };
    }
    definition.user_data = kept.get();
    definition.destructor = detail::destroy<Functions>;
    check(tg_operator_create(&definition, out()));
    kept.release();
  }
  std::vector<Tensor> apply(const std::vector<Tensor>& inputs, std::size_t results = 1,
                            const std::vector<tg_value>& arguments = {}) const {
    const std::vector<tg_handle> handles = detail::handles(inputs);
    std::vector<tg_handle> outs(results);
    check(tg_operator_apply(handle(), handles.data(), handles.size(), arguments.data(),
                            arguments.size(), outs.data(), outs.size()));
    std::vector<Tensor> tensors;
    tensors.reserve(results);
    for (tg_handle out : outs) tensors.emplace_back(out);
    return tensors;
  }
  Tensor operator()(const std::vector<Tensor>& inputs) const {
    return std::move(apply(inputs).front());
  }
};

// Any function of the C interface by its name (docs/calls-by-name.md). Handles among the results
// are the caller's. frame: what a task carries between threads; null: what this thread has.
inline std::vector<tg_value> call(const char* name, const std::vector<tg_value>& arguments,
                                  tg_frame* frame = nullptr) {
  std::vector<tg_value> results(8);
  std::size_t count = 0;
  const tg_status status = tg_call(frame, name, arguments.data(), arguments.size(), results.data(),
                                   results.size(), &count);
  if (status != TG_OK && frame != nullptr && frame->error != nullptr) {
    throw Error(status, frame->error);
  }
  check(status);
  results.resize(count);
  return results;
}
// What a function takes and gives, or a type or constant is, as JSON; without a name all of it.
inline std::string describe(const char* name = nullptr) {
  return detail::text([name](char* buffer, std::size_t capacity, std::size_t* length) {
    return tg_describe(name, buffer, capacity, length);
  });
}

#ifdef TAPEGRAD_OSTREAM
inline std::ostream& operator<<(std::ostream& stream, const Tensor& x) {
  return stream << x.format();
}
#endif

}  // namespace tapegrad

#endif  // TAPEGRAD_TAPEGRAD_HPP
