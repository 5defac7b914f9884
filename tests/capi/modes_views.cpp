// SPDX-License-Identifier: MIT
// Views (rules V1 to V26): flags by kind and mode, origins, stale views, and in-place changes
// through views. Changes through plain views that record: modes_views_rewrite.cpp.
#include <algorithm>
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

struct ViewOf {
  const char* name;
  std::function<tg_status(tg_tensor x, tg_tensor* out)> run;
};

// Every operator that gives a view; x is [2, 2].
const std::vector<ViewOf>& view_operators() {
  static const int64_t kFlat[] = {4}, kBack[] = {1, 0}, kWide[] = {3, 2, 2}, kOne[] = {1, 2, 2},
                       kPart[] = {2}, kStrides[] = {2};
  static const std::vector<ViewOf> operators = {
      {"view", [](tg_tensor x, tg_tensor* out) { return tg_view(x, kFlat, 1, out); }},
      {"t", tg_t},
      {"transpose", [](tg_tensor x, tg_tensor* out) { return tg_transpose(x, 0, -1, out); }},
      {"permute", [](tg_tensor x, tg_tensor* out) { return tg_permute(x, kBack, 2, out); }},
      {"expand", [](tg_tensor x, tg_tensor* out) { return tg_expand(x, kWide, 3, out); }},
      {"squeeze", tg_squeeze},
      {"squeeze_dim", [](tg_tensor x, tg_tensor* out) { return tg_squeeze_dim(x, 0, out); }},
      {"unsqueeze", [](tg_tensor x, tg_tensor* out) { return tg_unsqueeze(x, 1, out); }},
      {"select", [](tg_tensor x, tg_tensor* out) { return tg_select(x, 0, 1, out); }},
      {"narrow", [](tg_tensor x, tg_tensor* out) { return tg_narrow(x, 0, 1, 1, out); }},
      {"slice", [](tg_tensor x, tg_tensor* out) { return tg_slice(x, 1, 0, 2, 2, out); }},
      {"split",
       [](tg_tensor x, tg_tensor* out) {
         tg_tensor parts[2] = {0, 0};
         size_t count = 0;
         const tg_status status = tg_split(x, 1, 0, parts, 2, &count);
         if (status != TG_OK) return status;
         *out = parts[0];
         return tg_release(parts[1]);
       }},
      {"as_strided",
       [](tg_tensor x, tg_tensor* out) { return tg_as_strided(x, kPart, kStrides, 1, 1, out); }},
      {"reshape", [](tg_tensor x, tg_tensor* out) { return tg_reshape(x, kOne, 3, out); }},
      {"flatten", [](tg_tensor x, tg_tensor* out) { return tg_flatten(x, 0, 1, out); }},
  };
  return operators;
}

// The four origins; a view of one of them over [4] is the elements 1 and 2, or 0 and 1 of a split.
enum class Origin { plain, multi, no_grad, inference };
constexpr Origin kOrigins[] = {Origin::plain, Origin::multi, Origin::no_grad, Origin::inference};
std::ostream& operator<<(std::ostream& stream, Origin origin) {
  static const char* const kNames[] = {"plain", "multi", "no_grad", "inference"};
  return stream << kNames[static_cast<int>(origin)];
}

Tensor part(tg_tensor x) { return make(tg_narrow, x, int64_t{0}, int64_t{0}, int64_t{2}); }
Tensor split_part(tg_tensor x) {
  Tensor first, second;
  tg_tensor parts[2] = {0, 0};
  size_t count = 0;
  ok(tg_split(x, 2, 0, parts, 2, &count));
  REQUIRE(count == 2);
  first = Tensor(parts[0]);
  second = Tensor(parts[1]);
  return first;
}
Tensor view_of(tg_tensor x, Origin origin) {
  const In in(origin == Origin::no_grad     ? Mode::no_grad
              : origin == Origin::inference ? Mode::inf
                                            : Mode::normal);
  return origin == Origin::multi ? split_part(x) : part(x);
}
tg_status error_of(Origin origin) {
  return origin == Origin::multi ? TG_ERROR_AUTOGRAD : TG_ERROR_MODE;
}
Phrases remedies_of(Origin origin) {
  if (origin == Origin::multi) return {"tg_slice", "tg_narrow", "clone"};
  return {origin == Origin::no_grad ? "no_grad" : "inference", "make the view in grad mode",
          "clone"};
}

}  // namespace

