// SPDX-License-Identifier: MIT
// Flags of tensors (rules T1 to T9 and T20 to T29): what is an inference tensor, what is a leaf,
// which error comes first, and how modules and optimizers keep to it.
#include <functional>
#include <thread>

#include "capi/tensors.h"

using namespace capi;

namespace {

struct Maker {
  const char* name;
  std::function<tg_status(tg_tensor* out)> run;
};
const int64_t kShape[] = {2, 2};

// All that makes a storage without an operand.
const std::vector<Maker>& makers() {
  static const double kData[] = {1, 2, 3, 4};
  static double memory[] = {1, 2, 3, 4};
  static const std::vector<Maker> makers = {
      {"tensor_create",
       [](tg_tensor* out) { return tg_tensor_create(kData, TG_FLOAT64, kShape, 2, 0, out); }},
      {"tensor_from_memory",
       [](tg_tensor* out) {
         return tg_tensor_from_memory(memory, TG_FLOAT64, kShape, nullptr, 2, 0, nullptr, nullptr,
                                      out);
       }},
      {"scalar", [](tg_tensor* out) { return tg_scalar(3, TG_FLOAT32, out); }},
      {"empty", [](tg_tensor* out) { return tg_empty(TG_FLOAT32, kShape, 2, out); }},
      {"zeros", [](tg_tensor* out) { return tg_zeros(TG_INT64, kShape, 2, out); }},
      {"ones", [](tg_tensor* out) { return tg_ones(TG_BOOL, kShape, 2, out); }},
      {"full", [](tg_tensor* out) { return tg_full(2, TG_FLOAT32, kShape, 2, out); }},
      {"full_int64", [](tg_tensor* out) { return tg_full_int64(2, TG_INT64, kShape, 2, out); }},
      {"eye", [](tg_tensor* out) { return tg_eye(TG_FLOAT64, 2, 3, out); }},
      {"arange", [](tg_tensor* out) { return tg_arange(0, 5, 1, TG_INT32, out); }},
      {"rand", [](tg_tensor* out) { return tg_rand(0, TG_FLOAT32, kShape, 2, out); }},
      {"randn", [](tg_tensor* out) { return tg_randn(0, TG_FLOAT64, kShape, 2, out); }},
      {"randint", [](tg_tensor* out) { return tg_randint(0, 0, 9, TG_INT64, kShape, 2, out); }},
      {"randperm", [](tg_tensor* out) { return tg_randperm(0, 5, out); }},
      {"safetensors_load_memory",
       [](tg_tensor* out) {
         std::string bytes = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
         const uint64_t size = bytes.size();
         std::string file(reinterpret_cast<const char*>(&size), 8);
         file += bytes + std::string(4, '\0');
         Handle dict;
         const tg_status status = tg_safetensors_load_memory(file.data(), file.size(), dict.out());
         return status != TG_OK ? status : tg_dict_get(dict, "x", out);
       }},
      {"npy_load",
       [](tg_tensor* out) { return tg_npy_load(TG_TESTS_DIR "/corpus/numpy/f4.npy", out); }},
      {"npz_load",
       [](tg_tensor* out) {
         Handle dict;
         const tg_status status = tg_npz_load(TG_TESTS_DIR "/corpus/numpy/savez.npz", dict.out());
         return status != TG_OK ? status : tg_dict_get(dict, "f4", out);
       }},
      {"parameter of a module",
       [](tg_tensor* out) {
         Handle linear;
         ok(tg_nn_linear(2, 2, 1, TG_FLOAT32, linear.out()));
         Tensor weight;
         ok(tg_module_parameter_at(linear, 0, weight.out()));
         return tg_detach(weight, out);
       }},
      {"result of an operator",
       [](tg_tensor* out) {
         return tg_add(vec({1, 2}), vec({1, 2}), out);
       }},
      {"clone",
       [](tg_tensor* out) {
         return tg_clone(vec({1, 2}), out);
       }},
  };
  return makers;
}

}  // namespace

TEST_CASE(
    "T1: every tensor whose storage is made in inference mode is an inference tensor, no leaf",
    "[modes]") {
  for (const Maker& maker : makers()) {
    for (const Mode mode : kModes) {
      INFO(maker.name << ", " << mode);
      Tensor x;
      {
        const In in(mode);
        ok(maker.run(x.out()));
      }
      CHECK(kind_of(x) == (mode == Mode::inf ? "i0" : "n0"));
    }
  }
}

