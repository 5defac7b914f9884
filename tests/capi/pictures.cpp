// SPDX-License-Identifier: MIT
// tg_graph_dot, tg_graph_json and tg_explain: what they say, that it is DOT and JSON, and that what
// tg_explain says may be done is what may be done.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "capi/json.h"
#include "capi/rows.h"
#include "capi/saved.h"

using namespace capi;

namespace {

using TextOf = tg_status (*)(tg_tensor, char*, size_t, size_t*);

std::string text_of(TextOf function, tg_tensor x) {
  size_t length = 0;
  std::string text;
  // Other threads may change the graph between the two calls.
  do {
    text.resize(length + 1);
    ok(function(x, text.data(), text.size(), &length));
  } while (length + 1 > text.size());
  text.resize(length);
  return text;
}
std::string dot_of(tg_tensor x) { return text_of(tg_graph_dot, x); }
Json json_of(tg_tensor x) { return JsonReader::read(text_of(tg_graph_json, x)); }
std::string explained(tg_tensor x) { return text_of(tg_explain, x); }

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
Tensor named(Tensor x, const char* name) {
  ok(tg_tensor_set_name(x, name));
  return x;
}

std::string sizes_of(const Json& node) {
  if (node["shape"].is_null()) return "";
  std::string text = node["dtype"].text + "[";
  for (size_t i = 0; i < node["shape"].size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(static_cast<int>(node["shape"][i].number));
  }
  return text + "]";
}

// Graphviz itself reads it, where it is there.
bool dot_reads(const std::string& dot) {
  if (std::system("command -v dot > /dev/null 2>&1") != 0) return true;
  char path[] = "/tmp/tapegrad-dot-XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  std::ofstream(path) << dot;
  const std::string command = std::string("dot -Tplain ") + path + " > /dev/null 2> " + path + ".e";
  const bool read = std::system(command.c_str()) == 0;
  std::ifstream warnings(std::string(path) + ".e");
  const bool silent = warnings.peek() == std::ifstream::traits_type::eof();
  std::remove((std::string(path) + ".e").c_str());
  std::remove(path);
  return read && silent;
}

// x [2, 3] and w [3, 2], named; y = x w; loss = sum(y * y)
struct Example {
  Tensor x = named(tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true), "x");
  Tensor w = named(tensor({1}, {3, 2}, true), "w");
  Tensor y = named(make(tg_mm, x, w), "y");
  Tensor square = make(tg_mul, y, y);
  Tensor loss = named(make(tg_sum, square), "loss");
};

}  // namespace

TEST_CASE("the JSON of a graph has its nodes with shapes, bytes and names", "[pictures]") {
  const Example e;
  const Json graph = json_of(e.loss);
  CHECK(graph["node_count"].number == 5);
  CHECK(graph["folded"].flag == false);
  CHECK(graph["saved_bytes"].number == 48 + 48 + 2 * 32);
  REQUIRE(graph["nodes"].size() == 5);
  const std::vector<std::string> names = {"SumBackward", "MulBackward", "MmBackward",
                                          "AccumulateGrad", "AccumulateGrad"};
  const std::vector<std::string> shapes = {"float64[]", "float64[2, 2]", "float64[2, 2]",
                                           "float64[2, 3]", "float64[3, 2]"};
  for (size_t i = 0; i < names.size(); ++i) {
    const Json& node = graph["nodes"][i];
    INFO(i);
    CHECK(node["id"].number == static_cast<double>(i));
    CHECK(node["name"].text == names[i]);
    CHECK(sizes_of(node) == shapes[i]);
    CHECK(node["count"].number == 1);
    CHECK(node["sequence"].is_null() == (i >= 3));
    CHECK(node["freed"].flag == false);
  }
  CHECK(graph["nodes"][0]["tensor"].text == "loss");
  CHECK(graph["nodes"][1]["tensor"].is_null());
  CHECK(graph["nodes"][3]["tensor"].text == "x");
  CHECK(graph["nodes"][4]["tensor"].text == "w");
  const Json& saved = graph["nodes"][2]["saved"];
  REQUIRE(saved.size() == 2);
  CHECK(saved[0]["which"].text == "input 0");
  CHECK(saved[0]["tensor"].text == "x");
  CHECK(saved[0]["bytes"].number == 48);
  CHECK(sizes_of(saved[1]) == "float64[3, 2]");
  REQUIRE(graph["edges"].size() == 5);
  CHECK(graph["edges"][1]["from"].number == 1);
  CHECK(graph["edges"][1]["to"].number == 2);
  CHECK(graph["edges"][2]["input"].number == 1);
}

