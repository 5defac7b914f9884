// SPDX-License-Identifier: MIT
// A foreign function ready to be called: its signature, its address, and libffi's description of
// its arguments, made once.
#pragma once

#include <ffi.h>

#include <cstring>
#include <memory>
#include <span>

#include "core/tensor.h"
#include "ffi/signature.h"
#include "ops/user.h"

namespace tg::ffi {

// The value of a name of the signature.
union Number {
  int64_t integer;
  double real;
};

// What a call knows before any memory is taken: by Signature::names, and for an elementwise
// function the shape that its operands are broadcast to.
struct Binding {
  Number numbers[kMaxNames];
  Shape shape;
};

// What ffi_call writes of a result: integers fill a whole register.
union Returned {
  ffi_arg integer;
  float f32;
  double f64;

  void store(DType dtype, std::byte* to) const {
    if (dtype == DType::int32) {
      const auto narrow = static_cast<int32_t>(integer);
      std::memcpy(to, &narrow, sizeof narrow);
    } else {
      std::memcpy(to, this, static_cast<size_t>(size_of(dtype)));
    }
  }
};

// A status that the function gave, and which of the two it is.
struct Outcome {
  int64_t status = 0;
  std::string_view name;
};

class Routine {
 public:
  // op: the operator's name, for messages. fortran: arguments by address, arrays by columns.
  Routine(const char* op, Signature&& signature, const void* address, bool fortran);
  Routine(const Routine&) = delete;
  Routine& operator=(const Routine&) = delete;

  const Signature& signature() const { return signature_; }
  int inputs() const { return inputs_; }
  int outputs() const { return outputs_; }
  const Parameter& input(int i) const { return signature_.parameters[input_[i]]; }
  // The parameter of result j; null: what the function returns.
  const Parameter* output(int j) const {
    return output_[j] < 0 ? nullptr : &signature_.parameters[static_cast<size_t>(output_[j])];
  }
  DType output_dtype(int j) const {
    return output_[j] < 0 ? signature_.returned : output(j)->dtype;
  }
  std::string_view output_name(int j) const;

  // The numbers that the user gave, in the order of the names that no input array tells.
  void take_arguments(std::span<const tg_value> arguments, Binding& binding) const;
  // Dtypes, ranks and sizes of the operands; the numbers that they tell.
  void bind(Operands inputs, Binding& binding) const;
  Shape shape_of(const Parameter& array, const Binding& binding) const;
  void make_outputs(const Binding& binding, std::span<Tensor> outs) const;

  // All memory that a call needs is taken here; the operands and results stay with the caller.
  class Prepared {
   public:
    Prepared(const Routine& routine, Operands inputs, const Binding& binding,
             std::span<const Tensor> outs);
    Outcome call() { return routine_.call(*this); }

   private:
    friend class Routine;
    union Value {
      int32_t i32;
      int64_t i64;
      float f32;
      double f64;
      void* pointer;
    };
    // One a parameter of this routine: most have few, and each tensor has to be ended.
    struct Held {
      explicit Held(size_t count) : count(count) {
        std::uninitialized_value_construct_n(of, count);
      }
      ~Held() { std::destroy_n(of, count); }
      Held(const Held&) = delete;
      Held& operator=(const Held&) = delete;
      size_t count;
      union {
        Tensor of[kMaxParameters];
      };
    };
    const Routine& routine_;
    const Binding& binding_;
    std::span<const Tensor> outs_;
    Held held_;  // copies in the wanted order, work arrays
    const Tensor* elements_[kMaxParameters];
    Value values_[kMaxParameters];     // what is passed
    void* addresses_[kMaxParameters];  // of values, where the function wants them
    void* cells_[kMaxParameters];      // libffi's: where each argument lies
  };

 private:
  Outcome call(Prepared& prepared) const;
  void call_elements(Prepared& prepared) const;
  bool call_plain_elements(Prepared& prepared) const;
  int64_t value_of(const Size& size, const Binding& binding) const;
  void bind_arrays(Operands inputs, Binding& binding) const;
  bool by_address(const Parameter& p) const {
    return fortran_ || p.direction == Direction::out_element || p.direction == Direction::status;
  }
  bool by_columns(const Parameter& p) const { return fortran_ && p.rank > 1; }

  const char* op_;
  Signature signature_;
  const void* address_;
  bool fortran_;
  int inputs_ = 0, outputs_ = 0;
  uint8_t input_[kMaxParameters];
  int8_t output_[kMaxParameters + 1];
  ffi_cif cif_;
  ffi_type* types_[kMaxParameters];
};

}  // namespace tg::ffi
