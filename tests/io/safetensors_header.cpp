// SPDX-License-Identifier: MIT
// The reading of a safetensors header: every hostile file of the corpus gives its status and its
// words, every sound one its entries; whatever is done to a byte gives one of four statuses.
#include "io/safetensors_header.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "base/thread.h"
#include "corpus/safetensors.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TG_TEST_SANITIZED 1
#endif

using tg::DType;
using tg::io::Header;

namespace {

struct Outcome {
  tg_status status;
  std::string message;
  int64_t number;
};

// As a loader reads it: the length, then the header, which is all that is looked at.
Outcome read(const std::string& bytes, Header& header) {
  try {
    const uint64_t length = tg::io::header_bytes("memory", bytes.data(), bytes.size());
    header.parse("memory", bytes.data() + 8, length, bytes.size() - 8 - length);
  } catch (const tg::Error& error) {
    return {error.code, tg::thread_record().error.text, error.number};
  }
  return {TG_OK, "", 0};
}
Outcome read(const std::string& bytes) {
  Header header;
  return read(bytes, header);
}

std::string shape_text(const tg::io::Entry& entry) {
  std::string text;
  for (int i = 0; i < entry.rank; ++i) text += (i == 0 ? "" : ",") + std::to_string(entry.shape[i]);
  return text;
}

bool one_of_four(tg_status status) {
  return status == TG_OK || status == TG_ERROR_FORMAT || status == TG_ERROR_LIMIT ||
         status == TG_ERROR_UNSUPPORTED;
}

// Of this thread: the machine may be busy with other things.
double processor_seconds() {
  struct timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A line of /proc/self/status in bytes.
uint64_t process_bytes(const char* line) {
  uint64_t kib = 0;
  char text[256];
  std::FILE* file = std::fopen("/proc/self/status", "r");
  while (std::fgets(text, sizeof text, file) != nullptr) {
    if (std::strncmp(text, line, std::strlen(line)) == 0) {
      kib = std::strtoull(text + std::strlen(line), nullptr, 10);
    }
  }
  std::fclose(file);
  return kib * 1024;
}

}  // namespace

TEST_CASE("a hostile safetensors file is refused with its status and its reason", "[io]") {
  const std::string sound = corpus::sound()[0].bytes;
  for (const corpus::File& file : corpus::hostile()) {
    CAPTURE(file.row);
    const Outcome outcome = read(file.bytes);
    CHECK(outcome.status == file.status);
    if (outcome.message.find(file.phrase) == std::string::npos) {
      FAIL_CHECK("\"" << outcome.message << "\" does not hold \"" << file.phrase << "\"");
    }
    CHECK(outcome.message.substr(0, 8) == "memory: ");
    CHECK(outcome.message.size() < tg::kMessageCapacity);
    CHECK(tg::io::header_bytes("x", sound.data(), sound.size()) > 0);
    CHECK(read(sound).status == TG_OK);  // nothing is kept from file to file
  }
}

TEST_CASE("a refusal names an offset that lies in the file", "[io]") {
  for (const corpus::File& file : corpus::hostile()) {
    CAPTURE(file.row);
    const Outcome outcome = read(file.bytes);
    const size_t at = outcome.message.find_first_of("0123456789", outcome.message.find(" byte"));
    if (at == std::string::npos) {  // no number: then it names the key
      CHECK(outcome.message.find("__metadata__: key \"") != std::string::npos);
    } else {
      CHECK(std::stoull(outcome.message.substr(at)) <= file.bytes.size());
    }
    CHECK(outcome.number >= 0);
    CHECK(outcome.number <= static_cast<int64_t>(file.bytes.size()));
  }
  // A fault inside of the header is where the message says, 8 bytes further on in the file.
  const Outcome outcome = read(corpus::file("{\"w\":nothing}"));
  CHECK(outcome.number == 8 + 5);
  CHECK(outcome.message ==
        "memory: tensor \"w\" (header byte 2): header byte 5: '{' of the tensor's entry expected, "
        "found 'n'");
}

TEST_CASE("a sound safetensors file is read, odd as it may be", "[io]") {
  for (const corpus::File& file : corpus::sound()) {
    CAPTURE(file.row);
    const Outcome outcome = read(file.bytes);
    CHECK(outcome.status == TG_OK);
    CHECK(outcome.message == "");
  }
}

TEST_CASE("entries and metadata keep the file's order, text and numbers", "[io]") {
  const std::string bytes =
      corpus::file("{" + corpus::entry("b", "F16", "[2,3]", "[8,20]") +
                       ",\"__metadata__\":{\"z\":\"1\\n\",\"a\":\"\"}," +
                       corpus::entry("\\u0061\\ud83d\\ude00", "I64", "[]", "[0,8]") + "," +
                       corpus::entry("", "BOOL", "[0,7]", "[20,20]") + "}",
                   20);
  Header header;
  REQUIRE(read(bytes, header).status == TG_OK);
  REQUIRE(header.entries().size() == 3);
  const tg::io::Entry& b = header.entries()[0];
  CHECK(b.name == "b");
  CHECK(b.dtype == DType::float16);
  CHECK(shape_text(b) == "2,3");
  CHECK(b.begin == 8);
  CHECK(b.end == 20);
  CHECK(b.header_byte == 2);
  const tg::io::Entry& a = header.entries()[1];
  CHECK(a.name == "a\xf0\x9f\x98\x80");
  CHECK(a.dtype == DType::int64);
  CHECK(a.rank == 0);
  CHECK(a.begin == 0);
  CHECK(a.end == 8);
  const tg::io::Entry& empty = header.entries()[2];
  CHECK(empty.name == "");
  CHECK(empty.dtype == DType::boolean);
  CHECK(shape_text(empty) == "0,7");
  REQUIRE(header.metadata().size() == 2);
  CHECK(header.metadata()[0].key == "z");
  CHECK(header.metadata()[0].value == "1\n");
  CHECK(header.metadata()[1].key == "a");
  CHECK(header.metadata()[1].value == "");

  // Parsing again forgets what was there.
  REQUIRE(read(corpus::file("{}"), header).status == TG_OK);
  CHECK(header.entries().empty());
  CHECK(header.metadata().empty());
}

TEST_CASE("many names with escapes keep their text", "[io]") {
  std::string text = "{";
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) {
    names.push_back("\n" + std::string(static_cast<size_t>(i % 100), 'n') + std::to_string(i));
    text +=
        (i == 0 ? "" : ",") + corpus::entry("\\n" + names.back().substr(1), "U8", "[0]", "[0,0]");
  }
  text += "," + corpus::entry("\\t" + std::string(10'000, 'l'), "U8", "[0]", "[0,0]") + "}";
  const std::string bytes = corpus::file(text);
  Header header;
  REQUIRE(read(bytes, header).status == TG_OK);
  REQUIRE(header.entries().size() == 1001);
  for (size_t i = 0; i < names.size(); ++i) CHECK(header.entries()[i].name == names[i]);
  CHECK(header.entries()[1000].name == "\t" + std::string(10'000, 'l'));
}

TEST_CASE("every dtype of the format has its name", "[io]") {
  Header header;
  std::string bytes;
  for (const corpus::File& file : corpus::sound()) {
    if (file.row == "every dtype") bytes = file.bytes;
  }
  REQUIRE(read(bytes, header).status == TG_OK);
  REQUIRE(header.entries().size() == 10);
  for (const tg::io::Entry& entry : header.entries()) {
    CHECK(tg::io::format_name(entry.dtype) == entry.name);
    CHECK(static_cast<int64_t>(entry.end - entry.begin) == 2 * tg::size_of(entry.dtype));
  }
}

TEST_CASE("a safetensors file cut at any length or with any byte changed is judged", "[io]") {
  std::vector<corpus::File> files = corpus::sound();
  for (corpus::File& file : corpus::hostile()) {
    if (file.bytes.size() < 400) files.push_back(std::move(file));
  }
  for (const corpus::File& file : files) {
    CAPTURE(file.row);
    for (size_t size = 0; size < file.bytes.size(); ++size) {
      const Outcome outcome = read(file.bytes.substr(0, size));
      // What loses a surplus by the cut may become sound, nothing else.
      const bool may_be_read = file.row.substr(0, 3) == "S22";
      if (!one_of_four(outcome.status) || (outcome.status == TG_OK && !may_be_read)) {
        CAPTURE(size, outcome.status);
        FAIL_CHECK("a file cut short was read");
      }
    }
    const size_t header_end = std::min(file.bytes.size(), size_t{8} + 300);
    for (size_t at = 0; at < header_end; ++at) {
      for (const int change : {0, 1, 2, 3, 4}) {
        std::string bytes = file.bytes;
        const char old = bytes[at];
        const char values[] = {'\0', '\xff', static_cast<char>(old + 1), '"', '{'};
        bytes[at] = values[change];
        const Outcome outcome = read(bytes);
        if (!one_of_four(outcome.status) || (outcome.status != TG_OK && outcome.message.empty())) {
          CAPTURE(at, change, outcome.status);
          FAIL_CHECK("not one of four statuses");
        }
      }
    }
  }
}

TEST_CASE("a header above 100,000,000 bytes is refused before it is read", "[io]") {
  const std::string length = corpus::length_bytes(100'000'001);
  try {
    tg::io::header_bytes("big", length.data(), uint64_t{8} << 30);
    FAIL("taken");
  } catch (const tg::Error& error) {
    CHECK(error.code == TG_ERROR_LIMIT);
    CHECK(std::string(tg::thread_record().error.text) ==
          "big: header length at byte 0 is 100000001, at most 100000000 bytes are read");
  }
  const std::string largest = corpus::length_bytes(100'000'000);
  CHECK(tg::io::header_bytes("big", largest.data(), 100'000'008) == 100'000'000);
}

TEST_CASE("a million tensors take at most four times their header and little time", "[io]") {
  // Just above 2^20: there, growing by doubling would take the most.
  constexpr int kCount = (1 << 20) + 50;
  const std::string bytes = corpus::many_entries(kCount);
  const uint64_t before = process_bytes("VmSize:");
  const double start = processor_seconds();
  Header header;
  const Outcome outcome = read(bytes, header);
  const double time = processor_seconds() - start;
  REQUIRE(outcome.status == TG_OK);
  CHECK(header.entries().size() == kCount);
  CHECK(header.entries()[kCount - 1].name == "01048625");
#ifndef TG_TEST_SANITIZED
  // Large blocks stay cached, so the growth afterwards is the greatest there was. The text itself
  // is the fourth part.
  CHECK(process_bytes("VmSize:") - before <= 3 * bytes.size());
  CHECK(time < 5);
#else
  CHECK(time < 60);
#endif
  CHECK(before > 0);
}

TEST_CASE("names that agree in all but their end are compared without quadratic time", "[io]") {
  // 20,000 names of 1,000 equal bytes, in falling order, and one key of metadata for each.
  std::string header = "{\"__metadata__\":{";
  const std::string same(1000, 'n');
  for (int i = 20'000; i > 0; --i) {
    header += (i == 20'000 ? "\"" : ",\"") + same + std::to_string(100'000 + i) + "\":\"\"";
  }
  header += "}";
  for (int i = 20'000; i > 0; --i) {
    header += "," + corpus::entry(same + std::to_string(100'000 + i), "F32", "[0]", "[0,0]");
  }
  const double start = processor_seconds();
  CHECK(read(corpus::file(header + "}")).status == TG_OK);
  const double time = processor_seconds() - start;
  CHECK(time < 5);
}

#ifndef TG_TEST_SANITIZED
TEST_CASE("a hostile safetensors file takes no memory that its shapes ask for", "[io]") {
  const std::vector<corpus::File> files = corpus::hostile();
  struct rlimit old;
  REQUIRE(getrlimit(RLIMIT_AS, &old) == 0);
  for (const corpus::File& file : files) {
    CAPTURE(file.row);
    read(file.bytes);
    // A thread's slab of small blocks may be due, that is 4 MiB at most.
    const uint64_t slab = uint64_t{4} << 20;
    struct rlimit tight = old;
    tight.rlim_cur = process_bytes("VmSize:") + file.bytes.size() + 65'536 + slab;
    REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
    const Outcome outcome = read(file.bytes);
    REQUIRE(setrlimit(RLIMIT_AS, &old) == 0);
    CHECK(outcome.status == file.status);
  }
}
#endif

TEST_CASE("hostile nesting needs no stack", "[io]") {
  // The least stack that a thread can have here is taken, 64 KiB where that is less.
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
#ifdef TG_TEST_SANITIZED
  const size_t stack = 256 << 10;  // frames are larger and the unwinder's guards too
#else
  const size_t stack = 64 << 10;
#endif
  REQUIRE(pthread_attr_setstacksize(&attributes, stack) == 0);
  const std::vector<corpus::File> files = corpus::hostile();
  struct Job {
    const std::vector<corpus::File>* files;
    int wrong;
  } job{&files, 0};
  const auto run = [](void* argument) -> void* {
    auto* job = static_cast<Job*>(argument);
    for (const corpus::File& file : *job->files) {
      if (read(file.bytes).status != file.status) ++job->wrong;
    }
    return nullptr;
  };
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  CHECK(job.wrong == 0);
}

TEST_CASE("eight threads read hostile files at once", "[io]") {
  const std::vector<corpus::File> files = corpus::hostile();
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&files, &wrong, t] {
      for (const corpus::File& file : files) {
        const Outcome outcome = read(file.bytes);
        if (outcome.status != file.status ||
            outcome.message.find(file.phrase) == std::string::npos) {
          ++wrong[t];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
}
