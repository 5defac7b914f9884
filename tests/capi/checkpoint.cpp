// SPDX-License-Identifier: MIT
// Checkpoints: the same numbers as without, less kept, and everything that the first run was.
#include <numeric>
#include <thread>

#include "capi/functional.h"
#include "capi/operators.h"
#include "capi/saved.h"

using namespace capi;

namespace {

// A function with its life counted, for tg_checkpoint.
struct Segment {
  HostFunction fn;
  static inline int live = 0;
  int runs = 0;
};
int32_t run_segment(void* self, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  auto* segment = static_cast<Segment*>(self);
  ++segment->runs;
  return segment->fn(inputs, outs);
}
struct Kept {
  std::shared_ptr<Segment> segment;
};
int32_t run_kept(void* self, const tg_tensor* inputs, size_t count, tg_tensor* outs, size_t n) {
  return run_segment(static_cast<Kept*>(self)->segment.get(), inputs, count, outs, n);
}
void end_kept(void* self) {
  --Segment::live;
  delete static_cast<Kept*>(self);
}
std::shared_ptr<Segment> segment(HostFunction fn) {
  return std::make_shared<Segment>(Segment{std::move(fn)});
}
tg_status try_checkpoint(const std::shared_ptr<Segment>& of, const Tensors& inputs, tg_tensor* outs,
                         size_t n) {
  auto* kept = new Kept{of};
  ++Segment::live;
  const tg_status status =
      tg_checkpoint(run_kept, kept, end_kept, inputs.data(), inputs.size(), outs, n);
  if (status != TG_OK) end_kept(kept);  // a call that fails keeps nothing
  return status;
}
Tensor checkpoint(const std::shared_ptr<Segment>& of, const Tensors& inputs,
                  Where where = Where::current()) {
  Tensor out;
  ok(try_checkpoint(of, inputs, out.out(), 1), where);
  return out;
}

// tanh(x * x) * w, with a w from elsewhere.
HostFunction curve(tg_tensor w) {
  return [w](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor square, bent;
    TRY(tg_mul(in[0], in[0], square.out()));
    TRY(tg_tanh(square, bent.out()));
    return tg_mul(bent, w, outs);
  };
}

}  // namespace

TEST_CASE("a checkpoint gives the same values and gradients, and runs fn once more",
          "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({0.5, -1, 2}), w = leaf({3, 4, 5}), y = leaf({0.5, -1, 2}),
               v = leaf({3, 4, 5});
  const auto plain = segment(curve(w)), again = segment(curve(v));
  Tensor expected;
  const tg_tensor in[] = {x};
  ok(plain->fn(in, expected.out()));
  Tensor out = checkpoint(again, {y});
  CHECK(values(out) == values(expected));
  CHECK(kind_of(out) == "nn");
  CHECK(again->runs == 1);
  CHECK(Segment::live == 1);
  ok(backward_ones(expected));
  ok(backward_ones(out));
  CHECK(again->runs == 2);
  CHECK(grad_values(y) == grad_values(x));
  CHECK(grad_values(v) == grad_values(w));  // gradients flow to what fn took from elsewhere
  CHECK(Segment::live == 0);                // backward freed what would be run again
}

TEST_CASE("outs of a checkpoint require grad as without it", "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = vec({1, 2}), w = leaf({3, 4}), plain = vec({3, 4});
  const auto with_leaf = segment(curve(w)), without = segment(curve(plain));
  CHECK(kind_of(checkpoint(with_leaf, {x})) == "nn");  // no input requires grad
  CHECK(kind_of(checkpoint(without, {x})) == "n0");
  CHECK(Segment::live == 0);
  // Several results, of which one does not depend on what requires grad.
  const auto two = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    TRY(tg_mul(in[0], in[0], &outs[0]));
    return tg_mul(in[1], in[1], &outs[1]);
  });
  const Tensor y = leaf({1, 2});
  tg_tensor outs[2];
  ok(try_checkpoint(two, {x, y}, outs, 2));
  const Tensor first(outs[0]), second(outs[1]);
  CHECK(kind_of(first) == "n0");
  CHECK(kind_of(second) == "nn");
  ok(backward_ones(second));
  CHECK(grad_values(y) == Values{2, 4});
}

