// SPDX-License-Identifier: MIT
// Ten thousand foreign operators with random signatures and operands: sound, damaged and cut off.
// Nothing but statuses comes of it, and a sound routine gets exactly the memory that it was told.
#include <cstdlib>
#include <cstring>
#include <random>

#include "capi/foreign.h"

using namespace capi;

namespace {

uint64_t seed() {
  const char* text = std::getenv("TG_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20240811;
}

// ---- what is called ----

// Takes anything, as the callers of C allow on this system, and touches nothing.
int64_t ignores() { return 0; }

struct Expected {
  enum class Kind { read, write, number } kind;
  size_t bytes;   // behind a pointer
  int64_t value;  // of a number
  int width;      // of a number: 4 or 8 bytes
  bool by_address;
  unsigned char fill;  // what is written
};
std::vector<Expected> expected;  // integers and pointers, in order
int mismatches;
uint64_t sum_of_reads;

// Integers and pointers come to it in order, wherever floating-point arguments stand between them
// (there are few enough for registers of their own).
int64_t probe(int64_t a0, int64_t a1, int64_t a2, int64_t a3, int64_t a4, int64_t a5, int64_t a6,
              int64_t a7, int64_t a8, int64_t a9, int64_t a10, int64_t a11, int64_t a12) {
  const int64_t all[] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12};
  for (size_t i = 0; i < expected.size(); ++i) {
    const Expected& e = expected[i];
    auto* bytes = reinterpret_cast<unsigned char*>(all[i]);
    if (e.kind == Expected::Kind::number) {
      int64_t value = all[i];
      if (e.by_address) std::memcpy(&value, bytes, 8 < e.width ? 8 : static_cast<size_t>(e.width));
      if (e.width == 4) value = static_cast<int32_t>(value);
      mismatches += value != e.value;
    } else if (e.kind == Expected::Kind::write) {
      if (e.bytes > 0) std::memset(bytes, e.fill, e.bytes);
    } else {
      for (size_t k = 0; k < e.bytes; ++k) sum_of_reads += bytes[k];
    }
  }
  return 0;
}

// ---- what is drawn ----

constexpr const char* kTypes[] = {"f32", "f64", "i32", "i64"};
constexpr int32_t kDtypes[] = {TG_FLOAT32, TG_FLOAT64, TG_INT32, TG_INT64};
constexpr size_t kItem[] = {4, 8, 4, 8};

struct Draw {
  std::mt19937_64 random;
  explicit Draw(uint64_t start) : random(start) {}
  uint64_t below(uint64_t n) { return random() % n; }
  bool chance(uint64_t percent) { return below(100) < percent; }
};

struct Sound {
  std::string signature;
  std::vector<Sizes> shapes;  // of the operands
  std::vector<int32_t> dtypes;
  Arguments arguments;
  size_t outs = 0;
  std::vector<int> fills;  // of each result: the byte that the probe writes; -1: not checked
  uint32_t flags = 0;
};

// A signature of arrays over the names n0 to n3, which all stand for a size that is known here.
Sound draw_routine(Draw& draw) {
  Sound made;
  const bool fortran = draw.chance(40);
  if (fortran) made.flags |= TG_FFI_FORTRAN;
  int64_t sizes[4];
  for (int64_t& size : sizes) size = static_cast<int64_t>(draw.below(4));
  bool told[4] = {}, seen[4] = {};
  std::vector<int> order;  // of first appearance
  expected.clear();
  int floats = 0;
  const auto use = [&](int n) {
    if (!seen[n]) order.push_back(n);
    seen[n] = true;
    return "n" + std::to_string(n);
  };
  const auto blank = [&] { return draw.chance(20) ? std::string(1 + draw.below(2), ' ') : ""; };
  std::string& text = made.signature;
  const size_t count = 1 + draw.below(7);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += "," + blank();
    const uint64_t what = i == 0 ? 1 : draw.below(6);  // one result at least
    const auto type = static_cast<size_t>(draw.below(4));
    if (what == 5) {  // a size, perhaps multiplied
      const int n = static_cast<int>(draw.below(4));
      const bool wide = draw.chance(50);
      const auto factor = static_cast<int64_t>(draw.below(5));
      const bool product = draw.chance(30);
      text += wide ? "i64 " : "i32 ";
      if (product) text += std::to_string(factor) + blank() + "*";
      text += use(n);
      const int64_t value = product ? factor * sizes[n] : sizes[n];
      expected.push_back({Expected::Kind::number, 0, value, wide ? 8 : 4, fortran, 0});
      continue;
    }
    if (what == 4) {  // a floating-point argument
      if (++floats > 6)
        floats = 6, text += "i32 7";
      else
        text += "f64 real" + std::to_string(floats);
      if (text.back() == '7' && text[text.size() - 2] == ' ') {
        expected.push_back({Expected::Kind::number, 0, 7, 4, fortran, 0});
      } else if (fortran) {
        expected.push_back({Expected::Kind::read, 8, 0, 0, false, 0});
      }
      order.push_back(-1);
      if (text.back() == '7' && text[text.size() - 2] == ' ') order.pop_back();
      continue;
    }
    constexpr const char* kDirections[] = {"", "out ", "inout ", "work "};
    text += what == 0 && draw.chance(30) ? "in " : kDirections[what];
    text += std::string(kTypes[type]) + " a" + std::to_string(i);
    const auto rank = static_cast<int>(draw.below(4));
    Sizes shape;
    if (rank == 0) text += "[]";
    for (int d = 0; d < rank; ++d) {
      const int n = static_cast<int>(draw.below(4));
      const auto constant = static_cast<int64_t>(draw.below(4));
      text += "[" + blank();
      switch (draw.below(4)) {
        case 0:
          text += std::to_string(constant);
          shape.push_back(constant);
          break;
        case 1:
          text += use(n) + "*" + std::to_string(constant);
          shape.push_back(sizes[n] * constant);
          // A name times 1 is the name alone, and told by an operand.
          told[n] = told[n] || (constant == 1 && (what == 0 || what == 2));
          break;
        default:
          text += use(n);
          shape.push_back(sizes[n]);
          told[n] = told[n] || what == 0 || what == 2;
      }
      text += "]";
    }
    const auto fill = static_cast<unsigned char>(1 + draw.below(100));
    const auto bytes = static_cast<size_t>(count_of(shape)) * kItem[type];
    if (what == 0 || what == 2) {
      made.shapes.push_back(shape);
      made.dtypes.push_back(kDtypes[type]);
    }
    if (what == 1 || what == 2) {
      ++made.outs;
      made.fills.push_back(fill);
    }
    expected.push_back(
        {what == 0 ? Expected::Kind::read : Expected::Kind::write, bytes, 0, 0, false, fill});
  }
  switch (draw.below(3)) {
    case 0: text += blank() + "->" + blank() + "i64 status"; break;
    case 1:
      text += " -> i64 r";
      ++made.outs;
      made.fills.push_back(0);
      break;
    default: break;
  }
  for (const int n : order) {
    if (n < 0)
      made.arguments.push_back(number(0.5));
    else if (!told[n])
      made.arguments.push_back(number(sizes[n]));
  }
  return made;
}

