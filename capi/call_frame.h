// SPDX-License-Identifier: MIT
// A tg_frame on a thread, for the length of one call: the task's modes, scope and token take the
// place of the thread's own, and the error goes to the frame.
#pragma once

#include "autograd/modes.h"
#include "capi/scopes.h"
#include "capi/seam.h"
#include "capi/tokens.h"

namespace tg::capi {

// Throws what is wrong with a frame in itself. What it throws is the thread's last error: the frame
// cannot be trusted to take it.
void check_frame(const tg_frame& frame);

// The thread's last error, put aside until the end. Nothing here throws.
class FrameError {
 public:
  explicit FrameError(tg_frame& frame) noexcept;
  ~FrameError();
  FrameError(const FrameError&) = delete;
  FrameError& operator=(const FrameError&) = delete;

  bool kept() const { return kept_; }  // false: there was no memory for the thread's own text
  tg_status out_of_memory() noexcept;
  // Writes what this call has to say: the text of its error, "" where it succeeded.
  void give(tg_status status) noexcept;

 private:
  void write(std::string_view text) noexcept;

  tg_frame& frame_;
  bool kept_ = true;
  tg_status code_ = TG_OK;
  int32_t operand_ = -1;
  int64_t number_ = 0;
  uint64_t raised_ = 0;
  char* text_ = nullptr;  // a block, where there was a text
  size_t text_size_ = 0;
};

// Throws where the frame's word, scope or token is none, or its scope is in use elsewhere.
class FrameInUse {
 public:
  explicit FrameInUse(const tg_frame& frame);
  FrameInUse(const FrameInUse&) = delete;
  FrameInUse& operator=(const FrameInUse&) = delete;
  // The word that the task goes on with; throws TG_ERROR_LIMIT where a frame does not hold it.
  uint64_t state() const { return get_state(); }

 private:
  // Whatever else a thread keeps that a call can see has its place here.
  TaskModes modes_;
  TaskScope scope_;
  TokenPin token_pin_;
  TokenInUse token_;
};

}  // namespace tg::capi
