// SPDX-License-Identifier: MIT
#include "ffi/routine.h"

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg::ffi {

namespace {

ffi_type* ffi_type_of(DType dtype) {
  switch (dtype) {
    case DType::float32: return &ffi_type_float;
    case DType::float64: return &ffi_type_double;
    case DType::int32: return &ffi_type_sint32;
    default: return &ffi_type_sint64;
  }
}

bool fits(DType dtype, int64_t value) {
  return dtype != DType::int32 || (value >= INT32_MIN && value <= INT32_MAX);
}

// The same elements with the dimensions in reverse order: by columns becomes row-major.
Tensor reversed(const Tensor& x) {
  Layout layout = layout_of(x);
  const int rank = x.rank();
  for (int d = 0; d < rank; ++d) {
    layout.shape[d] = x.size(rank - 1 - d);
    layout.strides[d] = x.stride(rank - 1 - d);
  }
  return make_head(x.storage(), x.dtype(), layout, kNoView);
}

Tensor make_by_columns(DType dtype, const Shape& shape) {
  Shape back = shape;
  for (int d = 0; d < shape.rank; ++d) back[d] = shape[shape.rank - 1 - d];
  return reversed(make_tensor({dtype, back}));
}

void clear(const Tensor& x) {
  std::memset(x.storage().data, 0, static_cast<size_t>(x.storage().bytes()));
}

}  // namespace

Routine::Routine(const char* op, Signature&& signature, const void* address, bool fortran)
    : op_(op), signature_(std::move(signature)), address_(address), fortran_(fortran) {
  const size_t n = signature_.parameters.size();
  for (size_t i = 0; i < n; ++i) {
    const Parameter& p = signature_.parameters[i];
    if (p.is_input()) input_[inputs_++] = static_cast<uint8_t>(i);
    if (p.is_output()) output_[outputs_++] = static_cast<int8_t>(i);
    const bool is_array = p.direction != Direction::element && p.direction != Direction::number;
    types_[i] = by_address(p) || is_array ? &ffi_type_pointer : ffi_type_of(p.dtype);
  }
  ffi_type* result = &ffi_type_void;
  if (signature_.returns != Returns::nothing) result = ffi_type_of(signature_.returned);
  if (signature_.returns == Returns::element || signature_.returns == Returns::value) {
    output_[outputs_++] = -1;
  }
  const ffi_status status =
      ffi_prep_cif(&cif_, FFI_DEFAULT_ABI, static_cast<unsigned>(n), result, types_);
  if (status != FFI_OK) {
    fail(TG_ERROR_INTERNAL, op_,
         ": libffi does not take the types of the signature: its status is ",
         static_cast<int>(status));
  }
}

std::string_view Routine::output_name(int j) const {
  const Parameter* p = output(j);
  return p != nullptr ? signature_.name_of(*p) : signature_.returned_name();
}

// ---- what a call knows before it takes memory ----

void Routine::take_arguments(std::span<const tg_value> arguments, Binding& binding) const {
  const auto wanted = static_cast<size_t>(signature_.arguments());
  if (arguments.size() != wanted) {
    fail(TG_ERROR_INVALID_ARGUMENT, op_, ": argument_count is ", arguments.size(),
         ", but the signature has ", wanted,
         " numbers that no input array tells; give a tg_value for each");
  }
  size_t next = 0;
  for (size_t i = 0; i < signature_.names.size(); ++i) {
    const Name& name = signature_.names[i];
    if (name.is_told) continue;
    const tg_value& value = arguments[next];
    const int32_t type = name.is_integer ? TG_VALUE_INT64 : TG_VALUE_DOUBLE;
    if (value.type != type) {
      fail(TG_ERROR_INVALID_ARGUMENT, op_, ": arguments[", next, "], ", signature_.name_of(name),
           ", has type ", value.type, "; give ",
           name.is_integer ? "TG_VALUE_INT64" : "TG_VALUE_DOUBLE");
    }
    if (name.is_integer) {
      binding.numbers[i].integer = value.as.integer;
    } else {
      binding.numbers[i].real = value.as.number;
    }
    ++next;
  }
}

int64_t Routine::value_of(const Size& size, const Binding& binding) const {
  int64_t value = size.constant;
  for (int i = 0; i < size.count; ++i) {
    const int64_t factor = binding.numbers[static_cast<size_t>(size.names[i])].integer;
    if (!checked_multiply(value, factor, &value)) {
      fail(TG_ERROR_SHAPE, op_, ": a product of sizes with the factor ",
           signature_.name_of(signature_.names[static_cast<size_t>(size.names[i])]), " = ", factor,
           " is greater than 2^63 - 1; make the arrays smaller");
    }
  }
  return value;
}

Shape Routine::shape_of(const Parameter& array, const Binding& binding) const {
  Shape shape;
  for (int d = 0; d < array.rank; ++d) {
    const int64_t size = value_of(array.extents[d], binding);
    if (size < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, op_, ": dimension ", d, " of ", signature_.name_of(array),
           " is ", size, "; sizes must not be negative");
    }
    shape.push(size);
  }
  return checked_shape(shape.sizes, shape.rank, size_of(array.dtype));
}

