// SPDX-License-Identifier: MIT
// A row is one thing that is measured, under a name that never changes. The same rows are compiled
// into bench_tapegrad and bench_torch, so both sides do the same work on the same numbers; time,
// instructions and allocator calls are read by the same meter around the same calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {

// The three ways in which a library may run an operator: an input requires grad; the same input
// under no_grad; inference tensors in inference mode.
enum class Mode { kGrad, kNoGrad, kInference };
constexpr Mode kModes[] = {Mode::kInference, Mode::kNoGrad, Mode::kGrad};
const char* mode_name(Mode mode);

// What is counted between start() and stop().
enum class Quantity {
  kCpuSeconds,    // of the whole process, so that a helping thread is charged
  kWallSeconds,   // for rows on more than one thread
  kInstructions,  // switches callgrind's instrumentation; the number is in callgrind's file
  kAllocations,   // calls of malloc and its kin, with the counting library preloaded
};

class Meter {
 public:
  explicit Meter(Quantity quantity, bool armed = true) : quantity_(quantity), armed_(armed) {}
  void start();
  void stop();
  double total() const { return total_; }

 private:
  double read() const;
  Quantity quantity_;
  bool armed_;  // off: a warm-up under callgrind, nothing is switched
  double begin_ = 0;
  double total_ = 0;
};

// A row whose operands exist: `run` makes that many calls, `result` makes one and gives its
// numbers.
struct Prepared {
  std::function<void(Meter&, std::size_t)> run;
  std::function<std::vector<float>()> result;
};

struct Row {
  std::string name;  // "S1/add8/inference": row of the table, case, mode
  std::function<Prepared()> prepare;
  std::size_t items = 1;  // a call does this many equal pieces of work; figures are per piece
  int threads = 1;
  bool wall = false;  // wall clock: rows on several threads and those they are compared with
};

std::vector<Row>& rows();

// A figure that is no time of a call: bytes a node, depth of a stack, a first touch. Each runs in a
// process of its own and gives numbers by name.
using Numbers = std::vector<std::pair<std::string, double>>;
struct Figure {
  std::string name;
  std::function<Numbers()> measure;
};

std::vector<Figure>& figures();

// Fills rows() and figures(); each program links those that it can run.
void add_rows();
// Of the library that this program measures.
void set_threads(int count);
std::string library_version();

double cpu_seconds();
double wall_seconds();

// The same numbers on every side: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom
// number generators, OOPSLA 2014), mapped to [low, high).
std::vector<float> uniform(std::size_t count, std::uint64_t seed, float low = -1, float high = 1);

int run_program(int argc, char** argv);

}  // namespace bench
