// SPDX-License-Identifier: MIT
#include "ops/gradcheck.h"

#include <cmath>

#include "autograd/modes.h"
#include "autograd/record.h"
#include "base/token.h"
#include "ops/ops.h"

namespace tg {

namespace {

constexpr size_t kPairsTold = 16;  // of an out and an input whose elements differ

using Numbers = Vector<double>;

size_t count_of(const Tensor& x) { return static_cast<size_t>(x.numel()); }

Numbers numbers_of(const Tensor& x) {
  Numbers list(count_of(x));
  if (!list.empty()) {
    copy_out(to_dtype(detach(x), DType::float64), reinterpret_cast<std::byte*>(list.data()));
  }
  return list;
}

double* elements(const Tensor& x) { return reinterpret_cast<double*>(x.data()); }

void fill_row(const Tensor& x, double* row) {
  const Numbers list = numbers_of(x);
  for (const double value : list) *row++ = value;
}

// " at [1, 2]": the place of an element, counted row by row; nothing for a scalar's.
struct Place {
  const Tensor& of;
  size_t element;
};
Message& operator<<(Message& message, const Place& place) {
  int64_t at[kMaxRank];
  auto left = static_cast<int64_t>(place.element);
  for (int d = place.of.rank(); d-- > 0; left /= place.of.size(d)) at[d] = left % place.of.size(d);
  if (place.of.rank() == 0) return message;
  message << " at [";
  for (int d = 0; d < place.of.rank(); ++d) message << (d > 0 ? ", " : "") << at[d];
  return message << ']';
}

template <class... Parts>
void add_line(String& report, const Parts&... parts) {
  char text[1024];
  Message line(text, sizeof text);
  (line << ... << parts);
  report.append(text).append("\n");
}

// The gradients of a function as a function of its inputs and of its cotangents.
class GradientsOf final : public TensorFunction {
 public:
  GradientsOf(TensorFunction& fn, size_t inputs, size_t outs)
      : fn_(fn), inputs_(inputs), outs_(outs) {}
  void operator()(std::span<const Tensor> all, std::span<Tensor> grads) override {
    const std::span<const Tensor> inputs = all.subspan(0, inputs_);
    const Vector<Tensor> outs = run_function(fn_, inputs, outs_);
    Vector<const Tensor*> cotangents;  // outs that are not floating have none
    const Tensor none;
    size_t next = inputs_;
    for (const Tensor& out : outs) {
      cotangents.push_back(is_floating(out.dtype()) ? &all[next++] : &none);
    }
    Vector<Tensor> found = gradients_of(outs, cotangents, inputs, true, true);
    for (size_t i = 0; i < inputs_; ++i) {
      grads[i] = found[i] ? std::move(found[i]) : zeros_like(inputs[i]);
    }
  }

 private:
  TensorFunction& fn_;
  size_t inputs_, outs_;
};

// One function at one point: the Jacobian by backward beside that by differences.
class Comparison {
 public:
  // points: float64 in row-major order, without a past, changed by nobody else.
  Comparison(TensorFunction& fn, std::span<const Tensor> points, size_t outs, int order,
             size_t inputs, const Gradcheck& settings, String& report)
      : fn_(fn),
        points_(points),
        outs_n_(outs),
        order_(order),
        inputs_n_(inputs),
        settings_(settings),
        report_(report) {}

  bool run() {
    outs_ = at_points(nullptr, 0, 0);
    if (!is_repeatable()) return false;
    for (const Tensor& out : outs_) rows_ += is_floating(out.dtype()) ? count_of(out) : 0;
    for (const Tensor& point : points_) columns_ += count_of(point);
    size_t cells = 0;
    if (__builtin_mul_overflow(rows_, columns_, &cells) || cells > SIZE_MAX / 32) {
      fail(TG_ERROR_LIMIT, "the outs have ", rows_, " elements and the inputs ", columns_,
           "; their product is too large, so check a smaller example");
    }
    analytic_.assign(cells, 0);
    numeric_.assign(cells, 0);
    differentiate();
    return find_differences() && judge();
  }

  const Vector<Tensor>& outs() const { return outs_; }

 private:
  struct Worst {
    size_t out = 0, input = 0, row = 0, column = 0;  // row, column: within the pair
    double analytic = 0, numeric = 0, excess = -1;
  };

  // ---- names ----