TEST_CASE("the DOT of a graph names what the JSON names", "[pictures]") {
  const Example e;
  const std::string dot = dot_of(e.loss);
  INFO(dot);
  CHECK(dot.rfind("digraph tape {\n", 0) == 0);
  CHECK(has(dot, "n0 [label=\"loss = SumBackward\\nfloat64[]\"];"));
  CHECK(has(dot, "n2 [label=\"MmBackward\\nfloat64[2, 2]\\nsaves 96 bytes: x, w\"];"));
  CHECK(has(dot, "n3 [label=\"x\\nfloat64[2, 3]\", shape=ellipse"));
  CHECK(has(dot, "n0 -> n1;"));
  CHECK(has(dot, "n2 -> n4;"));
  CHECK(dot_reads(dot));
}

TEST_CASE("a tensor without grad_fn gives an empty graph", "[pictures]") {
  for (const char* kind : {"n0", "nl", "i0", "i1"}) {
    const Tensor x = of_kind(kind, {1, 2}, {2});
    CHECK(dot_of(x) == "digraph tape {\n}\n");
    const Json graph = json_of(x);
    CHECK(graph["node_count"].number == 0);
    CHECK(graph["saved_bytes"].number == 0);
    CHECK(graph["nodes"].size() + graph["edges"].size() == 0);
  }
  CHECK(dot_reads("digraph tape {\n}\n"));
}

TEST_CASE("any name comes through", "[pictures]") {
  const std::string name = "a\"b\\c&amp;<d>\n\t\x01 {e|f} \\N \xc3\xa9";
  const Tensor x = named(leaf({1, 2}), name.c_str());
  const Tensor loss = named(make(tg_sum, make(tg_mul, x, x)), name.c_str());
  const Json graph = json_of(loss);
  CHECK(graph["nodes"][0]["tensor"].text == name);
  CHECK(graph["nodes"][2]["tensor"].text == name);
  CHECK(graph["nodes"][1]["saved"][0]["tensor"].text == name);
  const std::string dot = dot_of(loss);
  CHECK(has(dot, "a\\\"b\\\\c&amp;amp;<d>    {e|f} \\\\N \xc3\xa9"));
  CHECK(dot_reads(dot));
}

TEST_CASE("freed nodes, released leaves, several outputs, absent operands", "[pictures]") {
  Example e;
  Tensor z = make(tg_mul_scalar, e.loss, 2.0);
  ok(tg_backward(e.loss));
  Json graph = json_of(z);
  CHECK(graph["nodes"][2]["freed"].flag == true);
  CHECK(graph["nodes"][2]["saved_bytes"].number == 0);
  CHECK(has(dot_of(z), "freed"));
  e.x.release();
  graph = json_of(z);
  CHECK(graph["nodes"][4]["name"].text == "AccumulateGrad");
  CHECK(graph["nodes"][4]["tensor"].is_null());
  CHECK(graph["nodes"][4]["shape"].is_null());
  CHECK(has(dot_of(z), "AccumulateGrad\\nreleased"));

  const Tensor a = leaf({1, 2, 3, 4});
  tg_handle parts[2];
  size_t count = 0;
  ok(tg_split(make(tg_exp, a), 2, 0, parts, 2, &count));
  const Tensor first(parts[0]), second(parts[1]);
  const Tensor both = make(tg_mul, first, second);
  CHECK(has(explained(second), "its grad_fn is SplitBackward, of which it is result 1"));
  CHECK(has(dot_of(both), "[label=\"output 1\"]"));
  CHECK(json_of(both)["edges"][1]["output"].number == 1);
  CHECK(dot_reads(dot_of(both)));
}