Sound draw_elementwise(Draw& draw) {
  Sound made;
  if (draw.chance(20)) made.flags |= TG_FFI_FORTRAN;
  std::string& text = made.signature;
  const bool factor = draw.chance(15);
  if (factor) text = "-2.5e-1 * ";
  const Sizes shape = {2, 3}, row = {3}, scalar = {};
  const size_t inputs = 1 + draw.below(4);
  for (size_t i = 0; i < inputs; ++i) {
    const auto type = static_cast<size_t>(draw.below(4));
    if (i > 0) text += ", ";
    text += kTypes[type];
    made.shapes.push_back(draw.chance(50) ? shape : draw.chance(50) ? row : scalar);
    made.dtypes.push_back(kDtypes[type]);
  }
  if (draw.chance(30)) {
    text += ", i32 n";
    made.arguments.push_back(number(static_cast<int64_t>(draw.below(9))));
  }
  while (draw.chance(30)) {
    text += std::string(", out ") + kTypes[factor ? draw.below(2) : draw.below(4)];
    ++made.outs;
  }
  if (made.outs == 0 || draw.chance(50)) {
    text += std::string(" -> ") + kTypes[factor ? draw.below(2) : draw.below(4)];
    ++made.outs;
  }
  made.fills.assign(made.outs, -1);
  return made;
}

