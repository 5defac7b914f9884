// SPDX-License-Identifier: MIT
// Backward, gradients and the graph's nodes.
#include "autograd/graph.h"
#include "capi/seam.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace tg::capi {

namespace {

GradFlags grad_flags(uint32_t flags, uint32_t known) {
  check_flags(flags, known);
  return {(flags & TG_RETAIN_GRAPH) != 0, (flags & TG_CREATE_GRAPH) != 0,
          (flags & TG_ALLOW_UNUSED) != 0};
}

struct NodePin {
  Pin pin;
  explicit NodePin(tg_node handle) : pin(handle, Kind::node, "node") {}
  Node& operator*() const { return *static_cast<Node*>(pin.object()); }
  Node* operator->() const { return static_cast<Node*>(pin.object()); }
};

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_backward(tg_tensor output) {
  return guarded(__func__, [&] {
    const TensorPin root(output, "output");
    const tg::Tensor* const roots[] = {&*root};
    tg::backward(roots, {}, {});
  });
}

tg_status tg_backward_from(const tg_tensor* outputs, const tg_tensor* grad_outputs, size_t count,
                           uint32_t flags) {
  return guarded(__func__, [&] {
    const TensorPins roots(outputs, count, "outputs");
    const TensorPins grads(grad_outputs, grad_outputs != nullptr ? count : 0, "grad_outputs", true);
    tg::backward(roots.tensors(), grads.tensors(),
                 grad_flags(flags, TG_RETAIN_GRAPH | TG_CREATE_GRAPH));
  });
}

tg_status tg_grad(const tg_tensor* outputs, const tg_tensor* grad_outputs, size_t count,
                  const tg_tensor* inputs, size_t input_count, uint32_t flags, tg_tensor* outs) {
  return guarded(__func__, [&] {
    check_pointer(outs, "outs");
    for (size_t i = 0; i < input_count; ++i) outs[i] = 0;
    const TensorPins roots(outputs, count, "outputs");
    const TensorPins grads(grad_outputs, grad_outputs != nullptr ? count : 0, "grad_outputs", true);
    const TensorPins asked(inputs, input_count, "inputs");
    const tg::GradFlags known =
        grad_flags(flags, TG_RETAIN_GRAPH | TG_CREATE_GRAPH | TG_ALLOW_UNUSED);
    NewHandles handles(input_count);
    tg::Vector<tg::Tensor> found(input_count);
    tg::grad(roots.tensors(), grads.tensors(), asked.tensors(), known, found);
    for (size_t i = 0; i < input_count; ++i) {
      if (found[i]) outs[i] = handles.publish(i, std::move(found[i]));
    }
  });
}

tg_status tg_node_name(tg_node node, char* buffer, size_t capacity, size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const NodePin pinned(node);
    char text[128];
    tg::Message name(text, sizeof text);
    tg::append_node_name(*pinned, tg::operator_of, name);
    put_text(text, buffer, capacity, length);
  });
}

tg_status tg_node_inputs(tg_node node, tg_node* inputs, size_t capacity, size_t* count) {
  return guarded(__func__, [&] {
    clear_outs(inputs, capacity, "inputs");
    check_pointer(count, "count");
    const NodePin pinned(node);
    const size_t n = pinned->inputs_n;
    if (inputs != nullptr && n > capacity) {
      *count = n;
      tg::fail(TG_ERROR_LIMIT, "the node has ", n, " inputs, the array has room for ", capacity,
               "; give a larger array");
    }
    if (inputs != nullptr) {
      tg::Vector<NewHandle> handles(n);
      for (size_t i = 0; i < n; ++i) {
        tg::Node* input = pinned->inputs()[i].node();
        if (input == nullptr) continue;
        share_object(Kind::node, input);
        inputs[i] = handles[i].publish(Kind::node, input, true);
      }
    }
    *count = n;
  });
}

tg_status tg_node_input_number(tg_node node, size_t index, uint32_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const NodePin pinned(node);
    if (index >= pinned->inputs_n) {
      tg::fail(TG_ERROR_INDEX, "index is ", index, "; the node has ", pinned->inputs_n,
               " inputs, so it must be below that");
    }
    *out = pinned->inputs()[index].output();
  });
}

tg_status tg_node_sequence(tg_node node, uint64_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const NodePin pinned(node);
    *out = tg::is_accumulator(&*pinned) ? UINT64_MAX >> 11 : pinned->sequence();
  });
}

tg_status tg_node_saved_bytes(tg_node node, uint64_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const NodePin pinned(node);
    *out = tg::saved_bytes(*pinned);
  });
}
