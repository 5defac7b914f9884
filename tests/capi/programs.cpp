// SPDX-License-Identifier: MIT
// Random programs against PyTorch: values, gradients and flags of each tensor, and a failure
// exactly where PyTorch has one. The programs and PyTorch's answers stand in
// tests/programs/programs.txt, which tests/programs/make.py wrote; TG_PROGRAMS names another file.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "capi/tensors.h"

using namespace capi;

namespace {

class Player {
 public:
  explicit Player(int32_t dtype) : dtype_(dtype) {}
  ~Player() {
    while (!packings_.empty()) unpack();
    leave();
    for (const Tensor& x : tensors_) tg_tensor_set_grad(x, 0);  // else its graph keeps itself alive
  }
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // What is wrong with the line; empty: nothing.
  std::string play(const std::string& line) {
    std::istringstream in(line);
    std::string op;
    in >> op;
    if (op == "tensor") return compare_tensor(in);
    if (op == "grad" && line.find('=') == std::string::npos) return compare_grad(in);
    if (op == "without_grad") return compare_without_grad(in);
    if (op == "seen") return compare_seen(in);
    return step(op, line.substr(op.size()));
  }

 private:
  using Numbers = std::vector<double>;

  std::string step(const std::string& op, const std::string& rest) {
    const size_t equals = rest.find('=');
    std::istringstream in(rest.substr(0, equals)), answer(rest.substr(equals + 1));
    std::string first;
    Numbers numbers;
    in >> first;
    std::string mode = first;
    std::string shape;
    if (op == "leaf" || op == "index") {
      shape = first;
    } else if (op != "enter" && op != "exit") {
      numbers.push_back(std::stod(first));
    }
    for (double number; in >> number;) numbers.push_back(number);
    std::vector<Tensor> made;
    tg_status status = TG_OK;
    if (op == "leaf") {
      status = leaf(shape, numbers, made);
    } else if (op == "index") {
      status = index(shape, numbers, made);
    } else if (op == "enter") {
      status = enter(mode);
    } else if (op == "exit") {
      status = leave();
    } else {
      const auto found = steps().find(op);
      if (found == steps().end()) return "no such step";
      status = found->second(*this, numbers, made);
    }
    std::string expected;
    answer >> expected;
    if (expected == "fails") return compare_failure(status, answer);
    if (status != TG_OK) return std::string("fails: ") + tg_last_error_message();
    for (Tensor& x : made) {
      std::string flags;
      if (!(answer >> flags)) return "gives more tensors than in PyTorch";
      tensors_.push_back(std::move(x));
      if (const std::string wrong = compare_flags(tensors_.back(), flags); !wrong.empty()) {
        return wrong;
      }
    }
    std::string more;
    if (answer >> more) return "gives fewer tensors than in PyTorch";
    return "";
  }

  static std::string compare_failure(tg_status status, std::istringstream& answer) {
    if (status == TG_OK) return "succeeds, and fails in PyTorch";
    std::string why;
    answer >> why;
    const bool other = (why == "version" && status != TG_ERROR_VERSION) ||
                       (why == "freed" && status != TG_ERROR_AUTOGRAD);
    return other ? std::string("fails for another reason: ") + tg_last_error_message() : "";
  }
  static std::string compare_flags(tg_tensor x, const std::string& flags) {
    std::string ours = std::to_string(requires_grad(x)) + std::to_string(is_leaf(x)) +
                       std::to_string(is_inference(x));
    if (flags[1] == 'x') ours[1] = 'x';
    return ours == flags ? "" : "requires_grad, is_leaf, is_inference are " + ours;
  }

