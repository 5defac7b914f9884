// SPDX-License-Identifier: MIT
// Errors of modules, their state, and dictionaries.
#include "capi/rows.h"

using namespace capi;

namespace {

struct Text {
  const char* key;
  tg_tensor value;
};
Handle dict_of(std::initializer_list<Text> entries) {
  Handle dict = make(tg_dict_create);
  for (const Text& entry : entries) ok(tg_dict_set(dict, entry.key, entry.value));
  return dict;
}
Handle linear(int64_t in, int64_t out) { return make(tg_nn_linear, in, out, 1, TG_FLOAT64); }
Tensor parameter(tg_module module, size_t index) {
  return make(tg_module_parameter_at, module, index);
}

}  // namespace

TEST_CASE("making modules: sizes, dtypes, parts", "[errors]") {
  const Handle relu = make(tg_nn_relu);
  const Tensor x = vec({1});
  const tg_module holed[] = {relu, 0}, wrong[] = {relu, x};
  Rows rows{x};
  rows.fails("tg_nn_linear", TG_ERROR_DTYPE, {"int32", "float32 or float64"},
             tg_nn_linear(2, 3, 1, TG_INT32, rows.out()));
  rows.fails("tg_nn_linear", TG_ERROR_DTYPE, {"float16", "float32 or float64"},
             tg_nn_linear(2, 3, 1, TG_FLOAT16, rows.out()));
  rows.fails("tg_nn_linear", TG_ERROR_INVALID_ARGUMENT, {"in_features is -1", "negative"},
             tg_nn_linear(-1, 3, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_nn_linear", TG_ERROR_INVALID_ARGUMENT, {"out_features is -3", "negative"},
             tg_nn_linear(2, -3, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_nn_linear", TG_ERROR_INVALID_ARGUMENT, {"bias is 2"},
             tg_nn_linear(2, 3, 2, TG_FLOAT32, rows.out()));
  rows.fails("tg_nn_sequential", TG_ERROR_INVALID_HANDLE, {"modules[1]", "0 (none)"},
             tg_nn_sequential(holed, 2, rows.out()));
  rows.fails("tg_nn_sequential", TG_ERROR_INVALID_HANDLE, {"modules[1]", "a tensor", "wrong kind"},
             tg_nn_sequential(wrong, 2, rows.out()));
  rows.fails("tg_nn_sequential", TG_ERROR_INVALID_ARGUMENT, {"modules is NULL"},
             tg_nn_sequential(nullptr, 2, rows.out()));
}

TEST_CASE("a module run forward: what its operators refuse", "[errors]") {
  const Handle module = linear(2, 3);
  const Tensor weight = parameter(module, 0);
  const Tensor wide = tensor({1}, {1, 3}), light = zeros(TG_FLOAT32, {1, 2});
  const Tensor x = tensor({1}, {1, 2});
  const Tensor i1 = of_kind("i1", {1, 2}, {1, 2});
  Rows rows{weight, wide, light, x, i1};
  rows.fails("tg_module_forward", TG_ERROR_SHAPE, {"[1, 3]", "[3, 2]", "last sizes 3 and 2"},
             tg_module_forward(module, wide, rows.out()));
  rows.fails("tg_module_forward", TG_ERROR_DTYPE, {"float32", "float64", "tg_to_dtype"},
             tg_module_forward(module, light, rows.out()));
  rows.fails("tg_module_forward", TG_ERROR_MODE, {"operand 0", "inference tensor", "tg_clone"},
             tg_module_forward(module, i1, rows.out()));
}

TEST_CASE("a module of inference parameters, outside the mode", "[errors]") {
  Handle module;
  {
    const In inf(Mode::inf);
    module = linear(2, 3);
  }
  const Tensor weight = parameter(module, 0), bias = parameter(module, 1);
  const Tensor x = tensor({1}, {1, 2}), w = tensor({1}, {3, 2}), b = vec({1, 2, 3});
  const Handle state = dict_of({{"weight", w}, {"bias", b}});
  ok(tg_module_set_requires_grad(module, 0));
  Rows rows{weight, bias, x, w, b};
  rows.fails("tg_module_set_requires_grad", TG_ERROR_MODE,
             {"inference tensor", "tg_clone", "make it outside"},
             tg_module_set_requires_grad(module, 1));
  rows.fails("tg_module_load_state_dict", TG_ERROR_MODE,
             {"inference tensor", "change it inside inference mode"},
             tg_module_load_state_dict(module, state, 1, nullptr, 0, nullptr));
}

TEST_CASE("a module's function that fails or gives nothing", "[errors]") {
  struct Told {
    int32_t result;
    tg_tensor give;
  } told = {0, 0};
  const tg_function fn = [](void* data, const tg_tensor*, size_t, tg_tensor* outs,
                            size_t) -> int32_t {
    const Told& told = *static_cast<Told*>(data);
    if (told.give != 0) outs[0] = told.give;
    return told.result;
  };
  const Handle module = make(tg_nn_function, fn, &told, nullptr);
  const Tensor x = vec({1});
  Rows rows{x};
  rows.fails("tg_module_forward", TG_ERROR_CALLBACK, {"gave no tensor", "outs[0]"},
             tg_module_forward(module, x, rows.out()));
  told.result = 41;
  rows.fails("tg_module_forward", TG_ERROR_CALLBACK, {"fn returned 41", "return 0"},
             tg_module_forward(module, x, rows.out()));
  int64_t number = 0;
  int32_t operand = 0;
  tg_last_error_detail(&number, &operand);
  CHECK(number == 41);
  CHECK(operand == -1);
  // A status that no failing call explains is a number like another.
  told.result = TG_ERROR_SHAPE;
  rows.fails("tg_module_forward", TG_ERROR_CALLBACK, {"fn returned 3"},
             tg_module_forward(module, x, rows.out()));
  told = {0, 12345};
  rows.fails("tg_module_forward", TG_ERROR_INVALID_HANDLE, {"outs[0]", "forged"},
             tg_module_forward(module, x, rows.out()));
}

TEST_CASE("parameters by number", "[errors]") {
  const Handle module = linear(2, 3), none = make(tg_nn_relu);
  char name[8] = "kept";
  Rows rows;
  rows.fails("tg_module_parameter_at", TG_ERROR_INDEX, {"index is 2", "2 parameters", "below"},
             tg_module_parameter_at(module, 2, rows.out()));
  rows.fails("tg_module_parameter_at", TG_ERROR_INDEX, {"index is 0", "0 parameters"},
             tg_module_parameter_at(none, 0, rows.out()));
  rows.fails("tg_module_parameter_name", TG_ERROR_INDEX, {"index is 2", "2 parameters", "below"},
             tg_module_parameter_name(module, 2, name, sizeof name, rows.untouched<size_t>()));
  CHECK(std::string(name) == "kept");
  rows.fails("tg_module_parameter_name", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_module_parameter_name(module, 0, nullptr, 9, rows.untouched<size_t>()));
  rows.fails("tg_module_train", TG_ERROR_INVALID_ARGUMENT, {"training is 2"},
             tg_module_train(module, 2));
  rows.fails("tg_module_set_requires_grad", TG_ERROR_INVALID_ARGUMENT, {"requires_grad is 2"},
             tg_module_set_requires_grad(module, 2));
}

TEST_CASE("loading a module's state: all or nothing, with a report", "[errors]") {
  const Handle module = linear(2, 3);
  const Tensor weight = parameter(module, 0), bias = parameter(module, 1);
  const Tensor w = tensor({7}, {3, 2}), turned = tensor({7}, {2, 3}), b = vec({1, 2, 3});
  const Handle misshapen = dict_of({{"weight", turned}, {"bias", b}});
  const Handle missing = dict_of({{"weight", w}});
  const Handle unexpected = dict_of({{"weight", w}, {"bias", b}, {"extra", b}});
  char report[200] = "";
  size_t length = 0;
  Rows rows{weight, bias, w, turned, b};
  const auto load = [&](const Handle& state, int32_t strict) {
    return tg_module_load_state_dict(module, state, strict, report, sizeof report, &length);
  };
  const std::string shape_line = "shape: weight: [2, 3] in the file, [3, 2] here";
  for (const int32_t strict : {0, 1}) {
    rows.fails("tg_module_load_state_dict", TG_ERROR_SHAPE, {"another shape", shape_line},
               load(misshapen, strict));
    CHECK(report == shape_line + "\n");
    CHECK(length == shape_line.size() + 1);
  }
  rows.fails("tg_module_load_state_dict", TG_ERROR_NOT_FOUND,
             {"1 names are missing", "missing: bias", "strict 0"}, load(missing, 1));
  CHECK(std::string(report) == "missing: bias\n");
  rows.fails("tg_module_load_state_dict", TG_ERROR_NOT_FOUND,
             {"1 are unexpected", "unexpected: extra", "strict 0"}, load(unexpected, 1));
  CHECK(std::string(report) == "unexpected: extra\n");
  rows.fails("tg_module_load_state_dict", TG_ERROR_INVALID_ARGUMENT, {"strict is 2"},
             load(unexpected, 2));
  rows.fails("tg_module_load_state_dict", TG_ERROR_INVALID_ARGUMENT, {"NULL", "capacity"},
             tg_module_load_state_dict(module, unexpected, 0, nullptr, 9, nullptr));
}

TEST_CASE("dictionaries: names that are not there", "[errors]") {
  const Tensor x = vec({1});
  const Handle dict = dict_of({{"here", x}});
  char name[8] = "kept";
  Rows rows{x};
  rows.fails("tg_dict_get", TG_ERROR_NOT_FOUND, {"\"gone\"", "tg_dict_name_at"},
             tg_dict_get(dict, "gone", rows.out()));
  rows.fails("tg_dict_metadata_get", TG_ERROR_NOT_FOUND,
             {"metadata", "\"gone\"", "tg_dict_metadata_set"},
             tg_dict_metadata_get(dict, "gone", name, sizeof name, rows.untouched<size_t>()));
  rows.fails("tg_dict_name_at", TG_ERROR_INDEX, {"index is 1", "1 names", "below"},
             tg_dict_name_at(dict, 1, name, sizeof name, rows.untouched<size_t>()));
  rows.fails("tg_dict_name_at", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_dict_name_at(dict, 0, nullptr, 9, rows.untouched<size_t>()));
  rows.fails("tg_dict_set", TG_ERROR_INVALID_ARGUMENT, {"name", "UTF-8", "byte 0"},
             tg_dict_set(dict, "\xff", x));
  rows.fails("tg_dict_get", TG_ERROR_INVALID_ARGUMENT, {"name", "UTF-8"},
             tg_dict_get(dict, "\xc0\x80", rows.out()));
  rows.fails("tg_dict_metadata_set", TG_ERROR_INVALID_ARGUMENT, {"value", "UTF-8"},
             tg_dict_metadata_set(dict, "key", "\xed\xa0\x80"));
  rows.fails("tg_dict_metadata_get", TG_ERROR_INVALID_ARGUMENT, {"key", "UTF-8"},
             tg_dict_metadata_get(dict, "\xff", name, sizeof name, rows.untouched<size_t>()));
  CHECK(std::string(name) == "kept");
  size_t size = 0;
  ok(tg_dict_size(dict, &size));
  CHECK(size == 1);
}
