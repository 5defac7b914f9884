// SPDX-License-Identifier: MIT
// Operators of the caller: values, gradients, modes, what backward sees, and what a call keeps.
#include <thread>

#include "capi/operators.h"

using namespace capi;

TEST_CASE("an operator of the caller has the gradient that its backward gives", "[operators]") {
  const Handle op = product_operator();
  const Tensor x = leaf({1, -2, 3}), y = leaf({4, 5, 0.5});
  const Tensor z = run(op, {x, y});
  CHECK(values(z) == Values{4, -10, 1.5});
  CHECK(kind_of(z) == "nn");
  CHECK(node_name(grad_fn(z)) == "productBackward");
  ok(backward_ones(z));
  CHECK(grad_values(x) == Values{4, 5, 0.5});
  CHECK(grad_values(y) == Values{1, -2, 3});
  check_gradients([&](const Inputs& in) { return run(op, in); }, {x, y});
}

TEST_CASE("its node has the inputs' nodes and the bytes that were saved", "[operators]") {
  const Handle op = product_operator();
  const Tensor x = leaf({1, -2, 3}), y = vec({4, 5, 6});
  const Tensor z = run(op, {x, y});
  const Handle node = grad_fn(z);
  tg_node inputs[2] = {1, 1};
  size_t count = 0;
  ok(tg_node_inputs(node, inputs, 2, &count));
  CHECK(count == 2);
  CHECK(node_name(inputs[0]) == "AccumulateGrad");
  CHECK(inputs[1] == 0);
  tg_release(inputs[0]);
  uint64_t bytes = 0;
  ok(tg_node_saved_bytes(node, &bytes));
  CHECK(bytes == 48);
  ok(backward_ones(z));
  ok(tg_node_saved_bytes(node, &bytes));
  CHECK(bytes == 0);
}

TEST_CASE("B9: with TG_CREATE_GRAPH what backward computes is differentiated again",
          "[operators]") {
  const Tensor x = leaf({0.5, -1, 2});
  const bool of_product = GENERATE(true, false);
  const Handle op = of_product ? product_operator() : exponential();
  const Inputs inputs = of_product ? Inputs{x, x} : Inputs{x};
  const Tensor y = make(tg_sum, run(op, inputs));
  tg_tensor first = 0, second = 0;
  const tg_tensor roots[] = {y}, leaves[] = {x};
  ok(tg_grad(roots, nullptr, 1, leaves, 1, TG_CREATE_GRAPH, &first));
  const Tensor g(first);
  const Tensor again = make(tg_sum, g);
  const tg_tensor next[] = {again};
  ok(tg_grad(next, nullptr, 1, leaves, 1, 0, &second));
  const Tensor h(second);
  CHECK(values(h) == (of_product ? Values{2, 2, 2} : values(make(tg_exp, x))));
}

