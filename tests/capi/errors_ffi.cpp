// SPDX-License-Identifier: MIT
// Errors of foreign functions: definitions that say nothing sound, signatures that do not parse,
// and calls that do not fit.
#include "capi/foreign.h"
#include "capi/rows.h"

using namespace capi;

namespace {

double identity(double x) { return x; }
int32_t copy(int64_t n, const double* x, double* y) {
  for (int64_t k = 0; k < n; ++k) y[k] = x[k];
  return 0;
}
int32_t refuses(int64_t, const double*, double*) { return -12; }
void by_int(const int32_t*, double*) {}

constexpr const char* kCopy = "i64 n, f64 x[n], out f64 y[n] -> i32 status";

tg_ffi_definition sound() { return definition("sound", "f64 -> f64", identity); }
tg_ffi_definition from_libm(const char* symbol) {
  tg_ffi_definition from = definition("sine", "f64 -> f64");
  from.library = kLibm;
  from.symbol = symbol;
  return from;
}

}  // namespace

TEST_CASE("definitions of foreign functions", "[errors]") {
  Rows rows;
  const auto wrong = [&](auto&& change, const Phrases& phrases, Where where = Where::current()) {
    tg_ffi_definition from = sound();
    change(from);
    rows.fails("tg_ffi_operator", TG_ERROR_INVALID_ARGUMENT, phrases,
               tg_ffi_operator(&from, rows.out()), where);
  };
  wrong([](auto& d) { d.struct_size = 8; }, {"struct_size is 8", "sizeof"});
  wrong([](auto& d) { d.struct_size += 8; }, {"struct_size", "sizeof"});
  wrong([](auto& d) { d.name = nullptr; }, {"definition.name is NULL"});
  wrong([](auto& d) { d.name = ""; }, {"definition.name has 0 bytes"});
  wrong([](auto& d) { d.name = "\xff"; }, {"definition.name", "UTF-8"});
  const std::string long_name(101, 'n');
  wrong([&](auto& d) { d.name = long_name.c_str(); }, {"101 bytes", "1 to 100"});
  wrong([](auto& d) { d.signature = nullptr; }, {"definition.signature is NULL"});
  wrong([](auto& d) { d.signature = "f64 \xc3 -> f64"; }, {"definition.signature", "UTF-8"});
  wrong([](auto& d) { d.address = nullptr; }, {"symbol", "address", "both NULL"});
  wrong([](auto& d) { d.symbol = "sin"; }, {"symbol", "address", "both given"});
  wrong([](auto& d) { d.library = "libm.so.6"; }, {"library", "address", "both given"});
  wrong([](auto& d) { d.address = nullptr, d.symbol = ""; }, {"symbol is empty"});
  wrong([](auto& d) { d.flags = 16; }, {"flags has the bits 16"});
  wrong([](auto& d) { d.reserved = 1; }, {"reserved is 1"});
  wrong([](auto& d) { d.flags = TG_FFI_CHECK; }, {"TG_FFI_CHECK", "none is given"});
  wrong([](auto& d) { d.backward_symbol = "cos"; }, {"backward_signature is NULL"});
  wrong([](auto& d) { d.backward_library = "libm.so.6"; }, {"backward_signature is NULL"});
  wrong([](auto& d) { d.backward_signature = "f64 -> f64"; },
        {"backward_symbol", "backward_address", "both NULL"});
}

TEST_CASE("foreign functions that are not there", "[errors]") {
  Rows rows;
  tg_ffi_definition from = from_libm("no_such_function");
  rows.fails("tg_ffi_operator", TG_ERROR_NOT_FOUND, {"no_such_function", "libm.so.6", "nm -D"},
             tg_ffi_operator(&from, rows.out()));
  from.library = "/no/such/library.so";
  rows.fails("tg_ffi_operator", TG_ERROR_NOT_FOUND, {"/no/such/library.so", "cannot be opened"},
             tg_ffi_operator(&from, rows.out()));
  from.library = nullptr;
  rows.fails("tg_ffi_operator", TG_ERROR_NOT_FOUND, {"no_such_function", "this process"},
             tg_ffi_operator(&from, rows.out()));
  from = from_libm("sin");
  from.backward_symbol = "no_such_backward";
  from.backward_signature = "f64 -> f64";
  rows.fails("tg_ffi_operator", TG_ERROR_NOT_FOUND, {"no_such_backward", "libm.so.6"},
             tg_ffi_operator(&from, rows.out()));
}

