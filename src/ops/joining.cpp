// SPDX-License-Identifier: MIT
// Tensors put together, any number of them: a road of their own beside ops/run.h, with the same
// four steps. Nothing is saved; the node keeps what it needs of each operand in a word or two.
#include "kernels/strided.h"
#include "ops/ops.h"

namespace tg {

namespace {

// In the node: this, and a Part for each operand behind it.
struct JoinArgs {
  int32_t dim, count;
};
struct Part {
  int64_t length;  // along dim; -1: an operand of shape [0] that was passed over
  DType dtype;
};
static_assert(sizeof(JoinArgs) % alignof(Part) == 0);

const Part* parts_of(const JoinArgs& args) { return reinterpret_cast<const Part*>(&args + 1); }

// The rules of modes.md 3 for any number of operands. Whether the call records.
bool plan_join(const char* op, Operands tensors) {
  if (!recording_mode()) return false;
  bool any_wanted = false, any_normal = false;
  for (const Tensor* x : tensors) {
    any_wanted = any_wanted || requires_grad(*x);
    any_normal = any_normal || !x->is_inference();
  }
  if (!any_wanted || !any_normal) return false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& x = *tensors[i];
    if (!requires_grad(x)) continue;
    if (x.is_inference()) {
      fail_operand(TG_ERROR_MODE, static_cast<int>(i), op, ": operand ", i, ", ", Named{x},
                   ", is an inference tensor that requires grad beside normal tensors; tg_clone it "
                   "outside inference mode, or make it under tg_no_grad_enter instead of inference "
                   "mode");
    }
    if (x.is_view()) use_history(op, x);
  }
  return true;
}

void check_count(Operands tensors) {
  if (tensors.empty()) {
    fail(TG_ERROR_INVALID_ARGUMENT, "count is 0; give at least one tensor");
  }
  if (tensors.size() > UINT16_MAX) {
    fail(TG_ERROR_LIMIT, "count is ", tensors.size(),
         "; at most 65535 are possible, so join them "
         "in groups");
  }
}

DType joined_dtype(Operands tensors) {
  DType dtype = tensors[0]->dtype();
  for (const Tensor* x : tensors) dtype = promote(dtype, x->dtype());
  return dtype;
}

// A vector without elements fits everywhere, as in PyTorch, whose older versions had no other
// empty tensor.
bool is_passed_over(const Tensor& x) { return x.rank() == 1 && x.size(0) == 0; }

struct Cat {
  static constexpr const char* name = "Cat";
  static constexpr Op id = Op::cat;

  static Meta result(Operands tensors, int64_t dim, JoinArgs& args) {
    Meta meta{joined_dtype(tensors), {}};
    const Tensor* first = nullptr;
    size_t first_place = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& x = *tensors[i];
      if (x.rank() == 0) {
        fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "], ", Named{x},
                     ", has rank 0 and cannot be joined; give it a dimension by tg_unsqueeze, or "
                     "use tg_stack");
      }
      if (first == nullptr && !is_passed_over(x)) {
        first = &x;
        first_place = i;
      }
    }
    const Tensor& model = first != nullptr ? *first : *tensors[0];
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i]->rank() != model.rank() && !is_passed_over(*tensors[i])) {
        fail_shape(tensors, i, first_place, "their ranks must be equal");
      }
    }
    args.dim = wrap_dim(dim, model.rank());
    meta.shape = model.shape();
    int64_t length = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& x = *tensors[i];
      if (is_passed_over(x)) continue;
      for (int d = 0; d < model.rank(); ++d) {
        if (d != args.dim && x.size(d) != model.size(d)) {
          fail_shape(tensors, i, first_place, "their sizes must be equal but along dim");
        }
      }
      if (!checked_add(length, x.size(args.dim), &length)) {
        fail(TG_ERROR_SHAPE, "the result would have more than 2^63 - 1 elements along dim ",
             args.dim);
      }
    }
    meta.shape[args.dim] = length;
    return meta;
  }
  [[noreturn, gnu::cold]] static void fail_shape(Operands tensors, size_t i, size_t first,
                                                 const char* rule) {
    fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "] has shape ",
                 tensors[i]->shape(), ", tensors[", first, "] has ", tensors[first]->shape(), "; ",
                 rule);
  }

  static Part part(const JoinArgs& args, const Tensor& x) {
    return {is_passed_over(x) ? -1 : x.size(args.dim), x.dtype()};
  }
  static void forward(const Tensor& out, const JoinArgs& args, Operands tensors) {
    std::byte* data = out.data();
    for (const Tensor* x : tensors) {
      if (is_passed_over(*x)) continue;
      kernels::copy(out.dtype(), data, out.strides(), x->dtype(), x->data(), x->strides(),
                    x->sizes(), x->rank());
      data += x->size(args.dim) * out.stride(args.dim) * size_of(out.dtype());
    }
  }
  // Each operand gets its part of g.
  static void gradient(Vjp& v) {
    const JoinArgs& args = v.args<JoinArgs>();
    const Part* part = parts_of(args);
    const Tensor& g = v.grad();
    int64_t start = 0;
    for (int i = 0; i < args.count; ++i, ++part) {
      if (v.wants(i)) {
        const int64_t none = 0;
        const Tensor piece = part->length < 0 ? zeros(part->dtype, Shape(&none, 1))
                                              : narrow(g, args.dim, start, part->length);
        v.give(i, to_dtype(piece, part->dtype));
      }
      if (part->length > 0) start += part->length;
    }
  }
};

