// SPDX-License-Identifier: MIT
// Backward (rules B1 to B14, B30, B31, B40 to B43, B46): what may be a root, what a pass frees,
// what it leaves behind when it fails.
#include <cmath>

#include "capi/tensors.h"

using namespace capi;

namespace {

// tg_backward_from with one root and one gradient (0: none).
tg_status backward_from(tg_tensor root, tg_tensor grad, uint32_t flags = 0) {
  return tg_backward_from(&root, &grad, 1, flags);
}
// The gradient of one root (with a gradient of its own or 0) by one input.
tg_status grad_by(tg_tensor root, tg_tensor grad, tg_tensor input, uint32_t flags, Tensor* out) {
  return tg_grad(&root, &grad, 1, &input, 1, flags, out->out());
}
Tensor square_of(tg_tensor x) { return make(tg_mul, x, x); }
Tensor sum_of(tg_tensor x) { return make(tg_sum, x); }

}  // namespace

TEST_CASE("B1: a root without a given gradient must have exactly one element, of any rank",
          "[modes]") {
  const Tensor w = tensor({3}, {1, 1, 1}, true);
  ok(tg_backward(square_of(w)));
  CHECK(grad_values(w) == Values{6});
  const Tensor two = leaf({1, 2}), none = tensor({}, {0}, true);
  fails(tg_backward(square_of(two)), TG_ERROR_AUTOGRAD,
        {"tg_backward", "[2]", "tg_sum", "tg_backward_from"});
  fails(tg_backward(make(tg_exp, none)), TG_ERROR_AUTOGRAD, {"tg_backward", "[0]"});
  fails(backward_from(square_of(two), 0), TG_ERROR_AUTOGRAD, {"tg_backward_from", "tg_sum"});
  CHECK_FALSE(has_grad(two));
}

TEST_CASE("B2, B30: what may be a root, kind by kind and mode by mode", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {2}, {});
      const Snapshot before = snapshot(x);
      const In in(mode);
      const tg_status status = tg_backward(x);
      if (mode == Mode::inf) {
        fails(status, TG_ERROR_MODE, {"tg_backward"});
      } else if (kind[0] == 'i') {
        fails(status, TG_ERROR_MODE, {"tg_backward", "inference tensor", "inference mode"});
      } else if (kind == "n0") {
        fails(status, TG_ERROR_AUTOGRAD, {"tg_backward", "0"});
      } else {
        ok(status);
        if (kind == "nl") CHECK(grad_values(x) == Values{1});
        if (kind == "nn") CHECK_FALSE(has_grad(x));
        CHECK(kind_of(x) == kind);
        continue;
      }
      CHECK(snapshot(x) == before);
    }
  }
}

TEST_CASE("B2: the message says which root, by index, and why", "[modes]") {
  const Tensor w = leaf({2});
  Tensor made_in_no_grad;
  {
    const In in(Mode::no_grad);
    made_in_no_grad = square_of(w);
  }
  const Tensor good = square_of(w), plain = vec({3});
  const tg_tensor roots[] = {good, made_in_no_grad};
  fails(tg_backward_from(roots, nullptr, 2, 0), TG_ERROR_AUTOGRAD,
        {"tg_backward_from", "1", "no_grad"});
  const tg_tensor others[] = {plain, good};
  fails(tg_backward_from(others, nullptr, 2, 0), TG_ERROR_AUTOGRAD,
        {"tg_backward_from", "0", "require grad"});
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("B31: what may be an input of tg_grad, kind by kind and mode by mode", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      for (const uint32_t flags : {0, int{TG_ALLOW_UNUSED}}) {
        INFO(kind << ", " << mode << ", flags " << flags);
        const Tensor x = of_kind(kind, {2}, {});
        const bool wants = kind == "nl" || kind == "nn";
        const Tensor root = wants ? square_of(x) : square_of(leaf({3}));
        const In in(mode);
        Tensor grad;
        const tg_status status = grad_by(root, 0, x, flags, &grad);
        if (wants && mode != Mode::inf) {
          ok(status);
          CHECK(values(grad) == Values{4});
          CHECK_FALSE(has_grad(x));
          continue;
        }
        CHECK(grad == 0);
        if (kind == "n0" && mode != Mode::inf) {
          fails(status, TG_ERROR_AUTOGRAD, {"tg_grad", "0"});
        } else {
          fails(status, TG_ERROR_MODE, {"tg_grad", "inference mode"});
        }
      }
    }
  }
}

