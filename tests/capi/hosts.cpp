// SPDX-License-Identifier: MIT
// What a host lends: its log, its collector under memory pressure, its pool of threads. Each keeps
// its promise while it is set anew, fails, throws or calls back in.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "capi/rows.h"

using namespace capi;

namespace {

struct Line {
  int32_t level;
  std::string text;
};
struct Log {
  std::vector<Line> lines;
  int ended = 0;
  void (*inside)(Log&) = nullptr;

  static void take(void* self, int32_t level, const char* text) {
    auto* log = static_cast<Log*>(self);
    log->lines.push_back({level, text});
    if (log->inside != nullptr) log->inside(*log);
  }
  static void end(void* self) { ++static_cast<Log*>(self)->ended; }
  void set() { ok(tg_log_set(take, this, end)); }
  std::string last() const { return lines.empty() ? "" : lines.back().text; }
};
struct NoLog {  // whatever a case did, the next one starts without
  ~NoLog() {
    tg_log_set(nullptr, nullptr, nullptr);
    tg_memory_pressure_set(nullptr, nullptr, nullptr, 0);
    tg_parallel_for_set(nullptr, nullptr, nullptr);
    tg_memory_limit_set(0);
  }
};

Tensor bytes(int64_t count) {
  Tensor x;
  ok(tg_zeros(TG_UINT8, &count, 1, x.out()));
  return x;
}
tg_status try_bytes(int64_t count) { return attempt(tg_zeros, TG_UINT8, &count, 1); }

}  // namespace

// ---- the log ----

TEST_CASE("each failing call logs its message, and success logs nothing", "[log]") {
  const NoLog none;
  Log log;
  log.set();
  const Tensor a = vec({1, 2}), b = vec({1, 2, 3});
  CHECK(log.lines.empty());
  fails(attempt(tg_add, a, b), TG_ERROR_SHAPE);
  REQUIRE(log.lines.size() == 1);
  CHECK(log.lines[0].level == TG_LOG_ERROR);
  CHECK(log.last() == tg_last_error_message());
  CHECK(tg_release(12345) == TG_ERROR_INVALID_HANDLE);
  CHECK(log.lines.size() == 2);
  CHECK_THAT(log.last(), Catch::StartsWith("tg_release: "));
  // A callback's failing call and the call around it are two.
  fails(tg_no_grad_call([](void*) -> int32_t { return tg_release(12345); }, nullptr),
        TG_ERROR_INVALID_HANDLE);
  CHECK(log.lines.size() == 4);
  // What a callback says of itself is logged by the call that fails of it.
  fails(tg_no_grad_call([](void*) -> int32_t { return tg_error_set(TG_ERROR_PEER, 1, "gone"); },
                        nullptr),
        TG_ERROR_PEER);
  CHECK(log.lines.size() == 5);
  CHECK_THAT(log.last(), Catch::Contains("gone"));
  std::thread([&] { tg_release(54321); }).join();
  CHECK(log.lines.size() == 6);
  ok(tg_log_set(nullptr, nullptr, nullptr));
  CHECK(log.ended == 1);
  CHECK(tg_release(12345) == TG_ERROR_INVALID_HANDLE);
  CHECK(log.lines.size() == 6);
}

TEST_CASE("a log that fails, throws or changes modes harms nothing", "[log]") {
  const NoLog none;
  Log log;
  log.inside = [](Log& self) {
    static_cast<void>(tg_backward(777));  // fails: not logged, and not the last error
    static_cast<void>(tg_no_grad_enter());
    static_cast<void>(tg_error_set(TG_ERROR_IO, 3, "from the log"));
    const Tensor x = leaf({3});
    self.lines.back().text += values(x)[0] == 3 ? "" : " wrong";
    throw std::string("thrown");
  };
  log.set();
  int64_t number = 7;
  int32_t operand = 7;
  const Tensor a = vec({1, 2}), b = vec({1, 2, 3});
  const tg_status status = attempt(tg_add, a, b);
  CHECK(status == TG_ERROR_SHAPE);
  CHECK(tg_last_error() == TG_ERROR_SHAPE);
  CHECK_THAT(tg_last_error_message(), Catch::StartsWith("tg_add: "));
  CHECK(log.lines.size() == 1);
  CHECK(log.last() == tg_last_error_message());
  tg_last_error_detail(&number, &operand);
  CHECK(number == 0);
  CHECK(tg_is_grad_enabled() == 1);
  // A callback's number still finds the failing call that explains it.
  fails(tg_no_grad_call([](void*) -> int32_t { return tg_release(12345); }, nullptr),
        TG_ERROR_INVALID_HANDLE);
}

