// SPDX-License-Identifier: MIT
// Tensors handed out and taken in by DLPack: what the structs say, that both sides share memory,
// who ends what and when. The structs stand here a second time, as another library would declare
// them.
#include <cstring>
#include <string>
#include <thread>

#include "capi/rows.h"

using namespace capi;

namespace {

struct DlTensor {
  void* data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct Legacy {
  DlTensor tensor;
  void* context;
  void (*deleter)(Legacy*);
};
struct Versioned {
  uint32_t major, minor;
  void* context;
  void (*deleter)(Versioned*);
  uint64_t flags;
  DlTensor tensor;
};

// A tensor that another library lends: counts its ends.
template <class M>
struct Lender {
  M managed{};
  int64_t shape[20] = {};
  int64_t strides[20] = {};
  double memory[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  int ended = 0;

  explicit Lender(const Sizes& sizes, const Sizes& steps = {}) {
    DlTensor& t = managed.tensor;
    t.data = memory;
    t.device_type = 1;
    t.ndim = static_cast<int32_t>(sizes.size());
    t.code = 2, t.bits = 64, t.lanes = 1;
    for (size_t d = 0; d < sizes.size(); ++d) shape[d] = sizes[d];
    for (size_t d = 0; d < steps.size(); ++d) strides[d] = steps[d];
    t.shape = shape;
    t.strides = steps.empty() ? nullptr : strides;
    managed.context = this;
    managed.deleter = [](M* self) { ++static_cast<Lender*>(self->context)->ended; };
    if constexpr (std::is_same_v<M, Versioned>) managed.major = 1;
  }
  Lender(const Lender&) = delete;
  Lender& operator=(const Lender&) = delete;
};
constexpr uint32_t kVersioned = TG_DLPACK_VERSIONED, kCopy = TG_DLPACK_COPY;
template <class M>
constexpr uint32_t kForm = std::is_same_v<M, Versioned> ? kVersioned : 0;

template <class M>
M* exported(tg_tensor x, uint32_t flags = 0) {
  void* out = nullptr;
  ok(tg_to_dlpack(x, kForm<M> | flags, &out));
  REQUIRE(out != nullptr);
  return static_cast<M*>(out);
}
template <class M>
Tensor imported(Lender<M>& lender, uint32_t flags = 0) {
  return make(tg_from_dlpack, static_cast<void*>(&lender.managed), kForm<M> | flags);
}

}  // namespace

TEMPLATE_TEST_CASE("an exported tensor tells dtype, sizes and strides", "[dlpack]", Legacy,
                   Versioned) {
  struct Row {
    int32_t dtype;
    uint8_t code, bits;
  };
  constexpr Row kRows[] = {{TG_FLOAT32, 2, 32},  {TG_FLOAT64, 2, 64}, {TG_FLOAT16, 2, 16},
                           {TG_BFLOAT16, 4, 16}, {TG_INT8, 0, 8},     {TG_INT16, 0, 16},
                           {TG_INT32, 0, 32},    {TG_INT64, 0, 64},   {TG_UINT8, 1, 8},
                           {TG_BOOL, 6, 8}};
  for (const Row& row : kRows) {
    INFO("dtype " << row.dtype);
    const Tensor x = zeros(row.dtype, {2, 3});
    TestType* managed = exported<TestType>(make(tg_t, x));
    const DlTensor& t = managed->tensor;
    void* data = nullptr;
    ok(tg_tensor_data(x, &data));
    CHECK(t.data == data);
    CHECK(t.byte_offset == 0);
    CHECK(t.device_type == 1);
    CHECK(t.device_id == 0);
    CHECK(t.ndim == 2);
    CHECK(t.code == row.code);
    CHECK(t.bits == row.bits);
    CHECK(t.lanes == 1);
    CHECK(Sizes(t.shape, t.shape + 2) == Sizes{3, 2});
    CHECK(Sizes(t.strides, t.strides + 2) == Sizes{1, 3});
    // And back: the same dtype, the same memory.
    Tensor again;
    ok(tg_from_dlpack(managed, kForm<TestType>, again.out()));
    CHECK(flag(tg_tensor_dtype, again) == row.dtype);
    void* same_data = nullptr;
    ok(tg_tensor_data(again, &same_data));
    CHECK(same_data == data);
  }
  if constexpr (std::is_same_v<TestType, Versioned>) {
    Versioned* managed = exported<Versioned>(vec({1}));
    CHECK(managed->major == 1);
    CHECK(managed->flags == 0);
    managed->deleter(managed);
  }
}

TEMPLATE_TEST_CASE("an exported tensor shares its elements and outlives its handles", "[dlpack]",
                   Legacy, Versioned) {
  const uint64_t memory = tg_memory_current(), live = tg_live_handles();
  TestType* managed = nullptr;
  {
    const Tensor x = vec({1, 2, 3, 4});
    Tensor part;
    ok(tg_narrow(x, 0, 1, 2, part.out()));
    managed = exported<TestType>(part);
    auto* elements = static_cast<double*>(managed->tensor.data);
    CHECK(elements[0] == 2);
    elements[1] = 30;
    CHECK(values(x) == Values{1, 2, 30, 4});
    ok(tg_fill_(part, 7));
    CHECK(elements[0] == 7);
  }
  CHECK(tg_live_handles() == live);
  CHECK(tg_memory_current() == memory + 32);
  CHECK(static_cast<double*>(managed->tensor.data)[1] == 7);
  fails(tg_shutdown(), TG_ERROR_MODE, {"1 tensors", "tg_to_dlpack", "deleters"});
  std::thread([&] { managed->deleter(managed); }).join();
  CHECK(tg_memory_current() == memory);
  ok(tg_shutdown());
}

TEMPLATE_TEST_CASE("an imported tensor shares its elements and ends the struct once", "[dlpack]",
                   Legacy, Versioned) {
  Lender<TestType> lender({2, 3}, {1, 2});
  {
    const Tensor x = imported(lender);
    CHECK(values(x) == Values{0, 2, 4, 1, 3, 5});
    lender.memory[0] = 50;
    CHECK(values(x)[0] == 50);
    ok(tg_mul_scalar_(x, 2));
    CHECK(lender.memory[5] == 10);
    CHECK(lender.memory[6] == 6);
    // A view and a graph hold it.
    const Tensor row = make(tg_select, x, int64_t{0}, int64_t{0});
    const Tensor w = leaf({1, 1, 1});
    const Tensor loss = make(tg_sum, make(tg_mul, row, w));
    ok(tg_backward(loss));
    CHECK(grad_values(w) == Values{100, 4, 8});
    CHECK(lender.ended == 0);
  }
  CHECK(lender.ended == 1);
}

TEST_CASE("the last use of an imported tensor ends it on any thread, or in tg_drain", "[dlpack]") {
  Lender<Legacy> lender({2});
  Tensor x = imported(lender);
  std::thread([&] { x.release(); }).join();
  CHECK(lender.ended == 1);
  ok(tg_drain_set([](void*) -> int32_t { return 0; }, nullptr, nullptr));
  Tensor again = imported(lender);
  again.release();
  CHECK(lender.ended == 1);
  ok(tg_drain());
  CHECK(lender.ended == 2);
  ok(tg_drain_set(nullptr, nullptr, nullptr));
  lender.managed.deleter = nullptr;  // allowed: nothing to end
  CHECK(values(imported(lender)) == Values{0, 1});
  CHECK(values(imported(lender, kCopy)) == Values{0, 1});
}

TEST_CASE("byte offsets, missing and odd strides, rank 0 and no elements", "[dlpack]") {
  Lender<Legacy> plain({2, 2});
  plain.managed.tensor.byte_offset = 16;
  CHECK(values(imported(plain)) == Values{2, 3, 4, 5});
  Lender<Legacy> backwards({3}, {-2});
  backwards.managed.tensor.data = backwards.memory + 5;
  CHECK(values(imported(backwards)) == Values{5, 3, 1});
  Lender<Legacy> repeated({2, 2}, {0, 1});
  CHECK(values(imported(repeated)) == Values{0, 1, 0, 1});
  Lender<Legacy> unused({1, 2}, {INT64_MAX, 1});  // the stride of a size of 1 means nothing
  CHECK(values(imported(unused)) == Values{0, 1});
  Lender<Legacy> number({});
  number.managed.tensor.shape = nullptr;
  CHECK(item(imported(number)) == 0);
  Lender<Legacy> empty({3, 0, 2}, {5, 5, 5});
  empty.managed.tensor.data = nullptr;
  {
    const Tensor x = imported(empty);
    CHECK(values(x).empty());
    Legacy* back = exported<Legacy>(x);
    CHECK(Sizes(back->tensor.shape, back->tensor.shape + 3) == Sizes{3, 0, 2});
    back->deleter(back);
  }
  CHECK(empty.ended == 1);
  Versioned* none = exported<Versioned>(tensor({5}, {}));
  CHECK(none->tensor.ndim == 0);
  CHECK(*static_cast<double*>(none->tensor.data) == 5);
  none->deleter(none);
}

TEST_CASE("read-only memory travels in the versioned form alone", "[dlpack]") {
  const double memory[] = {1, 2};
  const Tensor fixed = read_only(memory, {2});
  Versioned* managed = exported<Versioned>(fixed);
  CHECK(managed->flags == 1);
  Tensor again;
  ok(tg_from_dlpack(managed, kVersioned, again.out()));
  fails(tg_fill_(again, 3), TG_ERROR_UNSUPPORTED, {"read-only"});
  CHECK(values(again) == Values{1, 2});
  Legacy* copy = exported<Legacy>(fixed, kCopy);  // a copy may be written
  static_cast<double*>(copy->tensor.data)[0] = 9;
  CHECK(values(fixed) == Values{1, 2});
  copy->deleter(copy);
  Lender<Versioned> lender({2});
  lender.managed.flags = 1 | 4 | (uint64_t{1} << 40);  // bits that mean nothing here do no harm
  CHECK(attempt(tg_from_dlpack, static_cast<void*>(&lender.managed), kVersioned) == TG_OK);
  fails(tg_zero_(imported(lender)), TG_ERROR_UNSUPPORTED, {"read-only"});
  const Tensor free_copy = imported(lender, kCopy);
  ok(tg_zero_(free_copy));
  CHECK(lender.memory[1] == 1);
}

TEST_CASE("TG_DLPACK_COPY shares nothing, and ends what comes in at once", "[dlpack]") {
  const Tensor x = make(tg_t, tensor({1, 2, 3, 4}, {2, 2}));
  Versioned* out = exported<Versioned>(x, kCopy);
  CHECK(out->flags == 2);
  CHECK(Sizes(out->tensor.strides, out->tensor.strides + 2) == Sizes{2, 1});
  const auto* elements = static_cast<double*>(out->tensor.data);
  CHECK(Values(elements, elements + 4) == Values{1, 3, 2, 4});
  out->deleter(out);
  Lender<Legacy> lender({2, 2}, {1, 2});
  const Tensor copy = imported(lender, kCopy);
  CHECK(lender.ended == 1);
  lender.memory[0] = 77;
  CHECK(values(copy) == Values{0, 2, 1, 3});
  int32_t contiguous = 0;
  ok(tg_tensor_is_contiguous(copy, &contiguous));
  CHECK(contiguous == 1);
}

TEST_CASE("inference tensors may go out, and what comes in follows the mode", "[dlpack]") {
  const Tensor x = of_kind("i0", {1, 2}, {2});
  Legacy* out = exported<Legacy>(x);
  CHECK(static_cast<double*>(out->tensor.data)[1] == 2);
  Tensor back;
  ok(tg_from_dlpack(out, 0, back.out()));
  CHECK(kind_of(back) == "n0");
  Lender<Legacy> lender({2});
  {
    const In mode(Mode::inf);
    CHECK(kind_of(imported(lender)) == "i0");
  }
  CHECK(lender.ended == 1);
}

TEST_CASE("a weight whose elements were handed out is not kept packed", "[dlpack]") {
  // float32 and large enough to be packed: the other side's write must be seen.
  const Sizes sizes = {256, 256};
  const Tensor weight = make(tg_ones, TG_FLOAT32, sizes.data(), 2);
  const Tensor x = make(tg_ones, TG_FLOAT32, sizes.data(), 2);
  const In mode(Mode::no_grad);
  Tensor few;
  ok(tg_narrow(x, 0, 0, 8, few.out()));
  CHECK(values(make(tg_linear, few, weight, tg_tensor{0}))[0] == 256);
  Legacy* out = exported<Legacy>(weight);
  static_cast<float*>(out->tensor.data)[0] = 2;
  CHECK(values(make(tg_linear, few, weight, tg_tensor{0}))[0] == 257);
  out->deleter(out);
  static_cast<void>(weight);
}

TEST_CASE("a deleter that throws or fails harms nothing", "[dlpack]") {
  Lender<Legacy> lender({2});
  lender.managed.deleter = [](Legacy* self) {
    ++static_cast<Lender<Legacy>*>(self->context)->ended;
    static_cast<void>(tg_release(12345));
    throw 5;
  };
  Tensor x = imported(lender);
  x.release();
  CHECK(lender.ended == 1);
  CHECK(tg_last_error() == TG_ERROR_CALLBACK);
  x = imported(lender, kCopy);
  CHECK(lender.ended == 2);
  CHECK(values(x) == Values{0, 1});
}

TEST_CASE("tensors that cannot go out", "[errors]") {
  const double memory[] = {1, 2};
  const Tensor wants = leaf({1}), fixed = read_only(memory, {2});
  const Tensor inside = of_kind("i1", {1}, {1}), product = make(tg_mul, wants, wants);
  Rows rows{wants, fixed};
  rows.fails("tg_to_dlpack", TG_ERROR_INVALID_ARGUMENT, {"managed_tensor is NULL"},
             tg_to_dlpack(fixed, 0, nullptr));
  rows.fails("tg_to_dlpack", TG_ERROR_INVALID_HANDLE, {"x is 0 (none)"},
             tg_to_dlpack(0, 0, rows.untouched<void*>()));
  rows.fails("tg_to_dlpack", TG_ERROR_INVALID_ARGUMENT, {"flags has the bits 4"},
             tg_to_dlpack(fixed, 5, rows.untouched<void*>()));
  for (const tg_tensor x : {tg_tensor{wants}, tg_tensor{inside}, tg_tensor{product}}) {
    for (const uint32_t flags : {0u, kVersioned, kCopy}) {
      rows.fails("tg_to_dlpack", TG_ERROR_AUTOGRAD, {"requires grad", "tg_detach"},
                 tg_to_dlpack(x, flags, rows.untouched<void*>()));
    }
  }
  rows.fails("tg_to_dlpack", TG_ERROR_UNSUPPORTED, {"read-only", "TG_DLPACK_VERSIONED", "COPY"},
             tg_to_dlpack(fixed, 0, rows.untouched<void*>()));
}

TEST_CASE("structs that cannot come in stay the caller's", "[errors]") {
  Lender<Legacy> legacy({2, 2}, {2, 1});
  Lender<Versioned> versioned({2, 2}, {2, 1});
  const DlTensor sound = legacy.managed.tensor, sound_too = versioned.managed.tensor;
  Rows rows;
  rows.fails("tg_from_dlpack", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             tg_from_dlpack(&legacy.managed, 0, nullptr));
  rows.fails("tg_from_dlpack", TG_ERROR_INVALID_ARGUMENT, {"managed_tensor is NULL"},
             tg_from_dlpack(nullptr, 0, rows.out()));
  rows.fails("tg_from_dlpack", TG_ERROR_INVALID_ARGUMENT, {"flags has the bits 8"},
             tg_from_dlpack(&legacy.managed, 8, rows.out()));
  versioned.managed.major = 2;
  rows.fails("tg_from_dlpack", TG_ERROR_UNSUPPORTED, {"DLPack 2.0", "1.x"},
             tg_from_dlpack(&versioned.managed, kVersioned, rows.out()));
  versioned.managed.major = 1;
  struct Broken {
    tg_status code;
    Phrases phrases;
    void (*breaks)(DlTensor&);
  };
  static int64_t huge[20];
  for (int64_t& size : huge) size = INT64_MAX;
  static int64_t negative[] = {2, -1};
  const Broken kBroken[] = {
      {TG_ERROR_UNSUPPORTED, {"device of type 2"}, [](DlTensor& t) { t.device_type = 2; }},
      {TG_ERROR_UNSUPPORTED, {"4 lanes"}, [](DlTensor& t) { t.lanes = 4; }},
      {TG_ERROR_UNSUPPORTED, {"code 5", "128 bits"}, [](DlTensor& t) { t.code = 5, t.bits = 128; }},
      {TG_ERROR_UNSUPPORTED, {"code 1", "32 bits"}, [](DlTensor& t) { t.code = 1, t.bits = 32; }},
      {TG_ERROR_UNSUPPORTED, {"code 2", "8 bits"}, [](DlTensor& t) { t.bits = 8; }},
      {TG_ERROR_INVALID_ARGUMENT, {"rank is -1"}, [](DlTensor& t) { t.ndim = -1; }},
      {TG_ERROR_LIMIT, {"17"}, [](DlTensor& t) { t.ndim = 17; }},
      {TG_ERROR_LIMIT, {"2147483647"}, [](DlTensor& t) { t.ndim = INT32_MAX; }},
      {TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"}, [](DlTensor& t) { t.shape = nullptr; }},
      {TG_ERROR_INVALID_ARGUMENT, {"-1"}, [](DlTensor& t) { t.shape = negative; }},
      {TG_ERROR_SHAPE, {}, [](DlTensor& t) { t.shape = huge; }},
      {TG_ERROR_SHAPE, {"2^63 - 1"}, [](DlTensor& t) { t.strides = huge; }},
      {TG_ERROR_INVALID_ARGUMENT, {"data is NULL"}, [](DlTensor& t) { t.data = nullptr; }},
      {TG_ERROR_INVALID_ARGUMENT, {"not aligned"}, [](DlTensor& t) { t.byte_offset = 3; }},
      {TG_ERROR_INVALID_ARGUMENT, {"byte_offset"}, [](DlTensor& t) { t.byte_offset = UINT64_MAX; }},
      {TG_ERROR_SHAPE,
       {"address space"},
       [](DlTensor& t) { t.strides = huge + 1, huge[1] = -(INT64_C(1) << 44); }},
  };
  for (const Broken& broken : kBroken) {
    for (const uint32_t copy : {0u, kCopy}) {
      broken.breaks(legacy.managed.tensor);
      broken.breaks(versioned.managed.tensor);
      rows.fails("tg_from_dlpack", broken.code, broken.phrases,
                 tg_from_dlpack(&legacy.managed, copy, rows.out()));
      rows.fails("tg_from_dlpack", broken.code, broken.phrases,
                 tg_from_dlpack(&versioned.managed, kVersioned | copy, rows.out()));
      legacy.managed.tensor = sound;
      versioned.managed.tensor = sound_too;
    }
  }
  // The codes that the table above gives, where the house looks for them.
  legacy.managed.tensor.ndim = 17;
  rows.fails("tg_from_dlpack", TG_ERROR_LIMIT, {"17"},
             tg_from_dlpack(&legacy.managed, 0, rows.out()));
  legacy.managed.tensor = sound;
  legacy.managed.tensor.shape = huge;
  rows.fails("tg_from_dlpack", TG_ERROR_SHAPE, {}, tg_from_dlpack(&legacy.managed, 0, rows.out()));
  CHECK(legacy.ended == 0);
  CHECK(versioned.ended == 0);
}