TEST_CASE("signatures that do not parse, each with its byte offset", "[errors]") {
  struct Wrong {
    const char* signature;
    int64_t at;
    const char* phrase;
  };
  const std::string long_name = "f64 " + std::string(32, 'x') + "[n], out f64 y[n]";
  std::string many = "f64 x[n]";
  for (int i = 0; i < 24; ++i) many += ", i64 n";
  std::string names = "out f64 y[a]";
  for (int i = 0; i < 8; ++i) names += "[b" + std::to_string(i) + "]";
  const std::string long_text = "f64 -> f64" + std::string(4096, ' ');
  const Wrong kWrong[] = {
      {"", 0, "a type"},
      {"   ", 3, "a type"},
      {"g64 -> f64", 0, "a type"},
      {"f64", 3, "no result"},
      {"f64 ->", 6, "a type"},
      {"f64 -> f65", 7, "a type"},
      {"f64 -> f64,", 10, "the end"},
      {"f64 -> f64 f64", 7, "do not go with"},
      {"f64 > f64", 4, "','"},
      {"f64, -> f64", 5, "a type"},
      {"f64 - f64", 4, "','"},
      {"-> f64", 0, "a type"},
      {"i32 n -> f64", 12, "no element"},
      {"i64 n, f64 x[n]", 15, "no result"},
      {"i64 n, f64 x[n, out f64 y[n]", 14, "']' or '*'"},
      {"i64 n, f64 x[-1], out f64 y[n]", 13, "a name or an integer"},
      {"i64 n, f64 x[2.5], out f64 y[n]", 13, "a name or an integer"},
      {"i64 n, f64 x n], out f64 y[n]", 13, "','"},
      {"f64 x[n], f64 x[n], out f64 y[n]", 14, "given twice"},
      {"f64 x[n], out f64 x[n]", 18, "given twice"},
      {"f64 n, f64 x[n], out f64 y[n]", 13, "an integer and for a floating-point number"},
      {"f64 x[n], i64 x, out f64 y[n]", 14, "that of an array"},
      {"i64 x, f64 x[n], out f64 y[n]", 11, "that of a number"},
      {"f64 x[9223372036854775808], out f64 y[1]", 6, "greater than 2^63 - 1"},
      {"f64 x[3037000500*3037000500], out f64 y[1]", 17, "greater than 2^63 - 1"},
      {"f64 x[a*b*c*d*e], out f64 y[1]", 13, "more than 4 factors"},
      {"f64 x[1][2][3][4][5][6][7][8][9], out f64 y[1]", 29, "more than 8 dimensions"},
      {"f64 x[][n], out f64 y[n]", 5, "[] stands alone"},
      {"f64 x[n], f64, out f64 y[n]", 10, "does not go with"},
      {"f64, f64 x[n] -> f64", 9, "do not go with"},
      {"2 * f64 x[n], out f64 y[n]", 8, "do not go with"},
      {"2 f64 -> f64", 2, "'*' behind the factor"},
      {"1e999 * f64 -> f64", 0, "no double"},
      {"2 * f64 -> i32", 14, "floating-point results"},
      {"2 * i32, out i32", 9, "floating-point results"},
      {"in f64, out f64", 6, "the name of an array"},
      {"work f64, out f64 y[1]", 8, "the name of an array"},
      {"out 3, out f64 y[1]", 4, "a type"},
      {"out f64 3, out f64 y[1]", 8, "the name of an array"},
      {"out f64 y, f64 x[n]", 9, "'['"},
      {"f64 in[n], out f64 y[n]", 4, "no word of the language"},
      {"f64 x[work], out f64 y[n]", 6, "no word of the language"},
      {"status f64 s, out f64 y[1]", 7, "i32 or i64"},
      {"out f64 y[1] -> f32 status", 16, "i32 or i64"},
      {"out f64 y[1] -> i32 status x", 27, "the end"},
      {"status i32, out f64 y[1]", 10, "a name"},
      {"f64 x[n], out f64 grad y[n]", 18, "backward signature"},
      {"f64 x[n], out f64 y[n] -> f64 y", 30, "given twice"},
      {"f64 x[n], f64 2*n, out f64 y[n]", 15, "of integers"},
      {"i64 n*n*, f64 x[n], out f64 y[n]", 8, "a name"},
      {"f64 \xc3\xa9[n], out f64 y[n]", 4, "came \xc3\xa9"},
      {"f64 x[n]; out f64 y[n]", 8, "came ;"},
      {long_name.c_str(), 4, "more than 31 bytes"},
      {many.c_str(), 171, "more than 24 parameters"},
      {names.c_str(), 40, "more than 8 dimensions"},
      {long_text.c_str(), 4096, "longer than 4096 bytes"},
  };
  Rows rows;
  for (const Wrong& wrong : kWrong) {
    INFO(wrong.signature);
    tg_ffi_definition from = definition("wrong", wrong.signature, identity);
    rows.fails("tg_ffi_operator", TG_ERROR_FORMAT,
               {"signature, byte " + std::to_string(wrong.at) + ":", wrong.phrase, "docs/ffi.md"},
               tg_ffi_operator(&from, rows.out()));
    int64_t offset = -1;
    tg_last_error_detail(&offset, nullptr);
    CHECK(offset == wrong.at);
  }
}