  std::string compare_tensor(std::istringstream& in) const {
    size_t i = 0;
    std::string flags;
    in >> i >> flags;
    if (const std::string wrong = compare_flags(tensors_[i], flags); !wrong.empty()) return wrong;
    return compare_values(in, tensors_[i]);
  }
  std::string compare_grad(std::istringstream& in) {
    size_t i = 0;
    in >> i;
    Tensor grad;
    ok(tg_tensor_grad(tensors_[i], grad.out()));
    if (grad == 0) return "there is no .grad";
    int32_t wants = 0;
    in >> wants;
    if (requires_grad(grad) != wants) return "requires_grad of .grad is not the same";
    return compare_values(in, grad);
  }
  std::string compare_without_grad(std::istringstream& in) const {
    for (size_t i = 0; in >> i;) {
      Tensor grad;
      ok(tg_tensor_grad(tensors_[i], grad.out()));
      if (grad != 0) return "there is a .grad of " + std::to_string(i);
    }
    return "";
  }
  std::string compare_seen(std::istringstream& in) {
    size_t h = 0;
    int runs = 0;
    in >> h >> runs;
    const Hook& hook = *hooks_[h];
    if (hook.runs != runs) return "the hook ran " + std::to_string(hook.runs) + " times";
    return runs == 0 ? "" : compare_values(in, hook.last);
  }
  std::string compare_values(std::istringstream& in, tg_tensor x) const {
    Numbers expected;
    for (double number; in >> number;) expected.push_back(number);
    const Values found = values(x);
    if (found.size() != expected.size()) return "there are " + std::to_string(found.size());
    const double relative = dtype_ == TG_FLOAT32 ? 1e-5 : 1e-12;
    double scale = 1;
    for (const double number : expected) scale = std::max(scale, std::fabs(number));
    for (size_t i = 0; i < found.size(); ++i) {
      if (!(std::fabs(found[i] - expected[i]) <= relative * scale)) {
        return "element " + std::to_string(i) + " is " + std::to_string(found[i]);
      }
    }
    return "";
  }

  static Sizes sizes_of(const std::string& shape) {
    Sizes sizes;
    if (shape == "scalar") return sizes;
    std::istringstream in(shape);
    for (std::string size; std::getline(in, size, 'x');) sizes.push_back(std::stoll(size));
    return sizes;
  }
  static tg_status create(const void* data, int32_t dtype, const std::string& shape, int32_t wants,
                          std::vector<Tensor>& made) {
    const Sizes sizes = sizes_of(shape);
    Tensor x;
    const tg_status status = tg_tensor_create(data, dtype, sizes.data(),
                                              static_cast<int32_t>(sizes.size()), wants, x.out());
    if (status == TG_OK) made.push_back(std::move(x));
    return status;
  }
  tg_status leaf(const std::string& shape, const Numbers& numbers, std::vector<Tensor>& made) {
    const Numbers elements(numbers.begin() + 1, numbers.end());
    const std::vector<float> floats(elements.begin(), elements.end());
    const void* data = dtype_ == TG_FLOAT32 ? static_cast<const void*>(floats.data())
                                            : static_cast<const void*>(elements.data());
    return create(data, dtype_, shape, static_cast<int32_t>(numbers[0]), made);
  }
  static tg_status index(const std::string& shape, const Numbers& numbers,
                         std::vector<Tensor>& made) {
    const std::vector<int64_t> places(numbers.begin(), numbers.end());
    return create(places.data(), TG_INT64, shape, 0, made);
  }
  tg_status enter(const std::string& mode) {
    mode_ = mode;
    return mode == "no_grad" ? tg_no_grad_enter() : tg_inference_mode_enter(1);
  }
  tg_status leave() {
    const std::string mode = std::exchange(mode_, "");
    if (mode.empty()) return TG_OK;
    return mode == "no_grad" ? tg_no_grad_exit() : tg_inference_mode_exit();
  }

  tg_tensor at(double number) const {  // below 0: none
    return number < 0 ? 0 : tg_tensor{tensors_.at(static_cast<size_t>(number))};
  }

  using Run = std::function<tg_status(Player&, const Numbers&, std::vector<Tensor>&)>;
  template <class Function>
  static Run gives(Function function) {
    return [function](Player& p, const Numbers& n, std::vector<Tensor>& made) {
      Tensor x;
      const tg_status status = function(p, n, x.out());
      if (status == TG_OK && x != 0) made.push_back(std::move(x));
      return status;
    };
  }
  template <class Function>
  static Run acts(Function function) {
    return [function](Player& p, const Numbers& n, std::vector<Tensor>&) { return function(p, n); };
  }
  // A function of the library as a step: its parameters are the step's numbers, in their order.
  template <class... P>
  static Run call(tg_status (*f)(P...)) {
    return call(f, std::make_index_sequence<sizeof...(P)>());
  }
  template <class... P, size_t... I>
  static Run call(tg_status (*f)(P...), std::index_sequence<I...>) {
    return [f](Player& p, const Numbers& n, std::vector<Tensor>& made) {
      Tensor x;
      const tg_status status = f(p.argument<P>(n, I, x)...);
      if (x != 0) made.push_back(std::move(x));
      return status;
    };
  }
  template <class P>
  P argument(const Numbers& n, size_t i, Tensor& result) const {
    if constexpr (std::is_same_v<P, tg_tensor*>) {
      return result.out();
    } else if constexpr (std::is_same_v<P, tg_tensor>) {
      return at(n.at(i));
    } else {
      return static_cast<P>(n.at(i));
    }
  }
  static tg_status doubled(tg_tensor x, tg_tensor* out) { return tg_mul_scalar(x, 2, out); }
  // A saved index or condition stays as it is.
  static tg_status doubled_if_floating(tg_tensor x, tg_tensor* out) {
    int32_t dtype = 0;
    const tg_status status = tg_tensor_dtype(x, &dtype);
    if (status != TG_OK) return status;
    return dtype == TG_INT64 || dtype == TG_BOOL ? tg_alias(x, out) : doubled(x, out);
  }
  static int64_t integer(double number) { return static_cast<int64_t>(number); }

