// SPDX-License-Identifier: MIT
// Errors of the caller's operators: definitions, calls, and the functions of a context.
#include <thread>

#include "capi/operators.h"
#include "capi/rows.h"

using namespace capi;

namespace {

int32_t no_forward(void*, tg_context, const tg_tensor*, size_t, const tg_value*, size_t, tg_tensor*,
                   size_t) {
  return 1;
}
int destroyed = 0;
void count_destroyed(void*) { ++destroyed; }

tg_operator_definition sound() {
  tg_operator_definition from{};
  from.struct_size = sizeof from;
  from.name = "sound";
  from.out_count = 1;
  from.forward = no_forward;
  from.destructor = count_destroyed;
  return from;
}

// Runs the checks inside a forward and, where one is given, a backward of a call that records.
void inside(ForwardFunction forward, BackwardFunction backward = {}, tg_tensor input = 0) {
  const Handle op = custom(
      "inside",
      [&](const Forward& f) -> int32_t {
        TRY(forward(f));
        return tripled(f);
      },
      [&](const Backward& b) -> int32_t { return backward ? backward(b) : 0; });
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, input != 0 ? Inputs{input, x} : Inputs{x});
  if (backward) ok(backward_ones(y));
}

}  // namespace

TEST_CASE("definitions of operators", "[errors]") {
  Rows rows;
  const auto wrong = [&](auto&& change, tg_status code, const Phrases& phrases,
                         Where where = Where::current()) {
    tg_operator_definition from = sound();
    change(from);
    const tg_status status = tg_operator_create(&from, rows.out());
    if (code == TG_ERROR_LIMIT) {
      rows.fails("tg_operator_create", TG_ERROR_LIMIT, phrases, status, where);
    } else {
      rows.fails("tg_operator_create", TG_ERROR_INVALID_ARGUMENT, phrases, status, where);
    }
  };
  const tg_status argument = TG_ERROR_INVALID_ARGUMENT;
  wrong([](auto& d) { d.struct_size = 8; }, argument, {"struct_size is 8", "sizeof"});
  wrong([](auto& d) { d.reserved = 1; }, argument, {"reserved is 1"});
  wrong([](auto& d) { d.flags = 16; }, argument, {"flags has the bits 16"});
  wrong([](auto& d) { d.name = nullptr; }, argument, {"definition.name is NULL"});
  wrong([](auto& d) { d.name = ""; }, argument, {"definition.name has 0 bytes"});
  wrong([](auto& d) { d.name = "\xff"; }, argument, {"definition.name", "UTF-8"});
  const std::string long_name(101, 'n');
  wrong([&](auto& d) { d.name = long_name.c_str(); }, argument, {"101 bytes", "1 to 100"});
  wrong([](auto& d) { d.forward = nullptr; }, argument, {"definition.forward is NULL"});
  wrong([](auto& d) { d.out_count = 0; }, argument, {"out_count is 0", "at least 1"});
  wrong([](auto& d) { d.out_count = 65536; }, TG_ERROR_LIMIT, {"out_count is 65536", "65535"});
  rows.fails("tg_operator_create", TG_ERROR_INVALID_ARGUMENT, {"definition is NULL"},
             tg_operator_create(nullptr, rows.out()));
  const tg_operator_definition from = sound();
  rows.fails("tg_operator_create", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             tg_operator_create(&from, nullptr));
  // What failed kept nothing, so no destructor ran.
  CHECK(destroyed == 0);
  Handle op;
  ok(tg_operator_create(&from, op.out()));
  op.release();
  CHECK(destroyed == 1);
}

