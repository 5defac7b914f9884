// SPDX-License-Identifier: MIT
// The tape and several threads: graphs of their own, parameters and leaves in common, a graph that
// goes from one thread to another, writes beside reads, and what one thread lets look at its calls.
#include <tapegrad/tapegrad.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 4;
#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 60;
// Elements that are raced for on purpose are the caller's affair: where they are watched there are
// none.
constexpr int64_t kRaced = 0;
#else
constexpr int kRounds = 400;
constexpr int64_t kRaced = 64;
#endif

// A debug build compares elements, and sees that a write was going on when they were saved.
#ifdef TG_DEBUG
constexpr tg_status kHalfWritten = TG_ERROR_INTERNAL;
#else
constexpr tg_status kHalfWritten = TG_OK;
#endif

void must(tg_status status) {
  if (status != TG_OK) FAIL(tg_last_error_message());  // on the thread that runs the case
}

tg_tensor full(double value, int64_t rows, int64_t columns, bool requires_grad = false) {
  const int64_t sizes[] = {rows, columns};
  tg_tensor x = 0;
  must(tg_full(value, TG_FLOAT64, sizes, 2, &x));
  if (requires_grad) must(tg_tensor_set_requires_grad(x, 1));
  return x;
}
std::vector<double> elements(tg_tensor x) {
  int64_t count = 0;
  must(tg_tensor_numel(x, &count));
  std::vector<double> list(static_cast<size_t>(count));
  must(tg_tensor_copy_out(x, list.data(), list.size() * sizeof(double)));
  return list;
}
std::vector<double> gradient(tg_tensor leaf) {
  tg_tensor grad = 0;
  must(tg_tensor_grad(leaf, &grad));
  const std::vector<double> list = elements(grad);
  must(tg_release(grad));
  return list;
}

// sum(tanh(x w) w2): a loss of one number. 0: it failed.
tg_tensor loss_of(tg_tensor x, tg_tensor w, tg_tensor w2) {
  tg_tensor a = 0, b = 0, c = 0, loss = 0;
  const bool good = tg_mm(x, w, &a) == TG_OK && tg_tanh(a, &b) == TG_OK &&
                    tg_mm(b, w2, &c) == TG_OK && tg_sum(c, &loss) == TG_OK;
  const tg_tensor all[] = {a, b, c};
  tg_release_many(all, 3);
  return good ? loss : 0;
}

// Runs body(number) on every thread; counts those that say false.
template <class Body>
int failures_of(Body body) {
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] { failures += body(t) ? 0 : 1; });
  }
  for (std::thread& thread : threads) thread.join();
  return failures;
}

}  // namespace

TEST_CASE("graphs of their own in several threads give what one thread gives", "[threads]") {
  const uint64_t live = tg_live_handles();
  const auto train = [](int seed, std::vector<double>* found) {
    const int64_t sizes[] = {3, 3};
    tg_generator generator = 0;
    tg_tensor w[2] = {}, x = 0;
    bool good = tg_generator_create(static_cast<uint64_t>(seed), &generator) == TG_OK &&
                tg_rand(generator, TG_FLOAT64, sizes, 2, &x) == TG_OK;
    for (tg_tensor& each : w) {
      good = good && tg_rand(generator, TG_FLOAT64, sizes, 2, &each) == TG_OK &&
             tg_tensor_set_requires_grad(each, 1) == TG_OK;
    }
    tg_optimizer sgd = 0;
    good = good && tg_optim_sgd(w, 2, 0.01, &sgd) == TG_OK;
    for (int i = 0; i < kRounds && good; ++i) {
      const tg_tensor loss = loss_of(x, w[0], w[1]);
      good = loss != 0 && tg_backward(loss) == TG_OK && tg_optimizer_step(sgd) == TG_OK &&
             tg_optimizer_zero_grad(sgd) == TG_OK;
      tg_release(loss);
    }
    found->resize(9);
    good = good && tg_tensor_copy_out(w[0], found->data(), 9 * sizeof(double)) == TG_OK;
    const tg_handle all[] = {w[0], w[1], x, generator, sgd};
    tg_release_many(all, 5);
    return good;
  };
  std::vector<double> alone[kThreads], beside[kThreads];
  for (int t = 0; t < kThreads; ++t) REQUIRE(train(t, &alone[t]));
  CHECK(failures_of([&](int t) { return train(t, &beside[t]); }) == 0);
  for (int t = 0; t < kThreads; ++t) CHECK(beside[t] == alone[t]);
  CHECK(tg_live_handles() == live);
}

TEST_CASE("no summand is lost where several threads differentiate into the same leaves",
          "[threads]") {
  const uint64_t live = tg_live_handles();
  const tg_tensor w = full(3, 2, 2, true), x = full(1, 2, 2);
  // Whole numbers, so that every order of the sum is exact.
  const int failures = failures_of([&](int t) {
    for (int i = 0; i < kRounds; ++i) {
      tg_tensor product = 0, scaled = 0, loss = 0;
      const bool good = tg_mul(w, x, &product) == TG_OK &&
                        tg_mul_scalar(product, t + 1, &scaled) == TG_OK &&
                        tg_sum(scaled, &loss) == TG_OK && tg_backward(loss) == TG_OK;
      const tg_tensor all[] = {product, scaled, loss};
      tg_release_many(all, 3);
      if (!good) return false;
    }
    return true;
  });
  CHECK(failures == 0);
  const double sum = kRounds * (kThreads * (kThreads + 1) / 2);
  CHECK(gradient(w) == std::vector<double>(4, sum));
  // The same by way of products and saved results.
  must(tg_tensor_set_grad(w, 0));
  const int shared = failures_of([&](int) {
    for (int i = 0; i < kRounds; ++i) {
      const tg_tensor loss = loss_of(x, w, w);
      const bool good = loss != 0 && tg_backward(loss) == TG_OK;
      tg_release(loss);
      if (!good) return false;
    }
    return true;
  });
  CHECK(shared == 0);
  must(tg_release(w));
  must(tg_release(x));
  CHECK(tg_live_handles() == live);
}