TEST_CASE("a tensor that is neither input nor result is saved with the past that it has",
          "[operators]") {
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  const Tensor scale = make(tg_mul, w, w);  // nn, and no input
  const Handle op = custom(
      "scaled",
      [&](const Forward& f) -> int32_t {
        const tg_tensor kept[] = {scale};
        TRY(tg_context_save_for_backward(f.context, kept, 1));
        return tg_mul(f.inputs[0], scale, &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        return tg_mul(b.grad_outputs[0], saved(b.context, 0), &b.grad_inputs[0]);
      });
  const Tensor y = make(tg_sum, run(op, {x}));
  const tg_tensor roots[] = {y}, leaves[] = {x}, others[] = {w};
  Tensor g, h;
  ok(tg_grad(roots, nullptr, 1, leaves, 1, TG_CREATE_GRAPH, g.out()));
  CHECK(values(g) == Values{9, 16});
  const Tensor sum = make(tg_sum, g);
  const tg_tensor next[] = {sum};
  ok(tg_grad(next, nullptr, 1, others, 1, 0, h.out()));
  CHECK(values(h) == Values{6, 8});
}

TEST_CASE("H16: forward and backward run with grad mode 0, backward with 1 under TG_CREATE_GRAPH",
          "[operators]") {
  std::vector<int32_t> seen;
  const auto look = [&] {
    seen.push_back(tg_is_grad_enabled());
    seen.push_back(tg_is_inference_mode_enabled());
  };
  const Handle op = custom(
      "looking",
      [&](const Forward& f) -> int32_t {
        look();
        return tripled(f);
      },
      [&](const Backward& b) -> int32_t {
        look();
        return tripled_backward(b);
      });
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  CHECK(seen == std::vector<int32_t>{0, 0});
  for (const uint32_t flags : {TG_RETAIN_GRAPH, TG_CREATE_GRAPH}) {
    seen.clear();
    ok(backward_ones(y, flags));
    CHECK(seen == std::vector<int32_t>{flags == TG_CREATE_GRAPH, 0});
  }
  {
    const In mode(Mode::no_grad);
    seen.clear();
    CHECK(kind_of(run(op, {x})) == "n0");
    CHECK(seen == std::vector<int32_t>{0, 0});
    seen.clear();
    ok(backward_ones(y, TG_CREATE_GRAPH));  // B9b
    CHECK(seen == std::vector<int32_t>{1, 0});
  }
  ok(tg_tensor_set_grad(x, 0));
}

TEST_CASE("H16: in inference mode forward runs in inference mode and nothing is kept",
          "[operators]") {
  std::vector<int32_t> seen;
  int ended = 0;
  const Handle op = custom(
      "looking",
      [&](const Forward& f) -> int32_t {
        seen = {tg_is_grad_enabled(), tg_is_inference_mode_enabled(), needs(f.context, 0)};
        TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
        TRY(tg_context_set_data(f.context, &ended, [](void* data) { ++*static_cast<int*>(data); }));
        return tripled(f);
      },
      tripled_backward);
  const Tensor x = leaf({1, 2});
  const bool enabled = GENERATE(false, true);
  const In mode(Mode::inf);
  if (enabled) ok(tg_enable_grad_enter());
  const Tensor y = run(op, {x});
  if (enabled) ok(tg_enable_grad_exit());
  CHECK(seen == std::vector<int32_t>{0, 1, 0});
  CHECK(kind_of(y) == "i0");
  CHECK(ended == 1);
}

TEST_CASE("M27: a callback stands at the bottom of a fresh stack of modes", "[operators]") {
  const auto enters = []() -> tg_status {
    TRY(tg_inference_mode_enter(1));  // inside no_grad it would be refused (M21)
    TRY(tg_inference_mode_exit());
    CHECK(tg_no_grad_exit() == TG_ERROR_MODE);  // the caller's entry is out of reach
    return TG_OK;
  };
  const Handle op = custom(
      "entering",
      [&](const Forward& f) -> int32_t {
        TRY(enters());
        return tripled(f);
      },
      [&](const Backward& b) -> int32_t {
        TRY(enters());
        return tripled_backward(b);
      });
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  const In mode(Mode::no_grad);
  CHECK(values(run(op, {x})) == Values{3, 6});
  ok(backward_ones(y));
}

TEST_CASE("L6: modes that a callback enters and does not leave are undone, and the call fails",
          "[operators]") {
  const Handle op = custom(
      "entering",
      [](const Forward& f) -> int32_t {
        TRY(tg_no_grad_enter());
        return tripled(f);
      },
      tripled_backward);
  const Tensor x = leaf({1, 2});
  run_fails(op, {x}, {}, 1, TG_ERROR_MODE, {"entering: its forward left the modes"});
  CHECK(tg_is_grad_enabled() == 1);
}

TEST_CASE(
    "an operator of the caller gives the same numbers in the three modes, and keeps their rules",
    "[operators]") {
  const Handle op = product_operator();
  const char* const kinds[] = {"nn", "n0", "i0"};
  for (const Mode mode : kModes) {
    for (const char* kind : {"n0", "nl", "nn"}) {
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const Tensor y = of_kind("n0", {3, 4}, {2});
      const In in(mode);
      const Tensor z = run(op, {x, y});
      CHECK(values(z) == Values{3, 8});
      const bool plain = std::string(kind) == "n0" && mode == Mode::normal;
      CHECK(kind_of(z) == (plain ? "n0" : kinds[static_cast<int>(mode)]));
    }
  }
}

TEST_CASE("T30: an inference operand that is saved where the call records is a mode error",
          "[operators]") {
  const Handle op = product_operator();
  const Tensor x = leaf({1, 2});
  const Tensor y = of_kind("i0", {3, 4}, {2});
  run_fails(op, {x, y}, {}, 1, TG_ERROR_MODE,
            {"tg_context_save_for_backward: product: operand 1", "would be saved", kClone});
  // T31, T32: where nothing records it is a constant.
  CHECK(kind_of(run(op, {y, y})) == "n0");
  const In mode(Mode::no_grad);
  CHECK(kind_of(run(op, {x, y})) == "n0");
}
TEST_CASE("T35: the message gives the operand's position, wherever it is saved", "[operators]") {
  const Handle op = custom(
      "tripled",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, &f.inputs[1], 1));
        return tripled(f);
      },
      tripled_backward);
  const Tensor x = leaf({1, 2});
  const Tensor y = of_kind("i0", {3, 4}, {2});
  run_fails(op, {x, y}, {}, 1, TG_ERROR_MODE, {"tripled: operand 1"});
  int32_t operand = -1;
  tg_last_error_detail(nullptr, &operand);
  CHECK(operand == 1);
}
TEST_CASE("T30: an inference operand that is not saved is a constant", "[operators]") {
  const Handle op = custom(
      "adding",
      [](const Forward& f) -> int32_t { return tg_add(f.inputs[0], f.inputs[1], &f.outs[0]); },
      [](const Backward& b) -> int32_t { return tg_alias(b.grad_outputs[0], &b.grad_inputs[0]); });
  const Tensor x = leaf({1, 2});
  const Tensor y = of_kind("i0", {3, 4}, {2});
  const Tensor z = run(op, {x, y});
  CHECK(kind_of(z) == "nn");
  // Its gradient is the handle's own tensor, given back by an alias.
  ok(backward_ones(z));
  CHECK(grad_values(x) == Values{1, 1});
}
TEST_CASE("T33: an inference operand that requires grad beside a normal one is a mode error",
          "[operators]") {
  bool ran = false;
  const Handle op = custom(
      "tripled",
      [&](const Forward& f) -> int32_t {
        ran = true;
        return tripled(f);
      },
      tripled_backward);
  const Tensor x = vec({1, 2});
  const Tensor y = of_kind("i1", {3, 4}, {2});
  run_fails(op, {x, y}, {}, 1, TG_ERROR_MODE, {"operand 1", "requires grad", kClone, kOutside});
  CHECK_FALSE(ran);
}

