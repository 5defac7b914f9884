// SPDX-License-Identifier: MIT
#include "ops/gradients.h"

#include "autograd/modes.h"
#include "autograd/record.h"
#include "autograd/retained.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

Tensor add_gradients(const Tensor& a, const Tensor& b) { return add(a, b); }

void add_gradient_in_place(const Tensor& into, const Tensor& grad) noexcept {
  // Shapes and dtypes are equal here, so no operand is converted and nothing can fail.
  const kernels::Loop loop = kernels::table().at(kernels::Lane::add, into.dtype());
  // A .grad may be a part of something larger, such as one buffer for the gradients of all leaves.
  if (into.is_whole() && into.row_major() && grad.row_major()) {
    return run_loop(loop, nullptr, into, into, grad);
  }
  void* const data[] = {into.data(), into.data(), grad.data()};
  const int64_t* const strides[] = {into.strides(), into.strides(), grad.strides()};
  const int64_t size = size_of(into.dtype());
  const int64_t item[] = {size, size, size};
  kernels::walk(loop, nullptr, 3, data, strides, item, into.sizes(), into.rank());
}

Tensor clone_like(const Tensor& x, const Tensor& like) {
  if (like.row_major() || !is_dense(like)) return clone(x);
  // Dense but not row-major: the same order of dimensions, the leaf's own strides.
  Tensor whole = make_tensor(x.dtype(), x.sizes(), x.rank());
  Layout layout = layout_of(whole);
  for (int d = 0; d < x.rank(); ++d) layout.strides[d] = like.stride(d);
  Tensor out = make_head(whole.storage(), x.dtype(), layout, kNoView);
  copy_(out, x);  // recorded where create_graph asks for it
  return out;
}

constexpr Algebra algebra{add_gradients, add_gradient_in_place, clone_like,
                          fit,           operator_of,           nonfinite};

[[noreturn, gnu::cold]] void fail_inference(const char* what, size_t index, const Tensor& x) {
  fail_operand(TG_ERROR_MODE, static_cast<int>(index), what, '[', index, "], ", Named{x},
               ", is an inference tensor and cannot enter a backward pass; leave inference mode "
               "and compute it under grad mode");
}

void check_mode() {
  if (!inference_mode()) return;
  fail(TG_ERROR_MODE,
       "backward cannot run in inference mode, where autograd is off; leave "
       "inference mode, or call tg_inference_mode_enter(0) around it");
}

[[noreturn, gnu::cold]] void fail_no_grad(size_t index, const Tensor& root) {
  if (requires_grad(root)) {
    fail_operand(
        TG_ERROR_AUTOGRAD, static_cast<int>(index), "outputs[", index, "], ", Named{root},
        ", is a view that was made where nothing records: it shows requires_grad 1 because "
        "its base does, but no gradient flows from it; make the view in grad mode");
  }
  fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(index), "outputs[", index, "], ", Named{root},
               ", does not require grad: it was made in no_grad mode, or no operand of it required "
               "grad; compute it in grad mode from tensors that require grad");
}

void check_scalar(size_t index, const Tensor& root) {
  if (root.numel() == 1) return;
  fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(index), "outputs[", index, "], ", Named{root},
               ", has ", root.numel(),
               " elements and no gradient was given; tg_sum it, or give a gradient by "
               "tg_backward_from");
}

using Tensors = std::span<const Tensor* const>;
bool is_given(Tensors grads, size_t index) { return !grads.empty() && *grads[index]; }

// The roots without their gradients. Throws what is wrong with a mode or a history.
Vector<Root> roots_of(Tensors roots, Tensors grads) {
  if (roots.empty()) fail(TG_ERROR_INVALID_ARGUMENT, "count is 0; give at least one output");
  for (size_t i = 0; i < roots.size(); ++i) {
    if (roots[i]->is_inference()) fail_inference("outputs", i, *roots[i]);
    if (is_given(grads, i) && grads[i]->is_inference())
      fail_inference("grad_outputs", i, *grads[i]);
  }
  check_mode();
  renew_retained();
  Vector<Root> list;
  list.reserve(roots.size());
  for (size_t i = 0; i < roots.size(); ++i) {
    const Tensor& root = *roots[i];
    if (root.is_view()) use_history("backward", root);
    const Edge edge(history_word(*root.head()));
    if (!edge) fail_no_grad(i, root);
    if (!is_given(grads, i)) check_scalar(i, root);
    list.push_back({edge, {}, is_given(grads, i)});
  }
  return list;
}