TEST_CASE("a graph is built in one thread and differentiated in another", "[threads]") {
  const uint64_t live = tg_live_handles();
  const tg_tensor w = full(2, 2, 2, true), x = full(1, 2, 2);
  std::mutex lock;
  std::condition_variable arrived;
  std::deque<tg_tensor> losses;
  std::atomic<int> failures{0};
  std::vector<std::thread> builders, runners;
  for (int t = 0; t < 2; ++t) {
    builders.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        tg_tensor product = 0, loss = 0;
        failures += tg_mul(w, x, &product) != TG_OK || tg_sum(product, &loss) != TG_OK;
        tg_release(product);
        const std::lock_guard<std::mutex> guard(lock);
        losses.push_back(loss);
        arrived.notify_one();
      }
    });
    runners.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        tg_tensor loss = 0;
        {
          std::unique_lock<std::mutex> guard(lock);
          arrived.wait(guard, [&] { return !losses.empty(); });
          loss = losses.front();
          losses.pop_front();
        }
        failures += tg_backward(loss) != TG_OK;
        tg_release(loss);
      }
    });
  }
  for (auto* list : {&builders, &runners}) {
    for (std::thread& thread : *list) thread.join();
  }
  CHECK(failures == 0);
  CHECK(gradient(w) == std::vector<double>(4, 2 * kRounds));
  must(tg_release(w));
  must(tg_release(x));
  CHECK(tg_live_handles() == live);
}

TEST_CASE("a write in place on one thread and reads on others leave the library whole",
          "[threads]") {
  const uint64_t live = tg_live_handles();
  const tg_tensor base = full(1, 1, kRaced), w = full(1, 1, kRaced, true);
  tg_tensor row = 0;
  must(tg_select(base, 0, 0, &row));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < kRounds * 4; ++i) {
      tg_add_scalar_(i % 2 == 0 ? base : row, 1);
      int64_t version = 0;
      tg_tensor_version(row, &version);
    }
    done = true;
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      while (!done) {
        tg_tensor product = 0, loss = 0, view = 0, sum = 0;
        tg_select(base, 0, 0, &view);
        tg_sum(view, &sum);
        // What was saved may have changed: that, or nothing, is what backward says.
        if (tg_mul(w, t == 0 ? row : base, &product) == TG_OK && tg_sum(product, &loss) == TG_OK) {
          const tg_status status = tg_backward(loss);
          wrong += status != TG_OK && status != TG_ERROR_VERSION && status != kHalfWritten;
        } else {
          ++wrong;
        }
        const tg_tensor all[] = {product, loss, view, sum};
        tg_release_many(all, 4);
      }
    });
  }
  writer.join();
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
  for (const tg_tensor x : {base, w, row}) must(tg_release(x));
  CHECK(tg_live_handles() == live);
}

namespace {

int32_t pack(void* packs, tg_tensor x, void** packed) {
  tg_tensor alias = 0;
  const tg_status status = tg_alias(x, &alias);
  *packed = new tg_tensor(alias);
  ++*static_cast<std::atomic<int>*>(packs);
  return status;
}
int32_t unpack(void*, void* packed, tg_tensor* out) {
  return tg_alias(*static_cast<tg_tensor*>(packed), out);
}
void free_packed(void* packs, void* packed) {
  tg_release(*static_cast<tg_tensor*>(packed));
  delete static_cast<tg_tensor*>(packed);
  --*static_cast<std::atomic<int>*>(packs);
}
int32_t square(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  return tg_mul(inputs[0], inputs[0], &outs[0]);
}

}  // namespace

TEST_CASE("saved-tensor hooks, checkpoints, sites and anomaly mode of several threads",
          "[threads]") {
  const uint64_t live = tg_live_handles();
  const tg_tensor w = full(3, 2, 2, true);
  std::atomic<int> packs{0};
  const int failures = failures_of([&](int t) {
    for (int i = 0; i < kRounds / 4; ++i) {
      tg_hook hooks = 0;
      tg_tensor y = 0, loss = 0;
      bool good = true;
      if (t % 2 == 0) {
        good = tg_saved_tensor_hooks_enter(pack, unpack, free_packed, &packs, nullptr, &hooks) ==
               TG_OK;
      } else {
        good = tg_site_set("a.c", i) == TG_OK;
        if (i % 2 == 0) good = good && tg_anomaly_mode_enter() == TG_OK;
      }
      good = good && (i % 3 == 0 ? square(nullptr, &w, 1, &y, 1)
                                 : tg_checkpoint(square, nullptr, nullptr, &w, 1, &y, 1)) == TG_OK;
      if (hooks != 0) good = good && tg_saved_tensor_hooks_exit(hooks) == TG_OK;
      good = good && tg_sum(y, &loss) == TG_OK && tg_backward(loss) == TG_OK;
      if (t % 2 != 0 && i % 2 == 0) good = good && tg_anomaly_mode_exit() == TG_OK;
      good = tg_site_set(nullptr, 0) == TG_OK && good;
      tg_release(y);
      tg_release(loss);
      if (!good) return false;
    }
    return true;
  });
  CHECK(failures == 0);
  CHECK(packs == 0);
  CHECK(gradient(w) == std::vector<double>(4, 6 * kThreads * (kRounds / 4)));
  must(tg_release(w));
  CHECK(tg_live_handles() == live);
}