TEST_CASE("above 1,000 nodes equal parts are folded by name and shape", "[pictures]") {
  const Tensor x = leaf({1, 2});
  Tensor y = make(tg_mul, x, x);
  const auto grow = [&](int nodes) {
    for (int i = 0; i < nodes; ++i) y = make(tg_exp, y);
  };
  grow(998);  // and a Mul and a leaf: exactly 1,000
  CHECK(json_of(y)["folded"].flag == false);
  CHECK(json_of(y)["nodes"].size() == 1000);
  grow(2000);
  const Json graph = json_of(y);
  CHECK(graph["folded"].flag == true);
  CHECK(graph["node_count"].number == 3000);
  REQUIRE(graph["nodes"].size() == 3);
  CHECK(graph["nodes"][0]["name"].text == "ExpBackward");
  CHECK(graph["nodes"][0]["count"].number == 2998);
  CHECK(graph["nodes"][0]["saved_bytes"].number == 2998 * 16);
  CHECK(sizes_of(graph["nodes"][0]) == "float64[2]");
  CHECK(graph["saved_bytes"].number == 2998 * 16 + 32);
  REQUIRE(graph["edges"].size() == 3);
  CHECK(graph["edges"][0]["count"].number == 2997);
  CHECK(graph["edges"][2]["count"].number == 2);  // x twice
  const std::string dot = dot_of(y);
  CHECK(has(dot, "ExpBackward x 2998\\nfloat64[2]\\nsaves 47968 bytes"));
  CHECK(has(dot, "n0 -> n0 [label=\"x 2997\"];"));
  CHECK(dot_reads(dot));
}

TEST_CASE("more than 1,000 shapes are folded by name alone", "[pictures]") {
  std::vector<Tensor> sums;
  for (int64_t i = 1; i <= 1200; ++i)
    sums.push_back(make(tg_sum, make(tg_exp, tensor({0}, {i}, true))));
  std::vector<tg_tensor> list(sums.begin(), sums.end());
  Tensor all;
  ok(tg_stack(list.data(), list.size(), 0, all.out()));
  const Json graph = json_of(all);
  CHECK(graph["node_count"].number == 1 + 3 * 1200);
  CHECK(graph["nodes"].size() == 4);
}

TEST_CASE("a million nodes are walked without recursion", "[pictures]") {
  Tensor y = leaf({1});
  for (int i = 0; i < 1000000; ++i) {
    tg_handle next = 0;
    if (tg_add_scalar(y, 1, &next) != TG_OK) FAIL(tg_last_error_message());
    y = Tensor(next);
  }
  const Json graph = json_of(y);
  CHECK(graph["node_count"].number == 1000001);
  CHECK(graph["nodes"].size() <= 4);
  CHECK(has(explained(y), "1000001 nodes"));
}

TEST_CASE("a picture while a backward runs over the graph", "[pictures]") {
  // Inside: the deleter of a saved tensor runs in the middle of the pass.
  const Tensor w = leaf({2});
  Tensor y = make(tg_exp, w);
  struct Looks {
    double value = 2;
    tg_tensor of = 0;
    std::string json, text;
  } looks;
  Tensor lent;
  const int64_t one[] = {1};
  ok(tg_tensor_from_memory(
      &looks.value, TG_FLOAT64, one, nullptr, 1, 0,
      [](void* self, void*) {
        auto* to = static_cast<Looks*>(self);
        to->json = text_of(tg_graph_json, to->of);
        to->text = explained(to->of);
      },
      &looks, lent.out()));
  Tensor z = make(tg_mul, y, lent);
  z = make(tg_sum, z);
  looks.of = z;
  lent.release();
  ok(tg_backward(z));
  const Json graph = JsonReader::read(looks.json);
  CHECK(graph["saved_bytes"].is_null());
  CHECK(graph["node_count"].number == 4);
  CHECK(has(looks.text, "a backward runs over"));
  CHECK(!json_of(z)["saved_bytes"].is_null());
}