TEST_CASE("a log may set another, or none, while it runs", "[log]") {
  const NoLog none;
  static Log second;
  Log first;
  first.inside = [](Log& self) {
    second.set();
    self.lines.back().text = self.ended == 0 ? "alive" : "ended too early";
  };
  first.set();
  tg_release(12345);
  CHECK(first.last() == "alive");
  CHECK(first.ended == 1);
  tg_release(12345);
  CHECK(first.lines.size() == 1);
  CHECK(second.lines.size() == 1);
  second.inside = [](Log&) { tg_log_set(nullptr, nullptr, nullptr); };
  tg_release(12345);
  CHECK(second.ended == 1);
}

TEST_CASE("the BLAS, or why there is none, is told to the log", "[log]") {
  const NoLog none;
  Log log;
  log.set();
  const Tensor a = tensor({1}, {600, 600});
  make(tg_mm, a, a);
  // Another case of this program may have opened it before.
  for (const Line& line : log.lines) {
    INFO(line.text);
    CHECK_THAT(line.text, Catch::Contains("BLAS"));
    CHECK((line.level == TG_LOG_INFO || line.level == TG_LOG_WARNING));
  }
}

// ---- memory pressure ----

namespace {

struct Pressure {
  int calls = 0, ended = 0;
  int32_t answer = 0;
  uint64_t current = 0, wanted = 0;
  std::vector<tg_handle> garbage;

  static int32_t ask(void* self, uint64_t current, uint64_t wanted) {
    auto* pressure = static_cast<Pressure*>(self);
    ++pressure->calls;
    pressure->current = current;
    pressure->wanted = wanted;
    for (const tg_handle handle : pressure->garbage) tg_release(handle);
    pressure->garbage.clear();
    return pressure->answer;
  }
  static void end(void* self) { ++static_cast<Pressure*>(self)->ended; }
  void set(uint64_t soft_limit) { ok(tg_memory_pressure_set(ask, this, end, soft_limit)); }
  void waste(int64_t count) {
    tg_tensor x = 0;
    ok(tg_zeros(TG_UINT8, &count, 1, &x));
    garbage.push_back(x);
  }
};

}  // namespace

TEST_CASE("above the soft limit the pressure function runs, and the request succeeds",
          "[pressure]") {
  const NoLog none;
  Pressure pressure;
  pressure.answer = 5;
  const uint64_t start = tg_memory_current();
  pressure.set(start + 10000);
  const Tensor first = bytes(6000);
  CHECK(pressure.calls == 0);
  const Tensor second = bytes(5000);
  CHECK(pressure.calls == 1);
  CHECK(pressure.current == start + 6000);
  CHECK(pressure.wanted == 5000);
  const Tensor third = bytes(100);  // small ones as well
  CHECK(pressure.calls == 2);
  CHECK(pressure.wanted == 100);
  CHECK(tg_memory_current() == start + 11100);
  ok(tg_memory_pressure_set(nullptr, nullptr, nullptr, 0));
  CHECK(pressure.ended == 1);
  const Tensor fourth = bytes(100);
  CHECK(pressure.calls == 2);
}

TEST_CASE("a request that the limit refuses is tried again if the pressure function says so",
          "[pressure]") {
  const NoLog none;
  Pressure pressure;
  pressure.set(0);
  ok(tg_memory_limit_set(tg_memory_current() + 20000));
  pressure.waste(15000);
  CHECK(pressure.calls == 0);
  const Tensor x = bytes(10000);
  CHECK(pressure.calls == 1);
  // Nothing to free: tried again once, refused.
  fails(try_bytes(15000), TG_ERROR_OUT_OF_MEMORY, {"limit"});
  CHECK(pressure.calls == 2);
  // Not to be tried again, even though there is room now.
  pressure.waste(5000);
  pressure.answer = 1;
  fails(try_bytes(8000), TG_ERROR_OUT_OF_MEMORY, {"limit"});
  CHECK(pressure.calls == 3);
  ok(try_bytes(8000));
  CHECK(pressure.calls == 3);
  // Small requests too, and both limits at once ask once.
  Pressure both;
  both.set(1);
  fails(try_bytes(15000), TG_ERROR_OUT_OF_MEMORY);
  CHECK(both.calls == 1);
  CHECK(pressure.ended == 1);
  const Tensor full = bytes(9990);
  both.calls = 0;
  fails(try_bytes(50), TG_ERROR_OUT_OF_MEMORY);
  CHECK(both.calls == 1);
}

