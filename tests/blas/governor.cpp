// SPDX-License-Identifier: MIT
// The gate, the one-time questions and what tg_blas_info tells of them. Programs of tests/stress
// try the same under load, on every BLAS.
#include "blas/governor.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

#include "blas/counters.h"
#include "blas/gemm.h"

namespace {

using tg::DType;
using tg::blas::governor;
using tg::blas::Matrix;
using tg::blas::Once;
using tg::blas::Ticket;

std::string info() {
  std::string text(tg::blas::describe(nullptr, 0), 'x');
  char buffer[8192];
  const size_t length = tg::blas::describe(buffer, sizeof buffer);
  return std::string(buffer, length);
}
bool info_has(const std::string& part) { return info().find(part) != std::string::npos; }

uint64_t blas_calls() {
  uint64_t sum = 0;
  for (const auto& line : tg::blas::counters) sum += line.blas;
  return sum;
}

// A product that goes to the BLAS where there is one; true: it is right.
bool large_product(int64_t n = 300) {
  std::vector<float> a(static_cast<size_t>(n * n), 1), c(a);
  const Matrix x{a.data(), n, n, n, 1};
  tg::blas::gemm(DType::float32, {c.data(), n, n, n, 1}, x, x);
  for (float e : c) {
    if (e != static_cast<float>(n)) return false;
  }
  return true;
}
bool blas_is_ready() {
  large_product();
  return governor.opened.answer() == Once::yes;
}

int status_of(pid_t child) {
  int status = -1;
  return waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace

TEST_CASE("tg_blas_info has every key in order, and its length does not depend on the buffer",
          "[blas]") {
  const std::string text = info();
  size_t at = 0;
  for (const char* key : {"state",
                          "reason",
                          "library",
                          "file",
                          "vendor",
                          "build",
                          "config",
                          "core",
                          "version",
                          "int_bits",
                          "shared_with_host",
                          "gate",
                          "in_use",
                          "waited",
                          "threads_per_call",
                          "panels",
                          "self_test",
                          "self_test_us",
                          "buffers",
                          "address_space_bytes",
                          "own_kernel_below",
                          "calls_blas",
                          "calls_own",
                          "environment",
                          "TG_BLAS",
                          "OPENBLAS_CORETYPE",
                          "OPENBLAS_NUM_THREADS",
                          "OPENBLAS_VERBOSE",
                          "OMP_NUM_THREADS",
                          "BLIS_NUM_THREADS",
                          "warnings"}) {
    INFO(key);
    at = text.find(std::string("\"") + key + "\":", at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(text.front() == '{');
  CHECK(text.back() == '}');
  char small[17];
  CHECK(tg::blas::describe(small, sizeof small) == text.size());
  CHECK(std::string(small) == text.substr(0, 16));
  CHECK(tg::blas::describe(nullptr, 0) == text.size());
}

TEST_CASE("a question is answered once, and all who ask at once get that answer", "[blas]") {
  for (int round = 0; round < 200; ++round) {
    Once once;
    std::atomic<int> asked{0}, yes{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        Once::Answer answer = Once::unknown;
        if (once.must_ask(&answer)) {
          ++asked;
          once.set(answer = Once::yes);
        }
        yes += answer == Once::yes;
      });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(asked == 1);
    REQUIRE(yes == 4);
  }
}

TEST_CASE("in a child the answer is no where the one who asked stayed in the parent", "[blas]") {
  Once once;
  Once::Answer answer = Once::unknown;
  REQUIRE(once.must_ask(&answer));
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    const bool ask = once.must_ask(&answer);
    _exit(!ask && answer == Once::no ? 0 : 1);
  }
  CHECK(status_of(child) == 0);
  once.set(Once::yes);
  CHECK_FALSE(once.must_ask(&answer));
  CHECK(answer == Once::yes);
}

TEST_CASE("no more calls are inside than the gate allows, and none waits for ever", "[blas]") {
  if (!blas_is_ready()) return;  // no BLAS on this machine, or TG_BLAS says none
  const uint32_t before = governor.limit;
  for (uint32_t limit : {1u, 2u, 5u}) {
    governor.limit = limit;
    std::atomic<uint32_t> inside{0}, most{0}, refused{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          Ticket ticket;
          refused += !ticket.admitted();
          const uint32_t now = ++inside;
          uint32_t seen = most;
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          if (i % 64 == 0) std::this_thread::yield();
          --inside;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(most <= limit);
    CHECK(refused == 0);
    CHECK(tg::blas::gate_state().inside == 0);
  }
  governor.limit = before;
}

TEST_CASE("while calls are inside OpenBLAS has one thread, and then the host's number again",
          "[blas]") {
  if (!blas_is_ready() || !governor.found.keeps_count) return;
  const auto& symbols = governor.found.library.symbols;
  const int before = symbols.get_num_threads();
  symbols.set_num_threads(3);
  {
    Ticket first;
    CHECK(symbols.get_num_threads() == 1);
    if (governor.limit > 1) {
      { Ticket second; }
      CHECK(symbols.get_num_threads() == 1);
    }
  }
  CHECK(symbols.get_num_threads() == 3);
  {
    Ticket ticket;
    symbols.set_num_threads(2);  // the host's wish of this moment stands
  }
  CHECK(symbols.get_num_threads() == 2);
  symbols.set_num_threads(before);
}

#ifndef __SANITIZE_THREAD__  // it ends a child that starts threads, as the pool and OpenBLAS do
TEST_CASE("a child forked while a call is inside computes without the BLAS", "[blas]") {
  if (!blas_is_ready()) return;
  pid_t child;
  {
    Ticket ticket;
    child = fork();
    if (child == 0) {
      alarm(10);
      const bool told = info_has("\"reason\":\"forked while products were running\"");
      const uint64_t calls = blas_calls();
      const bool right = large_product() && blas_calls() == calls;
      _exit(told && right && info_has("\"state\":\"none\"") ? 0 : 1);
    }
  }
  CHECK(status_of(child) == 0);
  child = fork();
  if (child == 0) {
    alarm(10);
    const uint64_t calls = blas_calls();
    _exit(large_product() && blas_calls() > calls && info_has("\"state\":\"ready\"") ? 0 : 1);
  }
  CHECK(status_of(child) == 0);
  CHECK(large_product());
}
#endif

TEST_CASE("a leading dimension beyond 32 bits never reaches the BLAS", "[blas]") {
  const int64_t n = 260, leading = (int64_t{1} << 31) + 64;
  const size_t bytes = static_cast<size_t>(n * leading) * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;  // a machine that does not promise so much
  auto* a = static_cast<float*>(memory);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) a[i * leading + j] = static_cast<float>((i + j) % 5);
  }
  std::vector<float> ones(static_cast<size_t>(n * n), 1), c(ones);
  large_product();
  const uint64_t calls = blas_calls();
  tg::blas::gemm(DType::float32, {c.data(), n, n, n, 1}, {a, n, n, leading, 1},
                 {ones.data(), n, n, n, 1});
  CHECK(blas_calls() == calls);
  for (int64_t i = 0; i < n; ++i) {
    float sum = 0;
    for (int64_t j = 0; j < n; ++j) sum += static_cast<float>((i + j) % 5);
    CHECK(c[static_cast<size_t>(i * n)] == sum);
    CHECK(c[static_cast<size_t>(i * n + n - 1)] == sum);
  }
  munmap(memory, bytes);
}

TEST_CASE("small products open no BLAS, and both sides are counted", "[blas]") {
  const pid_t child = fork();  // a fresh copy: this process may have opened it already
  if (child == 0) {
    alarm(20);
    const bool fresh = governor.opened.answer() == Once::unknown;
    int64_t n = 2;
    while ((n + 1) * (n + 1) * (n + 1) <= tg::blas::own_threshold()) ++n;
    const bool right = large_product(8) && large_product(n);
    const bool closed = !fresh || governor.opened.answer() == Once::unknown;
    _exit(right && closed && info_has("\"calls_own\":") ? 0 : 1);
  }
  CHECK(status_of(child) == 0);
  if (!blas_is_ready()) return;
  const uint64_t calls = blas_calls();
  CHECK(large_product());
  CHECK(blas_calls() > calls);
}
