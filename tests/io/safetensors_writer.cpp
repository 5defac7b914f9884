// SPDX-License-Identifier: MIT
// The writing of a safetensors header: order, alignment, escapes; what is written is read again.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "base/thread.h"
#include "io/safetensors_header.h"

using tg::DType;
using tg::io::Item;
using tg::io::MetadataPair;

namespace {

struct Refusal {
  tg_status status;
  std::string message;
};

Refusal refusal(const std::vector<Item>& items, const std::vector<MetadataPair>& metadata = {}) {
  try {
    tg::io::write_header(items, metadata);
  } catch (const tg::Error& error) {
    return {error.code, tg::thread_record().error.text};
  }
  return {TG_OK, ""};
}

std::string text_of(const tg::io::WrittenHeader& header) {
  return std::string(header.bytes.begin() + 8, header.bytes.end());
}

// Reads what was written, as a loader would.
void read(const tg::io::WrittenHeader& written, tg::io::Header& header) {
  const uint64_t file_bytes = written.bytes.size() + written.data_bytes;
  const uint64_t length = tg::io::header_bytes("written", written.bytes.data(), file_bytes);
  REQUIRE(length + 8 == written.bytes.size());
  header.parse("written", written.bytes.data() + 8, length, written.data_bytes);
}

constexpr int64_t kTwoThree[] = {2, 3};
constexpr int64_t kEmpty[] = {4, 0};

}  // namespace

TEST_CASE("tensors are laid out by alignment, then by name", "[io]") {
  const std::vector<Item> items = {
      {"z", kTwoThree, 2, DType::uint8},   {"b", kTwoThree, 2, DType::float32},
      {"a", kTwoThree, 1, DType::float16}, {"y", kTwoThree, 0, DType::int64},
      {"a2", kTwoThree, 2, DType::int32},  {"e", kEmpty, 2, DType::float64},
  };
  const auto header = tg::io::write_header(items, {});
  CHECK(std::vector<uint32_t>(header.order.begin(), header.order.end()) ==
        std::vector<uint32_t>{5, 3, 4, 1, 2, 0});
  CHECK(header.data_bytes == 0 + 8 + 24 + 24 + 4 + 6);
  CHECK(header.bytes.size() % 8 == 0);
  const std::string text = text_of(header);
  const std::string expected = R"({"e":{"dtype":"F64","shape":[4,0],"data_offsets":[0,0]},)"
                               R"("y":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                               R"("a2":{"dtype":"I32","shape":[2,3],"data_offsets":[8,32]},)"
                               R"("b":{"dtype":"F32","shape":[2,3],"data_offsets":[32,56]},)"
                               R"("a":{"dtype":"F16","shape":[2],"data_offsets":[56,60]},)"
                               R"("z":{"dtype":"U8","shape":[2,3],"data_offsets":[60,66]}})";
  CHECK(text.substr(0, expected.size()) == expected);
  CHECK(text.find_first_not_of(' ', expected.size()) == std::string::npos);
  for (size_t i = 0; i < 8; ++i) {
    CHECK(static_cast<unsigned char>(header.bytes[i]) == ((text.size() >> (8 * i)) & 0xff));
  }
}

TEST_CASE("no tensor at all makes the least file", "[io]") {
  const auto header = tg::io::write_header({}, {});
  CHECK(text_of(header) == "{}      ");
  CHECK(header.data_bytes == 0);
  const MetadataPair metadata[] = {{"format", "pt"}};
  CHECK(text_of(tg::io::write_header({}, metadata)) == R"({"__metadata__":{"format":"pt"}})");
}

