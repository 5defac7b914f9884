// SPDX-License-Identifier: MIT
// Operators of the caller that change their inputs in place: versions, pasts, and what is refused.
#include <cstring>
#include <stdexcept>

#include "capi/operators.h"
#include "capi/saved.h"

using namespace capi;

namespace {

// A plain view of the whole.
Tensor viewed_flat(tg_tensor x) {
  const int64_t shape[] = {-1};
  return make(tg_view, x, shape, 1);
}

}  // namespace

TEST_CASE("I1: a dirty input is given back as itself, one version later", "[operators]") {
  const Handle op = doubled_in_place();
  const char* const before[] = {"n0", "nn"};
  for (const Mode mode : kModes) {
    for (const char* kind : before) {
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const In in(mode);
      const Tensor y = run(op, {x});
      CHECK(same(x, y));
      CHECK(values(x) == Values{2, 4});
      CHECK(version(x) == 1);
      CHECK(kind_of(x) == kind);
      const bool recorded = mode == Mode::normal && std::string(kind) == "nn";
      if (recorded) CHECK(node_name(grad_fn(x)) == "doubledBackward");
      if (std::string(kind) == "nn" && !recorded) CHECK(node_name(grad_fn(x)) == "CloneBackward");
    }
  }
}
TEST_CASE("I8: its gradient is that of the new value, through the past that it had",
          "[operators]") {
  const Handle op = doubled_in_place();
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul, w, w);
  ok(tg_tensor_retain_grad(x));
  const Tensor y = run(op, {x});
  const Tensor z = make(tg_mul_scalar, x, 7.0);
  ok(backward_ones(z));
  CHECK(grad_values(w) == Values{28, 56});
  CHECK(grad_values(x) == Values{7, 7});  // I9: of the new value
}
TEST_CASE("I4: a leaf that requires grad cannot be marked dirty where the call records",
          "[operators]") {
  const Handle op = doubled_in_place();
  const Tensor x = leaf({1, 2});
  run_fails(op, {x}, {}, 1, TG_ERROR_AUTOGRAD,
            {"tg_context_mark_dirty: doubled", "leaf that requires grad", "tg_no_grad_enter"});
  CHECK(version(x) == 0);
  CHECK(values(x) == Values{1, 2});
  const In mode(Mode::no_grad);
  const Tensor y = run(op, {x});
  CHECK(same(x, y));
  CHECK(kind_of(x) == "nl");
  CHECK(version(x) == 1);
}
TEST_CASE("I5: a plain input that is dirty becomes recorded beside one that requires grad",
          "[operators]") {
  const Handle op = custom(
      "added",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_mark_dirty(f.context, 0));
        Tensor sum;
        TRY(tg_add(f.inputs[0], f.inputs[1], sum.out()));
        Values elements = values(sum);
        void* data = nullptr;
        TRY(tg_tensor_data(f.inputs[0], &data));
        std::memcpy(data, elements.data(), elements.size() * sizeof(double));
        return tg_alias(f.inputs[0], &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        CHECK(needs(b.context, 0) == 0);
        CHECK(needs(b.context, 1) == 1);
        return tg_alias(b.grad_outputs[0], &b.grad_inputs[1]);
      });
  const Tensor x = vec({1, 2}), w = leaf({3, 4});
  const Tensor view = make(tg_detach, x);
  const Tensor y = run(op, {x, w});
  CHECK(kind_of(x) == "nn");
  CHECK(values(view) == Values{4, 6});
  CHECK(version(view) == 1);
  ok(backward_ones(x));
  CHECK(grad_values(w) == Values{1, 1});
}
TEST_CASE("I1: an inference input is dirty inside inference mode alone", "[operators]") {
  const Handle op = doubled_in_place();
  const Tensor x = of_kind("i0", {1, 2}, {2});
  run_fails(op, {x}, {}, 1, TG_ERROR_MODE, {"inference tensor", kClone});
  CHECK(values(x) == Values{1, 2});
  const In mode(Mode::inf);
  CHECK(same(run(op, {x}), x));
  CHECK(values(x) == Values{2, 4});
}
TEST_CASE("several inputs may be dirty, and views made before them are found out", "[operators]") {
  const Handle op = custom(
      "both",
      [](const Forward& f) -> int32_t {
        for (size_t i = 0; i < 2; ++i) {
          TRY(tg_context_mark_dirty(f.context, i));
          TRY(tg_context_mark_dirty(f.context, i));  // twice is once
          double* data = nullptr;
          TRY(tg_tensor_data(f.inputs[i], reinterpret_cast<void**>(&data)));
          data[0] *= 10;
          TRY(tg_alias(f.inputs[i], &f.outs[1 - i]));  // in the other order
        }
        return 0;
      },
      [](const Backward& b) -> int32_t {
        for (size_t i = 0; i < 2; ++i) {
          if (b.grad_outputs[1 - i] == 0) continue;
          TRY(tg_mul_scalar(b.grad_outputs[1 - i], 10, &b.grad_inputs[i]));
        }
        return 0;
      },
      {0, 2});
  const Tensor u = leaf({1}), v = leaf({2});
  const Tensor x = make(tg_clone, u), y = make(tg_clone, v);
  // The second has a version that the first never had.
  ok(tg_mul_scalar_(y, 3)), ok(tg_mul_scalar_(y, 1));
  const Tensor late = viewed_flat(y);
  const std::vector<Tensor> outs = run_all(op, {x, y}, 2);
  CHECK(same(outs[0], y));
  CHECK(same(outs[1], x));
  CHECK(version(x) == 1);
  CHECK(version(y) == 3);
  CHECK(values(make(tg_mul, late, late)) == Values{3600});  // it catches up
  const Tensor fresh = viewed_flat(y);
  ok(backward_ones(make(tg_add, make(tg_mul_scalar, x, 2.0), fresh)));
  CHECK(grad_values(u) == Values{20});
  CHECK(grad_values(v) == Values{30});
}
TEST_CASE("one tensor may be several dirty inputs, and one result is enough", "[operators]") {
  const Handle op = custom(
      "kept",
      [](const Forward& f) -> int32_t {
        for (size_t i = 0; i < 2; ++i) TRY(tg_context_mark_dirty(f.context, i));
        return tg_alias(f.inputs[1], &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        return tg_mul_scalar(b.grad_outputs[0], 4, &b.grad_inputs[0]);
      });
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_clone, w);
  CHECK(same(run(op, {x, x}), x));
  ok(backward_ones(x));
  CHECK(grad_values(w) == Values{4, 4});
}
TEST_CASE("a dirty input that is saved is saved with its new value", "[operators]") {
  const Handle op = custom(
      "exponential",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
        TRY(tg_context_mark_dirty(f.context, 0));
        const Values elements = values(make(tg_exp, f.inputs[0]));
        void* data = nullptr;
        TRY(tg_tensor_data(f.inputs[0], &data));
        std::memcpy(data, elements.data(), elements.size() * sizeof(double));
        return tg_alias(f.inputs[0], &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        return tg_mul(b.grad_outputs[0], saved(b.context, 0), &b.grad_inputs[0]);
      });
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_clone, w);
  const Tensor y = make(tg_sum, run(op, {x}));
  const tg_tensor roots[] = {y}, leaves[] = {w};
  Tensor g, h;
  ok(tg_grad(roots, nullptr, 1, leaves, 1, TG_CREATE_GRAPH, g.out()));
  CHECK(values(g) == values(x));
  // Its past is that of the result: the second derivative is the exponential again.
  const Tensor sum = make(tg_sum, g);
  const tg_tensor next[] = {sum};
  ok(tg_grad(next, nullptr, 1, leaves, 1, 0, h.out()));
  CHECK(values(h) == values(x));
}
TEST_CASE("V8, V9, R6: what may not be written may not be marked dirty", "[operators]") {
  const Handle op = doubled_in_place();
  const Tensor base = leaf({1, 2});
  const Tensor view = viewed_flat(base);
  run_fails(op, {view}, {}, 1, TG_ERROR_AUTOGRAD, {"view of a leaf"});
  const int64_t shape[] = {2, 2};
  const Tensor expanded = make(tg_expand, vec({1, 2}), shape, 2);
  run_fails(op, {expanded}, {}, 1, TG_ERROR_UNSUPPORTED, {"inputs[0]", "is expanded"});
  const double memory[] = {1, 2};
  const int64_t two[] = {2};
  Tensor fixed;
  ok(tg_tensor_from_memory(const_cast<double*>(memory), TG_FLOAT64, two, nullptr, 1, TG_READ_ONLY,
                           nullptr, nullptr, fixed.out()));
  run_fails(op, {fixed}, {}, 1, TG_ERROR_UNSUPPORTED, {"inputs[0]", "read-only"});
}
TEST_CASE("a failure after tg_context_mark_dirty leaves the version raised and says so",
          "[operators]") {
  int way = 0;
  const Handle op = custom("half", [&](const Forward& f) -> int32_t {
    TRY(tg_context_mark_dirty(f.context, 0));
    if (way == 0) return 9;
    if (way == 1) throw 1;
    if (way == 2) return tg_mm(f.inputs[0], f.inputs[0], &f.outs[0]);
    if (way == 3) return 0;                            // no result
    return tg_mul_scalar(f.inputs[0], 2, &f.outs[0]);  // not the input
  });
  const tg_status codes[] = {TG_ERROR_CALLBACK, TG_ERROR_CALLBACK, TG_ERROR_SHAPE,
                             TG_ERROR_CALLBACK, TG_ERROR_CALLBACK};
  const char* const phrases[] = {"returned 9", "exception", "tg_mm", "no outs[0]",
                                 "not among the results"};
  const Tensor x = vec({1, 2});
  for (way = 0; way < 5; ++way) {
    run_fails(op, {x}, {}, 1, codes[way], {phrases[way], "may be half-written"});
    CHECK(version(x) == way + 1);
  }
  // Also where a destructor runs on the way.
  const Handle with_data = custom("half", [](const Forward& f) -> int32_t {
    TRY(tg_context_mark_dirty(f.context, 0));
    TRY(tg_context_set_data(f.context, nullptr, [](void*) {}));
    throw 1;
  });
  run_fails(with_data, {x}, {}, 1, TG_ERROR_CALLBACK, {"exception", "may be half-written"});
  // The next failure has nothing to say of it.
  CHECK(attempt(tg_mm, x, x) == TG_ERROR_SHAPE);
  CHECK(std::string(tg_last_error_message()).find("half-written") == std::string::npos);
}