TEST_CASE("B3: a second backward through a node that saved tensors is an autograd error",
          "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = square_of(w);
  ok(tg_backward(y));
  fails(tg_backward(y), TG_ERROR_AUTOGRAD,
        {"tg_backward", "MulBackward", "TG_RETAIN_GRAPH", "anew"});
  fails(backward_from(y, 0, TG_RETAIN_GRAPH), TG_ERROR_AUTOGRAD, {"tg_backward_from"});
  Tensor grad;
  fails(grad_by(y, 0, w, 0, &grad), TG_ERROR_AUTOGRAD, {"tg_grad"});
  CHECK(grad == 0);
  CHECK(grad_values(w) == Values{6});
}

TEST_CASE("B3b: nodes that saved nothing stay usable", "[modes]") {
  const Tensor w = leaf({3, 4});
  const Tensor y = sum_of(make(tg_add_scalar, w, 1.0));
  ok(tg_backward(y));
  ok(tg_backward(y));
  CHECK(grad_values(w) == Values{2, 2});
  const Tensor shared = make(tg_add_scalar, w, 1.0);
  const Tensor first = sum_of(square_of(shared)), second = sum_of(make(tg_mul_scalar, shared, 2.0));
  ok(tg_backward(first));
  ok(tg_backward(second));
  CHECK(grad_values(w) == Values{12, 14});
}

TEST_CASE("B4: with TG_RETAIN_GRAPH backward may be repeated; two graphs over one leaf add up",
          "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = square_of(w);
  for (int i = 1; i <= 3; ++i) {
    ok(backward_from(y, 0, TG_RETAIN_GRAPH));
    CHECK(grad_values(w) == Values{6.0 * i});
  }
  ok(tg_backward(make(tg_exp, make(tg_mul_scalar, w, 0.0))));
  ok(tg_backward(make(tg_mul_scalar, w, 5.0)));
  CHECK(grad_values(w) == Values{23});
}

TEST_CASE("B5: a given gradient has the root's shape exactly; another dtype is cast", "[modes]") {
  const Tensor w = tensor({1, 2}, {1, 2}, true);
  const Tensor y = make(tg_mul_scalar, w, 3.0);
  for (const Sizes& sizes : {Sizes{2}, Sizes{1}, Sizes{}, Sizes{2, 1}, Sizes{2, 2}}) {
    fails(backward_from(y, tensor({1}, sizes)), TG_ERROR_SHAPE, {"tg_backward_from", "[1, 2]"});
  }
  const Tensor scalar = sum_of(y);
  fails(backward_from(scalar, tensor({1}, {1})), TG_ERROR_SHAPE, {"tg_backward_from"});
  CHECK_FALSE(has_grad(w));
  ok(backward_from(y, indices({2, 5}, {1, 2})));
  CHECK(grad_values(w) == Values{6, 15});
  ok(backward_from(y, make(tg_to_dtype, tensor({1}, {1, 2}), TG_FLOAT32)));
  CHECK(grad_values(w) == Values{9, 18});
  const Tensor grad = grad_of(w);
  int32_t dtype = 0;
  ok(tg_tensor_dtype(grad, &dtype));
  CHECK(dtype == TG_FLOAT64);
}

TEST_CASE("B5b: a given gradient that requires grad enters the graph only with TG_CREATE_GRAPH",
          "[modes]") {
  const Tensor w = leaf({3}), v = leaf({2});
  const Tensor y = square_of(w);
  Tensor grad;
  ok(grad_by(y, v, w, TG_RETAIN_GRAPH, &grad));
  CHECK(values(grad) == Values{12});
  CHECK(kind_of(grad) == "n0");
  ok(grad_by(y, v, w, TG_CREATE_GRAPH, &grad));
  CHECK(kind_of(grad) == "nn");
  ok(tg_backward(grad));  // 2 w v
  CHECK(grad_values(v) == Values{6});
  CHECK(grad_values(w) == Values{4});
}

