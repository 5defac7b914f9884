// SPDX-License-Identifier: MIT
// Reading and writing a header while the k-th allocation fails: out of memory is a status, and the
// next call works.
#include <catch2/catch.hpp>
#include <string>

#include "base/thread.h"
#include "corpus/safetensors.h"
#include "io/safetensors_header.h"

namespace {

tg_status read(const std::string& bytes) {
  try {
    tg::io::Header header;
    const uint64_t length = tg::io::header_bytes("memory", bytes.data(), bytes.size());
    header.parse("memory", bytes.data() + 8, length, bytes.size() - 8 - length);
    return TG_OK;
  } catch (const tg::Error& error) {
    return error.code;
  }
}

tg_status write() {
  const int64_t shape[] = {2, 3};
  const tg::io::Item items[] = {{"weight of a layer", shape, 2, tg::DType::float32},
                                {"bias of a layer", shape, 1, tg::DType::float64}};
  const tg::io::MetadataPair metadata[] = {{"format", "pt"}};
  try {
    tg::io::write_header(items, metadata);
    return TG_OK;
  } catch (const tg::Error& error) {
    return error.code;
  }
}

// Fails allocation 1, 2, ... until a run has fewer; returns how many a run has.
template <class Run>
uint64_t sweep(tg_status expected, bool lasting, const Run& run) {
  tg::fail_allocation(0, false);
  CHECK(run() == expected);
  const uint64_t count = tg::fail_allocation(0, false);
  for (uint64_t k = 1; k <= count; ++k) {
    tg::fail_allocation(k, lasting);
    const tg_status status = run();
    tg::fail_allocation(0, false);
    CHECK(status == TG_ERROR_OUT_OF_MEMORY);
    CHECK(run() == expected);
  }
  return count;
}

}  // namespace

TEST_CASE("reading a header bears every failing allocation", "[io]") {
  tg::thread_record();
  uint64_t allocations = 0;
  std::vector<corpus::File> files = corpus::sound();
  for (corpus::File& file : corpus::hostile()) files.push_back(std::move(file));
  for (const corpus::File& file : files) {
    CAPTURE(file.row);
    for (const bool lasting : {false, true}) {
      allocations += sweep(file.status, lasting, [&] { return read(file.bytes); });
    }
  }
  CHECK(allocations > 500);  // the floor: a sweep that fails nothing proves nothing
}

TEST_CASE("writing a header bears every failing allocation", "[io]") {
  tg::thread_record();
  for (const bool lasting : {false, true}) {
    CHECK(sweep(TG_OK, lasting, [] { return write(); }) >= 5);
  }
}
