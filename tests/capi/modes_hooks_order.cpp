// SPDX-License-Identifier: MIT
// Section H of the rules from H10 on, and the rows on threads and backward that speak of hooks: in
// which order they run, in which passes, and what they may do.
#include "capi/hooked.h"

using namespace capi;

TEST_CASE(
    "H10: tg_grad runs tensor hooks on the path, those of its leaf inputs too, no accumulate "
    "hook",
    "[modes]") {
  const Tensor w = leaf({1, 2}), v = leaf({3, 4});
  const Tensor y = make(tg_mul_scalar, w, 2.0), z = make(tg_mul_scalar, v, 2.0);
  const Tensor loss = make(tg_sum, make(tg_add, y, z));
  const Hook on_w = Hook::on(w, times(10)), on_y = Hook::on(y, times(3));
  const Hook on_v = Hook::on(v), on_z = Hook::on(z);
  const Hook after = Hook::accumulated(w);
  const Handle leaf_node = input_node(grad_fn(y), 0);
  REQUIRE(node_name(leaf_node) == "AccumulateGrad");
  const Hook before_leaf = Hook::node(leaf_node, TG_BEFORE),
             after_leaf = Hook::node(leaf_node, TG_AFTER);
  CHECK(gradient(loss, w, TG_RETAIN_GRAPH) == Values{60, 60});
  CHECK(on_w.runs() == 1);
  CHECK(on_y.runs() == 1);
  CHECK(on_v.runs() == 0);
  CHECK(on_z.runs() == 0);
  CHECK(after.runs() == 0);
  CHECK(before_leaf.runs() == 0);
  CHECK(after_leaf.runs() == 0);
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("H11, I9: a hook stays with the value that it was registered on, retain_grad moves on",
          "[modes]") {
  const Tensor w = leaf({1, 2}), y = make(tg_clone, w);
  std::string log;
  ok(tg_tensor_retain_grad(y));
  const Hook old = Hook::on(y, [&](tg_tensor x, tg_tensor, tg_tensor*) {
    log += same(x, y) ? 'o' : '?';
    return 0;
  });
  ok(tg_mul_scalar_(y, 5));
  const Hook fresh = Hook::on(y, notes(log, 'n'));
  ok(tg_backward(make(tg_sum, make(tg_mul_scalar, y, 2.0))));
  CHECK(old.last() == Values{10, 10});
  CHECK(fresh.last() == Values{2, 2});
  CHECK(log == "no");
  CHECK(grad_values(y) == Values{2, 2});
  CHECK(grad_values(w) == Values{10, 10});
}

TEST_CASE("H12: order at a tensor's node: tensor hooks, retain_grad, before, node, after",
          "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
  std::string log;
  const Handle node = grad_fn(y);
  ok(tg_tensor_retain_grad(y));
  const Hook after = Hook::node(
      node, TG_AFTER, [&](tg_node its, const std::vector<tg_tensor>* in, const auto& out, auto*) {
        log += 'a';
        CHECK(same(its, node));
        REQUIRE(in != nullptr);
        REQUIRE(in->size() == 1);
        CHECK(values((*in)[0]) == Values{60, 60});
        CHECK(values(out[0]) == Values{30, 30});
        return 0;
      });
  const Hook before = Hook::node(
      node, TG_BEFORE, [&](tg_node its, const auto* in, const auto& out, tg_tensor* replaced) {
        log += 'b';
        CHECK(same(its, node));
        CHECK(in == nullptr);
        return tg_mul_scalar(out[0], 3, replaced);
      });
  const Hook second = Hook::node(node, TG_AFTER, notes_node(log, 'A'));
  const Hook on_y = Hook::on(y, [&](tg_tensor, tg_tensor grad, tg_tensor* out) {
    log += 't';
    return tg_mul_scalar(grad, 10, out);
  });
  const Hook on_w = Hook::on(w, notes(log, 'w'));
  ok(tg_backward(loss));
  CHECK(log == "tbaAw");
  CHECK(grad_values(y) == Values{10, 10});  // after the tensor's hooks, before the node's
  CHECK(grad_values(w) == Values{60, 60});
}

TEST_CASE("H12: a hook after a node replaces what goes out, each seeing what the last one gave",
          "[modes]") {
  const NoLeak leak;
  for (const uint32_t flags : {0u, 1u * TG_CREATE_GRAPH}) {
    const Tensor w = leaf({1, 2}), v = leaf({3, 4}), fixed = vec({1, 1});
    const Tensor y = make(tg_mul, w, v), z = make(tg_add, y, fixed);
    const auto scale = [](double factor, size_t which) -> Hook::SeeNode {
      return [=](tg_node, const std::vector<tg_tensor>* in, const auto&, tg_tensor* replaced) {
        return tg_mul_scalar((*in)[which], factor, &replaced[which]);
      };
    };
    const Hook first = Hook::node(grad_fn(y), TG_AFTER, scale(10, 0)),
               second = Hook::node(grad_fn(y), TG_AFTER, scale(3, 0)),
               third = Hook::node(grad_fn(y), TG_AFTER, scale(2, 1));
    const Hook holes = Hook::node(
        grad_fn(z), TG_AFTER, [](tg_node, const std::vector<tg_tensor>* in, const auto&, auto*) {
          REQUIRE(in->size() == 2);
          CHECK((*in)[0] != 0);
          CHECK((*in)[1] == 0);  // the operand without grad
          return 0;
        });
    ok(backward_ones(z, flags));
    CHECK(grad_values(w) == Values{90, 120});
    CHECK(grad_values(v) == Values{2, 4});
    CHECK(requires_grad(grad_of(w)) == (flags != 0 ? 1 : 0));
    ok(tg_tensor_set_grad(w, 0));
    ok(tg_tensor_set_grad(v, 0));
  }
}

TEST_CASE("H12: what a node hook gives is checked", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), fixed = vec({1, 1}), y = make(tg_add, w, fixed);
  const Tensor loss = make(tg_sum, y);
  for (const int32_t when : {TG_BEFORE, TG_AFTER}) {
    Tensor given;
    size_t place = 0;
    const Hook hook =
        Hook::node(grad_fn(y), when, [&](tg_node, const auto*, const auto&, tg_tensor* replaced) {
          return tg_alias(given, &replaced[place]);
        });
    const std::string where = when == TG_BEFORE ? "grad_outputs[0]" : "grad_inputs[0]";
    given = vec({1, 2, 3});
    fails(backward_ones(loss, TG_RETAIN_GRAPH), TG_ERROR_SHAPE, {"Add", where, "[3]", "[2]"});
    given = make(tg_to_dtype, fixed, int32_t{TG_FLOAT32});
    fails(backward_ones(loss, TG_RETAIN_GRAPH), TG_ERROR_DTYPE, {where, "float32", "float64"});
    given = make(tg_alias, fixed);
    if (when == TG_AFTER) {
      place = 1;
      fails(backward_ones(loss, TG_RETAIN_GRAPH), TG_ERROR_INVALID_ARGUMENT,
            {"grad_inputs[1]", "none"});
    }
  }
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("H12: hooks on the node of a leaf run around its accumulation", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0);
  const Handle node = input_node(grad_fn(y), 0);
  std::string log;
  const Hook before =
      Hook::node(node, TG_BEFORE, [&](tg_node, const auto*, const auto& out, tg_tensor* replaced) {
        log += has_grad(w) ? '?' : 'b';
        return tg_mul_scalar(out[0], 5, replaced);
      });
  const Hook after = Hook::node(
      node, TG_AFTER, [&](tg_node, const std::vector<tg_tensor>*, const auto& out, auto*) {
        CHECK(values(out[0]) == Values{100, 100});
        log += has_grad(w) ? 'a' : '?';
        return 0;
      });
  const Hook accumulated = Hook::accumulated(w, notes(log, 'p'));
  const Hook on_w = Hook::on(w, [&](tg_tensor, tg_tensor grad, tg_tensor* out) {
    log += 't';
    return tg_mul_scalar(grad, 10, out);
  });
  ok(tg_backward(make(tg_sum, y)));
  CHECK(log == "tbpa");
  CHECK(grad_values(w) == Values{100, 100});
}

