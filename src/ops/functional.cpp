// SPDX-License-Identifier: MIT
#include "ops/functional.h"

#include "autograd/modes.h"
#include "autograd/record.h"
#include "core/extras.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace tg {

namespace {

[[noreturn, gnu::cold]] void fail_inference(const char* what, size_t index, const Tensor& x) {
  fail_operand(TG_ERROR_MODE, static_cast<int>(index), what, '[', index, "], ", Named{x},
               ", is an inference tensor and cannot enter a backward pass; leave inference mode "
               "and compute it under grad mode");
}

void check_no_inference(const char* what, Operands list) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (*list[i] && list[i]->is_inference()) fail_inference(what, i, *list[i]);
  }
}

[[noreturn, gnu::cold]] void fail_shape(const char* what, const char* of, size_t index,
                                        const Tensor& given, const Tensor& wanted) {
  fail_operand(TG_ERROR_SHAPE, static_cast<int>(index), what, '[', index, "] has shape ",
               given.shape(), ", ", of, '[', index, "] has ", wanted.shape(),
               "; they must be equal, nothing is broadcast");
}

// One for each input, and of its shape; null ones are zeros.
void check_directions(const char* what, Operands directions, Operands inputs) {
  for (size_t i = 0; i < directions.size(); ++i) {
    if (*directions[i] && !same_shape(*directions[i], *inputs[i])) {
      fail_shape(what, "inputs", i, *directions[i], *inputs[i]);
    }
  }
}

void check_cotangents(Operands cotangents, std::span<const Tensor> outs) {
  for (size_t i = 0; i < outs.size(); ++i) {
    if (!cotangents.empty() && *cotangents[i]) {
      if (!same_shape(*cotangents[i], outs[i])) {
        fail_shape("cotangents", "outs", i, *cotangents[i], outs[i]);
      }
    } else if (outs[i].numel() != 1) {
      fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(i), "outs[", i, "], ", Named{outs[i]},
                   ", has ", outs[i].numel(),
                   " elements and no cotangent was given; tg_sum it in fn, or give a cotangent");
    }
  }
}

bool has_past(const Tensor& x) { return history_word(*x.head()) != 0; }

Vector<const Tensor*> pointers_to(std::span<const Tensor> list) {
  Vector<const Tensor*> pointers;
  pointers.reserve(list.size());
  for (const Tensor& x : list) pointers.push_back(&x);
  return pointers;
}

void give_or_zero(std::span<const Tensor> found, std::span<const Tensor> like,
                  std::span<Tensor> to) {
  for (size_t i = 0; i < to.size(); ++i) {
    to[i] = found[i] ? detach(found[i]) : zeros_like(like[i]);
  }
}

void give_detached(std::span<const Tensor> from, std::span<Tensor> to) {
  for (size_t i = 0; i < to.size(); ++i) to[i] = detach(from[i]);
}

}  // namespace

void check_inputs(const char* name, Operands inputs, const char* what, Operands others) {
  if (inference_mode()) {
    fail(TG_ERROR_MODE, name,
         " cannot run in inference mode, where autograd is off; leave inference mode, or call "
         "tg_inference_mode_enter(0) around it");
  }
  check_no_inference("inputs", inputs);
  check_no_inference(what, others);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (is_floating(inputs[i]->dtype())) continue;
    fail_operand(TG_ERROR_DTYPE, static_cast<int>(i), "inputs[", i, "], ", Named{*inputs[i]},
                 ", cannot require grad: only floating dtypes can; convert it by tg_to_dtype, or "
                 "let fn take it from elsewhere");
  }
}

