// SPDX-License-Identifier: MIT
// The packed weight that tg_linear keeps where nothing is recorded: nobody may notice it but by the
// time it saves and by tg_memory_cached. Every way to change a weight must drop it.
#include <cstring>
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

constexpr int64_t kRows = 24, kOut = 200, kIn = 400;
constexpr uint64_t kBytes = kOut * kIn * sizeof(float);

// Whether this processor has a kernel that packs.
bool packs() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> list(static_cast<size_t>(count));
  for (float& x : list) {
    seed = seed * 1664525u + 1013904223u;
    x = static_cast<float>(seed >> 8) / 8388608 - 1;
  }
  return list;
}

Tensor floats(const Sizes& sizes, uint32_t seed, bool requires_grad = false) {
  const std::vector<float> list = numbers(count_of(sizes), seed);
  Tensor out;
  ok(tg_tensor_create(list.data(), TG_FLOAT32, sizes.data(), static_cast<int32_t>(sizes.size()),
                      requires_grad, out.out()));
  return out;
}

std::vector<float> elements(tg_tensor x) {
  int64_t count = 0;
  ok(tg_tensor_numel(x, &count));
  std::vector<float> list(static_cast<size_t>(count));
  ok(tg_tensor_copy_out(x, list.data(), list.size() * sizeof(float)));
  return list;
}

std::vector<float> linear(tg_tensor x, tg_tensor weight, tg_tensor bias = 0) {
  Tensor y;
  ok(tg_linear(x, weight, bias, y.out()));
  return elements(y);
}

// What a weight without any past gives.
std::vector<float> fresh(tg_tensor x, tg_tensor weight) {
  const In mode(Mode::no_grad);
  const Tensor copy = make(tg_clone, weight);
  return linear(x, copy);
}

std::vector<float> without_grad(tg_tensor x, tg_tensor weight) {
  const In mode(Mode::no_grad);
  return linear(x, weight);
}

uint64_t trimmed_cache() {
  ok(tg_memory_trim());
  return tg_memory_cached();
}

// Bytes that a call leaves in the cache, where nothing was cached before.
uint64_t left_by(const std::function<void()>& call) {
  REQUIRE(trimmed_cache() == 0);
  call();
  return tg_memory_cached();
}

}  // namespace

TEST_CASE("tg_linear has the same bits in every mode, kept or not, on any number of threads",
          "[packing]") {
  for (const auto& [rows, out, in] : {std::array<int64_t, 3>{50, 1000, 500},
                                      {8, 333, 501},
                                      {3, 64, 600},
                                      {129, 301, 300},
                                      {50, 10, 100}}) {
    CAPTURE(rows, out, in);
    const Tensor x = floats({rows, in}, 1), weight = floats({out, in}, 2, true);
    const Tensor bias = floats({out}, 3, true);
    ok(tg_num_threads_set(1));
    const std::vector<float> expected = linear(x, weight, bias);
    for (const int threads : {1, 2, 3, 7}) {
      ok(tg_num_threads_set(threads));
      for (const Mode mode :
           {Mode::normal, Mode::no_grad, Mode::no_grad, Mode::inf, Mode::normal}) {
        const In in_mode(mode);
        CAPTURE(threads, mode);
        REQUIRE(linear(x, weight, bias) == expected);
      }
      ok(tg_memory_trim());
      REQUIRE(linear(x, weight, bias) == expected);
    }
    const In mode(Mode::inf);
    const Tensor inference_weight = floats({out, in}, 2);
    for (int i = 0; i < 2; ++i) REQUIRE(linear(x, inference_weight, bias) == expected);
    // And a product with the transposed weight gives them too, before the bias.
    Tensor y;
    ok(tg_mm(x, make(tg_t, weight), y.out()));
    REQUIRE(linear(x, weight) == elements(y));
  }
  ok(tg_num_threads_set(0));
}

TEST_CASE("a kept packing counts as cached, goes at a trim and ends with its weight", "[packing]") {
  if (!packs()) return;
  const uint64_t current = tg_memory_current();
  {
    const Tensor x = floats({kRows, kIn}, 1);
    Tensor weight = floats({kOut, kIn}, 2, true);
    const uint64_t held = tg_memory_current();
    const uint64_t recorded = left_by([&] { linear(x, weight); });
    const uint64_t kept = left_by([&] { without_grad(x, weight); });
    CHECK(kept >= recorded + kBytes);
    CHECK(kept < recorded + kBytes + kBytes / 5);
    CHECK(tg_memory_current() == held);
    without_grad(x, weight);
    CHECK(tg_memory_cached() == kept);  // once a version
    linear(x, weight);                  // grad mode may read it, and keeps it
    CHECK(tg_memory_cached() == kept);
    CHECK(trimmed_cache() == 0);
    without_grad(x, weight);
    CHECK(tg_memory_cached() == kept);
    // Held by nothing but its weight.
    const uint64_t blocks = left_by([&] { floats({kOut, kIn}, 2); });
    without_grad(x, weight);
    weight.release();
    CHECK(trimmed_cache() == 0);
    CHECK(blocks > 0);
  }
  CHECK(tg_memory_current() == current);
}

