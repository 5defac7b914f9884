// SPDX-License-Identifier: MIT
// No call changes anything that belongs to the host: errno, the floating-point unit's settings, the
// locale, signals, descriptors, the working directory, the umask, the environment.
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "calls/header.h"
#include "calls/scenarios.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace {

using calls::Scenario;
using calls::World;

// All but errno, which is looked at directly after the call.
std::string host() {
  std::string all;
  auto add = [&all](const char* what, auto value) {
    all += std::string(what) + " " + std::to_string(value) + "\n";
  };
#if defined(__x86_64__)
  add("mxcsr", _mm_getcsr() & ~0x3fu);  // the low six bits are what operations raised
  unsigned short x87 = 0;
  __asm__ volatile("fnstcw %0" : "=m"(x87));
  add("x87", x87);
#endif
  add("rounding", fegetround());
  all += setlocale(LC_ALL, nullptr);
  add("\nown locale", uselocale(nullptr) != LC_GLOBAL_LOCALE);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) != 0) continue;
    add("signal", signal);
    add("blocked", sigismember(&blocked, signal));
    add("handler", reinterpret_cast<uintptr_t>(action.sa_handler));
    add("flags", action.sa_flags);
  }
  const mode_t mask = umask(0);
  umask(mask);
  add("umask", mask);
  all += std::filesystem::current_path().string() + "\n";
  for (char** variable = environ; *variable != nullptr; ++variable) all += *variable;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the listing's own descriptor
    const auto target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.find("/proc/") == std::string::npos) {
      all += entry.path().filename().string() + " " + target + "\n";
    }
  }
  return all;
}

// The call, and what of the host it changed.
tg_status call(const Scenario& scenario, World& world, uint64_t& differences) {
  const std::string before = host();
  errno = 7777;
  const tg_status status = scenario.call(world);
  const int number = errno;
  const std::string after = host();
  INFO(scenario.name << ", status " << status);
  CHECK(number == 7777);
  CHECK(after == before);
  differences += number != 7777 || after != before;
  return status;
}

void sweep(bool unusual) {
  uint64_t differences = 0, failures = 0;
  std::set<std::string> names;
  for (const Scenario& scenario : calls::all_scenarios()) {
    names.insert(scenario.name);
    World world;
#if defined(__x86_64__)
    // Flush to zero and round towards zero: the host's choice, which must also stand.
    const unsigned usual = _mm_getcsr();
    if (unusual) _mm_setcsr((usual & ~0x6000u) | 0x8000u | 0x6000u);
#endif
    CHECK(call(scenario, world, differences) == TG_OK);
    // With every object gone the same call fails, or needs none of them.
    for (const tg_handle handle : world.handles()) tg_release(handle);
    failures += call(scenario, world, differences) != TG_OK;
#if defined(__x86_64__)
    if (unusual) _mm_setcsr(usual);
#endif
  }
  CHECK(differences == 0);
  CHECK(names == calls::functions_of_header());
  CHECK(failures > 200);  // the sweep has failing calls in plenty
}

}  // namespace

TEST_CASE("no call changes what belongs to the host", "[host]") { sweep(false); }

TEST_CASE("no call changes what belongs to the host under its own rounding", "[host]") {
  sweep(true);
}

TEST_CASE("a difference is found", "[host]") {
  const std::string before = host();
  const mode_t mask = umask(077);
  CHECK(host() != before);
  umask(mask);
  CHECK(host() == before);
  const int rounding = fegetround();
  fesetround(FE_DOWNWARD);
  CHECK(host() != before);
  fesetround(rounding);
  CHECK(host() == before);
}
