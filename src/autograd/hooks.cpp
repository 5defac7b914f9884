// SPDX-License-Identifier: MIT
#include "autograd/hooks.h"

#include "autograd/engine.h"
#include "core/extras.h"

namespace tg {

// Found by the node that they hang on and by the tensor that they were registered on. One lock:
// hooks are few beside what runs between them.
struct HookTable {
  static constexpr size_t kBuckets = 1024;

  Lock lock;
  Hook* of_node[kBuckets];
  Hook* of_head[kBuckets];
  std::atomic<uint32_t> on_leaves;

  static size_t bucket(const void* of) {
    // Fibonacci hashing (Knuth, TAOCP 3, 6.4): nodes and heads lie at multiples of 16.
    return static_cast<size_t>((reinterpret_cast<uintptr_t>(of) >> 4) * 0x9e3779b97f4a7c15u >> 54);
  }

  template <Hook* Hook::*kNext>
  static void append(Hook*& first, Hook& hook) {
    Hook** place = &first;
    while (*place != nullptr) place = &((*place)->*kNext);
    hook.*kNext = nullptr;
    *place = &hook;
  }
  template <Hook* Hook::*kNext>
  static void remove(Hook*& first, Hook& hook) {
    Hook** place = &first;
    while (*place != &hook) place = &((*place)->*kNext);
    *place = hook.*kNext;
  }

  // ---- all under the lock ----

  void hang(Hook& hook, Node& node, uint32_t output) {
    hook.born_ = newest_pass();
    hook.node_ = &node;
    hook.output_ = output;
    append<&Hook::next_of_node_>(of_node[bucket(&node)], hook);
    node.mark(Node::kHooked);
    if (is_accumulator(&node)) on_leaves.fetch_add(1, std::memory_order_relaxed);
  }
  void take_down(Hook& hook) {
    Node* node = std::exchange(hook.node_, nullptr);
    if (node == nullptr) return;
    remove<&Hook::next_of_node_>(of_node[bucket(node)], hook);
    if (is_accumulator(node)) on_leaves.fetch_sub(1, std::memory_order_relaxed);
  }
  void know_tensor(Hook& hook, TensorHead& head) {
    hook.head_ = &head;
    append<&Hook::next_of_head_>(of_head[bucket(&head)], hook);
    head.flags.fetch_or(TensorHead::kHooked, std::memory_order_relaxed);
  }
  void forget_tensor(Hook& hook) {
    TensorHead* head = std::exchange(hook.head_, nullptr);
    if (head != nullptr) remove<&Hook::next_of_head_>(of_head[bucket(head)], hook);
  }
  // Each visit may take the hook out of the list.
  template <class Visit>
  void each_of_node(const Node& node, Visit visit) {
    for (Hook* hook = of_node[bucket(&node)]; hook != nullptr;) {
      Hook* next = hook->next_of_node_;
      if (hook->node_ == &node) visit(*hook);
      hook = next;
    }
  }
  template <class Visit>
  void each_of_head(const TensorHead& head, Visit visit) {
    for (Hook* hook = of_head[bucket(&head)]; hook != nullptr;) {
      Hook* next = hook->next_of_head_;
      if (hook->head_ == &head) visit(*hook);
      hook = next;
    }
  }
  // One that hangs on nothing and waits for no leaf is counted, and put before `expired`.
  static void gather_expired(Hook& hook, Hook*& expired) {
    if (hook.node_ != nullptr || hook.head_ != nullptr) return;
    hook.share();
    hook.next_of_node_ = expired;
    expired = &hook;
  }
  // Outside the lock: users' destructors run.
  static void end_expired(Hook* expired) noexcept {
    while (expired != nullptr) {
      Hook* hook = expired;
      expired = hook->next_of_node_;
      hook->expire();
    }
  }
  void resume(Hook& hook, Accumulator& accumulator) {
    if (hook.node_ == nullptr) hang(hook, accumulator, 0);
  }
  // One whose last count went before is 0, or will ask in end_hooked.
  static Tensor tensor_of(const Hook& hook) {
    if (hook.head_ == nullptr) return {};
    std::atomic<uint32_t>& refs = hook.head_->refs;
    uint32_t seen = refs.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (refs.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed))
        return Tensor(hook.head_);
    }
    return {};
  }
  static void unmark(TensorHead& head) {
    head.flags.fetch_and(static_cast<uint8_t>(~TensorHead::kHooked), std::memory_order_relaxed);
  }
};