TEST_CASE("backward signatures that do not fit their forward", "[errors]") {
  struct Wrong {
    const char *forward, *backward;
    int64_t at;
    const char* phrase;
  };
  const char* const kArrays = "i64 n, f64 a, f64 x[n], i32 k[n], inout f64 z[n], out f64 y[n]";
  const Wrong kWrong[] = {
      {"f64 -> f64", "f64 x[n], f64 grad y[n], out f64 grad x[n]", 0, "function of scalars"},
      {kArrays, "f64 -> f64", 0, "routine on arrays"},
      {"f64 -> f64", "f64, f64 -> f64", 15, "operands"},
      {"f64 -> f64", "f32 -> f64", 0, "type"},
      {"f64 -> f64", "f64 -> f32", 10, "type of the signature's result"},
      {"f64, f64 -> f64", "f64, f64 -> f64", 15, "a derivative for each"},
      {"f64, out f64, out f64", "f64, out f64", 0, "one result"},
      {"f64 -> i32", "f64 -> f64", 0, "one result"},
      {"i32 n, f64 -> f64", "i32 m, f64 -> f64", 4, "no number of the signature"},
      {"i32 n, f64 -> f64", "f64 n, f64 -> f64", 4, "an integer in one"},
      {kArrays, "f64 grad y[n], f64 b, out f64 grad x[n]", 19, "no number of the signature"},
      {kArrays, "f64 grad q[n], out f64 grad x[n]", 9, "no array of the signature"},
      {kArrays, "f64 grad x[n], out f64 grad x[n]", 9, "no array of the signature"},
      {kArrays, "f32 grad y[n], out f64 grad x[n]", 9, "type"},
      {kArrays, "f64 grad y[n][n], out f64 grad x[n]", 9, "rank"},
      {kArrays, "f64 grad y[n], f64 x[n], out f64 grad q[n]", 38, "no operand"},
      {kArrays, "f64 grad y[n], out f64 grad y[n]", 28, "no operand"},
      {kArrays, "f64 grad y[n], out f64 x[n]", 23, "write grad"},
      {kArrays, "f64 grad y[n], out i32 grad k[n]", 28, "integers have no gradient"},
      {kArrays, "f64 grad y[n], out f64 grad x[n][n]", 28, "rank"},
      {kArrays, "f64 grad y[n] -> f64 g", 21, "arrays alone"},
      {kArrays, "f64 x[n], out f64 grad x[n]", 27, "reads no gradient"},
      {kArrays, "f64 grad y, out f64 grad x[n]", 10, "'['"},
      {kArrays, "f64 result q[n], f64 grad y[n], out f64 grad x[n]", 11, "no array"},
  };
  Rows rows;
  for (const Wrong& wrong : kWrong) {
    INFO(wrong.forward << " | " << wrong.backward);
    tg_ffi_definition from = definition("wrong", wrong.forward, identity);
    from.backward_address = address_of(identity);
    from.backward_signature = wrong.backward;
    rows.fails("tg_ffi_operator", TG_ERROR_FORMAT,
               {"backward_signature, byte " + std::to_string(wrong.at) + ":", wrong.phrase},
               tg_ffi_operator(&from, rows.out()));
  }
}

