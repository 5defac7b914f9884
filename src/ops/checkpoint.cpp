// SPDX-License-Identifier: MIT
#include "ops/checkpoint.h"

#include "autograd/engine.h"
#include "autograd/modes.h"
#include "autograd/saved_hooks.h"
#include "ops/custom.h"
#include "ops/random.h"

namespace tg {

namespace {

constexpr const char* kName = "checkpoint";

// Results of operators that are never run twice, in the order of the calls.
struct KeptResult {
  Packed value;
  bool requires_grad;
};
using KeptResults = Vector<KeptResult>;

// A tensor without a past of its own that requires grad, as the one did that it stands for: what is
// recorded with it is recorded alike. Its node is never run.
Tensor stand_in(const Tensor& x, bool requires_grad) {
  Tensor made = second_head(x);
  if (requires_grad) link(reserve_dry(Op::view, 0), made);
  return made;
}

constexpr const char* kSaved = "fn of a checkpoint";  // who saved what it saved

// What fn saves when it is run again. What it differentiates itself meanwhile reads from here.
class Collector final : public SavedTensorHooks {
 public:
  Collector(KeptResults& kept, size_t expected) : kept_(kept) { tensors.reserve(expected); }

  void* pack(const Tensor& x, Edge) override {
    tensors.push_back(x);
    return reinterpret_cast<void*>(tensors.size());
  }
  Tensor unpack(void* packed) override {
    const size_t index = reinterpret_cast<uintptr_t>(packed) - 1;
    if (index >= tensors.size()) {
      fail(TG_ERROR_AUTOGRAD,
           "what a checkpoint recorded when it was run again cannot be differentiated afterwards; "
           "fn may not keep its tensors from one run to the next");
    }
    return tensors[index];
  }
  void free_packed(void*) noexcept override {}
  bool is_checkpoint() const override { return true; }
  bool replay(const char* op, std::span<Tensor> outs) override {
    if (next_ + outs.size() > kept_.size()) return false;  // another call than the first time
    for (Tensor& out : outs) {
      const KeptResult& kept = kept_[next_++];
      out = stand_in(kept.value.unpack(op), kept.requires_grad);
    }
    return true;
  }

  Vector<Tensor> tensors;

 private:
  void end() noexcept override {
    this->~Collector();
    give_back(this, sizeof(Collector));
  }
  KeptResults& kept_;  // read while fn runs
  size_t next_ = 0;
};

// A tensor that fn saved. It is held while fn runs the first time, since fn may differentiate what
// it recorded; afterwards where it is older than that run: its change would be seen by the second.
struct SavedByFn {
  Meta meta;
  Tensor held;
  uint32_t version;
  Birth birth;
  bool is_older;
  bool changed = false;  // by fn itself, after it was saved
  uint32_t found = 0;    // the version then
};

class Checkpoint final : public SavedTensorHooks {
 public:
  Checkpoint(KeptFunction& fn, Operands inputs, size_t outs)
      : fn_(&fn), outs_(outs), nesting_(state & kNestingAllowed) {
    fn.share();
    default_generator().get(&seed_, &offset_);
    inputs_.reserve(inputs.size());
    for (const Tensor* x : inputs) {
      const uint32_t version = version_of(*x);
      // What lies around the checkpoint takes care of its inputs: an outer one makes them anew.
      SavedTensorHooks* around = x->is_inference() ? nullptr : saved_hooks();
      const Edge past(history_word(*x->head()));
      inputs_.push_back({Packed(around, *x, past), requires_grad(*x), version});
    }
  }

  // Of the first run.
  void* pack(const Tensor& x, Edge past) override {
    saved_.push_back({{x.dtype(), x.shape()}, x, version_of(x), birth_here(), is_older(past)});
    return reinterpret_cast<void*>(saved_.size());
  }
  Tensor unpack(void* packed) override {
    const size_t index = reinterpret_cast<uintptr_t>(packed) - 1;
    const SavedByFn& saved = saved_[index];
    if (saved.changed) fail_changed(saved, saved.found);
    if (runs_first_) {
      check_unchanged(saved);
      return saved.held;
    }
    Tensor x = take_made(index);
    if (x) return x;
    for (const SavedByFn& each : saved_) check_unchanged(each);
    Vector<Tensor> made = run_again();
    x = std::move(made[index]);
    LockGuard guard(lock_);
    made_.swap(made);
    return x;
  }
  void free_packed(void* packed) noexcept override {
    take_made(reinterpret_cast<uintptr_t>(packed) - 1).reset();
  }
  bool is_checkpoint() const override { return true; }
  void keep(const char*, std::span<const Tensor> outs) override {
    for (const Tensor& x : outs) kept_.push_back({Packed(nullptr, x), requires_grad(x)});
  }

