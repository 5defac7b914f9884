// SPDX-License-Identifier: MIT
// What makers of operators share.
#pragma once

#include "capi/objects.h"
#include "capi/seam.h"
#include "ops/user.h"

namespace tg::capi {

using OperatorRef = Counted<CallableOperator>;

// A name that messages and nodes are built from.
void check_operator_name(const char* name);

}  // namespace tg::capi