void damage(Draw& draw, std::string& text) {
  constexpr const char* kPieces[] = {"f64",    "i32",  "out", "inout",    "work",
                                     "status", "grad", "[",   "]",        ",",
                                     "->",     "*",    "n0",  "7",        "-",
                                     " ",      "x",    "\n",  "\xc3\xa9", "99999999999999999999",
                                     "."};
  if (draw.chance(40)) {
    text.resize(draw.below(text.size() + 1));
    return;
  }
  for (uint64_t n = 1 + draw.below(3); n > 0; --n) {
    const size_t at = draw.below(text.size() + 1);
    const size_t gone = draw.chance(60) ? std::min<size_t>(draw.below(4), text.size() - at) : 0;
    text.replace(at, gone, draw.chance(80) ? kPieces[draw.below(std::size(kPieces))] : "");
  }
}

// Random bytes that are small floating-point numbers too.
Tensor operand(Draw& draw, int32_t dtype, const Sizes& shape, bool wants) {
  std::vector<unsigned char> bytes(static_cast<size_t>(count_of(shape)) * 8 + 8);
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(draw.below(0x40));
  Tensor out;
  ok(tg_tensor_create(bytes.data(), dtype, shape.data(), static_cast<int32_t>(shape.size()), wants,
                      out.out()));
  return out;
}

// The result's elements are the byte that the probe wrote, each one.
bool is_filled(tg_tensor x, int fill) {
  uint64_t size = 0;
  ok(tg_tensor_nbytes(x, &size));
  std::vector<unsigned char> bytes(size + 1);
  ok(tg_tensor_copy_out(x, bytes.data(), size));
  for (size_t k = 0; k < size; ++k) {
    if (bytes[k] != fill) return false;
  }
  return true;
}

constexpr tg_status kKnown[] = {TG_OK,
                                TG_ERROR_INVALID_ARGUMENT,
                                TG_ERROR_SHAPE,
                                TG_ERROR_DTYPE,
                                TG_ERROR_MODE,
                                TG_ERROR_AUTOGRAD,
                                TG_ERROR_LIMIT,
                                TG_ERROR_FORMAT,
                                TG_ERROR_UNSUPPORTED,
                                TG_ERROR_VERSION,
                                TG_ERROR_CALLBACK,
                                TG_ERROR_OUT_OF_MEMORY};
bool is_known(tg_status status) {
  return std::find(std::begin(kKnown), std::end(kKnown), status) != std::end(kKnown);
}

struct Count {
  int made = 0, refused = 0, applied = 0, failed = 0, recorded = 0, probed = 0;
};

