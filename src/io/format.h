// SPDX-License-Identifier: MIT
// Tensors as text, laid out as PyTorch prints them (the layout of torch/_tensor_str.py: 4 digits,
// 80 columns, more than 1,000 elements are shown by their edges).
#pragma once

#include <string_view>

#include "base/blocks.h"
#include "core/tensor.h"

namespace tg {

// tensor([1., 2., 3.], past): past is "requires_grad=True", "grad_fn=<MulBackward>" or "".
String format_tensor(const Tensor& x, std::string_view past);

}  // namespace tg