// The gradients that they start with; shapes are the last that can be wrong (T9).
void add_seeds(Vector<Root>& list, Tensors roots, Tensors grads, bool create_graph) {
  // Under create_graph the seed may be recorded, whatever the caller's mode (B9b).
  const EngineModes modes(create_graph);
  for (size_t i = 0; i < roots.size(); ++i) {
    const Tensor& root = *roots[i];
    if (!list[i].is_given) {
      list[i].grad = ones_like(root);
      continue;
    }
    const Tensor& given = *grads[i];
    if (!same_shape(given, root)) {
      fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "grad_outputs[", i, "] has shape ",
                   given.shape(), ", outputs[", i, "] has ", root.shape(),
                   "; they must be equal, gradients are not broadcast");
    }
    // A given gradient enters the graph only with create_graph (B5b).
    list[i].grad = to_dtype(create_graph ? given : detach(given), root.dtype());
  }
}

// The engine relies on roots that live for the whole pass: a callback might detach one.
class RootCounts {
 public:
  explicit RootCounts(const Vector<Root>& roots) : roots_(roots) {
    for (const Root& root : roots_) root.edge.node()->refs.fetch_add(1, std::memory_order_relaxed);
  }
  ~RootCounts() {
    for (const Root& root : roots_) let_go(root.edge.node());
  }
  RootCounts(const RootCounts&) = delete;
  RootCounts& operator=(const RootCounts&) = delete;

 private:
  const Vector<Root>& roots_;
};

}  // namespace

void backward(Tensors roots, Tensors grads, GradFlags flags) {
  Vector<Root> list = roots_of(roots, grads);
  const RootCounts counts(list);
  add_seeds(list, roots, grads, flags.create_graph);
  run_backward(algebra, list, {}, {flags.retain_graph || flags.create_graph, flags.create_graph});
}

void grad(Tensors roots, Tensors grads, Tensors inputs, GradFlags flags, std::span<Tensor> outs) {
  if (inputs.empty()) fail(TG_ERROR_INVALID_ARGUMENT, "input_count is 0; give at least one input");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]->is_inference()) fail_inference("inputs", i, *inputs[i]);
  }
  Vector<Root> list = roots_of(roots, grads);
  const RootCounts counts(list);
  // The same input twice is asked once: the engine finds the first place.
  Vector<Asked> asked;
  Vector<size_t> place(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& input = *inputs[i];
    if (!requires_grad(input)) {
      fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(i), "inputs[", i, "], ", Named{input},
                   ", does not require grad; call tg_tensor_set_requires_grad before it is used");
    }
    if (input.is_view()) use_history("grad", input);
    const Edge edge(history_word(*input.head()));
    place[i] = asked.size();
    for (size_t j = 0; edge && j < asked.size(); ++j) {
      if (asked[j].edge.word == edge.word) place[i] = j;
    }
    if (place[i] == asked.size()) asked.push_back({edge, &input, i});
  }
  add_seeds(list, roots, grads, flags.create_graph);
  run_backward(algebra, list, asked,
               {flags.retain_graph || flags.create_graph, flags.create_graph, flags.forward_mode,
                !flags.allow_unused});
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!asked[place[i]].grad && !flags.allow_unused) {
      for (Tensor& out : outs) out.reset();
      fail_unused(asked[place[i]]);
    }
    outs[i] = asked[place[i]].grad;
  }
}

void check_zero_grad(const Tensor& parameter) {
  const Tensor grad = grad_of(parameter);
  if (!grad || !grad_was_set_by_user(parameter)) return;
  check_writable("zero_grad", grad);
  if (grad.storage().is_read_only()) {
    fail(TG_ERROR_UNSUPPORTED, "a .grad, ", Named{grad},
         ", is read-only memory and cannot be set to 0; set another, or take it away by "
         "tg_tensor_set_grad(x, 0)");
  }
}

void zero_grad(const Tensor& parameter) {
  const Tensor grad = grad_of(parameter);
  if (!grad) return;
  if (grad_was_set_by_user(parameter)) {
    fill_(grad, 0);
  } else {
    set_grad(parameter, {}, false);
  }
}

}  // namespace tg
