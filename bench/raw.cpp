// SPDX-License-Identifier: MIT
// The other yardsticks: OpenBLAS called without a library around it, and the limits of the machine.
// Rows have the names that bench_tapegrad uses, without the mode; "/limit" is added for a limit.
#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "limit.h"
#include "row.h"

namespace bench {
namespace {

// As cblas.h has them; the library is opened at run time, so no header is needed.
enum { kRowMajor = 101, kNoTranspose = 111, kTranspose = 112 };
using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                       float* c, int ldc);
using Sgemv = void (*)(int order, int transpose, int m, int n, float alpha, const float* a, int lda,
                       const float* x, int incx, float beta, float* y, int incy);

template <class Function>
Function symbol(const char* name) {
  static void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  void* const address = library == nullptr ? nullptr : dlsym(library, name);
  if (address == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(2);
  }
  return reinterpret_cast<Function>(address);
}

const Sgemm& sgemm() {
  static const Sgemm function = symbol<Sgemm>("cblas_sgemm");
  return function;
}

const Limits& limits() {
#ifdef BENCH_X86
  if (__builtin_cpu_supports("avx512f")) return kLimits64;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kLimits32;
#endif
  return kLimits16;
}

// On huge pages where the kernel gives them, as the libraries' own large blocks are.
class Block {
 public:
  explicit Block(const std::vector<float>& values) : count_(values.size()) {
    constexpr std::size_t kHuge = std::size_t{2} << 20;
    const std::size_t bytes = (count_ * sizeof(float) + kHuge - 1) / kHuge * kHuge;
    data_ = static_cast<float*>(std::aligned_alloc(kHuge, bytes));
    madvise(data_, bytes, MADV_HUGEPAGE);
    std::memcpy(data_, values.data(), count_ * sizeof(float));
  }
  ~Block() { std::free(data_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  float* data() const { return data_; }
  std::size_t count() const { return count_; }
  std::vector<float> values() const { return std::vector<float>(data_, data_ + count_); }

 private:
  std::size_t count_;
  float* data_;
};

volatile float sink;  // results that nobody else wants

template <class Call>
Prepared repeat(Call call, std::function<std::vector<float>()> result = nullptr) {
  return {[call](Meter& meter, std::size_t count) {
            meter.start();
            for (std::size_t i = 0; i < count; i++) call();
            meter.stop();
          },
          std::move(result)};
}

Prepared square_products(int n, int times) {
  const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  const auto a = std::make_shared<Block>(uniform(size, 1));
  const auto b = std::make_shared<Block>(uniform(size, 2));
  const auto c = std::make_shared<Block>(std::vector<float>(size));
  const auto call = [a, b, c, n, times, gemm = sgemm()] {
    for (int i = 0; i < times; i++) {
      gemm(kRowMajor, kNoTranspose, kNoTranspose, n, n, n, 1, a->data(), n, b->data(), n, 0,
           c->data(), n);
    }
  };
  return repeat(call, [call, c] {
    call();
    return c->values();
  });
}

// x [batch, in] by weight [out, in] transposed, as tg_linear has them.
Prepared linear(int batch, int in, int out) {
  const auto x = std::make_shared<Block>(uniform(static_cast<std::size_t>(batch * in), 1));
  const auto weight = std::make_shared<Block>(uniform(static_cast<std::size_t>(out * in), 2));
  const auto y = std::make_shared<Block>(std::vector<float>(static_cast<std::size_t>(batch * out)));
  if (batch == 1) {
    const auto gemv = symbol<Sgemv>("cblas_sgemv");
    const auto call = [x, weight, y, in, out, gemv] {
      gemv(kRowMajor, kNoTranspose, out, in, 1, weight->data(), in, x->data(), 1, 0, y->data(), 1);
    };
    return repeat(call, [call, y] {
      call();
      return y->values();
    });
  }
  const auto call = [x, weight, y, batch, in, out, gemm = sgemm()] {
    gemm(kRowMajor, kNoTranspose, kTranspose, batch, out, in, 1, x->data(), in, weight->data(), in,
         0, y->data(), out);
  };
  return repeat(call, [call, y] {
    call();
    return y->values();
  });
}

Prepared read_limit(std::size_t count) {
  const auto block = std::make_shared<Block>(uniform(count, 2));
  return repeat([block] { sink = limits().read(block->data(), block->count()); });
}

Prepared copy_limit(bool past_caches) {
  const auto from = std::make_shared<Block>(uniform(10000000, 1));
  const auto to = std::make_shared<Block>(uniform(10000000, 2));
  return repeat([from, to, past_caches] {
    if (past_caches) {
      limits().copy_past_caches(to->data(), from->data(), to->count());
    } else {
      std::memcpy(to->data(), from->data(), to->count() * sizeof(float));
    }
  });
}

constexpr std::size_t kFreshBytes = std::size_t{64} << 20;

// The price of memory that this process has not touched: map, touch each page, unmap.
void touch_fresh_pages() {
  void* const fresh =
      mmap(nullptr, kFreshBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED) std::exit(2);
  madvise(fresh, kFreshBytes, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < kFreshBytes; at += 4096) static_cast<volatile char*>(fresh)[at] = 1;
  munmap(fresh, kFreshBytes);
}

void add_products(const char* row, const std::vector<int>& sizes) {
  for (int n : sizes) {
    rows().push_back(
        {std::string(row) + "/mm" + std::to_string(n), [n] { return square_products(n, 1); }});
  }
}

}  // namespace

void set_threads(int count) { symbol<void (*)(int)>("openblas_set_num_threads")(count); }

// The core name tells which kernels run: SkylakeX and its kin have those for AVX-512.
std::string library_version() {
  return std::string(symbol<char* (*)()>("openblas_get_config")()) + " core " +
         symbol<char* (*)()>("openblas_get_corename")();
}

void add_rows() {
  add_products("M1", {256, 512, 1024});
  add_products("M2", {64, 100, 128});
  add_products("M3", {32});
  add_products("M4", {16});
  add_products("M5", {4, 8});
  rows().push_back({"M6/linear50x1000x1000", [] { return linear(50, 1000, 1000); }});
  rows().push_back({"M6/linear50x1000x1000/limit", [] {
                      return repeat([] { sink = limits().multiply_add(2.0 * 50 * 1000 * 1000); });
                    }});
  rows().push_back({"M7/linear1x1000x1000", [] { return linear(1, 1000, 1000); }});
  rows().push_back({"M7/linear1x1000x1000/limit", [] { return read_limit(1000 * 1000); }});
  rows().push_back({"M8/linear1x768x50257", [] { return linear(1, 768, 50257); }});
  rows().push_back({"M8/linear1x768x50257/limit", [] { return read_limit(768 * 50257); }});
  rows().push_back({"M9/mm1024/threads1", [] { return square_products(1024, 1); }, 1, 1, true});
  rows().push_back({"M9/mm1024/threads2", [] { return square_products(1024, 1); }, 1, 2, true});
  rows().push_back({"X2/ten_mm100_sum", [] {
                      Prepared ten = square_products(100, 10);
                      ten.result = nullptr;
                      return ten;
                    }});
  rows().push_back({"E2/copy/1e7", [] { return copy_limit(false); }});
  rows().push_back({"E2/copy_past_caches/1e7", [] { return copy_limit(true); }});
  rows().push_back({"T6/fresh_byte", [] { return repeat(touch_fresh_pages); }, kFreshBytes});
}

}  // namespace bench
