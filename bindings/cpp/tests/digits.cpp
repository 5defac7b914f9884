// SPDX-License-Identifier: MIT
// The network of examples/c/digits.c over the C++ header, trained from seed 0: prints the bits of
// the loss that it ends with, as bindings/kit/digits.c does.
//
//     digits examples/data/digits.csv
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <tapegrad/tapegrad.hpp>

namespace tg = tapegrad;

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  constexpr int64_t rows = 1437, pixel_count = 64, batch = 32;
  std::vector<float> pixels;
  std::vector<int64_t> digits;
  std::ifstream file(argv[1]);
  for (int64_t row = 0; row < rows; ++row) {
    int number;
    char comma;
    for (int i = 0; i < pixel_count && file >> number >> comma; ++i)
      pixels.push_back(number / 16.f);
    file >> number;
    digits.push_back(number);
  }
  const tg::Tensor images = tg::tensor(pixels, {rows, pixel_count}), labels = tg::tensor(digits);
  tg::manual_seed(0);
  const tg::nn::Sequential net{tg::nn::Linear(pixel_count, 128), tg::nn::ReLU(),
                               tg::nn::Linear(128, 10)};
  const tg::optim::Adam adam(net.parameters(), 5e-3);
  double loss = 0;
  for (int epoch = 0; epoch < 50; ++epoch) {
    const tg::Tensor order = tg::randperm(rows);
    double sum = 0;
    for (int64_t start = 0; start < rows; start += batch) {
      const int64_t length = std::min(batch, rows - start);
      const tg::Tensor chosen = order.narrow(0, start, length);
      const tg::Tensor scores = net(images.index_select(0, chosen));
      const tg::Tensor step = tg::cross_entropy(scores, labels.index_select(0, chosen));
      adam.zero_grad();
      step.backward();
      adam.step();
      sum += step.item<double>() * static_cast<double>(length);
    }
    loss = sum / rows;
  }
  uint64_t bits;
  std::memcpy(&bits, &loss, sizeof bits);
  std::printf("%08lx%08lx\n", static_cast<unsigned long>(bits >> 32),
              static_cast<unsigned long>(bits & 0xffffffff));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
