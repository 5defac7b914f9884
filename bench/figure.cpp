// SPDX-License-Identifier: MIT
// Figures that are no time of a call: bytes and release of a long graph (T4, T5), time a node over
// lengths (T6), depth of the stack (T7), the first large result (E9), bytes of the fourth example
// (X4m), work after the last call (X4t), allocator calls of one step (X4a, R4).
#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "chain.h"

namespace bench {
namespace {

constexpr std::size_t kMillion = 1000000;

// A line of /proc/self/status, in bytes.
double status_bytes(const char* field) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  double kilobytes = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, field, std::strlen(field)) == 0) {
      kilobytes = std::atof(line + std::strlen(field));
      break;
    }
  }
  if (file != nullptr) std::fclose(file);
  return kilobytes * 1024;
}

Numbers long_graph() {
  const auto step = mul_scalar_step(kMillion);
  Chain chain;
  chain.build(10, step);  // what the library makes once
  const double before = status_bytes("VmRSS:");
  double begin;
  Numbers numbers;
  {
    const side::Tensor y = chain.build(kMillion, step);
    numbers.push_back({"bytes_per_node", (status_bytes("VmHWM:") - before) / kMillion});
    begin = cpu_seconds();
  }
  numbers.push_back({"free_ns_per_node", 1e9 * (cpu_seconds() - begin) / kMillion});
  return numbers;
}

// Forward and backward, per node: the first run of this process and a later one. Short chains are
// repeated until a sample is 100,000 nodes long.
Numbers run_times(std::size_t nodes) {
  const auto step = mul_scalar_step(nodes);
  Chain chain;
  const auto sample = [&](std::size_t chains, const char* when, Numbers& numbers) {
    double forward = 0;
    double backward = 0;
    for (std::size_t i = 0; i < chains; i++) {
      double begin = cpu_seconds();
      const side::Tensor y = chain.build(nodes, step);
      double end = cpu_seconds();
      forward += end - begin;
      begin = end;
      side::backward(y, chain.gradient);
      end = cpu_seconds();
      backward += end - begin;
      chain.clear_gradients();
    }
    const double scale = 1e9 / static_cast<double>(chains * nodes);
    numbers.push_back({std::string(when) + "_forward_ns", forward * scale});
    numbers.push_back({std::string(when) + "_backward_ns", backward * scale});
  };
  Numbers numbers;
  // Loads the code, and takes no memory to speak of.
  side::backward(chain.build(10, step), chain.gradient);
  chain.clear_gradients();
  sample(1, "first", numbers);
  sample(std::max<std::size_t>(1, 100000 / nodes), "second", numbers);
  return numbers;
}

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr unsigned char kPaint = 0xa5;

void* build_and_free(void* argument) {
  const std::size_t nodes = *static_cast<std::size_t*>(argument);
  const auto step = mul_scalar_step(nodes);
  Chain chain;
  side::backward(chain.build(nodes, step), chain.gradient);
  chain.clear_gradients();
  chain.build(nodes, step);  // and a graph that is freed without backward
  return nullptr;
}

// Bytes of a painted 64 KiB stack that a thread has touched.
double stack_depth(std::size_t nodes) {
  auto* stack = static_cast<unsigned char*>(std::aligned_alloc(4096, kStackBytes));
  std::memset(stack, kPaint, kStackBytes);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  if (pthread_attr_setstack(&attributes, stack, kStackBytes) != 0 ||
      pthread_create(&thread, &attributes, build_and_free, &nodes) != 0) {
    std::fprintf(stderr, "no thread on a stack of 64 KiB\n");
    std::exit(3);
  }
  pthread_join(thread, nullptr);
  std::size_t clean = 0;
  while (clean < kStackBytes && stack[clean] == kPaint) clean++;
  std::free(stack);
  pthread_attr_destroy(&attributes);
  return static_cast<double>(kStackBytes - clean);
}

