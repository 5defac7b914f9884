// SPDX-License-Identifier: MIT
// The one seam between C and the library: handles become objects, exceptions become statuses. The
// only catch of the library stands here.
#pragma once

#include <cxxabi.h>

#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "base/deferred.h"
#include "capi/handles.h"
#include "core/shape.h"
#include "ops/run.h"
#include "tapegrad/tapegrad.h"

namespace tg::capi {

// Stores what was thrown as this thread's last error, with the function's name in front.
[[gnu::cold]] tg_status report(const char* function, const Error& error) noexcept;
[[gnu::cold]] tg_status report_out_of_memory(const char* function) noexcept;
// what: of a C++ exception; null: of something else that was thrown.
[[gnu::cold]] tg_status report_foreign(const char* function, const char* what) noexcept;

[[gnu::cold, gnu::noinline]] inline tg_status caught(const char* function) {
  try {
    throw;
  } catch (abi::__forced_unwind&) {
    throw;
  } catch (const Error& error) {
    return report(function, error);
  } catch (const std::bad_alloc&) {
    return report_out_of_memory(function);
  } catch (const std::exception& exception) {
    return report_foreign(function, exception.what());
  } catch (...) {
    return report_foreign(function, nullptr);
  }
}

// tg_shutdown asks whether a thread is inside a call: a call that pins a handle for its whole
// length is seen by its pin, all others count themselves here. Only the thread itself writes the
// count.
class Inside {
 public:
  Inside() : thread_(thread_record()) { add(1); }
  ~Inside() { add(-1); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  void add(int n) {
    thread_.calls.store(thread_.calls.load(std::memory_order_relaxed) + static_cast<uint32_t>(n),
                        std::memory_order_relaxed);
  }
  ThreadRecord& thread_;
};

template <class F>
[[gnu::always_inline]] inline tg_status guarded_pinned(const char* function, F&& body) {
  try {
    body();
    return TG_OK;
  } catch (abi::__forced_unwind&) {  // pthread_cancel: the host's thread ends
    throw;
  } catch (...) {
    return caught(function);
  }
}

template <class F>
inline tg_status guarded(const char* function, F&& body) {
  return guarded_pinned(function, [&] {
    check_unrestricted();
    const Inside inside;
    body();
  });
}
// Releases, questions, memory: what a pressure function may call too.
template <class F>
inline tg_status guarded_always(const char* function, F&& body) {
  return guarded_pinned(function, [&] {
    const Inside inside;
    body();
  });
}

// ---- arguments ----

[[noreturn, gnu::cold]] void fail_null(const char* what);

inline void check_pointer(const void* pointer, const char* what) {
  if (pointer == nullptr) [[unlikely]]
    fail_null(what);
}
template <class T>
inline void check_out(T* out, const char* what) {
  check_pointer(out, what);
}
// A handle place: 0 until the call has succeeded.
inline void clear_out(tg_handle* out, const char* what) {
  check_pointer(out, what);
  *out = 0;
}
// The places of an array out, which may be absent where capacity is 0: 0 too.
inline void clear_outs(tg_handle* outs, size_t capacity, const char* what) {
  if (capacity > 0) check_pointer(outs, what);
  for (size_t i = 0; i < capacity; ++i) outs[i] = 0;
}
inline std::span<const int64_t> dims_span(const int64_t* dims, size_t count) {
  if (count > 0) check_pointer(dims, "dims");
  return {dims, count};
}
bool boolean(int32_t value, const char* what);
DType dtype_of(int32_t number);
void check_flags(uint32_t flags, uint32_t known);
void check_text(const char* text, const char* what);  // not NULL, valid UTF-8
Shape shape_of(const int64_t* shape, int32_t rank, DType dtype);
// Text out by abi.md 1: the full length, and what fits, always ended by NUL.
void put_text(std::string_view text, char* buffer, size_t capacity, size_t* length);
void check_text_out(const char* buffer, size_t capacity);

// Handles of an array, all pinned; absent ones (0, where allowed) are null tensors.
class TensorPins {
 public:
  TensorPins(const tg_tensor* handles, size_t count, const char* what, bool zero_allowed = false);
  TensorPins(const TensorPins&) = delete;
  TensorPins& operator=(const TensorPins&) = delete;
  std::span<const Tensor* const> tensors() const { return list_; }

