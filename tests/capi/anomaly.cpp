// SPDX-License-Identifier: MIT
// Anomaly mode, and sites in messages.
#include <cmath>
#include <thread>

#include "capi/operators.h"
#include "capi/rows.h"
#include "capi/saved.h"

using namespace capi;

namespace {

constexpr double kInfinity = INFINITY;

class Anomaly {
 public:
  Anomaly() { ok(tg_anomaly_mode_enter()); }
  ~Anomaly() { CHECK(tg_anomaly_mode_exit() == TG_OK); }
};
class At {
 public:
  At(const char* file, int32_t line) { ok(tg_site_set(file, line)); }
  ~At() { CHECK(tg_site_set(nullptr, 0) == TG_OK); }
};

}  // namespace

TEST_CASE("anomaly mode: an operator that makes NaN or an infinity fails", "[anomaly]") {
  const NoLeak leak;
  const Tensor zero = vec({0, 1}), w = leaf({0, 1}), big = vec({1e308, 1}), wide = vec({NAN, 1}),
               inf = vec({kInfinity, 1});
  make(tg_log, zero);
  const Anomaly on;
  for (const Mode mode : kModes) {
    CAPTURE(mode);
    const In in(mode);
    fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"Log makes an infinity", "anomaly mode"});
    fails(attempt(tg_div, zero, zero), TG_ERROR_AUTOGRAD, {"Div makes NaN"});
    fails(attempt(tg_mul, big, big), TG_ERROR_AUTOGRAD, {"Mul makes an infinity"});
    // What an operand has is no anomaly; a NaN from an infinity is.
    make(tg_add, wide, zero);
    make(tg_exp, inf);
    make(tg_mul_scalar, zero, 1.0);
    make(tg_add_scalar, zero, kInfinity);
    fails(attempt(tg_sub, inf, inf), TG_ERROR_AUTOGRAD, {"Sub makes NaN"});
  }
  fails(attempt(tg_log, w), TG_ERROR_AUTOGRAD, {"Log makes an infinity"});
  // In place and into a tensor: nothing is written.
  Rows rows{zero, big};
  const tg_tensor both[] = {zero, zero};
  rows.fails("tg_div_", TG_ERROR_AUTOGRAD, {"Div makes NaN"}, tg_div_(zero, zero));
  rows.fails("tg_mul_", TG_ERROR_AUTOGRAD, {"Mul makes an infinity"}, tg_mul_(big, big));
  rows.fails("tg_mul_out", TG_ERROR_AUTOGRAD, {"Mul makes"}, tg_mul_out(big, big, zero));
  make(tg_cat, both, size_t{2}, int64_t{0});
  ok(tg_fill_(zero, kInfinity));  // the caller's own number
}

TEST_CASE("anomaly mode: backward names the node and where it was recorded", "[anomaly]") {
  const NoLeak leak;
  const Tensor w = leaf({0, 4});
  ok(tg_site_set("model.c", 12));
  Tensor y = make(tg_sqrt, w);  // its derivative at 0 is infinite
  ok(tg_site_set(nullptr, 0));
  const Tensor z = make(tg_sum, make(tg_mul_scalar, y, 2.0));
  const Anomaly on;
  fails(backward_ones(z, TG_RETAIN_GRAPH), TG_ERROR_AUTOGRAD,
        {"SqrtBackward, recorded at model.c:12", "an infinity", "operand 0"});
  CHECK_FALSE(has_grad(w));
  const tg_tensor roots[] = {z}, inputs[] = {w};
  Tensor out;
  fails(tg_grad(roots, nullptr, 1, inputs, 1, TG_RETAIN_GRAPH, out.out()), TG_ERROR_AUTOGRAD,
        {"SqrtBackward"});
  // One that needs nothing of the node that would fail is well.
  const tg_tensor near[] = {y};
  ok(tg_grad(roots, nullptr, 1, near, 1, TG_RETAIN_GRAPH, out.out()));
  // A gradient that comes in with an infinity is no anomaly of the node's.
  const Tensor seed = vec({kInfinity, 1});
  const tg_tensor seeds[] = {seed};
  const Tensor twice = make(tg_mul_scalar, w, 2.0);
  const tg_tensor others[] = {twice};
  ok(tg_backward_from(others, seeds, 1, 0));
  CHECK(grad_values(w) == Values{kInfinity, 2});
}

TEST_CASE("anomaly mode is entered and left once, travels in words, and holds in callbacks",
          "[anomaly]") {
  const NoLeak leak;
  const Tensor zero = vec({0});
  fails(tg_anomaly_mode_exit(), TG_ERROR_MODE, {"is not on"});
  uint64_t word = 0;
  {
    const Anomaly on;
    fails(tg_anomaly_mode_enter(), TG_ERROR_MODE, {"is on already"});
    ok(tg_state_get(&word));
    const In in(Mode::no_grad);
    fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"Log"});
  }
  make(tg_log, zero);
  std::thread([&] {
    uint64_t before = 0;
    ok(tg_state_set(word, &before));
    fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"Log"});
    ok(tg_state_set(before, nullptr));
    make(tg_log, zero);
  }).join();
  // A hook is watched as its pass is.
  const Tensor w = leaf({1});
  const Hook hook =
      Hook::on(w, [&](tg_tensor, tg_tensor, tg_tensor* out) { return tg_log(zero, out); });
  const Anomaly on;
  fails(backward_ones(make(tg_mul_scalar, w, 1.0)), TG_ERROR_AUTOGRAD, {"Log makes"});
}

