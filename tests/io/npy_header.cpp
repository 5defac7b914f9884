// SPDX-License-Identifier: MIT
// The header of a .npy file: every hostile one gives its status and its words before a tensor is
// made; what is written is what NumPy writes, and is read again.
#include "io/npy_header.h"

#include <catch2/catch.hpp>

#include "base/thread.h"
#include "corpus/npy.h"

using tg::DType;

namespace {

struct Outcome {
  tg_status status;
  std::string message;
  int64_t number;
};

// As a loader reads it.
Outcome read(const std::string& bytes, tg::io::NpyHeader* header) {
  const tg::io::Place place{"a.npy", {}};
  const std::string start = bytes + std::string(12, '\0');
  try {
    const size_t length_bytes = tg::io::npy_length_bytes(place, start.data(), bytes.size());
    const size_t size = tg::io::npy_text_bytes(place, start.data(), length_bytes, bytes.size());
    const std::string text = bytes.substr(8 + length_bytes, size);
    *header = tg::io::parse_npy_header(place, text, 8 + length_bytes, bytes.size());
  } catch (const tg::Error& error) {
    return {error.code, tg::thread_record().error.text, error.number};
  }
  return {TG_OK, "", 0};
}

}  // namespace

TEST_CASE("a hostile .npy header is refused with its status and its reason", "[io]") {
  for (const corpus::File& file : corpus::hostile_npy()) {
    CAPTURE(file.row);
    tg::io::NpyHeader header;
    const Outcome outcome = read(file.bytes, &header);
    CHECK(outcome.status == file.status);
    CHECK(outcome.message.substr(0, 7) == "a.npy: ");
    if (outcome.message.find(file.phrase) == std::string::npos) {
      FAIL_CHECK("\"" << outcome.message << "\" does not hold \"" << file.phrase << "\"");
    }
    const size_t at = outcome.message.find_first_of("0123456789", outcome.message.find("byte "));
    REQUIRE(at != std::string::npos);
    CHECK(std::stoull(outcome.message.substr(at)) <= file.bytes.size());
    CHECK(outcome.number >= 0);
    CHECK(outcome.number <= static_cast<int64_t>(file.bytes.size()));
  }
}

TEST_CASE("a sound .npy header gives dtype, order, shape and bytes", "[io]") {
  for (const corpus::SoundNpy& file : corpus::sound_npy()) {
    CAPTURE(file.row);
    tg::io::NpyHeader header{};
    const Outcome outcome = read(file.bytes, &header);
    INFO(outcome.message);
    REQUIRE(outcome.status == TG_OK);
    CHECK(static_cast<int32_t>(header.dtype) == file.dtype);
    CHECK(std::vector<int64_t>(header.shape, header.shape + header.rank) == file.shape);
    CHECK(header.data_bytes == file.elements.size());
    CHECK(header.swapped == (file.bytes.find(">f4") != std::string::npos));
    CHECK(header.fortran == (file.bytes.find("True") != std::string::npos));
  }
}

TEST_CASE("a header is written as NumPy writes it, and read again", "[io]") {
  const int64_t shape[16] = {2, 3, INT64_MAX, 0};
  const auto text_of = [&](DType dtype, int rank) {
    const tg::String bytes = tg::io::write_npy_header(dtype, shape, rank);
    CHECK(bytes.size() % 64 == 0);
    CHECK(bytes.substr(0, 8) == tg::String("\x93NUMPY\1\0", 8));
    CHECK(static_cast<unsigned char>(bytes[8]) + 256 * bytes[9] ==
          static_cast<int>(bytes.size()) - 10);
    CHECK(bytes.back() == '\n');
    const size_t end = bytes.find_last_not_of(" \n");
    return std::string(bytes.begin() + 10, bytes.begin() + static_cast<std::ptrdiff_t>(end) + 1);
  };
  CHECK(text_of(DType::float32, 0) == "{'descr': '<f4', 'fortran_order': False, 'shape': (), }");
  CHECK(text_of(DType::boolean, 1) == "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }");
  CHECK(text_of(DType::int64, 2) == "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }");
  CHECK(text_of(DType::uint8, 4) ==
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 9223372036854775807, 0), }");
  for (const DType dtype :
       {DType::float32, DType::float64, DType::float16, DType::int8, DType::int16, DType::int32,
        DType::int64, DType::uint8, DType::boolean}) {
    const int64_t sizes[] = {3, 1, 2};
    tg::io::check_npy_dtype(dtype, "x");
    const tg::String bytes = tg::io::write_npy_header(dtype, sizes, 3);
    const auto data_bytes = 6 * static_cast<size_t>(tg::size_of(dtype));
    tg::io::NpyHeader header;
    REQUIRE(read(std::string(bytes) + std::string(data_bytes, '\0'), &header).status == TG_OK);
    CHECK(header.dtype == dtype);
    CHECK_FALSE(header.swapped);
    CHECK(header.rank == 3);
  }
  CHECK_THROWS_AS(tg::io::check_npy_dtype(DType::bfloat16, "x"), tg::Error);
}

TEST_CASE("the longest header is far below what version 1.0 can say", "[io]") {
  int64_t shape[16];
  for (int64_t& size : shape) size = INT64_MAX;
  CHECK(tg::io::write_npy_header(DType::float32, shape, 16).size() <= 512);
}
