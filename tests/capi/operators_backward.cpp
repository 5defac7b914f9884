// SPDX-License-Identifier: MIT
// Backward of the caller's operators beside others: their order, what they may not write, and whose
// a failure is.
#include <pthread.h>

#include <stdexcept>
#include <thread>

#include "capi/operators.h"
#include "capi/saved.h"

using namespace capi;

namespace {

// x * 2; forward writes the letter, backward the small one.
Handle lettered(char letter, std::string& log, uint32_t flags) {
  return custom(
      std::string(1, letter).c_str(),
      [&log, letter](const Forward& f) {
        log += letter;
        return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]);
      },
      [&log, letter](const Backward& b) {
        log += static_cast<char>(letter + 'a' - 'A');
        return tg_mul_scalar(b.grad_outputs[0], 2, &b.grad_inputs[0]);
      },
      {flags});
}

// A and C in one branch, B in the other; both meet in a sum, in either order, with or without
// something between.
std::string order_of_pass(uint32_t flags, int variant) {
  std::string log;
  const Handle a = lettered('A', log, flags), b = lettered('B', log, flags),
               c = lettered('C', log, flags);
  const Tensor x = leaf({1}), z = leaf({1});
  const Tensor at_a = run(a, {x});
  Tensor at_b = run(b, {z}), at_c = run(c, {at_a});
  if (variant == 1) at_b = make(tg_mul_scalar, at_b, 1.0);
  if (variant == 2) at_c = make(tg_mul_scalar, at_c, 1.0);
  const Tensor sum = variant == 3 ? make(tg_add, at_c, at_b) : make(tg_add, at_b, at_c);
  const Hook leaf_hook = Hook::on(x);
  ok(tg_backward(sum));
  CHECK(grad_values(x) == Values{4});
  CHECK(grad_values(z) == Values{2});
  CHECK(leaf_hook.runs() == 1);
  return log;
}

}  // namespace

TEST_CASE("ordered operators run in backward against the order of their forward", "[operators]") {
  const NoLeak leak;
  for (const int variant : {0, 1, 2, 3}) {
    CAPTURE(variant);
    CHECK(order_of_pass(TG_OPERATOR_ORDERED, variant) == "ABCcba");
  }
  // Others run as the graph has it.
  CHECK(order_of_pass(0, 0) != order_of_pass(0, 3));
}

TEST_CASE("ordered operators of several threads all run", "[operators]") {
  const NoLeak leak;
  std::string log;
  const Handle a = lettered('A', log, TG_OPERATOR_ORDERED),
               b = lettered('B', log, TG_OPERATOR_ORDERED);
  const Tensor x = leaf({1});
  Tensor far;
  const Tensor here = make(tg_mul_scalar, x, 1.0), there = run(a, {run(a, {here})});
  // On a thread whose numbers are small, so that the order of numbers cannot be kept.
  std::thread([&] { far = run(b, {there}); }).join();
  const Tensor last = run(a, {far});
  ok(tg_backward(last));
  CHECK(log == "AABAabaa");
  CHECK(grad_values(x) == Values{16});
  // One that fails leaves nothing waiting.
  const Handle bad = custom(
      "bad", [](const Forward& f) { return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]); },
      [](const Backward&) { return 5; }, {TG_OPERATOR_ORDERED});
  const Tensor first = run(a, {x}), second = run(bad, {x}), sum = make(tg_add, first, second);
  fails(tg_backward(sum), TG_ERROR_CALLBACK, {"bad: its backward returned 5"});
  CHECK(log == "AABAabaaA");
}

TEST_CASE("a backward may not change in place the gradients that it is handed", "[operators]") {
  const NoLeak leak;
  const Handle op = custom(
      "scaled", [](const Forward& f) { return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]); },
      [](const Backward& b) -> int32_t {
        fails(tg_mul_scalar_(b.grad_outputs[0], 100), TG_ERROR_AUTOGRAD,
              {"a hook or a backward was handed", kClone});
        return tg_mul_scalar(b.grad_outputs[0], 2, &b.grad_inputs[0]);
      });
  const Tensor x = leaf({1, 2}), w = leaf({3, 4}), seed = vec({1, 10});
  const Tensor sum = make(tg_add, run(op, {x}), w);
  const tg_tensor roots[] = {sum}, seeds[] = {seed};
  ok(tg_backward_from(roots, seeds, 1, 0));
  CHECK(values(seed) == Values{1, 10});
  CHECK(grad_values(w) == Values{1, 10});
  CHECK(grad_values(x) == Values{2, 20});
  ok(tg_mul_scalar_(seed, 2));  // and afterwards it is the caller's again
}

