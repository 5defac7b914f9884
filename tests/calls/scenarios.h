// SPDX-License-Identifier: MIT
// One call or more of every function of the header, all of them.
#pragma once

#include "calls/scenarios_base.h"
#include "calls/scenarios_custom.h"
#include "calls/scenarios_ffi.h"
#include "calls/scenarios_functional.h"
#include "calls/scenarios_hooks.h"
#include "calls/scenarios_hosts.h"
#include "calls/scenarios_operators.h"
#include "calls/scenarios_saved.h"

namespace calls {

inline std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all = scenarios_base();
  for (const auto* more :
       {&scenarios_operators(), &scenarios_hosts(), &scenarios_ffi(), &scenarios_custom(),
        &scenarios_hooks(), &scenarios_functional(), &scenarios_saved()}) {
    all.insert(all.end(), more->begin(), more->end());
  }
  return all;
}

}  // namespace calls
