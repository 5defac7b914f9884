// SPDX-License-Identifier: MIT
// One weight that many threads read, while others trim the cache, change the weight or let go of
// it: the packing kept for it may come and go, but never under a reader, and what is read after a
// change is new.
#include <tapegrad/tapegrad.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kRows = 8, kOut = 96, kIn = 400;

tg_tensor filled(int64_t rows, int64_t columns, float value) {
  const std::vector<float> list(static_cast<size_t>(rows * columns), value);
  const int64_t sizes[] = {rows, columns};
  tg_tensor x = 0;
  tg_tensor_create(list.data(), TG_FLOAT32, sizes, 2, 0, &x);
  return x;  // 0 after a failure: whatever takes it fails too
}

// Every element of x weight^T where all of x are 1 and all of weight are one integer; -1: they
// differ, or the call failed.
float product(tg_tensor x, tg_tensor weight) {
  tg_tensor y = 0;
  std::vector<float> list(kRows * kOut);
  if (tg_linear(x, weight, 0, &y) != TG_OK) return -1;
  const tg_status status = tg_tensor_copy_out(y, list.data(), list.size() * sizeof(float));
  tg_release(y);
  if (status != TG_OK) return -1;
  for (const float value : list) {
    if (value != list[0]) return -1;
  }
  return list[0];
}

}  // namespace

TEST_CASE("threads read one weight while another trims the cache", "[threads]") {
  const tg_tensor x = filled(kRows, kIn, 1), weight = filled(kOut, kIn, 2);
  std::atomic<int> wrong{0}, running{3};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      wrong += tg_no_grad_enter() != TG_OK;
      for (int round = 0; round < 200; ++round) wrong += product(x, weight) != 2 * kIn;
      wrong += tg_no_grad_exit() != TG_OK;
      --running;
    });
  }
  while (running > 0) {
    if (tg_memory_trim() != TG_OK) ++wrong;
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(tg_release(weight) == TG_OK);
  CHECK(tg_release(x) == TG_OK);
}

TEST_CASE("weights come and go on several threads while another trims", "[threads]") {
  std::atomic<int> wrong{0}, running{3};
  std::vector<std::thread> owners;
  const tg_tensor x = filled(kRows, kIn, 1);
  for (int i = 0; i < 3; ++i) {
    owners.emplace_back([&, i] {
      wrong += tg_no_grad_enter() != TG_OK;
      for (int round = 0; round < 60; ++round) {
        const auto value = static_cast<float>(i + 1);
        const tg_tensor weight = filled(kOut, kIn, value);
        for (int k = 0; k < 2; ++k) wrong += product(x, weight) != value * kIn;
        wrong += tg_mul_scalar_(weight, 2) != TG_OK;
        wrong += product(x, weight) != 2 * value * kIn;
        wrong += tg_release(weight) != TG_OK;
      }
      wrong += tg_no_grad_exit() != TG_OK;
      --running;
    });
  }
  while (running > 0) {
    if (tg_memory_trim() != TG_OK) ++wrong;
  }
  for (std::thread& owner : owners) owner.join();
  CHECK(wrong == 0);
  CHECK(tg_release(x) == TG_OK);
}

// The elements themselves are raced for on purpose, so ThreadSanitizer has nothing to say here.
#ifndef __SANITIZE_THREAD__
TEST_CASE("a packing made while its weight was being changed is not kept", "[threads]") {
  const tg_tensor x = filled(kRows, kIn, 1), weight = filled(kOut, kIn, 1);
  int wrong = 0;
  for (int round = 1; round <= 300; ++round) {
    std::atomic<bool> done{false};
    std::thread reader([&] {
      tg_no_grad_enter();
      while (!done) product(x, weight);  // old, new, or some of both
      tg_no_grad_exit();
    });
    for (int k = 0; k < 3; ++k) wrong += tg_fill_(weight, round + k) != TG_OK;
    done = true;
    reader.join();
    tg_no_grad_enter();
    wrong += product(x, weight) != static_cast<float>((round + 2) * kIn);
    tg_no_grad_exit();
  }
  CHECK(wrong == 0);
  CHECK(tg_release(weight) == TG_OK);
  CHECK(tg_release(x) == TG_OK);
}
#endif
