// SPDX-License-Identifier: MIT
// The command line that all bench programs share:
//   (nothing)               times of all rows, by Google Benchmark and with its options
//   --rows=S1,M3/mm32       only these rows, or parts of them
//   --threads=2             the rows that are meant for two threads (1 if not said)
//   --results=FILE          the rows' numbers as JSON, for comparing before anything is timed
//   --count=instructions    run under callgrind: 200 calls to warm up, 100 counted, one dump a row
//   --count=allocations     run with the counting library preloaded: calls a call, as JSON
//   --figure=T4             one figure, as JSON
#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <time.h>
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "row.h"

namespace bench {
namespace {

constexpr std::size_t kWarmUp = 200;
constexpr std::size_t kCounted = 100;
constexpr double kSampleSeconds = 200e-6;  // well above the cost of reading the clock

double clock_seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double allocations() {
  using Count = unsigned long (*)();
  static const Count count = reinterpret_cast<Count>(dlsym(RTLD_DEFAULT, "bench_allocation_calls"));
  if (count == nullptr) {
    std::fprintf(stderr, "preload the counting library (LD_PRELOAD=libbench_allocations.so)\n");
    std::exit(2);
  }
  return static_cast<double>(count());
}

struct Options {
  std::vector<std::string> selected;
  std::string results;
  std::string count;
  std::string figure;
  int threads = 1;

  bool wants(const std::string& name) const {
    if (selected.empty()) return true;
    for (const std::string& want : selected) {
      if (name == want || name.rfind(want + "/", 0) == 0) return true;
    }
    return false;
  }
  bool wants(const Row& row) const { return row.threads == threads && wants(row.name); }
};

bool take(const char* argument, const char* option, std::string& value) {
  const std::size_t length = std::strlen(option);
  if (std::strncmp(argument, option, length) != 0) return false;
  value = argument + length;
  return true;
}

Options parse(int& argc, char** argv) {
  Options options;
  int kept = 1;
  for (int i = 1; i < argc; i++) {
    std::string value;
    if (take(argv[i], "--rows=", value)) {
      for (std::size_t at = 0; at < value.size();) {
        const std::size_t end = std::min(value.find(',', at), value.size());
        options.selected.push_back(value.substr(at, end - at));
        at = end + 1;
      }
    } else if (take(argv[i], "--threads=", value)) {
      options.threads = std::atoi(value.c_str());
    } else if (!take(argv[i], "--results=", options.results) &&
               !take(argv[i], "--count=", options.count) &&
               !take(argv[i], "--figure=", options.figure)) {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return options;
}

void time_row(benchmark::State& state, const Row& row) {
  const Quantity clock = row.wall ? Quantity::kWallSeconds : Quantity::kCpuSeconds;
  const Prepared prepared = row.prepare();
  std::size_t batch = 1;
  for (int warm = 0;; warm++) {
    Meter meter(clock);
    prepared.run(meter, batch);
    if (meter.total() >= kSampleSeconds) {
      if (warm > 0) break;
    } else {
      batch *= 2;
    }
  }
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch))) {
    Meter meter(clock);
    prepared.run(meter, batch);
    state.SetIterationTime(meter.total());
  }
  state.counters["items"] = static_cast<double>(row.items);
}

// Not all of a large result is written: 4096 elements spread over it, and the sum of magnitudes,
// which an error anywhere moves.
void write_results(const Options& options) {
  std::FILE* file = std::fopen(options.results.c_str(), "w");
  if (file == nullptr) {
    std::perror(options.results.c_str());
    std::exit(2);
  }
  const char* comma = "";
  std::fprintf(file, "{");
  for (const Row& row : rows()) {
    if (!options.wants(row)) continue;
    const Prepared prepared = row.prepare();
    if (!prepared.result) continue;
    const std::vector<float> values = prepared.result();
    double sum = 0;
    for (float value : values) sum += std::fabs(value);
    std::fprintf(file, "%s\n\"%s\": {\"count\": %zu, \"sum\": %.12g, \"values\": [", comma,
                 row.name.c_str(), values.size(), sum);
    const std::size_t step = std::max<std::size_t>(1, values.size() / 4096) | 1;
    for (std::size_t i = 0; i < values.size(); i += step) {
      std::fprintf(file, i == 0 ? "%.9g" : ",%.9g", static_cast<double>(values[i]));
    }
    std::fprintf(file, "]}");
    comma = ",";
  }
  std::fprintf(file, "\n}\n");
  std::fclose(file);
}

void count_instructions(const Options& options) {
  for (const Row& row : rows()) {
    if (!options.wants(row)) continue;
    const Prepared prepared = row.prepare();
    // A row of many pieces warms up within one call.
    const bool many = row.items >= 100;
    Meter warm_up(Quantity::kInstructions, false);
    prepared.run(warm_up, many ? 1 : kWarmUp);
    CALLGRIND_ZERO_STATS;
    Meter meter(Quantity::kInstructions);
    prepared.run(meter, many ? 1 : kCounted);
    const std::string label =
        row.name + " " + std::to_string(many ? row.items : kCounted * row.items);
    CALLGRIND_DUMP_STATS_AT(label.c_str());
  }
}

void count_allocations(const Options& options) {
  const char* comma = "";
  std::printf("{");
  for (const Row& row : rows()) {
    if (!options.wants(row)) continue;
    const Prepared prepared = row.prepare();
    const std::size_t counted = row.items >= 100 ? 1 : 1000;
    Meter warm_up(Quantity::kAllocations);
    prepared.run(warm_up, counted);
    Meter meter(Quantity::kAllocations);
    prepared.run(meter, counted);
    std::printf("%s\n\"%s\": %.6g", comma, row.name.c_str(),
                meter.total() / static_cast<double>(counted * row.items));
    comma = ",";
  }
  std::printf("\n}\n");
}

int measure_figure(const std::string& name) {
  for (const Figure& figure : figures()) {
    if (figure.name != name) continue;
    const char* comma = "";
    std::printf("{");
    for (const auto& [key, value] : figure.measure()) {
      std::printf("%s\"%s\": %.9g", comma, key.c_str(), value);
      comma = ", ";
    }
    std::printf("}\n");
    return 0;
  }
  std::fprintf(stderr, "no figure is called %s\n", name.c_str());
  return 2;
}

}  // namespace