TEST_CASE("B6: an input that the roots do not reach", "[modes]") {
  const Tensor w = leaf({3}), unused = leaf({4});
  ok(tg_tensor_set_name(unused, "spare"));
  const Tensor y = square_of(w);
  const tg_tensor root = y, inputs[] = {w, unused};
  tg_tensor outs[] = {7, 7};
  fails(tg_grad(&root, nullptr, 1, inputs, 2, 0, outs), TG_ERROR_AUTOGRAD,
        {"tg_grad", "1", "spare", "TG_ALLOW_UNUSED", "operand"});
  CHECK(outs[0] == 0);
  CHECK(outs[1] == 0);
  const Tensor again = square_of(w);
  const tg_tensor root_again = again;
  ok(tg_grad(&root_again, nullptr, 1, inputs, 2, TG_ALLOW_UNUSED, outs));
  const Tensor grad(outs[0]);
  CHECK(values(grad) == Values{6});
  CHECK(outs[1] == 0);
}

TEST_CASE("B6b: an input that requires no grad is an autograd error, TG_ALLOW_UNUSED or not",
          "[modes]") {
  const Tensor w = leaf({3}), plain = vec({4});
  ok(tg_tensor_set_name(plain, "plain"));
  for (const uint32_t flags : {uint32_t{0}, uint32_t{TG_ALLOW_UNUSED}}) {
    for (const bool is_used : {false, true}) {
      const Tensor y = make(tg_mul, w, is_used ? plain : w);
      const tg_tensor root = y, inputs[] = {w, plain};
      tg_tensor outs[] = {7, 7};
      fails(tg_grad(&root, nullptr, 1, inputs, 2, flags, outs), TG_ERROR_AUTOGRAD,
            {"inputs[1]", "plain", "does not require grad"});
      CHECK(outs[0] == 0);
      CHECK(outs[1] == 0);
      ok(backward_ones(y));  // nothing of the graph was freed
    }
  }
}

TEST_CASE("B6c: tg_grad touches no .grad; the same input twice; an input that is the root",
          "[modes]") {
  const Tensor w = leaf({3, 4});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  ok(tg_tensor_retain_grad(x));
  const Tensor y = square_of(x);
  const Tensor given = vec({5, 6});
  const tg_tensor root = y, given_one = given, inputs[] = {w, w, y, x};
  tg_tensor outs[4] = {0, 0, 0, 0};
  ok(tg_grad(&root, &given_one, 1, inputs, 4, 0, outs));
  Tensor grads[4];
  for (int i = 0; i < 4; ++i) grads[i] = Tensor(outs[i]);
  CHECK(values(grads[0]) == Values{5 * 24, 6 * 32});  // d(4 w^2) = 8 w
  CHECK(values(grads[1]) == values(grads[0]));
  CHECK(values(grads[2]) == Values{5, 6});
  CHECK(values(grads[3]) == Values{5 * 12, 6 * 16});
  CHECK_FALSE(has_grad(w));
  CHECK_FALSE(has_grad(x));
}

TEST_CASE(
    "B7: the second gradient is added in place; with TG_CREATE_GRAPH a new tensor replaces it",
    "[modes]") {
  const Tensor w = leaf({3});
  ok(tg_backward(square_of(w)));
  const Tensor first = grad_of(w);
  CHECK(version(first) == 0);
  ok(tg_backward(square_of(w)));
  CHECK(same(first, grad_of(w)));
  CHECK(values(first) == Values{12});
  CHECK(version(first) == 1);
  ok(backward_from(square_of(w), 0, TG_CREATE_GRAPH));
  CHECK_FALSE(same(first, grad_of(w)));
  CHECK(values(first) == Values{12});
  CHECK(grad_values(w) == Values{18});
}

TEST_CASE("B7b: the first .grad shares memory with nothing that the caller or a leaf can reach",
          "[modes]") {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4}), given = vec({5, 6});
  ok(backward_from(make(tg_add, a, b), given));
  CHECK(storage(grad_of(a)) != storage(grad_of(b)));
  CHECK(storage(grad_of(a)) != storage(given));
  CHECK(storage(grad_of(b)) != storage(given));
  ok(tg_zero_(grad_of(a)));
  CHECK(grad_values(b) == Values{5, 6});
  CHECK(values(given) == Values{5, 6});
  const Tensor root = leaf({1, 2});
  ok(backward_from(root, given));
  CHECK(storage(grad_of(root)) != storage(given));
}