TEST_CASE("two views of one tensor are not both marked dirty where the call records",
          "[operators]") {
  const NoLeak leak;
  const Handle op = custom(
      "both_",
      [](const Forward& f) -> int32_t {
        for (const size_t i : {0, 1}) {
          TRY(tg_context_mark_dirty(f.context, i));
          TRY(tg_mul_scalar_(f.inputs[i], 2));
          TRY(tg_alias(f.inputs[i], &f.outs[i]));
        }
        return 0;
      },
      [](const Backward& b) -> int32_t {
        for (const size_t i : {0, 1}) {
          if (b.grad_outputs[i] == 0) continue;
          TRY(tg_mul_scalar(b.grad_outputs[i], 2, &b.grad_inputs[i]));
        }
        return 0;
      },
      {0, 2});
  const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 1.0),
               first = make(tg_narrow, x, int64_t{0}, int64_t{0}, int64_t{1}),
               second = make(tg_narrow, x, int64_t{0}, int64_t{1}, int64_t{1});
  tg_tensor outs[2];
  for (const tg_tensor other : {tg_tensor{second}, tg_tensor{x}}) {
    const tg_tensor in[] = {first, other};
    fails(tg_operator_apply(op, in, 2, nullptr, 0, outs, 2), TG_ERROR_AUTOGRAD,
          {"both_: inputs[0]", "and inputs[1]", "are views of one tensor", "give their base"});
    CHECK(outs[0] == 0);
  }
  // Of two tensors, and where nothing is recorded, they may.
  const Tensor other = make(tg_mul_scalar, w, 1.0),
               its = make(tg_narrow, other, int64_t{0}, int64_t{1}, int64_t{1});
  const tg_tensor apart[] = {second, its};
  ok(tg_operator_apply(op, apart, 2, nullptr, 0, outs, 2));
  for (const tg_tensor out : outs) tg_release(out);
  ok(backward_ones(make(tg_add, x, other)));
  CHECK(grad_values(w) == Values{2, 4});
  const In no_grad(Mode::no_grad);
  const tg_tensor in[] = {first, second};
  ok(tg_operator_apply(op, in, 2, nullptr, 0, outs, 2));
  for (const tg_tensor out : outs) tg_release(out);
}
