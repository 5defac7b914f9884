// SPDX-License-Identifier: MIT
// What a host lends, set anew while other threads use it; tokens cancelled under calls; tensors
// that go out and come in on many threads. Written for the thread sanitizer.
#include <tapegrad/tapegrad.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

namespace {

// Runs `body` on n threads, each in a loop until it says so, while `meanwhile` runs here.
template <class Body, class Meanwhile>
void beside(int n, Body body, Meanwhile meanwhile) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([&] {
      do {
        body();
      } while (!stop);
    });
  }
  meanwhile();
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

struct Counted {
  std::atomic<int> ended{0}, calls{0}, late{0};
  static void end(void* self) { ++static_cast<Counted*>(self)->ended; }
  void called() {
    late += ended;
    ++calls;
    late += ended;
  }
};

tg_tensor ones(int64_t rows, int64_t columns) {
  const int64_t shape[] = {rows, columns};
  tg_tensor x = 0;
  tg_ones(TG_FLOAT32, shape, 2, &x);
  return x;
}

// Every element of the product of two matrices of ones is n; false: it is not, or the call failed.
bool product_is_right(int64_t n) {
  const tg_tensor a = ones(n, n);
  tg_tensor c = 0;
  std::vector<float> list(static_cast<size_t>(n * n));
  bool right = tg_mm(a, a, &c) == TG_OK &&
               tg_tensor_copy_out(c, list.data(), list.size() * sizeof(float)) == TG_OK;
  for (const float element : list) right = right && element == static_cast<float>(n);
  tg_release(c);
  tg_release(a);
  return right;
}

}  // namespace

TEST_CASE("threads log while the log is set anew", "[threads]") {
  static Counted logs[40];
  beside(
      3, [] { tg_release(12345); },
      [] {
        for (Counted& log : logs) {
          REQUIRE(tg_log_set(
                      [](void* self, int32_t, const char* text) {
                        static_cast<Counted*>(self)->called();
                        if (std::strncmp(text, "tg_release: ", 12) != 0) {
                          ++static_cast<Counted*>(self)->late;
                        }
                      },
                      &log, Counted::end) == TG_OK);
          CHECK(tg_release(12345) == TG_ERROR_INVALID_HANDLE);
        }
        REQUIRE(tg_log_set(nullptr, nullptr, nullptr) == TG_OK);
      });
  for (const Counted& log : logs) {
    CHECK(log.ended == 1);
    CHECK(log.late == 0);
    CHECK(log.calls >= 1);
  }
}

TEST_CASE("threads meet a pressure function that is set anew", "[threads]") {
  static Counted functions[20];
  std::atomic<int> wrong{0};
  beside(
      3,
      [&] {
        const int64_t count = 50000;
        tg_tensor x = 0;
        wrong += tg_zeros(TG_UINT8, &count, 1, &x) != TG_OK;
        wrong += tg_release(x) != TG_OK;
      },
      [] {
        for (Counted& function : functions) {
          REQUIRE(tg_memory_pressure_set(
                      [](void* self, uint64_t, uint64_t) -> int32_t {
                        static_cast<Counted*>(self)->called();
                        return tg_release(0);
                      },
                      &function, Counted::end, 1) == TG_OK);
          const tg_tensor x = ones(200, 200);
          CHECK(tg_release(x) == TG_OK);
        }
        REQUIRE(tg_memory_pressure_set(nullptr, nullptr, nullptr, 0) == TG_OK);
      });
  CHECK(wrong == 0);
  for (const Counted& function : functions) {
    CHECK(function.ended == 1);
    CHECK(function.late == 0);
    CHECK(function.calls >= 1);
  }
}

TEST_CASE("threads compute while pools are lent and taken back", "[threads]") {
  static Counted pools[10];
  std::atomic<int> wrong{0};
  beside(
      2, [&] { wrong += !product_is_right(320); },
      [&] {
        for (Counted& pool : pools) {
          REQUIRE(tg_parallel_for_set(
                      [](void* self, size_t count, tg_job_fn run, void* job) -> int32_t {
                        static_cast<Counted*>(self)->called();
                        std::thread other([&] { run(job, 0); });
                        for (size_t i = 1; i + 1 < count; ++i) run(job, i);
                        other.join();
                        return 1;  // one index is left
                      },
                      &pool, Counted::end) == TG_OK);
          wrong += !product_is_right(320);
        }
        REQUIRE(tg_parallel_for_set(nullptr, nullptr, nullptr) == TG_OK);
      });
  CHECK(wrong == 0);
  for (const Counted& pool : pools) {
    CHECK(pool.ended == 1);
    CHECK(pool.late == 0);
  }
}

TEST_CASE("a token is cancelled from another thread while a backward runs", "[threads]") {
  const uint64_t live = tg_live_handles();
  int cancelled = 0;
  for (int round = 0; round < 60; ++round) {
    tg_token token = 0;
    REQUIRE(tg_token_create(&token) == TG_OK);
    REQUIRE(tg_token_use(token, nullptr) == TG_OK);
    tg_tensor x = ones(4, 4), y = 0;
    REQUIRE(tg_tensor_set_requires_grad(x, 1) == TG_OK);
    REQUIRE(tg_mul(x, x, &y) == TG_OK);
    for (int i = 0; i < 2000; ++i) {
      tg_tensor next = 0;
      if (tg_mul_scalar(y, 1, &next) != TG_OK) break;
      tg_release(y);
      y = next;
    }
    tg_tensor loss = 0, grad = 0;
    REQUIRE(tg_sum(y, &loss) == TG_OK);
    // Wherever the cancellation falls, it is the whole gradient or none.
    std::thread other([token] { tg_token_cancel(token); });
    const tg_status status = tg_backward(loss);
    other.join();
    REQUIRE(tg_tensor_grad(x, &grad) == TG_OK);
    if (status == TG_OK) {
      CHECK(grad != 0);
    } else {
      CHECK(status == TG_ERROR_CANCELLED);
      CHECK(grad == 0);
      ++cancelled;
    }
    REQUIRE(tg_token_use(0, nullptr) == TG_OK);
    for (const tg_handle handle : {grad, loss, y, x, token}) tg_release(handle);
  }
  WARN("cancelled " << cancelled << " of 60");
  CHECK(tg_live_handles() == live);
}

TEST_CASE("threads export, import and end one tensor", "[threads]") {
  const uint64_t memory = tg_memory_current();
  struct Managed {  // the legacy form of DLPack
    char tensor[48];
    void* context;
    void (*deleter)(Managed*);
  };
  const tg_tensor x = ones(2, 2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        void *first = nullptr, *second = nullptr;
        tg_tensor again = 0;
        wrong += tg_to_dlpack(x, TG_DLPACK_VERSIONED, &first) != TG_OK;
        wrong += tg_to_dlpack(x, 0, &second) != TG_OK;
        wrong += tg_from_dlpack(first, TG_DLPACK_VERSIONED, &again) != TG_OK;
        auto* managed = static_cast<Managed*>(second);
        managed->deleter(managed);
        wrong += tg_release(again) != TG_OK;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(tg_release(x) == TG_OK);
  CHECK(tg_memory_current() == memory);
}