void Routine::bind(Operands inputs, Binding& binding) const {
  for (int i = 0; i < inputs_; ++i) {
    const Tensor& x = *inputs[static_cast<size_t>(i)];
    if (x.dtype() != input(i).dtype) {
      fail_operand(TG_ERROR_DTYPE, i, op_, ": inputs[", i, "], ", Named{x}, ", has dtype ",
                   x.dtype(), ", the signature takes ", input(i).dtype,
                   "; nothing is converted silently, so call tg_to_dtype first");
    }
  }
  if (!signature_.is_elementwise) return bind_arrays(inputs, binding);
  binding.shape = inputs[0]->shape();
  for (int i = 1; i < inputs_; ++i) {
    binding.shape = broadcast_shapes(binding.shape, inputs[static_cast<size_t>(i)]->shape());
  }
}

void Routine::bind_arrays(Operands inputs, Binding& binding) const {
  int teller[kMaxNames];  // which input told the name; -1: none yet
  for (int& i : teller) i = -1;
  for (int i = 0; i < inputs_; ++i) {
    const Tensor& x = *inputs[static_cast<size_t>(i)];
    const Parameter& p = input(i);
    if (x.rank() != p.rank) {
      fail_operand(TG_ERROR_SHAPE, i, op_, ": inputs[", i, "], ", Named{x}, ", has rank ", x.rank(),
                   ", but ", signature_.name_of(p), " has ", static_cast<int>(p.rank),
                   " dimensions in the signature; view it in that rank");
    }
    for (int d = 0; d < p.rank; ++d) {
      if (!p.extents[d].is_name()) continue;
      const auto name = static_cast<size_t>(p.extents[d].names[0]);
      if (teller[name] < 0) {
        teller[name] = i;
        binding.numbers[name].integer = x.size(d);
      } else if (binding.numbers[name].integer != x.size(d)) {
        fail_operand(TG_ERROR_SHAPE, i, op_, ": inputs[", i, "], ", Named{x}, ": dimension ", d,
                     " is ", x.size(d), ", but ", signature_.name_of(signature_.names[name]),
                     " is ", binding.numbers[name].integer, " in inputs[", teller[name],
                     "]; the signature wants them equal");
      }
    }
  }
  for (int i = 0; i < inputs_; ++i) {
    const Tensor& x = *inputs[static_cast<size_t>(i)];
    const Parameter& p = input(i);
    for (int d = 0; d < p.rank; ++d) {
      if (p.extents[d].is_name()) continue;
      const int64_t wanted = value_of(p.extents[d], binding);
      if (x.size(d) == wanted) continue;
      fail_operand(TG_ERROR_SHAPE, i, op_, ": inputs[", i, "], ", Named{x}, ": dimension ", d,
                   " is ", x.size(d), ", the signature wants ", wanted);
    }
  }
}