  static tg_status split(Player& p, const Numbers& n, std::vector<Tensor>& made) {
    tg_tensor parts[64];
    size_t count = 0;
    const tg_status status = tg_split(p.at(n[0]), integer(n[1]), integer(n[2]), parts, 64, &count);
    for (size_t i = 0; status == TG_OK && i < count; ++i) made.emplace_back(parts[i]);
    return status;
  }
  static tg_status expand(Player& p, const Numbers& n, tg_tensor* out) {
    int64_t sizes[16] = {2};
    int32_t rank = 0;
    ok(tg_tensor_shape(p.at(n[0]), sizes + 1, 15, &rank));
    return tg_expand(p.at(n[0]), sizes, rank + 1, out);
  }
  // Lists stand behind the other numbers, a target behind all.
  static Sizes list(const Numbers& n, size_t first, size_t behind = 0) {
    return {n.begin() + static_cast<std::ptrdiff_t>(first),
            n.end() - static_cast<std::ptrdiff_t>(behind)};
  }
  // Out: tg_tensor*, or tg_tensor where the result goes into a target.
  template <class Out>
  static Run reduced(tg_status (*f)(tg_tensor, const int64_t*, size_t, int32_t, Out)) {
    return [f](Player& p, const Numbers& n, std::vector<Tensor>& made) {
      const Sizes dims = list(n, 2, std::is_same_v<Out, tg_tensor> ? 1 : 0);
      Tensor x;
      const tg_status status = f(p.at(n[0]), dims.data(), dims.size(), static_cast<int32_t>(n[1]),
                                 p.argument<Out>(n, n.size() - 1, x));
      if (x != 0) made.push_back(std::move(x));
      return status;
    };
  }
  template <class Out>
  static Run joined(tg_status (*f)(const tg_tensor*, size_t, int64_t, Out)) {
    return [f](Player& p, const Numbers& n, std::vector<Tensor>& made) {
      const tg_tensor tensors[] = {p.at(n[0]), p.at(n[1])};
      Tensor x;
      const tg_status status = f(tensors, 2, integer(n[2]), p.argument<Out>(n, 3, x));
      if (x != 0) made.push_back(std::move(x));
      return status;
    };
  }
  static uint32_t flags(double retain, double create) {
    return (retain != 0 ? uint32_t{TG_RETAIN_GRAPH} : 0) |
           (create != 0 ? uint32_t{TG_CREATE_GRAPH} : 0);
  }
  // The given gradient of an output: tensor k, or ones where k is below 0.
  Tensor seed(tg_tensor output, double k) const {
    return k < 0 ? make(tg_ones_like, output) : make(tg_alias, at(k));
  }
  static tg_status backward(Player& p, const Numbers& n) {
    const tg_tensor outputs[] = {p.at(n[0])};
    const Tensor seed = p.seed(outputs[0], n[1]);
    const tg_tensor seeds[] = {seed};
    return tg_backward_from(outputs, seeds, 1, flags(n[2], n[3]));
  }
  static tg_status grad(Player& p, const Numbers& n, tg_tensor* out) {
    *out = 0;
    const tg_tensor outputs[] = {p.at(n[0])}, inputs[] = {p.at(n[1])};
    const Tensor seed = p.seed(outputs[0], n[2]);
    const tg_tensor seeds[] = {seed};
    Tensor found;
    const tg_status status =
        tg_grad(outputs, seeds, 1, inputs, 1, flags(n[3], n[4]) | TG_ALLOW_UNUSED, found.out());
    return status != TG_OK || found == 0 ? status : tg_clone(found, out);
  }
  static tg_status copy_grad(Player& p, const Numbers& n, tg_tensor* out) {
    Tensor grad;
    const tg_status status = tg_tensor_grad(p.at(n[0]), grad.out());
    return status != TG_OK ? status : tg_clone(grad, out);
  }