TEST_CASE("V1: every view operator on every kind in every mode", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const ViewOf& op : view_operators()) {
      for (const Mode mode : kModes) {
        INFO(op.name << " of " << kind << ", " << mode);
        const Tensor x = of_kind(kind, {1, 2, 3, 4}, {2, 2});
        const Snapshot before = snapshot(x);
        Tensor view;
        {
          const In in(mode);
          ok(op.run(x, view.out()));
        }
        CHECK(storage(view) == storage(x));
        CHECK_FALSE(same(view, x));
        if (kind[0] == 'i') {
          CHECK(kind_of(view) == "i0");
          CHECK(is_view(view) == 0);
        } else {
          CHECK(is_view(view) == 1);
          CHECK(is_inference(view) == 0);
          CHECK(requires_grad(view) == (kind != "n0"));
          CHECK(is_leaf(view) == (kind == "n0" || mode != Mode::normal));
          CHECK((grad_fn(view) != 0) == (kind != "n0" && mode == Mode::normal));
          CHECK(version(view) == 0);
        }
        CHECK(snapshot(x) == before);
      }
    }
  }
}

TEST_CASE("V1b: reshape and flatten that copy are functional operators", "[modes]") {
  const int64_t flat[] = {4};
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2, 3, 4}, {2, 2});
      const In in(mode);
      const Tensor turned = make(tg_t, x);
      const bool records = mode == Mode::normal && (kind == "nl" || kind == "nn");
      for (const Tensor& y :
           {make(tg_reshape, turned, flat, 1), make(tg_flatten, turned, int64_t{0}, int64_t{1})}) {
        CHECK(kind_of(y) == (mode == Mode::inf ? "i0" : records ? "nn" : "n0"));
        CHECK(is_view(y) == 0);
        CHECK(storage(y) != storage(x));
        CHECK(values(y) == Values{1, 3, 2, 4});
      }
    }
  }
}

TEST_CASE("V1c: cat and stack never give a view", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const tg_tensor parts[] = {x};
      const In in(mode);
      for (const auto join : {tg_cat, tg_stack}) {
        const Tensor y = make(join, parts, size_t{1}, int64_t{0});
        CHECK(is_view(y) == 0);
        CHECK(storage(y) != storage(x));
      }
    }
  }
}

TEST_CASE("V1c: as_strided of a view has gradients only for elements that its operand reaches",
          "[modes]") {
  const Tensor w = leaf({1, 2, 3, 4});
  const Tensor x = make(tg_mul_scalar, w, 1.0);
  const Tensor view = make(tg_narrow, x, int64_t{0}, int64_t{1}, int64_t{2});
  const int64_t shape[] = {4}, strides[] = {1};
  const Tensor all = make(tg_as_strided, view, shape, strides, 1, int64_t{0});
  CHECK(values(all) == Values{1, 2, 3, 4});
  ok(backward_ones(all));
  CHECK(grad_values(w) == Values{0, 1, 1, 0});
}

TEST_CASE(
    "V1c: as_strided of an expanded tensor divides a gradient among those that share an element",
    "[modes]") {
  const Tensor w = leaf({1, 2});
  const int64_t three[] = {3, 2}, pair[] = {2, 2}, strides[] = {0, 1};
  const Tensor rows = make(tg_expand, w, three, 2);
  const Tensor again = make(tg_as_strided, rows, pair, strides, 2, int64_t{0});
  const Tensor seed = tensor({1, 2, 5, 4}, {2, 2}, true);
  const tg_tensor roots[] = {again}, grads[] = {seed}, inputs[] = {rows};
  Tensor gradient;
  ok(tg_grad(roots, grads, 1, inputs, 1, TG_CREATE_GRAPH, gradient.out()));
  CHECK(values(gradient) == Values{2, 2, 2, 2, 2, 2});
  ok(backward_ones(gradient));  // each element of the seed was counted three times a third
  CHECK(grad_values(seed) == Values{1, 1, 1, 1});
  ok(tg_tensor_set_grad(w, 0));
  const tg_tensor plain[] = {tg_tensor{seed}};
  ok(tg_backward_from(roots, plain, 1, 0));
  CHECK(grad_values(w) == Values{6, 6});
}