TEST_CASE("B12b: in inference mode and in no_grad a checkpoint runs once and keeps nothing",
          "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2}), w = leaf({3, 4});
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    CAPTURE(mode);
    const In in(mode);
    const auto fn = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      CHECK(tg_is_grad_enabled() == 0);
      CHECK(tg_is_inference_mode_enabled() == (mode == Mode::inf));
      return curve(w)(in, outs);
    });
    const Tensor out = checkpoint(fn, {x});
    CHECK(kind_of(out) == (mode == Mode::inf ? "i0" : "n0"));
    CHECK(fn->runs == 1);
    CHECK(Segment::live == 0);
  }
}

TEST_CASE("a checkpoint replays random numbers, and leaves the generator where it was",
          "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2, 3, 4, 5, 6, 7, 8});
  const auto dropped = [](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor noise, y;
    const int64_t sizes[] = {8};
    TRY(tg_rand(0, TG_FLOAT64, sizes, 1, noise.out()));
    TRY(tg_mul(in[0], noise, y.out()));
    return tg_mul(y, y, outs);
  };
  ok(tg_manual_seed(5));
  const Tensor plain = [&] {
    Tensor out;
    const tg_tensor in[] = {x};
    ok(dropped(in, out.out()));
    return out;
  }();
  ok(backward_ones(plain));
  const Values expected = grad_values(x);
  ok(tg_tensor_set_grad(x, 0));
  ok(tg_manual_seed(5));
  const Tensor out = checkpoint(segment(dropped), {x});
  uint64_t seed = 0, offset = 0, seed_after = 0, offset_after = 0;
  ok(tg_manual_seed(77));
  const int64_t sizes[] = {3};
  make(tg_rand, tg_generator{0}, int32_t{TG_FLOAT64}, sizes, int32_t{1});
  ok(tg_generator_state_get(0, &seed, &offset));
  ok(backward_ones(out));
  ok(tg_generator_state_get(0, &seed_after, &offset_after));
  CHECK(seed_after == seed);
  CHECK(offset_after == offset);
  CHECK(values(out) == values(plain));
  CHECK(grad_values(x) == expected);
}

TEST_CASE("checkpoints in checkpoints", "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({0.5, -1}), w = leaf({3, 4}), y = leaf({0.5, -1}), v = leaf({3, 4});
  const auto inner = segment(curve(v));
  const auto outer = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor a, b;
    TRY(tg_sin(in[0], a.out()));
    TRY(try_checkpoint(inner, {a}, b.out(), 1));
    TRY(try_checkpoint(inner, {b}, a.out(), 1));
    return tg_exp(a, outs);
  });
  const Tensor out = checkpoint(outer, {y});
  const auto plain = [&](tg_tensor in) {
    Tensor a = make(tg_sin, in), b;
    for (int i = 0; i < 2; ++i) {
      const tg_tensor at[] = {a};
      ok(curve(w)(at, b.out()));
      std::swap(a, b);
    }
    return make(tg_exp, a);
  };
  const Tensor expected = plain(x);
  CHECK(values(out) == values(expected));
  ok(backward_ones(expected));
  ok(backward_ones(out));
  CHECK(grad_values(y) == grad_values(x));
  CHECK(grad_values(v) == grad_values(w));
  CHECK(outer->runs == 2);
  // Each inner one: at first, when the outer one runs again, and for itself.
  CHECK(inner->runs == 6);
  CHECK(Segment::live == 0);
}

TEST_CASE("second derivatives, several passes and gradients asked by name go through a checkpoint",
          "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({1.5});
  const auto cube = segment([](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor square;
    TRY(tg_mul(in[0], in[0], square.out()));
    return tg_mul(square, in[0], outs);
  });
  const Tensor y = checkpoint(cube, {x});
  const tg_tensor roots[] = {y}, inputs[] = {x};
  Tensor first, second;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, first.out()));
  const tg_tensor again[] = {first};
  ok(tg_grad(again, nullptr, 1, inputs, 1, TG_RETAIN_GRAPH, second.out()));
  CHECK(values(first) == Values{3 * 1.5 * 1.5});
  CHECK(values(second) == Values{9});
  for (int i = 0; i < 3; ++i) ok(backward_ones(y, TG_RETAIN_GRAPH));
  CHECK(grad_values(x) == Values{3 * 3 * 1.5 * 1.5});
}

