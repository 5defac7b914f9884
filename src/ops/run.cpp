// SPDX-License-Identifier: MIT
#include "ops/run.h"

#include <algorithm>

#include "base/token.h"
#include "kernels/strided.h"
#include "ops/overlap.h"

namespace tg {

namespace {

constexpr int kMostOperands = 4;  // of an operator that can be recorded in place

bool differs(const Tensor& x, const Meta& meta) {
  return x.dtype() != meta.dtype ||
         !same_sizes(x.sizes(), x.rank(), meta.shape.sizes, meta.shape.rank);
}

size_t bytes_of_shapes(const Tensor* const* operands, int n) {
  size_t words = 1;
  for (int i = 0; i < n; ++i) {
    words += 1 + (*operands[i] ? static_cast<size_t>(operands[i]->rank()) : 0);
  }
  return words * sizeof(uint64_t);
}

void write_shapes(Node& node, const Tensor* const* operands, int n) {
  uint64_t* p = node.shapes() + 1;
  for (int i = 0; i < n; ++i) {
    const Tensor& x = *operands[i];
    if (!x) {
      *p++ = uint64_t{static_cast<uint8_t>(DType::float32)} << 8;
      continue;
    }
    *p++ = static_cast<uint64_t>(x.rank()) | uint64_t{static_cast<uint8_t>(x.dtype())} << 8;
    for (int d = 0; d < x.rank(); ++d) *p++ = static_cast<uint64_t>(x.size(d));
  }
}

SaveMask saved_for(const SaveMask* reads, int n, uint32_t wanted) {
  SaveMask mask = 0;
  for (int i = 0; i < n; ++i) {
    if ((wanted >> i & 1) != 0) mask |= reads[i];
  }
  return mask;
}

// What recording keeps whichever operand it is for: what all gradients read.
SaveMask always_saved(const SaveMask* reads, int n) {
  SaveMask mask = 0;
  bool first = true;
  for (int i = 0; i < n; ++i) {
    if (reads[i] == kReadsNothing) continue;
    mask = first ? reads[i] : mask & reads[i];
    first = false;
  }
  return mask;
}

}  // namespace

int dim_of(const char* op, const Tensor& x, int64_t dim, int more) {
  const int rank = x.rank() + more, range = rank > 0 ? rank : 1;
  if (dim < -range || dim >= range) [[unlikely]]
    view_records(op, x);
  return wrap_dim(dim, rank);
}
int dim_of(const char* op, const Tensor& x, int64_t dim, Into into) {
  const int range = x.rank() > 0 ? x.rank() : 1;
  const Tensor* const operands[] = {&x};
  if (into.kind == Into::Kind::given && (dim < -range || dim >= range)) [[unlikely]]
    plan_out(op, *into.out, operands, 1);
  return dim_of(op, x, dim);
}

Planned plan_special(const char* op, const Tensor* const* operands, int n, uint32_t wanted,
                     const SaveMask* reads) {
  const uint32_t flowing = flowing_operands(operands, n, wanted);
  const SaveMask saved = saved_for(reads, n, flowing) | always_saved(reads, n);
  const bool records = plan_record_special(op, operands, n, wanted, saved);
  return {records, records ? flowing : wanted};
}

void keep_showing(Node& node, uint32_t dry) noexcept {
  for (const Saved& saved : node.saved()) {
    if (!saved.tensor || saved.source() >= kSavedExtra || (dry >> saved.source() & 1) == 0)
      continue;
    saved.tensor.head()->flags.fetch_or(TensorHead::kRequiresGrad, std::memory_order_relaxed);
  }
}

Node* reserve_dry(Op op, uint32_t inputs) {
  Node* node = make_node(op, {inputs, 1, 0, 0, 0, 0});
  node->set(Node::kFreed);
  return node;
}

Node* reserve_node(const Recording& recording, const Tensor* const* operands, int n,
                   const Meta& meta) {
  bool shapes = recording.shapes == Shapes::always;
  uint32_t saved = 0;
  size_t bytes = 0;
  if ((recording.saved & kReadsOutput) != 0) {
    saved = 1;
    bytes = embedded_head_bytes(meta.shape.rank);
  }
  for (int i = 0; i < n; ++i) {
    if (!*operands[i]) continue;
    if ((recording.saved >> i & 1) != 0) {
      ++saved;
      bytes += saved_head_bytes(*operands[i]);
    }
    if (recording.shapes == Shapes::if_they_differ && (recording.wanted >> i & 1) != 0) {
      shapes = shapes || differs(*operands[i], meta);
    }
  }
  Reserved node(make_node(
      recording.op, {static_cast<uint32_t>(n), recording.outputs, saved, bytes,
                     shapes ? bytes_of_shapes(operands, n) : 0,
                     recording.argument_bytes + (recording.in_place ? sizeof(uint64_t) : 0)}));
  Node& made = *node.get();
  if (recording.in_place) made.set(Node::kInPlace);
  if (shapes) write_shapes(made, operands, n);
  uint32_t place = 0;
  for (int i = 0; i < n; ++i) {
    const Tensor& x = *operands[i];
    if (!x) continue;
    if ((recording.wanted >> i & 1) != 0)
      made.inputs()[static_cast<size_t>(i)] = take_edge(*x.head());
    if ((recording.saved >> i & 1) != 0) save(made, place++, x, static_cast<uint32_t>(i));
  }
  return node.give_up();
}

void save_names(Node* node, const Tensor* const* operands, const Tensor& out) {
  Reserved guard(node);
  for (const Saved& saved : node->saved()) {
    save_name(saved.which == kSavedOutput ? out : *operands[saved.which], saved);
  }
  guard.give_up();
}

void reserve_saved_result(Node& node, const Tensor& out) {
  save(node, node.saved_n - 1u, out, kSavedOutput);
}

void link_saved_result(Node& node) noexcept {
  if (node.saved_n == 0) return;
  Saved& last = node.saved()[node.saved_n - 1u];
  if (last.which == kSavedOutput) {
    last.version = last.tensor.storage().version.load(std::memory_order_relaxed);
  }
}

void copy_elements(const Tensor& to, const Tensor& from) noexcept {
  kernels::copy(to.dtype(), to.data(), to.strides(), from.dtype(), from.data(), from.strides(),
                to.sizes(), to.rank());
}

void check_categories(const Tensor& target, const Tensor* const* operands, int n) {
  for (int i = 1; i < n; ++i) {
    const Tensor& x = *operands[i];
    if (!x || category(x.dtype()) <= category(target.dtype())) continue;
    fail_operand(TG_ERROR_DTYPE, i, "operand ", i, ", ", Named{x}, ", gives a result that ",
                 Named{target}, " cannot hold; convert one by tg_to_dtype first");
  }
}

TargetPlan plan_target(const Tensor& target, const Meta& meta, const Tensor* const* operands, int n,
                       bool in_place, TargetRules rules, bool keeps_old) {
  const char* what = in_place ? "the tensor that is changed in place" : rules.out;
  if (!rules.converts && category(meta.dtype) > category(target.dtype())) {
    fail_operand(TG_ERROR_DTYPE, in_place ? 0 : n, "the result has dtype ", meta.dtype, ", which ",
                 what, ", ", Named{target}, ", cannot hold; convert it by tg_to_dtype first");
  }
  if (!same_sizes(target.sizes(), target.rank(), meta.shape.sizes, meta.shape.rank)) {
    fail_operand(TG_ERROR_SHAPE, in_place ? 0 : n, "the result has shape ", meta.shape, ", ", what,
                 " has ", target.shape(), "; they must be equal");
  }
  if (target.storage().is_read_only()) {
    fail_operand(TG_ERROR_UNSUPPORTED, in_place ? 0 : n, Named{target},
                 " is read-only memory; tg_clone it and change the clone");
  }
  if (!rules.takes_expanded && has_zero_stride(target)) {
    fail_operand(TG_ERROR_UNSUPPORTED, in_place ? 0 : n, Named{target},
                 " is expanded: one element in memory stands for many and cannot be written; "
                 "tg_clone it first");
  }
  TargetPlan plan{true, {}, {}};
  for (int i = in_place ? 1 : 0; i < n; ++i) {
    const Tensor& x = *operands[i];
    if (!x) continue;
    const Overlap overlap = overlap_of(target, x);
    if (overlap == Overlap::partial) {
      fail_operand(TG_ERROR_UNSUPPORTED, i, "operand ", i, ", ", Named{x},
                   ", shares part of its memory with ", what, "; tg_clone the operand first");
    }
    if (overlap == Overlap::same && !rules.elementwise) plan.direct = false;
    // Operands of another dtype are converted on the way, which takes memory and may fail.
    if (!rules.converts && !rules.own_dtypes && x.dtype() != target.dtype()) plan.direct = false;
    if (rules.row_major && !x.row_major()) plan.direct = false;
  }
  if (rules.row_major && !target.row_major()) plan.direct = false;
  if (meta.dtype != target.dtype()) plan.direct = false;
  if (rules.can_stop && token_in_use != nullptr) plan.direct = false;
  if (rules.looked_at) plan.direct = false;
  if (!plan.direct) plan.scratch = make_tensor(meta);
  if (keeps_old) {
    plan.old_value = make_tensor(target.dtype(), target.sizes(), target.rank());
    copy_elements(plan.old_value, target);
  }
  return plan;
}

void link_in_place(Node* node, const Tensor& target, Rebase& rebase, size_t input,
                   uint32_t output) noexcept {
  shadow_saved(*node);
  const uint32_t version = target.storage().version.load(std::memory_order_relaxed);
  node->written_version(output) = version;
  const Edge own(node, output);
  if (Node* joined = rebase.joined.give_up(); joined != nullptr) {
    // target = part of the base: base' = joined(rest(base), node(part(base))).
    Node* rest = rebase.rest.give_up();
    Node* part = rebase.part.give_up();
    joined->written_version() = version;
    part->inputs()[0] = Edge(joined, 0);
    count_up(joined->refs);
    TensorHead& base = *target.head()->view_info().base;
    const Edge former(swap_history(base, Edge(joined, 0).word));
    joined->inputs()[1] = own;
    if (former) {
      count_up(rest->refs);
      rest->inputs()[0] = former;
      joined->inputs()[0] = Edge(rest, 0);
      node->inputs()[input] = Edge(rest, 1);
    } else {
      let_go(rest);
    }
    if (base.has_flag(TensorHead::kRetainsGrad)) move_retained(base, Edge(joined, 0));
    return put_history(*target.head(), part, version);
  }
  TensorHead& head = *target.head();
  node->inputs()[input] = Edge(swap_history(head, own.word));
  if (head.has_flag(TensorHead::kRetainsGrad)) move_retained(head, own);
}

void copy_into(const char* op, const Tensor& made, const Tensor* const* operands, int n,
               Into into) {
  const AnyOperator copy{.name = op,
                         .result =
                             [](const void* from, const Tensor* const*) {
                               const Tensor& x = *static_cast<const Tensor*>(from);
                               return Meta{x.dtype(), x.shape()};
                             },
                         .forward =
                             [](const Tensor& out, const void* from, const Tensor* const*) {
                               copy_elements(out, *static_cast<const Tensor*>(from));
                             },
                         .rules = {.elementwise = true, .own_dtypes = true},
                         .operands = n};
  run_into(copy, into, &made, operands);
}

void run_into(AnyOperator op, Into into, const void* args, const Tensor* const* operands) {
  const int n = op.operands;
  const WatchedCall watch;
  const bool in_place = into.kind == Into::Kind::first;
  const Tensor& target = in_place ? *operands[0] : *into.out;
  Recording recording{op.id, 0, 0, op.shapes};
  bool records = false;
  uint32_t wanted = 0;
  if (in_place) {
    bool special = false;
    if (op.reads != nullptr) {
      if (recording_mode()) {
        recording.wanted = wanted_operands(operands, n);
      } else {
        check_unrestricted();
      }
      records = recording.wanted != 0 && is_floating(target.dtype());
    }
    const bool meant = records;
    wanted = recording.wanted;
    for (int i = 0; records && i < n; ++i) special = special || is_special(*operands[i]);
    if (special) {  // whose errors come before those of the target's past (T9)
      check_writable(op.name, target);
      const Planned planned = plan_special(op.name, operands, n, recording.wanted, op.reads);
      records = planned.records != 0;
      recording.wanted = planned.wanted;
    }
    plan_in_place(op.name, target, meant);
    if (records) recording.saved = saved_for(op.reads, n, recording.wanted);
    if (!op.rules.converts) check_categories(target, operands, n);
  } else {
    plan_out(op.name, target, operands, n);
  }
  const Meta meta = op.result(args, operands);
  const bool keeps_old = (recording.saved & reads_input(0)) != 0;
  op.rules.looked_at = watch.on();
  TargetPlan plan = plan_target(target, meta, operands, n, in_place, op.rules, keeps_old);
  Reserved node;
  Rebase rebase;
  if (records) {
    if (target.is_view()) rebase = reserve_rebase(target);
    recording.in_place = true;
    recording.argument_bytes = op.argument_bytes;
    const Tensor* saved_operands[kMostOperands];
    std::copy_n(operands, n, saved_operands);
    if (keeps_old) saved_operands[0] = &plan.old_value;
    node = Reserved(reserve_node(recording, saved_operands, n, meta));
    // The first edge comes at link, when the target's past is taken over.
    if (Edge edge = node.get()->inputs()[0]) {
      node.get()->inputs()[0] = Edge();
      let_go(edge.node());
    }
    keep_showing(*node.get(), wanted & ~recording.wanted);
    if ((recording.saved & kReadsOutput) != 0) reserve_saved_result(*node.get(), target);
    if (op.argument_bytes != 0) {
      std::memcpy(&node.get()->args<std::byte>(), args, op.argument_bytes);
    }
  }
  if (plan.direct) {
    target.storage().raise_version();
    op.forward(target, args, operands);
    target.storage().written();
  } else {
    op.forward(plan.scratch, args, operands);
    if (watch.on()) [[unlikely]] {
      const uint32_t had = op.nonfinite != nullptr ? op.nonfinite(args) : 0;
      watch.look(op.name, plan.scratch, operands, n, had, node.get());
    }
    target.storage().raise_version();
    copy_elements(target, plan.scratch);
    target.storage().written();
    if (watch.on()) [[unlikely]]
      note_write(target.storage(), target.storage().version.load(std::memory_order_relaxed));
  }
  if (records) {
    if (recording.wanted == 0) node.get()->set(Node::kFreed);  // as in reserve_dry
    link_saved_result(*node.get());
    link_in_place(node.give_up(), target, rebase);
  }
}

}  // namespace tg
