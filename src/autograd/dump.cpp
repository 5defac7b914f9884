// SPDX-License-Identifier: MIT
// The graph behind a tensor as text: DOT for Graphviz, and JSON. Both are written from one list of
// parts, in which a large graph is folded.
#include <charconv>

#include "autograd/graph.h"
#include "autograd/node_extras.h"
#include "autograd/sites.h"
#include "core/extras.h"

namespace tg {

namespace {

constexpr size_t kFoldedAbove = 1000;  // nodes
constexpr size_t kMetas = 4096;        // different shapes that are told apart
constexpr uint32_t kUnknown = UINT32_MAX;

class Text {
 public:
  Text& operator<<(std::string_view text) {
    out_.append(text);
    return *this;
  }
  template <std::integral T>
  Text& operator<<(T value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value);
    return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
  }
  Text& operator<<(char c) {
    out_.push_back(c);
    return *this;
  }
  String take() { return std::move(out_); }

 private:
  String out_;
};

std::string_view view(const String& text) { return {text.data(), text.size()}; }

// A foreign text inside the quotes of a DOT label: Graphviz reads \ and & there.
struct DotText {
  std::string_view text;
};
Text& operator<<(Text& out, DotText quoted) {
  for (const char c : quoted.text) {
    switch (c) {
      case '"': out << "\\\""; break;
      case '\\': out << "\\\\"; break;
      case '&': out << "&amp;"; break;
      default: out << (static_cast<unsigned char>(c) < ' ' ? ' ' : c);
    }
  }
  return out;
}

// A JSON string, quotes included (RFC 8259, 7).
struct JsonText {
  std::string_view text;
};
Text& operator<<(Text& out, JsonText quoted) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out << '"';
  for (const char c : quoted.text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (code < 0x20) {
      out << "\\u00" << kDigits[code >> 4] << kDigits[code & 15u];
    } else {
      out << c;
    }
  }
  return out << '"';
}
Text& text_or_null(Text& out, const String& text) {
  return text.empty() ? out << "null" : out << JsonText{view(text)};
}

Text& number_or_null(Text& out, bool known, uint64_t number) {
  return known ? out << number : out << "null";
}

Text& operator<<(Text& out, const Shape& shape) {
  out << '[';
  for (int d = 0; d < shape.rank; ++d) out << (d > 0 ? ", " : "") << shape[d];
  return out << ']';
}

bool same_meta(const Meta& a, const Meta& b) {
  return a.dtype == b.dtype && same_sizes(a.shape.sizes, a.shape.rank, b.shape.sizes, b.shape.rank);
}

// Different dtypes and shapes, numbered: a node then needs a number alone.
class Metas {
 public:
  uint32_t number(const Meta& meta) {
    for (size_t i = list_.size(); i-- > 0;) {
      if (same_meta(list_[i], meta)) return static_cast<uint32_t>(i);
    }
    if (list_.size() == kMetas) return kUnknown;
    list_.push_back(meta);
    return static_cast<uint32_t>(list_.size() - 1);
  }
  const Meta& at(uint32_t number) const { return list_[number]; }

 private:
  Vector<Meta> list_;
};

// A tensor that a node saved.
struct SavedPart {
  uint32_t which;
  uint64_t bytes;
  Meta meta;
  String name;
};

// A node, or several that are one part of the picture.
struct Part {
  String name;    // "MulBackward"
  String tensor;  // the name of a leaf, or of the output
  String site;    // where the call was recorded, if that was said
  uint32_t meta = kUnknown;
  uint64_t count = 1, bytes = 0, sequence = 0;
  uint64_t packed = 0;  // saved tensors that hooks have
  bool bytes_known = true, is_leaf = false, is_gone = false, freed = false;
  Vector<SavedPart> saved;
};
struct Link {
  size_t from, to;
  uint64_t count;
  uint32_t input, output;  // where nothing is folded
};

struct Parts {
  size_t nodes = 0;
  uint64_t bytes = 0;
  bool bytes_known = true, folded = false;
  Vector<Part> list;
  Vector<Link> links;
  Metas metas;
};

Meta meta_of(const Tensor& x) { return {x.dtype(), x.shape()}; }
Meta meta_of(const TensorHead& head) { return {head.dtype, Shape(head.sizes(), head.rank)}; }

class Reading {
 public:
  Reading(const Tensor& output, OperatorOf operator_of)
      : output_(output), operator_of_(operator_of), graph_(output) {}