  // A hook that replaces the gradient by `gives`; without it, it reads.
  using Gives = tg_status (*)(tg_tensor grad, tg_tensor by, tg_tensor* out);
  struct Hook {
    Gives gives;
    Tensor by;
    int runs = 0;
    Tensor last;
    Handle handle;
    ~Hook() { handle.release(); }
  };
  static int32_t run_hook(void* self, tg_tensor, tg_tensor grad, tg_tensor* out) {
    auto* hook = static_cast<Hook*>(self);
    ++hook->runs;
    Tensor plain;
    ok(tg_detach(grad, plain.out()));
    ok(tg_clone(plain, hook->last.out()));
    return hook->gives == nullptr ? 0 : hook->gives(grad, hook->by, out);
  }
  static Run hook(Gives gives) {
    return acts([gives](Player& p, const Numbers& n) {
      auto hook = std::make_unique<Hook>();
      hook->gives = gives;
      if (n[1] >= 0) hook->by = make(tg_alias, p.at(n[1]));
      const tg_status status =
          tg_tensor_hook(p.at(n[0]), run_hook, hook.get(), nullptr, hook->handle.out());
      if (status == TG_OK) p.hooks_.push_back(std::move(hook));
      return status;
    });
  }
  static tg_status unhook(Player& p, const Numbers& n) {
    p.hooks_.at(static_cast<size_t>(n[0]))->handle.release();
    return TG_OK;
  }

  // Saved tensors are kept as what `packs` makes of them; without it, as they are.
  using Packs = tg_status (*)(tg_tensor x, tg_tensor* out);
  template <Packs packs>
  static int32_t run_pack(void*, tg_tensor x, void** packed) {
    Tensor kept;
    const tg_status status = packs(x, kept.out());
    if (status == TG_OK) *packed = new Tensor(std::move(kept));
    return status;
  }
  template <Packs packs>
  static Run pack() {
    return acts([](Player& p, const Numbers&) {
      p.packings_.push_back(0);
      return tg_saved_tensor_hooks_enter(
          run_pack<packs>,
          [](void*, void* packed, tg_tensor* out) -> int32_t {
            return tg_alias(*static_cast<Tensor*>(packed), out);
          },
          [](void*, void* packed) { delete static_cast<Tensor*>(packed); }, nullptr, nullptr,
          &p.packings_.back());
    });
  }
  tg_status unpack() {
    const tg_hook last = packings_.back();
    packings_.pop_back();
    return tg_saved_tensor_hooks_exit(last);
  }

  // The functions of make.py that are run again.
  static tg_status checkpointed(int kind, const tg_tensor* in, tg_tensor* out) {
    Tensor x, y;
    tg_status status = TG_OK;
    const auto next = [&](tg_status made) {
      if (status == TG_OK) status = made;
      return status == TG_OK;
    };
    if (kind == 0) {
      next(tg_sin(in[0], x.out())) && next(tg_mul(x, in[1], out));
    } else if (kind == 1) {
      next(tg_mul(in[0], in[1], x.out())) && next(tg_tanh(x, y.out())) &&
          next(tg_mul(y, in[1], out));
    } else if (kind == 2) {
      next(tg_mul(in[0], in[1], x.out())) && next(tg_add_scalar_(x, 0.5)) && next(tg_sigmoid_(x)) &&
          next(tg_mul(x, in[0], out));
    } else {
      next(checkpoint(0, in, x.out())) && next(tg_sin(x, y.out())) && next(tg_mul(y, in[0], out));
    }
    return status;
  }
  static tg_status checkpoint(int kind, const tg_tensor* in, tg_tensor* out) {
    static const int kinds[] = {0, 1, 2, 3};
    return tg_checkpoint(
        [](void* which, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) -> int32_t {
          return checkpointed(*static_cast<const int*>(which), inputs, outs);
        },
        const_cast<int*>(&kinds[kind]), nullptr, in, 2, out, 1);
  }
  static const std::map<std::string, Run>& steps();