void play(Draw& draw, Count& count) {
  const bool elementwise = draw.chance(30);
  Sound sound = elementwise ? draw_elementwise(draw) : draw_routine(draw);
  const std::string whole = sound.signature;
  const bool damaged = draw.chance(50);
  if (damaged) damage(draw, sound.signature);
  // The probe reads what it expects: a sound call of a routine, with at most 13 words.
  const bool probed = !damaged && !elementwise && expected.size() <= 13;
  tg_ffi_definition from = definition("random", sound.signature.c_str());
  from.address = probed ? address_of(probe) : address_of(ignores);
  from.flags = sound.flags;
  std::string backward;
  if (draw.chance(50)) from.flags |= TG_FFI_FINITE_DIFFERENCES;
  if (!probed && draw.chance(30)) {
    backward = elementwise ? "f64 -> f64" : "f64 grad a0[n0], out f64 grad a1[n0], i64 n0";
    if (draw.chance(60)) damage(draw, backward);
    from.backward_address = address_of(ignores);
    from.backward_signature = backward.c_str();
    if (draw.chance(30)) from.flags |= TG_FFI_CHECK;
  }
  INFO("signature: " << sound.signature << "\nbackward: " << backward << "\nflags: " << from.flags);
  const uint64_t live = tg_live_handles();
  Handle op;
  const tg_status created = tg_ffi_operator(&from, op.out());
  if (created != TG_OK) {
    ++count.refused;
    INFO(tg_last_error_message());
    // Where a character is cut in two the text is no UTF-8.
    CHECK((created == TG_ERROR_FORMAT || created == TG_ERROR_INVALID_ARGUMENT));
    CHECK(op == 0);
    CHECK((damaged || from.backward_signature != nullptr));
    CHECK(tg_live_handles() == live);
    return;
  }
  ++count.made;
  const bool wrong = draw.chance(25);
  std::vector<Tensor> held;
  Inputs inputs;
  for (size_t i = 0; i < sound.shapes.size(); ++i) {
    Sizes shape = sound.shapes[i];
    int32_t dtype = sound.dtypes[i];
    if (wrong && draw.chance(30)) dtype = kDtypes[draw.below(4)];
    if (wrong && draw.chance(30)) shape.push_back(2);
    if (wrong && !shape.empty() && draw.chance(30)) ++shape[draw.below(shape.size())];
    const bool wants = !probed && dtype <= TG_FLOAT64 && draw.chance(60);
    held.push_back(operand(draw, dtype, shape, wants));
    if (shape.size() == 2 && draw.chance(30)) {  // the same shape, by columns
      const Tensor turned = make(tg_t, held.back());
      held.push_back(make(tg_t, make(tg_clone, turned)));
    }
    inputs.push_back(held.back());
  }
  Arguments arguments = sound.arguments;
  if (wrong && draw.chance(20)) arguments.push_back(number(int64_t{3}));
  if (wrong && !arguments.empty() && draw.chance(30)) {
    tg_value& value = arguments[draw.below(arguments.size())];
    value.type = static_cast<int32_t>(draw.below(12));
    value.as.integer = static_cast<int64_t>(draw.random() >> draw.below(64));
  }
  std::vector<tg_tensor> outs(wrong && draw.chance(20) ? draw.below(4) : sound.outs, 12345);
  mismatches = 0;
  const uint64_t before = tg_live_handles();
  const tg_status status = try_run(op, inputs, arguments, outs);
  INFO(tg_status_name(status) << ": " << tg_last_error_message());
  CHECK(is_known(status));
  if (status != TG_OK) {
    ++count.failed;
    for (const tg_tensor out : outs) CHECK(out == 0);
    CHECK(tg_live_handles() == before);
    if (probed) CHECK(wrong);
    return;
  }
  ++count.applied;
  for (size_t j = 0; j < outs.size(); ++j) held.emplace_back(outs[j]);
  if (probed && !wrong) {
    ++count.probed;
    CHECK(mismatches == 0);
    for (size_t j = 0; j < outs.size(); ++j) CHECK(is_filled(outs[j], sound.fills[j]));
  }
  for (const tg_tensor out : outs) {
    if (requires_grad(out) == 0) continue;
    ++count.recorded;
    CHECK(is_known(backward_ones(out)));
    break;
  }
}

}  // namespace

TEST_CASE("random signatures and operands give statuses and nothing else", "[ffi][random]") {
  WARN("TG_TEST_SEED=" << seed());
  Draw draw(seed());
  Count count;
  const uint64_t live = tg_live_handles();
  ok(tg_memory_limit_set(uint64_t{64} << 20));
  for (int game = 0; game < 10'000; ++game) {
    INFO("game " << game);
    play(draw, count);
  }
  ok(tg_memory_limit_set(0));
  CHECK(tg_live_handles() == live);
  WARN(count.made << " made, " << count.refused << " refused; " << count.applied << " calls, "
                  << count.failed << " failed; " << count.probed << " probed, " << count.recorded
                  << " with a gradient");
  // A game that nothing succeeds in tries little.
  CHECK(count.refused > 1500);
  CHECK(count.applied > 3000);
  CHECK(count.failed > 500);
  CHECK(count.probed > 1500);
  CHECK(count.recorded > 100);
}