  Parts read() {
    parts_.nodes = graph_.size();
    parts_.folded = graph_.size() > kFoldedAbove;
    results_.assign(graph_.size(), kUnknown);
    if (!results_.empty()) results_[0] = parts_.metas.number(meta_of(output_));
    for (size_t i = 0; i < graph_.size(); ++i) learn(i);
    for (size_t i = 0; i < graph_.size(); ++i) pass_on(i);
    for (size_t i = graph_.size(); i-- > 0;) pass_on(i);
    for (size_t i = 0; i < graph_.size(); ++i) pass_on(i);
    if (parts_.folded) {
      fold(true);
      if (parts_.list.size() > kFoldedAbove) fold(false);
    } else {
      for (size_t i = 0; i < graph_.size(); ++i) {
        parts_.list.push_back(part_of(i));
        link(i);
      }
    }
    return std::move(parts_);
  }

 private:
  // What a node knows of the results of others, and of its own.
  void learn(size_t number) {
    Node& node = graph_.node(number);
    if (is_accumulator(&node)) return learn_leaf(number, static_cast<Accumulator&>(node));
    for (uint16_t i = 0; node.has(Node::kShapes) && i < node.inputs_n; ++i) {
      know(node.inputs()[i], [&] { return input_meta(node, i); });
    }
    const SavedLook look(node);
    if (!look) return;
    for (const Saved& saved : node.saved()) {
      if (!saved.tensor) continue;
      const uint32_t input = saved.which & (kUserInputs - 1);
      if (saved.is_output()) {
        if (node.outputs_n > 1 || results_[number] != kUnknown) continue;
        results_[number] = parts_.metas.number(meta_of(saved.tensor));
      } else if (saved.which != kSavedExtra && input < node.inputs_n) {
        know(node.inputs()[input], [&] { return meta_of(saved.tensor); });
      }
    }
  }
  template <class F>
  void know(Edge edge, F&& meta) {
    if (!edge || edge.output() != 0) return;
    uint32_t& known = results_[graph_.number_of(edge.node())];
    if (known == kUnknown) known = parts_.metas.number(meta());
  }
  // Through elementwise operators, from a result to inputs and back: ways of several go in one
  // sweep.
  void pass_on(size_t number) {
    Node& node = graph_.node(number);
    if (is_accumulator(&node) || node.has(Node::kShapes) || !operator_of_(node).elementwise) return;
    for (const Edge edge : node.inputs()) {
      if (!edge || edge.output() != 0) continue;
      uint32_t& input = results_[graph_.number_of(edge.node())];
      if (results_[number] == kUnknown) results_[number] = input;
      if (input == kUnknown) input = results_[number];
    }
  }
  void learn_leaf(size_t number, Accumulator& accumulator) {
    Meta meta;
    {
      LockGuard guard(accumulator.lock);
      const TensorHead* head = accumulator.leaf.load(std::memory_order_relaxed);
      if (head == nullptr) return;
      meta = meta_of(*head);
    }
    results_[number] = parts_.metas.number(meta);
  }

  String name_of(Node& node) const {
    char text[160];
    Message name(text, sizeof text);
    append_node_name(node, operator_of_, name);
    return String(text, name.written());
  }

  Part part_of(size_t number) {
    Node& node = graph_.node(number);
    Part part;
    part.name = name_of(node);
    part.meta = results_[number];
    if (number == 0) part.tensor = name_of_tensor(*output_.head());
    if (is_accumulator(&node)) {
      part.is_leaf = true;
      name_leaf(static_cast<Accumulator&>(node), part);
      return part;
    }
    part.sequence = node.sequence();
    if (const uint64_t site = extra_of(node).birth.site; site != 0) {
      char text[256];
      Message written(text, sizeof text);
      written << Site{site};
      part.site.assign(text, written.written());
    }
    part.saved.resize(node.saved_n);  // before the look: no memory is asked for while it lasts
    Vector<Tensor> held(node.saved_n);
    {
      const SavedLook look(node);
      part.bytes_known = static_cast<bool>(look);
      part.freed = node.has(Node::kFreed);
      for (size_t i = 0; look && i < held.size(); ++i) {
        held[i] = node.saved()[i].tensor;
        part.saved[i].which = node.saved()[i].source();
        part.packed += node.saved()[i].is_packed() && !part.freed ? 1 : 0;
      }
    }
    size_t kept = 0;
    for (size_t i = 0; i < held.size(); ++i) {
      if (!held[i]) continue;
      SavedPart& saved = part.saved[kept++];
      saved.which = part.saved[i].which;
      saved.meta = meta_of(held[i]);
      saved.bytes = static_cast<uint64_t>(held[i].numel() * size_of(held[i].dtype()));
      saved.name = name_of_tensor(*held[i].head());
      part.bytes += saved.bytes;
    }
    part.saved.resize(kept);
    count_bytes(part);
    return part;
  }
  void count_bytes(const Part& part) {
    parts_.bytes += part.bytes;
    parts_.bytes_known = parts_.bytes_known && part.bytes_known;
  }
  static void name_leaf(Accumulator& accumulator, Part& part) {
    char text[256];
    Message name(text, sizeof text);
    {
      LockGuard guard(accumulator.lock);
      const TensorHead* head = accumulator.leaf.load(std::memory_order_relaxed);
      part.is_gone = head == nullptr;
      if (head != nullptr) append_name(*head, name);
    }
    part.tensor.assign(text, name.written());
  }
  void link(size_t number) {
    Node& node = graph_.node(number);
    for (uint16_t i = 0; i < node.inputs_n; ++i) {
      const Edge edge = node.inputs()[i];
      if (edge)
        parts_.links.push_back({number, graph_.number_of(edge.node()), 1, i, edge.output()});
    }
  }