TEST_CASE("I7: a saved tensor that was changed in place is a version error", "[operators]") {
  const Handle op = product_operator();
  const Tensor x = leaf({1, 2}), y = vec({3, 4});
  const Tensor z = run(op, {x, y});
  ok(tg_fill_(y, 3));
  fails(backward_ones(z), TG_ERROR_VERSION,
        {"product saved", "float64[2]", "version 0 was saved, version 1 was found", kClone});
  CHECK_FALSE(has_grad(x));
}
TEST_CASE("I7: the message names the saved tensor by its name", "[operators]") {
  const Handle op = product_operator();
  const Tensor x = leaf({1, 2}), y = vec({3, 4});
  ok(tg_tensor_set_name(y, "weights"));
  const Tensor z = run(op, {x, y});
  ok(tg_fill_(y, 3));
  fails(backward_ones(z), TG_ERROR_VERSION, {"\"weights\""});
}

TEST_CASE("saving twice keeps the last, and the version is that at the end of forward",
          "[operators]") {
  const Handle op = custom(
      "saving",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
        Tensor other;
        TRY(tg_mul_scalar(f.inputs[0], 10, other.out()));
        const tg_tensor kept[] = {other};
        TRY(tg_context_save_for_backward(f.context, kept, 1));
        TRY(tg_mul_scalar_(other, 10));  // before forward ends
        return tripled(f);
      },
      [](const Backward& b) -> int32_t {
        tg_tensor none = 5;
        CHECK(tg_context_saved_tensor(b.context, 1, &none) == TG_ERROR_INDEX);
        CHECK(none == 0);
        return tg_alias(saved(b.context, 0), &b.grad_inputs[0]);
      });
  const Tensor x = leaf({1, 2});
  ok(backward_ones(run(op, {x})));
  CHECK(grad_values(x) == Values{100, 200});
}