TEST_CASE("hooks inside a checkpoint run once a pass", "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({2}), w = leaf({3});
  const Hook on_x = Hook::on(x), on_w = Hook::on(w), after_w = Hook::accumulated(w);
  Handle inside;
  static int runs;
  runs = 0;
  const auto fn = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor y;
    TRY(tg_mul(in[0], w, y.out()));
    if (inside == 0) {
      TRY(tg_tensor_hook(
          y,
          [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t {
            ++runs;
            return 0;
          },
          nullptr, nullptr, inside.out()));
    }
    return tg_mul(y, y, outs);
  });
  ok(backward_ones(checkpoint(fn, {x})));
  CHECK(fn->runs == 2);
  CHECK(runs == 1);
  CHECK(on_x.runs() == 1);
  CHECK(on_w.runs() == 1);
  CHECK(after_w.runs() == 1);
  CHECK(on_x.last() == Values{2 * 6 * 3});
}

TEST_CASE("an ordered operator in a checkpoint runs once", "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({2, 3}), y = leaf({2, 3});
  int calls = 0;
  const auto counted = [&](uint32_t flags) {
    return custom(
        "counted",
        [&](const Forward& f) -> int32_t {
          ++calls;
          TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
          return tg_mul(f.inputs[0], f.inputs[0], &f.outs[0]);
        },
        [](const Backward& b) -> int32_t {
          Tensor twice;
          TRY(tg_mul_scalar(saved(b.context, 0), 2, twice.out()));
          return tg_mul(b.grad_outputs[0], twice, &b.grad_inputs[0]);
        },
        {flags});
  };
  for (const uint32_t flags : {uint32_t{0}, uint32_t{TG_OPERATOR_ORDERED}}) {
    const Handle op = counted(flags);
    const auto inner = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      Tensor a, b;
      TRY(tg_exp(in[0], a.out()));
      const tg_tensor given[] = {a};
      TRY(tg_operator_apply(op, given, 1, nullptr, 0, b.out(), 1));
      return tg_sin(b, outs);
    });
    const auto outer = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      Tensor a;
      TRY(try_checkpoint(inner, {in[0]}, a.out(), 1));
      return tg_tanh(a, outs);
    });
    for (const bool nested : {false, true}) {
      calls = 0;
      ok(tg_tensor_set_grad(y, 0));
      ok(backward_ones(checkpoint(nested ? outer : inner, {y})));
      CHECK(calls == (flags != 0 ? 1 : nested ? 3 : 2));
      ok(tg_tensor_set_grad(x, 0));
      const Tensor e = make(tg_exp, x), s = make(tg_sin, make(tg_mul, e, e));
      ok(backward_ones(nested ? make(tg_tanh, s) : make(tg_alias, s)));
      CHECK(grad_values(y) == grad_values(x));
    }
  }
  CHECK(Segment::live == 0);
  // It may not write an input: that could not be kept.
  const Handle writes = custom(
      "writes",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_mark_dirty(f.context, 0));
        return tg_alias(f.inputs[0], &f.outs[0]);
      },
      [](const Backward&) -> int32_t { return 0; }, {TG_OPERATOR_ORDERED});
  const auto fn = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor a;
    TRY(tg_exp(in[0], a.out()));
    const tg_tensor given[] = {a};
    return tg_operator_apply(writes, given, 1, nullptr, 0, outs, 1);
  });
  tg_tensor out = 0;
  fails(try_checkpoint(fn, {x}, &out, 1), TG_ERROR_UNSUPPORTED, {"writes", "ordered"});
}