TEST_CASE("V2, V3: a view of a view shares storage and counter, and keeps the storage alive",
          "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    Tensor base = vec({1, 2, 3, 4});
    const In in(mode);
    Tensor view = part(base);
    const Tensor inner = make(tg_select, view, int64_t{0}, int64_t{1});
    CHECK(is_view(inner) == 1);
    CHECK(storage(inner) == storage(base));
    ok(tg_fill_(inner, 9));
    CHECK(version(base) == 1);
    CHECK(version(view) == 1);
    CHECK(values(base) == Values{1, 9, 3, 4});
    base.release();
    view.release();
    CHECK(item(inner) == 9);
    ok(tg_fill_(inner, 5));
    CHECK(version(inner) == 2);
  }
}

TEST_CASE("V4: a view of an inference tensor shares memory; writes outside are a mode error",
          "[modes]") {
  for (const std::string kind : {"i0", "i1"}) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      Tensor view;
      {
        const In in(mode);
        view = make(tg_select, x, int64_t{0}, int64_t{1});
      }
      {
        const In in(Mode::inf);
        ok(tg_fill_(view, 7));
        ok(tg_mul_scalar_(x, 2));
      }
      CHECK(values(x) == Values{2, 14});
      CHECK(item(view) == 14);
      for (const Mode outside : {Mode::normal, Mode::no_grad}) {
        const In in(outside);
        fails(tg_fill_(view, 1), TG_ERROR_MODE, {"tg_fill_", "inside inference mode", "tg_clone"});
        fails(tg_mul_scalar_(x, 2), TG_ERROR_MODE, {"tg_mul_scalar_"});
      }
      CHECK(values(x) == Values{2, 14});
    }
  }
}

TEST_CASE("V6, V22: the origin follows the chain, the stronger one is named", "[modes]") {
  for (const Origin outer : kOrigins) {
    for (const Origin inner : kOrigins) {
      INFO(inner << " view of a view of origin " << outer);
      const Origin strongest = std::max(outer, inner);
      if (strongest == Origin::plain) continue;
      const Tensor base = make(tg_clone, leaf({1, 2, 3, 4}));
      const Tensor parent = view_of(base, outer);
      const In in(inner == Origin::no_grad     ? Mode::no_grad
                  : inner == Origin::inference ? Mode::inf
                                               : Mode::normal);
      Tensor view;
      if (inner == Origin::multi) {
        tg_tensor parts[2] = {0, 0};
        size_t count = 0;
        ok(tg_split(parent, 1, 0, parts, 2, &count));
        view = Tensor(parts[0]);
        ok(tg_release(parts[1]));
      } else {
        view = make(tg_narrow, parent, int64_t{0}, int64_t{0}, int64_t{1});
      }
      const uint64_t normal = 0;
      uint64_t before = 0;
      ok(tg_state_set(normal, &before));
      fails(tg_mul_scalar_(view, 2), error_of(strongest), remedies_of(strongest));
      CHECK(version(base) == 0);
      ok(tg_state_set(before, nullptr));
    }
  }
}

TEST_CASE("V6: outputs of split made in no_grad or inference mode have that origin", "[modes]") {
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    INFO(mode);
    const Tensor base = make(tg_clone, leaf({1, 2, 3, 4}));
    Tensor view;
    {
      const In in(mode);
      view = split_part(base);
    }
    fails(tg_mul_scalar_(view, 2), TG_ERROR_MODE,
          remedies_of(mode == Mode::no_grad ? Origin::no_grad : Origin::inference));
  }
}

