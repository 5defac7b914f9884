// SPDX-License-Identifier: MIT
// The kernel over packed operands: values against a plain loop, and its promise that neither
// packing nor a cut of rows or columns changes a bit.
#include "kernels/packed_gemm.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/layouts.h"

namespace {

using tg::kernels::Product;

uint32_t next_random(uint32_t& seed) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

// Elements on 64 bytes.
struct Packed {
  std::vector<float> room;
  float* data;
  explicit Packed(int64_t count)
      : room(static_cast<size_t>(count) + 16, 99), data(tg::kernels::aligned(room.data())) {}
};

// c = a b^T with a [m,k], b [n,k]; c has a margin of 3 columns that must stay as they are.
struct Case {
  int64_t m, n, k;
  std::vector<float> a, b, bias, c;
  Product product;

  Case(int64_t rows, int64_t columns, int64_t depth, bool integers, bool relu = true)
      : m(rows), n(columns), k(depth) {
    uint32_t seed = static_cast<uint32_t>(m * 10007 + n * 101 + k);
    const auto fill = [&](std::vector<float>& list, int64_t count) {
      list.resize(static_cast<size_t>(count));
      for (float& x : list) {
        const uint32_t random = next_random(seed);
        x = integers ? static_cast<float>(static_cast<int>(random % 17) - 8)
                     : static_cast<float>(random) / 8388608 - 1;
      }
    };
    fill(a, m * k);
    fill(b, n * k);
    fill(bias, n);
    c.assign(static_cast<size_t>(m * (n + 3)), 77);
    product = {.c = c.data(),
               .c_row = n + 3,
               .c_column = 1,
               .a = a.data(),
               .a_row = k,
               .a_column = 1,
               .b = b.data(),
               .b_row = 1,
               .b_column = k,
               .m = m,
               .n = n,
               .k = k,
               .alpha = 1,
               .beta = 0,
               .bias = bias.data(),
               .bias_stride = 1,
               .relu = relu};
  }

  std::vector<float> run(const float* packed_columns) {
    Packed rows(m * k);
    tg::kernels::pack_rows(rows.data, product);
    c.assign(c.size(), 77);
    REQUIRE(tg::kernels::packed_product(product, rows.data, packed_columns));
    return c;
  }
  std::vector<float> run_packed() {
    Packed columns(tg::kernels::packed_elements(n, k));
    tg::kernels::pack_columns(columns.data, product.b, product.b_column, product.b_row, n, k);
    return run(columns.data);
  }
  std::vector<float> run_small_kernel() {
    c.assign(c.size(), 77);
    tg::kernels::product(tg::DType::float32, product);
    return c;
  }
  std::vector<float> expected() const {
    std::vector<float> result(c.size(), 77);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum =
            product.bias != nullptr ? bias[static_cast<size_t>(j * product.bias_stride)] : 0;
        for (int64_t p = 0; p < k; ++p) {
          sum += double{a[static_cast<size_t>(i * k + p)]} * b[static_cast<size_t>(j * k + p)];
        }
        result[static_cast<size_t>(i * (n + 3) + j)] =
            static_cast<float>(product.relu && sum < 0 ? 0 : sum);
      }
    }
    return result;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("the packed product is exact on integers at every edge of its tiles", "[kernels]") {
  tg::test::on_every_target([] {
    for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 27, 28, 29, 43, 50, 129}) {
      for (int64_t n : {1, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 97}) {
        for (int64_t k : {1, 2, 3, 4, 5, 31, 33, 127, 128, 129, 300}) {
          Case it(m, n, k, true);
          INFO(m << "x" << n << "x" << k);
          const std::vector<float> expected = it.expected();
          REQUIRE(it.run_packed() == expected);
          REQUIRE(it.run(nullptr) == expected);
        }
      }
    }
  });
}

TEST_CASE("packing changes no bit of the small kernel's chains", "[kernels]") {
  tg::test::on_every_target([] {
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{2, 64, 513},
                                  {8, 65, 700},
                                  {50, 100, 1000},
                                  {61, 128, 257},
                                  {130, 70, 400}}) {
      INFO(m << "x" << n << "x" << k);
      Case it(m, n, k, false);
      const std::vector<float> small = it.run_small_kernel();
      REQUIRE(same_bits(it.run_packed(), small));
      REQUIRE(same_bits(it.run(nullptr), small));
      // And both are right.
      const std::vector<float> expected = it.expected();
      for (size_t i = 0; i < small.size(); ++i) {
        REQUIRE(std::abs(small[i] - expected[i]) <= 1e-5 * static_cast<double>(k));
      }
    }
  });
}

TEST_CASE("the packed product takes any strides of its operands and of the bias", "[kernels]") {
  tg::test::on_every_target([] {
    for (const bool relu : {false, true}) {
      Case it(19, 45, 150, true, relu);
      for (const int64_t bias_stride : {0, 1}) {
        it.product.bias_stride = bias_stride;
        const std::vector<float> expected = it.expected();
        // The same elements elsewhere: transposed, apart, backwards.
        std::vector<float> a(it.a.size() * 2), b(it.b.size() * 2);
        for (const int form : {0, 1, 2}) {
          CAPTURE(form, relu, bias_stride);
          Product& s = it.product;
          const int64_t m = it.m, n = it.n, k = it.k;
          const auto place = [&](std::vector<float>& to, const std::vector<float>& from,
                                 int64_t rows, int64_t& row, int64_t& column) {
            row = form == 0 ? 1 : form == 1 ? 2 * k : -k;
            column = form == 0 ? rows : form == 1 ? 2 : 1;
            float* const origin = to.data() + (form == 2 ? (rows - 1) * k : 0);
            for (int64_t i = 0; i < rows; ++i) {
              for (int64_t p = 0; p < k; ++p) {
                origin[i * row + p * column] = from[static_cast<size_t>(i * k + p)];
              }
            }
            return origin;
          };
          s.a = place(a, it.a, m, s.a_row, s.a_column);
          s.b = place(b, it.b, n, s.b_column, s.b_row);
          REQUIRE(it.run_packed() == expected);
          REQUIRE(it.run(nullptr) == expected);
        }
      }
    }
    Case bare(14, 40, 200, true, false);
    bare.product.bias = nullptr;
    const std::vector<float> expected = bare.expected();
    REQUIRE(bare.run_packed() == expected);
    REQUIRE(bare.run(nullptr) == expected);
  });
}

TEST_CASE("the packed product lets NaN and infinity through, past bias and relu", "[kernels]") {
  tg::test::on_every_target([] {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    Case it(15, 33, 140, true);
    it.a[3 * 140 + 139] = kNan;
    it.b[32 * 140 + 1] = kInfinity;
    it.a[5 * 140 + 1] = 1;
    it.a[6 * 140 + 1] = -1;
    for (const std::vector<float>& c : {it.run_packed(), it.run(nullptr)}) {
      for (size_t j = 0; j < 33; ++j) CHECK(std::isnan(c[3 * 36 + j]));
      CHECK(c[5 * 36 + 32] == kInfinity);
      CHECK(c[6 * 36 + 32] == 0);  // relu of minus infinity
      CHECK(c[6 * 36 + 33] == 77);
    }
  });
}