  int32_t dtype_;
  std::vector<Tensor> tensors_;
  std::vector<std::unique_ptr<Hook>> hooks_;
  std::vector<tg_hook> packings_;
  std::string mode_;
};

const std::map<std::string, Player::Run>& Player::steps() {
  using N = const Numbers&;
  using P = Player&;
  static const std::map<std::string, Run> table = {
      {"sin", call(tg_sin)},
      {"cos", call(tg_cos)},
      {"tanh", call(tg_tanh)},
      {"sigmoid", call(tg_sigmoid)},
      {"relu", call(tg_relu)},
      {"neg", call(tg_neg)},
      {"abs", call(tg_abs)},
      {"exp", call(tg_exp)},
      {"log", call(tg_log)},
      {"sqrt", call(tg_sqrt)},
      {"clone", call(tg_clone)},
      {"contiguous", call(tg_contiguous)},
      {"detach", call(tg_detach)},
      {"sum", call(tg_sum)},
      {"mean", call(tg_mean)},
      {"max", call(tg_max)},
      {"min", call(tg_min)},
      {"softmax", call(tg_softmax)},
      {"log_softmax", call(tg_log_softmax)},
      {"add_scalar", call(tg_add_scalar)},
      {"sub_scalar", call(tg_sub_scalar)},
      {"mul_scalar", call(tg_mul_scalar)},
      {"div_scalar", call(tg_div_scalar)},
      {"pow_scalar", call(tg_pow_scalar)},
      {"clamp", call(tg_clamp)},
      {"add", call(tg_add)},
      {"sub", call(tg_sub)},
      {"mul", call(tg_mul)},
      {"div", call(tg_div)},
      {"maximum", call(tg_maximum)},
      {"minimum", call(tg_minimum)},
      {"where", call(tg_where)},
      {"gt", call(tg_gt)},
      {"gt_scalar", call(tg_gt_scalar)},
      {"mse_loss", call(tg_mse_loss)},
      {"mm", call(tg_mm)},
      {"bmm", call(tg_bmm)},
      {"mv", call(tg_mv)},
      {"dot", call(tg_dot)},
      {"matmul", call(tg_matmul)},
      {"addmm", call(tg_addmm)},
      {"linear", call(tg_linear)},
      {"index_select", call(tg_index_select)},
      {"gather", call(tg_gather)},
      {"sum_dims", reduced(tg_sum_dims)},
      {"mean_dims", reduced(tg_mean_dims)},
      {"cat", joined(tg_cat)},
      {"stack", joined(tg_stack)},
      {"narrow", call(tg_narrow)},
      {"select", call(tg_select)},
      {"slice", call(tg_slice)},
      {"transpose", call(tg_transpose)},
      {"t", call(tg_t)},
      {"unsqueeze", call(tg_unsqueeze)},
      {"squeeze", call(tg_squeeze)},
      {"squeeze_dim", call(tg_squeeze_dim)},
      {"permute", gives([](P p, N n, tg_tensor* out) {
         const Sizes dims = list(n, 1);
         return tg_permute(p.at(n[0]), dims.data(), dims.size(), out);
       })},
      {"flat", gives([](P p, N n, tg_tensor* out) {
         const int64_t all[] = {-1};
         return tg_view(p.at(n[0]), all, 1, out);
       })},
      {"reshape", gives([](P p, N n, tg_tensor* out) {
         const Sizes sizes = list(n, 1);
         return tg_reshape(p.at(n[0]), sizes.data(), static_cast<int32_t>(sizes.size()), out);
       })},
      {"split", split},
      {"expand", gives(expand)},
      {"add_scalar_", call(tg_add_scalar_)},
      {"sub_scalar_", call(tg_sub_scalar_)},
      {"mul_scalar_", call(tg_mul_scalar_)},
      {"div_scalar_", call(tg_div_scalar_)},
      {"pow_scalar_", call(tg_pow_scalar_)},
      {"clamp_", call(tg_clamp_)},
      {"fill_", call(tg_fill_)},
      {"zero_", call(tg_zero_)},
      {"sin_", call(tg_sin_)},
      {"cos_", call(tg_cos_)},
      {"neg_", call(tg_neg_)},
      {"abs_", call(tg_abs_)},
      {"exp_", call(tg_exp_)},
      {"log_", call(tg_log_)},
      {"sqrt_", call(tg_sqrt_)},
      {"tanh_", call(tg_tanh_)},
      {"sigmoid_", call(tg_sigmoid_)},
      {"relu_", call(tg_relu_)},
      {"add_", call(tg_add_)},
      {"sub_", call(tg_sub_)},
      {"mul_", call(tg_mul_)},
      {"div_", call(tg_div_)},
      {"copy_", call(tg_copy_)},
      {"addmm_", call(tg_addmm_)},
      {"detach_", call(tg_detach_)},
      {"add_out", call(tg_add_out)},
      {"sub_out", call(tg_sub_out)},
      {"mul_out", call(tg_mul_out)},
      {"div_out", call(tg_div_out)},
      {"sin_out", call(tg_sin_out)},
      {"neg_out", call(tg_neg_out)},
      {"exp_out", call(tg_exp_out)},
      {"add_scalar_out", call(tg_add_scalar_out)},
      {"mul_scalar_out", call(tg_mul_scalar_out)},
      {"pow_scalar_out", call(tg_pow_scalar_out)},
      {"clamp_out", call(tg_clamp_out)},
      {"maximum_out", call(tg_maximum_out)},
      {"where_out", call(tg_where_out)},
      {"mm_out", call(tg_mm_out)},
      {"bmm_out", call(tg_bmm_out)},
      {"mv_out", call(tg_mv_out)},
      {"addmm_out", call(tg_addmm_out)},
      {"softmax_out", call(tg_softmax_out)},
      {"log_softmax_out", call(tg_log_softmax_out)},
      {"index_select_out", call(tg_index_select_out)},
      {"gather_out", call(tg_gather_out)},
      {"sum_dims_out", reduced(tg_sum_dims_out)},
      {"mean_dims_out", reduced(tg_mean_dims_out)},
      {"cat_out", joined(tg_cat_out)},
      {"stack_out", joined(tg_stack_out)},
      {"grad", gives(grad)},
      {"backward", acts(backward)},
      {"take_grad", call(tg_tensor_grad)},
      {"copy_grad", gives(copy_grad)},
      {"hook_read", hook(nullptr)},
      {"hook_double", hook([](tg_tensor g, tg_tensor, tg_tensor* out) { return doubled(g, out); })},
      {"hook_twice",
       hook([](tg_tensor g, tg_tensor, tg_tensor* out) { return tg_add(g, g, out); })},
      {"hook_square",
       hook([](tg_tensor g, tg_tensor, tg_tensor* out) { return tg_mul(g, g, out); })},
      {"hook_by",
       hook([](tg_tensor g, tg_tensor by, tg_tensor* out) { return tg_mul(g, by, out); })},
      {"unhook", acts(unhook)},
      {"pack_same", pack<tg_alias>()},
      {"pack_clone", pack<tg_clone>()},
      {"pack_double", pack<doubled_if_floating>()},
      {"unpack", acts([](P p, N) { return p.unpack(); })},
      {"checkpoint", gives([](P p, N n, tg_tensor* out) {
         const tg_tensor in[] = {p.at(n[0]), p.at(n[1])};
         return checkpoint(static_cast<int>(n[2]), in, out);
       })},
      {"retain_grad", call(tg_tensor_retain_grad)},
      {"requires_grad_1",
       acts([](P p, N n) { return tg_tensor_set_requires_grad(p.at(n[0]), 1); })},
      {"requires_grad_0",
       acts([](P p, N n) { return tg_tensor_set_requires_grad(p.at(n[0]), 0); })},
      {"zero_grad", acts([](P p, N n) { return tg_tensor_set_grad(p.at(n[0]), 0); })},
  };
  return table;
}

}  // namespace

TEST_CASE("random programs: the same values, gradients, flags and failures as in PyTorch") {
  const char* other = std::getenv("TG_PROGRAMS");
  std::ifstream file(other != nullptr ? other
                                      : std::string(TG_TESTS_DIR) + "/programs/programs.txt");
  REQUIRE(file);
  const uint64_t live = tg_live_handles();
  size_t programs = 0, failures = 0;
  std::unique_ptr<Player> player;
  std::string name;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("program ")) {
      player = std::make_unique<Player>(line.ends_with("32") ? TG_FLOAT32 : TG_FLOAT64);
      name = line;
      ++programs;
      continue;
    }
    if (player == nullptr) continue;  // its program failed already
    const std::string wrong = player->play(line);
    if (wrong.empty()) continue;
    player.reset();
    INFO(name << ": " << line << ": " << wrong);
    if (++failures <= 20) CHECK(wrong.empty());
  }
  player.reset();
  CHECK(programs >= 1000);
  CHECK(failures == 0);
  CHECK(tg_live_handles() == live);
}
