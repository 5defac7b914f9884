// SPDX-License-Identifier: MIT
// The lanes of integers and bool, and the comparisons, fill and where of all dtypes: plain loops,
// because the compiler vectorises them well for the target they are compiled for. Nothing here
// rounds, so the bits are the same everywhere; integers wrap around.
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/interval.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise_plain.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/lanes-inl.h"

// lanes-inl.h uses the AVX2 loops for AVX-512 too.
#if HWY_TARGET != HWY_AVX3 || !(HWY_TARGETS & HWY_AVX2)

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

// What an operation sees of an element: a Bool is 0 or 1, a 16-bit float stays in its bits.
template <class T>
struct Value {
  using type = T;
};
template <>
struct Value<Bool> {
  using type = uint8_t;
};
template <class T>
using ValueOf = typename Value<T>::type;

template <class T>
HWY_INLINE ValueOf<T> get(const char* place) {
  T element;
  std::memcpy(&element, place, sizeof(T));
  if constexpr (std::is_same_v<T, Bool>) {
    return element.byte != 0;
  } else {
    return element;
  }
}
template <class V>
HWY_INLINE void put(char* place, V value) {
  std::memcpy(place, &value, sizeof(V));
}

// Arithmetic modulo 2^bits; narrow types must not be promoted to int, whose overflow is undefined.
template <class T>
using Modular = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
template <class T>
HWY_INLINE T wrapped(Modular<T> value) {
  return static_cast<T>(value);
}
template <class T>
HWY_INLINE Modular<T> modular(T value) {
  return static_cast<Modular<T>>(value);
}

const Scalars& scalars_of(const void* parameters) {
  return *static_cast<const Scalars*>(parameters);
}

// x^exponent by repeated squaring. A negative exponent: 1 / x^-exponent, toward zero (0 for x = 0).
template <class T>
HWY_INLINE T integer_power(T x, int64_t exponent) {
  if (exponent < 0) {
    if (x == 1) return 1;
    if (std::is_signed_v<T> && x == static_cast<T>(-1)) return exponent % 2 == 0 ? T(1) : x;
    return 0;
  }
  Modular<T> power = 1, square = modular(x);
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) power *= square;
    square *= square;
  }
  return wrapped<T>(power);
}

// An operation maps values to a value.
template <Lane kLane, class T>
struct Unary {
  HWY_INLINE T operator()(T x) const {
    if constexpr (kLane == Lane::neg) return wrapped<T>(Modular<T>{0} - modular(x));
    if constexpr (kLane == Lane::abs) {
      return x < 0 ? wrapped<T>(Modular<T>{0} - modular(x)) : x;
    }
    if constexpr (kLane == Lane::sign) return static_cast<T>((x > 0) - (x < 0));
    if constexpr (kLane == Lane::relu) return x < 0 ? T(0) : x;
  }
};

template <class T>
struct Power {
  explicit Power(const void* parameters) : exponent(scalars_of(parameters).ia) {}
  HWY_INLINE T operator()(T x) const { return integer_power(x, exponent); }
  int64_t exponent;
};

template <class T>
struct Clamp {
  explicit Clamp(const void* parameters)
      : low(saturated<T>(scalars_of(parameters).ia)),
        high(saturated<T>(scalars_of(parameters).ib)) {}
  HWY_INLINE T operator()(T x) const {
    const T raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
  T low, high;
};

// On Bool add is or, mul is and.
template <Lane kLane, class T>
struct Binary {
  using V = ValueOf<T>;
  HWY_INLINE V operator()(V a, V b) const {
    if constexpr (kLane == Lane::maximum) return a > b ? a : b;
    if constexpr (kLane == Lane::minimum) return a < b ? a : b;
    if constexpr (std::is_same_v<T, Bool>) {
      if constexpr (kLane == Lane::add) return a | b;
      if constexpr (kLane == Lane::mul) return a & b;
    } else {
      if constexpr (kLane == Lane::add) return wrapped<V>(modular(a) + modular(b));
      if constexpr (kLane == Lane::sub) return wrapped<V>(modular(a) - modular(b));
      if constexpr (kLane == Lane::mul) return wrapped<V>(modular(a) * modular(b));
    }
  }
};

// gt and ge are lt and le with the operands exchanged.
template <Lane kLane, class V>
struct Compare {
  HWY_INLINE uint8_t operator()(V a, V b) const {
    if constexpr (kLane == Lane::eq) return a == b;
    if constexpr (kLane == Lane::ne) return a != b;
    if constexpr (kLane == Lane::lt) return a < b;
    if constexpr (kLane == Lane::le) return a <= b;
  }
};

template <class V>
struct Between {
  explicit Between(Interval<V> interval) : inside(interval) {}
  HWY_INLINE uint8_t operator()(V x) const {
    const uint8_t within = (x >= inside.low) & (x <= inside.high);
    return within ^ inside.outside;
  }
  Interval<V> inside;
};

// Where values come from. The stride is known at compile time wherever speed matters.
template <class T>
struct Elements {
  const char* data;
  HWY_INLINE ValueOf<T> at(int64_t i) const {
    return get<T>(data + i * static_cast<int64_t>(sizeof(T)));
  }
};
template <class T>
struct Strided {
  const char* data;
  int64_t stride;
  HWY_INLINE ValueOf<T> at(int64_t i) const { return get<T>(data + i * stride); }
};
template <class V>
struct Constant {
  V value;
  HWY_INLINE V at(int64_t) const { return value; }
};

template <class R, class Op, class... Source>
HWY_INLINE void row(const Op& op, char* out, int64_t n, const Source&... source) {
  // In place means the same elements: no iteration reads what another one writes.
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    put<R>(out + i * static_cast<int64_t>(sizeof(R)), op(source.at(i)...));
  }
}

