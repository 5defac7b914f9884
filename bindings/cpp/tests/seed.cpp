// SPDX-License-Identifier: MIT
// The four examples of examples/c over the C++ header: they print the lines of the C programs.
#include <cstdio>
#include <tapegrad/tapegrad.hpp>

namespace tg = tapegrad;

static const char* truth(bool value) { return value ? "True" : "False"; }

static void example_1() {
  const tg::Tensor x = tg::tensor({1.0, 2.0, 3.0}, tg::DType::float32, true);
  const tg::Tensor y = tg::inference_mode([&] { return x * 2; });
  std::printf("在 inference_mode 中: %s\n", truth(y.requires_grad()));
  const tg::NoGrad guard;
  std::printf("在 no_grad 中: %s\n", truth((x * 2).requires_grad()));
}

static tg::Tensor tenfold_product() {
  tg::Tensor x = tg::randn({100, 100});
  for (int i = 0; i < 10; ++i) x = x.mm(x);
  return x.sum();
}

static void example_2() {
  {
    const tg::InferenceMode guard;
    std::printf("在 inference_mode 中: %s\n", truth(tenfold_product().is_leaf()));
  }
  const tg::NoGrad guard;
  std::printf("在 no_grad 中: %s\n", truth(tenfold_product().is_leaf()));
}

static void print_shape(const char* label, const tg::Tensor& x) {
  std::printf("%s: torch.Size([", label);
  const char* before = "";
  for (int64_t size : x.shape()) {
    std::printf("%s%d", before, static_cast<int>(size));
    before = ", ";
  }
  std::printf("])\n");
}

static void example_3() {
  const tg::nn::Sequential net{tg::nn::Linear(10, 20), tg::nn::ReLU(), tg::nn::Linear(20, 5)};
  net.eval();
  const tg::Tensor input = tg::randn({100, 10});
  {
    const tg::InferenceMode guard;
    const tg::Tensor output = net(input);
    print_shape("输出形状", output);
    std::printf("输出 requires_grad: %s\n", truth(output.requires_grad()));
  }
  print_shape("装饰器方式 - 输出形状", tg::inference_mode([&] { return net(input); }));
}

static void measure_forward(const tg::Module& net, const tg::Tensor& x) {
  tg::memory::reset_peak();
  const uint64_t before = tg::memory::current();
  const tg::Tensor y = net(x);
  const int peak = static_cast<int>(tg::memory::peak() - before);
  const int kept = static_cast<int>(tg::memory::current() - before);
  std::printf("peak %d bytes, kept %d bytes\n", peak, kept);
}

static void example_4() {
  const tg::nn::Sequential net{tg::nn::Linear(1000, 1000), tg::nn::ReLU(),
                               tg::nn::Linear(1000, 1000), tg::nn::ReLU(),
                               tg::nn::Linear(1000, 10)};
  const tg::Tensor x = tg::randn({50, 1000});
  std::puts("不使用任何上下文管理器:");
  measure_forward(net, x);
  std::puts("\n使用 no_grad:");
  tg::no_grad([&] { measure_forward(net, x); });
  std::puts("\n使用 inference_mode:");
  tg::inference_mode([&] { measure_forward(net, x); });
}

int main() try {
  example_1();
  example_2();
  example_3();
  example_4();
} catch (const tg::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