TEST_CASE("a request that the system refuses asks the pressure function once", "[pressure]") {
  const NoLog none;
  Pressure pressure;
  pressure.set(0);
  constexpr int64_t kMore = int64_t{1} << 45;  // than a machine has
  fails(try_bytes(kMore), TG_ERROR_OUT_OF_MEMORY);
  CHECK(pressure.calls == 1);
  CHECK(pressure.wanted == uint64_t{1} << 45);
  pressure.answer = 1;
  fails(try_bytes(kMore), TG_ERROR_OUT_OF_MEMORY);
  CHECK(pressure.calls == 2);
  CHECK(tg_memory_current() < uint64_t{1} << 40);
}

TEST_CASE("in a pressure function only releases, drains, questions and memory are allowed",
          "[pressure]") {
  const NoLog none;
  struct Trial {
    Tensor x = leaf({1, 2}), plain = vec({3, 4}), loss = make(tg_sum, make(tg_mul, x, x));
    Handle linear = make(tg_nn_linear, int64_t{2}, int64_t{2}, 1, TG_FLOAT64);
    Handle token = make(tg_token_create), dict = make(tg_dict_create);
    std::vector<std::string> wrong;
    void refused(const char* name, tg_status status) {
      if (status == TG_ERROR_MODE &&
          std::strstr(tg_last_error_message(), "pressure function") != nullptr) {
        return;
      }
      wrong.push_back(std::string(name) + " gave " + tg_status_name(status));
    }
    void allowed(const char* name, tg_status status) {
      if (status != TG_OK) wrong.push_back(std::string(name) + ": " + tg_last_error_message());
    }
  };
  Trial trial;
  ok(tg_memory_pressure_set(
      [](void* self, uint64_t, uint64_t) -> int32_t {
        auto& t = *static_cast<Trial*>(self);
        const int64_t shape[] = {2, 1};
        tg_handle out = 0;
        int32_t number = 0;
        uint64_t count = 0;
        int64_t big = 0;
        char text[100];
        double values[2];
        void* managed = nullptr;
        const uint64_t live = tg_live_handles();
        t.refused("tg_add", tg_add(t.x, t.plain, &out));
        t.refused("tg_view", tg_view(t.plain, shape, 2, &out));
        t.refused("tg_t", tg_t(t.plain, &out));
        t.refused("tg_detach", tg_detach(t.x, &out));
        t.refused("tg_add_", tg_add_(t.plain, t.plain));
        t.refused("tg_mul_scalar_", tg_mul_scalar_(t.plain, 2));
        t.refused("tg_add_out", tg_add_out(t.plain, t.plain, t.plain));
        t.refused("tg_fill_", tg_fill_(t.plain, 2));
        t.refused("tg_backward", tg_backward(t.loss));
        t.refused("tg_zeros", tg_zeros(TG_FLOAT32, shape, 2, &out));
        t.refused("tg_alias", tg_alias(t.x, &out));
        t.refused("tg_tensor_grad", tg_tensor_grad(t.x, &out));
        t.refused("tg_module_forward", tg_module_forward(t.linear, t.plain, &out));
        t.refused("tg_no_grad_enter", tg_no_grad_enter());
        t.refused("tg_inference_mode_enter", tg_inference_mode_enter(1));
        t.refused("tg_no_grad_exit", tg_no_grad_exit());
        t.refused("tg_state_set", tg_state_set(0, nullptr));
        t.refused("tg_scope_enter", tg_scope_enter(&out));
        t.refused("tg_token_use", tg_token_use(0, nullptr));
        t.refused("tg_dict_set", tg_dict_set(t.dict, "x", t.plain));
        t.refused("tg_to_dlpack", tg_to_dlpack(t.plain, 0, &managed));
        t.refused("tg_log_set", tg_log_set(nullptr, nullptr, nullptr));
        t.refused("tg_manual_seed", tg_manual_seed(1));
        t.refused("tg_shutdown", tg_shutdown());
        // Nor does a frame of the caller's own lift it.
        tg_frame frame{};
        char said[200] = "";
        frame.struct_size = sizeof frame;
        frame.error = said;
        frame.error_capacity = sizeof said;
        const auto by_name = [&](const char* name, std::vector<tg_value> given) {
          tg_value result;
          return tg_call(&frame, name, given.data(), given.size(), &result, 1, nullptr);
        };
        tg_value plain{}, on{};
        plain.type = TG_VALUE_HANDLE;
        plain.as.handle = t.plain;
        on.type = TG_VALUE_INT64;
        on.as.integer = 1;
        const auto refused_in_frame = [&](const char* name, std::vector<tg_value> given) {
          const tg_status status = by_name(name, std::move(given));
          if (status != TG_ERROR_MODE || std::strstr(said, "pressure function") == nullptr) {
            t.wrong.push_back(std::string(name) + " in a frame: " + tg_status_name(status) + said);
          }
        };
        refused_in_frame("tg_neg", {plain});
        refused_in_frame("tg_add", {plain, plain});
        refused_in_frame("tg_relu_", {plain});
        refused_in_frame("tg_alias", {plain});
        refused_in_frame("tg_inference_mode_enter", {on});
        refused_in_frame("tg_scope_enter", {});
        t.allowed("tg_memory_trim in a frame", by_name("tg_memory_trim", {}));
        if (out != 0 || tg_live_handles() != live) t.wrong.push_back("a handle was made");
        t.allowed("tg_release", tg_release(0));
        t.allowed("tg_drain", tg_drain());
        t.allowed("tg_tensor_dtype", tg_tensor_dtype(t.x, &number));
        t.allowed("tg_tensor_nbytes", tg_tensor_nbytes(t.x, &count));
        t.allowed("tg_tensor_version", tg_tensor_version(t.x, &big));
        t.allowed("tg_tensor_format", tg_tensor_format(t.x, text, sizeof text, nullptr));
        t.allowed("tg_tensor_copy_out", tg_tensor_copy_out(t.plain, values, sizeof values));
        t.allowed("tg_is_same", tg_is_same(t.x, t.x, &number));
        t.allowed("tg_memory_trim", tg_memory_trim());
        t.allowed("tg_memory_limit_set", tg_memory_limit_set(0));
        t.allowed("tg_token_cancel", tg_token_cancel(t.token));
        if (tg_memory_current() == 0 || tg_is_grad_enabled() != 1) t.wrong.push_back("question");
        return 0;
      },
      &trial, nullptr, 1));
  const Tensor made = make(tg_add, trial.plain, trial.plain);
  for (const std::string& finding : trial.wrong) UNSCOPED_INFO(finding);
  CHECK(trial.wrong.empty());
  CHECK(values(made) == Values{6, 8});
  ok(tg_memory_pressure_set(nullptr, nullptr, nullptr, 0));
  // And afterwards everything is as before, scopes and modes too.
  tg_scope scope = 0;
  ok(tg_scope_enter(&scope));
  tg_tensor inside = 0;
  {
    const In mode(Mode::no_grad);
    Trial second;
    ok(tg_memory_pressure_set(
        [](void* self, uint64_t, uint64_t) -> int32_t {
          auto& t = *static_cast<Trial*>(self);
          tg_handle out = 0;
          t.refused("tg_add", tg_add(t.x, t.plain, &out));
          t.refused("tg_t", tg_t(t.plain, &out));
          t.refused("tg_relu_", tg_relu_(t.plain));
          t.refused("tg_no_grad_exit", tg_no_grad_exit());
          return 0;
        },
        &second, nullptr, 1));
    ok(tg_add(second.plain, second.plain, &inside));
    for (const std::string& finding : second.wrong) UNSCOPED_INFO(finding);
    CHECK(second.wrong.empty());
    ok(tg_memory_pressure_set(nullptr, nullptr, nullptr, 0));
    CHECK(tg_is_grad_enabled() == 0);
  }
  ok(tg_scope_exit(scope));
  CHECK(tg_is_valid(inside) == 0);
  ok(tg_backward(trial.loss));
}

