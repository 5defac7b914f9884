// SPDX-License-Identifier: MIT
// The last error of a thread, the names and explanations of statuses, and the seam's cold half.
#include <exception>

#include "autograd/modes.h"
#include "autograd/saved_hooks.h"
#include "base/log.h"
#include "capi/seam.h"

namespace tg::capi {

namespace {

// Puts "tg_mm: " in front of the text that fail() wrote.
void prefix_text(char* text, const char* function) noexcept {
  const size_t length = std::strlen(text), front = std::strlen(function) + 2;
  size_t kept = length;
  if (front + kept >= kMessageCapacity) kept = kMessageCapacity - 1 - front;
  while (kept < length && kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xc0u) == 0x80u) {
    --kept;
  }
  std::memmove(text + front, text, kept);
  std::memcpy(text, function, front - 2);
  text[front - 2] = ':';
  text[front - 1] = ' ';
  text[front + kept] = 0;
}

tg_status store(const char* function, tg_status code, int32_t operand, int64_t number,
                const char* text) noexcept {
  const ErrnoKeeper keep;
  ThreadRecord* mine = thread_record_or_null();
  if (mine == nullptr) return code;
  LastError& error = mine->error;
  error.code = code;
  error.operand = operand;
  error.number = number;
  ++error.raised;
  if (text != nullptr) Message(error.text, sizeof error.text) << text;
  prefix_text(error.text, function);
  if ((std::exchange(mine->callback_threw, 0) & 2) != 0) {
    const size_t length = std::strlen(error.text);
    Message(error.text + length, sizeof error.text - length)
        << "; an input that was marked dirty may be half-written";
  }
  log_line(TG_LOG_ERROR, error.text);
  return code;
}

}  // namespace

tg_status report(const char* function, const Error& error) noexcept {
  return store(function, error.code, error.operand, error.number, nullptr);
}

tg_status report_out_of_memory(const char* function) noexcept {
  return store(function, TG_ERROR_OUT_OF_MEMORY, -1, 0,
               "out of memory; release tensors or call tg_memory_trim");
}

tg_status report_foreign(const char* function, const char* what) noexcept {
  const ThreadRecord* mine = record;
  const bool of_callback = mine != nullptr && (mine->callback_threw & 1) != 0;
  char text[600];
  Message message(text, sizeof text);
  message << (of_callback ? "a callback threw a C++ exception"
                          : "an unknown exception inside the library");
  if (what != nullptr) message << " (" << Quoted{what} << ')';
  message << (of_callback ? "; catch it there and return a number" : "; please report this");
  return store(function, of_callback ? TG_ERROR_CALLBACK : TG_ERROR_INTERNAL, -1, 0, text);
}

void fail_null(const char* what) {
  fail(TG_ERROR_INVALID_ARGUMENT, what, " is NULL; give a pointer");
}

bool boolean(int32_t value, const char* what) {
  if (value != 0 && value != 1) {
    fail(TG_ERROR_INVALID_ARGUMENT, what, " is ", value, "; give 0 or 1");
  }
  return value == 1;
}

DType dtype_of(int32_t number) {
  if (!is_dtype(number)) {
    fail(TG_ERROR_INVALID_ARGUMENT, "dtype is ", number,
         ", which no dtype has; give one from "
         "TG_FLOAT32 (1) to TG_BOOL (10)");
  }
  return static_cast<DType>(number);
}

void check_flags(uint32_t flags, uint32_t known) {
  if ((flags & ~known) != 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "flags has the bits ", flags & ~known,
         ", which mean nothing here; known are ", known);
  }
}