TEST_CASE("pictures and passes in two threads", "[pictures]") {
  const Example e;
  std::atomic<bool> done{false};
  std::thread other([&] {
    const tg_tensor roots[] = {e.loss};
    for (int i = 0; i < 300; ++i) {
      if (tg_backward_from(roots, nullptr, 1, TG_RETAIN_GRAPH) != TG_OK) break;
    }
    done = true;
  });
  size_t looks = 0;
  while (!done || looks < 20) {
    const Json graph = json_of(e.loss);
    REQUIRE(graph["nodes"].size() == 5);
    REQUIRE(has(dot_of(e.loss), "MmBackward"));
    REQUIRE(has(explained(e.loss), "keeps 5 nodes"));
    ++looks;
  }
  other.join();
  CHECK(grad_values(e.w)[0] == 300 * 2 * (6.0 * 1 + 15.0 * 4));
}

// ---- tg_explain ----

TEST_CASE("tg_explain says why a tensor requires grad or does not", "[pictures]") {
  const Example e;
  std::string text = explained(e.loss);
  INFO(text);
  CHECK(has(text, "\"loss\", float64[]."));
  CHECK(has(text, "It requires grad: its grad_fn is SumBackward, recorded in grad mode"));
  CHECK(has(text, "Its version is 0"));
  CHECK(has(text, "Its graph keeps 5 nodes alive"));
  CHECK(has(text, "which saved 4 tensors in 3 storages of 128 bytes"));
  CHECK(has(text, "In normal mode:\n  backward from it: yes\n  in place: yes, recorded\n"));
  CHECK(has(text, "In inference mode:\n  backward from it: no, autograd is off\n"));
  text = explained(e.x);
  CHECK(has(text, "It requires grad: it is a leaf"));
  CHECK(has(text, ".grad, which is not set"));
  {
    const Tensor a = vec({1, 2});
    CHECK(has(explained(a), "No call saved it for backward"));
    const Tensor w = leaf({1, 2}), product = make(tg_mul, w, a), y = make(tg_exp, product);
    CHECK(
        has(explained(a),
            "Its memory is held by 1 more, which calls saved for backward or tg_detach gave; calls "
            "are named here where tg_site_set told their site.\n"));
    ok(tg_site_set("model.c", 9));
    const Tensor z = make(tg_tanh, y);
    ok(tg_site_set(nullptr, 0));
    CHECK(has(explained(y),
              "Its memory is held by 1 more, which calls saved for backward or "
              "tg_detach gave; ExpBackward saved it.\n"));
    CHECK(has(explained(z), "; TanhBackward at model.c:9 saved it.\n"));
    CHECK(has(explained(z), "recorded in grad mode as number"));
  }
  ok(tg_backward(e.loss));
  CHECK(has(explained(e.x), ".grad, which is set"));
  CHECK(has(explained(e.y), "no, its graph was freed"));
  CHECK(has(explained(e.loss), "a backward has freed what"));
  CHECK(has(explained(vec({1})), "It requires no grad"));
  for (const char* kind : {"i0", "i1"}) {
    text = explained(of_kind(kind, {1}, {1}));
    CHECK(has(text, "It is an inference tensor"));
    CHECK(has(text, "It has no version"));
    CHECK(has(text, "requires_grad 1 was asked for") == (kind[1] == '1'));
  }
}

TEST_CASE("tg_explain names the calls that saved a tensor where they have a site", "[pictures]") {
  const Tensor w = leaf({1, 2}), a = vec({1, 2});
  ok(tg_site_set("model.c", 11));
  Tensor product = make(tg_mul, w, a);
  ok(tg_site_set("model.c", 12));
  const Tensor other = make(tg_mul, a, product);
  ok(tg_site_set(nullptr, 0));
  const std::string text = explained(a);
  INFO(text);
  CHECK(has(text, "Its memory is held by 2 more"));
  CHECK(has(text, "MulBackward at model.c:11"));
  CHECK(has(text, "MulBackward at model.c:12"));
  CHECK(has(explained(product), "; MulBackward at model.c:12 saved it.\n") == false);
  const Tensor loss = make(tg_sum, other);
  ok(tg_backward(loss));
  CHECK(has(explained(a), "No call saved it for backward"));
  ok(tg_site_set("many.c", 1));
  std::vector<Tensor> many;
  for (int i = 0; i < 100; ++i) many.push_back(make(tg_mul, w, a));
  ok(tg_site_set(nullptr, 0));
  CHECK(has(explained(a), "held by 100 more"));
  CHECK(has(explained(a), "MulBackward at many.c:1 and perhaps others saved it.\n"));
}