struct Stack {
  static constexpr const char* name = "Stack";
  static constexpr Op id = Op::stack;

  static Meta result(Operands tensors, int64_t dim, JoinArgs& args) {
    const Tensor& first = *tensors[0];
    Meta meta{joined_dtype(tensors), {}};
    for (size_t i = 1; i < tensors.size(); ++i) {
      if (!same_shape(first, *tensors[i])) {
        fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "] has shape ",
                     tensors[i]->shape(), ", tensors[0] has ", first.shape(),
                     "; they must be equal");
      }
    }
    args.dim = wrap_dim(dim, first.rank() + 1);
    if (first.rank() == kMaxRank) {
      fail(TG_ERROR_LIMIT, "tensors[0] has rank ", kMaxRank,
           "; the result would have one more, "
           "and at most ",
           kMaxRank, " dimensions are possible");
    }
    for (int d = 0; d < first.rank(); ++d) {
      if (d == args.dim) meta.shape.push(static_cast<int64_t>(tensors.size()));
      meta.shape.push(first.size(d));
    }
    if (args.dim == first.rank()) meta.shape.push(static_cast<int64_t>(tensors.size()));
    return meta;
  }
  static Part part(const JoinArgs&, const Tensor& x) { return {1, x.dtype()}; }
  static void forward(const Tensor& out, const JoinArgs& args, Operands tensors) {
    int64_t strides[kMaxRank];
    for (int d = 0; d + 1 < out.rank(); ++d) strides[d] = out.stride(d < args.dim ? d : d + 1);
    std::byte* data = out.data();
    for (const Tensor* x : tensors) {
      kernels::copy(out.dtype(), data, strides, x->dtype(), x->data(), x->strides(), x->sizes(),
                    x->rank());
      data += out.stride(args.dim) * size_of(out.dtype());
    }
  }
  static void gradient(Vjp& v) {
    const JoinArgs& args = v.args<JoinArgs>();
    const Part* part = parts_of(args);
    for (int i = 0; i < args.count; ++i, ++part) {
      if (v.wants(i)) v.give(i, to_dtype(select(v.grad(), args.dim, i), part->dtype));
    }
  }
};

// The road of ops/run.h for any number of operands.
template <class O>
Tensor run_join(Operands tensors, int64_t dim) {
  check_count(tensors);
  const WatchedCall watch;
  const bool records = plan_join(O::name, tensors);
  JoinArgs args{0, static_cast<int32_t>(tensors.size())};
  const Meta meta = O::result(tensors, dim, args);
  Tensor out = make_tensor(meta);
  Reserved node;
  if (records) {
    const size_t n = tensors.size();
    node = Reserved(make_node(
        O::id, {static_cast<uint32_t>(n), 1, 0, 0, 0, sizeof(JoinArgs) + n * sizeof(Part)}));
    Node& made = *node.get();
    made.args<JoinArgs>() = args;
    auto* part = const_cast<Part*>(parts_of(made.args<JoinArgs>()));
    for (size_t i = 0; i < n; ++i) {
      part[i] = O::part(args, *tensors[i]);
      if (requires_grad(*tensors[i])) made.inputs()[i] = take_edge(*tensors[i]->head());
    }
  }
  O::forward(out, args, tensors);
  if (watch.on() && records) note_node(*node.get());
  if (records) link(node.give_up(), out);
  return out;
}

// The same into a given tensor, on the road of all operators.
template <class O>
Tensor join_into(Operands tensors, int64_t dim, Into into) {
  check_count(tensors);
  struct Call {
    Operands tensors;
    int64_t dim;
    JoinArgs args;
  } call{tensors, dim, {0, static_cast<int32_t>(tensors.size())}};
  Call* const place = &call;
  const AnyOperator op{.name = O::name,
                       .result =
                           [](const void* args, const Tensor* const*) {
                             Call& k = **static_cast<Call* const*>(args);
                             return O::result(k.tensors, k.dim, k.args);
                           },
                       .forward =
                           [](const Tensor& out, const void* args, const Tensor* const*) {
                             const Call& k = **static_cast<Call* const*>(args);
                             O::forward(out, k.args, k.tensors);
                           },
                       .rules = {.own_dtypes = true},
                       .operands = call.args.count};
  run_into(op, into, &place, tensors.data());
  return {};
}

}  // namespace

const Operator cat_operator = operator_for<Cat>();
const Operator stack_operator = operator_for<Stack>();

Tensor cat(Operands tensors, int64_t dim, Into into) {
  if (into.kind != Into::Kind::fresh) return join_into<Cat>(tensors, dim, into);
  return run_join<Cat>(tensors, dim);
}
Tensor stack(Operands tensors, int64_t dim, Into into) {
  if (into.kind != Into::Kind::fresh) return join_into<Stack>(tensors, dim, into);
  return run_join<Stack>(tensors, dim);
}

}  // namespace tg