Numbers stack_depths() {
  stack_depth(10);  // binds the symbols
  return {{"nodes10", stack_depth(10)}, {"nodes1000000", stack_depth(kMillion)}};
}

Numbers first_large_result() {
  const std::int64_t n = 10000000;
  const side::ModeGuard guard(Mode::kInference);
  const side::Tensor a = side::make(uniform(n, 1), {n}, false);
  const side::Tensor b = side::make(uniform(n, 2), {n}, false);
  const double begin = cpu_seconds();
  const side::Tensor c = side::add(a, b);
  return {{"ns", 1e9 * (cpu_seconds() - begin)}};
}

double count_allocations() {
  using Count = unsigned long (*)();
  const auto count = reinterpret_cast<Count>(dlsym(RTLD_DEFAULT, "bench_allocation_calls"));
  return count == nullptr ? -1 : static_cast<double>(count());
}

const std::vector<std::int64_t> kLarge = {1000, 1000, 1000, 10};

Numbers second_forward_allocations() {
  Numbers numbers;
  for (Mode mode : kModes) {
    side::Network network(kLarge);
    const side::ModeGuard guard(mode);
    const side::Tensor x = side::make(uniform(50 * 1000, 1), {50, 1000}, false);
    network.forward(x);
    const double before = count_allocations();
    network.forward(x);
    numbers.push_back({mode_name(mode), count_allocations() - before});
  }
  return numbers;
}

Numbers third_step_allocations() {
  Numbers numbers;
  for (const auto& [name, kind] :
       {std::pair<const char*, side::Optimizer>{"sgd", side::Optimizer::kSgd},
        {"adam", side::Optimizer::kAdam}}) {
    side::Training training({784, 256, 128, 10}, kind, uniform(64 * 784, 1, 0, 1),
                            std::vector<std::int64_t>(64, 3));
    training.step();
    training.step();
    const double before = count_allocations();
    training.step();
    numbers.push_back({name, count_allocations() - before});
  }
  return numbers;
}

// A pool that waits actively burns the processor after the last call on two threads.
Numbers idle_work() {
  side::Network network(kLarge);
  const side::ModeGuard guard(Mode::kInference);
  const side::Tensor x = side::make(uniform(50 * 1000, 1), {50, 1000}, false);
  for (int i = 0; i < 20; i++) network.forward(x);
  const double begin = cpu_seconds();
  const timespec pause = {0, 100000000};
  nanosleep(&pause, nullptr);
  return {{"cpu_ms_in_100_ms", 1e3 * (cpu_seconds() - begin)}};
}

#ifndef BENCH_TORCH
// Peak while a forward runs and what is kept when its result alone is left, less what was there.
Numbers example_bytes() {
  Numbers numbers;
  side::Network network(kLarge);
  for (Mode mode : kModes) {
    const side::ModeGuard guard(mode);
    const side::Tensor x = side::make(uniform(50 * 1000, 1), {50, 1000}, false);
    const double before = static_cast<double>(tg_memory_current());
    tg_memory_peak_reset();
    const side::Tensor y = network.forward(x);
    const std::string name = mode_name(mode);
    numbers.push_back({name + "_peak", static_cast<double>(tg_memory_peak()) - before});
    numbers.push_back({name + "_kept", static_cast<double>(tg_memory_current()) - before});
  }
  return numbers;
}
#endif

}  // namespace

void add_figures() {
  figures().push_back({"long_graph", long_graph});
  for (std::size_t nodes : {1000, 10000, 100000, 1000000}) {
    figures().push_back(
        {"run_times_" + std::to_string(nodes), [nodes] { return run_times(nodes); }});
  }
  figures().push_back({"stack_depths", stack_depths});
  figures().push_back({"first_large_result", first_large_result});
  figures().push_back({"second_forward_allocations", second_forward_allocations});
  figures().push_back({"third_step_allocations", third_step_allocations});
  figures().push_back({"idle_work", idle_work});
#ifndef BENCH_TORCH
  figures().push_back({"example_bytes", example_bytes});
#endif
}

}  // namespace bench