TEST_CASE("B7c: shape, dtype, strides and flags of a .grad that backward makes", "[modes]") {
  const auto strides_of = [](tg_tensor x) {
    int64_t strides[2];
    int32_t rank = 0;
    ok(tg_tensor_strides(x, strides, 2, &rank));
    return Sizes(strides, strides + rank);
  };
  double memory[16] = {};
  const int64_t shape[] = {2, 3}, columns[] = {1, 2}, gaps[] = {6, 2};
  struct Row {
    const int64_t* strides;
    Sizes expected;
  };
  for (const Row& row : {Row{columns, {1, 2}}, Row{gaps, {3, 1}}, Row{nullptr, {3, 1}}}) {
    Tensor w;
    ok(tg_tensor_from_memory(memory, TG_FLOAT64, shape, row.strides, 2, 0, nullptr, nullptr,
                             w.out()));
    ok(tg_tensor_set_requires_grad(w, 1));
    ok(backward_ones(make(tg_mul_scalar, w, 2.0)));
    const Tensor grad = grad_of(w);
    CHECK(kind_of(grad) == "n0");
    CHECK(is_view(grad) == 0);
    CHECK(strides_of(grad) == row.expected);
    CHECK(values(grad) == Values(6, 2));
    ok(tg_tensor_set_grad(w, 0));
    ok(tg_backward(sum_of(w)));  // a gradient that comes with strides of 0
    CHECK(strides_of(grad_of(w)) == row.expected);
  }
}

TEST_CASE("B7d: one tensor set as .grad of two leaves collects both gradients", "[modes]") {
  const Tensor a = leaf({1, 2}), b = leaf({3, 4}), shared = vec({0, 0});
  ok(tg_tensor_set_grad(a, shared));
  ok(tg_tensor_set_grad(b, shared));
  ok(backward_ones(make(tg_add, make(tg_mul_scalar, a, 2.0), make(tg_mul_scalar, b, 3.0))));
  CHECK(values(shared) == Values{5, 5});
}

TEST_CASE("B8: what set_grad refuses; n0 may hold a .grad", "[modes]") {
  const Tensor w = leaf({1, 2}), n0 = vec({1, 2});
  fails(tg_tensor_set_grad(w, vec({1, 2, 3})), TG_ERROR_SHAPE, {"tg_tensor_set_grad"});
  fails(tg_tensor_set_grad(w, tensor({1}, {2, 1})), TG_ERROR_SHAPE);
  fails(tg_tensor_set_grad(w, make(tg_to_dtype, n0, TG_FLOAT32)), TG_ERROR_DTYPE,
        {"tg_tensor_set_grad", "float32", "float64"});
  fails(tg_tensor_set_grad(w, w), TG_ERROR_INVALID_ARGUMENT, {"tg_tensor_set_grad"});
  const Tensor second_handle = make(tg_alias, w);
  fails(tg_tensor_set_grad(w, second_handle), TG_ERROR_INVALID_ARGUMENT);
  CHECK_FALSE(has_grad(w));
  ok(tg_tensor_set_grad(n0, vec({5, 6})));
  CHECK(grad_values(n0) == Values{5, 6});
  CHECK(kind_of(n0) == "n0");
}

TEST_CASE("B9: TG_CREATE_GRAPH makes gradients that can be differentiated again", "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = make(tg_mul, square_of(w), w);
  Tensor first, second, third;
  ok(grad_by(y, 0, w, TG_CREATE_GRAPH, &first));
  CHECK(values(first) == Values{27});
  ok(grad_by(first, 0, w, TG_CREATE_GRAPH, &second));
  CHECK(values(second) == Values{18});
  ok(grad_by(second, 0, w, 0, &third));
  CHECK(values(third) == Values{6});
  CHECK(kind_of(third) == "n0");
  ok(grad_by(y, 0, w, 0, &first));  // the graph was retained
  CHECK(kind_of(first) == "n0");
  fails(grad_by(first, 0, w, 0, &second), TG_ERROR_AUTOGRAD, {"tg_grad"});
}

TEST_CASE("B9b: TG_CREATE_GRAPH works in no_grad", "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = make(tg_mul, square_of(w), w);
  Tensor first, second;
  const In in(Mode::no_grad);
  ok(grad_by(y, 0, w, TG_CREATE_GRAPH, &first));
  CHECK(kind_of(first) == "nn");
  CHECK(tg_is_grad_enabled() == 0);
  ok(grad_by(first, 0, w, 0, &second));
  CHECK(values(second) == Values{18});
}

