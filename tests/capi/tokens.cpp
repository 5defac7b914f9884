// SPDX-License-Identifier: MIT
// Cancel tokens: which one is in use on a thread, and that each long call of the thread ends by it
// with nothing changed. What cancels in the middle of a call is a callback of that very call.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "capi/rows.h"

using namespace capi;

namespace {

bool is_cancelled(tg_token token) { return flag(tg_token_is_cancelled, token) == 1; }

// A token in use on this thread for a block.
class Using {
 public:
  explicit Using(tg_token token) { ok(tg_token_use(token, &before_)); }
  ~Using() { tg_token_use(before_, nullptr); }
  Using(const Using&) = delete;
  Using& operator=(const Using&) = delete;

 private:
  tg_token before_ = 0;
};

Handle new_token(bool cancelled = false) {
  Handle token = make(tg_token_create);
  if (cancelled) ok(tg_token_cancel(token));
  return token;
}

// A module that gives its input and cancels the token behind user_data, where there is one.
int32_t pass_on(void* user_data, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  auto* token = static_cast<tg_token*>(user_data);
  if (token != nullptr && *token != 0) tg_token_cancel(*token);
  return tg_mul_scalar(inputs[0], 2, outs);
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/tapegrad-tokens-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file() const { return path_ + "/file"; }
  size_t count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::string path_;
};

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a token is cancelled once and for all, by whatever handle", "[token]") {
  const Handle token = new_token();
  CHECK_FALSE(is_cancelled(token));
  const Handle second = make(tg_alias, tg_handle{token});
  std::thread([&] { tg_token_cancel(second); }).join();
  CHECK(is_cancelled(token));
  CHECK(is_cancelled(second));
  ok(tg_token_cancel(token));
  CHECK(is_cancelled(token));
}

TEST_CASE("tg_token_use gives the very handle that was in use", "[token]") {
  const Handle a = new_token(), b = new_token();
  tg_token previous = 77;
  ok(tg_token_use(a, &previous));
  CHECK(previous == 0);
  const uint64_t live = tg_live_handles();
  ok(tg_token_use(b, &previous));
  CHECK(previous == a);
  ok(tg_token_use(b, &previous));
  CHECK(previous == b);
  ok(tg_token_use(a, nullptr));
  CHECK(tg_live_handles() == live);
  std::thread([&] {  // another thread has none
    tg_token other = 77;
    if (tg_token_use(0, &other) != TG_OK || other != 0) tg_token_cancel(b);
  })
      .join();
  CHECK_FALSE(is_cancelled(b));
  ok(tg_token_use(0, &previous));
  CHECK(previous == a);
  ok(tg_token_use(0, &previous));
  CHECK(previous == 0);
}

TEST_CASE("the use of a token outlives its handles, and ends with the thread", "[token]") {
  const uint64_t live = tg_live_handles();
  const Tensor x = leaf({1, 2}), loss = make(tg_sum, make(tg_mul, x, x));
  tg_token token = 0, alias = 0, previous = 0;
  ok(tg_token_create(&token));
  ok(tg_alias(token, &alias));
  ok(tg_token_use(token, nullptr));
  ok(tg_release(token));
  ok(tg_token_cancel(alias));
  ok(tg_release(alias));
  fails(tg_backward(loss), TG_ERROR_CANCELLED, {"tg_backward: ", "tg_token_use"});
  ok(tg_token_use(0, &previous));
  CHECK(previous == token);
  fails(tg_token_use(previous, nullptr), TG_ERROR_INVALID_HANDLE, {"stale"});
  ok(tg_backward(loss));
  // A thread that ends with one in use: the next thread, which may get its record, has none.
  for (int i = 0; i < 2; ++i) {
    int32_t had = -1;
    std::thread([&] {
      tg_token fresh = 0, former = 0;
      if (tg_token_create(&fresh) != TG_OK || tg_token_use(fresh, &former) != TG_OK) return;
      had = former != 0;
      tg_release(fresh);
    }).join();
    CHECK(had == 0);
  }
  CHECK(tg_live_handles() == live + 2);
}