template <class R, class Op, class... Source>
HWY_INLINE void strided_row(const Op& op, char* out, int64_t stride, int64_t n,
                            const Source&... source) {
  for (int64_t i = 0; i < n; ++i) {
    put<R>(out + i * stride, op(source.at(i)...));
    __asm__ volatile("");  // not worth the vector code the compiler would write for each stride
  }
}

template <class T, class R, class Op>
HWY_NOINLINE void unary(Op op, void* const* data, const int64_t* strides, int64_t n) {
  constexpr int64_t kIn = sizeof(T), kOut = sizeof(R);
  char* out = static_cast<char*>(data[0]);
  const char* in = static_cast<const char*>(data[1]);
  if (strides[0] == kOut && strides[1] == kIn) {
    row<R>(op, out, n, Elements<T>{in});
  } else {
    strided_row<R>(op, out, strides[0], n, Strided<T>{in, strides[1]});
  }
}

// An operand as it lies in memory.
struct Operand {
  const char* data;
  int64_t stride;
};
HWY_INLINE Operand operand(void* const* data, const int64_t* strides, int which) {
  return {static_cast<const char*>(data[which]), strides[which]};
}
template <class T>
HWY_INLINE Operand operand(const T& number) {
  return {reinterpret_cast<const char*>(&number), 0};
}

template <class T, class R, class Op>
HWY_NOINLINE void binary(char* out, int64_t stride, Operand a, Operand b, int64_t n) {
  constexpr int64_t kIn = sizeof(T), kOut = sizeof(R);
  using V = ValueOf<T>;
  const Op op;
  if (n <= 0) return;
  if (stride == kOut) {
    if (a.stride == kIn && b.stride == kIn) {
      row<R>(op, out, n, Elements<T>{a.data}, Elements<T>{b.data});
      return;
    }
    if (a.stride == kIn && b.stride == 0) {
      row<R>(op, out, n, Elements<T>{a.data}, Constant<V>{get<T>(b.data)});
      return;
    }
    if (a.stride == 0 && b.stride == kIn) {
      row<R>(op, out, n, Constant<V>{get<T>(a.data)}, Elements<T>{b.data});
      return;
    }
  }
  strided_row<R>(op, out, stride, n, Strided<T>{a.data, a.stride}, Strided<T>{b.data, b.stride});
}

template <Lane kLane, class T>
HWY_INLINE void compare(char* out, int64_t stride, Operand a, Operand b, int64_t n) {
  if constexpr (kLane == Lane::gt) {
    compare<Lane::lt, T>(out, stride, b, a, n);
  } else if constexpr (kLane == Lane::ge) {
    compare<Lane::le, T>(out, stride, b, a, n);
  } else {
    binary<T, uint8_t, Compare<kLane, ValueOf<T>>>(out, stride, a, b, n);
  }
}

// The lane that does the same with an operand in place of the number.
constexpr Lane without_scalar(Lane lane) {
  switch (lane) {
    case Lane::add_scalar: return Lane::add;
    case Lane::mul_scalar: return Lane::mul;
    case Lane::eq_scalar: return Lane::eq;
    case Lane::ne_scalar: return Lane::ne;
    case Lane::lt_scalar: return Lane::lt;
    case Lane::le_scalar: return Lane::le;
    case Lane::gt_scalar: return Lane::gt;
    default: return Lane::ge;
  }
}

// The number of a call as an element: floating ones are rounded, integers wrap around.
template <class T>
HWY_INLINE T number_of(const Scalars& scalars) {
  if constexpr (std::is_same_v<T, Bool>) {
    return {static_cast<uint8_t>(scalars.ia != 0)};
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(scalars.a);
  } else {
    return static_cast<T>(scalars.ia);
  }
}

template <class T>
struct Select {
  HWY_INLINE T operator()(uint8_t condition, T a, T b) const { return condition != 0 ? a : b; }
};

