// SPDX-License-Identifier: MIT
// Foreign functions as operators, and the call of an operator of any maker.
#include "capi/objects.h"
#include "capi/user_calls.h"
#include "ffi/operator.h"

namespace tg::capi {

namespace {

using OperatorRef = Counted<CallableOperator>;

constexpr size_t kLongestName = 100;  // bytes: names of nodes are built from it

// A foreign function is a callback that returns nothing: what it throws and the modes that it
// leaves are seen to as of every callback.
void run_user_code(const char* name, void (*code)(void*), void* data) {
  Callback callback;
  code(data);
  callback.check(0, name);
}

void check_name(const char* name) {
  check_text(name, "definition.name");
  const size_t length = std::strlen(name);
  if (length == 0 || length > kLongestName) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.name has ", length, " bytes; give 1 to ",
         kLongestName);
  }
}

struct PlaceNames {
  const char *library, *symbol, *address, *signature;
};

// Exactly one of symbol and address, and a signature.
ffi::Place place_of(const ffi::Place& place, const PlaceNames& names) {
  check_text(place.signature, names.signature);
  if (place.library != nullptr) check_text(place.library, names.library);
  if (place.symbol != nullptr) check_text(place.symbol, names.symbol);
  if ((place.symbol != nullptr) == (place.address != nullptr)) {
    fail(TG_ERROR_INVALID_ARGUMENT, names.symbol, " and ", names.address, " are both ",
         place.symbol != nullptr ? "given" : "NULL", "; give one of them");
  }
  if (place.symbol != nullptr && *place.symbol == 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, names.symbol, " is empty; give a name");
  }
  return place;
}

ffi::Definition definition_of(const tg_ffi_definition& from) {
  if (from.struct_size != sizeof from) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.struct_size is ", from.struct_size,
         "; set it to sizeof(tg_ffi_definition), ", sizeof from);
  }
  if (from.reserved != 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.reserved is ", from.reserved, "; give 0");
  }
  check_flags(from.flags,
              TG_FFI_THREAD_SAFE | TG_FFI_FORTRAN | TG_FFI_FINITE_DIFFERENCES | TG_FFI_CHECK);
  check_name(from.name);
  const auto has = [&](uint32_t flag) { return (from.flags & flag) != 0; };
  ffi::Definition to{from.name,
                     {},
                     {},
                     has(TG_FFI_THREAD_SAFE),
                     has(TG_FFI_FORTRAN),
                     has(TG_FFI_FINITE_DIFFERENCES),
                     has(TG_FFI_CHECK),
                     run_user_code};
  if (from.address != nullptr && from.library != nullptr) {
    fail(TG_ERROR_INVALID_ARGUMENT,
         "definition.library and definition.address are both given; an address needs no library");
  }
  to.forward = place_of(
      {from.library, from.symbol, from.address, from.signature},
      {"definition.library", "definition.symbol", "definition.address", "definition.signature"});
  const bool any = from.backward_library != nullptr || from.backward_symbol != nullptr ||
                   from.backward_address != nullptr || from.backward_signature != nullptr;
  if (any) {
    const char* library = from.backward_library != nullptr ? from.backward_library : from.library;
    to.backward =
        place_of({library, from.backward_symbol, from.backward_address, from.backward_signature},
                 {"definition.backward_library", "definition.backward_symbol",
                  "definition.backward_address", "definition.backward_signature"});
  } else if (to.check) {
    fail(TG_ERROR_INVALID_ARGUMENT,
         "TG_FFI_CHECK compares a backward with differences, and none is given; give one, or leave "
         "the flag away");
  }
  return to;
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_ffi_operator(const tg_ffi_definition* definition, tg_operator* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    check_pointer(definition, "definition");
    NewHandle handle;
    OperatorRef op(tg::ffi::make_foreign_operator(definition_of(*definition)).give_up());
    auto* box = make_object<OperatorRef>(Kind::op, std::move(op));
    *out = handle.publish(Kind::op, static_cast<Object*>(box));
  });
}

tg_status tg_operator_apply(tg_operator op, const tg_tensor* inputs, size_t count,
                            const tg_value* arguments, size_t argument_count, tg_tensor* outs,
                            size_t out_count) {
  return guarded(__func__, [&] {
    clear_outs(outs, out_count, "outs");
    if (count > 0) check_pointer(inputs, "inputs");
    if (argument_count > 0) check_pointer(arguments, "arguments");
    const Pin pin(op, Kind::op, "op");
    const TensorPins operands(inputs, count, "inputs");
    NewHandles handles(out_count);
    tg::capi::Few<tg::Tensor> found(out_count);
    object_of<OperatorRef>(pin)->apply(operands.tensors(), {arguments, argument_count}, found);
    for (size_t i = 0; i < out_count; ++i) outs[i] = handles.publish(i, std::move(found[i]));
  });
}
