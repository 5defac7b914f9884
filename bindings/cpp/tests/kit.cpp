// SPDX-License-Identifier: MIT
// The conformance kit, replayed through tg_call, the one function that an interpreter needs: once
// in what the thread has and once in a frame that carries the modes and scopes of the replay.
//
//     kit kit.json FOLDER
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <tapegrad/tapegrad.hpp>

#include "json.h"

namespace {

const std::map<std::string, std::pair<int, int>> kDtypes = {  // number and bytes
    {"float32", {TG_FLOAT32, 4}}, {"float64", {TG_FLOAT64, 8}}, {"int8", {TG_INT8, 1}},
    {"int16", {TG_INT16, 2}},     {"int32", {TG_INT32, 4}},     {"int64", {TG_INT64, 8}},
    {"uint8", {TG_UINT8, 1}},     {"bool", {TG_BOOL, 1}}};

template <class... Pieces>
[[noreturn]] void differ(const Pieces&... pieces) {
  std::ostringstream text;
  (text << ... << pieces);
  throw std::runtime_error(text.str());
}

bool near(double a, double b, double tolerance) {
  return a == b || (a != a && b != b) || std::fabs(a - b) <= tolerance * std::fmax(1, std::fabs(b));
}

template <class T>
double load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(value);
}
double element(const std::string& dtype, const char* data, std::size_t i) {
  const char* at = data + i * kDtypes.at(dtype).second;
  switch (kDtypes.at(dtype).first) {
    case TG_FLOAT32: return load<float>(at);
    case TG_FLOAT64: return load<double>(at);
    case TG_INT8: return load<int8_t>(at);
    case TG_INT16: return load<int16_t>(at);
    case TG_INT32: return load<int32_t>(at);
    case TG_INT64: return load<int64_t>(at);
    default: return load<uint8_t>(at);
  }
}

class Replay {
 public:
  Replay(bool framed, std::string folder) : framed_(framed), folder_(std::move(folder)) {
    frame_.struct_size = sizeof frame_;
    frame_.error = error_;
    frame_.error_capacity = sizeof error_;
  }
  void step(const Json& step) {
    if (step.has("call")) {
      call(step);
    } else if (step.has("tensor")) {
      tensor(step);
    } else if (tg_live_handles() - start_ !=
               static_cast<uint64_t>(step["live_handles"].integer())) {
      differ(tg_live_handles() - start_, " live handles");
    }
  }

 private:
  // A value and the memory that it points to.
  struct Argument {
    tg_value value{};
    std::vector<char> memory;
    std::string of;  // of memory that comes out
    template <class T>
    void array(int32_t type, std::size_t count) {
      value.type = type;
      value.count = static_cast<uint32_t>(count);
      memory.resize(count * sizeof(T) + 1);
      value.as.array = memory.data();
    }
    template <class T>
    void set(std::size_t i, T item) {
      std::memcpy(memory.data() + i * sizeof item, &item, sizeof item);
    }
  };

