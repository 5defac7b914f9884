// SPDX-License-Identifier: MIT
// The one road of every operator: plan, reserve, compute, link.
//   plan     rules on modes and operands, then the result's dtype and shape. Touches nothing.
//   reserve  memory for the result, for the node, for a copy of an old value. Touches nothing.
//   compute  the version is raised if in place; the operator's forward writes elements.
//   link     noexcept: edges and saved tensors into the node, the node onto the result.
// So a call that fails leaves operands, tape and modes as they were, for every operator at once.
//
// An operator is a struct with:
//   name, id                    "Mul", Op::mul (operators that cannot be recorded have no id)
//   reads[]                     for each input: what its gradient reads (autograd/record.h)
//   shapes                      whether the rule needs the inputs' sizes (Shapes below)
//   struct Args                 parameters, trivially copyable; kept in the node (optional)
//   Meta result(args, inputs…)  dtype and shape, or a failure
//   void forward(out, args, inputs…)   writes the elements
//   void gradient(Vjp&)         the vector-Jacobian product, in differentiable operators
//   lane, scalars(args)         elementwise: the loop of kernels/table.h and its numbers (optional)
#pragma once

#include <cstring>
#include <tuple>
#include <type_traits>

#include "autograd/engine.h"
#include "autograd/record.h"
#include "autograd/retained.h"
#include "autograd/shadow.h"
#include "autograd/sites.h"
#include "core/extras.h"
#include "kernels/table.h"
#include "ops/catalogue.h"
#include "ops/watch.h"

namespace tg {

// Where the result goes: a fresh tensor, the first operand (in place), or a given tensor (out
// form).
struct Into {
  enum class Kind : uint8_t { fresh, first, given };
  Kind kind = Kind::fresh;
  const Tensor* out = nullptr;