TEST_CASE("V7, V8, V10, V11: in-place through a view, by origin, base and mode", "[modes]") {
  for (const Origin origin : kOrigins) {
    for (const std::string base_kind : {"n0", "nl", "nn"}) {
      for (const Mode mode : kModes) {
        for (const bool operand_requires : {false, true}) {
          INFO("view of origin " << origin << " of " << base_kind << ", " << mode
                                 << ", operand requires grad " << operand_requires);
          const Tensor base = of_kind(base_kind, {1, 2, 3, 4}, {4});
          const Tensor view = view_of(base, origin);
          const Tensor operand = vec({10, 10}, operand_requires);
          const Snapshot base_before = snapshot(base);
          const Handle history = grad_fn(base);
          const bool records = mode == Mode::normal && (base_kind != "n0" || operand_requires);
          {
            const In in(mode);
            const tg_status status = tg_add_(view, operand);
            if (!records) {
              ok(status);
            } else if (origin != Origin::plain) {
              fails(status, error_of(origin), remedies_of(origin));
            } else if (base_kind == "nl") {
              fails(status, TG_ERROR_AUTOGRAD, {"tg_add_", "no_grad", "functional form"});
            } else {
              ok(status);
            }
          }
          const bool rewrites = records && origin == Origin::plain && base_kind != "nl";
          if (records && !rewrites) {
            CHECK(snapshot(base) == base_before);
          } else {
            CHECK(values(base) == Values{11, 12, 3, 4});
            CHECK(version(base) == 1);
            CHECK(version(view) == 1);
            CHECK(kind_of(base) == (rewrites ? "nn" : base_kind));
          }
          if (rewrites) {
            if (history != 0) CHECK_FALSE(same(history, grad_fn(base)));
            CHECK(kind_of(view) == "nn");
          } else if (history == 0) {
            CHECK(grad_fn(base) == 0);
          } else {
            CHECK(same(history, grad_fn(base)));
          }
        }
      }
    }
  }
}

TEST_CASE("V9: writing to an expanded tensor is unsupported in every mode, fill_ and zero_ work",
          "[modes]") {
  const int64_t shape[] = {3, 2};
  for (const Mode mode : kModes) {
    INFO(mode);
    const Tensor base = vec({1, 2});
    const In in(mode);
    const Tensor wide = make(tg_expand, base, shape, 2);
    const Tensor other = tensor({1}, {3, 2});
    fails(tg_add_(wide, other), TG_ERROR_UNSUPPORTED, {"tg_add_", "clone"});
    fails(tg_mul_(wide, other), TG_ERROR_UNSUPPORTED, {"tg_mul_", "clone"});
    fails(tg_copy_(wide, other), TG_ERROR_UNSUPPORTED, {"tg_copy_", "clone"});
    fails(tg_exp_(wide), TG_ERROR_UNSUPPORTED, {"tg_exp_", "clone"});
    fails(tg_add_out(other, other, wide), TG_ERROR_UNSUPPORTED, {"tg_add_out", "clone"});
    CHECK(version(base) == 0);
    CHECK(values(base) == Values{1, 2});
    ok(tg_fill_(wide, 7));
    CHECK(values(base) == Values{7, 7});
    ok(tg_zero_(wide));
    CHECK(values(base) == Values{0, 0});
    CHECK(version(base) == 2);
    // A dimension of size 1 with stride 0 is no overlap; other self-overlap is not refused.
    const int64_t one[] = {1, 2}, overlap[] = {2, 2}, strides[] = {0, 1}, ones[] = {1, 1};
    ok(tg_mul_scalar_(make(tg_as_strided, base, one, strides, 2, int64_t{0}), 2));
    const Tensor row = vec({1, 2, 3});
    ok(tg_fill_(make(tg_as_strided, row, overlap, ones, 2, int64_t{0}), 4));
    ok(tg_add_scalar_(make(tg_as_strided, row, overlap, ones, 2, int64_t{0}), 1));
  }
}