void Routine::make_outputs(const Binding& binding, std::span<Tensor> outs) const {
  for (int j = 0; j < outputs_; ++j) {
    Tensor& out = outs[static_cast<size_t>(j)];
    const Parameter* p = output(j);
    if (signature_.is_elementwise) {
      out = make_tensor({output_dtype(j), binding.shape});
    } else if (p == nullptr) {
      out = make_tensor(output_dtype(j), nullptr, 0);
    } else {
      const Shape shape = shape_of(*p, binding);
      out = by_columns(*p) ? make_by_columns(p->dtype, shape) : make_tensor({p->dtype, shape});
      // What a routine adds to, or does not write at all, is 0 and nobody's former data.
      if (p->direction == Direction::output) clear(out);
    }
  }
}

// ---- the call ----

Routine::Prepared::Prepared(const Routine& routine, Operands inputs, const Binding& binding,
                            std::span<const Tensor> outs)
    : routine_(routine),
      binding_(binding),
      outs_(outs),
      held_(routine.signature_.parameters.size()) {
  const Signature& signature = routine.signature_;
  size_t next_input = 0, next_output = 0;
  for (size_t i = 0; i < signature.parameters.size(); ++i) {
    const Parameter& p = signature.parameters[i];
    const Tensor* x = p.is_input() ? inputs[next_input++] : nullptr;
    const Tensor* out = p.is_output() ? &outs[next_output++] : nullptr;
    void* data = nullptr;
    switch (p.direction) {
      case Direction::element:
      case Direction::out_element: elements_[i] = x != nullptr ? x : out; break;
      case Direction::input:
        held_.of[i] = routine.by_columns(p) ? packed(reversed(*x)) : packed(*x);
        data = held_.of[i].data();
        break;
      case Direction::output: data = out->data(); break;
      case Direction::inout:
        copy_elements(*out, *x);
        data = out->data();
        break;
      case Direction::work:
        held_.of[i] = make_tensor({p.dtype, routine.shape_of(p, binding)});
        data = held_.of[i].data();
        break;
      case Direction::number: {
        const bool real =
            p.size.count == 1 && !signature.names[static_cast<size_t>(p.size.names[0])].is_integer;
        if (is_floating(p.dtype)) {
          const double value = real ? binding.numbers[static_cast<size_t>(p.size.names[0])].real
                                    : static_cast<double>(p.size.constant);
          if (p.dtype == DType::float32)
            values_[i].f32 = static_cast<float>(value);
          else
            values_[i].f64 = value;
          break;
        }
        const int64_t value = routine.value_of(p.size, binding);
        if (!fits(p.dtype, value)) {
          fail(TG_ERROR_LIMIT, routine.op_, ": parameter ", i, " of the signature is ", value,
               ", which i32 cannot hold; use smaller arrays, or a routine that takes i64");
        }
        if (p.dtype == DType::int32)
          values_[i].i32 = static_cast<int32_t>(value);
        else
          values_[i].i64 = value;
        break;
      }
      case Direction::status: values_[i].i64 = 0; break;
    }
    cells_[i] = &values_[i];
    if (data != nullptr || p.rank > 0) {
      values_[i].pointer = data;
    } else if (routine.by_address(p)) {
      addresses_[i] = &values_[i];
      cells_[i] = &addresses_[i];
    }
  }
}

Outcome Routine::call(Prepared& prepared) const {
  if (signature_.is_elementwise) {
    call_elements(prepared);
    return {};
  }
  Returned result{};
  ffi_call(const_cast<ffi_cif*>(&cif_), FFI_FN(address_), &result, prepared.cells_);
  Outcome outcome;
  if (signature_.returns == Returns::value) {
    const Tensor& out = prepared.outs_[static_cast<size_t>(outputs_ - 1)];
    result.store(out.dtype(), out.data());
  } else if (signature_.returns == Returns::status) {
    outcome.status = signature_.returned == DType::int32 ? static_cast<int32_t>(result.integer)
                                                         : static_cast<int64_t>(result.integer);
    outcome.name = "status";
  }
  for (size_t i = 0; outcome.status == 0 && i < signature_.parameters.size(); ++i) {
    const Parameter& p = signature_.parameters[i];
    if (p.direction != Direction::status) continue;
    const auto& value = prepared.values_[i];
    outcome.status = p.dtype == DType::int32 ? value.i32 : value.i64;
    outcome.name = signature_.name_of(p);
  }
  return outcome;
}

}  // namespace tg::ffi