TEST_CASE("H13: a hook may record and call backward on another graph", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), v = leaf({3, 4}), y = make(tg_mul_scalar, w, 2.0);
  const Hook hook = Hook::on(y, [&](tg_tensor, tg_tensor grad, tg_tensor*) {
    ok(tg_enable_grad_enter());
    ok(tg_backward(make(tg_sum, make(tg_mul, v, grad))));
    ok(tg_enable_grad_exit());
    return 0;
  });
  ok(tg_backward(make(tg_sum, make(tg_mul_scalar, y, 7.0))));
  CHECK(grad_values(v) == Values{7, 7});
  CHECK(grad_values(w) == Values{14, 14});
}

TEST_CASE("H15: a gradient handed to a tensor or node hook is not to be changed in place",
          "[modes]") {
  const NoLeak leak;
  for (const uint32_t flags : {0u, 1u * TG_CREATE_GRAPH}) {
    const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
    Tensor kept;
    const auto refused = [&](tg_tensor grad) {
      const Phrases why = {"a hook or a backward was handed", kClone};
      const Tensor view = make(tg_unsqueeze, grad, int64_t{0}), plain = make(tg_detach, grad);
      const double two[] = {1, 2};
      for (const tg_tensor x : {grad, tg_tensor{view}, tg_tensor{plain}}) {
        fails(tg_mul_scalar_(x, 2), TG_ERROR_AUTOGRAD, why);
        fails(tg_fill_(x, 2), TG_ERROR_AUTOGRAD, why);
      }
      fails(tg_tensor_copy_in(plain, two, sizeof two), TG_ERROR_AUTOGRAD, why);
      fails(tg_tensor_mark_written(plain), TG_ERROR_AUTOGRAD, why);
      const In no_grad(Mode::no_grad);
      fails(tg_add_out(w, w, plain), TG_ERROR_AUTOGRAD, why);
      ok(tg_add_(make(tg_clone, grad), grad));  // the clone is the hook's own
      kept = make(tg_alias, plain);
      return 0;
    };
    const Hook::See see = [&](tg_tensor, tg_tensor grad, tg_tensor*) { return refused(grad); };
    const Hook hooks[] = {
        Hook::on(w, see), Hook::on(y, see),
        Hook::node(grad_fn(y), TG_BEFORE,
                   [&](tg_node, const auto*, const auto& out, auto*) { return refused(out[0]); }),
        Hook::node(grad_fn(y), TG_AFTER,
                   [&](tg_node, const std::vector<tg_tensor>* in, const auto& out, auto*) {
                     return refused((*in)[0]) + refused(out[0]);
                   })};
    ok(backward_ones(loss, flags));
    for (const Hook& hook : hooks) CHECK(hook.runs() == 1);
    ok(tg_fill_(kept, 9));  // once the hook has returned it is a tensor like others,
    CHECK(grad_values(w) == Values{2, 2});  // and .grad is another one
    ok(tg_tensor_set_grad(w, 0));
  }
}