TEST_CASE("V9b: operand and target that overlap but are not the very same elements", "[modes]") {
  const Tensor x = vec({1, 2, 3, 4});
  const auto slice = [](tg_tensor t, int64_t start, int64_t end, int64_t step = 1) {
    return make(tg_slice, t, int64_t{0}, start, end, step);
  };
  const Tensor square = tensor({1, 2, 3, 4}, {2, 2});
  for (const Mode mode : kModes) {
    INFO(mode);
    const In in(mode);
    const Values before = values(x), square_before = values(square);
    const int64_t versions = version(x), square_versions = version(square);
    fails(tg_add_(slice(x, 1, 4), slice(x, 0, 3)), TG_ERROR_UNSUPPORTED, {"tg_add_", "tg_clone"});
    fails(tg_copy_(slice(x, 1, 4), slice(x, 0, 3)), TG_ERROR_UNSUPPORTED, {"tg_copy_"});
    fails(tg_add_out(slice(x, 1, 4), vec({1, 1, 1}), slice(x, 0, 3)), TG_ERROR_UNSUPPORTED,
          {"tg_add_out"});
    fails(tg_add_(square, make(tg_t, square)), TG_ERROR_UNSUPPORTED, {"tg_add_"});
    fails(tg_add_(square, make(tg_narrow, square, int64_t{1}, int64_t{0}, int64_t{1})),
          TG_ERROR_UNSUPPORTED, {"tg_add_"});
    CHECK(values(x) == before);
    CHECK(values(square) == square_before);
    CHECK(version(x) == versions);
    CHECK(version(square) == square_versions);
    ok(tg_add_(x, x));
    ok(tg_add_(slice(x, 0, 2), slice(x, 2, 4)));         // disjoint
    ok(tg_copy_(slice(x, 0, 4, 2), slice(x, 1, 4, 2)));  // interleaved
    ok(tg_mul_out(x, x, x));
  }
}

TEST_CASE("V12, V20, V21: which views become stale, by origin, writer and mode", "[modes]") {
  for (const Origin origin : kOrigins) {
    for (const std::string base_kind : {"nl", "nn"}) {
      for (const bool through_view : {false, true}) {
        for (const Mode mode : {Mode::no_grad, Mode::inf}) {
          INFO("view of origin " << origin << " of " << base_kind << ", changed through "
                                 << (through_view ? "another view" : "the base") << ", " << mode);
          const Tensor base = of_kind(base_kind, {1, 2, 3, 4}, {4});
          const Tensor view = view_of(base, origin);
          const int32_t leaf_before = is_leaf(view);
          {
            const In in(mode);
            ok(tg_mul_scalar_(through_view ? part(base) : make(tg_alias, base), 2));
          }
          CHECK(is_leaf(view) == leaf_before);
          CHECK(requires_grad(view) == 1);
          CHECK(is_inference(view) == 0);
          CHECK(is_view(view) == 1);
          CHECK(version(view) == 1);
          CHECK_FALSE(has_grad(view));
          CHECK(values(make(tg_detach, view)) == Values{2, 4});
          Values copied(2);
          ok(tg_tensor_copy_out(view, copied.data(), sizeof(double) * 2));
          CHECK(copied == Values{2, 4});
          for (const Mode later : {Mode::no_grad, Mode::inf}) {
            const In in(later);
            CHECK(values(make(tg_mul_scalar, view, 3.0)) == Values{6, 12});
          }
          tg_node node = 99;
          const tg_status asked = tg_tensor_grad_fn(view, &node);
          if (origin == Origin::plain) {
            ok(asked);
            ok(tg_release(node));
            ok(backward_ones(make(tg_mul_scalar, view, 3.0)));
          } else {
            fails(asked, error_of(origin), {"tg_tensor_grad_fn"});
            CHECK(node == 0);
            Phrases phrases = remedies_of(origin);
            phrases.push_back("tg_mul_scalar");
            fails(attempt(tg_mul_scalar, view, 3.0), error_of(origin), phrases);
            fails(attempt(tg_select, view, int64_t{0}, int64_t{0}), error_of(origin));
          }
        }
      }
    }
  }
}

TEST_CASE(
    "V12: a recorded change of the base makes views of origin multi, no_grad, inference stale",
    "[modes]") {
  for (const Origin origin : {Origin::multi, Origin::no_grad, Origin::inference}) {
    INFO(origin);
    const Tensor base = make(tg_clone, leaf({1, 2, 3, 4}));
    const Tensor view = view_of(base, origin);
    ok(tg_mul_scalar_(base, 2));
    fails(attempt(tg_mul_scalar, view, 3.0), error_of(origin), remedies_of(origin));
    tg_node node = 99;
    fails(tg_tensor_grad_fn(view, &node), error_of(origin));
  }
}

TEST_CASE("V12: views of a base that requires no grad are never stale", "[modes]") {
  for (const Origin origin : kOrigins) {
    for (const Mode mode : kModes) {
      INFO(origin << ", " << mode);
      const Tensor base = vec({1, 2, 3, 4});
      const Tensor view = view_of(base, origin);
      {
        const In in(mode);
        ok(tg_mul_scalar_(base, 2));
      }
      CHECK(grad_fn(view) == 0);
      CHECK(kind_of(make(tg_mul_scalar, view, 3.0)) == "n0");
      CHECK(kind_of(make(tg_mul, view, leaf({1, 1}))) == "nn");
    }
  }
}

