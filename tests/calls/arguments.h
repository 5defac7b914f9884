// SPDX-License-Identifier: MIT
// How a row of the table of random calls says what its arguments are: each word below draws one
// argument, or the two or three that belong together (a pointer and its count).
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "calls/player.h"

namespace calls {

struct Row {
  const char* name;
  std::function<tg_status(Player&, Call&)> run;  // functions that cannot fail give TG_OK
};

namespace detail {

template <class T>
auto as_tuple(T value) {
  return std::tuple<T>(value);
}
template <class... T>
auto as_tuple(std::tuple<T...> values) {
  return values;
}

template <class R, class... P, class Arguments, size_t... I>
tg_status apply(R (*function)(P...), Arguments& arguments, std::index_sequence<I...>) {
  static_assert(sizeof...(P) == sizeof...(I), "a row has another number of arguments");
  if constexpr (std::is_same_v<R, tg_status>) {
    return function(static_cast<P>(std::get<I>(arguments))...);
  } else {
    static_cast<void>(function(static_cast<P>(std::get<I>(arguments))...));
    return TG_OK;
  }
}

}  // namespace detail

template <class R, class... P, class... Words>
Row row(const char* name, R (*function)(P...), Words... words) {
  return {
      name, [=](Player& player, Call& call) {
        // Braces: arguments are drawn from left to right.
        std::tuple<decltype(detail::as_tuple(words(player, call)))...> drawn{
            detail::as_tuple(words(player, call))...};
        auto arguments = std::apply([](auto... parts) { return std::tuple_cat(parts...); }, drawn);
        return detail::apply(function, arguments,
                             std::make_index_sequence<std::tuple_size_v<decltype(arguments)>>{});
      }};
}

// A form that writes into a given tensor: half the time in no_grad, into what the form without out
// makes of the same arguments, or it would seldom fit. Those are drawn anew until they go together.
template <class... P, class... F, class... Words>
Row into(const char* name, tg_status (*function)(P...), tg_status (*fresh)(F...), Words... words) {
  return {name, [=](Player& player, Call& call) {
            const auto draw = [&] {
              std::tuple<decltype(detail::as_tuple(words(player, call)))...> drawn{
                  detail::as_tuple(words(player, call))...};
              return std::apply([](auto... parts) { return std::tuple_cat(parts...); }, drawn);
            };
            const auto run = [](auto* form, const auto& arguments, auto last) {
              auto all = std::tuple_cat(arguments, std::tuple{last});
              return detail::apply(form, all,
                                   std::make_index_sequence<std::tuple_size_v<decltype(all)>>{});
            };
            auto arguments = draw();
            if (!player.chance(50)) return run(function, arguments, player.handle(Kind::tensor));
            const bool entered = tg_no_grad_enter() == TG_OK;
            tg_tensor made = 0;
            for (int tries = 0; tries < 20; ++tries) {
              if (run(fresh, arguments, &made) == TG_OK) break;
              arguments = draw();
            }
            const tg_status status = run(function, arguments, made);
            if (made != 0) tg_release(made);
            if (entered) tg_no_grad_exit();
            return status;
          }};
}

// An int32_t that is an answer, not a status.
template <class R, class... P, class... Words>
Row question(const char* name, R (*function)(P...), Words... words) {
  Row asked = row(name, function, words...);
  return {name, [asked](Player& player, Call& call) {
            static_cast<void>(asked.run(player, call));
            return TG_OK;
          }};
}

// ---- the words ----

template <Kind K>
constexpr auto kOne = [](Player& p, Call&) { return p.handle(K); };
inline constexpr auto T = kOne<Kind::tensor>;
inline constexpr auto Mod = kOne<Kind::module>;
inline constexpr auto Opt = kOne<Kind::optimizer>;
inline constexpr auto Gen = kOne<Kind::generator>;
inline constexpr auto Dict = kOne<Kind::dict>;
inline constexpr auto Node = kOne<Kind::node>;
inline constexpr auto Obj = kOne<Kind::object>;
inline constexpr auto Scope = kOne<Kind::scope>;
inline constexpr auto Token = kOne<Kind::token>;
inline constexpr auto Any = [](Player& p, Call&) { return p.any_handle(); };

template <Kind K>
constexpr auto kOut = [](Player& p, Call& call) -> tg_handle* {
  return p.chance(99) ? p.out_handles(call, K, 1) : nullptr;
};
inline constexpr auto OutT = kOut<Kind::tensor>;
inline constexpr auto OutMod = kOut<Kind::module>;
inline constexpr auto OutOpt = kOut<Kind::optimizer>;
inline constexpr auto OutGen = kOut<Kind::generator>;
inline constexpr auto OutDict = kOut<Kind::dict>;
inline constexpr auto OutNode = kOut<Kind::node>;
inline constexpr auto OutObj = kOut<Kind::object>;
inline constexpr auto OutOp = kOut<Kind::op>;
inline constexpr auto OutScope = kOut<Kind::scope>;
inline constexpr auto OutToken = kOut<Kind::token>;

template <class N>
constexpr auto kOutNumber = [](Player& p, Call& call) { return p.out<N>(call); };
inline constexpr auto OutI32 = kOutNumber<int32_t>;
inline constexpr auto OutU32 = kOutNumber<uint32_t>;
inline constexpr auto OutI64 = kOutNumber<int64_t>;
inline constexpr auto OutU64 = kOutNumber<uint64_t>;
inline constexpr auto OutSize = kOutNumber<size_t>;
inline constexpr auto OutF64 = kOutNumber<double>;
inline constexpr auto OutPointer = kOutNumber<void*>;

inline constexpr auto Dtype = [](Player& p, Call&) { return p.dtype(); };
inline constexpr auto Bool = [](Player& p, Call&) { return p.boolean(); };
inline constexpr auto F64 = [](Player& p, Call&) { return p.number(); };
inline constexpr auto I64 = [](Player& p, Call&) { return p.small(); };
inline constexpr auto I32 = [](Player& p, Call&) { return static_cast<int32_t>(p.small()); };
inline constexpr auto U64 = [](Player& p, Call&) { return p.random(); };
inline constexpr auto Index = [](Player& p, Call&) { return static_cast<size_t>(p.small()); };
inline constexpr auto Dim = [](Player& p, Call&) { return p.dim(); };
inline constexpr auto Text = [](Player& p, Call& call) { return p.text(call); };
inline constexpr auto Path = [](Player& p, Call& call) { return p.path(call); };
inline constexpr auto NpyPath = [](Player& p, Call& call) { return p.path(call, ".npy"); };
inline constexpr auto NpzPath = [](Player& p, Call& call) { return p.path(call, ".npz"); };
inline constexpr auto Reduction = [](Player& p, Call&) {
  return static_cast<int32_t>(p.chance(97) ? p.below(3) : p.below(9)) - (p.chance(1) ? 5 : 0);
};
template <uint32_t Known>
constexpr auto kFlags = [](Player& p, Call&) {
  return static_cast<uint32_t>(p.chance(97) ? p.random() & Known : p.random());
};

inline std::tuple<const int64_t*, int32_t> shape_in(Player& p, Call& call, bool may_be_huge) {
  const std::vector<int64_t> sizes = p.sizes(may_be_huge);
  const auto rank = static_cast<int32_t>(sizes.size());
  if (p.chance(1)) return {p.array(call, sizes), -1};
  return {p.chance(1) ? nullptr : p.array(call, sizes), rank};
}
inline constexpr auto Shape = [](Player& p, Call& call) { return shape_in(p, call, true); };
inline constexpr auto ViewShape = [](Player& p, Call& call) { return shape_in(p, call, false); };
inline constexpr auto Dims = [](Player& p, Call& call) -> std::tuple<const int64_t*, size_t> {
  std::vector<int64_t> dims;
  for (uint64_t n = p.below(4); n > 0; --n) dims.push_back(p.dim());
  if (p.chance(1)) return {nullptr, static_cast<size_t>(p.below(100))};
  return {p.array(call, dims), dims.size()};
};
template <Kind K>
constexpr auto kList = [](Player& p, Call& call) -> std::tuple<const tg_handle*, size_t> {
  std::vector<tg_handle> list;
  for (uint64_t n = p.below(4); n > 0; --n) list.push_back(p.handle(K));
  if (p.chance(1)) return {nullptr, static_cast<size_t>(p.below(100))};
  return {p.array(call, list), list.size()};
};
inline constexpr auto Ts = kList<Kind::tensor>;
inline constexpr auto Mods = kList<Kind::module>;

inline constexpr auto OutText = [](Player& p, Call& call) -> std::tuple<char*, size_t, size_t*> {
  const size_t capacity = p.below(40);
  size_t* length = p.chance(90) ? p.block<size_t>(call, 1) : nullptr;
  if (p.chance(3)) return {nullptr, capacity, length};
  if (p.chance(10)) return {nullptr, 0, length};
  return {p.block<char>(call, capacity), capacity, length};
};
inline constexpr auto OutSizes = [](Player& p,
                                    Call& call) -> std::tuple<int64_t*, int32_t, int32_t*> {
  const auto capacity = static_cast<int32_t>(p.below(18));
  int32_t* rank = p.out<int32_t>(call);
  if (p.chance(3)) return {nullptr, capacity, rank};
  if (p.chance(3)) return {nullptr, -capacity, rank};
  return {p.block<int64_t>(call, static_cast<size_t>(capacity)), capacity, rank};
};
template <Kind K>
constexpr auto kOutList = [](Player& p, Call& call) -> std::tuple<tg_handle*, size_t, size_t*> {
  const size_t capacity = p.below(6);
  size_t* count = p.out<size_t>(call);
  if (p.chance(3)) return {nullptr, capacity, count};
  if (p.chance(10)) return {nullptr, 0, count};
  return {p.out_handles(call, K, capacity), capacity, count};
};

}  // namespace calls