TEST_CASE("calls of operators that do not fit", "[errors]") {
  const Handle op = foreign(definition("copy", kCopy, copy));
  const Handle refusing = foreign(definition("refuses", kCopy, refuses));
  const Handle scaled = foreign(definition("scaled", "i32 n, f64 s, out f64 y[n]", by_int));
  const Handle two =
      foreign(definition("two", "f64 a[m][n], f64 x[n], f64 w[3*m], out f64 y[m]", copy));
  const Handle pair = foreign(definition("pair", "f64, f64 -> f64", identity));
  const Tensor x = vec({1, 2}), y = leaf({1, 2}), wide = vec({1, 2, 3}), a = tensor({1}, {2, 2});
  const Tensor light = zeros(TG_FLOAT32, {2}), w = tensor({1}, {6});
  const Tensor i1 = of_kind("i1", {1, 2}, {2});
  const tg_tensor one[] = {x}, both[] = {x, x}, zero[] = {0}, handle_of_op[] = {op};
  const tg_value good[] = {number(int64_t{2}), number(0.5)};
  const tg_value turned[] = {number(0.5), number(int64_t{2})};
  Rows rows{x, y, wide, a, light, w, i1};

  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"outs is NULL"},
             tg_operator_apply(op, one, 1, nullptr, 0, nullptr, 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"inputs is NULL"},
             tg_operator_apply(op, nullptr, 1, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"arguments is NULL"},
             tg_operator_apply(op, one, 1, nullptr, 1, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"copy", "count is 2", "1 operand"},
             tg_operator_apply(op, both, 2, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"copy", "out_count is 2", "1 result"},
             tg_operator_apply(op, one, 1, nullptr, 0, rows.outs(2), 2));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"argument_count is 1", "0 numbers"},
             tg_operator_apply(op, one, 1, good, 1, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"argument_count is 1", "2 numbers"},
             tg_operator_apply(scaled, nullptr, 0, good, 1, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"arguments[0], n", "TG_VALUE_INT64"},
             tg_operator_apply(scaled, nullptr, 0, turned, 2, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_HANDLE, {"op is 0"},
             tg_operator_apply(0, one, 1, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_HANDLE, {"op is", "a tensor", "wrong kind"},
             tg_operator_apply(x, one, 1, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_HANDLE, {"inputs[0]", "0 (none)"},
             tg_operator_apply(op, zero, 1, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_HANDLE, {"inputs[0]", "an operator"},
             tg_operator_apply(op, handle_of_op, 1, nullptr, 0, rows.out(), 1));

  const tg_tensor singles[] = {light};
  rows.fails("tg_operator_apply", TG_ERROR_DTYPE, {"copy", "float32", "float64", "tg_to_dtype"},
             tg_operator_apply(op, singles, 1, nullptr, 0, rows.out(), 1));
  const tg_tensor flat[] = {a};
  rows.fails("tg_operator_apply", TG_ERROR_SHAPE, {"copy", "rank 2", "x has 1"},
             tg_operator_apply(op, flat, 1, nullptr, 0, rows.out(), 1));
  const tg_tensor misfit[] = {a, wide, w}, short_w[] = {a, x, wide}, unlike[] = {x, wide};
  rows.fails("tg_operator_apply", TG_ERROR_SHAPE, {"two", "inputs[1]", "is 3, but n is 2"},
             tg_operator_apply(two, misfit, 3, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_SHAPE, {"two", "inputs[2]", "is 3", "wants 6"},
             tg_operator_apply(two, short_w, 3, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_SHAPE, {"[2]", "[3]"},
             tg_operator_apply(pair, unlike, 2, nullptr, 0, rows.out(), 1));
  const tg_value negative[] = {number(int64_t{-1}), number(0.5)};
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, {"scaled", "y is -1", "negative"},
             tg_operator_apply(scaled, nullptr, 0, negative, 2, rows.out(), 1));
  const Handle wide_number = foreign(definition("wide", "i32 k, out f64 y[1]", by_int));
  {
    Rows others;
    const tg_value large[] = {number(int64_t{3000000000})};
    others.fails("tg_operator_apply", TG_ERROR_LIMIT, {"wide", "3000000000", "i32"},
                 tg_operator_apply(wide_number, nullptr, 0, large, 1, others.out(), 1));
  }

  const tg_tensor recording[] = {y}, mixed[] = {i1, x};
  Rows last{x, y};
  last.fails("tg_operator_apply", TG_ERROR_UNSUPPORTED, {"copy", "inputs[0]", "requires grad"},
             tg_operator_apply(op, recording, 1, nullptr, 0, last.out(), 1));
  last.fails("tg_operator_apply", TG_ERROR_MODE, {"pair", "operand 0", "inference tensor"},
             tg_operator_apply(pair, mixed, 2, nullptr, 0, last.out(), 1));
  last.fails("tg_operator_apply", TG_ERROR_CALLBACK, {"refuses", "status = -12"},
             tg_operator_apply(refusing, one, 1, nullptr, 0, last.out(), 1));
  int64_t detail = 0;
  tg_last_error_detail(&detail, nullptr);
  CHECK(detail == -12);
}

TEST_CASE("operators that record: views of a past that is gone, and a wrong backward", "[errors]") {
  tg_ffi_definition from = from_libm("sin");
  from.backward_symbol = "sin";
  from.backward_signature = "f64 -> f64";
  const Handle plain = foreign(from);
  from.flags = TG_FFI_CHECK;
  const Handle checked = foreign(from);
  const Tensor x = leaf({0.5, 1});
  const Tensor base = make(tg_clone, x);
  const Tensor piece = piece_of(base, 2);
  ok(tg_mul_scalar_(base, 2));
  const tg_tensor inputs[] = {x}, stale[] = {piece};
  Rows rows{x};
  rows.fails("tg_operator_apply", TG_ERROR_AUTOGRAD, {"sine", "inputs[0]", "TG_FFI_CHECK"},
             tg_operator_apply(checked, inputs, 1, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_AUTOGRAD, {"sine", "tg_split"},
             tg_operator_apply(plain, stale, 1, nullptr, 0, rows.out(), 1));
}
