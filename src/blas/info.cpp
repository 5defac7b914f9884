// SPDX-License-Identifier: MIT
// The text of tg_blas_info: what was found, what is done with it and why. Opens nothing.
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "blas/counters.h"
#include "blas/gemm.h"
#include "blas/governor.h"

namespace tg::blas {

namespace {

class Json {
 public:
  explicit Json(Message& text) : text_(text) {}

  void key(const char* name) {
    text_ << (first_ ? '{' : ',');
    first_ = false;
    string(name);
    text_ << ':';
  }
  void string(const char* value) {
    if (value == nullptr) {
      text_ << "null";
      return;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    text_ << '"';
    for (; *value != 0; ++value) {
      const auto c = static_cast<unsigned char>(*value);
      if (c == '"' || c == '\\') {
        text_ << '\\' << *value;
      } else if (c < 0x20 || c >= 0x7f) {  // a path in an unknown encoding: by Latin-1
        text_ << "\\u00" << kDigits[c >> 4] << kDigits[c & 15];
      } else {
        text_ << *value;
      }
    }
    text_ << '"';
  }
  void pair(const char* name, const char* value) { key(name), string(value); }
  void pair(const char* name, int64_t value) { key(name), text_ << value; }
  void truth(const char* name, bool value) { key(name), text_ << (value ? "true" : "false"); }
  void begin(const char* name) { key(name), first_ = true; }
  void end() {
    text_ << (first_ ? "{}" : "}");
    first_ = false;
  }

 private:
  Message& text_;
  bool first_ = true;
};

const char* name_of(Vendor vendor) {
  constexpr const char* names[] = {"unknown", "openblas", "other", "netlib"};
  return names[static_cast<int>(vendor)];
}
const char* name_of(Build build) {
  constexpr const char* names[] = {"unknown", "pthread", "serial", "openmp"};
  return names[static_cast<int>(build)];
}

// "OpenBLAS 0.3.21 DYNAMIC_ARCH ..." has its version in the second word.
void write_version(Json& json, const Found& f) {
  char version[24] = "";
  if (f.library.symbols.get_config != nullptr) {
    const std::string_view config = f.library.symbols.get_config();
    const size_t begin = config.find(' ');
    if (begin != config.npos) {
      Message(version, sizeof version)
          << config.substr(begin + 1, config.find(' ', begin + 1) - begin - 1);
    }
  }
  json.pair("version", version);
}

void write_self_test(Json& json, const Found& f, bool opened) {
  char text[80] = "";
  Message message(text, sizeof text);
  const SelfTest& single = f.tests[0];
  const SelfTest& twice = f.tests[1];
  const bool double_ran = twice.nanoseconds != 0;
  if (!opened || single.nanoseconds == 0) {
    message << "not run";
  } else if (!single.passed || (double_ran && !twice.passed)) {
    const char* where = single.passed ? twice.where : single.where;
    message << "failed: " << (*where != 0 ? where : "no memory");
  } else {
    message << "passed";
  }
  json.pair("self_test", text);
  json.pair("self_test_us", (single.nanoseconds + twice.nanoseconds) / 1000);
}

void write_warnings(Message& text, const Found& f) {
  const char* warnings[3];
  int count = 0;
  if (f.build == Build::serial) {
    warnings[count++] = "serial build: calls take turns, products use one thread";
  }
  if (secure_getenv("OPENBLAS_CORETYPE") != nullptr) {
    warnings[count++] =
        "OPENBLAS_CORETYPE is set: a core type that the processor is not kills the "
        "process";
  }
  if (f.library.shared_with_host) {
    warnings[count++] =
        "shared with the host: its calls pass beside the gate, and a fork while it "
        "is inside is not safe";
  }
  text << ",\"warnings\":[";
  for (int i = 0; i < count; ++i) {
    text << (i > 0 ? ",\"" : "\"") << warnings[i] << '"';
  }
  text << ']';
}

}  // namespace

size_t describe(char* buffer, size_t capacity) noexcept {
  Message text(buffer, capacity);
  Json json(text);
  const Once::Answer answer = governor.opened.answer();
  const bool answered = answer == Once::yes || answer == Once::no;
  static constexpr Found kNothing{};
  // While it is being opened by another thread, nothing is known.
  const Found& f = answered && governor.found.reason != nullptr ? governor.found : kNothing;
  const GateState gate = answer == Once::yes ? gate_state() : GateState{};
  const bool ready = answer == Once::yes && !gate.lost;
  const Symbols& s = f.library.symbols;

  json.pair("state", !answered ? "not loaded" : ready ? "ready" : "none");
  json.pair("reason", !answered             ? ""
                      : gate.lost           ? "forked while products were running"
                      : f.reason != nullptr ? f.reason
                                            : "forked while it was being opened");
  json.pair("library", f.name);
  json.pair("file", f.library.file);
  json.pair("vendor", name_of(f.library.vendor));
  json.pair("build", name_of(f.build));
  json.pair("config", s.get_config != nullptr ? s.get_config() : "");
  json.pair("core", s.get_corename != nullptr ? s.get_corename() : "");
  write_version(json, f);
  json.pair("int_bits", f.library.int_bits);
  json.truth("shared_with_host", f.library.shared_with_host);
  json.pair("gate", ready ? gate.limit : 0);
  json.pair("in_use", gate.inside);
  json.pair("waited", static_cast<int64_t>(governor.waited.load(std::memory_order_relaxed)));
  json.key("threads_per_call");
  if (ready && (f.keeps_count || f.keeps_openmp || f.build == Build::serial)) {
    text << 1;
  } else {
    text << "null";
  }
  json.pair("panels", "by shape");
  write_self_test(json, f, answered);
  json.pair("buffers", f.buffers);
  json.pair("address_space_bytes", f.address_space);
  json.key("own_kernel_below");
  if (ready || !answered) {
    text << own_threshold();
  } else {
    text << "null";  // for every size
  }
  uint64_t own = 0, blas = 0;
  for (const Counters& line : counters) {
    own += line.own.load(std::memory_order_relaxed);
    blas += line.blas.load(std::memory_order_relaxed);
  }
  json.pair("calls_blas", static_cast<int64_t>(blas));
  json.pair("calls_own", static_cast<int64_t>(own));
  json.begin("environment");
  for (const char* name : {"TG_BLAS", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS",
                           "OPENBLAS_VERBOSE", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"}) {
    json.pair(name, secure_getenv(name));
  }
  json.end();
  write_warnings(text, f);
  text << '}';
  return text.length();
}

}  // namespace tg::blas