TEST_CASE("calls of the caller's operators", "[errors]") {
  const Handle op = custom("tripled", tripled);
  const Handle recording = product_operator();
  const Tensor x = vec({1, 2}), y = leaf({1, 2}), i1 = of_kind("i1", {1, 2}, {2});
  const tg_tensor one[] = {x}, mixed[] = {y, i1}, needing[] = {y};
  const std::vector<tg_tensor> many(65536, x);
  Rows rows{x, y, i1};
  rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT,
             {"tripled", "out_count is 2", "with 1"},
             tg_operator_apply(op, one, 1, nullptr, 0, rows.outs(2), 2));
  const auto wrong = [&](int32_t type, uint32_t count, const void* at, const Phrases& phrases,
                         Where where = Where::current()) {
    tg_value values[2] = {number(1.0), {}};
    values[1].type = type;
    values[1].count = count;
    values[1].as.array = at;
    rows.fails("tg_operator_apply", TG_ERROR_INVALID_ARGUMENT, phrases,
               tg_operator_apply(op, one, 1, values, 2, rows.out(), 1), where);
    if (type == TG_VALUE_TEXT) return;
    int32_t operand = -1;
    tg_last_error_detail(nullptr, &operand);
    CHECK(operand == 1);
  };
  wrong(-1, 0, nullptr, {"arguments[1]", "type -1"});
  wrong(TG_VALUE_RESULT, 0, nullptr, {"arguments[1]", "type 10"});
  wrong(TG_VALUE_TEXT, 0, nullptr, {"arguments[1]", "NULL"});
  wrong(TG_VALUE_TEXT, 1, "\xff", {"arguments[1]", "UTF-8"});
  wrong(TG_VALUE_TEXT, 9, "text", {"arguments[1]", "4 bytes", "9"});
  wrong(TG_VALUE_INT64_ARRAY, 1, nullptr, {"arguments[1]", "NULL"});
  wrong(TG_VALUE_BUFFER, 1, nullptr, {"arguments[1]", "NULL"});
  rows.fails("tg_operator_apply", TG_ERROR_LIMIT, {"tripled", "65536 inputs"},
             tg_operator_apply(op, many.data(), many.size(), nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_MODE, {"product: operand 1", "requires grad", kClone},
             tg_operator_apply(recording, mixed, 2, nullptr, 0, rows.out(), 1));
  rows.fails("tg_operator_apply", TG_ERROR_UNSUPPORTED, {"tripled", "without a backward"},
             tg_operator_apply(op, needing, 1, nullptr, 0, rows.out(), 1));
}

TEST_CASE("what a forward may not do with its context", "[errors]") {
  const Tensor i0 = of_kind("i0", {1, 2}, {2});
  const Tensor base = make(tg_clone, leaf({1, 2}));
  const Tensor part = piece_of(base, 2), before = viewed(base, {2});
  ok(tg_mul_scalar_(base, 2));  // the part is stale now, the view older than the change
  inside(
      [&](const Forward& f) -> int32_t {
        const tg_context c = f.context;
        const tg_tensor none[] = {0}, inference[] = {i0}, stale[] = {part}, old[] = {before};
        const std::vector<tg_tensor> many(256, f.inputs[1]);
        Rows rows;
        rows.fails("tg_context_save_for_backward", TG_ERROR_INVALID_ARGUMENT, {"tensors is NULL"},
                   tg_context_save_for_backward(c, nullptr, 1));
        rows.fails("tg_context_save_for_backward", TG_ERROR_INVALID_HANDLE, {"tensors[0]"},
                   tg_context_save_for_backward(c, none, 1));
        rows.fails("tg_context_save_for_backward", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_save_for_backward(0, f.inputs, 1));
        rows.fails("tg_context_save_for_backward", TG_ERROR_MODE, {"inference tensor", kClone},
                   tg_context_save_for_backward(c, inference, 1));
        rows.fails("tg_context_save_for_backward", TG_ERROR_AUTOGRAD, {"tg_split"},
                   tg_context_save_for_backward(c, stale, 1));
        ok(tg_context_save_for_backward(c, old, 1));  // a plain view catches up
        rows.fails("tg_context_save_for_backward", TG_ERROR_LIMIT, {"256 tensors", "at most 255"},
                   tg_context_save_for_backward(c, many.data(), many.size()));
        rows.fails("tg_context_saved_tensor", TG_ERROR_MODE, {"that of a forward"},
                   tg_context_saved_tensor(c, 0, rows.out()));
        rows.fails("tg_context_set_data", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_set_data(0, nullptr, nullptr));
        rows.fails("tg_context_data", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
                   tg_context_data(c, nullptr));
        rows.fails("tg_context_data", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_data(0, rows.untouched<void*>()));
        rows.fails("tg_context_needs_input_grad", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
                   tg_context_needs_input_grad(c, 0, nullptr));
        rows.fails("tg_context_needs_input_grad", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_needs_input_grad(0, 0, rows.untouched<int32_t>()));
        rows.fails("tg_context_needs_input_grad", TG_ERROR_INDEX, {"input is 2", "2 inputs"},
                   tg_context_needs_input_grad(c, 2, rows.untouched<int32_t>()));
        rows.fails("tg_context_mark_dirty", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_mark_dirty(0, 0));
        rows.fails("tg_context_mark_dirty", TG_ERROR_INDEX, {"input is 2", "2 inputs"},
                   tg_context_mark_dirty(c, 2));
        rows.fails("tg_context_mark_dirty", TG_ERROR_MODE, {"inference tensor", kClone},
                   tg_context_mark_dirty(c, 0));
        rows.fails("tg_context_mark_dirty", TG_ERROR_AUTOGRAD, {"leaf that requires grad"},
                   tg_context_mark_dirty(c, 1));
        rows.fails("tg_context_mark_non_differentiable", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_mark_non_differentiable(0, 0));
        rows.fails("tg_context_mark_non_differentiable", TG_ERROR_INDEX, {"out_index is 1"},
                   tg_context_mark_non_differentiable(c, 1));
        rows.fails("tg_alias", TG_ERROR_UNSUPPORTED, {"is a context", "one owner"},
                   tg_alias(c, rows.out()));
        rows.fails("tg_release", TG_ERROR_MODE, {"a context when its callback returns"},
                   tg_release(c));
        return 0;
      },
      {}, i0);
}

