// SPDX-License-Identifier: MIT
// Foreign functions as operators.
#include "capi/operators.h"
#include "ffi/operator.h"

namespace tg::capi {

namespace {

// A foreign function is a callback that returns nothing: what it throws and the modes that it
// leaves are seen to as of every callback.
void run_user_code(const char* name, void (*code)(void*), void* data) {
  Callback callback;
  code(data);
  callback.check(0, name);
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
  check_operator_name(from.name);
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