TEST_CASE("B10, B48: .grad of nn stays none unless retain_grad was called, in any mode",
          "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    const Tensor w = leaf({3});
    const Tensor x = make(tg_mul_scalar, w, 2.0), other = make(tg_mul_scalar, w, 2.0);
    {
      const In in(mode);
      ok(tg_tensor_retain_grad(x));
      ok(tg_tensor_retain_grad(x));
    }
    const Tensor y = make(tg_add, square_of(x), other);
    Tensor grad;
    ok(grad_by(y, 0, other, TG_RETAIN_GRAPH, &grad));
    CHECK(values(grad) == Values{1});
    CHECK_FALSE(has_grad(x));
    ok(backward_from(y, 0, TG_RETAIN_GRAPH));
    CHECK(grad_values(x) == Values{12});
    ok(backward_from(y, 0, TG_RETAIN_GRAPH));
    CHECK(grad_values(x) == Values{24});
    CHECK_FALSE(has_grad(other));
    CHECK_FALSE(has_grad(y));
    CHECK(grad_values(w) == Values{52});
  }
}

TEST_CASE("B11: backward works in no_grad on a graph recorded before; in inference mode never",
          "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = square_of(w);
  Tensor grad;
  {
    const In in(Mode::no_grad);
    ok(backward_from(y, 0, TG_RETAIN_GRAPH));
    ok(grad_by(y, 0, w, TG_RETAIN_GRAPH, &grad));
    CHECK(kind_of(grad) == "n0");
  }
  const In in(Mode::inf);
  for (const bool grad_enabled : {false, true}) {
    if (grad_enabled) ok(tg_enable_grad_enter());
    fails(tg_backward(y), TG_ERROR_MODE, {"tg_backward", "inference mode"});
    fails(backward_from(y, 0, TG_RETAIN_GRAPH), TG_ERROR_MODE,
          {"tg_backward_from", "tg_inference_mode_enter(0)"});
    fails(grad_by(y, 0, w, 0, &grad), TG_ERROR_MODE, {"tg_grad", "tg_inference_mode_enter(0)"});
    if (grad_enabled) ok(tg_enable_grad_exit());
  }
  CHECK(grad_values(w) == Values{6});
  ok(tg_inference_mode_enter(0));
  ok(tg_backward(y));
  CHECK(grad_values(w) == Values{12});
  CHECK(kind_of(grad_of(w)) == "n0");
  ok(tg_inference_mode_exit());
}

TEST_CASE("B12: several roots are one pass; the same root twice counts twice", "[modes]") {
  const Tensor w = leaf({3}), plain = vec({1});
  const Tensor trunk = square_of(w);
  const Tensor a = make(tg_exp, make(tg_mul_scalar, trunk, 0.0)), b = square_of(trunk);
  const tg_tensor roots[] = {a, b, b};
  ok(tg_backward_from(roots, nullptr, 3, 0));
  CHECK(grad_values(w) == Values{216});  // 2 * d(w^4) = 8 w^3
  const Tensor good = square_of(w);
  const tg_tensor mixed[] = {good, plain};
  fails(tg_backward_from(mixed, nullptr, 2, 0), TG_ERROR_AUTOGRAD, {"tg_backward_from", "1"});
  CHECK(grad_values(w) == Values{216});
  ok(tg_backward(good));
  fails(tg_backward_from(roots, nullptr, 0, 0), TG_ERROR_INVALID_ARGUMENT, {"tg_backward_from"});
  tg_tensor out = 0;
  const tg_tensor input = w;
  fails(tg_grad(roots, nullptr, 0, &input, 1, 0, &out), TG_ERROR_INVALID_ARGUMENT, {"tg_grad"});
}

TEST_CASE("B14, B41: a version error in the middle leaves every .grad as it was", "[modes]") {
  for (const uint32_t flags : {0, int{TG_RETAIN_GRAPH}}) {
    INFO(flags);
    const Tensor early = leaf({2}), late = leaf({3});
    const Tensor saved = make(tg_mul_scalar, late, 1.0);
    const Tensor y = make(tg_mul, square_of(early), square_of(saved));
    ok(tg_tensor_set_grad(late, vec({100})));
    {
      const In in(Mode::no_grad);
      ok(tg_fill_(saved, 3));
    }
    fails(backward_from(y, 0, flags), TG_ERROR_VERSION, {"tg_backward_from"});
    CHECK_FALSE(has_grad(early));
    CHECK(grad_values(late) == Values{100});
    CHECK(version(grad_of(late)) == 0);
    // What had run is freed without TG_RETAIN_GRAPH; with it the pass may be tried again.
    fails(backward_from(y, 0, 0), flags == 0 ? TG_ERROR_AUTOGRAD : TG_ERROR_VERSION);
  }
}