TEST_CASE("every change of a weight drops its packing", "[packing]") {
  struct Change {
    const char* name;
    std::function<void(tg_tensor weight)> run;
  };
  const Tensor summand = floats({kOut, kIn}, 9);
  const std::vector<Change> changes = {
      {"tg_add_", [&](tg_tensor w) { ok(tg_add_(w, summand)); }},
      {"tg_mul_scalar_", [&](tg_tensor w) { ok(tg_mul_scalar_(w, 2)); }},
      {"tg_copy_", [&](tg_tensor w) { ok(tg_copy_(w, summand)); }},
      {"an out form", [&](tg_tensor w) { ok(tg_add_out(summand, summand, w)); }},
      {"an operand of another dtype",
       [&](tg_tensor w) { ok(tg_add_(w, make(tg_to_dtype, summand, TG_FLOAT64))); }},
      {"a view",
       [&](tg_tensor w) {
         ok(tg_fill_(make(tg_narrow, w, int64_t{0}, int64_t{7}, int64_t{1}), 0.5));
       }},
      {"a transposed view", [&](tg_tensor w) { ok(tg_mul_scalar_(make(tg_t, w), -1)); }},
      {"a detached tensor", [&](tg_tensor w) { ok(tg_zero_(make(tg_detach, w))); }},
      {"tg_tensor_copy_in",
       [&](tg_tensor w) {
         const std::vector<float> list = numbers(kOut * kIn, 77);
         ok(tg_tensor_copy_in(w, list.data(), list.size() * sizeof(float)));
       }},
      {"an optimizer's step",
       [&](tg_tensor w) {
         ok(tg_tensor_set_grad(w, summand));
         Handle optimizer;
         ok(tg_optim_sgd(&w, 1, 0.1, optimizer.out()));
         ok(tg_optimizer_step(optimizer));
       }},
      {"its address",
       [&](tg_tensor w) {
         void* data = nullptr;
         ok(tg_tensor_data(w, &data));
         static_cast<float*>(data)[5] += 100;  // nobody is told
       }},
  };
  const Tensor x = floats({kRows, kIn}, 1);
  for (const Change& change : changes) {
    INFO(change.name);
    const Tensor weight = floats({kOut, kIn}, 2, true);
    const std::vector<float> before = without_grad(x, weight);
    REQUIRE(without_grad(x, weight) == before);
    {
      const In mode(Mode::no_grad);
      change.run(weight);
    }
    const std::vector<float> after = without_grad(x, weight);
    CHECK(after != before);
    CHECK(after == fresh(x, weight));
    CHECK(linear(x, weight) == after);
  }
}

TEST_CASE("a module's parameters are packed anew after load_state_dict", "[packing]") {
  Handle module;
  ok(tg_nn_linear(kIn, kOut, 1, TG_FLOAT32, module.out()));
  const Tensor x = floats({kRows, kIn}, 1);
  const In mode(Mode::no_grad);
  const auto forward = [&] {
    Tensor y;
    ok(tg_module_forward(module, x, y.out()));
    return elements(y);
  };
  const std::vector<float> before = forward();
  REQUIRE(forward() == before);
  const Tensor weight = floats({kOut, kIn}, 5), bias = floats({kOut}, 6);
  Handle dict;
  ok(tg_dict_create(dict.out()));
  ok(tg_dict_set(dict, "weight", weight));
  ok(tg_dict_set(dict, "bias", bias));
  ok(tg_module_load_state_dict(module, dict, 1, nullptr, 0, nullptr));
  CHECK(forward() == linear(x, weight, bias));
}

TEST_CASE("memory whose address is known is never packed", "[packing]") {
  const Tensor x = floats({kRows, kIn}, 1);
  std::vector<float> memory = numbers(kOut * kIn, 2);
  const Sizes sizes = {kOut, kIn};
  Tensor lent;
  ok(tg_tensor_from_memory(memory.data(), TG_FLOAT32, sizes.data(), nullptr, 2, 0, nullptr, nullptr,
                           lent.out()));
  const Tensor own = floats({kOut, kIn}, 2);
  void* address = nullptr;
  ok(tg_tensor_data(own, &address));
  for (const auto& [weight, data] :
       {std::pair<tg_tensor, float*>{lent, memory.data()}, {own, static_cast<float*>(address)}}) {
    const uint64_t recorded = left_by([&] { linear(x, weight); });
    CHECK(left_by([&] { without_grad(x, weight); }) == recorded);
    for (int i = 0; i < 3; ++i) {
      data[i * kIn] += 1;
      CHECK(without_grad(x, weight) == fresh(x, weight));
    }
  }
}

TEST_CASE("weights that share a storage are told apart", "[packing]") {
  const Tensor all = floats({2 * kOut, kIn}, 2);
  const Tensor low = make(tg_narrow, all, int64_t{0}, int64_t{0}, kOut);
  const Tensor high = make(tg_narrow, all, int64_t{0}, kOut, kOut);
  const Tensor part = make(tg_narrow, all, int64_t{1}, int64_t{0}, int64_t{300});
  const Tensor x = floats({kRows, kIn}, 1), short_x = floats({kRows, 300}, 1);
  for (int i = 0; i < 2; ++i) {
    CHECK(without_grad(x, low) == fresh(x, low));
    CHECK(without_grad(x, high) == fresh(x, high));
    CHECK(without_grad(x, all) == fresh(x, all));
    CHECK(without_grad(short_x, part) == fresh(short_x, part));
    ok(tg_mul_scalar_(high, 3));
  }
}