TEST_CASE(
    "H21: a hook removed by a hook of the same list still runs in that pass, one added from "
    "the next pass on",
    "[modes]") {
  const NoLeak leak;
  for (const bool of_leaf : {false, true}) {
    const Tensor w = leaf({1, 2}), below = make(tg_mul_scalar, w, 1.0);
    const Tensor y = make(tg_mul_scalar, below, 2.0), loss = make(tg_sum, y);
    const Tensor x = of_leaf ? make(tg_alias, w) : make(tg_alias, y);
    Hook second;
    std::vector<Hook> added;
    Hook first = Hook::on(x, [&](auto...) {
      second.handle.release();
      if (added.empty()) {
        CHECK(second.ends() == 0);  // its run is still to come
        added.push_back(Hook::on(x));
        added.push_back(Hook::on(w));
        added.push_back(Hook::on(below));  // whose node is still to run, where x is y
      }
      return 0;
    });
    second = Hook::on(x);
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    CHECK(second.runs() == 1);
    CHECK(second.ends() == 1);
    CHECK(added[0].runs() == 0);
    CHECK(added[1].runs() == 0);
    CHECK(added[2].runs() == 0);
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    CHECK(second.runs() == 1);
    CHECK(added[0].runs() == 1);
    CHECK(added[1].runs() == 1);
    CHECK(added[2].runs() == 1);
    // One may take itself away.
    Hook own;
    own = Hook::on(x, [&](auto...) {
      own.handle.release();
      return 0;
    });
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    CHECK(own.runs() == 1);
    CHECK(own.ends() == 1);
  }
}

TEST_CASE("H22: tg_grad gives the gradient of an input after that input's tensor hooks",
          "[modes]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), z = make(tg_mul_scalar, y, 1.0);
  const Tensor loss = make(tg_sum, z);
  const Hook on_w = Hook::on(w, times(3)), on_y = Hook::on(y, times(10)),
             on_loss = Hook::on(loss, times(7));
  CHECK(gradient(loss, y, TG_RETAIN_GRAPH) == Values{70, 70});
  CHECK(gradient(loss, w, TG_RETAIN_GRAPH) == Values{420, 420});
  CHECK(gradient(loss, loss, TG_RETAIN_GRAPH) == Values{7});  // the root itself
  // Where another input lies behind its node.
  const tg_tensor roots[] = {loss}, inputs[] = {y, w};
  tg_tensor outs[2];
  ok(tg_grad(roots, nullptr, 1, inputs, 2, TG_RETAIN_GRAPH, outs));
  const Tensor at_y(outs[0]), at_w(outs[1]);
  CHECK(values(at_y) == Values{70, 70});
  CHECK(values(at_w) == Values{420, 420});
}