TEST_CASE("B3: what was saved is freed by a pass, unless TG_RETAIN_GRAPH keeps it", "[operators]") {
  const Handle op = exponential();
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  ok(backward_ones(y, TG_RETAIN_GRAPH));
  ok(backward_ones(y));
  fails(backward_ones(y), TG_ERROR_AUTOGRAD, {"exponential", "TG_RETAIN_GRAPH"});
}
TEST_CASE("B3b: a node that saved nothing runs again, with its data", "[operators]") {
  static int data = 7;
  const Handle op = custom(
      "tripled",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_set_data(f.context, &data, nullptr));
        return tripled(f);
      },
      [](const Backward& b) -> int32_t {
        void* its = nullptr;
        TRY(tg_context_data(b.context, &its));
        CHECK(its == &data);
        return tripled_backward(b);
      });
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  ok(backward_ones(y));
  ok(backward_ones(y));
  CHECK(grad_values(x) == Values{6, 6});
}

namespace {
int ended = 0;
void count_end(void* data) { ended += *static_cast<int*>(data); }
}  // namespace

TEST_CASE("the context's data ends once: when it is set again, with the node, with a failed call",
          "[operators]") {
  static int one = 1, hundred = 100;
  bool fail = false;
  const Handle op = custom(
      "tripled",
      [&](const Forward& f) -> int32_t {
        void* its = &one;
        TRY(tg_context_data(f.context, &its));
        CHECK(its == nullptr);
        TRY(tg_context_set_data(f.context, &one, count_end));
        CHECK(ended == 0);
        TRY(tg_context_set_data(f.context, &hundred, count_end));
        CHECK(ended == 1);
        return fail ? 5 : tripled(f);
      },
      tripled_backward);
  const Tensor x = leaf({1, 2});
  ended = 0;
  Tensor y = run(op, {x});
  CHECK(ended == 1);
  ok(backward_ones(y));
  CHECK(ended == 1);
  y.release();
  CHECK(ended == 101);
  ended = 0;
  fail = true;
  run_fails(op, {x}, {}, 1, TG_ERROR_CALLBACK, {"tripled: its forward returned 5"});
  CHECK(ended == 101);
  ended = 0;
  fail = false;
  const In mode(Mode::no_grad);
  run(op, {x});
  CHECK(ended == 101);
}

TEST_CASE("backward may set the context's data anew", "[operators]") {
  static int one = 1, hundred = 100;
  const Handle op = custom(
      "tripled",
      [&](const Forward& f) -> int32_t {
        TRY(tg_context_set_data(f.context, &one, count_end));
        return tripled(f);
      },
      [&](const Backward& b) -> int32_t {
        TRY(tg_context_set_data(b.context, &hundred, count_end));
        return tripled_backward(b);
      });
  const Tensor x = leaf({1, 2});
  ended = 0;
  Tensor y = run(op, {x});
  ok(backward_ones(y));
  CHECK(ended == 1);
  y.release();
  CHECK(ended == 101);
}

TEST_CASE("the operator's destructor runs once, when handle and graphs are gone", "[operators]") {
  const int live = Functions::live, destroyed = Functions::destroyed;
  Handle op = exponential();
  const Tensor x = leaf({1, 2});
  Tensor y = run(op, {x});
  op.release();
  CHECK(Functions::live == live + 1);
  ok(backward_ones(y));
  y.release();
  CHECK(Functions::live == live);
  CHECK(Functions::destroyed == destroyed + 1);
}

TEST_CASE("destructors wait for tg_drain where a wake function was set", "[operators]") {
  static int one = 1;
  ok(tg_drain_set([](void*) -> int32_t { return 0; }, nullptr, nullptr));
  const int live = Functions::live;
  ended = 0;
  {
    const Handle op = custom(
        "tripled",
        [&](const Forward& f) -> int32_t {
          TRY(tg_context_set_data(f.context, &one, count_end));
          return tripled(f);
        },
        tripled_backward);
    run(op, {leaf({1, 2})});
  }
  CHECK(ended == 0);
  CHECK(Functions::live == live + 1);
  ok(tg_drain());
  CHECK(ended == 1);
  CHECK(Functions::live == live);
  ok(tg_drain_set(nullptr, nullptr, nullptr));
}

TEST_CASE("a context is dead after its callback, and of one thread", "[operators]") {
  tg_context kept = 0;
  tg_status other = TG_OK;
  const Handle op = custom(
      "tripled",
      [&](const Forward& f) -> int32_t {
        kept = f.context;
        std::thread([&] { other = tg_context_set_data(f.context, nullptr, nullptr); }).join();
        return tripled(f);
      },
      tripled_backward);
  const Tensor x = leaf({1, 2});
  const uint64_t live = tg_live_handles();
  Tensor y = run(op, {x});
  CHECK(other == TG_ERROR_MODE);
  CHECK(tg_is_valid(kept) == 0);
  fails(tg_context_mark_dirty(kept, 0), TG_ERROR_INVALID_HANDLE, {"context is", "stale"});
  y.release();
  CHECK(tg_live_handles() == live);
}