  Message& say_out(Message& message, size_t number) const {
    return message << (order_ == 1 ? "outs[" : "the gradient by inputs[") << number << ']';
  }
  Message& say_input(Message& message, size_t number) const {
    if (number < inputs_n_) return message << "inputs[" << number << ']';
    return message << "the incoming gradient " << number - inputs_n_;
  }
  Message& say_worst(Message& message, const Worst& worst) const {
    say_out(message, worst.out) << Place{outs_[worst.out], worst.row} << " by ";
    say_input(message, worst.input) << Place{points_[worst.input], worst.column};
    return message << ": analytic " << worst.analytic << ", numeric " << worst.numeric
                   << ", difference " << std::abs(worst.analytic - worst.numeric);
  }
  template <class T, Message& (Comparison::*say)(Message&, T) const>
  struct Said {
    const Comparison& of;
    T what;
    friend Message& operator<<(Message& message, const Said& said) {
      return (said.of.*say)(message, said.what);
    }
  };
  using OutName = Said<size_t, &Comparison::say_out>;
  using InputName = Said<size_t, &Comparison::say_input>;
  using Told = Said<const Worst&, &Comparison::say_worst>;

  // Fresh leaves each time, so that whatever fn does to them stays with this run.
  Vector<Tensor> at_points(const Tensor* moved, size_t element, double to) {
    ask_token();
    leaves_.clear();
    for (const Tensor& point : points_) {
      Tensor leaf = clone(point);
      if (&point == moved) elements(leaf)[element] = to;
      set_requires_grad(leaf, true);
      leaves_.push_back(std::move(leaf));
    }
    return run_function(fn_, leaves_, outs_n_);
  }

  bool is_repeatable() {
    Vector<Tensor> leaves;
    leaves.swap(leaves_);  // those of outs_ are needed later
    const Vector<Tensor> again = at_points(nullptr, 0, 0);
    leaves.swap(leaves_);
    for (size_t i = 0; i < outs_.size(); ++i) {
      if (!same_shape(outs_[i], again[i]) || outs_[i].dtype() != again[i].dtype()) {
        add_line(report_, "order ", order_, ": ", OutName{*this, i}, " is ", Described{outs_[i]},
                 " at one call and ", Described{again[i]},
                 " at the next with the same inputs; fn must give the same each time");
        return false;
      }
      const Numbers one = numbers_of(outs_[i]), other = numbers_of(again[i]);
      if (!one.empty() && std::memcmp(one.data(), other.data(), one.size() * sizeof(double)) != 0) {
        add_line(report_, "order ", order_, ": ", OutName{*this, i},
                 " has other values when fn is called again with the same inputs; fn must give "
                 "the same each time (seed what it draws)");
        return false;
      }
    }
    return true;
  }

  // Rows: elements of the outs. Each is the root once, by a cotangent that is 1 there alone.
  void differentiate() {
    double* row = analytic_.data();
    for (const Tensor& out : outs_) {
      if (!is_floating(out.dtype())) continue;
      for (size_t r = 0; r < count_of(out); ++r, row += columns_) {
        ask_token();
        const Tensor one_hot = zeros(DType::float64, out.shape());
        elements(one_hot)[r] = 1;
        const Tensor weight = to_dtype(one_hot, out.dtype());
        const Tensor* const weights[] = {&weight};
        const Vector<Tensor> found = gradients_of({&out, 1}, weights, leaves_, false, true);
        double* cell = row;
        for (size_t k = 0; k < points_.size(); cell += count_of(points_[k]), ++k) {
          if (found[k]) fill_row(found[k], cell);
        }
      }
    }
  }

  bool find_differences() {
    size_t column = 0;
    for (size_t k = 0; k < points_.size(); ++k) {
      for (size_t i = 0; i < count_of(points_[k]); ++i, ++column) {
        const double x = elements(points_[k])[i];
        // What lies between the two, not what should: x + eps is rounded.
        const double above = x + settings_.eps, below = x - settings_.eps;
        if (std::isfinite(x) && above == below) {
          fail(TG_ERROR_INVALID_ARGUMENT, "eps is ", settings_.eps, ", and ", InputName{*this, k},
               Place{points_[k], i}, " is ", x,
               ", which does not change by it; give a greater eps, or smaller inputs");
        }
        const Vector<Tensor> up = at_points(&points_[k], i, above);
        const Vector<Tensor> down = at_points(&points_[k], i, below);
        double* cell = numeric_.data() + column;
        for (size_t j = 0; j < outs_.size(); ++j) {
          if (!is_floating(outs_[j].dtype())) continue;
          if (!same_shape(up[j], outs_[j]) || !same_shape(down[j], outs_[j])) {
            add_line(report_, "order ", order_, ": ", OutName{*this, j}, " is ",
                     Described{outs_[j]}, ", but ", Described{up[j]}, " and ", Described{down[j]},
                     " where ", InputName{*this, k}, Place{points_[k], i},
                     " is moved by eps; fn must give the same shape near the inputs");
            return false;
          }
          const Numbers high = numbers_of(up[j]), low = numbers_of(down[j]);
          for (size_t r = 0; r < high.size(); ++r, cell += columns_) {
            *cell = (high[r] - low[r]) / (above - below);
          }
        }
      }
    }
    return true;
  }