TEST_CASE("each long call ends by a token that was cancelled before", "[token][errors]") {
  const Tensor a = tensor({1}, {320, 320}), b = tensor({1}, {320, 320}),
               out = zeros(TG_FLOAT64, {320, 320});
  const Tensor batch = tensor({1}, {2, 2, 2}), tall = tensor({1}, {1024, 2048});
  const Tensor long_vector = tensor({1}, {2048}), x = leaf({1, 2, 3});
  const Tensor batch_out = zeros(TG_FLOAT64, {2, 2, 2}), tall_out = zeros(TG_FLOAT64, {1024});
  const Tensor weight = tensor({1}, {320, 320}), bias = tensor({1}, {320});
  const Tensor loss = make(tg_sum, make(tg_mul, x, x));
  const Handle linear = make(tg_nn_linear, int64_t{3}, int64_t{3}, 1, TG_FLOAT64);
  const tg_module modules[] = {linear};
  const Handle chain = make(tg_nn_sequential, modules, size_t{1});
  const Handle state = make(tg_module_state_dict, tg_module{chain});
  const tg_tensor parameters[] = {x};
  const Handle sgd = make(tg_optim_sgd, parameters, size_t{1}, 0.1);
  const Tensor grad = vec({1, 1, 1});
  ok(tg_tensor_set_grad(x, grad));
  const Handle sgd_state = make(tg_optimizer_state_dict, tg_optimizer{sgd});
  const Folder folder;
  const std::string path = folder.file();
  ok(tg_safetensors_save(path.c_str(), state));
  const std::string file = bytes_of(path);
  const Folder arrays;
  const std::string npy = arrays.file();
  ok(tg_npy_save(npy.c_str(), x));
  const Folder archives;
  const std::string npz = archives.file();
  ok(tg_npz_save(npz.c_str(), state));
  const Handle token = new_token(true);
  const tg_tensor roots[] = {loss};
  {
    const Using in_use(token);
    Rows rows{a, b, out, batch, batch_out, tall_out, x, weight, bias, loss};
    const Phrases told = {"token in use", "cancelled", "tg_token_use(0"};
    rows.fails("tg_mm", TG_ERROR_CANCELLED, told, tg_mm(a, b, rows.out()));
    rows.fails("tg_mm_out", TG_ERROR_CANCELLED, told, tg_mm_out(a, b, out));
    rows.fails("tg_bmm", TG_ERROR_CANCELLED, told, tg_bmm(batch, batch, rows.out()));
    rows.fails("tg_mv", TG_ERROR_CANCELLED, told, tg_mv(tall, long_vector, rows.out()));
    rows.fails("tg_matmul", TG_ERROR_CANCELLED, told, tg_matmul(a, b, rows.out()));
    rows.fails("tg_addmm", TG_ERROR_CANCELLED, told, tg_addmm(a, a, b, 1, 1, rows.out()));
    rows.fails("tg_bmm_out", TG_ERROR_CANCELLED, told, tg_bmm_out(batch, batch, batch_out));
    rows.fails("tg_mv_out", TG_ERROR_CANCELLED, told, tg_mv_out(tall, long_vector, tall_out));
    rows.fails("tg_matmul_out", TG_ERROR_CANCELLED, told, tg_matmul_out(a, b, out));
    rows.fails("tg_addmm_out", TG_ERROR_CANCELLED, told, tg_addmm_out(a, a, b, 1, 1, out));
    rows.fails("tg_linear_out", TG_ERROR_CANCELLED, told, tg_linear_out(a, weight, bias, out));
    rows.fails("tg_addmm_", TG_ERROR_CANCELLED, told, tg_addmm_(out, a, b, 1, 1));
    rows.fails("tg_linear", TG_ERROR_CANCELLED, told, tg_linear(a, weight, bias, rows.out()));
    rows.fails("tg_backward", TG_ERROR_CANCELLED, told, tg_backward(loss));
    rows.fails("tg_backward_from", TG_ERROR_CANCELLED, told,
               tg_backward_from(roots, nullptr, 1, 0));
    rows.fails("tg_grad", TG_ERROR_CANCELLED, told,
               tg_grad(roots, nullptr, 1, parameters, 1, 0, rows.outs(1)));
    rows.fails("tg_module_forward", TG_ERROR_CANCELLED, told,
               tg_module_forward(chain, x, rows.out()));
    rows.fails("tg_module_load_state_dict", TG_ERROR_CANCELLED, told,
               tg_module_load_state_dict(chain, state, 1, nullptr, 0, nullptr));
    rows.fails("tg_optimizer_step", TG_ERROR_CANCELLED, told, tg_optimizer_step(sgd));
    rows.fails("tg_optimizer_load_state_dict", TG_ERROR_CANCELLED, told,
               tg_optimizer_load_state_dict(sgd, sgd_state));
    rows.fails("tg_safetensors_save", TG_ERROR_CANCELLED, told,
               tg_safetensors_save(path.c_str(), sgd_state));
    for (const uint32_t flags : {0u, static_cast<uint32_t>(TG_FILE_MAP)}) {
      rows.fails("tg_safetensors_load", TG_ERROR_CANCELLED, told,
                 tg_safetensors_load(path.c_str(), flags, rows.out()));
    }
    rows.fails("tg_safetensors_load_memory", TG_ERROR_CANCELLED, told,
               tg_safetensors_load_memory(file.data(), file.size(), rows.out()));
    rows.fails("tg_npy_save", TG_ERROR_CANCELLED, told, tg_npy_save(npy.c_str(), a));
    rows.fails("tg_npy_load", TG_ERROR_CANCELLED, told, tg_npy_load(npy.c_str(), rows.out()));
    rows.fails("tg_npz_save", TG_ERROR_CANCELLED, told, tg_npz_save(npz.c_str(), sgd_state));
    rows.fails("tg_npz_load", TG_ERROR_CANCELLED, told, tg_npz_load(npz.c_str(), rows.out()));
    CHECK(arrays.count() == 1);
    CHECK(archives.count() == 1);
    CHECK(folder.count() == 1);
    CHECK(bytes_of(path) == file);
    // Short calls do not ask.
    CHECK(values(make(tg_mm, tensor({2}, {2, 2}), tensor({3}, {2, 2}))) == Values(4, 12));
    CHECK(values(make(tg_add, x, x)) == Values{2, 4, 6});
  }
  // And all of them work once it is off; the graph is whole.
  ok(tg_mm_out(a, b, out));
  CHECK(values(out) == Values(320 * 320, 320));
  ok(tg_tensor_set_grad(x, 0));
  ok(tg_backward(loss));
  CHECK(grad_values(x) == Values{2, 4, 6});
  ok(tg_optimizer_step(sgd));
}

