// SPDX-License-Identifier: MIT
// Errors of backward and of questions to the graph. A failed backward leaves every .grad.
#include <cmath>
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

// A tensor that borrows `value`; when the last holder lets go of it, `then` runs, which a pass over
// a graph that saved it does in its middle.
struct Lent {
  double value = 2;
  std::function<void()> then;
  int runs = 0;

  Tensor tensor() {
    Tensor out;
    ok(tg_tensor_from_memory(
        &value, TG_FLOAT64, nullptr, nullptr, 0, 0,
        [](void* self, void*) {
          auto* lent = static_cast<Lent*>(self);
          ++lent->runs;
          lent->then();
        },
        this, out.out()));
    return out;
  }
};

}  // namespace

TEST_CASE("roots that no backward starts from", "[errors]") {
  const Tensor w = leaf({1, 2}), plain = tensor({1}, {});
  const Tensor y = make(tg_mul_scalar, w, 2.0),
               none = make(tg_narrow, y, int64_t{0}, int64_t{0}, int64_t{0});
  const Tensor loss = make(tg_sum, y);
  Tensor unrecorded;
  {
    const In no_grad(Mode::no_grad);
    unrecorded = make(tg_sum, y);
  }
  const Tensor integer = make(tg_argmax, y);
  ok(tg_tensor_set_name(y, "why"));
  const tg_tensor roots[] = {loss, plain}, loss_alone[] = {loss}, y_alone[] = {y}, w_alone[] = {w};
  Rows rows{w, plain, y, loss, unrecorded, integer};
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD,
             {"why", "[2]", "2 elements", "tg_sum it", "tg_backward_from"}, tg_backward(y));
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD, {"[0]", "0 elements"}, tg_backward(none));
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD, {"does not require grad"}, tg_backward(plain));
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD, {"does not require grad", "no_grad"},
             tg_backward(unrecorded));
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD, {"does not require grad"}, tg_backward(integer));
  rows.fails("tg_backward_from", TG_ERROR_AUTOGRAD, {"outputs[1]", "does not require grad"},
             tg_backward_from(roots, nullptr, 2, 0));
  rows.fails("tg_backward_from", TG_ERROR_AUTOGRAD, {"outputs[0]", "2 elements"},
             tg_backward_from(y_alone, nullptr, 1, 0));
  rows.fails("tg_grad", TG_ERROR_AUTOGRAD, {"outputs[1]", "does not require grad"},
             tg_grad(roots, nullptr, 2, w_alone, 1, 0, rows.outs(1)));
  rows.fails("tg_grad", TG_ERROR_AUTOGRAD, {"outputs[0]", "2 elements"},
             tg_grad(y_alone, nullptr, 1, w_alone, 1, 0, rows.outs(1)));
  rows.fails("tg_backward_from", TG_ERROR_INVALID_ARGUMENT, {"count is 0"},
             tg_backward_from(loss_alone, nullptr, 0, 0));
  rows.fails("tg_grad", TG_ERROR_INVALID_ARGUMENT, {"count is 0"},
             tg_grad(loss_alone, nullptr, 0, w_alone, 1, 0, rows.outs(1)));
  rows.fails("tg_grad", TG_ERROR_INVALID_ARGUMENT, {"input_count is 0"},
             tg_grad(loss_alone, nullptr, 1, w_alone, 0, 0, rows.untouched<tg_handle>()));
  rows.fails("tg_backward_from", TG_ERROR_INVALID_ARGUMENT, {"flags", "8"},
             tg_backward_from(loss_alone, nullptr, 1, 8));
  rows.fails("tg_backward_from", TG_ERROR_INVALID_ARGUMENT, {"flags", "4"},
             tg_backward_from(loss_alone, nullptr, 1, TG_ALLOW_UNUSED));
  ok(tg_backward(loss));  // nothing of the graph was used up
  CHECK(grad_values(w) == Values{2, 2});
}

