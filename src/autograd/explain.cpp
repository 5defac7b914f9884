// SPDX-License-Identifier: MIT
// A tensor in words: what it is to autograd, and what may be done with it.
#include "autograd/graph.h"
#include "autograd/node_extras.h"
#include "autograd/record.h"
#include "autograd/sites.h"
#include "core/extras.h"

namespace tg {

namespace {

constexpr size_t kLongest = 8000;  // bytes

// What decides the answers, read once: another thread may change the tensor meanwhile.
struct Facts {
  const Tensor& x;
  Edge edge;             // held by the caller; empty: no history of its own
  bool is_inference;     // its storage was made in inference mode
  bool is_recorded;      // it has a grad_fn
  bool is_leaf_of_tape;  // its gradient ends in its .grad
  bool shows_grad;       // requires_grad
  const ViewInfo* view;  // null: no view
  bool is_stale_view;

  Node& node() const { return *edge.node(); }
};

Facts facts_of(const Tensor& x, Edge edge) {
  const TensorHead& head = *x.head();
  const bool recorded = edge && !is_accumulator(edge.node());
  return {x,
          edge,
          x.is_inference(),
          recorded,
          edge && !recorded,
          requires_grad(x),
          x.is_view() ? &head.view_info() : nullptr,
          x.is_view() && is_stale(head)};
}

const char* birth_of(Origin origin) {
  switch (origin) {
    case Origin::plain: return "in grad mode";
    case Origin::multi: return "as one of several results";
    case Origin::no_grad: return "in no_grad mode";
    case Origin::inference: return "in inference mode";
    case Origin::operand: return "by an operator that gave an operand's memory back";
  }
  return "";
}

Message& name_base(Message& out, const ViewInfo& view) {
  const Tensor base = Tensor::share(view.base);
  return out << Named{base};
}

void tell_grad(const Facts& f, OperatorOf operator_of, Message& out) {
  if (f.is_inference) {
    out << "It is an inference tensor: its memory was made in inference mode. It is no leaf, and "
           "no "
           "gradient can reach it"
        << (f.shows_grad ? "; requires_grad 1 was asked for and is shown, without effect.\n"
                         : ".\n");
  } else if (f.is_recorded) {
    char text[160];
    Message name(text, sizeof text);
    append_node_name(f.node(), operator_of, name);
    out << "It requires grad: its grad_fn is " << text;
    if (f.node().outputs_n > 1) out << ", of which it is result " << f.edge.output();
    out << ", recorded in grad mode as number " << f.node().sequence() << " of its thread";
    if (const uint64_t site = extra_of(f.node()).birth.site; site != 0)
      out << ", at " << Site{site};
    out << ".\n";
  } else if (f.is_leaf_of_tape) {
    out << "It requires grad: it is a leaf that was made to, and gradients end in its .grad, which "
        << (grad_of(f.x) ? "is set.\n" : "is not set.\n");
  } else if (f.shows_grad) {
    out << "It shows requires_grad 1, because its base does; but it was made "
        << birth_of(f.view->origin) << ", so no gradient flows through it.\n";
  } else if (!is_floating(f.x.dtype())) {
    out << "It requires no grad: " << f.x.dtype() << " has no gradients.\n";
  } else {
    out << "It requires no grad: it is a leaf that was not asked to, or was computed from such "
           "tensors, or where grad mode was off, or was detached.\n";
  }
}

void tell_version(const Facts& f, Message& out) {
  if (f.is_inference) {
    out << "It has no version: changes of inference tensors are not counted.\n";
    return;
  }
  out << "Its version is " << f.x.storage().version.load(std::memory_order_relaxed)
      << ": so often its memory was changed in place, by this tensor or by views of it.\n";
}

void tell_view(const Facts& f, Message& out) {
  if (f.view == nullptr) return;
  name_base(out << "It is a view of ", *f.view) << ", made " << birth_of(f.view->origin);
  if (f.is_stale_view) {
    out << "; its base was changed in place since, so it is stale: its history may not be used";
  }
  out << ".\n";
}

bool saved_by(Node& node, const Storage& storage) {
  const SavedLook look(node);
  if (!look) return false;
  for (const Saved& saved : node.saved()) {
    if (saved.tensor && &saved.tensor.storage() == &storage) return true;
  }
  return false;
}

// Who holds its memory beside it. Calls that took it as an operand are known by number; by name
// those behind it, and those that were made at a site, wherever they are.
void tell_holders(const Facts& f, OperatorOf operator_of, Message& out) {
  const Storage& own = f.x.storage();
  const uint32_t holders = own.refs.load(std::memory_order_relaxed) - 1;
  if (holders == 0) {
    out << "No call saved it for backward.\n";
    return;
  }
  out << "Its memory is held by " << holders
      << (f.is_inference ? " more, views of it or what tg_detach gave"
                         : " more, which calls saved for backward or tg_detach gave");
  constexpr size_t kMostNames = 20;
  KeyIndex named;
  const auto tell = [&](Node& node) {
    if (named.size() == kMostNames || !saved_by(node, own)) return;
    bool fresh = false;
    named.number(reinterpret_cast<uintptr_t>(&node), &fresh);
    if (!fresh) return;
    char text[160];
    Message name(text, sizeof text);
    append_node_name(node, operator_of, name);
    out << (named.size() == 1 ? "; " : ", ") << text;
    if (const uint64_t site = extra_of(node).birth.site; site != 0) out << " at " << Site{site};
  };
  Graph graph(f.x);
  for (size_t i = 0; i < graph.size(); ++i) tell(graph.node(i));
  HeldNodes sited;
  hold_nodes_with_sites(sited);
  for (Node* node : sited.nodes) tell(*node);
  if (named.size() != 0) {
    out << (named.size() == kMostNames ? " and perhaps others saved it.\n" : " saved it.\n");
  } else {
    out << "; calls are named here where tg_site_set told their site.\n";
  }
}

// What all nodes behind the tensor keep, and the first that keeps a backward from running.
struct Survey {
  size_t nodes = 0, storages = 0;
  uint64_t bytes = 0, tensors = 0, packed = 0, freed = 0, busy = 0;
  Node* freed_node = nullptr;
  Node* changed_node = nullptr;
};

bool is_dry(Node& node) {  // no gradient flows through it, so its rule is never run
  for (const Edge edge : node.inputs()) {
    if (edge) return false;
  }
  return true;
}

Survey survey_of(const Tensor& x) {
  Graph graph(x);
  KeyIndex storages;
  Survey found;
  for (size_t i = 0; i < graph.size(); ++i) {
    Node& node = graph.node(i);
    const SavedLook look(node);
    if (!look) ++found.busy;
    if (node.has(Node::kFreed) && !is_dry(node)) {
      ++found.freed;
      if (found.freed_node == nullptr) found.freed_node = &node;
    }
    for (size_t k = 0; look && k < node.saved().size(); ++k) {
      const Saved& saved = node.saved()[k];
      if (!saved.tensor) {
        if (saved.is_packed() && !node.has(Node::kFreed)) ++found.packed;
        continue;
      }
      ++found.tensors;
      const Storage& storage = saved.tensor.storage();
      if (storage.version.load(std::memory_order_relaxed) != saved.version &&
          found.changed_node == nullptr) {
        found.changed_node = &node;
      }
      bool fresh = false;
      storages.number(reinterpret_cast<uintptr_t>(&storage), &fresh);
      if (fresh) found.bytes += static_cast<uint64_t>(storage.bytes());
    }
  }
  found.nodes = graph.size();
  found.storages = storages.size();
  return found;
}

struct Amount {
  uint64_t n;
  const char* what;
};
Message& operator<<(Message& message, Amount counted) {
  return message << counted.n << ' ' << counted.what << (counted.n == 1 ? "" : "s");
}

void tell_memory(const Facts& f, const Survey& behind, Message& out) {
  out << "It keeps " << f.x.storage().bytes() << " bytes of memory alive; its own elements are "
      << f.x.numel() * size_of(f.x.dtype()) << " of them.\n";
  if (behind.nodes == 0) return;
  out << "Its graph keeps " << Amount{behind.nodes, "node"} << " alive, which saved ";
  if (behind.tensors != 0) {
    out << Amount{behind.tensors, "tensor"} << " in " << Amount{behind.storages, "storage"}
        << " of " << behind.bytes << " bytes";
  } else {
    out << (behind.packed != 0 ? "nothing themselves" : "nothing");
  }
  if (behind.packed != 0) {
    out << "; hooks on saved tensors or checkpoints have " << behind.packed << " more";
  }
  if (behind.freed != 0) {
    out << "; a backward has freed what " << behind.freed << " of the nodes saved";
  }
  if (behind.busy != 0) {
    out << "; a backward runs over " << behind.busy << " of them now, which were not counted";
  }
  out << ".\n";
}

// ---- what may be done in each mode ----

enum class Mode { normal, no_grad, inference };

void tell_backward(const Facts& f, const Survey& behind, OperatorOf operator_of, Mode mode,
                   Message& out) {
  const auto name = [&](Node& node) {
    char text[160];
    Message its(text, sizeof text);
    append_node_name(node, operator_of, its);
    out << text;
  };
  out << "  backward from it: ";
  if (mode == Mode::inference) {
    out << "no, autograd is off";
  } else if (f.is_inference) {
    out << "no, it is an inference tensor";
  } else if (f.is_stale_view) {
    out << "no, it is a stale view";
  } else if (!f.edge) {
    out << "no, it has no history";
  } else if (behind.freed_node != nullptr) {
    out << "no, its graph was freed by the backward before, what ";
    name(*behind.freed_node);
    out << " saved";
  } else if (behind.changed_node != nullptr) {
    out << "no, a tensor that ";
    name(*behind.changed_node);
    out << " saved was changed in place";
  } else if (f.x.numel() != 1) {
    out << "yes, with a gradient of its shape";
  } else {
    out << "yes";
  }
}

bool repeats_elements(const Tensor& x) {
  bool repeats = false;
  for (int d = 0; d < x.rank(); ++d) repeats = repeats || (x.stride(d) == 0 && x.size(d) > 1);
  return repeats;
}

void tell_in_place(const Facts& f, Mode mode, Message& out) {
  out << "\n  in place: ";
  if (f.x.storage().is_lent()) {
    out << "no, a hook or a backward was handed it as a gradient";
  } else if (f.x.storage().is_read_only()) {
    out << "no, its memory is read-only";
  } else if (f.is_inference && mode != Mode::inference) {
    out << "no, an inference tensor is changed inside inference mode alone";
  } else if (repeats_elements(f.x)) {
    out << "fill_ and zero_ alone, one element in memory stands for several";
  } else if (mode == Mode::normal && f.is_leaf_of_tape) {
    out << "no, it is a leaf that requires grad";
  } else if (mode == Mode::normal && f.view != nullptr && f.view->origin != Origin::plain) {
    out << (f.shows_grad ? "no, it is a view made "
                         : "only what does not record, it is a view made ")
        << birth_of(f.view->origin);
  } else if (mode == Mode::normal && f.view != nullptr &&
             accumulator_of(*f.view->base) != nullptr) {
    out << "no, it is a view of a leaf that requires grad";
  } else if (mode == Mode::normal && f.view != nullptr && f.is_recorded &&
             history_word(*f.view->base) == 0) {
    out << "no, it is a view that requires grad of a tensor that was detached";
  } else if (mode == Mode::normal && f.is_recorded) {
    out << "yes, recorded";
  } else {
    out << "yes, not recorded";
  }
}

void tell_operand(const Facts& f, Mode mode, Message& out) {
  out << "\n  as an operand: ";
  if (mode == Mode::inference) {
    out << "yes, nothing is recorded";
  } else if (mode == Mode::no_grad) {
    out << "yes, nothing is recorded or saved";
  } else if (f.is_inference) {
    out << (f.shows_grad ? "not beside normal tensors in what records"
                         : "a constant; not where it would be saved");
  } else if (f.is_stale_view) {
    out << "not in what records";
  } else if (f.edge) {
    out << "recorded, and saved where a gradient reads it";
  } else if (f.shows_grad) {
    out << "recorded, but no gradient flows to it";
  } else {
    out << "a constant, saved where a gradient reads it";
  }
}

struct HeldEdge {
  Edge edge;
  ~HeldEdge() {
    if (edge) let_go(edge.node());
  }
};

}  // namespace

String explain(const Tensor& x, OperatorOf operator_of) {
  const HeldEdge held{take_edge(*x.head())};
  const Facts facts = facts_of(x, held.edge);
  String text(kLongest, '\0');
  Message out(text.data(), text.size());
  if (const String name = name_of_tensor(*x.head()); !name.empty()) {
    out << '"' << Quoted{{name.data(), name.size()}} << "\", ";
  }
  out << Described{x} << (facts.is_inference || facts.is_recorded ? "" : ", a leaf") << ".\n";
  tell_grad(facts, operator_of, out);
  tell_version(facts, out);
  tell_view(facts, out);
  tell_holders(facts, operator_of, out);
  const Survey behind = survey_of(x);
  tell_memory(facts, behind, out);
  constexpr const char* kModes[] = {"normal mode", "no_grad mode", "inference mode"};
  for (const Mode mode : {Mode::normal, Mode::no_grad, Mode::inference}) {
    out << "In " << kModes[static_cast<int>(mode)] << ":\n";
    tell_backward(facts, behind, operator_of, mode, out);
    tell_in_place(facts, mode, out);
    tell_operand(facts, mode, out);
    out << '\n';
  }
  text.resize(out.written());
  return text;
}

}  // namespace tg