TEST_CASE("T1: enable_grad inside inference mode makes inference tensors too", "[modes]") {
  const In in(Mode::inf);
  ok(tg_enable_grad_enter());
  for (const Maker& maker : makers()) {
    INFO(maker.name);
    Tensor x;
    ok(maker.run(x.out()));
    CHECK(kind_of(x) == "i0");
  }
  ok(tg_enable_grad_exit());
}

TEST_CASE("T2: requires_grad 1 in inference mode is reported; results and views of i1 report 0",
          "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    const In in(mode);
    const Tensor x = vec({1, 2}, true);
    CHECK(kind_of(x) == (mode == Mode::inf ? "i1" : "nl"));
    CHECK(requires_grad(make(tg_mul, x, x)) == (mode == Mode::normal));
    if (mode == Mode::inf) {
      CHECK(kind_of(make(tg_view, x, kShape, 1)) == "i0");
      CHECK(kind_of(make(tg_detach, x)) == "i0");
    }
  }
}

TEST_CASE("T3: is_inference and is_leaf 0 stay when the mode is left, on any thread", "[modes]") {
  const Tensor x = of_kind("i0", {1, 2}, {2}), y = of_kind("i1", {1, 2}, {2});
  const auto check = [&] {
    int32_t flags[4] = {-1, -1, -1, -1};
    ok(tg_tensor_is_inference(x, &flags[0]));
    ok(tg_tensor_is_leaf(x, &flags[1]));
    ok(tg_tensor_is_inference(y, &flags[2]));
    ok(tg_tensor_is_leaf(y, &flags[3]));
    return flags[0] == 1 && flags[1] == 0 && flags[2] == 1 && flags[3] == 0;
  };
  for (const Mode mode : kModes) {
    const In in(mode);
    CHECK(check());
  }
  bool elsewhere = false;
  std::thread([&] { elsewhere = check(); }).join();
  CHECK(elsewhere);
}

TEST_CASE("T4: integer and bool tensors can be inference tensors, and never require grad",
          "[modes]") {
  const std::vector<int64_t> numbers(4, 1);
  for (const int32_t dtype : {TG_INT8, TG_INT16, TG_INT32, TG_INT64, TG_UINT8, TG_BOOL}) {
    for (const Mode made_in : kModes) {
      Tensor x;
      {
        const In in(made_in);
        x = make(tg_zeros, dtype, kShape, 2);
        fails(attempt(tg_tensor_create, numbers.data(), dtype, kShape, 2, 1), TG_ERROR_DTYPE,
              {"tg_tensor_create"});
      }
      CHECK(kind_of(x) == (made_in == Mode::inf ? "i0" : "n0"));
      for (const Mode mode : kModes) {
        INFO("dtype " << dtype << " made in " << made_in << ", " << mode);
        const In in(mode);
        fails(tg_tensor_set_requires_grad(x, 1), TG_ERROR_DTYPE, {"tg_tensor_set_requires_grad"});
        ok(tg_tensor_set_requires_grad(x, 0));
        CHECK(kind_of(x) == (made_in == Mode::inf ? "i0" : "n0"));
      }
    }
  }
}

TEST_CASE("T5, T6: is_leaf is 1 exactly without grad_fn, and grad_fn is 0 with TG_OK", "[modes]") {
  for (const std::string kind : kKinds) {
    INFO(kind);
    const Tensor x = of_kind(kind, {1, 2}, {2});
    tg_node node = 99;
    ok(tg_tensor_grad_fn(x, &node));
    CHECK((node != 0) == (kind == "nn"));
    CHECK(is_leaf(x) == (kind == "n0" || kind == "nl"));
    ok(tg_release(node));
  }
}

TEST_CASE("T7: a fresh result has version 0, whatever it was computed with", "[modes]") {
  const Tensor i = of_kind("i0", {1, 2}, {2}), n = vec({1, 2});
  ok(tg_fill_(n, 2));
  CHECK(version(make(tg_add, i, n)) == 0);
  CHECK(version(make(tg_clone, n)) == 0);
  CHECK(version(make(tg_softmax, i, int64_t{0})) == 0);
  for (const Maker& maker : makers()) {
    INFO(maker.name);
    Tensor x;
    ok(maker.run(x.out()));
    CHECK(version(x) == 0);
  }
}

TEST_CASE("T8: max_dim's values require grad, its indices never", "[modes]") {
  const Tensor x = of_kind("nl", {1, 2, 3, 4}, {2, 2});
  Tensor highest, positions;
  ok(tg_max_dim(x, 0, 0, highest.out(), positions.out()));
  CHECK(kind_of(highest) == "nn");
  CHECK(kind_of(positions) == "n0");
}