TEST_CASE("T5: on a stale view tg_tensor_grad gives the .grad that was stored", "[modes]") {
  for (const Origin origin : {Origin::no_grad, Origin::inference}) {
    INFO(origin);
    const Tensor base = leaf({1, 2, 3, 4});
    const Tensor view = view_of(base, origin);
    const Tensor grad = vec({5, 6});
    ok(tg_tensor_set_grad(view, grad));
    {
      const In in(Mode::no_grad);
      ok(tg_mul_scalar_(base, 2));
    }
    fails(attempt(tg_mul_scalar, view, 2.0), TG_ERROR_MODE);
    CHECK(grad_values(view) == Values{5, 6});
    CHECK(is_leaf(view) == 1);
  }
}

TEST_CASE("V13: a recorded change that makes the base require grad makes its view stale",
          "[modes]") {
  for (const Origin origin : {Origin::multi, Origin::no_grad, Origin::inference}) {
    INFO(origin);
    const Tensor base = vec({1, 2, 3, 4});
    const Tensor view = view_of(base, origin);
    ok(tg_mul_(base, leaf({2, 2, 2, 2})));
    CHECK(kind_of(base) == "nn");
    CHECK(requires_grad(view) == 1);
    CHECK(is_leaf(view) == 1);
    tg_node node = 99;
    fails(tg_tensor_grad_fn(view, &node), error_of(origin));
    fails(attempt(tg_mul_scalar, view, 3.0), error_of(origin), remedies_of(origin));
  }
}

TEST_CASE("V14: in-place through detach adds to both versions and breaks what was saved",
          "[modes]") {
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  const Tensor y = make(tg_mul, x, x);
  const Tensor detached = make(tg_detach, x);
  CHECK(storage(detached) == storage(x));
  ok(tg_add_scalar_(detached, 1));
  CHECK(version(x) == 1);
  CHECK(version(detached) == 1);
  CHECK(values(x) == Values{3, 5});
  fails(backward_ones(y), TG_ERROR_VERSION);
  ok(tg_tensor_set_requires_grad(detached, 1));
  CHECK(kind_of(detached) == "nl");
  CHECK(kind_of(x) == "nn");
}

TEST_CASE("V15: detach_ on a view is an autograd error", "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    const Tensor base = make(tg_clone, leaf({1, 2, 3, 4}));
    const Tensor view = part(base);
    const In in(mode);
    const Snapshot before = snapshot(view);
    fails(tg_detach_(view), TG_ERROR_AUTOGRAD, {"tg_detach_", "view"});
    CHECK(snapshot(view) == before);
  }
}

TEST_CASE("V25: set_requires_grad(1) on a view of n0, then in-place on the base", "[modes]") {
  const Tensor base = vec({1, 2, 3, 4});
  const Tensor view = part(base);
  ok(tg_tensor_set_requires_grad(view, 1));
  ok(tg_mul_scalar_(base, 2));
  CHECK(kind_of(view) == "nl");
  CHECK(version(view) == 1);
  ok(backward_ones(make(tg_mul_scalar, view, 3.0)));
  CHECK(grad_values(view) == Values{3, 3});
}

TEST_CASE("V26: view and kin to the same shape give a view, flatten of rank 1 the same tensor",
          "[modes]") {
  const int64_t shape[] = {2};
  for (const std::string kind : {"n0", "nl", "nn"}) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const In in(mode);
      const Tensor views[] = {make(tg_view, x, shape, 1), make(tg_expand, x, shape, 1),
                              make(tg_squeeze, x), make(tg_transpose, x, int64_t{0}, int64_t{0}),
                              make(tg_reshape, x, shape, 1)};
      for (const Tensor& view : views) {
        CHECK(is_view(view) == 1);
        CHECK_FALSE(same(view, x));
        CHECK(storage(view) == storage(x));
      }
      CHECK(same(x, make(tg_flatten, x, int64_t{0}, int64_t{0})));
    }
  }
}