const char* mode_name(Mode mode) {
  return mode == Mode::kGrad ? "grad" : mode == Mode::kNoGrad ? "no_grad" : "inference";
}

std::vector<Row>& rows() {
  static std::vector<Row> all;
  return all;
}

std::vector<Figure>& figures() {
  static std::vector<Figure> all;
  return all;
}

double cpu_seconds() { return clock_seconds(CLOCK_PROCESS_CPUTIME_ID); }
double wall_seconds() { return clock_seconds(CLOCK_MONOTONIC); }

double Meter::read() const {
  switch (quantity_) {
    case Quantity::kCpuSeconds: return cpu_seconds();
    case Quantity::kWallSeconds: return wall_seconds();
    case Quantity::kAllocations: return allocations();
    case Quantity::kInstructions: break;
  }
  return 0;
}

void Meter::start() {
  if (quantity_ == Quantity::kInstructions && armed_) CALLGRIND_START_INSTRUMENTATION;
  begin_ = read();
}

void Meter::stop() {
  total_ += read() - begin_;
  if (quantity_ == Quantity::kInstructions && armed_) CALLGRIND_STOP_INSTRUMENTATION;
}

std::vector<float> uniform(std::size_t count, std::uint64_t seed, float low, float high) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    value = low + (high - low) * static_cast<float>(z >> 40) * 0x1p-24f;
  }
  return values;
}

int run_program(int argc, char** argv) {
  const Options options = parse(argc, argv);
  set_threads(options.threads);
  add_rows();
  if (!options.figure.empty()) return measure_figure(options.figure);
  if (!options.results.empty()) {
    write_results(options);
    return 0;
  }
  if (options.count == "instructions") {
    count_instructions(options);
    return 0;
  }
  if (options.count == "allocations") {
    count_allocations(options);
    return 0;
  }
  benchmark::AddCustomContext("library", library_version());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const Row& row : rows()) {
    if (!options.wants(row)) continue;
    benchmark::RegisterBenchmark(row.name.c_str(), [&row](benchmark::State& state) {
      time_row(state, row);
    })->UseManualTime();
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench

int main(int argc, char** argv) { return bench::run_program(argc, argv); }