TEST_CASE("tg_explain tells what a backward would meet", "[pictures]") {
  const Tensor w = leaf({1, 2}), y = make(tg_exp, w);
  const Tensor root = make(tg_sum, make(tg_mul_scalar, y, 2.0));
  CHECK(has(explained(root), "backward from it: yes\n"));
  CHECK(has(explained(root), "which saved 1 tensor in 1 storage of 16 bytes"));
  {
    const In no_grad(Mode::no_grad);
    ok(tg_mul_scalar_(y, 2));
  }
  CHECK(has(explained(root), "no, a tensor that ExpBackward saved was changed in place"));
  fails(tg_backward(root), TG_ERROR_VERSION);
  const Tensor again = make(tg_exp, w), total = make(tg_sum, again);
  ok(tg_backward(total));
  const Tensor over = make(tg_mul_scalar, total, 2.0);
  CHECK(has(explained(over), "no, its graph was freed by the backward before, what ExpBackward"));
  fails(tg_backward(over), TG_ERROR_AUTOGRAD);
  const Tensor numbers = make(tg_to_dtype, w, int32_t{TG_INT64});
  CHECK(has(explained(numbers), "It requires no grad: int64 has no gradients."));
  Tensor quiet;
  {
    const In no_grad(Mode::no_grad);
    quiet = make(tg_unsqueeze, w, int64_t{0});
  }
  CHECK(has(explained(quiet), "as an operand: recorded, but no gradient flows to it"));
  CHECK(requires_grad(make(tg_mul_scalar, quiet, 2.0)) == 1);
  const Hook hook = Hook::on(w, [](tg_tensor, tg_tensor grad, tg_tensor*) {
    CHECK(has(explained(grad), "in place: no, a hook or a backward was handed it as a gradient"));
    return 0;
  });
  ok(backward_ones(make(tg_mul_scalar, w, 2.0)));
  Tensor made_there, its_view;
  {
    const In inference(Mode::inf);
    made_there = vec({1, 2});
    its_view = make(tg_unsqueeze, made_there, int64_t{0});
  }
  CHECK(has(explained(made_there), "held by 1 more, views of it or what tg_detach gave"));
}

TEST_CASE("tg_explain counts what hooks and checkpoints keep", "[pictures]") {
  const Tensor w = leaf({1, 2});
  SavedHooks hooks;
  const Tensor y = make(tg_mul, w, w);
  hooks.leave();
  CHECK(has(explained(y), "nothing themselves; hooks on saved tensors or checkpoints have 2 more"));
}

TEST_CASE("tg_explain tells views by base, origin and whether they are stale", "[pictures]") {
  const Tensor base = named(tensor({1, 2, 3, 4}, {4}), "base");
  const Tensor x = make(tg_clone, leaf({1, 2, 3, 4}));
  ok(tg_tensor_set_name(x, "trunk"));
  Tensor quiet;
  {
    const In mode(Mode::no_grad);
    quiet = viewed(x, {2, 2});
  }
  std::string text = explained(quiet);
  CHECK(has(text, "It is a view of \"trunk\" (float64[4]), made in no_grad mode."));
  CHECK(has(text, "It shows requires_grad 1, because its base does"));
  ok(tg_mul_scalar_(x, 2));
  text = explained(quiet);
  CHECK(has(text, "so it is stale"));
  CHECK(has(text, "no, it is a stale view"));
  CHECK(has(text, "Its version is 1"));
  CHECK(has(explained(viewed(base, {2, 2})),
            "It is a view of \"base\" (float64[4]), made in grad mode."));
  CHECK(has(explained(piece_of(base, 4)), "made as one of several results"));
  text = explained(make(tg_narrow, base, int64_t{0}, int64_t{1}, int64_t{2}));
  CHECK(has(text, "It keeps 32 bytes of memory alive; its own elements are 16 of them."));
}