TEST_CASE("anomaly mode sees what a caller's operator writes", "[anomaly]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2});
  double made = 0;
  const Handle op = custom(
      "filler",
      [&](const Forward& f) -> int32_t {
        const int64_t sizes[] = {2};
        return tg_full(made, TG_FLOAT64, sizes, 1, &f.outs[0]);
      },
      [&](const Backward& b) -> int32_t {
        const int64_t sizes[] = {2};
        return tg_full(made, TG_FLOAT64, sizes, 1, &b.grad_inputs[0]);
      });
  const auto apply = [&](tg_tensor* out) {
    const tg_tensor inputs[] = {x};
    return tg_operator_apply(op, inputs, 1, nullptr, 0, out, 1);
  };
  const Anomaly on;
  Tensor y;
  ok(apply(y.out()));
  made = NAN;
  tg_tensor none = 0;
  fails(apply(&none), TG_ERROR_AUTOGRAD, {"filler makes NaN"});
  fails(backward_ones(y), TG_ERROR_AUTOGRAD, {"fillerBackward", "NaN"});
}

TEST_CASE("sites: the in-place error names where the tensor was saved and where it was changed",
          "[sites]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 1.0);
  ok(tg_site_set("train.c", 30));
  const Tensor y = make(tg_mul, x, x);
  ok(tg_site_set("train.c", 41));
  {
    const In in(Mode::no_grad);
    ok(tg_mul_scalar_(x, 2));
    ok(tg_site_set("other.c", 7));
    ok(tg_mul_scalar_(x, 2));  // the first change counts
  }
  ok(tg_site_set(nullptr, 0));
  fails(backward_ones(y), TG_ERROR_VERSION,
        {"Mul saved for backward at train.c:30", "changed in place at train.c:41",
         "version 0 was saved, version 2"});
  // Without sites neither is named.
  const Tensor z = make(tg_mul_scalar, w, 1.0), s = make(tg_mul, z, z);
  {
    const In in(Mode::no_grad);
    ok(tg_mul_scalar_(z, 2));
  }
  tg_last_error_clear();
  fails(backward_ones(s), TG_ERROR_VERSION, {"Mul saved for backward was changed in place: "});
}

TEST_CASE("sites: each thread has its own, and a callback's ends with it", "[sites]") {
  const NoLeak leak;
  const Tensor zero = vec({0});
  const Anomaly on;
  const At here("a.c", 1);
  std::thread([&] {
    ok(tg_anomaly_mode_enter());
    fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"Log makes"});
    ok(tg_anomaly_mode_exit());
  }).join();
  const Handle op = custom("elsewhere", [&](const Forward& f) -> int32_t {
    TRY(tg_site_set("b.c", 2));
    fails(attempt(tg_log, f.inputs[0]), TG_ERROR_AUTOGRAD, {"Log at b.c:2"});
    return tg_clone(f.inputs[0], &f.outs[0]);
  });
  const tg_tensor inputs[] = {zero};
  Tensor out;
  ok(tg_operator_apply(op, inputs, 1, nullptr, 0, out.out(), 1));
  fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"Log at a.c:1"});
  ok(tg_site_set("a much longer name of a file, which is copied.c", 2147483647));
  fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD, {"copied.c:2147483647"});
}

TEST_CASE("watched calls give the same bits", "[anomaly]") {
  const NoLeak leak;
  const Tensor x = leaf({0.1, 0.7, 1.3, 2.1, 3.3}), y = vec({0.3, 0.2, 0.9, 1.7, 0.4});
  const auto all = [&] {
    std::vector<Values> list;
    const auto add = [&](const Tensor& t) { list.push_back(values(t)); };
    add(make(tg_mul, x, y));
    add(make(tg_exp, x));
    add(make(tg_softmax, x, int64_t{0}));
    add(make(tg_sum, x));
    add(make(tg_pow_scalar, x, 2.5));
    const Tensor z = make(tg_clone, y);
    ok(tg_div_(z, x));
    ok(tg_sigmoid_(z));
    add(z);
    return list;
  };
  const std::vector<Values> plain = all();
  const Anomaly on;
  const At here("c.c", 3);
  SavedHooks hooks;
  CHECK(all() == plain);
}

TEST_CASE("anomaly mode looks at what an operator of the caller changes in place", "[anomaly]") {
  const NoLeak leak;
  const Handle op = custom("fill_", [](const Forward& f) -> int32_t {
    TRY(tg_context_mark_dirty(f.context, 0));
    TRY(tg_fill_(f.inputs[0], NAN));
    return tg_alias(f.inputs[0], &f.outs[0]);
  });
  const Tensor x = vec({1, 2}), wide = vec({NAN, 1});
  const Anomaly on;
  tg_tensor out[1];
  const tg_tensor in[] = {x}, has_one[] = {wide};
  fails(tg_operator_apply(op, in, 1, nullptr, 0, out, 1), TG_ERROR_AUTOGRAD,
        {"fill_ makes NaN, which no operand has", "anomaly mode"});
  ok(tg_operator_apply(op, has_one, 1, nullptr, 0, out, 1));
  ok(tg_release(out[0]));
  // The operands have their names in the message.
  const Tensor zero = vec({0, 1});
  ok(tg_tensor_set_name(zero, "weight"));
  const At at("model.c", 7);
  fails(attempt(tg_log, zero), TG_ERROR_AUTOGRAD,
        {"Log at model.c:7 makes an infinity of \"weight\" (float64[2]), which has none"});
}
