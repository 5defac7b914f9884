// SPDX-License-Identifier: MIT
// Where a pass ends: the sums for leaves, and how one becomes the leaf's .grad. Leaves are shared
// between graphs, so nothing of a pass is kept in their accumulators.
#pragma once

#include "autograd/engine.h"
#include "autograd/hooks.h"

namespace tg {

// What a pass knows of each leaf that it meets. Entry: an aggregate that begins with accumulator.
template <class Entry>
class LeafTable {
 public:
  Entry& of(Accumulator* accumulator) {
    // Often the same one again: a parameter that many nodes share.
    if (last_ < entries_.size() && entries_[last_].accumulator == accumulator)
      return entries_[last_];
    last_ = place_of(accumulator);
    return entries_[last_];
  }
  // Null where `of` was not asked before.
  Entry* find(const Accumulator* accumulator) {
    if (index_.empty()) return nullptr;
    const size_t place = search(accumulator);
    return index_[place] != 0 ? &entries_[index_[place] - 1] : nullptr;
  }
  Vector<Entry>& all() { return entries_; }

 private:
  [[gnu::noinline]] size_t place_of(Accumulator* accumulator) {
    if (index_.empty()) index_.resize(16, 0);
    const size_t place = search(accumulator);
    if (index_[place] != 0) return index_[place] - 1;
    if ((entries_.size() + 1) * 2 > index_.size()) {
      grow();
      return place_of(accumulator);
    }
    entries_.push_back({accumulator, {}});
    index_[place] = static_cast<uint32_t>(entries_.size());
    return entries_.size() - 1;
  }
  // Where its number stands, or would.
  size_t search(const Accumulator* accumulator) const {
    size_t place = start(accumulator);
    while (index_[place] != 0 && entries_[index_[place] - 1].accumulator != accumulator) {
      place = (place + 1) & (index_.size() - 1);
    }
    return place;
  }
  size_t start(const Accumulator* accumulator) const {
    const auto address = reinterpret_cast<uintptr_t>(accumulator) >> 4;
    return (address * 0x9e3779b97f4a7c15u >> 32) & (index_.size() - 1);
  }
  void grow() {
    Vector<uint32_t> larger(index_.size() * 2, 0);
    index_.swap(larger);
    for (size_t i = 0; i < entries_.size(); ++i) {
      index_[search(entries_[i].accumulator)] = static_cast<uint32_t>(i + 1);
    }
  }
  Vector<Entry> entries_;
  size_t last_ = 0;
  Vector<uint32_t> index_;  // open addressing: number of the entry + 1, 0: empty
};

struct LeafSum {
  Accumulator* accumulator;
  Tensor grad;
};

// The memory of the leaf's .grad; null: it has none.
const Storage* grad_memory(const LeafSum& sum) noexcept;
// What the leaf will get as its first .grad, or as its new one under create_graph. May fail.
void prepare_leaf(LeafSum& sum, const Algebra& algebra, bool create_graph);
// What was prepared becomes, or is added to, the leaf's .grad. A null sum is none.
void store_leaf(LeafSum& sum, const Algebra& algebra, bool create_graph) noexcept;
// The hooks of an accumulator, but those of its tensor's gradient. Where one is to see the .grad
// written, it is written now, and the sum becomes null.
void run_accumulator_hooks(LeafSum& sum, const Algebra& algebra, HookPass pass);

}  // namespace tg
