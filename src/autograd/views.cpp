// SPDX-License-Identifier: MIT
#include "autograd/views.h"

#include <algorithm>

namespace tg {

namespace {

constexpr const char* kOriginRemedy = "; make the view in grad mode, or work on its tg_clone";
constexpr const char* kMultiRemedy =
    "; use tg_slice or tg_narrow for each part, or work on the tg_clone";

const char* origin_text(Origin origin) {
  switch (origin) {
    case Origin::plain: return "in grad mode";
    case Origin::multi: return "as one of several outputs (tg_split)";
    case Origin::no_grad: return "in no_grad mode";
    case Origin::inference: return "in inference mode";
  }
  return "";
}

tg_status origin_error(Origin origin) {
  return origin == Origin::multi ? TG_ERROR_AUTOGRAD : TG_ERROR_MODE;
}

const char* origin_remedy(Origin origin) {
  return origin == Origin::multi ? kMultiRemedy : kOriginRemedy;
}

}  // namespace

Tensor make_view(const Tensor& x, const Layout& layout, Origin own_origin) {
  return make_head(x.storage(), x.dtype(), layout, view_info_for(x.head(), own_origin));
}

bool is_stale(const TensorHead& view) {
  const ViewInfo& info = view.view_info();
  return info.origin != Origin::plain && history_word(*info.base) != 0 &&
         info.history_version != view.storage->version.load(std::memory_order_relaxed);
}

void check_view_history(const char* op, const Tensor& x) {
  const ViewInfo& info = x.head()->view_info();
  if (is_stale(*x.head())) {
    fail(origin_error(info.origin), op, ": the view ", Named{x}, " was made ",
         origin_text(info.origin), " and its base was changed in place afterwards",
         origin_remedy(info.origin));
  }
  if (info.origin != Origin::plain) return;
  Node* node = Edge(history_word(*info.base)).node();
  if (node != nullptr && node->has(Node::kInPlace) &&
      node->written_version() > info.history_version) {
    // A view that was made a leaf of its own has no history to remake (V25).
    if (accumulator_of(*x.head()) != nullptr) return;
    fail(TG_ERROR_UNSUPPORTED, op, ": the base of the view ", Named{x},
         " was changed in place after the view was made; make the view again from the changed "
         "tensor, or use the functional form");
  }
}

void check_view_target(const char* op, const Tensor& x) {
  const ViewInfo& info = x.head()->view_info();
  if (info.origin != Origin::plain) {
    fail_operand(origin_error(info.origin), 0, op, ": the view ", Named{x}, " was made ",
                 origin_text(info.origin),
                 ", so an in-place change that records cannot go through it",
                 origin_remedy(info.origin));
  }
  if (accumulator_of(*info.base) != nullptr) {
    fail_operand(TG_ERROR_AUTOGRAD, 0, op, ": ", Named{x},
                 " is a view of a leaf that requires grad and may not be changed in place; do it "
                 "under tg_no_grad_enter, or use the functional form");
  }
  fail_operand(TG_ERROR_UNSUPPORTED, 0, op, ": an in-place change that records through the view ",
               Named{x}, " is not supported; change the base, or use the functional form");
}

}  // namespace tg