  // ---- a large graph: nodes of the same name and shape are one part ----

  void fold(bool by_shape) {
    parts_.list.clear();
    parts_.links.clear();
    parts_.bytes = 0;
    parts_.bytes_known = true;
    KeyIndex groups, links;
    Vector<String> names;
    Vector<uint32_t> group_of(graph_.size());
    for (size_t i = 0; i < graph_.size(); ++i) {
      Node& node = graph_.node(i);
      const uint64_t name = number_of_name(names, name_of(node));
      bool fresh = false;
      const uint64_t key = name << 32 | (by_shape ? results_[i] : 0);
      const size_t group = groups.number(key, &fresh);
      group_of[i] = static_cast<uint32_t>(group);
      if (fresh) {
        Part part;
        part.name = names[name];
        part.meta = by_shape ? results_[i] : kUnknown;
        part.is_leaf = is_accumulator(&node);
        part.count = 0;
        parts_.list.push_back(std::move(part));
      }
      Part& part = parts_.list[group];
      ++part.count;
      add_bytes(node, part);
    }
    for (const Part& part : parts_.list) count_bytes(part);
    for (size_t i = 0; i < graph_.size(); ++i) {
      for (const Edge edge : graph_.node(i).inputs()) {
        if (!edge) continue;
        const uint64_t from = group_of[i], to = group_of[graph_.number_of(edge.node())];
        bool fresh = false;
        const size_t link = links.number(from << 32 | to, &fresh);
        if (fresh) parts_.links.push_back({from, to, 0, 0, 0});
        ++parts_.links[link].count;
      }
    }
  }
  static size_t number_of_name(Vector<String>& names, String name) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return i;
    }
    names.push_back(std::move(name));
    return names.size() - 1;
  }
  static void add_bytes(Node& node, Part& part) {
    const SavedLook look(node);
    part.bytes_known = part.bytes_known && look;
    for (size_t i = 0; look && i < node.saved().size(); ++i) {
      const Tensor& x = node.saved()[i].tensor;
      if (x) part.bytes += static_cast<uint64_t>(x.numel() * size_of(x.dtype()));
    }
  }

  const Tensor& output_;
  OperatorOf operator_of_;
  Graph graph_;
  Vector<uint32_t> results_;  // of each node: its first result's number among the metas
  Parts parts_;
};

// ---- DOT ----

void write_label(Text& out, const Part& part, const Metas& metas) {
  if (!part.tensor.empty()) out << DotText{view(part.tensor)} << (part.is_leaf ? "" : " = ");
  if (!part.is_leaf || part.tensor.empty()) out << DotText{view(part.name)};
  if (part.count > 1) out << " x " << part.count;
  if (part.is_gone) out << "\\nreleased";
  if (part.meta != kUnknown) {
    out << "\\n" << name_of(metas.at(part.meta).dtype) << metas.at(part.meta).shape;
  }
  if (!part.site.empty()) out << "\\n" << DotText{view(part.site)};
  if (part.freed) out << "\\nfreed";
  if (part.packed != 0) out << "\\nhooks have " << part.packed << " of what it saved";
  if (part.bytes == 0) return;
  out << "\\nsaves " << part.bytes << " bytes";
  const char* before = ": ";
  for (const SavedPart& saved : part.saved) {
    if (saved.name.empty()) continue;
    out << before << DotText{view(saved.name)};
    before = ", ";
  }
}

}  // namespace