TEST_CASE("names and metadata of any text come back as they were", "[io]") {
  std::vector<std::string> texts;
  for (int c = 1; c < 128; ++c) texts.push_back(std::string("a") + static_cast<char>(c) + "b");
  for (const char* text : {"", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\\u0041", "../../x",
                           "\"quoted\"", "%s%n", "\xef\xbf\xbf"}) {
    texts.push_back(text);
  }
  std::vector<Item> items;
  std::vector<MetadataPair> metadata;
  for (size_t i = 0; i < texts.size(); ++i) {
    items.push_back({texts[i], kTwoThree, static_cast<int>(i % 3), DType::float32});
    metadata.push_back({texts[i], texts[texts.size() - 1 - i]});
  }
  const auto written = tg::io::write_header(items, metadata);
  tg::io::Header header;
  read(written, header);
  REQUIRE(header.entries().size() == items.size());
  for (size_t k = 0; k < items.size(); ++k) {
    const Item& item = items[written.order[k]];
    const tg::io::Entry& entry = header.entries()[k];
    CHECK(entry.name == item.name);
    CHECK(entry.dtype == item.dtype);
    CHECK(int{entry.rank} == item.rank);
    CHECK(std::equal(entry.shape, entry.shape + entry.rank, item.shape));
  }
  REQUIRE(header.metadata().size() == metadata.size());
  for (size_t i = 0; i < metadata.size(); ++i) {
    CHECK(header.metadata()[i].key == metadata[i].key);
    CHECK(header.metadata()[i].value == metadata[i].value);
  }
  const std::string text = text_of(written);
  CHECK(text.find(R"("a\u0001b")") != std::string::npos);
  CHECK(text.find(R"("a\nb")") != std::string::npos);
}

TEST_CASE("every dtype and rank that can be written can be read", "[io]") {
  const std::vector<int64_t> ones(16, 1);
  std::vector<std::string> names;
  for (int i = 0; i < 170; ++i) names.push_back("t" + std::to_string(i));
  std::vector<Item> items;
  for (int rank = 0; rank <= 16; ++rank) {
    for (int dtype = TG_FLOAT32; dtype <= TG_BOOL; ++dtype) {
      items.push_back({names[items.size()], ones.data(), rank, static_cast<DType>(dtype)});
    }
  }
  const auto written = tg::io::write_header(items, {});
  tg::io::Header header;
  read(written, header);
  REQUIRE(header.entries().size() == 170);
  for (const tg::io::Entry& entry : header.entries()) {
    // Falling alignment behind an aligned header: no tensor lies askew.
    CHECK(entry.begin % static_cast<uint64_t>(tg::size_of(entry.dtype)) == 0);
  }
}

TEST_CASE("a name that the format or a reader cannot bear is not written", "[io]") {
  const auto item = [](std::string_view name) { return Item{name, kTwoThree, 1, DType::float32}; };
  // W1: the reference's writer makes a file of it that its own reader refuses.
  Refusal refused = refusal({item("__metadata__")});
  CHECK(refused.status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refused.message.find("__metadata__, which the format keeps") != std::string::npos);
  // W2
  refused = refusal({item("w"), item("v"), item("w")});
  CHECK(refused.status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refused.message == "tensor name \"w\" is given twice");
  refused = refusal({}, {{"k", "1"}, {"k", "1"}});
  CHECK(refused.status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refused.message == "metadata key \"k\" is given twice");

  refused = refusal({item("a\xff")});
  CHECK(refused.status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refused.message == "tensor name \"a\" is not UTF-8 from byte 1 on");
  CHECK(refusal({item(std::string_view("a\0b", 3))}).status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refusal({}, {{"\xed\xa0\x80", ""}}).status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(refusal({}, {{"k", "\xc0\x80"}}).status == TG_ERROR_INVALID_ARGUMENT);
}

TEST_CASE("what would be refused when it is read is not written", "[io]") {
  const int64_t huge[] = {int64_t{1} << 62, 2};
  CHECK(refusal({{"h", huge, 2, DType::uint8}}).status == TG_ERROR_LIMIT);
  const int64_t huge_and_empty[] = {int64_t{1} << 62, 0, 2};
  CHECK(refusal({{"h", huge_and_empty, 3, DType::uint8}}).status == TG_ERROR_LIMIT);
  const int64_t half[] = {int64_t{1} << 62};
  CHECK(refusal({{"a", half, 1, DType::uint8}}).status == TG_OK);
  CHECK(refusal({{"a", half, 1, DType::uint8}, {"b", half, 1, DType::uint8}}).status ==
        TG_ERROR_LIMIT);
  const std::vector<int64_t> ones(17, 1);
  CHECK(refusal({{"r", ones.data(), 17, DType::uint8}}).status == TG_ERROR_LIMIT);

  const std::string long_name(100'000'000, 'n');
  const Refusal refused = refusal({{long_name, kTwoThree, 1, DType::float32}});
  CHECK(refused.status == TG_ERROR_LIMIT);
  CHECK(refused.message.find("at most 100000000 are read") != std::string::npos);
}