template <class T>
HWY_INLINE void where(void* const* data, const int64_t* strides, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  const Select<T> op;
  char* out = static_cast<char*>(data[0]);
  const char* condition = static_cast<const char*>(data[1]);
  const char* a = static_cast<const char*>(data[2]);
  const char* b = static_cast<const char*>(data[3]);
  if (n <= 0) return;
  if (strides[0] == kSize && strides[1] == 1) {
    const Elements<Bool> chosen{condition};
    if (strides[2] == kSize && strides[3] == kSize) {
      row<T>(op, out, n, chosen, Elements<T>{a}, Elements<T>{b});
      return;
    }
    if (strides[2] == kSize && strides[3] == 0) {
      row<T>(op, out, n, chosen, Elements<T>{a}, Constant<T>{get<T>(b)});
      return;
    }
    if (strides[2] == 0 && strides[3] == kSize) {
      row<T>(op, out, n, chosen, Constant<T>{get<T>(a)}, Elements<T>{b});
      return;
    }
  }
  strided_row<T>(op, out, strides[0], n, Strided<Bool>{condition, strides[1]},
                 Strided<T>{a, strides[2]}, Strided<T>{b, strides[3]});
}

template <class V>
struct Same {
  HWY_INLINE V operator()(V value) const { return value; }
};

template <class T>
HWY_INLINE void fill(void* const* data, const int64_t* strides, int64_t n, const Scalars& scalars) {
  using V = ValueOf<T>;
  const T number = number_of<T>(scalars);
  const V value = get<T>(reinterpret_cast<const char*>(&number));
  char* out = static_cast<char*>(data[0]);
  if (strides[0] == static_cast<int64_t>(sizeof(T))) {
    row<V>(Same<V>(), out, n, Constant<V>{value});
  } else {
    strided_row<V>(Same<V>(), out, strides[0], n, Constant<V>{value});
  }
}

}  // namespace

template <Lane kLane, class T>
void plain_loop(void* const* data, const int64_t* strides, int64_t n,
                const void* parameters) noexcept {
  using V = ValueOf<T>;
  char* out = static_cast<char*>(data[0]);
  if constexpr (kLane == Lane::where) {
    where<T>(data, strides, n);
  } else if constexpr (kLane == Lane::fill) {
    fill<T>(data, strides, n, scalars_of(parameters));
  } else if constexpr (is_comparison(kLane)) {
    compare<kLane, T>(out, strides[0], operand(data, strides, 1), operand(data, strides, 2), n);
  } else if constexpr (is_comparison_with_scalar(kLane)) {
    if constexpr (std::is_floating_point_v<T>) {
      const T number = number_of<T>(scalars_of(parameters));
      compare<without_scalar(kLane), T>(out, strides[0], operand(data, strides, 1), operand(number),
                                        n);
    } else {
      unary<T, uint8_t>(Between<V>(interval_of<V>(kLane, scalars_of(parameters))), data, strides,
                        n);
    }
  } else if constexpr (operands_of(kLane) == 2) {
    binary<T, V, Binary<kLane, T>>(out, strides[0], operand(data, strides, 1),
                                   operand(data, strides, 2), n);
  } else if constexpr (kLane == Lane::clamp) {
    unary<T, V>(Clamp<T>(parameters), data, strides, n);
  } else if constexpr (kLane == Lane::pow_scalar) {
    unary<T, V>(Power<T>(parameters), data, strides, n);
  } else if constexpr (kLane == Lane::rsub_scalar) {
    const T number = number_of<T>(scalars_of(parameters));
    binary<T, V, Binary<Lane::sub, T>>(out, strides[0], operand(number), operand(data, strides, 1),
                                       n);
  } else if constexpr (kLane == Lane::add_scalar || kLane == Lane::mul_scalar) {
    const T number = number_of<T>(scalars_of(parameters));
    binary<T, V, Binary<without_scalar(kLane), T>>(out, strides[0], operand(data, strides, 1),
                                                   operand(number), n);
  } else {
    unary<T, V>(Unary<kLane, T>(), data, strides, n);
  }
}

namespace {

template <DType kDType>
constexpr Column instantiate() {
  using T = ElementOf<kDType>;
  Column result{};
  for_each_lane([&]<Lane kLane>() {
    if constexpr (kLane == Lane::where) {
      result.lane[0] = &plain_loop<kLane, typename WordOf<sizeof(T)>::type>;
    } else if constexpr (takes(kLane, kDType) && (!is_floating(kDType) || is_plain(kLane))) {
      result.lane[static_cast<int>(kLane)] = &plain_loop<kLane, T>;
    }
  });
  return result;
}
[[maybe_unused]] constexpr Column kInstances[] = {
    instantiate<DType::float32>(), instantiate<DType::float64>(), instantiate<DType::int8>(),
    instantiate<DType::int16>(),   instantiate<DType::int32>(),   instantiate<DType::int64>(),
    instantiate<DType::uint8>(),   instantiate<DType::boolean>()};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#endif  // a target of its own
