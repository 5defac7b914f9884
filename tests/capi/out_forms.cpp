// SPDX-License-Identifier: MIT
// Every form that writes into a given tensor (rules I3, I6, I11 and R2, R6, R7 of the header): what
// it writes, on which kinds of tensors in which modes, and what it refuses. Each row has the form
// that gives a new tensor beside it, whose values it must give to the last bit.
#include "capi/out_forms.h"

using namespace capi;

namespace {

Tensor left() { return tensor({0.25, 2, 0.5, 1}, {2, 2}); }
Tensor right() { return tensor({2, -1, 0.5, 3}, {2, 2}); }

Sizes shape_of(tg_tensor x) {
  Sizes sizes(16);
  int32_t rank = 0;
  ok(tg_tensor_shape(x, sizes.data(), 16, &rank));
  sizes.resize(static_cast<size_t>(rank));
  return sizes;
}
Tensor expected_of(const Form& form, tg_tensor a, tg_tensor b) {
  Tensor out;
  ok(form.both.fresh(a, b, out.out()));
  return out;
}
Values zeros_for(tg_tensor x) { return Values(values(x).size(), 0); }

}  // namespace

TEST_CASE("I6, I11: out forms give the values of the form without out", "[modes]") {
  const Tensor a = left(), b = right();
  for (const Form& form : forms()) {
    INFO(form.name);
    const Tensor wanted = expected_of(form, a, b);
    const Sizes sizes = shape_of(wanted);
    // Row-major, and with elements that lie apart and backwards in rank.
    const Tensor out = tensor(zeros_for(wanted), sizes);
    ok(form.both.into(a, b, out));
    CHECK(values(out) == values(wanted));
    CHECK(version(out) == 1);
    Sizes strides(sizes.size()), reversed(sizes.rbegin(), sizes.rend());
    int64_t step = 2;
    for (size_t d = 0; d < sizes.size(); ++d) strides[d] = step, step *= sizes[d];
    const Tensor room = tensor({9}, {2 * count_of(sizes)});
    const Tensor apart = make(tg_as_strided, room, sizes.data(), strides.data(),
                              static_cast<int32_t>(sizes.size()), int64_t{1});
    ok(form.both.into(a, b, apart));
    CHECK(values(apart) == values(wanted));
    CHECK(version(room) == 1);
    for (size_t i = 0; i < values(room).size(); i += 2) CHECK(values(room)[i] == 9);
    // Into an operand itself, where its shape allows it.
    if (sizes == Sizes{2, 2}) {
      const Tensor x = left(), y = right();
      ok(form.both.into(x, b, x));
      CHECK(values(x) == values(wanted));
      ok(form.both.into(a, y, y));
      CHECK(values(y) == values(wanted));
      CHECK(version(y) == 1);
    }
    // Operands that do not lie row-major.
    const Tensor turned = make(tg_clone, make(tg_t, a));
    const Tensor over = tensor(zeros_for(wanted), sizes);
    ok(form.both.into(make(tg_t, turned), b, over));
    CHECK(values(over) == values(expected_of(form, make(tg_t, turned), b)));
    // A greater dtype of the same category converts.
    const Tensor narrow_a = make(tg_to_dtype, a, TG_FLOAT32);
    const Tensor narrow_b = make(tg_to_dtype, b, TG_FLOAT32);
    ok(form.both.into(narrow_a, narrow_b, out));
    CHECK(values(out) == values(expected_of(form, narrow_a, narrow_b)));
    CHECK(version(out) == 2);
  }
}