Vector<Tensor> leaves_of(Operands inputs) {
  Vector<Tensor> leaves;
  leaves.reserve(inputs.size());
  for (const Tensor* input : inputs) {
    Tensor leaf = detach(*input);
    set_requires_grad(leaf, true);
    // Messages about what fn does with it call it by the name that the caller knows.
    if (const String name = name_of_tensor(*input->head()); !name.empty()) {
      set_name(leaf, name.c_str());
    }
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

Vector<Tensor> run_function(TensorFunction& fn, std::span<const Tensor> leaves, size_t out_count) {
  Vector<Tensor> outs(out_count);
  fn(leaves, outs);
  check_no_inference("outs", pointers_to(outs));
  return outs;
}

Vector<Tensor> gradients_of(std::span<const Tensor> outs, Operands weights,
                            std::span<const Tensor> inputs, bool create_graph, bool retain_graph,
                            bool forward_mode) {
  const Tensor none;
  Vector<const Tensor*> roots, seeds;
  for (size_t i = 0; i < outs.size(); ++i) {
    if (!outs[i] || !has_past(outs[i])) continue;
    roots.push_back(&outs[i]);
    seeds.push_back(weights.empty() ? &none : weights[i]);
  }
  Vector<Tensor> found(inputs.size());
  if (roots.empty() || inputs.empty()) return found;
  GradFlags flags;
  flags.retain_graph = retain_graph;
  flags.create_graph = create_graph;
  flags.allow_unused = true;
  flags.forward_mode = forward_mode;
  grad(roots, seeds, pointers_to(inputs), flags, found);
  return found;
}

void vjp(TensorFunction& fn, Operands inputs, Operands cotangents, std::span<Tensor> outs,
         std::span<Tensor> grads) {
  check_inputs("vjp", inputs, "cotangents", cotangents);
  const EngineModes modes(true);
  const Vector<Tensor> leaves = leaves_of(inputs);
  const Vector<Tensor> results = run_function(fn, leaves, outs.size());
  check_cotangents(cotangents, results);
  give_or_zero(gradients_of(results, cotangents, leaves, false, false), leaves, grads);
  give_detached(results, outs);
}

// The vjp is linear in its cotangent v, and its matrix is the transposed of what is wanted; so the
// vjp of that map, taken at any v, is the jvp (J. Townsend, "A new trick for calculating Jacobian
// vector products", 2017).
void jvp(TensorFunction& fn, Operands inputs, Operands tangents, std::span<Tensor> outs,
         std::span<Tensor> out_tangents) {
  check_inputs("jvp", inputs, "tangents", tangents);
  check_directions("tangents", tangents, inputs);
  const EngineModes modes(true);
  const Vector<Tensor> leaves = leaves_of(inputs);
  const Vector<Tensor> results = run_function(fn, leaves, outs.size());
  Vector<Tensor> cotangents(results.size()), asked;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!has_past(results[i])) continue;
    cotangents[i] = zeros_like(results[i]);
    set_requires_grad(cotangents[i], true);
    asked.push_back(cotangents[i]);
  }
  Vector<Tensor> grads = gradients_of(results, pointers_to(cotangents), leaves, true, true, true);
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!*tangents[i]) grads[i].reset();
  }
  Vector<Tensor> along = gradients_of(grads, tangents, asked, false, false);
  Vector<Tensor> found(results.size());
  for (size_t i = 0, next = 0; i < results.size(); ++i) {
    if (cotangents[i]) found[i] = std::move(along[next++]);
  }
  give_or_zero(found, results, out_tangents);
  give_detached(results, outs);
}

// The gradient of <gradient of f, v> is the transposed Hessian times v; the Hessian is symmetric.
void hvp(TensorFunction& fn, Operands inputs, Operands vectors, std::span<Tensor> products) {
  check_inputs("hvp", inputs, "vectors", vectors);
  check_directions("vectors", vectors, inputs);
  const EngineModes modes(true);
  const Vector<Tensor> leaves = leaves_of(inputs);
  const Vector<Tensor> results = run_function(fn, leaves, 1);
  if (results[0].numel() != 1) {
    fail_operand(TG_ERROR_AUTOGRAD, 0, "outs[0], ", Named{results[0]}, ", has ", results[0].numel(),
                 " elements; a Hessian is that of one number: tg_sum it in fn");
  }
  Vector<Tensor> grads = gradients_of(results, {}, leaves, true, true);
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!*vectors[i]) grads[i].reset();
  }
  give_or_zero(gradients_of(grads, vectors, leaves, false, false), leaves, products);
}

}  // namespace tg
