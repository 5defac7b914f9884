// SPDX-License-Identifier: MIT
// In-place and _out forms through tapegrad.hpp: each gives what the form that makes a tensor gives.
#include <vector>

#include "capi/tensors.h"
#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;
using capi::Values;

namespace {

Values elements(const tg::Tensor& x) { return capi::values(x.handle()); }
tg::Tensor operand() { return tg::tensor({0.25, 2.0, 0.5}, tg::DType::float64); }
tg::Tensor square(double a) {
  return tg::tensor({a, 1.0, -2.0, 3.0}, tg::DType::float64).reshape({2, 2});
}
tg::Tensor room(const tg::Tensor& like) { return like.to(tg::DType::float64).zeros_like(); }

}  // namespace

TEST_CASE("in-place forms in C++ give the tensor itself", "[cpp]") {
  const auto check = [](auto in_place, auto fresh) {
    tg::Tensor x = operand();
    const Values wanted = elements(fresh(x));
    CHECK(&in_place(x) == &x);
    CHECK(elements(x) == wanted);
    CHECK(x.version() == 1);
  };
#define UNARY(name) \
  check(            \
      [](auto& x) -> auto& { return x.name##_(); }, [](const auto& x) { return x.name(); })
  UNARY(neg), UNARY(abs), UNARY(log), UNARY(sqrt), UNARY(sin), UNARY(cos), UNARY(tanh);
#undef UNARY
  tg::Tensor x = operand();
  CHECK(&x.sub_(1.0).div_(2.0).pow_(2.0).clamp_(0.1) == &x);
  CHECK(elements(x) == Values{0.140625, 0.25, 0.1});
  tg::Tensor whole = tg::full_int64({2}, 5, tg::DType::uint8);
  CHECK(elements(whole.sub_(3.0)) == Values{2, 2});
  tg::Tensor sum = square(1);
  const Values wanted = elements(sum.addmm(square(2), square(3), 0.5, 2));
  CHECK(elements(sum.addmm_(square(2), square(3), 0.5, 2)) == wanted);
}

TEST_CASE("_out forms in C++", "[cpp]") {
  const tg::Tensor x = operand(), y = tg::tensor({2.0, -1.0, 0.5}, tg::DType::float64);
  const tg::Tensor a = square(1), b = square(4), index = tg::full_int64({1}, 1);
  const auto gives = [](const tg::Tensor& wanted, auto into) {
    tg::Tensor out = room(wanted);
    into(out);
    CHECK(elements(out) == elements(wanted));
    CHECK(out.version() == 1);
  };
#define TWO(name) gives(x.name(y), [&](auto& out) { tg::name##_out(x, y, out); })
  TWO(add), TWO(sub), TWO(mul), TWO(div), TWO(maximum), TWO(minimum);
  TWO(eq), TWO(ne), TWO(lt), TWO(le), TWO(gt), TWO(ge), TWO(dot);
#undef TWO
#define NUMBER(name) gives(x.name(0.5), [&](auto& out) { tg::name##_out(x, 0.5, out); })
  NUMBER(add), NUMBER(sub), NUMBER(mul), NUMBER(div), NUMBER(pow);
  NUMBER(eq), NUMBER(ne), NUMBER(lt), NUMBER(le), NUMBER(gt), NUMBER(ge);
#undef NUMBER
#define ONE(name) gives(x.name(), [&](auto& out) { tg::name##_out(x, out); })
  ONE(neg), ONE(abs), ONE(exp), ONE(log), ONE(sqrt), ONE(sin), ONE(cos), ONE(tanh);
  ONE(sigmoid), ONE(relu), ONE(sum), ONE(mean), ONE(max), ONE(min), ONE(argmax), ONE(argmin);
#undef ONE
#define ALONG(name, ...) \
  gives(a.name(__VA_ARGS__), [&](auto& out) { tg::name##_out(a, __VA_ARGS__, out); })
  ALONG(clamp, 0.5, 1.5);
  ALONG(sum, tg::Shape{1}, true);
  ALONG(mean, tg::Shape{0}, false);
  ALONG(argmax, 1, false);
  ALONG(argmin, 0, true);
  ALONG(softmax, 1);
  ALONG(log_softmax, 0);
  ALONG(mm, b);
  ALONG(matmul, b);
  ALONG(addmm, a, b, 2, 3);
  ALONG(index_select, 0, index);
#undef ALONG
  gives(a.mv(b[0]), [&](auto& out) { tg::mv_out(a, b[0], out); });
  gives(a.gather(0, index.view({1, 1})), [&](auto& out) {
    tg::gather_out(a, 0, index.view({1, 1}), out);
  });
  gives(a.unsqueeze(0).bmm(b.unsqueeze(0)),
        [&](auto& out) { tg::bmm_out(a.unsqueeze(0), b.unsqueeze(0), out); });
  gives(tg::where(x.gt(0.3), x, y), [&](auto& out) { tg::where_out(x.gt(0.3), x, y, out); });
  gives(tg::linear(a, b), [&](auto& out) { tg::linear_out(a, b, tg::Tensor(), out); });
  gives(tg::cat({a, b}, 1), [&](auto& out) { tg::cat_out({a, b}, 1, out); });
  gives(tg::stack({a, b}, 1), [&](auto& out) { tg::stack_out({a, b}, 1, out); });
}
