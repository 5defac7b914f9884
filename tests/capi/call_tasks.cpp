// SPDX-License-Identifier: MIT
// Tasks that change threads between any two calls, several on each thread: modes, scopes and error
// texts stay with the task. Each task's trace is that of the task run alone, and each thread keeps
// modes and an error of its own.
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "calls/values.h"
#include "capi/rows.h"

using namespace capi;
using calls::by_name;
using calls::Called;
using calls::of_buffer;
using calls::of_handle;
using calls::of_integer;
using calls::of_number;
using calls::of_text;

namespace {

// A random program of calls, each with the task's frame. What it does depends on its seed alone.
class Task {
 public:
  explicit Task(uint64_t seed) : random_(seed), seed_(seed) {
    frame_.struct_size = sizeof frame_;
    frame_.error = text_;
    frame_.error_capacity = sizeof text_;
  }

  const std::string& trace() const { return trace_; }

  // One call by name, and nothing else of the library.
  void step() {
    switch (random_() % 22) {
      case 0: call("tg_no_grad_enter"); break;
      case 1: call("tg_no_grad_exit"); break;
      case 2:
        call("tg_inference_mode_enter", {of_integer(static_cast<int64_t>(random_() % 2))});
        break;
      case 3: call("tg_inference_mode_exit"); break;
      case 4:
        call("tg_set_grad_enabled_enter", {of_integer(static_cast<int64_t>(random_() % 3))});
        break;
      case 5: call("tg_set_grad_enabled_exit"); break;
      case 6: call("tg_enable_grad_enter"); break;
      case 7: call("tg_enable_grad_exit"); break;
      case 8: call("tg_mode_nesting_set", {of_integer(static_cast<int64_t>(random_() % 2))}); break;
      case 9: call("tg_state_get"); break;
      case 10: enter_scope(); break;
      case 11: exit_scope(); break;
      case 12:
        call("tg_error_set", {of_integer(TG_ERROR_PEER), of_integer(1), of_text(name())});
        break;
      case 13: call("tg_last_error"); break;
      case 14:
      case 15: create(); break;
      case 16: push(call("tg_mul", {any(), any()})); break;
      case 17: push(call("tg_sum", {any()})); break;
      case 18: call("tg_backward", {any()}); break;
      case 19: push(call("tg_tensor_grad", {any()})); break;
      case 20: call("tg_tensor_requires_grad", {any()}); break;
      default: call("tg_tensor_format", {any(), of_buffer(shown_, sizeof shown_)}, shown_); break;
    }
    // One call less than it looks: the oldest goes once there are many.
    if (tensors_.size() > 12) {
      call("tg_release", {of_handle(tensors_.front().handle)});
      tensors_.erase(tensors_.begin());
    }
  }

  void end() {
    while (!scopes_.empty()) exit_scope();
    for (const Owned& owned : tensors_) call("tg_release", {of_handle(owned.handle)});
    tensors_.clear();
  }

 private:
  struct Owned {
    tg_handle handle;
    size_t depth;  // of scopes
  };

  const char* name() {
    std::snprintf(name_, sizeof name_, "task %d", static_cast<int>(seed_));
    return name_;
  }
  tg_value any() {
    return tensors_.empty() ? calls::none()
                            : of_handle(tensors_[random_() % tensors_.size()].handle);
  }
  Called call(const char* function, std::vector<tg_value> arguments = {}, const char* more = "") {
    const Called called = by_name(&frame_, function, std::move(arguments));
    trace_ += std::string(function) + " " + std::to_string(called.status) + " " + text_ + more;
    for (size_t i = 0; i < called.count; ++i) {
      if (called.results[i].type == TG_VALUE_INT64) {
        trace_ += " " + std::to_string(called.integer(i));
      }
    }
    trace_ += "\n";
    shown_[0] = 0;
    return called;
  }
  void push(const Called& called) {
    if (called.status == TG_OK && called.handle() != 0) {
      tensors_.push_back({called.handle(), scopes_.size()});
    }
  }
  void create() {
    const double values[] = {static_cast<double>(seed_ % 7), static_cast<double>(random_() % 5)};
    const std::vector<int64_t> shape = {static_cast<int64_t>(random_() % 3)};
    push(call("tg_tensor_create",
              {of_buffer(values, static_cast<size_t>(shape[0]) * 8), of_integer(TG_FLOAT64),
               calls::of_array(shape), of_integer(static_cast<int64_t>(random_() % 2))}));
  }
  void enter_scope() {
    if (scopes_.size() == 3) return;
    frame_.scope = call("tg_scope_enter").handle();
    scopes_.push_back(frame_.scope);
  }
  void exit_scope() {
    if (scopes_.empty()) return;
    call("tg_scope_exit", {of_handle(scopes_.back())});
    while (!tensors_.empty() && tensors_.back().depth == scopes_.size()) tensors_.pop_back();
    scopes_.pop_back();
    frame_.scope = scopes_.empty() ? 0 : scopes_.back();
  }