TEST_CASE("T9: handle, argument, mode, autograd, dtype, shape, index, unsupported", "[modes]") {
  const Tensor i0 = of_kind("i0", {1, 2}, {2}), nl = leaf({1, 2}), n0 = vec({1, 2});
  const Tensor three = vec({1, 2, 3}), whole = indices({1, 2});
  Tensor dead = vec({1});
  const tg_handle stale = dead;
  dead.release();

  // A dead handle before the mode error of the target.
  fails(tg_add_(i0, stale), TG_ERROR_INVALID_HANDLE);
  fails(tg_tensor_set_grad(i0, stale), TG_ERROR_INVALID_HANDLE);
  // A dead handle before an argument, a missing out before a dead handle.
  fails(tg_tensor_set_requires_grad(stale, 2), TG_ERROR_INVALID_HANDLE);
  fails(tg_mul(stale, i0, nullptr), TG_ERROR_INVALID_ARGUMENT);
  // An argument before the mode.
  fails(tg_tensor_set_requires_grad(i0, 2), TG_ERROR_INVALID_ARGUMENT);
  const tg_tensor roots[] = {i0};
  fails(tg_backward_from(roots, nullptr, 1, 64), TG_ERROR_INVALID_ARGUMENT);
  fails(attempt(tg_mse_loss, nl, i0, 9), TG_ERROR_INVALID_ARGUMENT);
  // The mode before autograd: the root would be an error of its own.
  const tg_tensor no_grad_roots[] = {n0}, inference_inputs[] = {i0};
  tg_tensor out = 0;
  fails(tg_grad(no_grad_roots, nullptr, 1, inference_inputs, 1, 0, &out), TG_ERROR_MODE);
  {
    const In in(Mode::inf);
    fails(tg_backward(n0), TG_ERROR_MODE);
  }
  // The mode before dtype, shape, unsupported.
  fails(tg_add_(i0, three), TG_ERROR_MODE);
  fails(attempt(tg_mul, nl, of_kind("i0", {1}, {3})), TG_ERROR_MODE);
  fails(tg_exp_(make(tg_to_dtype, i0, TG_INT64)), TG_ERROR_DTYPE);  // made outside: normal
  Tensor frozen_whole;
  {
    const In in(Mode::inf);
    frozen_whole = indices({1, 2});
  }
  fails(tg_exp_(frozen_whole), TG_ERROR_MODE);
  fails(tg_tensor_set_grad(i0, three), TG_ERROR_MODE);
  fails(tg_tensor_set_grad(nl, of_kind("i0", {1}, {3})), TG_ERROR_MODE);
  // Autograd before dtype, shape, unsupported.
  fails(tg_add_(nl, three), TG_ERROR_AUTOGRAD);
  fails(tg_add_out(nl, three, n0), TG_ERROR_AUTOGRAD);
  const tg_tensor wrong[] = {three};
  fails(tg_backward_from(no_grad_roots, wrong, 1, 0), TG_ERROR_AUTOGRAD);
  // Dtype before shape, shape before index and unsupported.
  fails(tg_add_(whole, three), TG_ERROR_DTYPE);
  fails(tg_tensor_set_grad(nl, indices({1, 2, 3})), TG_ERROR_DTYPE);
  const int64_t expanded[] = {4, 2};
  fails(tg_add_(make(tg_expand, n0, expanded, 2), three), TG_ERROR_SHAPE);
  // The two exceptions: out forms, and requires_grad of an integer tensor.
  fails(tg_mul_out(nl, nl, i0), TG_ERROR_AUTOGRAD);
  fails(tg_tensor_set_requires_grad(frozen_whole, 1), TG_ERROR_DTYPE);
}

TEST_CASE("T20: the clone of an inference tensor made outside is a normal leaf to be trained",
          "[modes]") {
  for (const std::string kind : {"i0", "i1"}) {
    INFO(kind);
    const Tensor x = make(tg_clone, of_kind(kind, {1, 2}, {2}));
    CHECK(kind_of(x) == "n0");
    ok(tg_tensor_set_requires_grad(x, 1));
    CHECK(kind_of(x) == "nl");
    ok(backward_ones(make(tg_mul, x, x)));
    CHECK(grad_values(x) == Values{2, 4});
  }
}

