// SPDX-License-Identifier: MIT
// Backward: walks a graph in two visits a node and sums gradients. It knows no arithmetic; how to
// add is told by an Algebra, so that the arrow between autograd and ops points one way.
#pragma once

#include <span>

#include "autograd/node.h"
#include "autograd/sites.h"

namespace tg {

struct Algebra {
  Tensor (*add)(const Tensor& a, const Tensor& b);
  // into += grad where shapes and dtypes are equal; takes no memory and cannot fail.
  void (*add_in_place)(const Tensor& into, const Tensor& grad) noexcept;
  // A copy that shares memory with nobody, with the strides of `like` where that is dense.
  Tensor (*clone_like)(const Tensor& x, const Tensor& like);
  // Brings a gradient to the shape and dtype of the input that it belongs to.
  Tensor (*fit)(const Tensor& grad, const Meta& input);
  const Operator& (*operator_of)(Node& node);
  // Whether an element is NaN (1) or infinite (2): the sum of those.
  uint32_t (*nonfinite)(const Tensor& x) noexcept;
};

struct Root {
  Edge edge;  // counted by the tensor that the caller holds
  Tensor grad;
  bool is_given = false;  // the gradient is the caller's
};
// An input of tg_grad: whose gradient is asked for, and the sum that was found (null: none).
struct Asked {
  Edge edge;
  const Tensor* input;
  size_t index;  // among the inputs
  Tensor grad = {};
  bool is_reached = false;
};
[[noreturn, gnu::cold]] void fail_unused(const Asked& asked);

struct BackwardOptions {
  bool retain_graph;
  bool create_graph;
  // The first of the two passes of forward mode: operators with a derivative along tangents of
  // their own leave it to the second.
  bool forward_mode = false;
  bool refuses_unused = false;  // an input that no path leads to is an error before any node runs
};

// With asked empty, gradients go to the leaves' .grad, all at the end; else to asked alone.
void run_backward(const Algebra& algebra, std::span<Root> roots, std::span<Asked> asked,
                  BackwardOptions options);

// Operators in the whole process whose nodes passes run in the reverse order of their recording.
inline constinit std::atomic<uint32_t> ordered_operators{0};

// The number of the backward that began last, in the whole process.
uint32_t newest_pass() noexcept;
inline constexpr uint32_t kAsked = UINT32_MAX;  // Node::run while somebody looks at what it saved
// What a node saved, held still: no backward frees it meanwhile. One that comes waits by turning,
// so a look is short. false: a backward runs over the node now.
class SavedLook {
 public:
  explicit SavedLook(Node& node) noexcept;
  ~SavedLook();
  SavedLook(const SavedLook&) = delete;
  SavedLook& operator=(const SavedLook&) = delete;
  explicit operator bool() const { return sees_; }

 private:
  Node& node_;
  bool sees_;
};

// Bytes of the tensors that a node keeps. Fails while a backward runs over it.
uint64_t saved_bytes(Node& node);

// A tensor that `op` saved was changed in place since.
[[noreturn, gnu::cold]] void fail_version(const char* op, const Tensor& saved, uint32_t version,
                                          uint32_t found, Birth birth, bool is_output = false);
[[noreturn, gnu::cold]] void fail_version(const char* op, const Node& node, const Saved& saved,
                                          uint32_t found);

class Backward;

// What a gradient rule sees of the node that runs.
class Vjp {
 public:
  // all: no input was asked for by name, so every one that has an edge is wanted.
  Vjp(Backward& pass, Node& node, bool all) : pass_(pass), node_(node), all_(all) {}

  // The gradient of an output; null where none came (only operators with several outputs see that).
  const Tensor& grad(int output = 0) const { return node_.grads()[static_cast<size_t>(output)]; }
  bool wants(int input) const {
    const Edge edge = node_.inputs()[static_cast<size_t>(input)];
    return edge && (all_ || is_asked(edge));
  }
  // A saved input, or the result by kSavedOutput, for as long as the rule runs. Throws
  // TG_ERROR_VERSION if it was changed.
  const Tensor& saved(uint32_t which) const;
  bool has_saved(uint32_t which) const;
  // The same by its place among those that the node saved. own: the past of a kSavedExtra.
  const Tensor& saved_at(size_t place, Edge own) const;
  int inputs() const { return node_.inputs_n; }
  Meta input(int i) const { return input_meta(node_, i); }  // operators that keep shapes
  Node& node() const { return node_; }
  UserOperator& user() const { return *node_.user(); }  // of nodes that have one
  // The gradient of an input: summed to its shape and cast to its dtype.
  void give(int input, Tensor grad);
  // The gradient rule itself will be differentiated: fused kernels must not be used.
  bool creates_graph() const;
  bool forward_mode() const;
  template <class Args>
  const Args& args() const {
    return node_.args<Args>();
  }

 private:
  bool is_asked(const Edge& edge) const;

  Backward& pass_;
  Node& node_;
  bool all_;
};

}  // namespace tg