TEST_CASE("what tg_explain says may be done is what may be done", "[pictures]") {
  const double memory[] = {1};
  struct Case {
    const char* what;
    std::function<Tensor()> make_it;
  };
  const auto view_in = [](Mode mode, const char* kind) {
    const Tensor x = of_kind(kind, {1}, {1, 1});
    const In in(mode);
    return viewed(x, {1});
  };
  const std::vector<Case> cases = {
      {"n0", [] { return of_kind("n0", {1}, {1}); }},
      {"nl", [] { return of_kind("nl", {1}, {1}); }},
      {"nn", [] { return of_kind("nn", {1}, {1}); }},
      {"i0", [] { return of_kind("i0", {1}, {1}); }},
      {"i1", [] { return of_kind("i1", {1}, {1}); }},
      {"read-only", [&] { return read_only(memory, {1}); }},
      {"expanded",
       [] {
         const int64_t sizes[] = {3};
         return make(tg_expand, of_kind("n0", {1}, {1}), sizes, 1);
       }},
      {"view of nl", [&] { return view_in(Mode::normal, "nl"); }},
      {"view of nn", [&] { return view_in(Mode::normal, "nn"); }},
      {"view of n0", [&] { return view_in(Mode::normal, "n0"); }},
      {"no_grad view of nn", [&] { return view_in(Mode::no_grad, "nn"); }},
      {"inference view of nn", [&] { return view_in(Mode::inf, "nn"); }},
      {"piece of nn", [] { return piece_of(of_kind("nn", {1}, {1}), 1); }},
  };
  for (const Case& one : cases) {
    for (const Mode mode : kModes) {
      const Tensor x = one.make_it();
      const std::string text = explained(x);
      const std::string line = mode == Mode::normal    ? "In normal mode:\n"
                               : mode == Mode::no_grad ? "In no_grad mode:\n"
                                                       : "In inference mode:\n";
      const size_t begin = text.find(line);
      INFO(one.what << " in " << mode << '\n' << text);
      REQUIRE(begin != std::string::npos);
      const std::string told = text.substr(begin, text.find("\nIn ", begin) - begin);
      const In in(mode);
      const bool runs = backward_ones(x) == TG_OK;
      CHECK(has(told, "backward from it: yes") == runs);
      const Tensor fresh = [&] {
        const Aside aside;
        return one.make_it();
      }();
      const bool changes = tg_mul_scalar_(fresh, 2) == TG_OK;
      CHECK((has(told, "in place: yes") || has(told, "in place: what does not record") ||
             has(told, "in place: only what does not record")) == changes);
    }
  }
}

TEST_CASE("what pictures and explanations refuse", "[errors][pictures]") {
  const Tensor x = leaf({1});
  Rows rows{x};
  rows.fails("tg_explain", TG_ERROR_INVALID_ARGUMENT, {"buffer", "NULL"},
             tg_explain(x, nullptr, 5, rows.untouched<size_t>()));
  rows.fails("tg_explain", TG_ERROR_INVALID_HANDLE, {"forged"},
             tg_explain(12345, nullptr, 0, rows.untouched<size_t>()));
  rows.fails("tg_graph_dot", TG_ERROR_INVALID_ARGUMENT, {"buffer", "NULL"},
             tg_graph_dot(x, nullptr, 5, rows.untouched<size_t>()));
  rows.fails("tg_graph_dot", TG_ERROR_INVALID_HANDLE, {"forged"},
             tg_graph_dot(12345, nullptr, 0, rows.untouched<size_t>()));
  rows.fails("tg_graph_json", TG_ERROR_INVALID_ARGUMENT, {"buffer", "NULL"},
             tg_graph_json(x, nullptr, 5, rows.untouched<size_t>()));
  rows.fails("tg_graph_json", TG_ERROR_INVALID_HANDLE, {"forged"},
             tg_graph_json(12345, nullptr, 0, rows.untouched<size_t>()));
}