TEST_CASE(
    "T21: inside inference_mode(1) > inference_mode(0) tensors are normal and operators record",
    "[modes]") {
  const Tensor w = leaf({1, 2});
  const In in(Mode::inf);
  ok(tg_inference_mode_enter(0));
  CHECK(kind_of(vec({1})) == "n0");
  CHECK(kind_of(vec({1}, true)) == "nl");
  const Tensor y = make(tg_mul, w, w);
  CHECK(kind_of(y) == "nn");
  ok(backward_ones(y));
  CHECK(grad_values(w) == Values{2, 4});
  ok(tg_inference_mode_exit());
  CHECK(kind_of(make(tg_mul, w, w)) == "i0");
  CHECK(kind_of(vec({1})) == "i0");
}

TEST_CASE("T22: enable_grad inside inference mode reports grad mode 1, but nothing records",
          "[modes]") {
  const Tensor w = leaf({1, 2}), n0 = vec({1, 2});
  const In in(Mode::inf);
  ok(tg_enable_grad_enter());
  CHECK(tg_is_grad_enabled() == 1);
  CHECK(kind_of(make(tg_mul, w, w)) == "i0");
  const Tensor view = make(tg_select, w, int64_t{0}, int64_t{1});
  CHECK(kind_of(view) == "nl");
  CHECK(is_view(view) == 1);
  ok(tg_mul_scalar_(w, 2));
  CHECK(kind_of(w) == "nl");
  CHECK(version(w) == 1);
  ok(tg_add_(n0, w));
  CHECK(kind_of(n0) == "n0");
  fails(tg_backward(w), TG_ERROR_MODE);
  ok(tg_enable_grad_exit());
}

TEST_CASE("T23: modules of normal parameters and modules made in inference mode", "[modes]") {
  const Tensor x = make(tg_to_dtype, tensor({1}, {1, 2}), TG_FLOAT32);
  Handle normal, frozen;
  ok(tg_nn_linear(2, 3, 1, TG_FLOAT32, normal.out()));
  {
    const In in(Mode::inf);
    ok(tg_nn_linear(2, 3, 1, TG_FLOAT32, frozen.out()));
    CHECK(kind_of(make(tg_module_forward, normal, x)) == "i0");
    CHECK(kind_of(make(tg_module_forward, frozen, x)) == "i0");
  }
  for (size_t i = 0; i < 2; ++i) {
    CHECK(kind_of(make(tg_module_parameter_at, normal, i)) == "nl");
    CHECK(version(make(tg_module_parameter_at, normal, i)) == 0);
    CHECK_FALSE(has_grad(make(tg_module_parameter_at, normal, i)));
    CHECK(kind_of(make(tg_module_parameter_at, frozen, i)) == "i1");
  }
  CHECK(kind_of(make(tg_module_forward, normal, x)) == "nn");
  fails(attempt(tg_module_forward, frozen, x), TG_ERROR_MODE, {"tg_module_forward"});
  const In in(Mode::no_grad);
  CHECK(kind_of(make(tg_module_forward, frozen, x)) == "n0");
}

TEST_CASE("T24: tg_module_load_state_dict copies into normal parameters in any mode", "[modes]") {
  Handle source, normal, frozen, dict;
  ok(tg_nn_linear(2, 3, 1, TG_FLOAT32, source.out()));
  ok(tg_nn_linear(2, 3, 1, TG_FLOAT32, normal.out()));
  {
    const In in(Mode::inf);
    ok(tg_nn_linear(2, 3, 1, TG_FLOAT32, frozen.out()));
  }
  ok(tg_module_state_dict(source, dict.out()));
  const Tensor wanted = make(tg_module_parameter_at, source, size_t{0});
  const Tensor weight = make(tg_module_parameter_at, normal, size_t{0});
  const Tensor inference_weight = make(tg_module_parameter_at, frozen, size_t{0});
  int64_t expected = 0;
  for (const Mode mode : kModes) {
    INFO(mode);
    const Values old = values(inference_weight);
    const In in(mode);
    ok(tg_module_load_state_dict(normal, dict, 1, nullptr, 0, nullptr));
    ++expected;
    CHECK(values(weight) == values(wanted));
    CHECK(version(weight) == expected);
    CHECK(kind_of(weight) == "nl");
    const tg_status status = tg_module_load_state_dict(frozen, dict, 1, nullptr, 0, nullptr);
    if (mode == Mode::inf) {
      ok(status);
      CHECK(values(inference_weight) == values(wanted));
    } else {
      fails(status, TG_ERROR_MODE, {"tg_module_load_state_dict"});
      CHECK(values(inference_weight) == old);
    }
    CHECK(kind_of(inference_weight) == "i1");
  }
}