TEST_CASE("H24: with TG_CREATE_GRAPH a hook's computation is part of the graph", "[modes]") {
  // The gradient k of y = w^2 is squared by its hook, so that of w is k^2 * 2w, which depends on k
  // by the hook alone.
  const Tensor w = leaf({2, 3}), k = tensor({3}, {}, true);
  const Tensor y = make(tg_mul, w, w);
  const Hook hook = Hook::on(
      y, [](tg_tensor, tg_tensor grad, tg_tensor* out) { return tg_mul(grad, grad, out); });
  const Tensor root = make(tg_mul, k, make(tg_sum, y));
  const tg_tensor roots[] = {root}, inputs[] = {w};
  Tensor at_w;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, at_w.out()));
  CHECK(values(at_w) == Values{36, 54});  // k^2 * 2w
  CHECK(requires_grad(at_w) == 1);
  CHECK(gradient(make(tg_sum, at_w), k) == Values{60});  // 2k * 2w, summed
  // Without it nothing of the hook has a past, whatever it gives.
  const Tensor plain = make(tg_mul_scalar, w, 2.0);
  const Hook gives_leaf =
      Hook::on(plain, [&](tg_tensor, tg_tensor, tg_tensor* out) { return tg_alias(w, out); });
  const Tensor loss = make(tg_sum, plain);
  const tg_tensor plain_roots[] = {loss}, plain_inputs[] = {plain};
  Tensor at_plain;
  ok(tg_grad(plain_roots, nullptr, 1, plain_inputs, 1, TG_RETAIN_GRAPH, at_plain.out()));
  CHECK(values(at_plain) == Values{2, 3});
  CHECK(requires_grad(at_plain) == 0);
  ok(tg_backward(loss));
  CHECK(grad_values(w) == Values{4, 6});
  CHECK(requires_grad(grad_of(w)) == 0);
  CHECK(storage(grad_of(w)) != storage(w));
}

TEST_CASE("L7: hooks and their destructors run on the calling thread", "[modes]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
  Hook hook = Hook::on(y), after = Hook::accumulated(w);
  std::thread other([&] {
    ok(tg_backward(loss));
    CHECK(hook.state->thread == std::this_thread::get_id());
    CHECK(after.state->thread == std::this_thread::get_id());
  });
  other.join();
  CHECK(hook.runs() == 1);
}

TEST_CASE(
    "B14: leaves with a post-accumulate-grad hook are written and hooked as soon as their "
    "gradient is complete",
    "[modes]") {
  const NoLeak leak;
  for (int repeat = 0; repeat < 2; ++repeat) {
    // A chain from the root down: a, then b twice, then c. b's last use lies behind a's.
    const Tensor a = leaf({1}), b = leaf({2}), c = leaf({3}), plain = leaf({4});
    const Tensor low = make(tg_mul, make(tg_mul, c, plain), b);
    const Tensor high = make(tg_mul, make(tg_mul, low, b), a);
    std::string log;
    const Hook on_low = Hook::on(low, notes(log, 'l'));
    const auto see = [&](char letter, tg_tensor x) -> Hook::See {
      return [&log, letter, x](tg_tensor, tg_tensor, tg_tensor*) {
        log += has_grad(x) ? letter : '?';
        return 0;
      };
    };
    const Hook hooks[] = {Hook::accumulated(c, see('c', c)), Hook::accumulated(a, see('a', a)),
                          Hook::accumulated(b, see('b', b))};
    ok(tg_backward(make(tg_sum, high)));
    CHECK(log == "albc");
    CHECK(grad_values(a) == Values{48});
    CHECK(grad_values(b) == Values{48});
    CHECK(grad_values(c) == Values{16});
    CHECK(grad_values(plain) == Values{12});
  }
}