namespace {

constinit HookTable table{};

// What a hook is handed: the gradient with its past where the pass is recorded, else a head of its
// own, so that nothing which is done to that touches the pass.
Tensor lent_head(const Tensor& grad, HookPass pass) {
  return !grad || pass.create_graph ? grad : second_head(grad);
}

template <class What>
void check_given(const Tensor& given, const Tensor& grad, const What& what) {
  constexpr const char* remedy = ", or keep the gradient by giving 0";
  if (given.is_inference()) {
    fail(TG_ERROR_MODE, what, " gave ", Named{given},
         ", which is an inference tensor and cannot enter a backward pass; compute it outside "
         "inference mode",
         remedy);
  }
  if (given.dtype() != grad.dtype()) {
    fail(TG_ERROR_DTYPE, what, " gave a gradient of dtype ", given.dtype(),
         " in the place of one of ", grad.dtype(), "; convert it by tg_to_dtype", remedy);
  }
  if (!same_shape(given, grad)) {
    fail(TG_ERROR_SHAPE, what, " gave a gradient of shape ", given.shape(),
         " in the place of one of ", grad.shape(), "; give one of that shape", remedy);
  }
}

// Nothing of a pass that is not recorded has a past; a saved tensor must not keep its node.
void put(Tensor& grad, Tensor given, HookPass pass) {
  const bool has_past = history_word(*given.head()) != 0;
  if ((has_past && !pass.create_graph) || given.head()->embedded != 0) given = second_head(given);
  grad = std::move(given);
}

struct TensorsHook {
  const Tensor& tensor;
  const Tensor& grad;
};
Message& operator<<(Message& message, const TensorsHook& hook) {
  if (hook.tensor) return message << "the hook of " << Named{hook.tensor};
  return message << "the hook of a tensor that is gone (" << Described{hook.grad} << ')';
}

struct NodesHook {
  const char* name;  // of the operator, or AccumulateGrad
  const char* what;  // grad_inputs, grad_outputs
};
struct At {
  const NodesHook& hook;
  size_t index;
};
Message& operator<<(Message& message, const At& at) {
  return message << "the hook of a node, " << at.hook.name << ", for " << at.hook.what << '['
                 << at.index << "],";
}

// grads: what the hook may replace.
void run_node_hook(Hook& hook, Node& node, const NodesHook& its, std::span<Tensor> inputs,
                   std::span<Tensor> outputs, std::span<Tensor> grads, HookPass pass) {
  Vector<LentGradient> marks;
  marks.reserve(inputs.size() + outputs.size());
  Vector<Tensor> lent_inputs, lent_outputs, replaced(grads.size());
  for (const Tensor& grad : inputs) lent_inputs.push_back(lent_head(grad, pass));
  for (const Tensor& grad : outputs) lent_outputs.push_back(lent_head(grad, pass));
  for (const Tensor& grad : inputs) marks.emplace_back(grad);
  for (const Tensor& grad : outputs) marks.emplace_back(grad);
  hook.see_node(node, lent_inputs, lent_outputs, replaced);
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!replaced[i]) continue;
    const At at{its, i};
    if (!grads[i]) {
      fail(TG_ERROR_INVALID_ARGUMENT, at,
           " gave a gradient where none is to be replaced; leave 0 there");
    }
    check_given(replaced[i], grads[i], at);
  }
  marks.clear();
  for (size_t i = 0; i < grads.size(); ++i) {
    if (replaced[i]) put(grads[i], std::move(replaced[i]), pass);
  }
}

}  // namespace

// ---- hanging on and taking away ----

void hook_tensor(const Tensor& x, Hook& hook) {
  TensorHead& head = *x.head();
  // A head with extras ends by the long road, which asks for its hooks.
  reserve_extra(head);
  const Edge edge = take_edge(head);  // counted: another thread may change x in place meanwhile
  {
    LockGuard guard(table.lock);
    table.know_tensor(hook, head);
    if (edge) table.hang(hook, *edge.node(), edge.output());
  }
  if (edge) let_go(edge.node());
}

void hook_node(Node& node, Hook& hook) noexcept {
  LockGuard guard(table.lock);
  table.hang(hook, node, 0);
}