TEST_CASE("T25, T27: tg_optimizer_step works in all modes and its state is normal", "[modes]") {
  for (const bool adam : {false, true}) {
    for (const Mode first : kModes) {
      INFO((adam ? "adam" : "sgd") << ", first step in " << first);
      const Tensor w = leaf({1, 2}), untouched = leaf({5});
      const tg_tensor parameters[] = {w, untouched};
      Handle optimizer;
      ok((adam ? tg_optim_adam : tg_optim_sgd)(parameters, 2, 0.5, optimizer.out()));
      if (!adam) ok(tg_optimizer_set(optimizer, "momentum", 0.9));
      ok(tg_tensor_set_grad(w, vec({1, -1})));
      int64_t expected = 0;
      for (const Mode mode : {first, Mode::normal, Mode::inf, Mode::no_grad}) {
        const Values before = values(w);
        const In in(mode);
        ok(tg_optimizer_step(optimizer));
        CHECK(version(w) == ++expected);
        CHECK(version(untouched) == 0);
        CHECK(kind_of(w) == "nl");
        CHECK(values(w)[0] < before[0]);
        CHECK(values(w)[1] > before[1]);
      }
      Handle state;
      ok(tg_optimizer_state_dict(optimizer, state.out()));
      const char* name = adam ? "state.0.exp_avg" : "state.0.momentum_buffer";
      CHECK(kind_of(make(tg_dict_get, state, name)) == "n0");
    }
  }
}

TEST_CASE("T26: is_leaf of the sum of products is 0 in inference mode and 1 in no_grad",
          "[modes]") {
  Tensor results[2];
  for (const Mode mode : {Mode::inf, Mode::no_grad}) {
    const In in(mode);
    const int64_t shape[] = {20, 20};
    Tensor x = make(tg_randn, tg_generator{0}, TG_FLOAT32, shape, 2);
    for (int i = 0; i < 10; ++i) x = make(tg_mm, x, x);
    results[mode == Mode::no_grad] = make(tg_sum, x);
    CHECK(is_leaf(results[mode == Mode::no_grad]) == (mode == Mode::no_grad));
  }
  fails(tg_backward(results[0]), TG_ERROR_MODE, {"tg_backward"});
  fails(tg_backward(results[1]), TG_ERROR_AUTOGRAD, {"tg_backward"});
}

TEST_CASE("T28: no gradient flows through a view made in no_grad or inference mode", "[modes]") {
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    INFO(mode);
    const Tensor w = leaf({1, 2}), other = leaf({3, 4});
    Tensor view;
    {
      const In in(mode);
      view = make(tg_view, w, kShape, 1);
    }
    CHECK(requires_grad(view) == 1);
    ok(backward_ones(make(tg_mul, view, other)));
    CHECK_FALSE(has_grad(w));
    CHECK_FALSE(has_grad(view));
    CHECK(grad_values(other) == Values{1, 2});
    ok(backward_ones(make(tg_mul_scalar, view, 2.0)));
    CHECK_FALSE(has_grad(w));
    CHECK_FALSE(has_grad(view));
    fails(backward_ones(view), TG_ERROR_AUTOGRAD, {"tg_backward_from"});
  }
}

TEST_CASE("T29: set_requires_grad(1) on a base shows on its views, a second one makes a leaf",
          "[modes]") {
  for (const Mode made_in : kModes) {
    INFO(made_in);
    const Tensor base = vec({1, 2});
    Tensor view;
    {
      const In in(made_in);
      view = make(tg_view, base, kShape, 1);
    }
    CHECK(requires_grad(view) == 0);
    ok(tg_tensor_set_requires_grad(base, 1));
    CHECK(requires_grad(view) == 1);
    ok(tg_tensor_set_requires_grad(view, 1));
    CHECK(is_leaf(view) == 1);
    ok(backward_ones(make(tg_mul_scalar, view, 3.0)));
    CHECK(grad_values(view) == Values{3, 3});
    CHECK_FALSE(has_grad(base));
  }
  const Tensor base = vec({1, 2});
  const Tensor view = make(tg_view, base, kShape, 1);
  ok(tg_tensor_set_requires_grad(view, 1));
  CHECK(kind_of(view) == "nl");
  CHECK(kind_of(base) == "n0");
  ok(backward_ones(make(tg_mul_scalar, view, 3.0)));
  CHECK(grad_values(view) == Values{3, 3});
  CHECK_FALSE(has_grad(base));
}