TEST_CASE("a pressure function in the middle of a backward frees, and the pass goes on",
          "[pressure]") {
  const NoLog none;
  Pressure pressure;
  const Tensor x = leaf(Values(3000, 2));
  Tensor y = make(tg_mul, x, x);
  for (int i = 0; i < 10; ++i) y = make(tg_mul_scalar, y, 1.0);
  const Tensor loss = make(tg_sum, y);
  for (int i = 0; i < 5; ++i) pressure.waste(30000);
  ok(tg_memory_limit_set(tg_memory_current() + 50000));
  pressure.set(0);
  ok(tg_backward(loss));
  CHECK(pressure.calls == 1);
  CHECK(grad_values(x) == Values(3000, 4));
}

TEST_CASE("a pressure function that throws, allocates or is set anew harms nothing", "[pressure]") {
  const NoLog none;
  ok(tg_memory_limit_set(tg_memory_current() + 1000));
  ok(tg_memory_pressure_set([](void*, uint64_t, uint64_t) -> int32_t { throw 1; }, nullptr, nullptr,
                            0));
  fails(try_bytes(5000), TG_ERROR_OUT_OF_MEMORY, {"limit"});
  static Pressure other;
  other.ended = 0;
  ok(tg_memory_pressure_set(
      [](void* self, uint64_t, uint64_t) -> int32_t {
        other.set(0);
        static_cast<Pressure*>(self)->calls += static_cast<Pressure*>(self)->ended == 0;
        return tg_memory_limit_set(0);
      },
      &other, Pressure::end, 0));
  ok(try_bytes(5000));
  CHECK(other.ended == 1);  // the former one's, once it had returned
  CHECK(other.calls == 1);
}

