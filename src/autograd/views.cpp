// SPDX-License-Identifier: MIT
#include "autograd/views.h"

#include <algorithm>

#include "autograd/retained.h"

namespace tg {

namespace {

constexpr const char* kOriginRemedy = "; make the view in grad mode, or work on its tg_clone";
constexpr const char* kOperandRemedy = "; work on its tg_clone";
constexpr const char* kMultiRemedy =
    "; use tg_slice or tg_narrow for each part, or work on the tg_clone";

const char* origin_text(Origin origin) {
  switch (origin) {
    case Origin::plain: return "in grad mode";
    case Origin::multi: return "as one of several outputs (tg_split)";
    case Origin::no_grad: return "in no_grad mode";
    case Origin::inference: return "in inference mode";
    case Origin::operand: return "by an operator that gave an operand's memory back";
  }
  return "";
}

tg_status origin_error(Origin origin) {
  return origin == Origin::multi ? TG_ERROR_AUTOGRAD : TG_ERROR_MODE;
}

const char* origin_remedy(Origin origin) {
  switch (origin) {
    case Origin::multi: return kMultiRemedy;
    case Origin::operand: return kOperandRemedy;
    default: return kOriginRemedy;
  }
}

uint32_t version_now(const TensorHead& view) {
  return view.storage->version.load(std::memory_order_relaxed);
}
// Of a plain view; it changes when the view catches up.
uint32_t version_of(const ViewInfo& info) {
  return std::atomic_ref(const_cast<uint32_t&>(info.history_version))
      .load(std::memory_order_relaxed);
}

}  // namespace

Tensor make_view(const Tensor& x, const Layout& layout, Origin own_origin) {
  return make_head(x.storage(), x.dtype(), layout, view_info_for(x.head(), own_origin));
}

bool is_stale(const TensorHead& view) {
  const ViewInfo& info = view.view_info();
  if (info.origin == Origin::plain || info.history_version == version_now(view)) return false;
  if (history_word(*info.base) != 0) return true;
  return history_word(view) != 0 && accumulator_of(view) == nullptr;
}

bool is_behind(const TensorHead& view) {
  const ViewInfo& info = view.view_info();
  if (info.origin != Origin::plain || version_of(info) == version_now(view)) return false;
  // A view that was made a leaf of its own has no history to renew (V25).
  if (history_word(view) != 0) return accumulator_of(view) == nullptr;
  return history_word(*info.base) != 0;
}

bool is_rewritten(const TensorHead& view) {
  if (!is_behind(view)) return false;
  const ViewInfo& info = view.view_info();
  const uint64_t word = lock_word(*info.base);  // the node stays while it is looked at
  Node* node = Edge(word).node();
  const bool rewritten =
      node != nullptr && node->has(Node::kInPlace) && node->written_version() > version_of(info);
  info.base->history.store(word, std::memory_order_release);
  return rewritten;
}

void put_history(TensorHead& view, Node* fresh, uint32_t version) noexcept {
  const Edge own(fresh, 0);
  Edge former(lock_word(view));
  ViewInfo& info = view.view_info();
  if (version_of(info) == version) {
    view.history.store(former.word, std::memory_order_release);
    return let_go(fresh);
  }
  std::atomic_ref(info.history_version).store(version, std::memory_order_relaxed);
  view.history.store(own.word, std::memory_order_release);
  if (view.has_flag(TensorHead::kRetainsGrad)) move_retained(view, own);
  if (former) let_go(former.node());
}

void use_history(const char* op, const Tensor& x) {
  const ViewInfo& info = x.head()->view_info();
  if (is_stale(*x.head())) {
    fail(origin_error(info.origin), op, ": the view ", Named{x}, " was made ",
         origin_text(info.origin), " and its base was changed in place afterwards",
         origin_remedy(info.origin));
  }
  if (is_behind(*x.head())) renew_history(x);
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
  if (history_word(*x.head()) != 0 && history_word(*info.base) == 0) {
    fail_operand(TG_ERROR_AUTOGRAD, 0, op, ": ", Named{x},
                 " is a view that requires grad of a tensor that was detached, and may not be "
                 "changed in place; do it under tg_no_grad_enter, or use the functional form");
  }
}

}  // namespace tg
