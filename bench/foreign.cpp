// SPDX-License-Identifier: MIT
// Rows F: a foreign function beside the built-in operator that does the same, on 8 floats. What is
// seen is the price of the call: checks, the turn, the modes, libffi.
#include <memory>

#include "side.h"

namespace bench {
namespace {

float half(float x) { return 0.5f * x; }
void half_by_address(float x, float* y) { *y = 0.5f * x; }
void half_of_array(std::int64_t n, const float* x, float* y) {
  for (std::int64_t k = 0; k < n; k++) y[k] = 0.5f * x[k];
}
float slope(float) { return 0.5f; }

template <class Function>
const void* address_of(Function* function) {
  return reinterpret_cast<const void*>(function);
}

class Operator {
 public:
  Operator(const char* signature, const void* address) {
    tg_ffi_definition definition{};
    definition.struct_size = sizeof definition;
    definition.name = "half";
    definition.address = address;
    definition.signature = signature;
    if (signature[0] == 'f') {
      definition.backward_address = address_of(slope);
      definition.backward_signature = "f32 -> f32";
    } else {
      definition.backward_address = address_of(half_of_array);
      definition.backward_signature = "i64 n, f32 grad y[n], out f32 grad x[n]";
    }
    side::must(tg_ffi_operator(&definition, &op_));
  }
  ~Operator() { side::must(tg_release(op_)); }
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  side::Tensor operator()(const side::Tensor& x) const {
    const tg_tensor operand = x.handle();
    tg_tensor out;
    side::must(tg_operator_apply(op_, &operand, 1, nullptr, 0, &out, 1));
    return side::Tensor(out);
  }

 private:
  tg_operator op_ = 0;
};

template <class Call>
void add(const std::string& name, Call call) {
  for (Mode mode : kModes) {
    rows().push_back(
        {name + "/" + mode_name(mode), [mode, call] {
           return calls(mode, [x = operand(mode, uniform(8, 1), {8}), call] { return call(x); });
         }});
  }
}

void add_operator(const std::string& name, const char* signature, const void* address) {
  const auto op = std::make_shared<Operator>(signature, address);
  add(name, [op](const side::Tensor& x) { return (*op)(x); });
}

}  // namespace

void add_foreign_rows() {
  add("F1/builtin8", [](const side::Tensor& x) { return side::mul_scalar(x, 0.5); });
  add_operator("F1/elements8", "f32 -> f32", address_of(half));
  add_operator("F1/by_libffi8", "f32, out f32", address_of(half_by_address));
  add_operator("F1/array8", "i64 n, f32 x[n], out f32 y[n]", address_of(half_of_array));
}

}  // namespace bench