// ---- the host's threads ----

namespace {

struct Pool {
  std::atomic<int> rounds{0};
  int ended = 0;
  int threads = 3;
  size_t leaves = 0;  // how many indices it does not run

  static int32_t run(void* self, size_t count, tg_job_fn run, void* job) {
    auto* pool = static_cast<Pool*>(self);
    ++pool->rounds;
    const size_t end = count > pool->leaves ? count - pool->leaves : 0;
    std::atomic<size_t> next{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < pool->threads; ++i) {
      workers.emplace_back([&] {
        for (size_t at = next++; at < end; at = next++) run(job, at);
      });
    }
    for (std::thread& worker : workers) worker.join();
    return pool->leaves > 0 ? 1 : 0;
  }
  static void end(void* self) { ++static_cast<Pool*>(self)->ended; }
};

std::vector<float> product(int64_t n) {
  std::vector<float> data(static_cast<size_t>(n * n));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i % 97) * 0.37f - 11;
  const int64_t shape[] = {n, n};
  Tensor a, c;
  ok(tg_tensor_create(data.data(), TG_FLOAT32, shape, 2, 0, a.out()));
  ok(tg_mm(a, a, c.out()));
  ok(tg_tensor_copy_out(c, data.data(), data.size() * sizeof(float)));
  return data;
}

}  // namespace

TEST_CASE("a lent pool gives the same bits, whatever it leaves", "[pool]") {
  const NoLog none;
  const std::vector<float> own = product(700);
  for (const size_t leaves : {size_t{0}, size_t{1}, size_t{1000}}) {
    Pool pool;
    pool.leaves = leaves;
    ok(tg_parallel_for_set(Pool::run, &pool, Pool::end));
    CHECK(product(700) == own);
    CHECK(pool.rounds >= 1);
    CHECK(pool.ended == 0);
    ok(tg_parallel_for_set(nullptr, nullptr, nullptr));
    CHECK(pool.ended == 1);
    const int rounds = pool.rounds;
    CHECK(product(700) == own);
    CHECK(pool.rounds == rounds);
  }
}

TEST_CASE("a lent pool that throws, or takes the token off, harms nothing", "[pool]") {
  const NoLog none;
  const std::vector<float> own = product(700);
  ok(tg_parallel_for_set([](void*, size_t, tg_job_fn, void*) -> int32_t { throw 1; }, nullptr,
                         nullptr));
  CHECK(product(700) == own);
  tg_token token = 0, still = 0;
  ok(tg_token_create(&token));
  ok(tg_token_use(token, nullptr));
  ok(tg_release(token));
  ok(tg_parallel_for_set(
      [](void*, size_t, tg_job_fn, void*) -> int32_t {
        tg_token_use(0, nullptr);
        return 1;
      },
      nullptr, nullptr));
  CHECK(product(700) == own);
  ok(tg_token_use(0, &still));
  CHECK(still == token);
}

TEST_CASE("a product on a lent pool ends between its parts when the token is cancelled",
          "[pool][token]") {
  const NoLog none;
  static tg_token token;
  ok(tg_token_create(&token));
  ok(tg_parallel_for_set(
      [](void*, size_t count, tg_job_fn run, void* job) -> int32_t {
        for (size_t i = 0; i < count; ++i) {
          run(job, i);
          if (i == 0) tg_token_cancel(token);
        }
        return 0;
      },
      nullptr, nullptr));
  ok(tg_token_use(token, nullptr));
  const Tensor a = tensor({1}, {700, 700}), out = tensor({5}, {700, 700});
  fails(attempt(tg_mm, a, a), TG_ERROR_CANCELLED);
  fails(tg_mm_out(a, a, out), TG_ERROR_CANCELLED);
  CHECK(values(out) == Values(700 * 700, 5));
  ok(tg_token_use(0, nullptr));
  ok(tg_release(token));
}
