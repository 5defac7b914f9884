// SPDX-License-Identifier: MIT
#include "autograd/engine.h"

#include "autograd/pass.h"

namespace tg {

namespace {

constinit std::atomic<uint32_t> last_pass{0};

}  // namespace

uint32_t next_pass() {
  const uint32_t id = last_pass.fetch_add(1, std::memory_order_relaxed) + 1;
  return id != 0 && id != kAsked ? id : next_pass();
}

uint32_t newest_pass() noexcept { return last_pass.load(std::memory_order_relaxed); }

void run_backward(const Algebra& algebra, std::span<Root> roots, std::span<Asked> asked,
                  BackwardOptions options) {
  EngineModes modes(options.create_graph);
  Backward pass(algebra, roots, asked, options);
  // The engine looks for anomalies node by node, so that each is told by the node's name.
  if (is_watched()) leave_watch_to_pass(options.create_graph);
  pass.run();
}

// ---- Vjp ----

bool Vjp::is_asked(const Edge& edge) const { return pass_.wants(edge); }

bool Vjp::has_saved(uint32_t which) const {
  for (const Saved& saved : node_.saved()) {
    if (saved.source() == which) return true;
  }
  return false;
}

const Tensor& Vjp::saved(uint32_t which) const {
  for (const Saved& saved : node_.saved()) {
    if (saved.which != which) continue;
    const Storage& storage = saved.tensor.storage();
    if (saved.version != storage.version.load(std::memory_order_relaxed)) break;
    if (pass_.creates_graph()) break;
#ifdef TG_DEBUG
    check_shadow(pass_.name_of(node_), saved);
#endif
    return saved.tensor;
  }
  return pass_.unpack(node_, which);
}

const Tensor& Vjp::saved_at(size_t place, Edge own) const {
  return pass_.unpack_at(node_, place, own);
}

void Vjp::give(int input, Tensor grad) { pass_.give(node_, input, grad); }

bool Vjp::creates_graph() const { return pass_.creates_graph(); }
bool Vjp::forward_mode() const { return pass_.forward_mode(); }

}  // namespace tg