void unhook(Hook& hook) noexcept {
  LockGuard guard(table.lock);
  table.take_down(hook);
  table.forget_tensor(hook);
}

uint32_t leaf_hooks() noexcept { return table.on_leaves.load(std::memory_order_relaxed); }

void forget_hooks(Node& node) noexcept {
  Hook* expired = nullptr;
  {
    LockGuard guard(table.lock);
    table.each_of_node(node, [&](Hook& hook) {
      table.take_down(hook);
      HookTable::gather_expired(hook, expired);
    });
  }
  HookTable::end_expired(expired);
}

// Whoever saw the last count go may have left it at 1 (base/counts.h). A hook that was handed the
// tensor since has added its own to that, and ends the head when it is done; one that finds 0 hands
// out nothing.
bool end_hooked(TensorHead& head) noexcept {
  Hook* expired = nullptr;
  {
    LockGuard guard(table.lock);
    if (head.refs.load(std::memory_order_acquire) != 0 && !was_last(head.refs)) return false;
    table.each_of_head(head, [&](Hook& hook) {
      table.forget_tensor(hook);
      HookTable::gather_expired(hook, expired);
    });
    HookTable::unmark(head);
  }
  HookTable::end_expired(expired);
  return true;
}

void part_from_hooks(TensorHead& head, bool was_leaf) noexcept {
  Hook* expired = nullptr;
  {
    LockGuard guard(table.lock);
    table.each_of_head(head, [&](Hook& hook) {
      if (was_leaf) return table.take_down(hook);
      table.forget_tensor(hook);
      HookTable::gather_expired(hook, expired);
    });
    if (!was_leaf) HookTable::unmark(head);
  }
  HookTable::end_expired(expired);
}

void resume_hooks(TensorHead& head, Accumulator& accumulator) noexcept {
  LockGuard guard(table.lock);
  table.each_of_head(head, [&](Hook& hook) { table.resume(hook, accumulator); });
}

// ---- running ----

Hooks::Hooks(const Node& node, HookKind kind, uint32_t output, HookPass pass) {
  // Room is made outside the lock: asking for memory may run a host's function.
  for (size_t wanted = 0;; list_.reserve(wanted)) {
    LockGuard guard(table.lock);
    wanted = 0;
    const auto each = [&](auto visit) {
      table.each_of_node(node, [&](Hook& hook) {
        // Those that were added during the pass run from the next one on.
        const bool runs = static_cast<int32_t>(pass.id - hook.born_) > 0;
        if (runs && hook.kind_ == kind && hook.output_ == output) visit(hook);
      });
    };
    each([&](Hook&) { ++wanted; });
    if (wanted > list_.capacity()) continue;
    each([&](Hook& hook) {
      hook.share();
      list_.push_back(&hook);
    });
    return;
  }
}

Hooks::~Hooks() {
  for (Hook* hook : list_) hook->let_go();
}

Tensor hooked_tensor(const Hook& hook) noexcept {
  LockGuard guard(table.lock);
  return HookTable::tensor_of(hook);
}

void run_gradient_hooks(Node& node, uint32_t output, Tensor& grad, HookPass pass) {
  const Hooks hooks(node, HookKind::gradient, output, pass);
  for (Hook* hook : hooks.list()) {
    const Tensor tensor = hooked_tensor(*hook);
    Tensor given;
    {
      const Tensor handed = lent_head(grad, pass);
      const LentGradient mark(grad);
      given = hook->see_gradient(tensor, handed);
    }
    if (!given) continue;
    check_given(given, grad, TensorsHook{tensor, grad});
    put(grad, std::move(given), pass);
  }
}

void run_hooks_before(Node& node, const char* name, std::span<Tensor> outputs, HookPass pass) {
  const Hooks hooks(node, HookKind::before, 0, pass);
  for (Hook* hook : hooks.list()) {
    run_node_hook(*hook, node, {name, "grad_outputs"}, {}, outputs, outputs, pass);
  }
}

void run_hooks_after(const Hooks& hooks, Node& node, const char* name, std::span<Tensor> inputs,
                     std::span<Tensor> outputs, HookPass pass) {
  for (Hook* hook : hooks.list()) {
    run_node_hook(*hook, node, {name, "grad_inputs"}, inputs, outputs, inputs, pass);
  }
}

}  // namespace tg