TEST_CASE("given gradients and handles among arrays", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), three = vec({1, 2, 3});
  const Tensor one = vec({1});
  const tg_tensor roots[] = {y}, grads[] = {three}, broadcastable[] = {one}, inputs[] = {w};
  const tg_tensor holes[] = {y, 0}, forged[] = {y, 12345}, holed_inputs[] = {w, 0};
  Rows rows{w, y, three, one};
  rows.fails("tg_backward_from", TG_ERROR_SHAPE, {"[3]", "[2]"},
             tg_backward_from(roots, grads, 1, 0));
  rows.fails("tg_backward_from", TG_ERROR_SHAPE, {"[1]", "[2]"},
             tg_backward_from(roots, broadcastable, 1, 0));
  rows.fails("tg_grad", TG_ERROR_SHAPE, {"[3]", "[2]"},
             tg_grad(roots, grads, 1, inputs, 1, 0, rows.outs(1)));
  rows.fails("tg_backward_from", TG_ERROR_INVALID_HANDLE, {"outputs[1]", "0 (none)"},
             tg_backward_from(holes, nullptr, 2, 0));
  rows.fails("tg_backward_from", TG_ERROR_INVALID_HANDLE, {"grad_outputs[0]", "forged"},
             tg_backward_from(roots, forged + 1, 1, 0));
  rows.fails("tg_grad", TG_ERROR_INVALID_HANDLE, {"outputs[1]", "0 (none)"},
             tg_grad(holes, nullptr, 2, inputs, 1, 0, rows.outs(1)));
  rows.fails("tg_grad", TG_ERROR_INVALID_HANDLE, {"grad_outputs[0]", "forged"},
             tg_grad(roots, forged + 1, 1, inputs, 1, 0, rows.outs(1)));
  rows.fails("tg_grad", TG_ERROR_INVALID_HANDLE, {"inputs[1]", "0 (none)"},
             tg_grad(roots, roots, 1, holed_inputs, 2, 0, rows.outs(2)));
}

TEST_CASE("inputs of tg_grad that require no grad or that nothing depends on", "[errors]") {
  const Tensor w = leaf({1, 2}), other = leaf({1, 2}), plain = vec({1, 2});
  const Tensor loss = make(tg_sum, make(tg_mul_scalar, w, 2.0));
  ok(tg_tensor_set_name(other, "stranger"));
  const tg_tensor roots[] = {loss}, unused[] = {w, other}, constant[] = {w, plain};
  Rows rows{w, other, plain, loss};
  rows.fails("tg_grad", TG_ERROR_AUTOGRAD, {"inputs[1]", "stranger", "TG_ALLOW_UNUSED"},
             tg_grad(roots, nullptr, 1, unused, 2, TG_RETAIN_GRAPH, rows.outs(2)));
  rows.fails("tg_grad", TG_ERROR_AUTOGRAD, {"inputs[1]", "require"},
             tg_grad(roots, nullptr, 1, constant, 2, TG_RETAIN_GRAPH, rows.outs(2)));
  rows.fails(
      "tg_grad", TG_ERROR_AUTOGRAD, {"inputs[1]", "require"},
      tg_grad(roots, nullptr, 1, constant, 2, TG_RETAIN_GRAPH | TG_ALLOW_UNUSED, rows.outs(2)));
}

TEST_CASE("backward in inference mode or over an inference tensor", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
  const Tensor i0 = of_kind("i0", {1, 2}, {2}), i1 = of_kind("i1", {3}, {});
  const tg_tensor roots[] = {loss}, ys[] = {y}, inputs[] = {w}, i0s[] = {i0}, i1s[] = {i1};
  const tg_tensor second[] = {loss, i1};
  Rows rows{w, y, loss, i0, i1};
  for (const Mode mode : {Mode::normal, Mode::no_grad}) {
    const In in(mode);
    rows.fails("tg_backward", TG_ERROR_MODE, {"inference tensor", "compute"}, tg_backward(i1));
    rows.fails("tg_backward_from", TG_ERROR_MODE, {"outputs[1]", "inference tensor"},
               tg_backward_from(second, nullptr, 2, 0));
    rows.fails("tg_backward_from", TG_ERROR_MODE, {"grad_outputs[0]", "inference tensor"},
               tg_backward_from(ys, i0s, 1, 0));
    rows.fails("tg_grad", TG_ERROR_MODE, {"outputs[1]", "inference tensor"},
               tg_grad(second, nullptr, 2, inputs, 1, 0, rows.outs(1)));
    rows.fails("tg_grad", TG_ERROR_MODE, {"grad_outputs[0]", "inference tensor"},
               tg_grad(ys, i0s, 1, inputs, 1, 0, rows.outs(1)));
    rows.fails("tg_grad", TG_ERROR_MODE, {"inputs[0]", "inference tensor"},
               tg_grad(roots, nullptr, 1, i1s, 1, 0, rows.outs(1)));
  }
  const In inf(Mode::inf);
  const Phrases phrases = {"inference mode", "leave", "tg_inference_mode_enter(0)"};
  rows.fails("tg_backward", TG_ERROR_MODE, phrases, tg_backward(loss));
  rows.fails("tg_backward_from", TG_ERROR_MODE, phrases, tg_backward_from(roots, nullptr, 1, 0));
  rows.fails("tg_grad", TG_ERROR_MODE, phrases,
             tg_grad(roots, nullptr, 1, inputs, 1, 0, rows.outs(1)));
  ok(tg_enable_grad_enter());
  rows.fails("tg_backward", TG_ERROR_MODE, phrases, tg_backward(loss));
  ok(tg_enable_grad_exit());
}