  std::mt19937_64 random_;
  uint64_t seed_;
  char text_[300] = "", shown_[300] = "", name_[20] = "";
  tg_frame frame_ = {};
  std::vector<Owned> tensors_;  // the innermost scope's last
  std::vector<tg_scope> scopes_;
  std::string trace_;
};

constexpr int kTasks = 64;
constexpr int kThreads = 8;

std::vector<std::unique_ptr<Task>> make_tasks() {
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.push_back(std::make_unique<Task>(i + 1));
  return tasks;
}

// What a thread has of its own, and must have afterwards.
struct Own {
  uint64_t state = 0;
  std::string message;
  tg_status error;
  tg_scope scope = 0;
  Own() : message(tg_last_error_message()), error(tg_last_error()) {
    tg_state_get(&state);
    tg_scope_use(0, &scope);
    tg_scope_use(scope, nullptr);
  }
  bool operator==(const Own&) const = default;
};

void run(int steps) {
  const uint64_t live = tg_live_handles();
  auto alone = make_tasks();
  for (const auto& task : alone) {
    for (int i = 0; i < steps; ++i) task->step();
    task->end();
  }
  REQUIRE(tg_live_handles() == live);

  auto moved = make_tasks();
  std::vector<int> done(kTasks, 0);
  std::vector<int> free;  // tasks that no thread runs
  for (int i = 0; i < kTasks; ++i) free.push_back(i);
  std::mutex mutex;
  std::atomic<int> left{kTasks}, changed{0}, moves{0};
  auto work = [&](int thread) {
    std::mt19937_64 random(static_cast<uint64_t>(thread));
    // Half of the threads have a mode, a scope and an error of their own.
    tg_scope scope = 0;
    if (thread % 2 == 0) {
      tg_inference_mode_enter(1);
      tg_scope_enter(&scope);
      tg_error_set(TG_ERROR_TIMEOUT, thread, "of the thread");
    }
    const Own before;
    while (left > 0) {
      int number = -1;
      {
        const std::lock_guard<std::mutex> guard(mutex);
        if (!free.empty()) {
          const size_t at = random() % free.size();
          number = free[at];
          free[at] = free.back();
          free.pop_back();
        }
      }
      if (number < 0) {
        std::this_thread::yield();
        continue;
      }
      Task& task = *moved[static_cast<size_t>(number)];
      ++moves;
      if (done[static_cast<size_t>(number)]++ < steps) {
        task.step();
        const std::lock_guard<std::mutex> guard(mutex);
        free.push_back(number);
      } else {
        task.end();
        --left;
      }
    }
    if (!(before == Own())) ++changed;
    if (scope != 0) tg_scope_exit(scope);
    if (thread % 2 == 0) tg_inference_mode_exit();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();

  CHECK(moves == kTasks * (steps + 1));
  CHECK(changed == 0);
  size_t failures = 0;
  for (size_t i = 0; i < kTasks; ++i) {
    INFO("task " << i);
    CHECK((moved[i]->trace() == alone[i]->trace()));
    failures += moved[i]->trace().find("tg_sum 0") == std::string::npos;
  }
  CHECK(failures < kTasks / 4);  // most tasks got somewhere
  CHECK(tg_live_handles() == live);
}

}  // namespace

TEST_CASE("tasks that change threads keep modes, scopes and error texts", "[call]") { run(500); }

TEST_CASE("a million moves of tasks between threads change nothing", "[call][long]") {
  run(1'000'000 / kTasks);
}