  uint64_t handle(const Json& name) const {
    return name.kind == Json::null ? 0 : live_.at(name.written);
  }
  void argument(const Json& given, Argument& a) const {
    const auto& [kind, v] =
        *(given.has("buffer") ? given.members.find("buffer") : given.members.begin());
    if (kind == "handle" || kind == "stale" || kind == "raw_handle") {
      a.value.type = TG_VALUE_HANDLE;
      a.value.as.handle = kind == "handle"  ? handle(v)
                          : kind == "stale" ? stale_.at(v.written)
                                            : static_cast<uint64_t>(v.integer());
    } else if (kind == "int64") {
      a.value.type = TG_VALUE_INT64;
      a.value.as.integer = v.integer();
    } else if (kind == "double") {
      a.value.type = TG_VALUE_DOUBLE;
      a.value.as.number = v.real();
    } else if (kind == "text" || kind == "path") {
      const std::string text = kind == "path" ? folder_ + "/" + v.written : v.written;
      a.array<char>(TG_VALUE_TEXT, text.size());
      std::memcpy(a.memory.data(), text.c_str(), text.size() + 1);
      a.value.as.text = a.memory.data();
    } else if (kind == "int64_array") {
      a.array<int64_t>(TG_VALUE_INT64_ARRAY, v.items.size());
      for (std::size_t i = 0; i < v.items.size(); ++i) a.set(i, v.items[i].integer());
    } else if (kind == "handle_array") {
      a.array<uint64_t>(TG_VALUE_HANDLE_ARRAY, v.items.size());
      for (std::size_t i = 0; i < v.items.size(); ++i) a.set(i, handle(v.items[i]));
    } else if (kind == "bytes") {
      bytes(v, a);
    } else if (kind == "buffer") {
      a.of = given["of"].written;
      const std::size_t count = v.integer();
      const bool wide = a.of == "handle" || a.of == "int64";
      const std::size_t each = wide ? 8 : a.of == "text" ? 1 : kDtypes.at(a.of).second;
      a.array<char>(TG_VALUE_BUFFER, count * each);
      a.value.count = static_cast<uint32_t>(wide ? count : count * each);
      a.value.as.pointer = a.memory.data();
    } else if (kind != "none") {
      differ("an argument of the unknown kind ", kind);
    }
  }
  static void bytes(const Json& given, Argument& a) {
    const auto& [number, each] = kDtypes.at(given["dtype"].written);
    const auto& values = given["values"].items;
    a.array<char>(TG_VALUE_BUFFER, values.size() * each);
    a.value.as.pointer = a.memory.data();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (number == TG_FLOAT32) {
        a.set(i, static_cast<float>(values[i].real()));
      } else if (number == TG_FLOAT64) {
        a.set(i, values[i].real());
      } else {  // the machine is little-endian
        const int64_t value = values[i].integer();
        std::memcpy(a.memory.data() + i * each, &value, each);
      }
    }
  }

  tg_status run(const char* name, const std::vector<tg_value>& values, bool in_thread = false) {
    frame_.scope = scope_;
    return tg_call(framed_ && !in_thread ? &frame_ : nullptr, name, values.data(), values.size(),
                   results_, 16, &given_);
  }
  const char* message() const { return framed_ ? error_ : tg_last_error_message(); }

  void call(const Json& step) {
    const std::string& name = step["call"].written;
    const auto& given = step["arguments"].items;
    std::vector<Argument> arguments(given.size());
    std::vector<tg_value> values;
    for (std::size_t i = 0; i < given.size(); ++i) {
      argument(given[i], arguments[i]);
      values.push_back(arguments[i].value);
    }
    const bool uses = name == "tg_scope_use" || name == "tg_token_use";
    if (uses && framed_ && step["status"].integer() == TG_OK) {  // what a frame carries
      (name == "tg_scope_use" ? scope_ : frame_.token) = values[0].as.handle;
      return;
    }
    const bool of_thread = uses || name == "tg_site_set" || name == "tg_saved_tensor_hooks_exit" ||
                           name.rfind("tg_last_error", 0) == 0 || name == "tg_error_set";
    const tg_status status = run(name.c_str(), values, of_thread);
    if (name == "tg_error_set") {  // the status that it gives is the status of the call
      if (status != step["results"].items.at(0)["int64"].integer()) differ("status ", status);
      return;
    }
    const tg_status wanted =
        step.has("status") ? static_cast<tg_status>(step["status"].integer()) : TG_OK;
    if (status != wanted) differ("status ", status, ": ", message());
    if (status != TG_OK) {
      const char* said = framed_ && !of_thread ? error_ : tg_last_error_message();
      if (!std::strstr(said, step["message"].written.c_str())) differ("said: ", said);
      return;
    }
    if (given_ != step["results"].items.size()) differ(given_, " results");
    for (std::size_t i = 0; i < given_; ++i) result(results_[i], step["results"].items[i]);
    std::size_t n = 0;
    for (const Argument& a : arguments) {
      if (!a.of.empty() && step.has("buffers")) buffer(a, step["buffers"].items.at(n++));
    }
    if (name == "tg_scope_enter") {
      enclosing_[results_[0].as.handle] = scope_;
      scope_ = results_[0].as.handle;
    }
    if (name == "tg_scope_exit") scope_ = enclosing_[scope_];
    for (const Json& ended : step["ends"].items) {
      stale_[ended.written] = live_.at(ended.written);
      live_.erase(ended.written);
    }
  }

  void result(const tg_value& got, const Json& expected) {
    if (expected.has("handle")) {
      const Json& name = expected["handle"];
      if (got.type != TG_VALUE_HANDLE || (got.as.handle == 0) != (name.kind == Json::null)) {
        differ("kind ", got.type, ", handle ", got.as.handle);
      }
      if (name.kind != Json::null) live_[name.written] = got.as.handle;
    } else if (expected.has("int64")) {
      if (got.type != TG_VALUE_INT64 || got.as.integer != expected["int64"].integer()) {
        differ("kind ", got.type, ", integer ", got.as.integer);
      }
    } else if (expected.has("double")) {
      if (got.type != TG_VALUE_DOUBLE ||
          !near(got.as.number, expected["double"].real(), expected["tolerance"].real())) {
        differ("kind ", got.type, ", number ", got.as.number);
      }
    } else if (expected.has("text")) {
      if (got.type != TG_VALUE_TEXT || got.as.text != expected["text"].written) {
        differ("kind ", got.type, ", text ", got.type == TG_VALUE_TEXT ? got.as.text : "");
      }
    } else if (!expected.has("any")) {
      differ("a result of an unknown kind");
    }
  }
  void buffer(const Argument& a, const Json& expected) {
    if (expected.has("text") && expected["text"].written != a.memory.data()) {
      differ("text ", a.memory.data());
    }
    const auto& integers = expected["int64_array"].items;
    for (std::size_t i = 0; i < integers.size(); ++i) {
      if (load<int64_t>(&a.memory[8 * i]) != integers[i].real()) differ("item ", i);
    }
    const auto& values = expected["values"].items;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!near(element(a.of, a.memory.data(), i), values[i].real(), 0)) differ("value ", i);
    }
    const auto& names = expected["handle_array"].items;
    for (std::size_t i = 0; i < names.size(); ++i) {
      uint64_t got;
      std::memcpy(&got, &a.memory[8 * i], sizeof got);
      if ((got == 0) != (names[i].kind == Json::null)) differ("handle ", i, " is ", got);
      if (got != 0) live_[names[i].written] = got;
    }
  }

  int64_t ask(const char* name, const std::vector<tg_value>& values) {
    if (const tg_status status = run(name, values)) differ(name, ": status ", status);
    return given_ > 0 ? results_[0].as.integer : 0;
  }
  void tensor(const Json& step) {
    std::vector<tg_value> x(1);
    x[0].type = TG_VALUE_HANDLE;
    x[0].as.handle = handle(step["tensor"]);
    const std::string& dtype = step["dtype"].written;
    if (ask("tg_tensor_dtype", x) != kDtypes.at(dtype).first) differ("another dtype");
    for (const char* flag : {"requires_grad", "is_leaf", "is_inference"}) {
      const int64_t got = ask((std::string("tg_tensor_") + flag).c_str(), x);
      if (got != step[flag].integer()) differ(flag, " is ", got);
    }
    Argument sizes;
    sizes.array<int64_t>(TG_VALUE_BUFFER, 16);
    const auto& shape = step["shape"].items;
    const int64_t rank = ask("tg_tensor_shape", {x[0], sizes.value});
    if (rank != static_cast<int64_t>(shape.size())) differ("rank ", rank);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (load<int64_t>(&sizes.memory[8 * i]) != shape[i].real()) differ("size ", i);
    }
    const auto& values = step["values"].items;
    Argument data;
    data.array<char>(TG_VALUE_BUFFER, values.size() * kDtypes.at(dtype).second);
    ask("tg_tensor_copy_out", {x[0], data.value});
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double got = element(dtype, data.memory.data(), i);
      if (!near(got, values[i].real(), step["tolerance"].real())) differ("value ", i, " is ", got);
    }
  }

  bool framed_;
  std::string folder_;
  tg_frame frame_{};
  char error_[4096];
  tg_scope scope_ = 0;
  std::map<tg_scope, tg_scope> enclosing_;
  std::map<std::string, uint64_t> live_, stale_;
  tg_value results_[16];
  std::size_t given_ = 0;
  uint64_t start_ = tg_live_handles();
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: kit kit.json FOLDER\n");
    return 2;
  }
  for (const bool framed : {false, true}) {
    std::size_t number = 0;
    try {
      Replay replay(framed, argv[2]);
      const Json kit = JsonReader::file(argv[1]);
      for (const Json& step : kit["steps"].items) {
        replay.step(step);
        ++number;
      }
      std::printf("kit, %s: %zu steps without a difference\n", framed ? "in a frame" : "by name",
                  number);
      if (number < 100) return 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "step %zu: %s\n", number, error.what());
      return 1;
    }
  }
  return 0;
}