TEST_CASE(
    "B14: a pass that runs out of memory leaves every .grad and, with TG_RETAIN_GRAPH, the graph",
    "[modes]") {
  const Tensor w = tensor({0.5}, {1 << 14}, true), first = leaf({2});
  const Tensor y = make(tg_mul, sum_of(make(tg_exp, make(tg_sin, square_of(w)))), first);
  ok(tg_tensor_set_grad(first, vec({100})));
  const Tensor before = grad_of(first);
  int refused = 0;
  tg_status status = TG_ERROR_OUT_OF_MEMORY;
  for (uint64_t room = 1; status == TG_ERROR_OUT_OF_MEMORY; room += 64 * 1024) {
    REQUIRE(room < 64 * 1024 * 1024);
    ok(tg_memory_limit_set(tg_memory_current() + room));
    status = backward_from(y, 0, TG_RETAIN_GRAPH);
    ok(tg_memory_limit_set(0));
    if (status == TG_OK) break;
    ++refused;
    fails(status, TG_ERROR_OUT_OF_MEMORY, {"tg_backward_from"});
    CHECK_FALSE(has_grad(w));
    CHECK(same(before, grad_of(first)));
    CHECK(values(before) == Values{100});
    CHECK(version(before) == 0);
  }
  ok(status);
  CHECK(refused > 1);
  const double expected = 2 * std::exp(std::sin(0.25)) * std::cos(0.25) * 2 * 0.5;
  CHECK(grad_values(w)[7] == Approx(expected));
  CHECK(values(before)[0] == Approx(100 + (1 << 14) * std::exp(std::sin(0.25))));
  CHECK(version(before) == 1);
}

TEST_CASE("B40: an inference tensor as root, input or given gradient, in every mode", "[modes]") {
  for (const std::string kind : {"i0", "i1"}) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor w = leaf({3}), i = of_kind(kind, {1}, {1});
      const Tensor y = square_of(w);
      const tg_tensor roots[] = {y, i}, good[] = {y, y}, grads[] = {0, i}, inputs[] = {w, i};
      tg_tensor outs[] = {7, 7};
      const In in(mode);
      fails(tg_backward_from(roots, nullptr, 2, 0), TG_ERROR_MODE, {"tg_backward_from"});
      if (mode != Mode::inf) {
        fails(tg_backward_from(roots, nullptr, 2, 0), TG_ERROR_MODE, {"1", "inference tensor"});
        fails(tg_backward_from(good, grads, 2, 0), TG_ERROR_MODE,
              {"grad_outputs", "1", "inference tensor"});
        fails(tg_grad(good, nullptr, 2, inputs, 2, TG_ALLOW_UNUSED, outs), TG_ERROR_MODE,
              {"inputs", "1", "inference tensor"});
        CHECK(outs[0] == 0);
        CHECK(outs[1] == 0);
      }
      CHECK_FALSE(has_grad(w));
    }
  }
}

TEST_CASE("B42: freed nodes keep grad_fn, name and requires_grad; a new head over them fails",
          "[modes]") {
  const Tensor w = leaf({3});
  const Tensor y = square_of(w);
  ok(tg_backward(y));
  CHECK(kind_of(y) == "nn");
  CHECK(node_name(grad_fn(y)) == "MulBackward");
  fails(tg_backward(make(tg_mul_scalar, y, 2.0)), TG_ERROR_AUTOGRAD, {"TG_RETAIN_GRAPH"});
  CHECK(grad_values(w) == Values{6});
}

TEST_CASE("B43: freeing follows the nodes that ran", "[modes]") {
  const Tensor w = leaf({3});
  const Tensor a = square_of(w), b = square_of(w);
  ok(tg_backward(a));
  ok(tg_backward(b));
  CHECK(grad_values(w) == Values{12});
}

TEST_CASE("B46: a tensor changed in place is, as input of tg_grad, its new value", "[modes]") {
  const Tensor w = leaf({3});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  const Tensor y = make(tg_add_scalar, x, 1.0);
  ok(tg_mul_scalar_(x, 10));
  Tensor grad;
  fails(grad_by(y, 0, x, 0, &grad), TG_ERROR_AUTOGRAD, {"tg_grad"});
  ok(grad_by(y, 0, x, TG_ALLOW_UNUSED, &grad));
  CHECK(grad == 0);
  ok(grad_by(y, 0, w, 0, &grad));
  CHECK(values(grad) == Values{2});
}