TEST_CASE("out forms with two results", "[modes]") {
  const Tensor x = tensor({3, 1, 2, 5, 4, 6}, {2, 3});
  // Apart from each other in one buffer, one of them with gaps; indices as floating point numbers.
  const Tensor room = tensor({9}, {8});
  const int64_t shape[] = {1, 3}, strides[] = {3, 1}, gaps[] = {6, 2};
  const Tensor values_out = make(tg_as_strided, room, shape, strides, 2, int64_t{0});
  const Tensor indices_out = make(tg_as_strided, room, shape, gaps, 2, int64_t{3});
  ok(tg_max_dim_out(x, 0, 1, values_out, indices_out));
  CHECK(values(room) == Values{5, 4, 6, 1, 9, 1, 9, 1});
  CHECK(version(room) == 2);  // each result is a write of its own
  ok(tg_min_dim_out(x, 0, 1, values_out, indices_out));
  CHECK(values(room) == Values{3, 1, 2, 0, 9, 0, 9, 0});
  // Values over the operand's own elements.
  const Tensor own = tensor({3, 1, 2}, {3}), first = make(tg_narrow, own, int64_t{0}, 0, 1);
  ok(tg_max_dim_out(make(tg_narrow, own, int64_t{0}, 0, 1), 0, 1, first, zeros(TG_INT64, {1})));
  CHECK(values(own) == Values{3, 1, 2});
  // One place for both, in whole or in part.
  const Tensor column = tensor({7, 7, 7}, {3}), place = zeros(TG_INT64, {2});
  const Tensor left_part = make(tg_narrow, column, int64_t{0}, 0, 2),
               right_part = make(tg_narrow, column, int64_t{0}, 1, 2);
  fails(tg_max_dim_out(x, 1, 0, left_part, left_part), TG_ERROR_UNSUPPORTED, {"indices, "});
  fails(tg_min_dim_out(x, 1, 0, left_part, right_part), TG_ERROR_UNSUPPORTED, {"shares"});
  fails(tg_max_dim_out(x, 1, 0, left_part, leaf({1, 2})), TG_ERROR_AUTOGRAD, {"indices, "});
  fails(tg_max_dim_out(x, 1, 0, left_part, of_kind("i0", {1, 2}, {2})), TG_ERROR_MODE);
  int64_t number = 0;
  int32_t operand = -1;
  tg_last_error_detail(&number, &operand);
  CHECK(operand == 2);
  fails(tg_max_dim_out(x, 1, 0, left_part, zeros(TG_INT64, {3})), TG_ERROR_SHAPE, {"indices has"});
  CHECK(values(column) == Values{7, 7, 7});
  CHECK(version(column) == 0);
  ok(tg_max_dim_out(x, 1, 0, left_part, place));
  CHECK(values(column) == Values{3, 6, 7});
  CHECK(values(place) == Values{0, 2});
}

TEST_CASE("out forms without elements", "[modes]") {
  const Tensor none = tensor({}, {0, 2}), out = tensor({}, {0, 2});
  ok(tg_sub_out(none, none, out));
  ok(tg_softmax_out(none, 1, out));
  CHECK(version(out) == 2);
  const Tensor total = tensor({5}, {});
  ok(tg_sum_out(none, total));
  CHECK(values(total) == Values{0});
  const Tensor vector = tensor({5, 5}, {2});
  ok(tg_sum_dims_out(none, kRow, 1, 0, vector));
  CHECK(values(vector) == Values{0, 0});
}

TEST_CASE("out forms of matmul for every pair of ranks", "[modes]") {
  const Sizes shapes[] = {{2}, {2, 2}, {3, 2, 2}, {2, 1, 2, 2}};
  for (const Sizes& left_shape : shapes) {
    for (const Sizes& right_shape : shapes) {
      INFO(left_shape.size() << " and " << right_shape.size());
      Values x, y;
      for (int64_t i = 0; i < count_of(left_shape); ++i) x.push_back(0.5 * double(i) - 1);
      for (int64_t i = 0; i < count_of(right_shape); ++i) y.push_back(2 - 0.25 * double(i));
      const Tensor a = tensor(x, left_shape), b = tensor(y, right_shape);
      const Tensor wanted = make(tg_matmul, a, b);
      const Tensor out = tensor(zeros_for(wanted), shape_of(wanted));
      ok(tg_matmul_out(a, b, out));
      CHECK(values(out) == values(wanted));
      CHECK(version(out) == 1);
    }
  }
}

TEST_CASE("I3, I11: out forms with operands of every kind into n0", "[modes]") {
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, left(), right());
    for (const std::string kind : kKinds) {
      if (kind == "i1" && !form.both.plain) continue;  // a view of it requires no grad
      for (const Mode mode : kModes) {
        INFO(form.name << " of " << kind << ", " << mode);
        const Tensor a = of_kind(kind, values(left()), {2, 2});
        const Tensor b = of_kind(kind, values(right()), {2, 2});
        const Tensor out = tensor(zeros_for(wanted), shape_of(wanted));
        const Snapshot before = snapshot(out);
        const bool refused = mode == Mode::normal && (kind == "nl" || kind == "nn" || kind == "i1");
        {
          const In in(mode);
          const tg_status status = form.both.into(a, b, out);
          if (refused) fails(status, TG_ERROR_AUTOGRAD, {form.name});
          if (!refused) ok(status);
        }
        if (refused) {
          CHECK(snapshot(out) == before);
        } else {
          CHECK(kind_of(out) == "n0");
          CHECK(version(out) == 1);
          CHECK(values(out) == values(wanted));
        }
        CHECK(kind_of(a) == kind);
      }
    }
  }
}

