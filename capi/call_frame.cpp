// SPDX-License-Identifier: MIT
#include "capi/call_frame.h"

namespace tg::capi {

void check_frame(const tg_frame& frame) {
  if (frame.struct_size != sizeof(tg_frame)) {
    fail(TG_ERROR_INVALID_ARGUMENT, "frame->struct_size is ", frame.struct_size,
         "; give sizeof(tg_frame), ", sizeof(tg_frame));
  }
  if (frame.error == nullptr && frame.error_capacity > 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "frame->error is NULL but error_capacity is ",
         frame.error_capacity, "; give a buffer, or capacity 0");
  }
}

FrameError::FrameError(tg_frame& frame) noexcept : frame_(frame) {
  if (record == nullptr) return;  // nothing has failed on this thread
  LastError& error = record->error;
  if (error.text[0] != 0) [[unlikely]] {
    text_size_ = std::strlen(error.text) + 1;
    text_ = static_cast<char*>(try_take(text_size_));
    kept_ = text_ != nullptr;
    if (!kept_) return;
    std::memcpy(text_, error.text, text_size_);
    error.text[0] = 0;
  }
  code_ = std::exchange(error.code, TG_OK);
  operand_ = std::exchange(error.operand, -1);
  number_ = std::exchange(error.number, 0);
  raised_ = error.raised;
}

FrameError::~FrameError() {
  if (!kept_ || record == nullptr) return;
  LastError& error = record->error;
  error.code = code_;
  error.operand = operand_;
  error.number = number_;
  error.raised = raised_;
  error.text[0] = 0;
  if (text_ == nullptr) return;
  std::memcpy(error.text, text_, text_size_);
  give_back(text_, text_size_);
}

void FrameError::write(std::string_view text) noexcept {
  put_text(text, frame_.error, frame_.error_capacity, &frame_.error_length);
}

tg_status FrameError::out_of_memory() noexcept {
  write("tg_call: out of memory; release tensors or call tg_memory_trim");
  return TG_ERROR_OUT_OF_MEMORY;
}

void FrameError::give(tg_status status) noexcept {
  if (status == TG_OK) [[likely]] {
    if (frame_.error_capacity > 0) frame_.error[0] = 0;
    frame_.error_length = 0;
    return;
  }
  // A thread without a record could not be given one: nothing but memory fails before that.
  if (record == nullptr) {
    out_of_memory();
    return;
  }
  write(record->error.text);
}

FrameInUse::FrameInUse(const tg_frame& frame)
    : modes_(frame.state),
      scope_(frame.scope),
      token_pin_(frame.token, "frame->token"),
      token_(token_pin_.object(), frame.token) {}

}  // namespace tg::capi
