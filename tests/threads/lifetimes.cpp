// SPDX-License-Identifier: MIT
// Ends of things at awkward moments: a thread that ends with a scope, a release beside the exit of
// the handle's scope, user's code that a backward runs and that calls back into the library.
#include <tapegrad/tapegrad.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

tg_tensor scalar(double value, bool requires_grad = false) {
  tg_tensor x = 0;
  REQUIRE(tg_scalar(value, TG_FLOAT32, &x) == TG_OK);
  if (requires_grad) REQUIRE(tg_tensor_set_requires_grad(x, 1) == TG_OK);
  return x;
}

tg_tensor product(tg_tensor a, tg_tensor b) {
  tg_tensor y = 0;
  REQUIRE(tg_mul(a, b, &y) == TG_OK);
  return y;
}

// Memory of the host whose end runs `end`.
struct Lent {
  float value = 3;
  std::function<void()> end;
  int ends = 0;
  static void deleter(void* user_data, void*) {
    auto* lent = static_cast<Lent*>(user_data);
    ++lent->ends;
    if (lent->end) lent->end();
  }
  tg_tensor tensor() {
    tg_tensor x = 0;
    REQUIRE(tg_tensor_from_memory(&value, TG_FLOAT32, nullptr, nullptr, 0, 0, deleter, this, &x) ==
            TG_OK);
    return x;
  }
};

}  // namespace

TEST_CASE("a thread that ends leaves its scope to tg_scope_use", "[threads]") {
  const uint64_t live = tg_live_handles();
  tg_scope scope = 0;
  tg_tensor made = 0;
  std::thread([&] {
    REQUIRE(tg_scope_enter(&scope) == TG_OK);
    made = scalar(1);
    tg_scope again = 0;
    // While the thread lives with it, no other one may have it.
    std::thread([&] { CHECK(tg_scope_use(scope, &again) == TG_ERROR_MODE); }).join();
  }).join();
  CHECK(tg_is_valid(made) == 1);
  CHECK(tg_scope_use(scope, nullptr) == TG_OK);
  CHECK(tg_scope_exit(scope) == TG_OK);
  CHECK(tg_is_valid(made) == 0);
  CHECK(tg_live_handles() == live);
}