TEST_CASE("arguments are handed to forward as they came", "[operators]") {
  static const double kNumbers[] = {2, 5};
  const Handle op = custom("scaled", [](const Forward& f) -> int32_t {
    REQUIRE(f.argument_count == 2);
    CHECK(f.arguments[0].type == TG_VALUE_DOUBLE_ARRAY);
    CHECK(std::string(f.arguments[1].as.text) == "twice");
    const double* numbers = static_cast<const double*>(f.arguments[0].as.array);
    return tg_mul_scalar(f.inputs[0], numbers[0] * numbers[1], &f.outs[0]);
  });
  tg_value numbers{}, text{};
  numbers.type = TG_VALUE_DOUBLE_ARRAY, numbers.count = 2, numbers.as.array = kNumbers;
  text.type = TG_VALUE_TEXT, text.count = 5, text.as.text = "twice";
  CHECK(values(run(op, {vec({1, 2})}, {numbers, text})) == Values{10, 20});
}

TEST_CASE("a call of many inputs has an edge for each", "[operators]") {
  const Handle op = custom(
      "summed",
      [](const Forward& f) -> int32_t {
        Tensor all;
        TRY(tg_stack(f.inputs, f.count, 0, all.out()));
        const int64_t dims[] = {0};
        return tg_sum_dims(all, dims, 1, 0, &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        for (size_t i = 0; i < b.count; ++i) {
          TRY(tg_mul_scalar(b.grad_outputs[0], static_cast<double>(i), &b.grad_inputs[i]));
        }
        return 0;
      });
  std::vector<Tensor> leaves;
  Inputs inputs;
  for (int i = 0; i < 100; ++i) {
    leaves.push_back(leaf({1, 2}));
    inputs.push_back(leaves.back());
  }
  const Tensor y = run(op, inputs);
  CHECK(values(y) == Values{100, 200});
  ok(backward_ones(y));
  for (size_t i = 0; i < 100; ++i) CHECK(grad_values(leaves[i])[1] == static_cast<double>(i));
}

TEST_CASE("an operator may call itself, and any other function of the library", "[operators]") {
  Handle op;
  op = custom(
      "power",
      [&](const Forward& f) -> int32_t {
        if (f.arguments[0].as.integer == 0) return tg_ones_like(f.inputs[0], &f.outs[0]);
        const tg_value less = number(f.arguments[0].as.integer - 1);
        Tensor rest;
        TRY(tg_operator_apply(op, f.inputs, 1, &less, 1, rest.out(), 1));
        return tg_mul(f.inputs[0], rest, &f.outs[0]);
      },
      [&](const Backward& b) -> int32_t {
        // A backward of its own, on another graph.
        const Tensor w = leaf({2});
        TRY(tg_enable_grad_enter());
        const Tensor square = make(tg_mul, w, w);
        TRY(tg_enable_grad_exit());
        TRY(backward_ones(square));
        CHECK(grad_values(w) == Values{4});
        return tg_alias(b.grad_outputs[0], &b.grad_inputs[0]);
      });
  const Tensor x = leaf({2, 3});
  const Tensor y = run(op, {x}, {number(int64_t{4})});
  CHECK(values(y) == Values{16, 81});
  ok(backward_ones(y));
}

TEST_CASE("handles that forward made and did not release belong to the caller's scope",
          "[operators]") {
  const Handle op = custom(
      "leaking",
      [](const Forward& f) -> int32_t {
        tg_tensor made = 0;
        TRY(tg_mul_scalar(f.inputs[0], 2, &made));
        return tg_mul_scalar(made, 3, &f.outs[0]);
      },
      tripled_backward);
  const uint64_t live = tg_live_handles();
  tg_scope scope = 0;
  ok(tg_scope_enter(&scope));
  {
    const Tensor x = leaf({1, 2});
    CHECK(values(run(op, {x})) == Values{6, 12});
    ok(tg_scope_exit(scope));
  }
  CHECK(tg_live_handles() <= live + 1);
}
