// SPDX-License-Identifier: MIT
// Handles under four threads against a model: what each thread knows of a handle decides which
// status a call must give. Handles that threads share are released by several of them at once, and
// exactly one of these releases may succeed.
#include <tapegrad/tapegrad.h>

#include <array>
#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 20;
constexpr size_t kShared = 64;

enum class Kind { tensor, dict, object, generator };
constexpr int kKinds = 4;

uint64_t seed() {
  const char* text = std::getenv("TG_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 20240731;
}

std::atomic<int64_t> payloads_alive{0};
void end_payload(void*) { payloads_alive.fetch_sub(1); }

// ---- the model ----

struct Live {
  Kind kind;
  double value;  // of a tensor
};

// A handle that all threads may use and release.
struct Shared {
  std::atomic<uint64_t> handle{0};
  std::atomic<int> finished{0};  // a release of it has returned
  std::atomic<int> released{0};  // releases that succeeded
  std::atomic<int> contenders{0};
};

struct Findings {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> wrong{0};
  std::array<char, 400> first{};
  void note(const char* what, tg_handle handle, tg_status wanted, tg_status came) {
    if (wrong.fetch_add(1) != 0) return;
    std::snprintf(first.data(), first.size(), "%s of %llu: %d was expected, %d came: %s", what,
                  static_cast<unsigned long long>(handle), wanted, came, tg_last_error_message());
  }
};

class Worker {
 public:
  Worker(int number, std::array<Shared, kShared>& shared, Findings& findings)
      : random_(seed() + static_cast<uint64_t>(number)), shared_(shared), findings_(findings) {}

  size_t live() const { return order_.size(); }

  void run(uint64_t calls) {
    const uint64_t end = calls_ + calls;
    while (calls_ < end) step();
  }
  void end() {
    while (!order_.empty()) release(0);
  }
  void count() { findings_.calls.fetch_add(calls_); }

 private:
  uint64_t below(uint64_t n) { return random_() % n; }
  void expect(const char* what, tg_handle handle, tg_status wanted, tg_status came) {
    ++calls_;
    if (came != wanted) findings_.note(what, handle, wanted, came);
  }

  void add(tg_handle handle, Live entry) {
    if (handle == 0 || handle >> 53 != 0 || !model_.emplace(handle, entry).second) {
      findings_.note("number", handle, 0, -1);
      return;
    }
    order_.push_back(handle);
  }

  void create() {
    const auto kind = static_cast<Kind>(below(kKinds));
    tg_handle made = 0;
    double value = 0;
    tg_status status = -1;
    switch (kind) {
      case Kind::tensor:
        value = static_cast<double>(below(1000));
        status = tg_scalar(value, TG_FLOAT64, &made);
        break;
      case Kind::dict: status = tg_dict_create(&made); break;
      case Kind::object:
        payloads_alive.fetch_add(1);
        status = tg_object_create("model", this, end_payload, &made);
        break;
      case Kind::generator: status = tg_generator_create(7, &made); break;
    }
    expect("create", made, TG_OK, status);
    add(made, {kind, value});
  }

  // Any use that fits the kind; `as` may be another kind than the handle's.
  tg_status use(tg_handle handle, Kind as, double* value) {
    size_t size = 0;
    void* payload = nullptr;
    uint64_t state = 0, offset = 0;
    switch (as) {
      case Kind::tensor: return tg_tensor_item(handle, value);
      case Kind::dict: return tg_dict_size(handle, &size);
      case Kind::object: return tg_object_payload(handle, "model", &payload);
      case Kind::generator: return tg_generator_state_get(handle, &state, &offset);
    }
    return -1;
  }

  void use_live(bool right_kind) {
    const tg_handle handle = order_[below(order_.size())];
    const Live entry = model_.at(handle);
    const auto as =
        right_kind ? entry.kind : static_cast<Kind>((static_cast<int>(entry.kind) + 1) % kKinds);
    double value = entry.value;
    expect(right_kind ? "use" : "use as another kind", handle,
           right_kind ? TG_OK : TG_ERROR_INVALID_HANDLE, use(handle, as, &value));
    if (value != entry.value) findings_.note("value", handle, 0, -1);
    if (!right_kind && std::strstr(tg_last_error_message(), "wrong kind") == nullptr) {
      findings_.note("message", handle, TG_ERROR_INVALID_HANDLE, -1);
    }
  }

  void alias() {
    const tg_handle handle = order_[below(order_.size())];
    const Live entry = model_.at(handle);
    tg_handle made = 0;
    expect("alias", handle, TG_OK, tg_alias(handle, &made));
    add(made, entry);
    int32_t same = 0;
    expect("is_same", made, TG_OK, tg_is_same(handle, made, &same));
    if (same != 1) findings_.note("sameness", made, 1, same);
  }

  void release(size_t place) {
    const tg_handle handle = order_[place];
    order_[place] = order_.back();
    order_.pop_back();
    model_.erase(handle);
    expect("release", handle, TG_OK, tg_release(handle));
    stale_[stale_next_++ % stale_.size()] = handle;
  }

  void use_stale() {
    const tg_handle handle = stale_[below(stale_.size())];
    if (handle == 0) return;
    double value = 0;
    expect("use of a stale one", handle, TG_ERROR_INVALID_HANDLE,
           use(handle, static_cast<Kind>(below(kKinds)), &value));
    expect("second release", handle, TG_ERROR_INVALID_HANDLE, tg_release(handle));
    if (std::strstr(tg_last_error_message(), "stale") == nullptr) {
      findings_.note("message", handle, TG_ERROR_INVALID_HANDLE, -1);
    }
    if (tg_is_valid(handle) != 0) findings_.note("is_valid", handle, 0, 1);
  }

  // A generation that no slot reaches in this test, or bits above 2^53.
  void use_forged() {
    const uint64_t slot = below(uint64_t{1} << 24);
    const tg_handle handle = below(2) == 0 ? slot | (uint64_t{1} << 52) | below(1 << 20) << 24
                                           : slot | (below(1 << 11) + 1) << 53;
    tg_handle made = 1;
    expect("release of a forged one", handle, TG_ERROR_INVALID_HANDLE, tg_release(handle));
    expect("alias of a forged one", handle, TG_ERROR_INVALID_HANDLE, tg_alias(handle, &made));
    if (made != 0 || std::strstr(tg_last_error_message(), "forged") == nullptr) {
      findings_.note("message", handle, TG_ERROR_INVALID_HANDLE, -1);
    }
    if (tg_is_valid(handle) != 0) findings_.note("is_valid", handle, 0, 1);
  }

  void use_none() {
    double value = 0;
    expect("release of 0", 0, TG_OK, tg_release(0));
    expect("use of 0", 0, TG_ERROR_INVALID_HANDLE, use(0, Kind::tensor, &value));
  }

  // Another thread may be releasing it: OK with the right value, or an error; an error for certain
  // once a release has returned.
  void use_shared(Shared& shared) {
    const bool dead = shared.finished.load() != 0;
    const tg_handle handle = shared.handle.load();
    double value = -1;
    const tg_status status = tg_tensor_item(handle, &value);
    ++calls_;
    if (status == TG_OK ? dead || value != 42 : status != TG_ERROR_INVALID_HANDLE) {
      findings_.note("shared use", handle, dead ? TG_ERROR_INVALID_HANDLE : TG_OK, status);
    }
    tg_handle product = 0, second = 0;
    const tg_status made = tg_mul_scalar(handle, 2, &product);
    const tg_status aliased = tg_alias(handle, &second);
    calls_ += 2;
    if ((made == TG_OK) != (product != 0) || (aliased == TG_OK) != (second != 0)) {
      findings_.note("shared result", handle, made, aliased);
    }
    if (product != 0) {
      expect("item", product, TG_OK, tg_tensor_item(product, &value));
      if (value != 84) findings_.note("shared value", product, 84, static_cast<int>(value));
      expect("release", product, TG_OK, tg_release(product));
    }
    if (second != 0) expect("release", second, TG_OK, tg_release(second));
  }

  void release_shared(Shared& shared) {
    if (shared.contenders.fetch_add(1) >= kThreads) return;
    const bool dead = shared.finished.load() != 0;
    const tg_handle handle = shared.handle.load();
    const tg_status status = tg_release(handle);
    ++calls_;
    if (status == TG_OK) {
      if (dead) findings_.note("release of a released one", handle, TG_ERROR_INVALID_HANDLE, TG_OK);
      shared.released.fetch_add(1);
    } else if (status != TG_ERROR_INVALID_HANDLE) {
      findings_.note("shared release", handle, TG_ERROR_INVALID_HANDLE, status);
    }
    shared.finished.store(1);
  }

  void step() {
    const uint64_t what = below(100);
    if (order_.empty() || (what < 22 && order_.size() < 3000)) return create();
    if (what < 28) return alias();
    if (what < 52) return release(below(order_.size()));
    if (what < 64) return use_live(true);
    if (what < 69) return use_live(false);
    if (what < 74) return use_stale();
    if (what < 78) return use_forged();
    if (what < 79) return use_none();
    if (what < 99) return use_shared(shared_[below(kShared)]);
    release_shared(shared_[below(kShared)]);
  }

  std::mt19937_64 random_;
  std::array<Shared, kShared>& shared_;
  Findings& findings_;
  uint64_t calls_ = 0;
  std::unordered_map<tg_handle, Live> model_;
  std::vector<tg_handle> order_;
  std::array<tg_handle, 256> stale_{};
  size_t stale_next_ = 0;
};

void run(uint64_t calls) {
  INFO("TG_TEST_SEED=" << seed());
  const uint64_t start = tg_live_handles();
  std::array<Shared, kShared> shared;
  Findings findings;
  std::barrier gate(kThreads + 1);
  std::vector<Worker> workers;
  for (int i = 0; i < kThreads; ++i) workers.emplace_back(i, shared, findings);
  std::vector<std::thread> threads;
  for (Worker& worker : workers) {
    threads.emplace_back([&worker, &gate, calls] {
      for (int round = 0; round < kRounds; ++round) {
        gate.arrive_and_wait();
        worker.run(calls / kThreads / kRounds);
        gate.arrive_and_wait();
      }
      gate.arrive_and_wait();
      worker.end();
      worker.count();
    });
  }
  uint64_t once = 0, contested = 0, wrong_counts = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (Shared& one : shared) {
      tg_tensor x = 0;
      REQUIRE(tg_scalar(42, TG_FLOAT64, &x) == TG_OK);
      one.finished = one.released = one.contenders = 0;
      one.handle = x;
    }
    gate.arrive_and_wait();
    gate.arrive_and_wait();  // nobody is inside a call now
    for (Shared& one : shared) {
      if (one.contenders > 0) {
        ++once;
        contested += one.contenders > 1;
        CHECK(one.released == 1);
      } else {
        CHECK(tg_release(one.handle) == TG_OK);
      }
    }
    uint64_t live = start;
    for (const Worker& worker : workers) live += worker.live();
    wrong_counts += tg_live_handles() != live;
  }
  gate.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  INFO(findings.first.data());
  CHECK(findings.wrong == 0);
  CHECK(wrong_counts == 0);
  CHECK(tg_live_handles() == start);
  CHECK(payloads_alive == 0);
  CHECK(findings.calls >= calls);
  CHECK(once > kRounds);       // the sweep bites: shared handles were released,
  CHECK(contested > kRounds);  // and by several threads
}

}  // namespace

TEST_CASE("handles under four threads do what a model says", "[threads]") { run(200'000); }

TEST_CASE("handles under four threads do what a model says, ten million calls", "[threads][long]") {
  run(10'000'000);
}