TEST_CASE("handles of a scope are released by others while it ends", "[threads]") {
  constexpr int kRounds = 300, kHandles = 64;
  const uint64_t live = tg_live_handles();
  for (int round = 0; round < kRounds; ++round) {
    std::vector<tg_tensor> handles(kHandles);
    std::atomic<int> ready{0}, released{0};
    auto release = [&](int from) {
      ++ready;
      while (ready.load() < 3) std::this_thread::yield();
      for (int i = 0; i < kHandles; ++i) {
        const tg_tensor handle = handles[static_cast<size_t>((i + from) % kHandles)];
        double value = 0;
        tg_tensor_item(handle, &value);  // holds it for a moment, or finds it gone
        released += tg_release(handle) == TG_OK;
      }
    };
    tg_scope scope = 0;
    REQUIRE(tg_scope_enter(&scope) == TG_OK);
    for (tg_tensor& handle : handles) handle = scalar(round);
    std::thread first(release, 0), second(release, kHandles / 2);
    ++ready;
    while (ready.load() < 3) std::this_thread::yield();
    CHECK(tg_scope_exit(scope) == TG_OK);
    first.join();
    second.join();
    for (const tg_tensor handle : handles) CHECK(tg_is_valid(handle) == 0);
    CHECK(released <= kHandles);
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("the end of a former .grad may release the tensor that retained it", "[threads]") {
  const uint64_t live = tg_live_handles();
  const tg_tensor x = scalar(2, true);
  tg_tensor middle = product(x, x);
  REQUIRE(tg_tensor_retain_grad(middle) == TG_OK);
  Lent lent;
  const tg_tensor former = lent.tensor();
  REQUIRE(tg_tensor_set_grad(middle, former) == TG_OK);
  REQUIRE(tg_release(former) == TG_OK);
  const tg_tensor loss = product(middle, middle);
  lent.end = [&] { CHECK(tg_release(middle) == TG_OK); };
  CHECK(tg_backward(loss) == TG_OK);
  CHECK(lent.ends == 1);
  CHECK(tg_is_valid(middle) == 0);
  CHECK(tg_release(x) == TG_OK);
  CHECK(tg_release(loss) == TG_OK);
  CHECK(tg_live_handles() == live);
}

TEST_CASE("modes entered by user's code in a backward leave a deep stack as it was", "[threads]") {
  Lent lent;
  const tg_tensor x = scalar(2, true);
  const tg_tensor borrowed = lent.tensor();
  const tg_tensor loss = product(x, borrowed);
  REQUIRE(tg_release(borrowed) == TG_OK);  // only the graph has it now
  REQUIRE(tg_mode_nesting_set(TG_NESTING_ALLOW) == TG_OK);
  for (int i = 0; i < 20; ++i) REQUIRE(tg_set_grad_enabled_enter(1) == TG_OK);
  for (int i = 0; i < 20; ++i) REQUIRE(tg_enable_grad_enter() == TG_OK);
  lent.end = [] {
    for (int i = 0; i < 40; ++i) CHECK(tg_no_grad_enter() == TG_OK);
    for (int i = 0; i < 40; ++i) CHECK(tg_no_grad_exit() == TG_OK);
    CHECK(tg_enable_grad_exit() == TG_ERROR_MODE);  // the pass's own stack, not the caller's
  };
  CHECK(tg_backward(loss) == TG_OK);
  CHECK(lent.ends == 1);
  for (int i = 0; i < 20; ++i) CHECK(tg_enable_grad_exit() == TG_OK);
  for (int i = 0; i < 20; ++i) CHECK(tg_set_grad_enabled_exit() == TG_OK);
  CHECK(tg_no_grad_exit() == TG_ERROR_MODE);
  REQUIRE(tg_mode_nesting_set(TG_NESTING_REFUSE) == TG_OK);
  CHECK(tg_release(x) == TG_OK);
  CHECK(tg_release(loss) == TG_OK);
}

TEST_CASE("what a node saved is not asked while a backward frees it", "[threads]") {
  Lent lent;
  const tg_tensor x = scalar(2, true);
  const tg_tensor borrowed = lent.tensor();
  const tg_tensor loss = product(x, borrowed);
  REQUIRE(tg_release(borrowed) == TG_OK);
  tg_node node = 0;
  REQUIRE(tg_tensor_grad_fn(loss, &node) == TG_OK);
  uint64_t bytes = 0;
  CHECK(tg_node_saved_bytes(node, &bytes) == TG_OK);
  CHECK(bytes == sizeof(float));
  lent.end = [&] {
    CHECK(tg_node_saved_bytes(node, &bytes) == TG_ERROR_AUTOGRAD);
    CHECK(std::strstr(tg_last_error_message(), "a backward runs over the node") != nullptr);
  };
  CHECK(tg_backward(loss) == TG_OK);
  CHECK(lent.ends == 1);
  CHECK(tg_node_saved_bytes(node, &bytes) == TG_OK);
  CHECK(bytes == 0);
  for (const tg_handle handle : {x, loss, node}) CHECK(tg_release(handle) == TG_OK);
}

TEST_CASE("a backward and questions about its nodes run beside each other", "[threads]") {
  const tg_tensor x = scalar(2, true);
  for (int round = 0; round < 200; ++round) {
    tg_tensor y = product(x, x);
    for (int i = 0; i < 10; ++i) {
      const tg_tensor next = product(y, x);
      REQUIRE(tg_release(y) == TG_OK);
      y = next;
    }
    tg_node node = 0;
    REQUIRE(tg_tensor_grad_fn(y, &node) == TG_OK);
    std::atomic<bool> done{false};
    std::thread asker([&] {
      while (!done.load()) {
        uint64_t bytes = 0;
        const tg_status status = tg_node_saved_bytes(node, &bytes);
        if (status != TG_OK && status != TG_ERROR_AUTOGRAD) std::abort();
        tg_tensor_retain_grad(y);
      }
    });
    CHECK(tg_backward(y) == TG_OK);
    done = true;
    asker.join();
    CHECK(tg_release(node) == TG_OK);
    CHECK(tg_release(y) == TG_OK);
  }
  CHECK(tg_release(x) == TG_OK);
}

namespace {

struct Wake {
  std::atomic<int> alive{1};
  static int32_t call(void* user_data) {
    if (static_cast<Wake*>(user_data)->alive.load() != 1) std::abort();
    return 0;
  }
  static void end(void* user_data) { static_cast<Wake*>(user_data)->alive = 0; }
};
std::atomic<int> payloads{0};
void end_payload(void*) { --payloads; }

}  // namespace

TEST_CASE("a hook, its tensor and its graph end in three threads at once", "[threads]") {
  const uint64_t live = tg_live_handles();
  const auto keep = [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t { return 0; };
  const auto count = [](void* ends) { static_cast<std::atomic<int>*>(ends)->fetch_add(1); };
  for (int round = 0; round < 500; ++round) {
    std::atomic<int> ready{0}, ends{0}, refused{0};
    const tg_tensor leaf = scalar(2, true), middle = product(leaf, leaf);
    const tg_tensor loss = product(middle, middle);
    tg_hook on_leaf = 0, on_middle = 0;
    REQUIRE(tg_tensor_hook(leaf, keep, &ends, count, &on_leaf) == TG_OK);
    REQUIRE(tg_tensor_hook(middle, keep, &ends, count, &on_middle) == TG_OK);
    const auto release = [&](tg_handle first, tg_handle second, int wait) {
      ++ready;
      while (ready.load() < 3) std::this_thread::yield();
      for (; wait > 0; --wait) std::this_thread::yield();
      refused += (tg_release(first) != TG_OK) + (tg_release(second) != TG_OK);
    };
    // The hooks go before the graph, meanwhile, or after it.
    std::thread hooks(release, on_leaf, on_middle, round % 20), tensors(release, leaf, middle, 0);
    ++ready;
    while (ready.load() < 3) std::this_thread::yield();
    CHECK(tg_release(loss) == TG_OK);
    hooks.join();
    tensors.join();
    CHECK(ends == 2);
    CHECK(refused == 0);
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("a wake function is not called after its destructor ran", "[threads]") {
  std::atomic<bool> done{false};
  std::thread releaser([&] {
    while (!done.load()) {
      tg_object object = 0;
      ++payloads;
      if (tg_object_create("t", nullptr, end_payload, &object) != TG_OK) std::abort();
      tg_release(object);
    }
  });
  std::vector<Wake> wakes(300);
  for (Wake& wake : wakes) {
    CHECK(tg_drain_set(Wake::call, &wake, Wake::end) == TG_OK);
    CHECK(tg_drain() == TG_OK);
    std::this_thread::yield();
  }
  CHECK(tg_drain_set(nullptr, nullptr, nullptr) == TG_OK);
  done = true;
  releaser.join();
  CHECK(tg_drain() == TG_OK);
  CHECK(payloads == 0);
  for (const Wake& wake : wakes) CHECK(wake.alive == 0);
}

TEST_CASE("a thread's first call may give its own operand back", "[threads]") {
  const tg_tensor x = scalar(3);
  std::string failed;
  const auto first_call = [&](const char* name, auto call) {
    std::thread([&] {
      tg_tensor y = 0;
      if (call(&y) != TG_OK || tg_release(y) != TG_OK) failed += name;
    }).join();
  };
  first_call("contiguous ", [&](tg_tensor* y) { return tg_contiguous(x, y); });
  first_call("to_dtype ", [&](tg_tensor* y) { return tg_to_dtype(x, TG_FLOAT32, y); });
  const int64_t sizes[] = {2, 2};
  tg_tensor matrix = 0;
  REQUIRE(tg_zeros(TG_FLOAT32, sizes, 2, &matrix) == TG_OK);
  first_call("flatten ", [&](tg_tensor* y) { return tg_flatten(matrix, 0, 0, y); });
  first_call("view ", [&](tg_tensor* y) { return tg_view(matrix, sizes, 2, y); });
  first_call("alias ", [&](tg_tensor* y) { return tg_alias(matrix, y); });
  CHECK(failed.empty());
  REQUIRE(tg_release(x) == TG_OK);
  REQUIRE(tg_release(matrix) == TG_OK);
}