  // The first run is over.
  void end_first_run(Operands inputs) {
    runs_first_ = false;
    for (size_t i = 0; i < inputs.size() && !saved_.empty(); ++i) {
      const Tensor& x = *inputs[i];
      const auto number = static_cast<int>(i);
      if (x.is_inference()) fail_inference_operand(kName, number, x, requires_grad(x));
      if (version_of(x) == inputs_[i].version) continue;
      fail_operand(TG_ERROR_UNSUPPORTED, number, "fn changed inputs[", i, "], ", Named{x},
                   ", in place, and would find it changed when it is run again; tg_clone it in fn");
    }
    let_go_of_own();
  }

 private:
  struct Input {
    Packed value;
    bool requires_grad;
    uint32_t version;
  };

  ~Checkpoint() { fn_->let_go(); }
  void end() noexcept override {
    this->~Checkpoint();
    give_back(this, sizeof(Checkpoint));
  }

  static uint32_t version_of(const Tensor& x) {
    return x.storage().version.load(std::memory_order_relaxed);
  }
  [[noreturn]] static void fail_changed(const SavedByFn& saved, uint32_t found) {
    fail_version(kSaved, saved.held, saved.version, found, saved.birth);
  }
  static void check_unchanged(const SavedByFn& saved) {
    if (!saved.held || saved.changed) return;
    if (const uint32_t found = version_of(saved.held); found != saved.version) {
      fail_changed(saved, found);
    }
  }

  // What fn made is made anew by a second run.
  void let_go_of_own() {
    for (SavedByFn& saved : saved_) {
      saved.found = version_of(saved.held);
      saved.changed = saved.found != saved.version;
      if (!saved.is_older && !saved.changed) saved.held.reset();
    }
  }
  // A leaf that requires grad, or the result of an operator that ran before fn.
  bool is_older(Edge past) const {
    return past && (is_accumulator(past.node()) || past.node()->sequence() <= begin_);
  }

  Tensor take_made(size_t index) noexcept {
    LockGuard guard(lock_);
    return index < made_.size() ? std::move(made_[index]) : Tensor();
  }

  // Generator 0 as it was the first time, for as long as fn runs.
  class Replay {
   public:
    Replay(uint64_t seed, uint64_t offset) {
      default_generator().get(&seed_, &offset_);
      default_generator().set(seed, offset);
    }
    ~Replay() { default_generator().set(seed_, offset_); }
    Replay(const Replay&) = delete;
    Replay& operator=(const Replay&) = delete;

   private:
    uint64_t seed_, offset_;
  };

  Vector<Tensor> run_again() {
    Vector<Tensor> inputs;
    inputs.reserve(inputs_.size());
    for (const Input& input : inputs_) {
      inputs.push_back(stand_in(input.value.unpack(kName), input.requires_grad));
    }
    Counted<Collector> collector(make_counted<Collector>(kept_, saved_.size()));
    {
      const EngineModes modes(true);
      state = (state & ~kNestingAllowed) | nesting_;
      const OtherSavedHooks hooks(collector.get());
      const Replay random(seed_, offset_);
      Vector<Tensor> outs(outs_);
      (*fn_)(inputs, outs);
    }
    check_same(collector->tensors);
    return std::move(collector->tensors);
  }
  void check_same(const Vector<Tensor>& made) const {
    constexpr const char* kRemedy = "; it must call the same operators each time";
    if (made.size() != saved_.size()) {
      fail(TG_ERROR_AUTOGRAD, "fn of a checkpoint saved ", saved_.size(),
           " tensors for backward and, run again, ", made.size(), kRemedy);
    }
    for (size_t i = 0; i < made.size(); ++i) {
      const Meta& first = saved_[i].meta;
      if (made[i].dtype() == first.dtype && made[i].shape() == first.shape) continue;
      fail(TG_ERROR_AUTOGRAD, "fn of a checkpoint saved ", first.dtype, first.shape, " as number ",
           i, " of its tensors for backward and, run again, ", Described{made[i]}, kRemedy);
    }
  }

  KeptFunction* fn_;
  size_t outs_;
  uint64_t nesting_;
  uint64_t seed_, offset_;
  uint64_t begin_ = thread_record().sequence;  // of the nodes before the first run
  bool runs_first_ = true;
  Vector<Input> inputs_;
  Vector<SavedByFn> saved_;
  KeptResults kept_;
  Lock lock_;
  Vector<Tensor> made_;  // by run_again, for those that are still to be read
};

}  // namespace

void checkpoint(KeptFunction& fn, Operands inputs, std::span<Tensor> outs) {
  Vector<Tensor> given;
  given.reserve(inputs.size());
  for (const Tensor* x : inputs) given.push_back(*x);
  if (!recording_mode()) {
    const EngineModes modes(grad_mode(), inference_mode());
    return fn(given, outs);
  }
  Counted<Checkpoint> hooks(make_counted<Checkpoint>(fn, inputs, outs.size()));
  {
    const EngineModes modes(true);
    struct Entered {
      ~Entered() { leave_saved_hooks(); }
    };
    enter_saved_hooks(*hooks);
    const Entered entered;
    fn(given, outs);
  }
  hooks->end_first_run(inputs);
}

}  // namespace tg
