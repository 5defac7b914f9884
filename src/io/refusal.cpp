// SPDX-License-Identifier: MIT
#include "io/refusal.h"

#include "io/json_scanner.h"

namespace tg::io {

class Refusal {
 public:
  explicit Refusal(const Place& place) : message_(begin_message()) {
    message_ << Quoted{place.source};
    if (place.in_archive) message_ << ": member \"" << Quoted{place.member} << '"';
    message_ << ": ";
  }
  void say(std::initializer_list<Part> parts) {
    for (const Part& part : parts) say(part);
  }

 private:
  void say(const Part& part) {
    switch (part.kind_) {
      case Part::kText: message_ << Quoted{part.text_}; return;
      case Part::kNumber: message_ << part.number_; return;
      case Part::kFound: message_ << Found{part.text_, static_cast<size_t>(part.number_)}; return;
      case Part::kHexadecimal: break;
    }
    for (int shift = 28; shift >= 0; shift -= 4) {
      message_ << "0123456789abcdef"[part.number_ >> shift & 15];
    }
  }

  Message message_;
};

void refuse(tg_status code, uint64_t at, const Place& place, std::initializer_list<Part> parts) {
  Refusal(place).say(parts);
  throw_error(code, -1, static_cast<int64_t>(at));
}

void refuse_byte(tg_status code, uint64_t at, const Place& place,
                 std::initializer_list<Part> parts) {
  Refusal refusal(place);
  refusal.say({"byte ", at, ": "});
  refusal.say(parts);
  throw_error(code, -1, static_cast<int64_t>(at));
}

}  // namespace tg::io
