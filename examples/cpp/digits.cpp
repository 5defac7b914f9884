// SPDX-License-Identifier: MIT
// Handwritten digits as in examples/c/digits.c, over the C++ header: a network 64-128-10 learns
// 1,437 real images, is saved, loaded into a fresh network and asked about 360 new ones; three
// times, from three seeds. Handles release themselves, guards leave their modes, errors throw.
//
//     digits [examples/data/digits.csv]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <tapegrad/tapegrad.hpp>
#include <vector>

namespace tg = tapegrad;

constexpr int64_t kRows = 1797, kTrain = 1437, kTest = kRows - kTrain, kPixels = 64, kClasses = 10;
constexpr int kEpochs = 50, kBatch = 32, kSeeds = 3, kShown = 5;

std::vector<float> pixels;  // 0..1, kPixels a row
std::vector<int64_t> digits;

// A line is 64 pixels 0..16, then the digit.
void read_images(const std::string& path) {
  std::ifstream file(path);
  for (int64_t row = 0; row < kRows; ++row) {
    float pixel = 0;
    int64_t digit = -1;
    char comma;
    for (int i = 0; i < kPixels && file >> pixel >> comma; ++i) pixels.push_back(pixel / 16);
    if (!(file >> digit) || digit < 0 || digit >= kClasses) {
      throw std::runtime_error(path + ": line " + std::to_string(row + 1) + " is no image");
    }
    digits.push_back(digit);
  }
}

tg::Module make_net() {  // braces: the layers draw their first weights from left to right
  return tg::nn::Sequential{tg::nn::Linear(kPixels, 128), tg::nn::ReLU(),
                            tg::nn::Linear(128, kClasses)};
}

void show_progress(int epoch, double loss) {
  if (!isatty(STDERR_FILENO)) return;
  const std::string bar = std::string(epoch, '#') + std::string(kEpochs - epoch, '.');
  std::fprintf(stderr, "\r[%s] epoch %2d, loss %.4f", bar.c_str(), epoch, loss);
  if (epoch == kEpochs) std::fprintf(stderr, "\r%*s\r", kEpochs + 32, "");
}

double train(const tg::Module& net, const tg::Tensor& images, const tg::Tensor& labels) {
  const tg::optim::Adam adam(net.parameters(), 5e-3);
  double sum = 0;
  net.train();
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    const tg::Tensor order = tg::randperm(kTrain);
    sum = 0;
    for (int64_t start = 0; start < kTrain; start += kBatch) {
      const int64_t length = std::min<int64_t>(kBatch, kTrain - start);
      const tg::Tensor rows = order.narrow(0, start, length);
      const tg::Tensor scores = net(images.index_select(0, rows));
      const tg::Tensor loss = tg::cross_entropy(scores, labels.index_select(0, rows));
      adam.zero_grad();
      loss.backward();
      adam.step();
      sum += loss.item<double>() * static_cast<double>(length);
    }
    show_progress(epoch, sum / kTrain);
  }
  return sum / kTrain;  // the mean loss of the last epoch
}

tg::Module through_a_file(const tg::Module& net) {
  char path[] = "/tmp/tapegrad-digits-XXXXXX";
  close(mkstemp(path));
  tg::safetensors::save(path, net.state_dict());
  tg::Module fresh = make_net();
  fresh.load_state_dict(tg::safetensors::load(path));
  std::remove(path);
  return fresh;
}

void print_confusion(const int64_t* truth, const std::vector<int64_t>& answers) {
  int table[kClasses][kClasses] = {};
  for (int64_t i = 0; i < kTest; ++i) ++table[truth[i]][answers[i]];
  std::printf("\nrows: the digit; columns: what the network took it for\n   ");
  for (int j = 0; j < kClasses; ++j) std::printf("%4d", j);
  for (int i = 0; i < kClasses; ++i) {
    std::printf("\n%3d", i);
    for (int count : table[i]) std::printf("%4s", count ? std::to_string(count).c_str() : ".");
  }
  std::printf("\n");
}

void print_wrong(const int64_t* truth, const std::vector<int64_t>& answers) {
  std::vector<int64_t> wrong;
  for (int64_t i = 0; i < kTest && wrong.size() < kShown; ++i)
    if (answers[i] != truth[i]) wrong.push_back(i);
  std::printf("\n");
  for (int64_t i : wrong) std::printf("%d taken for %d     ", int(truth[i]), int(answers[i]));
  for (int row = 0; row < 8; ++row) {
    std::printf("\n");
    for (int64_t i : wrong) {
      for (int column = 0; column < 8; ++column) {
        const char shade = " .:-=+*#%"[int(pixels[(kTrain + i) * kPixels + row * 8 + column] * 8)];
        std::printf("%c%c", shade, shade);
      }
      std::printf("  ");
    }
  }
  std::printf("\n");
}

double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void measure(const char* mode, const tg::Module& net, const tg::Tensor& images) {
  tg::memory::reset_peak();
  const uint64_t before = tg::memory::current();
  const tg::Tensor scores = net(images);
  const uint64_t peak = tg::memory::peak() - before, kept = tg::memory::current() - before;
  const double start = seconds();
  for (int i = 0; i < 200; ++i) net(images);
  std::printf("%-15s %9.4f %10d %10d\n", mode, seconds() - start, int(peak), int(kept));
}

int main(int argc, char** argv) try {
  read_images(argc > 1 ? argv[1] : "examples/data/digits.csv");
  const tg::Tensor images = tg::tensor(pixels, {kRows, kPixels});
  const tg::Tensor labels = tg::tensor(digits);
  const tg::Tensor test_images = images.narrow(0, kTrain, kTest);
  const int64_t* truth = digits.data() + kTrain;
  std::vector<int64_t> answers;
  tg::Module fresh;
  bool enough = true;
  std::printf("%d images to learn, %d to be asked about\n", int(kTrain), int(kTest));
  for (int seed = 0; seed < kSeeds; ++seed) {
    const double start = seconds();
    tg::manual_seed(seed);
    const tg::Module net = make_net();
    const double loss = train(net, images.narrow(0, 0, kTrain), labels.narrow(0, 0, kTrain));
    fresh = through_a_file(net);
    fresh.eval();
    const tg::InferenceMode guard;
    answers = fresh(test_images).argmax(1).to_vector<int64_t>();
    int right = 0;
    for (int64_t i = 0; i < kTest; ++i) right += answers[i] == truth[i];
    std::printf("seed %d: accuracy %.4f (%d of %d), training loss %.4f, %.1f s\n", seed,
                double(right) / kTest, right, int(kTest), loss, seconds() - start);
    enough = enough && right >= 0.90 * kTest;
  }
  print_confusion(truth, answers);
  print_wrong(truth, answers);
  std::printf("\n%-15s %9s %10s %10s\n", "mode", "seconds", "peak bytes", "kept bytes");
  measure("normal", fresh, test_images);
  tg::no_grad([&] { measure("no_grad", fresh, test_images); });
  tg::inference_mode([&] { measure("inference_mode", fresh, test_images); });
  return enough ? 0 : 1;
} catch (const std::exception& error) {  // tg::Error too: the message says what to do
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