TEST_CASE("what forward may not mark as dirty", "[errors]") {
  const double memory[] = {1, 2};
  const Tensor fixed = read_only(memory, {2});
  inside(
      [&](const Forward& f) -> int32_t {
        Rows rows{fixed};
        rows.fails("tg_context_mark_dirty", TG_ERROR_UNSUPPORTED, {"inputs[0]", "read-only"},
                   tg_context_mark_dirty(f.context, 0));
        return 0;
      },
      {}, fixed);
}

TEST_CASE("what a backward may not do with its context", "[errors]") {
  inside(
      [](const Forward& f) -> int32_t {
        return tg_context_save_for_backward(f.context, f.inputs, 1);
      },
      [](const Backward& b) -> int32_t {
        const tg_context c = b.context;
        Rows rows;
        rows.fails("tg_context_save_for_backward", TG_ERROR_MODE, {"that of a backward"},
                   tg_context_save_for_backward(c, b.grad_outputs, 1));
        rows.fails("tg_context_mark_dirty", TG_ERROR_MODE, {"that of a backward"},
                   tg_context_mark_dirty(c, 0));
        rows.fails("tg_context_mark_non_differentiable", TG_ERROR_MODE, {"that of a backward"},
                   tg_context_mark_non_differentiable(c, 0));
        rows.fails("tg_context_saved_tensor", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
                   tg_context_saved_tensor(c, 0, nullptr));
        rows.fails("tg_context_saved_tensor", TG_ERROR_INVALID_HANDLE, {"context is 0"},
                   tg_context_saved_tensor(0, 0, rows.out()));
        rows.fails("tg_context_saved_tensor", TG_ERROR_INDEX, {"index is 1", "1 saved"},
                   tg_context_saved_tensor(c, 1, rows.out()));
        const Tensor kept = saved(c, 0);
        ok(tg_no_grad_enter());
        ok(tg_mul_scalar_(kept, 1));  // the memory is the input's: its version rises
        ok(tg_no_grad_exit());
        Rows after;
        after.fails("tg_context_saved_tensor", TG_ERROR_VERSION, {"inside saved for backward"},
                    tg_context_saved_tensor(c, 0, after.out()));
        return 0;
      });
}

TEST_CASE("a context on another thread than its callback's", "[errors]") {
  inside([](const Forward& f) -> int32_t {
    const tg_context c = f.context;
    Rows rows;
    const auto elsewhere = [](auto call) {
      tg_status status = TG_OK;
      std::string message;
      std::thread([&] {
        status = call();
        message = tg_last_error_message();
      }).join();
      tg_error_set(status, 0, message.c_str());
      return status;
    };
    int32_t* number = rows.untouched<int32_t>();
    rows.fails("tg_context_needs_input_grad", TG_ERROR_MODE, {"another thread"},
               elsewhere([&] { return tg_context_needs_input_grad(c, 0, number); }));
    rows.fails("tg_context_set_data", TG_ERROR_MODE, {"another thread"},
               elsewhere([&] { return tg_context_set_data(c, nullptr, nullptr); }));
    void** data = rows.untouched<void*>();
    rows.fails("tg_context_data", TG_ERROR_MODE, {"another thread"},
               elsewhere([&] { return tg_context_data(c, data); }));
    return 0;
  });
}