TEST_CASE("a token that is not cancelled changes nothing about a call", "[token]") {
  const Tensor a = tensor({1}, {320, 320}), b = tensor({2}, {320, 320});
  const Tensor out = zeros(TG_FLOAT64, {320, 320});
  const Tensor plain = make(tg_mm, a, b);
  const Handle token = new_token();
  const Using in_use(token);
  CHECK(values(make(tg_mm, a, b)) == values(plain));
  ok(tg_mm_out(a, b, out));
  CHECK(values(out) == values(plain));
  CHECK(version(out) == 1);
  const Tensor x = leaf({1, 2, 3});
  ok(tg_backward(make(tg_sum, make(tg_mul, x, x))));
  CHECK(grad_values(x) == Values{2, 4, 6});
}

TEST_CASE("a chain of modules ends between two of them", "[token]") {
  tg_token cancels = 0;
  const Handle token = new_token();
  cancels = token;
  const Handle first = make(tg_nn_function, pass_on, static_cast<void*>(&cancels), nullptr);
  static int later;
  later = 0;
  const Handle second = make(
      tg_nn_function,
      [](void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) -> int32_t {
        ++later;
        return tg_alias(inputs[0], outs);
      },
      static_cast<void*>(nullptr), nullptr);
  const tg_module modules[] = {first, second};
  const Handle chain = make(tg_nn_sequential, modules, size_t{2});
  const Tensor x = vec({1, 2});
  const Using in_use(token);
  Rows rows{x};
  rows.fails("tg_module_forward", TG_ERROR_CANCELLED, {"cancelled"},
             tg_module_forward(chain, x, rows.out()));
  CHECK(later == 0);
  CHECK(is_cancelled(token));
}

TEST_CASE("a backward that is cancelled between two nodes leaves every .grad as it was",
          "[token]") {
  // The last reference to borrowed memory goes with the first node that runs; its deleter cancels.
  static double lent[3];
  for (double& value : lent) value = 5;
  const Handle token = new_token();
  tg_token cancels = token;
  const Tensor x = leaf({1, 2, 3}), before = vec({7, 7, 7});
  ok(tg_tensor_set_grad(x, before));
  const Tensor middle = make(tg_mul, x, x);
  Tensor loss;
  {
    Tensor borrowed;
    const int64_t shape[] = {3};
    ok(tg_tensor_from_memory(
        lent, TG_FLOAT64, shape, nullptr, 1, 0,
        [](void* user_data, void*) { tg_token_cancel(*static_cast<tg_token*>(user_data)); },
        &cancels, borrowed.out()));
    loss = make(tg_sum, make(tg_mul, middle, borrowed));
  }
  const Using in_use(token);
  fails(tg_backward(loss), TG_ERROR_CANCELLED, {"tg_backward: "});
  CHECK(is_cancelled(token));
  CHECK(grad_values(x) == Values{7, 7, 7});
  // What had run is freed, as after any failure.
  const Using none(0);
  fails(tg_backward(loss), TG_ERROR_AUTOGRAD, {"freed"});
}

TEST_CASE("tokens: wrong handles and places", "[errors]") {
  const Handle token = new_token();
  const Tensor x = vec({1});
  Rows rows{x};
  rows.fails("tg_token_create", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             tg_token_create(nullptr));
  rows.fails("tg_token_cancel", TG_ERROR_INVALID_HANDLE, {"token is 0"}, tg_token_cancel(0));
  rows.fails("tg_token_cancel", TG_ERROR_INVALID_HANDLE, {"wrong kind", "a tensor"},
             tg_token_cancel(x));
  rows.fails("tg_token_is_cancelled", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             tg_token_is_cancelled(token, nullptr));
  rows.fails("tg_token_is_cancelled", TG_ERROR_INVALID_HANDLE, {"wrong kind", "a token is needed"},
             tg_token_is_cancelled(x, rows.untouched<int32_t>()));
  const Using in_use(token);
  rows.fails("tg_token_use", TG_ERROR_INVALID_HANDLE, {"wrong kind", "a token is needed"},
             tg_token_use(x, rows.out()));
  tg_token still = 0;
  ok(tg_token_use(token, &still));
  CHECK(still == token);
}