TEST_CASE("what a checkpoint cannot run again is an error", "[checkpoint]") {
  const NoLeak leak;
  const Tensor w = leaf({2, 3});
  const auto fn = segment(curve(w));
  {  // An input was changed in place after the checkpoint.
    const Tensor x = make(tg_mul_scalar, w, 1.0);
    const Tensor out = checkpoint(fn, {x});
    {
      const In in(Mode::no_grad);
      ok(tg_fill_(x, 1));
    }
    fails(backward_ones(out), TG_ERROR_VERSION, {"checkpoint", "changed in place"});
  }
  {  // fn does other things the second time.
    int runs = 0;
    const auto other = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      return runs++ == 0 ? tg_mul(in[0], in[0], outs) : tg_exp(in[0], outs);
    });
    const Tensor out = checkpoint(other, {w});
    fails(backward_ones(out), TG_ERROR_AUTOGRAD, {"saved 2 tensors", "run again, 1"});
    const Tensor scalar = leaf({1});
    runs = 0;
    const auto shapes = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      return tg_exp(runs++ == 0 ? in[0] : tg_tensor{scalar}, outs);
    });
    fails(backward_ones(checkpoint(shapes, {w})), TG_ERROR_AUTOGRAD, {"the same operators"});
  }
  {  // fn fails the second time: the pass ends with that, and .grad stays.
    int runs = 0;
    const auto failing = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
      if (runs++ == 1) return static_cast<tg_status>(tg_error_set(TG_ERROR_INDEX, 0, "not again"));
      return tg_mul(in[0], in[0], outs);
    });
    const Tensor out = checkpoint(failing, {w});
    fails(backward_ones(out, TG_RETAIN_GRAPH), TG_ERROR_INDEX, {"not again"});
    CHECK_FALSE(has_grad(w));
    ok(backward_ones(out));
    CHECK(grad_values(w) == Values{4, 6});
    ok(tg_tensor_set_grad(w, 0));
  }
  CHECK(Segment::live == 0);
}

TEST_CASE("one checkpoint in passes of several threads", "[checkpoint]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2, 3}), w = leaf({1, 1, 1});
  const auto two = segment([&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor a, b;
    TRY(tg_mul(in[0], in[0], a.out()));
    TRY(tg_mul(a, w, &outs[0]));
    return tg_mul(in[0], in[0], &outs[1]);
  });
  for (int round = 0; round < 20; ++round) {
    tg_tensor outs[2];
    ok(try_checkpoint(two, {x}, outs, 2));
    const Tensor first(outs[0]), second(outs[1]);
    const Tensor ones = make(tg_ones_like, x);
    const auto run = [&](tg_tensor root) {  // no assertions: another thread runs too
      const tg_tensor roots[] = {root}, grads[] = {ones};
      return tg_backward_from(roots, grads, 1, 0);
    };
    tg_status status = TG_ERROR_INTERNAL;
    std::thread other([&] { status = run(first); });
    const tg_status own = run(second);
    other.join();
    CHECK(status == TG_OK);
    CHECK(own == TG_OK);
  }
  CHECK(grad_values(x) == Values{20 * 4, 20 * 8, 20 * 12});
}

// 64 equal layers in eights: at most 0.4 of the plain peak.
TEST_CASE("a checkpoint keeps what it promises to keep", "[checkpoint]") {
  const NoLeak leak;
  constexpr int kLayers = 64, kGroup = 8;
  constexpr int64_t kRows = 512, kWidth = 32;
  std::vector<Tensor> weights;
  for (int i = 0; i < kLayers; ++i) {
    weights.push_back(tensor({0.03}, {kWidth, kWidth}, true));
  }
  const auto layers = [&](tg_tensor x, int from, int to, tg_tensor* out) -> tg_status {
    Tensor now, next;
    TRY(tg_alias(x, now.out()));
    for (int i = from; i < to; ++i) {
      Tensor product;
      TRY(tg_mm(now, weights[static_cast<size_t>(i)], product.out()));
      TRY(tg_tanh(product, next.out()));
      std::swap(now, next);
      next.release();
    }
    return tg_alias(now, out);
  };
  const Tensor x = tensor({0.5}, {kRows, kWidth});
  const auto peak_of = [&](const std::function<Tensor()>& forward) {
    const uint64_t before = tg_memory_current();
    tg_memory_peak_reset();
    {
      const Tensor loss = make(tg_sum, forward());
      ok(tg_backward(loss));
    }
    const uint64_t peak = tg_memory_peak() - before;
    for (Tensor& w : weights) ok(tg_tensor_set_grad(w, 0));
    return static_cast<double>(peak);
  };
  const double plain = peak_of([&] {
    Tensor out;
    ok(layers(x, 0, kLayers, out.out()));
    return out;
  });
  const double saving = peak_of([&] {
    Tensor now = make(tg_alias, x);
    for (int i = 0; i < kLayers; i += kGroup) {
      now = checkpoint(segment([&, i](const tg_tensor* in, tg_tensor* outs) -> tg_status {
                         return layers(in[0], i, i + kGroup, outs);
                       }),
                       {now});
    }
    return now;
  });
  CAPTURE(plain, saving);
  CHECK(saving <= 0.4 * plain);
  CHECK(Segment::live == 0);
}