TEST_CASE("backward over a graph that was freed", "[errors]") {
  const Tensor w = leaf({1, 2}), loss = make(tg_sum, make(tg_exp, w));
  const tg_tensor roots[] = {loss}, inputs[] = {w};
  ok(tg_backward(loss));
  Rows rows{w, loss};
  const Phrases phrases = {"ExpBackward", "TG_RETAIN_GRAPH", "compute the graph anew"};
  rows.fails("tg_backward", TG_ERROR_AUTOGRAD, phrases, tg_backward(loss));
  rows.fails("tg_backward_from", TG_ERROR_AUTOGRAD, phrases,
             tg_backward_from(roots, nullptr, 1, 0));
  rows.fails("tg_grad", TG_ERROR_AUTOGRAD, phrases,
             tg_grad(roots, nullptr, 1, inputs, 1, 0, rows.outs(1)));
}

TEST_CASE("backward after a saved tensor was changed", "[errors]") {
  const Tensor w = leaf({1, 2}), x = vec({3, 4}), loss = make(tg_sum, make(tg_mul, w, x));
  const tg_tensor roots[] = {loss}, inputs[] = {w};
  ok(tg_tensor_set_name(x, "factor"));
  ok(tg_mul_scalar_(x, 2));
  Rows rows{w, x, loss};
  const uint32_t keep = TG_RETAIN_GRAPH;
  // The name is that of the time of the call; unnamed then, the tensor shows shape and dtype.
  const Phrases phrases = {"operand",   "[2]",       "float64",  "Mul",
                           "version 0", "version 1", "tg_clone", "functional form"};
  rows.fails("tg_backward_from", TG_ERROR_VERSION, phrases,
             tg_backward_from(roots, nullptr, 1, keep));
  rows.fails("tg_grad", TG_ERROR_VERSION, phrases,
             tg_grad(roots, nullptr, 1, inputs, 1, keep, rows.outs(1)));
  rows.fails("tg_backward", TG_ERROR_VERSION, phrases, tg_backward(loss));
}

TEST_CASE("a graph that another backward walks: neither walked nor asked for its bytes",
          "[errors]") {
  const Tensor w = tensor({3}, {}, true);
  Lent lent;
  Tensor constant = lent.tensor();
  const Tensor trunk = make(tg_exp, w);
  Tensor product = make(tg_mul, trunk, constant);
  const Tensor other = make(tg_mul_scalar, trunk, 5.0);
  const Handle node = grad_fn(trunk);
  constant.release();  // the product's node holds it alone
  const tg_tensor roots[] = {other}, inputs[] = {w};
  lent.then = [&] {
    // The product's node has run and lets go of what it saved; the trunk's is still to run.
    Rows rows{w};
    rows.fails("tg_backward", TG_ERROR_AUTOGRAD, {"ExpBackward", "another backward", "wait"},
               tg_backward(other));
    rows.fails("tg_backward_from", TG_ERROR_AUTOGRAD, {"ExpBackward", "another backward"},
               tg_backward_from(roots, nullptr, 1, 0));
    rows.fails("tg_grad", TG_ERROR_AUTOGRAD, {"ExpBackward", "another backward"},
               tg_grad(roots, nullptr, 1, inputs, 1, 0, rows.outs(1)));
    rows.fails("tg_node_saved_bytes", TG_ERROR_AUTOGRAD, {"a backward runs over the node", "after"},
               tg_node_saved_bytes(node, rows.untouched<uint64_t>()));
  };
  ok(tg_backward(product));
  CHECK(lent.runs == 1);
  CHECK(grad_values(w)[0] == Approx(2 * std::exp(3.0)));
}

TEST_CASE("questions to a node: arrays, numbers, texts", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul, w, w);
  const Handle node = grad_fn(y);
  size_t count = 7;
  Rows rows{w, y};
  rows.fails("tg_node_inputs", TG_ERROR_LIMIT, {"2 inputs", "room for 1", "larger array"},
             tg_node_inputs(node, rows.outs(1), 1, &count));
  CHECK(count == 2);
  rows.fails("tg_node_input_number", TG_ERROR_INDEX, {"index is 2", "2 inputs"},
             tg_node_input_number(node, 2, rows.untouched<uint32_t>()));
  rows.fails("tg_node_name", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_node_name(node, nullptr, 9, rows.untouched<size_t>()));
}