  // How far an element is off: 1 and below is allowed. Where both are the same infinity: 0.
  double excess(double a, double n) const {
    if (a == n) return 0;
    const double off = std::abs(a - n) / (settings_.absolute + settings_.relative * std::abs(n));
    return std::isnan(off) ? INFINITY : off;
  }

  bool judge() {
    Worst worst;
    size_t wrong = 0, pairs = 0;
    String lines;
    size_t first_row = 0;
    for (size_t j = 0; j < outs_.size(); ++j) {
      const size_t rows = is_floating(outs_[j].dtype()) ? count_of(outs_[j]) : 0;
      size_t first_column = 0;
      for (size_t k = 0; k < points_.size(); ++k) {
        const size_t columns = count_of(points_[k]);
        Worst of_pair;
        size_t wrong_here = 0;
        for (size_t r = 0; r < rows; ++r) {
          for (size_t c = 0; c < columns; ++c) {
            const size_t cell = (first_row + r) * columns_ + first_column + c;
            const double off = excess(analytic_[cell], numeric_[cell]);
            if (off > 1) ++wrong_here;
            if (off > of_pair.excess) {
              of_pair = {j, k, r, c, analytic_[cell], numeric_[cell], off};
            }
          }
        }
        first_column += columns;
        if (of_pair.excess > worst.excess) worst = of_pair;
        wrong += wrong_here;
        if (wrong_here == 0 || ++pairs > kPairsTold) continue;
        add_line(lines, OutName{*this, j}, " by ", InputName{*this, k}, ": ", wrong_here, " of ",
                 rows * columns, " differ, most of all ", Told{*this, of_pair});
      }
      first_row += rows;
    }
    if (wrong == 0) {
      add_line(report_, "order ", order_, ": all ", rows_ * columns_, " elements agree");
      if (worst.excess >= 0) {
        add_line(report_, "farthest apart: ", Told{*this, worst});
      }
      return true;
    }
    add_line(report_, "order ", order_, ": ", wrong, " of ", rows_ * columns_,
             " elements differ by more than ", settings_.absolute, " + ", settings_.relative,
             " * |numeric|");
    add_line(report_, "worst: ", Told{*this, worst});
    report_.append(lines);
    if (pairs > kPairsTold) add_line(report_, "and ", pairs - kPairsTold, " more pairs");
    return false;
  }

  TensorFunction& fn_;
  std::span<const Tensor> points_;
  size_t outs_n_;
  int order_;
  size_t inputs_n_;  // of the function that was given; what follows are incoming gradients
  const Gradcheck& settings_;
  String& report_;
  Vector<Tensor> outs_, leaves_;
  size_t rows_ = 0, columns_ = 0;
  Numbers analytic_, numeric_;  // rows times columns
};

// Numbers between 0.25 and 1.25 of either sign, the same each time, so that every element of a
// result counts on its own (splitmix64: S. Vigna, prng.di.unimi.it/splitmix64.c).
Tensor incoming_gradient(const Tensor& out, uint64_t& seed) {
  Tensor x = make_tensor(DType::float64, out.sizes(), out.rank());
  for (size_t i = 0; i < count_of(x); ++i) {
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    const double size = 0.25 + static_cast<double>(z >> 11) * 0x1p-53;
    elements(x)[i] = (z & 1) != 0 ? -size : size;
  }
  return x;
}

}  // namespace

bool gradcheck(TensorFunction& fn, Operands inputs, size_t out_count, const Gradcheck& settings,
               String& report) {
  check_inputs("gradcheck", inputs, "inputs", {});
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]->dtype() == DType::float64) continue;
    fail_operand(TG_ERROR_DTYPE, static_cast<int>(i), "inputs[", i, "], ", Named{*inputs[i]},
                 ", is not float64, and differences need its digits; convert it by tg_to_dtype");
  }
  const EngineModes modes(true);
  Vector<Tensor> points;
  for (const Tensor* input : inputs) {
    points.push_back(clone(detach(*input)));
  }
  Comparison first(fn, points, out_count, 1, inputs.size(), settings, report);
  if (!first.run()) return false;
  if (settings.order == 1) return true;
  GradientsOf gradients(fn, inputs.size(), out_count);
  uint64_t seed = 1;
  for (const Tensor& out : first.outs()) {
    if (is_floating(out.dtype())) points.push_back(incoming_gradient(out, seed));
  }
  return Comparison(gradients, points, inputs.size(), 2, inputs.size(), settings, report).run();
}

}  // namespace tg
