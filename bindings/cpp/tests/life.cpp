// SPDX-License-Identifier: MIT
// What the C++ header promises of errors and of the ends of its objects. "life bench" prints what
// one small call costs, release included, a line "C++/mode nanoseconds"; "life invented" is run
// with a library in which every status is 9999.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <mutex>
#include <tapegrad/tapegrad.hpp>
#include <thread>

namespace tg = tapegrad;

static int failures = 0;

static void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  ++failures;
}

static void errors() {
  const tg::Tensor a = tg::ones({2, 3}), b = tg::ones({4, 5});
  try {
    a.mm(b);
    expect(false, "mm of [2, 3] and [4, 5] throws");
  } catch (const tg::Error& error) {
    expect(error.code() == TG_ERROR_SHAPE, "the code");
    expect(std::strcmp(error.name(), "TG_ERROR_SHAPE") == 0, "the name");
    expect(std::strstr(error.what(), "[2, 3]") && std::strstr(error.what(), "[4, 5]"),
           "the message");
  }
  expect(tg::tensor({1, 2}).add(tg::tensor({1, 2})).to_vector<int64_t>()[1] == 4, "it goes on");
}

static long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      long kib;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

static void many_tensors() {
  long before = 0;
  for (int i = 0; i < 110000; ++i) {  // the first 10,000 warm up; 4 KiB each
    if (i == 10000) before = resident_kib();
    tg::Tensor x = tg::ones({1024});
    x = x * 2;
  }
  expect(resident_kib() - before < 8192, "memory stays flat over 100,000 tensors");
}

// One thread makes and computes, another ends what the first has handed over.
static void another_thread_ends_tensors() {
  std::mutex lock;
  std::vector<tg::Tensor> handed_over;
  std::atomic<bool> done = false;
  std::thread ender([&] {
    while (!done) {
      std::vector<tg::Tensor> mine;
      const std::lock_guard<std::mutex> held(lock);
      std::swap(mine, handed_over);
    }
  });
  const tg::Tensor x = tg::full({64}, 3, tg::DType::float64);
  for (int i = 0; i < 20000; ++i) {
    tg::Tensor y = x * i, z = y * y;
    {
      const std::lock_guard<std::mutex> held(lock);
      handed_over.push_back(std::move(y));
      handed_over.push_back(z);
    }
    if (i % 1000 == 0) expect(z.sum().item<double>() == 64.0 * 9 * i * i, "values under load");
  }
  done = true;
  ender.join();
}

// Threads with and without inference mode, and errors in both: nothing goes astray.
static void modes_of_threads() {
  const tg::Tensor leaf = tg::tensor({1.0, 2.0}, tg::DType::float32, true);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int number = 0; number < 8; ++number) {
    threads.emplace_back([&, number] {
      for (int i = 0; i < 1000; ++i) {
        std::optional<tg::InferenceMode> guard;
        if (number % 2 == 0) guard.emplace();
        if ((leaf * 2).requires_grad() == (number % 2 == 0)) ++wrong;
        try {
          leaf.select(0, number + 10);
          ++wrong;
        } catch (const tg::Error& error) {
          if (std::string(error.what()).find(std::to_string(number + 10)) == std::string::npos)
            ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  expect(wrong == 0, "each thread has its own modes and messages");
}

// Add of 8 floats in the mode that holds, the least of several rounds in processor time.
static void measure(const char* mode, bool requires_grad) {
  const tg::Tensor x = tg::tensor({1, 2, 3, 4, 5, 6, 7, 8}, tg::DType::float32, requires_grad);
  const tg::Tensor y = tg::ones({8});
  constexpr int calls = 200000;
  double best = 1e300;
  for (int round = 0; round < 10; ++round) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls; ++i) x + y;
    const double each = static_cast<double>(std::clock() - start) * 1e9 / CLOCKS_PER_SEC / calls;
    best = std::min(best, each);
  }
  std::printf("C++/%s %.1f\n", mode, best);
}

static int bench() {
  tg::inference_mode([] { measure("inference", false); });
  tg::no_grad([] { measure("no_grad", true); });
  measure("grad", true);
  return 0;
}

template <class Call>
static void expect_9999(Call call, int line) {
  try {
    call();
    std::fprintf(stderr, "line %d did not throw\n", line);
  } catch (const tg::Error& error) {
    if (error.code() == 9999 && *error.what() != 0 && *error.name() != 0) return;
    std::fprintf(stderr, "line %d threw code %d\n", line, error.code());
  }
  ++failures;
}
#define EXPECT_9999(...) expect_9999([&] { (void)(__VA_ARGS__); }, __LINE__)

static int invented() {
  const tg::Tensor x(1), y(2);
  const tg::Module net(3);
  const tg::Optimizer optimizer(4);
  const tg::Dict dict(5);
  EXPECT_9999(tg::tensor({1.0, 2.0}));
  EXPECT_9999(tg::randn({2, 2}));
  EXPECT_9999(tg::Tensor(x));
  EXPECT_9999(x + y);
  EXPECT_9999(2 - x);
  EXPECT_9999(-x);
  EXPECT_9999(x.mm(y));
  EXPECT_9999(x.sum());
  EXPECT_9999(x.shape());
  EXPECT_9999(x.format());
  EXPECT_9999(x.item<double>());
  EXPECT_9999(x.to_vector<float>());
  EXPECT_9999(x.requires_grad());
  EXPECT_9999(x.backward());
  EXPECT_9999(x.grad());
  EXPECT_9999(x.is_same(y));
  EXPECT_9999(tg::cat({}));
  EXPECT_9999(tg::grad({}, {}));
  EXPECT_9999(tg::InferenceMode());
  EXPECT_9999(tg::NoGrad());
  EXPECT_9999(tg::inference_mode([] {}));
  EXPECT_9999(tg::Scope());
  EXPECT_9999(tg::nn::Linear(2, 3));
  EXPECT_9999(net(x));
  EXPECT_9999(net.train());
  EXPECT_9999(net.parameters());
  EXPECT_9999(net.state_dict());
  EXPECT_9999(net.load_state_dict(dict));
  EXPECT_9999(tg::optim::Adam({}));
  EXPECT_9999(optimizer.step());
  EXPECT_9999(dict.get("x"));
  EXPECT_9999(tg::Dict());
  EXPECT_9999(tg::safetensors::load("x"));
  EXPECT_9999(tg::npy::load("x"));
  EXPECT_9999(tg::npz::load("x"));
  EXPECT_9999(tg::memory::trim());
  EXPECT_9999(tg::shutdown());
  std::printf("invented status: %s\n", failures ? "not borne" : "an Error with the number");
  return failures != 0;
}

int main(int argc, char** argv) try {
  if (argc > 1 && std::strcmp(argv[1], "bench") == 0) return bench();
  if (argc > 1 && std::strcmp(argv[1], "invented") == 0) return invented();
  errors();
  many_tensors();
  another_thread_ends_tensors();
  modes_of_threads();
  expect(tg::live_handles() == 0, "every handle has ended");
  if (failures == 0) std::puts("life: all as promised");
  return failures != 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