  static Into first() { return {Kind::first, nullptr}; }
  static Into given(const Tensor& out) { return {Kind::given, &out}; }
};

// Whether a node keeps the sizes and dtypes of its inputs.
enum class Shapes : uint8_t {
  never,
  if_they_differ,  // elementwise: only where an input was broadcast or cast
  always,          // the rule reads them
};

struct NoArgs {};

template <class O>
concept Recordable = requires {
  O::id;
};

template <class O>
struct ArgsOf {
  using type = NoArgs;
};
template <class O>
requires requires { typename O::Args; }
struct ArgsOf<O> {
  using type = typename O::Args;
};
template <class O>
using Args = typename ArgsOf<O>::type;

template <class O>
constexpr SaveMask saves(uint32_t wanted) {
  SaveMask mask = 0;
  for (size_t i = 0; i < std::size(O::reads); ++i) {
    if ((wanted >> i & 1) != 0) mask |= O::reads[i];
  }
  return mask;
}

// plan_record_special for an operator of the catalogue, which tells what it saves.
struct Planned {
  uint32_t records;
  uint32_t wanted;  // the operands that a gradient flows to
};
Planned plan_special(const char* op, const Tensor* const* operands, int n, uint32_t wanted,
                     const SaveMask* reads);
// The result requires grad, and no gradient flows from it (T28): a node whose rule is never run, so
// nothing is kept for it.
Node* reserve_dry(Op op, uint32_t inputs);
// What a node saved of operands that no gradient flows to, though they show requires_grad, shows it
// too: what a derivative makes of it under create_graph is recorded.
void keep_showing(Node& node, uint32_t dry) noexcept;

template <class O, class... In>
Meta result_of(const Args<O>& args, const In&... inputs) {
  if constexpr (std::is_same_v<Args<O>, NoArgs>) {
    return O::result(inputs...);
  } else {
    return O::result(args, inputs...);
  }
}

template <class O, class... In>
void compute(const Tensor& out, const Args<O>& args, const In&... inputs) {
  if constexpr (std::is_same_v<Args<O>, NoArgs>) {
    O::forward(out, inputs...);
  } else {
    O::forward(out, args, inputs...);
  }
}

// ---- recording ----

// A node between reserve and link: let go of if the call fails.
class Reserved {
 public:
  Reserved() = default;
  explicit Reserved(Node* node) : node_(node) {}
  Reserved(Reserved&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Reserved& operator=(Reserved&& other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Reserved() {
    if (node_ != nullptr) let_go(node_);
  }
  Node* get() const { return node_; }
  Node* give_up() { return std::exchange(node_, nullptr); }

 private:
  Node* node_ = nullptr;
};

struct Recording {
  Op op;
  uint32_t wanted;
  SaveMask saved;
  Shapes shapes;
  uint32_t outputs = 1;
  size_t argument_bytes = 0;
  bool in_place = false;
};

// The node with its edges, saved inputs and shapes; saved results are put in by link. `meta` is the
// result's, to which the inputs' shapes are compared.
Node* reserve_node(const Recording& recording, const Tensor* const* operands, int n,
                   const Meta& meta);
// The result is saved last.
void reserve_saved_result(Node& node, const Tensor& out);
void link_saved_result(Node& node) noexcept;

inline void link(Node* node, const Tensor& out, uint32_t output = 0) noexcept {
  shadow_saved(*node);
  out.head()->history.store(Edge(node, output).word, std::memory_order_release);
}

// ---- in place and out forms: the part that does not depend on the operator ----

// What an operator's forward can do beyond the ordinary, told by static members of its struct.
struct TargetRules {
  bool elementwise = false;     // an operand may be the very same elements as the target
  bool converts = false;        // forward writes any dtype from any dtype without memory
  bool takes_expanded = false;  // writes one value everywhere, so strides of 0 do no harm
  bool can_stop = false;        // forward asks the token half-way, so it may not write the target
  bool own_dtypes = false;      // forward takes each operand in its own dtype without memory
  bool row_major = false;       // forward writes row-major alone, and takes operands so as they lie
  bool looked_at = false;       // the result is, before the target is written
  const char* out = "out";      // the parameter that names a given target
};
template <class O>
constexpr TargetRules target_rules() {
  TargetRules rules;
  if constexpr (requires { O::elementwise; }) rules.elementwise = O::elementwise;
  if constexpr (requires { O::converts; }) rules.converts = O::converts;
  if constexpr (requires { O::takes_expanded; }) rules.takes_expanded = O::takes_expanded;
  if constexpr (requires { O::can_stop; }) rules.can_stop = O::can_stop;
  if constexpr (requires { O::own_dtypes; }) rules.own_dtypes = O::own_dtypes;
  if constexpr (requires { O::row_major; }) rules.row_major = O::row_major;
  return rules;
}

struct TargetPlan {
  bool direct;       // forward may write into the target itself
  Tensor scratch;    // else: forward's result, copied into the target afterwards
  Tensor old_value;  // of the target, where the gradient reads it
};
// Operands of a greater category than the target's: TG_ERROR_DTYPE comes before shapes (T9).
void check_categories(const Tensor& target, const Tensor* const* operands, int n);
// Checks dtype, shape, read-only memory and overlap, then takes what memory is needed.
TargetPlan plan_target(const Tensor& target, const Meta& meta, const Tensor* const* operands, int n,
                       bool in_place, TargetRules rules, bool keeps_old);
void copy_elements(const Tensor& to, const Tensor& from) noexcept;
// A recorded change through a view gives its base a new past: two nodes that put the view's new
// value into the base's old one, and the view a part of that (ops/strided.cpp). Empty where the
// target is no view.
struct Rebase {
  Reserved joined, rest, part;
};
Rebase reserve_rebase(const Tensor& target);
// The target's new past, an output of the node, which takes the former one as an input. A count of
// the node goes over.
void link_in_place(Node* node, const Tensor& target, Rebase& rebase, size_t input = 0,
                   uint32_t output = 0) noexcept;

// A differentiable operator gives a result that can require grad, unless it casts to integers.
template <class O>
bool gives_floating(const Args<O>& args) {
  if constexpr (requires { O::gives_floating(args); }) {
    return O::gives_floating(args);
  } else {
    return true;
  }
}

// An operator as the road in place and into a given tensor sees it, which is one for all.
struct AnyOperator {
  const char* name;
  Meta (*result)(const void* args, const Tensor* const* operands);
  void (*forward)(const Tensor& out, const void* args, const Tensor* const* operands);
  uint32_t (*nonfinite)(const void* args) = nullptr;  // of its numbers; null: it has none
  const SaveMask* reads = nullptr;                    // null: it cannot be recorded
  TargetRules rules;
  int operands;
  Op id = {};
  Shapes shapes = Shapes::never;
  uint8_t argument_bytes = 0;
};
void run_into(AnyOperator op, Into into, const void* args, const Tensor* const* operands);
// A result that no kernel writes where it is wanted: plan_out, the result by itself, then this.
void copy_into(const char* op, const Tensor& made, const Tensor* const* operands, int n, Into into);

template <class O, size_t... I>
[[gnu::always_inline]] inline AnyOperator any_operator(std::index_sequence<I...>) {
  using Its = Args<O>;
  AnyOperator op{.name = O::name,
                 .result =
                     [](const void* args, const Tensor* const* operands) {
                       return result_of<O>(*static_cast<const Its*>(args), *operands[I]...);
                     },
                 .forward =
                     [](const Tensor& out, const void* args, const Tensor* const* operands) {
                       compute<O>(out, *static_cast<const Its*>(args), *operands[I]...);
                     },
                 .rules = target_rules<O>(),
                 .operands = sizeof...(I)};
  if constexpr (
      requires(const Its& args) { O::scalars(args); } ||
      requires(const Its& args) { args.value; }) {
    op.nonfinite = [](const void* args) {
      return nonfinite_numbers<O>(*static_cast<const Its*>(args));
    };
  }
  if constexpr (Recordable<O>) {
    static_assert(std::size(O::reads) == sizeof...(I));
    op.reads = O::reads;
    op.id = O::id;
    op.shapes = O::shapes;
    if constexpr (!std::is_same_v<Its, NoArgs>) {
      static_assert(sizeof(Its) <= UINT8_MAX && std::is_trivially_destructible_v<Its>);
      op.argument_bytes = sizeof(Its);
    }
  }
  return op;
}

template <class O, class... In>
[[gnu::noinline, gnu::cold]] void run_into(Into into, const Args<O>& args, const In&... inputs) {
  const Tensor* const operands[] = {&inputs...};
  run_into(any_operator<O>(std::index_sequence_for<In...>{}), into, &args, operands);
}

// Names of saved operands, where one has a name. Throws where memory runs out; the node goes then.
void save_names(Node* node, const Tensor* const* operands, const Tensor& out);

// The node of a call that keeps no shapes: its size follows from the operands, in line.
template <class O, class... In>
[[gnu::always_inline]] inline Node* reserve_simple_node(uint32_t wanted, SaveMask saved,
                                                        const Args<O>& args, const Tensor& out,
                                                        const In&... inputs) {
  constexpr uint32_t n = sizeof...(In);
  constexpr size_t argument_bytes = std::is_same_v<Args<O>, NoArgs> ? 0 : sizeof(Args<O>);
  constexpr SaveMask possible = saves<O>((1u << n) - 1);
  uint32_t saved_n = 0;
  size_t bytes = 0;
  const auto measure = [&] [[gnu::always_inline]] (const Tensor& x, SaveMask bit) {
    if ((possible & bit) == 0 || (saved & bit) == 0 || !x) return;
    ++saved_n;
    bytes += saved_head_bytes(x);
  };
  SaveMask bit = 1;
  ((measure(inputs, bit), bit <<= 1), ...);
  measure(out, kReadsOutput);
  Node* node = make_bare_node(O::id, {n, 1, saved_n, bytes, 0, argument_bytes});
  // From here on nothing fails but the copy of a name.
  auto* edge = reinterpret_cast<Edge*>(&node->sequence() + 1);
  auto* grad = reinterpret_cast<Tensor*>(edge + n);
  auto* place = reinterpret_cast<Saved*>(grad + 1);
  auto* head = reinterpret_cast<std::byte*>(place + saved_n);
  new (grad) Tensor();
  bool named = false;
  const auto put = [&] [[gnu::always_inline]] (const Tensor& x, SaveMask its, uint32_t which) {
    if ((possible & its) == 0 || (saved & its) == 0 || !x) return;
    head = save_at(node, place++, head, x, which);
    named = named || x.head()->has_flag(TensorHead::kExtras);
  };
  uint32_t i = 0;
  ((*edge++ = (wanted >> i & 1) != 0 ? take_edge(*inputs.head()) : Edge(),
    put(inputs, SaveMask{1} << i, i), ++i),
   ...);
  put(out, kReadsOutput, kSavedOutput);
  if constexpr (argument_bytes != 0) node->args<Args<O>>() = args;
  if (named) [[unlikely]] {
    const Tensor* const operands[] = {&inputs...};
    save_names(node, operands, out);
  }
  return node;
}

// A node with one operand that requires grad, keeps its sizes and saves nothing: views, sums.
[[gnu::always_inline]] inline Node* reserve_shaped_node(Op op, const Tensor& x,
                                                        size_t argument_bytes) {
  const int rank = x.rank();
  const size_t shapes_bytes = (2 + static_cast<size_t>(rank)) * sizeof(uint64_t);
  Node* node = make_node(op, {1, 1, 0, 0, shapes_bytes, argument_bytes});
  node->inputs()[0] = take_edge(*x.head());
  uint64_t* p = node->shapes() + 1;
  *p++ = static_cast<uint64_t>(rank) | uint64_t{static_cast<uint8_t>(x.dtype())} << 8;
  for (int d = 0; d < rank; ++d) *p++ = static_cast<uint64_t>(x.size(d));
  return node;
}

// wanted: of operands that are neither views nor inference tensors, or what run_special found.
template <class O, class... In>
[[gnu::noinline]] Tensor run_recorded(uint32_t wanted, const Args<O>& args, const In&... inputs) {
  constexpr int n = sizeof...(In);
  const Tensor* const operands[] = {&inputs...};
  Recording recording{O::id, wanted, saves<O>(wanted), O::shapes};
  const Meta meta = result_of<O>(args, inputs...);
  Tensor out = make_tensor(meta);
  if (!gives_floating<O>(args) || !is_floating(meta.dtype)) {
    compute<O>(out, args, inputs...);
    return out;
  }
  Reserved node;
  if constexpr (O::shapes == Shapes::never) {
    node = Reserved(reserve_simple_node<O>(wanted, recording.saved, args, out, inputs...));
  } else {
    if constexpr (!std::is_same_v<Args<O>, NoArgs>) recording.argument_bytes = sizeof(Args<O>);
    if (n == 1 && O::shapes == Shapes::always && recording.saved == 0) {
      node = Reserved(reserve_shaped_node(O::id, *operands[0], recording.argument_bytes));
    } else {
      node = Reserved(reserve_node(recording, operands, n, meta));
    }
    if ((recording.saved & kReadsOutput) != 0) reserve_saved_result(*node.get(), out);
    if constexpr (!std::is_same_v<Args<O>, NoArgs>) node.get()->template args<Args<O>>() = args;
  }
  compute<O>(out, args, inputs...);
  link(node.give_up(), out);
  return out;
}

// Where views or inference tensors take part the call may not record, or may not be allowed.
template <class O, class... In>
[[gnu::noinline, gnu::cold]] Tensor run_special(uint32_t wanted, const Args<O>& args,
                                                const In&... inputs) {
  const Tensor* const operands[] = {&inputs...};
  Planned planned{0, 0};
  if (gives_floating<O>(args)) {
    planned = plan_special(O::name, operands, sizeof...(In), wanted, O::reads);
  }
  if (planned.records != 0 && planned.wanted != 0) {
    Tensor out = run_recorded<O>(planned.wanted, args, inputs...);
    if (Node* node = Edge(history_word(*out.head())).node(); node != nullptr) {
      keep_showing(*node, wanted & ~planned.wanted);
    }
    return out;
  }
  Tensor out = make_tensor(result_of<O>(args, inputs...));
  Reserved node;
  if (planned.records != 0 && is_floating(out.dtype())) {
    node = Reserved(reserve_dry(O::id, sizeof...(In)));
  }
  compute<O>(out, args, inputs...);
  if (node.get() != nullptr) link(node.give_up(), out);
  return out;
}

// ---- the plain case of elementwise operators ----
// Operands of one dtype and shape, row-major, in a lane that takes the dtype: the result is like
// the first operand, so nothing has to be worked out. An operator takes part by naming its `lane`.

inline bool all_plain(const Tensor& first) { return first.row_major(); }
inline bool all_plain(const Tensor& first, const Tensor& second) {
  const uint32_t form = first.head()->form();
  if (((form ^ second.head()->form()) & ~TensorHead::kIsView) != 0) return false;
  if ((form & TensorHead::kRowMajor) == 0) return false;
  for (int d = 0; d < first.rank(); ++d) {
    if (first.size(d) != second.size(d)) return false;
  }
  return true;
}

// out is fresh, so its elements are the first of its storage.
inline void* plain_data(const Tensor& x, int shift) {
  return x.storage().data + (x.offset() << shift);
}
template <class... In>
[[gnu::always_inline]] inline void run_loop(kernels::Loop loop, const void* parameters,
                                            const Tensor& out, const In&... inputs) {
  const int shift = size_shift(out.dtype());
  const int64_t item = int64_t{1} << shift;
  void* const data[] = {out.storage().data, plain_data(inputs, shift)...};
  int64_t strides[1 + sizeof...(In)];
  for (int64_t& stride : strides) stride = item;
  loop(data, strides, out.storage().bytes() >> shift, parameters);
}

// The plain call's loop, with the operator's numbers where it has some.
template <class O, class... In>
[[gnu::always_inline]] inline void run_plain(kernels::Loop loop, const Tensor& out,
                                             const Args<O>& args, const In&... inputs) {
  if constexpr (requires { O::scalars(args); }) {
    const kernels::Scalars scalars = O::scalars(args);
    run_loop(loop, &scalars, out, inputs...);
  } else {
    run_loop(loop, nullptr, out, inputs...);
  }
}

template <class O, class... In>
[[gnu::noinline]] Tensor run_plain_recorded(kernels::Loop loop, uint32_t wanted,
                                            const Args<O>& args, const In&... inputs) {
  const SaveMask saved = saves<O>(wanted);
  Tensor out = make_same(std::get<0>(std::tie(inputs...)));
  // The loop cannot fail, so the node needs no guard.
  Node* node = reserve_simple_node<O>(wanted, saved, args, out, inputs...);
  run_plain<O>(loop, out, args, inputs...);
  link(node, out);
  return out;
}

// Bit i: input i requires grad.
template <class... In>
[[gnu::always_inline]] inline uint32_t wanted_inputs(const In&... inputs) {
  uint32_t wanted = 0, bit = 1;
  ((wanted |= inputs && requires_grad(inputs) ? bit : 0, bit <<= 1), ...);
  return wanted;
}

template <class O, class... In>
Tensor run_watched(const Args<O>& args, const In&... inputs);

template <class O, class... In>
[[gnu::always_inline]] inline Tensor run_here(const Args<O>& args, const In&... inputs) {
  if (records_unwatched()) {
    if constexpr (Recordable<O>) {
      const uint32_t wanted = wanted_inputs(inputs...);
      if (wanted != 0) {
        if ((is_special(inputs) || ...)) return run_special<O>(wanted, args, inputs...);
        return run_recorded<O>(wanted, args, inputs...);
      }
    }
  } else if (is_watched()) [[unlikely]] {
    return run_watched<O>(args, inputs...);
  }
  Tensor out = make_tensor(result_of<O>(args, inputs...));
  compute<O>(out, args, inputs...);
  return out;
}
// The same apart: where a plain call is the common one.
template <class O, class... In>
[[gnu::noinline]] Tensor run_general(const Args<O>& args, const In&... inputs) {
  return run_here<O>(args, inputs...);
}

template <class O, class... In>
[[gnu::noinline, gnu::cold]] Tensor run_watched(const Args<O>& args, const In&... inputs) {
  const Tensor* const operands[] = {&inputs...};
  const WatchedCall watch;
  Tensor out = run_general<O>(args, inputs...);
  watch.check(O::name, out, operands, sizeof...(In), nonfinite_numbers<O>(args));
  WatchedCall::note(out);
  return out;
}

template <class O, class... In>
[[gnu::always_inline]] inline Tensor run(Into into, const Args<O>& args, const In&... inputs) {
  if (into.kind != Into::Kind::fresh) [[unlikely]] {
    run_into<O>(into, args, inputs...);
    return {};
  }
  if constexpr (requires { O::lane; }) {
    if (all_plain(inputs...)) [[likely]] {
      const Tensor& first = std::get<0>(std::tie(inputs...));
      const kernels::Loop loop = kernels::table().at(O::lane, first.dtype());
      // Integers check their numbers, which takes the long way.
      const bool takes = !requires { O::scalars(args); }
      || is_floating(first.dtype());
      if (loop != nullptr && takes) [[likely]] {
        if (records_unwatched()) {
          const uint32_t wanted = wanted_inputs(inputs...);
          if (wanted != 0) {
            if ((is_special(inputs) || ...)) return run_special<O>(wanted, args, inputs...);
            return run_plain_recorded<O>(loop, wanted, args, inputs...);
          }
        } else if (is_watched()) [[unlikely]] {
          return run_watched<O>(args, inputs...);
        }
        Tensor out = make_same(first);
        run_plain<O>(loop, out, args, inputs...);
        return out;
      }
    }
    return run_general<O>(args, inputs...);
  }
  return run_here<O>(args, inputs...);
}

// Views have no compute: a second head on the storage, linked to the one it came from.
inline bool view_records(const char* op, const Tensor& x) {
  if (!recording_mode() || !requires_grad(x) || x.is_inference()) return false;
  if (x.is_view()) use_history(op, x);
  return true;
}

// What is wrong with a mode or with x's history is told before what is wrong with shapes and
// indices (T9).
template <class... Parts>
[[noreturn, gnu::cold]] void fail_after_history(const char* op, const Tensor& x, tg_status status,
                                                const Parts&... parts) {
  view_records(op, x);
  fail(status, parts...);
}
// wrap_dim for a dimension of x, or of a result with one more.
int dim_of(const char* op, const Tensor& x, int64_t dim, int more = 0);
// The same where the result may be written into a given tensor.
int dim_of(const char* op, const Tensor& x, int64_t dim, Into into);

template <class O>
[[gnu::always_inline]] inline void link_view(const Tensor& out, const Tensor& x,
                                             const Args<O>& args) {
  constexpr size_t bytes = std::is_same_v<Args<O>, NoArgs> ? 0 : sizeof(Args<O>);
  Node* node = nullptr;
  if constexpr (O::shapes == Shapes::always) {
    node = reserve_shaped_node(O::id, x, bytes);
  } else {
    node = make_node(O::id, {1, 1, 0, 0, 0, bytes});
    node->inputs()[0] = take_edge(*x.head());
  }
  if constexpr (bytes != 0) node->template args<Args<O>>() = args;
  link(node, out);
}

template <class O>
Tensor run_view(const Tensor& x, const Layout& layout, const Args<O>& args) {
  const bool records = view_records(O::name, x);
  Tensor out = make_view(x, layout, current_origin());
  if (records) {
    link_view<O>(out, x, args);
    if (is_watched()) [[unlikely]]
      WatchedCall::note(out);
  }
  return out;
}

}  // namespace tg