TEST_CASE("I3b, I3c, I11: out forms with operands n0 and nl into every kind", "[modes]") {
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, left(), right());
    for (const std::string operand : {"n0", "nl"}) {
      for (const std::string kind : kKinds) {
        for (const Mode mode : kModes) {
          INFO(form.name << " of " << operand << " into " << kind << ", " << mode);
          const Tensor a = of_kind(operand, values(left()), {2, 2});
          const Tensor b = of_kind(operand, values(right()), {2, 2});
          const Tensor out = of_kind(kind, zeros_for(wanted), shape_of(wanted));
          const Snapshot before = snapshot(out);
          const bool wants = operand == "nl" || kind == "nl" || kind == "nn" || kind == "i1";
          tg_status expected = TG_OK;
          if (mode == Mode::normal && wants) {
            expected = TG_ERROR_AUTOGRAD;
          } else if (mode != Mode::inf && kind[0] == 'i') {
            expected = TG_ERROR_MODE;
          }
          {
            const In in(mode);
            const tg_status status = form.both.into(a, b, out);
            if (expected == TG_OK) ok(status);
            if (expected == TG_ERROR_AUTOGRAD) {
              fails(status, expected, {form.name, "no_grad", "functional form"});
            }
            if (expected == TG_ERROR_MODE) {
              fails(status, expected, {form.name, "inside inference mode", "tg_clone"});
            }
          }
          if (expected != TG_OK) {
            CHECK(snapshot(out) == before);
            continue;
          }
          CHECK(kind_of(out) == kind);
          CHECK(values(out) == values(wanted));
          if (kind[0] == 'n') CHECK(version(out) == before.version + 1);
        }
      }
    }
  }
}

TEST_CASE("out forms: modes, gradients, memory, shape and dtype of out", "[errors]") {
  const double memory[12] = {};
  const Tensor a = left(), b = right(), w = tensor({1}, {2, 2}, true);
  const Tensor base = tensor({1}, {16});
  const int64_t sizes[] = {2, 2}, strides[] = {2, 1};
  const Tensor back = make(tg_as_strided, base, sizes, strides, 2, int64_t{2});
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, a, b);
    const Sizes shape = shape_of(wanted);
    const auto& call = form.both.into;
    const Tensor fine = tensor(zeros_for(wanted), shape), other = tensor({0}, {2, 7});
    const Tensor i0 = of_kind("i0", zeros_for(wanted), shape), fixed = read_only(memory, shape);
    const Tensor leaf_out = tensor(zeros_for(wanted), shape, true);
    Sizes steps(shape.size());
    int64_t step = 1;
    for (size_t d = shape.size(); d-- > 0;) steps[d] = step, step *= shape[d];
    const Tensor front = make(tg_as_strided, base, shape.data(), steps.data(),
                              static_cast<int32_t>(shape.size()), int64_t{3});
    Rows rows{a, b, w, fine, other, i0, fixed, leaf_out, base};
    rows.fails(form.name, TG_ERROR_MODE, {"inference tensor", "inside inference mode"},
               call(a, b, i0));
    rows.fails(form.name, TG_ERROR_AUTOGRAD, {"operand", "requires grad", "tg_no_grad_enter"},
               call(w, b, fine));
    const std::string out_name = form.both.out;
    rows.fails(form.name, TG_ERROR_AUTOGRAD, {out_name + ", ", "requires grad", "functional form"},
               call(a, b, leaf_out));
    rows.fails(form.name, TG_ERROR_UNSUPPORTED, {"read-only", "tg_clone"}, call(a, b, fixed));
    rows.fails(form.name, TG_ERROR_UNSUPPORTED, {"operand ", "shares part of its memory"},
               call(back, b, front));
    rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {out_name + " is"}, call(a, b, kNoHandle));
    if (form.both.plain) {
      rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {}, call(kNoHandle, b, fine));
      if (form.both.binary) {
        rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {}, call(a, kNoHandle, fine));
      }
    }
    rows.fails(form.name, TG_ERROR_SHAPE, {out_name + " has [2, 7]", "must be equal"},
               call(a, b, other));
    if (count_of(shape) > 1) {
      const Tensor number = tensor({0}, {});
      const Tensor wide = make(tg_expand, number, shape.data(), static_cast<int32_t>(shape.size()));
      Rows more{number};
      more.fails(form.name, TG_ERROR_UNSUPPORTED, {"expanded", "tg_clone"}, call(a, b, wide));
    }
    if (form.has(TG_ERROR_DTYPE)) {
      const Tensor bools = zeros(TG_BOOL, shape);
      Rows more{a, b, bools};
      more.fails(form.name, TG_ERROR_DTYPE, {out_name + ", ", "bool", "tg_to_dtype"},
                 call(a, b, bools));
    }
    for (const tg_status code : {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
                                 TG_ERROR_UNSUPPORTED, TG_ERROR_SHAPE}) {
      CHECK(form.has(code));
    }
  }
}
