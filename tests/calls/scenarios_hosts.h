// SPDX-License-Identifier: MIT
// One call of each function for hosts; calls/world.h has the objects.
#pragma once

#include "calls/world.h"

namespace calls {

inline const std::vector<Scenario>& scenarios_hosts() {
  static const std::vector<Scenario> rows = {
      {"tg_token_create", [](World& w) { return tg_token_create(w.out()); }},
      {"tg_token_cancel", [](World& w) { return tg_token_cancel(w.token); }},
      {"tg_token_is_cancelled", [](World& w) { return tg_token_is_cancelled(w.token, &w.number); }},
      {"tg_token_use", [](World& w) { return tg_token_use(w.token, &w.handle); }},
  };
  return rows;
}

}  // namespace calls