TEST_CASE("B14: a failure in the middle leaves the leaves written that have such a hook",
          "[modes]") {
  const NoLeak leak;
  const Tensor a = leaf({1}), b = leaf({2}), c = leaf({3});
  const Tensor y = make(tg_mul, b, c), loss = make(tg_sum, make(tg_mul, y, a));
  const Hook on_a = Hook::accumulated(a), on_c = Hook::accumulated(c);
  bool failing = true;
  const Hook fails_at_y = Hook::on(y, [&](auto...) { return failing ? 3 : 0; });
  fails(backward_ones(loss, TG_RETAIN_GRAPH), TG_ERROR_CALLBACK, {"3"});
  CHECK(grad_values(a) == Values{6});
  CHECK(on_a.runs() == 1);
  CHECK_FALSE(has_grad(b));
  CHECK_FALSE(has_grad(c));
  CHECK(on_c.runs() == 0);
  failing = false;
  ok(tg_backward(loss));
  CHECK(grad_values(a) == Values{12});
  CHECK(grad_values(b) == Values{3});
  CHECK(grad_values(c) == Values{2});
}

TEST_CASE("B41: a version error found in the pass leaves .grad, but of leaves with such a hook",
          "[modes]") {
  const Tensor a = leaf({1}), b = leaf({2}), c = leaf({3});
  const Tensor y = make(tg_mul, b, c), loss = make(tg_sum, make(tg_mul, y, a));
  const Hook hook = Hook::accumulated(a);
  {
    const In no_grad(Mode::no_grad);
    ok(tg_fill_(c, 5));
  }
  fails(tg_backward(loss), TG_ERROR_VERSION);
  CHECK(grad_values(a) == Values{6});
  CHECK(hook.runs() == 1);
  CHECK_FALSE(has_grad(b));
  CHECK_FALSE(has_grad(c));
}

TEST_CASE("T15: retain_grad and hooks on the same tensors, in all modes", "[modes]") {
  const Aside aside;
  for (const Mode mode : kModes) {
    const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
    Hook hook, second;
    {
      const In in(mode);
      ok(tg_tensor_retain_grad(w));
      hook = Hook::on(y, times(4));
      ok(tg_tensor_retain_grad(y));
      second = Hook::accumulated(w);
    }
    ok(tg_backward(loss));
    CHECK(grad_values(y) == Values{4, 4});
    CHECK(grad_values(w) == Values{8, 8});
    CHECK(second.runs() == 1);
  }
}

TEST_CASE("a leaf that stops to require grad takes its hooks up again", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2});
  const Hook hook = Hook::on(w, times(2)), after = Hook::accumulated(w);
  const Tensor old = make(tg_sum, w);
  ok(tg_tensor_set_requires_grad(w, 0));
  ok(tg_backward(old));  // B23: it gets no gradient
  CHECK(hook.runs() == 0);
  ok(tg_tensor_set_requires_grad(w, 1));
  ok(tg_backward(make(tg_sum, w)));
  CHECK(hook.runs() == 1);
  CHECK(after.runs() == 1);
  CHECK(grad_values(w) == Values{2, 2});
}

TEST_CASE("the hook of a tensor that was detached in place sees its former gradient", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
  tg_tensor seen = 1;
  const Hook hook = Hook::on(y, [&](tg_tensor x, tg_tensor, tg_tensor*) {
    seen = x;
    return 0;
  });
  ok(tg_detach_(y));
  ok(tg_backward(loss));
  CHECK(hook.runs() == 1);
  CHECK(seen == 0);
}

TEST_CASE("a hook on one of several outputs sees that one's gradient", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2, 3, 4});
  tg_tensor parts[2];
  size_t count = 0;
  ok(tg_split(w, 2, 0, parts, 2, &count));
  const Tensor first(parts[0]), second(parts[1]);
  const Hook on_second = Hook::on(second, times(10)), on_first = Hook::on(first);
  ok(tg_backward(make(tg_sum, make(tg_mul_scalar, second, 3.0))));
  CHECK(on_first.runs() == 0);  // no gradient came to it
  CHECK(on_second.last() == Values{3, 3});
  CHECK(grad_values(w) == Values{0, 0, 30, 30});
}

TEST_CASE("the last handle of a hooked tensor may go on another thread while its hook runs",
          "[modes]") {
  const NoLeak leak;
  for (int round = 0; round < 200; ++round) {
    const Tensor w = leaf({1, 2});
    Tensor y = make(tg_mul_scalar, w, 2.0);
    const Tensor loss = make(tg_sum, y);
    const uint64_t id = storage(y);
    const Hook hook = Hook::on(y, [&](tg_tensor x, tg_tensor, tg_tensor*) {
      if (x == 0) return 0;
      const Tensor kept = make(tg_alias, x);
      CHECK(storage(kept) == id);
      CHECK(values(x) == Values{2, 4});
      return 0;
    });
    std::thread other([&] { y.release(); });
    ok(tg_backward(loss));
    other.join();
    CHECK(grad_values(w) == Values{2, 2});
  }
}
