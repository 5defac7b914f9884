// SPDX-License-Identifier: MIT
// Errors of calls that write in place (rules R2 to R6 of the header). Data and version of the
// target stay. The _out forms stand in out_forms.cpp.
#include <cmath>
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

struct Row {
  const char* function;
  std::vector<tg_status> codes;
  std::function<tg_status(tg_tensor x, tg_tensor other)> call;
};

const std::vector<Row>& in_place() {
  static const std::vector<Row> table = {
      {"tg_copy_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_copy_(x, other); }},
      {"tg_add_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_add_(x, other); }},
      {"tg_sub_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_sub_(x, other); }},
      {"tg_mul_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_mul_(x, other); }},
      {"tg_div_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_div_(x, other); }},
      {"tg_fill_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_fill_(x, 2); }},
      {"tg_fill_int64_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_fill_int64_(x, 2); }},
      {"tg_zero_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_zero_(x); }},
      {"tg_add_scalar_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_add_scalar_(x, 2); }},
      {"tg_mul_scalar_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_mul_scalar_(x, 2); }},
      {"tg_exp_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_exp_(x); }},
      {"tg_sigmoid_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_sigmoid_(x); }},
      {"tg_relu_",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_relu_(x); }},
      {"tg_sub_scalar_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_sub_scalar_(x, 2); }},
      {"tg_div_scalar_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_div_scalar_(x, 2); }},
      {"tg_pow_scalar_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_pow_scalar_(x, 2); }},
      {"tg_clamp_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_clamp_(x, 0, 1); }},
      {"tg_neg_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_neg_(x); }},
      {"tg_abs_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_abs_(x); }},
      {"tg_log_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_log_(x); }},
      {"tg_sqrt_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_sqrt_(x); }},
      {"tg_sin_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_sin_(x); }},
      {"tg_cos_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_cos_(x); }},
      {"tg_tanh_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) { return tg_tanh_(x); }},
      {"tg_addmm_",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor other) { return tg_addmm_(x, other, other, 1, 1); }},
      {"tg_tensor_copy_in",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_UNSUPPORTED},
       [](tg_tensor x, tg_tensor) {
         const double four[] = {5, 6, 7, 8};
         return tg_tensor_copy_in(x, four, sizeof four);
       }},
  };
  return table;
}
bool has_operand(const Row& row) {
  const std::string name = row.function;
  return name == "tg_copy_" || name == "tg_add_" || name == "tg_sub_" || name == "tg_mul_" ||
         name == "tg_div_";
}
bool fills(const Row& row) {
  const std::string name = row.function;
  return name.rfind("tg_fill", 0) == 0 || name == "tg_zero_";
}

// Each row with this code, on one target that must stay as it is.
void refuse(tg_status code, const Tensor& target, const Phrases& phrases, tg_tensor other = 0) {
  const Tensor same = tensor({2}, {2, 2});
  Rows rows{target, same};
  for (const Row& row : in_place()) {
    if (std::find(row.codes.begin(), row.codes.end(), code) == row.codes.end()) continue;
    rows.fails(row.function, code, phrases, row.call(target, other != 0 ? other : same));
  }
  CHECK(rows.count() == in_place().size());
}

Tensor square() { return tensor({1, 2, 3, 4}, {2, 2}); }

}  // namespace

TEST_CASE("in place: a handle that is none", "[errors]") {
  const tg_handle none = 0x1fffffff000000;
  const Tensor same = square();
  Rows rows{same};
  for (const Row& row : in_place()) {
    if (row.codes.front() != TG_ERROR_INVALID_HANDLE) continue;
    rows.fails(row.function, TG_ERROR_INVALID_HANDLE, {"tg_"}, row.call(none, same));
  }
  CHECK(rows.count() == 12);
  rows.fails("tg_addmm_", TG_ERROR_INVALID_HANDLE, {"operand 1"},
             tg_addmm_(same, none, same, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_INVALID_HANDLE, {"operand 2"},
             tg_addmm_(same, same, none, 1, 1));
}

TEST_CASE("in place: an inference tensor is not changed outside inference mode", "[errors]") {
  for (const char* kind : {"i0", "i1"}) {
    const Tensor target = of_kind(kind, {1, 2, 3, 4}, {2, 2});
    ok(tg_tensor_set_name(target, "phi"));
    const Phrases phrases = {"phi", "inference tensor", "change it inside inference mode",
                             "tg_clone"};
    refuse(TG_ERROR_MODE, target, phrases);
    const In no_grad(Mode::no_grad);
    refuse(TG_ERROR_MODE, target, phrases);
  }
}

TEST_CASE(
    "in place: a leaf that requires grad, and a view of one, are not changed by a call that "
    "records",
    "[errors]") {
  const Tensor w = tensor({1, 2, 3, 4}, {2, 2}, true);
  refuse(TG_ERROR_AUTOGRAD, w, {"leaf that requires grad", "tg_no_grad_enter", "functional form"});
  refuse(TG_ERROR_AUTOGRAD, viewed(w, {2, 2}),
         {"view of a leaf that requires grad", "tg_no_grad_enter", "functional form"});
}

TEST_CASE("in place: views of other origins are not changed by a call that records", "[errors]") {
  const Tensor w = tensor({1, 2, 3, 4}, {2, 2}, true), base = make(tg_clone, w);
  refuse(TG_ERROR_AUTOGRAD, piece_of(base, 2), {"tg_split", "tg_narrow", "tg_clone"});
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    Tensor view;
    {
      const In in(mode);
      view = viewed(base, {2, 2});
    }
    refuse(TG_ERROR_MODE, view,
           {mode == Mode::inf ? "in inference mode" : "in no_grad mode",
            "make the view in grad mode", "tg_clone"});
  }
}

TEST_CASE("in place: memory that may not be written", "[errors]") {
  const double memory[] = {1, 2, 3, 4};
  refuse(TG_ERROR_UNSUPPORTED, read_only(memory, {2, 2}), {"read-only", "tg_clone"});
  CHECK(memory[0] == 1);
}

TEST_CASE("in place: one element that stands for many, in every mode", "[errors]") {
  const Tensor row = vec({1, 2});
  const int64_t wide[] = {2, 2};
  const Tensor target = make(tg_expand, row, wide, 2), other = square();
  for (const Mode mode : kModes) {
    const In in(mode);
    Rows rows{row, target, other};
    for (const Row& each : in_place()) {
      if (fills(each)) continue;
      rows.fails(each.function, TG_ERROR_UNSUPPORTED, {"expanded", "tg_clone"},
                 each.call(target, other));
    }
    CHECK(rows.count() == in_place().size() - 3);
  }
}

TEST_CASE("in place: an operand that overlaps the target, in every mode", "[errors]") {
  const Tensor base = vec({1, 2, 3, 4, 5});
  const Tensor front = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{4});
  const Tensor back = make(tg_narrow, base, int64_t{0}, int64_t{1}, int64_t{4});
  for (const Mode mode : kModes) {
    const In in(mode);
    Rows rows{base, front, back};
    for (const Row& each : in_place()) {
      if (!has_operand(each)) continue;
      rows.fails(each.function, TG_ERROR_UNSUPPORTED, {"operand 1", "shares", "tg_clone"},
                 each.call(front, back));
    }
    CHECK(rows.count() == 5);
  }
}

TEST_CASE("in place: an operand that is stale or an inference tensor where the call records",
          "[errors]") {
  const Tensor w = tensor({1, 2, 3, 4}, {2, 2}, true), base = make(tg_clone, w);
  const Tensor multi = piece_of(base, 2);
  Tensor frozen, i1;
  {
    const In no_grad(Mode::no_grad);
    frozen = viewed(base, {2, 2});
  }
  {
    const In inf(Mode::inf);
    i1 = tensor({2}, {2, 2}, true);
  }
  ok(tg_mul_scalar_(base, 2));
  const Tensor target = square();
  Rows rows{target, base, multi, frozen, i1};
  for (const Row& each : in_place()) {
    if (!has_operand(each)) continue;
    rows.fails(each.function, TG_ERROR_MODE, {"no_grad", "make the view in grad mode"},
               each.call(target, frozen));
    rows.fails(each.function, TG_ERROR_AUTOGRAD, {"tg_split", "tg_narrow"},
               each.call(target, multi));
    rows.fails(each.function, TG_ERROR_MODE, {"operand 1", "inference tensor", "tg_clone"},
               each.call(target, i1));
  }
  CHECK(rows.count() == 15);
}

TEST_CASE("in place: an operand that would enlarge the target", "[errors]") {
  const Tensor target = vec({1, 2}), three = vec({1, 2, 3}), wide = tensor({1}, {3, 2});
  Rows rows{target, three, wide};
  rows.fails("tg_copy_", TG_ERROR_SHAPE, {"[2]", "[3]", "broadcast"}, tg_copy_(target, three));
  rows.fails("tg_copy_", TG_ERROR_SHAPE, {"[3, 2]", "changed in place has [2]"},
             tg_copy_(target, wide));
  rows.fails("tg_add_", TG_ERROR_SHAPE, {"[2]", "[3]", "broadcast"}, tg_add_(target, three));
  rows.fails("tg_add_", TG_ERROR_SHAPE, {"[3, 2]", "changed in place has [2]"},
             tg_add_(target, wide));
  rows.fails("tg_sub_", TG_ERROR_SHAPE, {"[2]", "[3]", "broadcast"}, tg_sub_(target, three));
  rows.fails("tg_sub_", TG_ERROR_SHAPE, {"[3, 2]", "changed in place has [2]"},
             tg_sub_(target, wide));
  rows.fails("tg_mul_", TG_ERROR_SHAPE, {"[2]", "[3]", "broadcast"}, tg_mul_(target, three));
  rows.fails("tg_mul_", TG_ERROR_SHAPE, {"[3, 2]", "changed in place has [2]"},
             tg_mul_(target, wide));
  rows.fails("tg_div_", TG_ERROR_SHAPE, {"[2]", "[3]", "broadcast"}, tg_div_(target, three));
  rows.fails("tg_div_", TG_ERROR_SHAPE, {"[3, 2]", "changed in place has [2]"},
             tg_div_(target, wide));
}

TEST_CASE("in place: a result that the target's dtype cannot hold", "[errors]") {
  const Tensor floats = vec({1, 2}), integers = zeros(TG_INT32, {2}), bytes = zeros(TG_UINT8, {2});
  const Tensor bools = zeros(TG_BOOL, {2});
  Rows rows{floats, integers, bytes, bools};
  rows.fails("tg_add_", TG_ERROR_DTYPE, {"float64", "int32", "tg_to_dtype"},
             tg_add_(integers, floats));
  rows.fails("tg_add_", TG_ERROR_DTYPE, {"int32", "bool", "tg_to_dtype"}, tg_add_(bools, integers));
  rows.fails("tg_sub_", TG_ERROR_DTYPE, {"float64", "int32", "tg_to_dtype"},
             tg_sub_(integers, floats));
  rows.fails("tg_sub_", TG_ERROR_DTYPE, {"int32", "bool", "tg_to_dtype"}, tg_sub_(bools, integers));
  rows.fails("tg_mul_", TG_ERROR_DTYPE, {"float64", "int32", "tg_to_dtype"},
             tg_mul_(integers, floats));
  rows.fails("tg_mul_", TG_ERROR_DTYPE, {"int32", "bool", "tg_to_dtype"}, tg_mul_(bools, integers));
  rows.fails("tg_sub_", TG_ERROR_DTYPE, {"bool", "tg_ne"}, tg_sub_(bools, bools));
  rows.fails("tg_div_", TG_ERROR_DTYPE, {"float32", "int32", "tg_to_dtype"},
             tg_div_(integers, bytes));
  rows.fails("tg_add_scalar_", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_add_scalar_(integers, 2.5));
  rows.fails("tg_add_scalar_", TG_ERROR_DTYPE, {"256", "uint8", "tg_to_dtype"},
             tg_add_scalar_(bytes, 256));
  rows.fails("tg_add_scalar_", TG_ERROR_DTYPE, {"2", "bool", "0 or 1"}, tg_add_scalar_(bools, 2));
  rows.fails("tg_mul_scalar_", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_mul_scalar_(integers, 2.5));
  rows.fails("tg_mul_scalar_", TG_ERROR_DTYPE, {"256", "uint8", "tg_to_dtype"},
             tg_mul_scalar_(bytes, 256));
  rows.fails("tg_mul_scalar_", TG_ERROR_DTYPE, {"2", "bool", "0 or 1"}, tg_mul_scalar_(bools, 2));
  rows.fails("tg_fill_", TG_ERROR_DTYPE, {"2.5", "int32"}, tg_fill_(integers, 2.5));
  rows.fails("tg_fill_", TG_ERROR_DTYPE, {"256", "uint8"}, tg_fill_(bytes, 256));
  rows.fails("tg_fill_", TG_ERROR_DTYPE, {"2", "bool"}, tg_fill_(bools, 2));
  rows.fails("tg_fill_int64_", TG_ERROR_DTYPE, {"-1", "uint8"}, tg_fill_int64_(bytes, -1));
  rows.fails("tg_fill_int64_", TG_ERROR_DTYPE, {"2", "bool"}, tg_fill_int64_(bools, 2));
  rows.fails("tg_exp_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_exp_(integers));
  rows.fails("tg_exp_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_exp_(bools));
  rows.fails("tg_sigmoid_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_sigmoid_(integers));
  rows.fails("tg_sigmoid_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sigmoid_(bools));
  rows.fails("tg_relu_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_relu_(bools));
  rows.fails("tg_log_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_log_(integers));
  rows.fails("tg_log_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_log_(bools));
  rows.fails("tg_sqrt_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_sqrt_(integers));
  rows.fails("tg_sqrt_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sqrt_(bools));
  rows.fails("tg_sin_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_sin_(integers));
  rows.fails("tg_sin_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sin_(bools));
  rows.fails("tg_cos_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_cos_(integers));
  rows.fails("tg_cos_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_cos_(bools));
  rows.fails("tg_tanh_", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_tanh_(integers));
  rows.fails("tg_tanh_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_tanh_(bools));
  rows.fails("tg_neg_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_neg_(bools));
  rows.fails("tg_abs_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_abs_(bools));
  rows.fails("tg_sub_scalar_", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_sub_scalar_(integers, 2.5));
  rows.fails("tg_sub_scalar_", TG_ERROR_DTYPE, {"256", "uint8", "tg_to_dtype"},
             tg_sub_scalar_(bytes, 256));
  rows.fails("tg_sub_scalar_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sub_scalar_(bools, 1));
  rows.fails("tg_div_scalar_", TG_ERROR_DTYPE, {"float32", "int32", "tg_to_dtype"},
             tg_div_scalar_(integers, 2));
  rows.fails("tg_pow_scalar_", TG_ERROR_DTYPE, {"-1", "integers", "tg_to_dtype"},
             tg_pow_scalar_(integers, -1));
  rows.fails("tg_pow_scalar_", TG_ERROR_DTYPE, {"0.5", "tg_to_dtype"},
             tg_pow_scalar_(integers, 0.5));
  rows.fails("tg_pow_scalar_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_pow_scalar_(bools, 2));
  rows.fails("tg_clamp_", TG_ERROR_DTYPE, {"0.5", "int32", "tg_to_dtype"},
             tg_clamp_(integers, 0.5, 1));
  rows.fails("tg_clamp_", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_clamp_(bools, 0, 1));
  rows.fails("tg_clamp_", TG_ERROR_INVALID_ARGUMENT, {"NaN"}, tg_clamp_(floats, NAN, 1));
}

TEST_CASE("in place: a product that is added", "[errors]") {
  const Tensor base = tensor({1, 2, 3, 4, 5, 6}, {3, 2}), three = vec({1, 2, 3});
  const Tensor front = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{2});
  const Tensor back = make(tg_narrow, base, int64_t{0}, int64_t{1}, int64_t{2});
  const Tensor other = square(), half = zeros(TG_FLOAT32, {2, 2}), whole = zeros(TG_INT64, {2, 2});
  const Tensor row = vec({1, 2});
  Rows rows{base, three, other, half, whole, row};
  rows.fails("tg_addmm_", TG_ERROR_SHAPE, {"rank 1", "must have rank 2"},
             tg_addmm_(other, three, other, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_SHAPE, {"inner sizes"}, tg_addmm_(other, other, base, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_SHAPE, {"[2, 2]", "changed in place has [2]"},
             tg_addmm_(row, other, other, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_DTYPE, {"float64", "float32", "tg_to_dtype"},
             tg_addmm_(half, other, other, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_addmm_(whole, whole, whole, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_UNSUPPORTED, {"operand 1", "shares", "tg_clone"},
             tg_addmm_(front, back, other, 1, 1));
  rows.fails("tg_addmm_", TG_ERROR_UNSUPPORTED, {"operand 2", "shares", "tg_clone"},
             tg_addmm_(front, other, back, 1, 1));
}