namespace {

// The Unicode Standard, table 3-7: the byte sequences that are well formed.
const char* first_bad_utf8(const char* text) {
  auto at = [&text](int i) { return static_cast<unsigned char>(text[i]); };
  auto tail = [&at](int i, unsigned low = 0x80, unsigned high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  while (at(0) != 0) {
    const unsigned lead = at(0);
    if (lead < 0x80) {
      text += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf && tail(1)) {
      text += 2;
    } else if (lead >= 0xe0 && lead <= 0xef &&
               tail(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && tail(2)) {
      text += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4 &&
               tail(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && tail(2) &&
               tail(3)) {
      text += 4;
    } else {
      return text;
    }
  }
  return nullptr;
}

}  // namespace

void check_text(const char* text, const char* what) {
  check_pointer(text, what);
  if (const char* bad = first_bad_utf8(text)) {
    fail_number(TG_ERROR_INVALID_ARGUMENT, bad - text, what, " is not valid UTF-8 at byte ",
                static_cast<int64_t>(bad - text), "; give text in UTF-8");
  }
}

Shape shape_of(const int64_t* shape, int32_t rank, DType dtype) {
  return checked_shape(shape, rank, size_of(dtype));
}

void check_text_out(const char* buffer, size_t capacity) {
  if (buffer == nullptr && capacity > 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "buffer is NULL but capacity is ", capacity,
         "; give a buffer, or capacity 0 to ask for the length");
  }
}

void put_text(std::string_view text, char* buffer, size_t capacity, size_t* length) {
  if (capacity > 0) Message(buffer, capacity) << text;
  if (length != nullptr) *length = text.size();
}

Callback::Callback()
    : raised_(thread_record().error.raised),
      modes_(state),
      saved_hooks_(record->saved_hooks),
      site_(record->site),
      mode_depth_(record->mode_depth),
      threw_(std::exchange(record->callback_threw, 0)),
      flying_(std::uncaught_exceptions()) {
  ++record->callbacks;
  // What it calls is looked at as the thread asks, whatever calls it.
  state &= ~kPassChecks;
  update_watched();
}

Callback::~Callback() {
  leave_saved_hooks_until(saved_hooks_);
  record->site = site_;
  state = modes_;
  record->mode_depth = mode_depth_;
  --record->callbacks;
  // A destructor may run on the way of another callback's exception.
  record->callback_threw = std::uncaught_exceptions() > flying_ ? 1 : threw_;
}

void Callback::check(int32_t r, const char* what) {
  if (r == 0) {
    const bool hooks_left = leave_saved_hooks_until(saved_hooks_);
    const bool same =
        ((state ^ modes_) & ~(kWatched | kPassChecks)) == 0 && record->mode_depth == mode_depth_;
    if (same && !hooks_left) return;
    fail(TG_ERROR_MODE, what, " left the ", same ? "saved-tensor hooks" : "modes",
         " other than it found them; they were put back, so leave in it what it enters");
  }
  LastError& error = thread_record().error;
  if (error.raised != raised_ && error.code == r) throw_error(r, error.operand, error.number);
  fail_number(TG_ERROR_CALLBACK, r, what, " returned ", r,
              "; return 0, or the status of a call that failed in it");
}

}  // namespace tg::capi

using tg::capi::guarded_always;

namespace {

struct StatusText {
  const char* name;
  const char* explanation;
};

constexpr StatusText kStatuses[] = {
    {"TG_OK", "The call succeeded."},
    {"TG_ERROR_INVALID_ARGUMENT",
     "An argument is NULL, an unknown number, bad text, or out of its range. The message names "
     "it."},
    {"TG_ERROR_INVALID_HANDLE",
     "A handle is stale, forged, 0 or of the wrong kind. The message says which of the four."},
    {"TG_ERROR_SHAPE", "Shapes do not fit together, do not broadcast, or allow no such view."},
    {"TG_ERROR_DTYPE", "The operator does not take that dtype, or the dtypes do not go together."},
    {"TG_ERROR_INDEX", "A dimension or an index is out of range."},
    {"TG_ERROR_MODE",
     "A rule of the modes forbids it: nesting, an unbalanced exit, or an inference tensor where "
     "autograd would need it."},
    {"TG_ERROR_AUTOGRAD",
     "Nothing requires grad, the graph is freed, the root is no scalar, a leaf was to be changed "
     "in place, or an input is unused."},
    {"TG_ERROR_VERSION", "A tensor that was saved for backward was changed in place."},
    {"TG_ERROR_OUT_OF_MEMORY", "The system or tg_memory_limit_set refused memory."},
    {"TG_ERROR_LIMIT", "A bound was passed that the caller set or that the documentation states."},
    {"TG_ERROR_FORMAT",
     "A file or a text does not keep its format. The message has the byte offset."},
    {"TG_ERROR_IO",
     "The system refused a file operation. The message has the path and the system's reason."},
    {"TG_ERROR_NOT_FOUND", "There is no such name, key, symbol or library."},
    {"TG_ERROR_UNSUPPORTED", "A sound request that this build or this operator does not do."},
    {"TG_ERROR_CALLBACK",
     "A callback returned a number that no failing call inside it explains, or threw."},
    {"TG_ERROR_CANCELLED", "The token in use was cancelled."},
    {"TG_ERROR_INTERNAL", "A fault of the library itself. Please report it."},
    {"TG_ERROR_TIMEOUT", "A time limit of the caller's passed."},
    {"TG_ERROR_PEER", "Another process failed."},
};

const StatusText& status_text(tg_status status) {
  static constexpr StatusText unknown{"TG_ERROR_UNKNOWN",
                                      "A number that this version of the library does not know."};
  const bool known = status >= 0 && status < static_cast<tg_status>(std::size(kStatuses));
  return known ? kStatuses[status] : unknown;
}

}  // namespace

const char* tg_status_name(tg_status status) { return status_text(status).name; }
const char* tg_status_explain(tg_status status) { return status_text(status).explanation; }

tg_status tg_last_error(void) { return tg::record != nullptr ? tg::record->error.code : TG_OK; }

const char* tg_last_error_message(void) {
  return tg::record != nullptr ? tg::record->error.text : "";
}

size_t tg_last_error_copy(char* buffer, size_t capacity) {
  const char* text = tg_last_error_message();
  if (buffer != nullptr && capacity > 0) tg::Message(buffer, capacity) << text;
  return std::strlen(text);
}

void tg_last_error_detail(int64_t* number, int32_t* operand) {
  const tg::ThreadRecord* mine = tg::record;
  if (number != nullptr) *number = mine != nullptr ? mine->error.number : 0;
  if (operand != nullptr) *operand = mine != nullptr ? mine->error.operand : -1;
}

void tg_last_error_clear(void) {
  if (tg::ThreadRecord* mine = tg::record) {
    mine->error.code = TG_OK;
    mine->error.number = 0;
    mine->error.operand = -1;
    mine->error.text[0] = 0;
  }
}

tg_status tg_error_set(tg_status status, int64_t number, const char* message) {
  return guarded_always(
             __func__,
             [&] {
               if (status == TG_OK) {
                 tg::fail(TG_ERROR_INVALID_ARGUMENT,
                          "status is TG_OK, which is no error; give another one");
               }
               if (message != nullptr) tg::capi::check_text(message, "message");
               // The caller's text stands as it is: it names its own function.
               tg::LastError& error = tg::thread_record().error;
               error.code = status;
               error.operand = -1;
               error.number = number;
               ++error.raised;
               tg::Message(error.text, sizeof error.text)
                   << (message != nullptr && *message != 0 ? message : tg_status_explain(status));
             }) == TG_OK
             ? status
             : tg_last_error();
}