 private:
  struct Pinned {
    Slot* slot = nullptr;  // null: absent
    TensorHead* head = nullptr;
    ~Pinned() {
      if (slot != nullptr) unpin(slot);
    }
  };
  Few<Pinned> pins_;
  Few<const Tensor*> list_;
};

// Ends a handle of a kind that tg_release refuses (scopes).
void end_handle(tg_handle handle) noexcept;

// ---- calls ----

namespace detail {

// What an argument of the C function becomes on its way to the operator. Handles are told from
// numbers by the operator's parameter: const Tensor&.
template <class Parameter, class Argument>
struct Convert {
  [[gnu::always_inline]] static Parameter make(const Argument& argument, const char*) {
    return static_cast<Parameter>(argument);
  }
};
template <>
struct Convert<const Tensor&, tg_tensor> {
  [[gnu::always_inline]] static TensorPin make(tg_tensor handle, const char* what) {
    return TensorPin(handle, what);
  }
};

template <class Result, class... Parameters, class... Arguments, size_t... I>
[[gnu::always_inline]] inline Result apply(Result (*op)(Parameters...), std::index_sequence<I...>,
                                           Arguments... arguments) {
  static constexpr const char* names[] = {"operand 0", "operand 1", "operand 2", "operand 3",
                                          "operand 4", "operand 5", "operand 6"};
  return op(Convert<Parameters, Arguments>::make(arguments, names[I])...);
}

}  // namespace detail

// tg_status tg_mul(a, b, out) { return call(__func__, out, tg::mul, a, b); }
template <class... Parameters, class... Arguments>
[[gnu::always_inline]] inline tg_status call(const char* function, tg_tensor* out,
                                             Tensor (*op)(Parameters...), Arguments... arguments) {
  return guarded_pinned(function, [&] [[gnu::always_inline]] {
    clear_out(out, "out");
    // The result is given up as soon as it is there: nothing behind it can fail but publish_result,
    // which sees to it itself.
    union Result {
      Result() {}
      ~Result() {}
      Tensor tensor;
    } result;
    if constexpr (sizeof...(Parameters) == sizeof...(Arguments)) {
      new (&result.tensor)
          Tensor(detail::apply(op, std::index_sequence_for<Arguments...>{}, arguments...));
    } else {
      new (&result.tensor) Tensor(detail::apply(
          op, std::make_index_sequence<sizeof...(Arguments) + 1>{}, arguments..., Into{}));
    }
    *out = publish_result(result.tensor.head());
  });
}

// The same for an operator that gives a counted pointer.
template <class... Parameters, class... Arguments>
[[gnu::always_inline]] inline tg_status call(const char* function, tg_tensor* out,
                                             TensorHead* (*op)(Parameters...),
                                             Arguments... arguments) {
  return guarded_pinned(function, [&] [[gnu::always_inline]] {
    clear_out(out, "out");
    *out = publish_result(detail::apply(op, std::index_sequence_for<Arguments...>{}, arguments...));
  });
}

// tg_status tg_mul_(x, other) { return call_in_place(__func__, tg::mul, x, other); }
template <class... Parameters, class... Arguments>
[[gnu::noinline]] inline tg_status call_in_place(const char* function, Tensor (*op)(Parameters...),
                                                 Arguments... arguments) {
  return guarded_pinned(function, [&] {
    detail::apply(op, std::make_index_sequence<sizeof...(Arguments) + 1>{}, arguments...,
                  Into::first());
  });
}

// tg_status tg_mul_out(a, b, out) { return call_out(__func__, out, tg::mul, a, b); }
template <class... Parameters, class... Arguments>
[[gnu::noinline]] inline tg_status call_out(const char* function, tg_tensor out,
                                            Tensor (*op)(Parameters...), Arguments... arguments) {
  return guarded_pinned(function, [&] {
    const TensorPin target(out, "out");
    detail::apply(op, std::make_index_sequence<sizeof...(Arguments) + 1>{}, arguments...,
                  Into::given(*target));
  });
}

// Runs a user's callback: what it returns becomes a status by abi.md 10. 0 is done.
class Callback {
 public:
  Callback();
  ~Callback();
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;
  // Throws what the number r means.
  void check(int32_t r, const char* what);

 private:
  uint64_t raised_;  // errors of this thread before the callback ran
  uint64_t modes_;   // what the callback enters and does not leave is undone
  void* saved_hooks_;
  uint64_t site_;
  uint32_t mode_depth_;
  uint32_t threw_;  // what an earlier one left for the seam
  int flying_;
};

}  // namespace tg::capi