// The colours are readable on white and on black: dark text on light boxes, grey arrows.
String graph_as_dot(const Tensor& output, OperatorOf operator_of) {
  const Parts parts = Reading(output, operator_of).read();
  Text out;
  out << "digraph tape {\n";
  if (!parts.list.empty()) {
    out << "  bgcolor=\"transparent\";\n"
           "  node [shape=box, style=\"rounded,filled\", color=\"#5b7fa3\", "
           "fillcolor=\"#dbe9f6\", fontcolor=\"#14202b\", fontname=\"sans-serif\", "
           "fontsize=11];\n"
           "  edge [color=\"#7f8c99\", fontcolor=\"#7f8c99\", fontname=\"sans-serif\", "
           "fontsize=10];\n";
  }
  for (size_t i = 0; i < parts.list.size(); ++i) {
    const Part& part = parts.list[i];
    out << "  n" << i << " [label=\"";
    write_label(out, part, parts.metas);
    out << '"';
    if (part.is_leaf) out << ", shape=ellipse, color=\"#6b9a52\", fillcolor=\"#e3f1dc\"";
    out << "];\n";
  }
  for (const Link& link : parts.links) {
    out << "  n" << link.from << " -> n" << link.to;
    if (link.count > 1) {
      out << " [label=\"x " << link.count << "\"]";
    } else if (link.output != 0) {
      out << " [label=\"output " << link.output << "\"]";
    }
    out << ";\n";
  }
  out << "}\n";
  return out.take();
}

// ---- JSON ----

namespace {

void write_meta(Text& out, const Meta* meta) {
  if (meta == nullptr) {
    out << "\"dtype\": null, \"shape\": null";
  } else {
    out << "\"dtype\": \"" << name_of(meta->dtype) << "\", \"shape\": " << meta->shape;
  }
}

void write_which(Text& out, uint32_t which) {
  if (which == kSavedExtra) {
    out << "\"extra\"";
  } else if (which == kSavedOutput) {
    out << "\"output 0\"";
  } else if (which >= kUserOutputs) {
    out << "\"output " << which - kUserOutputs << '"';
  } else {
    out << "\"input " << (which >= kUserInputs ? which - kUserInputs : which) << '"';
  }
}

void write_node(Text& out, const Part& part, size_t id, const Parts& parts) {
  out << "{\"id\": " << id << ", \"name\": " << JsonText{view(part.name)}
      << ", \"count\": " << part.count << ", ";
  write_meta(out, part.meta != kUnknown ? &parts.metas.at(part.meta) : nullptr);
  number_or_null(out << ", \"saved_bytes\": ", part.bytes_known, part.bytes);
  if (parts.folded) {
    out << '}';
    return;
  }
  number_or_null(out << ", \"sequence\": ", !part.is_leaf, part.sequence);
  text_or_null(out << ", \"tensor\": ", part.tensor);
  text_or_null(out << ", \"site\": ", part.site);
  out << ", \"freed\": " << (part.freed ? "true" : "false") << ", \"packed\": " << part.packed
      << ", \"saved\": [";
  const char* before = "";
  for (const SavedPart& saved : part.saved) {
    write_which(out << before << "{\"which\": ", saved.which);
    write_meta(out << ", ", &saved.meta);
    text_or_null(out << ", \"bytes\": " << saved.bytes << ", \"tensor\": ", saved.name) << '}';
    before = ", ";
  }
  out << "]}";
}

void write_edge(Text& out, const Link& link, bool folded) {
  out << "{\"from\": " << link.from << ", \"to\": " << link.to << ", \"count\": " << link.count;
  if (!folded) out << ", \"input\": " << link.input << ", \"output\": " << link.output;
  out << '}';
}

}  // namespace

String graph_as_json(const Tensor& output, OperatorOf operator_of) {
  const Parts parts = Reading(output, operator_of).read();
  Text out;
  out << "{\"node_count\": " << parts.nodes;
  number_or_null(out << ", \"saved_bytes\": ", parts.bytes_known, parts.bytes);
  out << ", \"folded\": " << (parts.folded ? "true" : "false") << ",\n \"nodes\": [";
  for (size_t i = 0; i < parts.list.size(); ++i) {
    write_node(out << (i > 0 ? ",\n  " : "\n  "), parts.list[i], i, parts);
  }
  out << "],\n \"edges\": [";
  for (size_t i = 0; i < parts.links.size(); ++i) {
    write_edge(out << (i > 0 ? ",\n  " : "\n  "), parts.links[i], parts.folded);
  }
  out << "]}\n";
  return out.take();
}

}  // namespace tg
