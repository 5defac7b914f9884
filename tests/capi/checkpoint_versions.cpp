// SPDX-License-Identifier: MIT
// Checkpoints whose function changes what it saved, reads what is changed before backward, or
// differentiates: as without a checkpoint, or an error.
#include "capi/functional.h"
#include "capi/operators.h"
#include "capi/saved.h"

using namespace capi;

namespace {

Tensor checkpoint(HostFunction& fn, const Tensors& inputs, Where where = Where::current()) {
  Tensor out;
  ok(tg_checkpoint(run_host, &fn, nullptr, inputs.data(), inputs.size(), out.out(), 1), where);
  return out;
}

}  // namespace

TEST_CASE("I7: a change in fn of what an operator in it saved is found", "[checkpoint]") {
  const NoLeak leak;
  HostFunction fn = [](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor y;
    TRY(tg_exp(in[0], y.out()));
    TRY(tg_mul(y, y, outs));      // saves y
    return tg_mul_scalar_(y, 2);  // and here it changes
  };
  const Tensor x = leaf({1, 2});
  Tensor plain;
  const tg_tensor in[] = {x};
  ok(fn(in, plain.out()));
  fails(backward_ones(plain), TG_ERROR_VERSION, {"version 0 was saved, version 1 was found"});
  const Tensor y = checkpoint(fn, {x});
  fails(backward_ones(y), TG_ERROR_VERSION,
        {"fn of a checkpoint saved", "version 0 was saved, version 1 was found", kClone});
  CHECK_FALSE(has_grad(x));
}

TEST_CASE("I7: a parameter that is written between fn and backward is found", "[checkpoint]") {
  const NoLeak leak;
  const Tensor w = leaf({3, 4}), older = make(tg_mul_scalar, w, 2.0);
  ok(tg_tensor_set_name(w, "weight"));
  HostFunction fn = [&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor y;
    TRY(tg_mul(in[0], w, y.out()));
    return tg_mul(y, older, outs);
  };
  const Tensor x = leaf({1, 2});
  for (const tg_tensor changed : {tg_tensor{w}, tg_tensor{older}}) {
    ok(tg_site_set("train.c", 5));
    const Tensor y = checkpoint(fn, {x});
    ok(tg_site_set("train.c", 9));
    {
      const In no_grad(Mode::no_grad);
      ok(tg_mul_scalar_(changed, 2));
    }
    ok(tg_site_set(nullptr, 0));
    fails(backward_ones(y), TG_ERROR_VERSION,
          {changed == w ? "\"weight\" (float64[2])" : "float64[2]", "fn of a checkpoint saved",
           "at train.c:5", "was changed in place at train.c:9"});
    CHECK_FALSE(has_grad(x));
  }
  // An input too, by its name and with both places.
  ok(tg_tensor_set_name(x, "input"));
  ok(tg_site_set("train.c", 5));
  const Tensor y = checkpoint(fn, {x});
  ok(tg_site_set("train.c", 9));
  {
    const In no_grad(Mode::no_grad);
    ok(tg_mul_scalar_(x, 2));
  }
  ok(tg_site_set(nullptr, 0));
  fails(backward_ones(y), TG_ERROR_VERSION,
        {"\"input\" (float64[2])", "at train.c:5", "in place at train.c:9"});
}

TEST_CASE("what fn made and the caller changes afterwards is made anew", "[checkpoint]") {
  const NoLeak leak;
  HostFunction fn = [](const tg_tensor* in, tg_tensor* outs) { return tg_exp(in[0], outs); };
  const Tensor x = leaf({0, 1});
  const Tensor y = checkpoint(fn, {x}), z = make(tg_mul_scalar, y, 3.0);
  {
    const In no_grad(Mode::no_grad);
    ok(tg_zero_(y));
  }
  ok(backward_ones(z));
  CHECK(grad_values(x)[0] == 3);
}

TEST_CASE("fn of a checkpoint may differentiate what it computes", "[checkpoint]") {
  const NoLeak leak;
  int runs = 0;
  // The gradient of the sum of x^3, recorded, so that its own gradient is 6 x.
  HostFunction fn = [&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    ++runs;
    Tensor square, cube, loss;
    TRY(tg_mul(in[0], in[0], square.out()));
    TRY(tg_mul(square, in[0], cube.out()));
    TRY(tg_sum(cube, loss.out()));
    const tg_tensor roots[] = {loss};
    return tg_grad(roots, nullptr, 1, in, 1, TG_CREATE_GRAPH, outs);
  };
  const Tensor x = leaf({1, 2});
  const Tensor slope = checkpoint(fn, {x});
  CHECK(values(slope) == Values{3, 12});
  ok(backward_ones(slope));
  CHECK(grad_values(x) == Values{6, 12});
  CHECK(runs == 2);
  // And by the functions that do so for one.
  HostFunction cubes = [](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor cube;
    TRY(tg_pow_scalar(in[0], 3, cube.out()));
    return tg_sum(cube, outs);
  };
  HostFunction products = [&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor plain, slopes;
    TRY(tg_detach(in[0], plain.out()));
    const tg_tensor at[] = {plain};
    TRY(tg_vjp(run_host, &cubes, at, 1, nullptr, nullptr, 1, slopes.out()));
    return tg_mul(in[0], slopes, outs);
  };
  const Tensor y = leaf({1, 2}), product = checkpoint(products, {y});
  ok(backward_ones(product));
  CHECK(grad_values(y) == Values{3, 12});
}

TEST_CASE("a second run that saves something else says what", "[checkpoint]") {
  const NoLeak leak;
  int runs = 0;
  HostFunction fn = [&](const tg_tensor* in, tg_tensor* outs) -> tg_status {
    Tensor wide, y;
    TRY(tg_unsqueeze(in[0], ++runs == 1 ? 0 : 1, wide.out()));
    TRY(tg_exp(wide, y.out()));
    return tg_sum(y, outs);
  };
  const Tensor x = leaf({1, 2});
  fails(tg_backward(checkpoint(fn, {x})), TG_ERROR_AUTOGRAD,
        {"saved float64[1, 2] as number 0", "run again, float64[2, 1]", "the same operators"});
}