TEST_CASE("a failure in a node tells where that was recorded", "[operators]") {
  const NoLeak leak;
  const Handle op = custom(
      "odd", [](const Forward& f) { return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]); },
      [](const Backward& b) -> int32_t {
        if (b.grad_outputs[0] == 0) return 0;
        return 7;
      });
  const Handle inner = custom(
      "inner", [](const Forward& f) { return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]); },
      [](const Backward& b) -> int32_t {
        Tensor wrong;
        return tg_mm(b.grad_outputs[0], b.grad_outputs[0], wrong.out());
      });
  const Tensor x = leaf({1, 2});
  ok(tg_site_set("model.c", 70));
  const Tensor y = run(op, {x}), z = run(inner, {x});
  const Tensor product = make(tg_mul, x, x);
  ok(tg_site_set(nullptr, 0));
  fails(backward_ones(y), TG_ERROR_CALLBACK,
        {"odd: its backward returned 7", "; this was in oddBackward, recorded at model.c:70"});
  fails(backward_ones(z), TG_ERROR_SHAPE,
        {"tg_mm", "; this was in innerBackward, recorded at model.c:70"});
  ok(backward_ones(product));
  fails(backward_ones(product), TG_ERROR_AUTOGRAD,
        {"MulBackward was run before", "; this was in MulBackward, recorded at model.c:70"});
  ok(tg_tensor_set_name(x, "input"));
  const Hook hook = Hook::on(x, [](tg_tensor, tg_tensor, tg_tensor*) { return 5; });
  const Tensor other = make(tg_mul, x, x);
  fails(backward_ones(other), TG_ERROR_CALLBACK, {"the hook of \"input\" (float64[2]) returned 5"});
  const Hook node_hook = Hook::node(grad_fn(other), TG_BEFORE,
                                    [](tg_node, const auto*, const auto&, auto*) { return 6; });
  fails(backward_ones(make(tg_mul_scalar, make(tg_mul, x, x), 1.0)), TG_ERROR_CALLBACK,
        {"the hook of \"input\""});
}

TEST_CASE("what a callback throws is in the message", "[operators]") {
  const NoLeak leak;
  const Handle op = custom(
      "thrower", [](const Forward&) -> int32_t { throw std::runtime_error("no such file"); });
  const Tensor x = vec({1});
  const tg_tensor in[] = {x};
  tg_tensor out[1];
  fails(tg_operator_apply(op, in, 1, nullptr, 0, out, 1), TG_ERROR_CALLBACK,
        {"a callback threw a C++ exception (no such file)", "catch it there"});
}

TEST_CASE("a thread that is cancelled in a destructor ends behind it", "[operators]") {
  const NoLeak leak;
  struct Ends {
    bool destroyed = false, behind = false, beyond = false;
  } ends;
  std::thread host([&] {
    const double value[] = {1};
    const int64_t shape[] = {1};
    tg_tensor x = 0;
    ok(tg_tensor_from_memory(
        const_cast<double*>(value), TG_FLOAT64, shape, nullptr, 1, 0,
        [](void* user_data, void*) {
          pthread_cancel(pthread_self());
          pthread_testcancel();
          static_cast<Ends*>(user_data)->destroyed = true;
        },
        &ends, &x));
    ok(tg_release(x));
    ends.behind = true;
#ifdef __SANITIZE_ADDRESS__  // which takes the stack of a cancelled thread for broken
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
#endif
    pthread_testcancel();
    ends.beyond = true;
  });
  host.join();
  CHECK(ends.destroyed);
  CHECK(ends.behind);
#ifndef __SANITIZE_ADDRESS__
  CHECK_FALSE(ends.beyond);
#endif
}
