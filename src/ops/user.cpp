// SPDX-License-Identifier: MIT
#include "ops/user.h"

namespace tg {

uint32_t plan_user(const char* op, Operands inputs, SaveMask saved) {
  if (!recording_mode()) return 0;
  const auto n = static_cast<int>(inputs.size());
  const uint32_t wanted = wanted_operands(inputs.data(), n);
  if (wanted == 0 || !plan_record(op, inputs.data(), n, wanted, saved)) return 0;
  return wanted;
}

Node* reserve_user_node(const UserRecording& recording, Operands inputs,
                        std::span<const Tensor> outs) {
  uint32_t saved = 0;
  size_t saved_bytes = 0, words = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    words += 1 + static_cast<size_t>(inputs[i]->rank());
    if ((recording.inputs >> i & 1) == 0) continue;
    ++saved;
    saved_bytes += saved_head_bytes(*inputs[i]);
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    if ((recording.outputs >> i & 1) == 0) continue;
    ++saved;
    saved_bytes += saved_head_bytes(outs[i]);
  }
  Reserved node(make_node(
      Op{},
      {static_cast<uint32_t>(inputs.size()), static_cast<uint32_t>(outs.size()), saved, saved_bytes,
       words * sizeof(uint64_t), sizeof(UserOperator*) + recording.argument_bytes}));
  Node& made = *node.get();
  made.set(Node::kUser);
  made.user() = &recording.op;
  recording.op.share();
  uint64_t* p = made.shapes() + 1;
  uint32_t place = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = *inputs[i];
    *p++ = static_cast<uint64_t>(x.rank()) | uint64_t{static_cast<uint8_t>(x.dtype())} << 8;
    for (int d = 0; d < x.rank(); ++d) *p++ = static_cast<uint64_t>(x.size(d));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if ((recording.wanted >> i & 1) != 0) made.inputs()[i] = take_edge(*inputs[i]->head());
    if ((recording.inputs >> i & 1) == 0) continue;
    save(made, place++, *inputs[i], kUserInputs + static_cast<uint32_t>(i));
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    if ((recording.outputs >> i & 1) == 0) continue;
    save(made, place++, outs[i], kUserOutputs + static_cast<uint32_t>(i));
  }
  return node.give_up();
}

void link_user(Node* node, std::span<const Tensor> outs, uint32_t differentiable) noexcept {
  // The count that came with the node keeps it until every result has its own.
  for (size_t i = 0; i < outs.size(); ++i) {
    if ((differentiable >> i & 1) == 0) continue;
    node->refs.fetch_add(1, std::memory_order_relaxed);
    link(node, outs[i], static_cast<uint32_t>(i));
  }
  let_go(node);
}

}  // namespace tg
