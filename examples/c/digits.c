/* SPDX-License-Identifier: MIT */
/* Handwritten digits, from the file to the answer: a network 64-128-10 learns 1,437 real images, is
   saved, loaded into a fresh network and asked about 360 images that it has not seen; three times,
   from three seeds.

     digits [examples/data/digits.csv]

   Ends with 1 where an accuracy is under 0.90. The images are of E. Alpaydin and C. Kaynak; see
   examples/data/ATTRIBUTION.md. */
#define _POSIX_C_SOURCE 200809L /* isatty, mkstemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>
#include <time.h>
#include <unistd.h>

enum { kRows = 1797, kTrain = 1437, kTest = kRows - kTrain };
enum { kSide = 8, kPixels = kSide * kSide, kClasses = 10 };
enum { kHidden = 128, kEpochs = 50, kBatch = 32, kSeeds = 3, kShown = 5 };
static const double kLearningRate = 5e-3;
static const double kWanted = 0.90;

/* Every call gives a status; the message says what was wrong and what to do. */
static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

/* ---- the data: a line is 64 pixels 0..16, row by row, then the digit ---- */

static float pixels[kRows][kPixels]; /* 0..1 */
static int64_t digits[kRows];

static void read_images(const char* path) {
  FILE* file = fopen(path, "r");
  int row, i, number;

  if (file == NULL) {
    perror(path);
    exit(1);
  }
  for (row = 0; row < kRows; row++) {
    for (i = 0; i <= kPixels; i++) {
      if (fscanf(file, i < kPixels ? "%d," : "%d", &number) != 1 || number < 0 ||
          number > (i < kPixels ? 16 : kClasses - 1)) {
        fprintf(stderr, "%s: line %d: number %d is missing or out of range\n", path, row + 1,
                i + 1);
        exit(1);
      }
      if (i < kPixels) {
        pixels[row][i] = (float)number / 16;
      } else {
        digits[row] = number;
      }
    }
  }
  fclose(file);
}

/* Rows first..first+count-1 as tensors: images [count, 64], labels [count]. */
static void make_tensors(int first, int64_t count, tg_tensor* images, tg_tensor* labels) {
  int64_t shape[2];

  shape[0] = count;
  shape[1] = kPixels;
  check(tg_tensor_create(pixels[first], TG_FLOAT32, shape, 2, 0, images));
  check(tg_tensor_create(digits + first, TG_INT64, shape, 1, 0, labels));
}

/* ---- the network ---- */

static tg_module make_net(void) {
  tg_module layers[3], net;

  check(tg_nn_linear(kPixels, kHidden, 1, TG_FLOAT32, &layers[0]));
  check(tg_nn_relu(&layers[1]));
  check(tg_nn_linear(kHidden, kClasses, 1, TG_FLOAT32, &layers[2]));
  check(tg_nn_sequential(layers, 3, &net)); /* it holds its layers from here on */
  check(tg_release_many(layers, 3));
  return net;
}

static tg_optimizer make_adam(tg_module net) {
  tg_tensor parameters[4]; /* two weights, two biases */
  tg_optimizer adam;
  size_t count, i;

  check(tg_module_parameter_count(net, &count));
  for (i = 0; i < count; i++) check(tg_module_parameter_at(net, i, &parameters[i]));
  check(tg_optim_adam(parameters, count, kLearningRate, &adam));
  check(tg_release_many(parameters, count));
  return adam;
}

/* ---- training ---- */

static void show_progress(int epoch, double loss) {
  int i;

  if (!isatty(STDERR_FILENO)) return;
  fputs("\r[", stderr);
  for (i = 1; i <= kEpochs; i++) fputc(i <= epoch ? '#' : '.', stderr);
  fprintf(stderr, "] epoch %2d, loss %.4f", epoch, loss);
  if (epoch == kEpochs) fprintf(stderr, "\r%*s\r", kEpochs + 32, "");
}

/* One step on the rows that `order` names from `start` on. The scope releases every handle that is
   made in it; what the tape needs of the tensors lives on until backward has run. */
static double train_step(tg_module net, tg_optimizer adam, tg_tensor images, tg_tensor labels,
                         tg_tensor order, int64_t start, int64_t length) {
  tg_scope scope;
  tg_tensor rows, x, y, scores, loss;
  double value;

  check(tg_scope_enter(&scope));
  check(tg_narrow(order, 0, start, length, &rows));
  check(tg_index_select(images, 0, rows, &x));
  check(tg_index_select(labels, 0, rows, &y));
  check(tg_module_forward(net, x, &scores));
  check(tg_cross_entropy(scores, y, 0, -100, TG_REDUCTION_MEAN, 0, &loss));
  check(tg_optimizer_zero_grad(adam));
  check(tg_backward(loss));
  check(tg_optimizer_step(adam));
  check(tg_tensor_item(loss, &value));
  check(tg_scope_exit(scope));
  return value;
}

/* Gives the mean loss of the last epoch. */
static double train(tg_module net, tg_tensor images, tg_tensor labels) {
  tg_optimizer adam = make_adam(net);
  tg_tensor order;
  double sum = 0;
  int epoch;
  int64_t start, length;

  check(tg_module_train(net, 1));
  for (epoch = 1; epoch <= kEpochs; epoch++) {
    check(tg_randperm(0, kTrain, &order));
    sum = 0;
    for (start = 0; start < kTrain; start += kBatch) {
      length = kTrain - start < kBatch ? kTrain - start : kBatch;
      sum += train_step(net, adam, images, labels, order, start, length) * (double)length;
    }
    check(tg_release(order));
    show_progress(epoch, sum / kTrain);
  }
  check(tg_release(adam));
  return sum / kTrain;
}

/* ---- to a file and back into a fresh network ---- */

static tg_module through_a_file(tg_module net) {
  char path[] = "/tmp/tapegrad-digits-XXXXXX";
  tg_module fresh = make_net();
  tg_dict saved, loaded;
  int file = mkstemp(path);

  if (file < 0) {
    perror(path);
    exit(1);
  }
  close(file);
  check(tg_module_state_dict(net, &saved));
  check(tg_safetensors_save(path, saved));
  check(tg_safetensors_load(path, 0, &loaded));
  check(tg_module_load_state_dict(fresh, loaded, 1, NULL, 0, NULL));
  remove(path);
  check(tg_release(saved));
  check(tg_release(loaded));
  return fresh;
}

/* ---- asking ---- */

/* What the network takes each image for; gives how many it got right. */
static int evaluate(tg_module net, tg_tensor images, const int64_t* truth, int64_t* answers) {
  tg_tensor scores, best;
  int i, right = 0;

  check(tg_module_eval(net));
  check(tg_inference_mode_enter(1));
  check(tg_module_forward(net, images, &scores));
  check(tg_argmax_dim(scores, 1, 0, &best));
  check(tg_inference_mode_exit());
  check(tg_tensor_copy_out(best, answers, kTest * sizeof *answers));
  check(tg_release(scores));
  check(tg_release(best));
  for (i = 0; i < kTest; i++) right += answers[i] == truth[i];
  return right;
}

static void print_confusion(const int64_t* truth, const int64_t* answers) {
  int table[kClasses][kClasses];
  int i, j;

  memset(table, 0, sizeof table);
  for (i = 0; i < kTest; i++) table[truth[i]][answers[i]]++;
  printf("\nrows: the digit; columns: what the network took it for\n   ");
  for (j = 0; j < kClasses; j++) printf("%4d", j);
  for (i = 0; i < kClasses; i++) {
    printf("\n%3d", i);
    for (j = 0; j < kClasses; j++) {
      if (table[i][j] > 0) {
        printf("%4d", table[i][j]);
      } else {
        printf("   .");
      }
    }
  }
  printf("\n");
}

/* The first wrong ones side by side, each pixel two characters wide. */
static void print_wrong(const int64_t* truth, const int64_t* answers) {
  static const char shades[] = " .:-=+*#%";
  int wrong[kShown];
  int count = 0, i, row, column, shade;

  for (i = 0; i < kTest && count < kShown; i++) {
    if (answers[i] != truth[i]) wrong[count++] = i;
  }
  printf("\n");
  for (i = 0; i < count; i++) {
    printf("%d taken for %d     ", (int)truth[wrong[i]], (int)answers[wrong[i]]);
  }
  for (row = 0; row < kSide; row++) {
    printf("\n");
    for (i = 0; i < count; i++) {
      for (column = 0; column < kSide; column++) {
        shade = (int)(pixels[kTrain + wrong[i]][row * kSide + column] * 8);
        printf("%c%c", shades[shade], shades[shade]);
      }
      printf("  ");
    }
  }
  printf("\n");
}

/* One mode: seconds of 200 forward passes over the test images, bytes of one. */
static void measure(const char* mode, tg_module net, tg_tensor images) {
  uint64_t before, peak, kept;
  tg_tensor scores;
  clock_t start;
  int i;

  tg_memory_peak_reset();
  before = tg_memory_current();
  check(tg_module_forward(net, images, &scores));
  peak = tg_memory_peak() - before;
  kept = tg_memory_current() - before;
  check(tg_release(scores));
  start = clock();
  for (i = 0; i < 200; i++) {
    check(tg_module_forward(net, images, &scores));
    check(tg_release(scores));
  }
  printf("%-15s %9.4f %10lu %10lu\n", mode, (double)(clock() - start) / CLOCKS_PER_SEC,
         (unsigned long)peak, (unsigned long)kept);
}

static void compare_modes(tg_module net, tg_tensor images) {
  printf("\n%-15s %9s %10s %10s\n", "mode", "seconds", "peak bytes", "kept bytes");
  measure("normal", net, images);
  check(tg_no_grad_enter());
  measure("no_grad", net, images);
  check(tg_no_grad_exit());
  check(tg_inference_mode_enter(1));
  measure("inference_mode", net, images);
  check(tg_inference_mode_exit());
}

int main(int argc, char** argv) {
  const int64_t* truth = digits + kTrain;
  tg_tensor images, labels, test_images, test_labels;
  tg_module net, fresh = 0;
  int64_t answers[kTest];
  double accuracy, loss;
  clock_t start;
  int seed, right, enough = 1;

  read_images(argc > 1 ? argv[1] : "examples/data/digits.csv");
  make_tensors(0, kTrain, &images, &labels);
  make_tensors(kTrain, kTest, &test_images, &test_labels);
  printf("%d images to learn, %d to be asked about\n", kTrain, kTest);

  for (seed = 0; seed < kSeeds; seed++) {
    start = clock();
    check(tg_release(fresh)); /* the one of the seed before; 0 is fine */
    check(tg_manual_seed((uint64_t)seed));
    net = make_net();
    loss = train(net, images, labels);
    fresh = through_a_file(net);
    check(tg_release(net));
    right = evaluate(fresh, test_images, truth, answers);
    accuracy = (double)right / kTest;
    printf("seed %d: accuracy %.4f (%d of %d), training loss %.4f, %.1f s\n", seed, accuracy, right,
           kTest, loss, (double)(clock() - start) / CLOCKS_PER_SEC);
    if (accuracy < kWanted) enough = 0;
  }
  print_confusion(truth, answers);
  print_wrong(truth, answers);
  compare_modes(fresh, test_images);

  check(tg_release(fresh));
  check(tg_release(images));
  check(tg_release(labels));
  check(tg_release(test_images));
  check(tg_release(test_labels));
  if (!enough) {
    fprintf(stderr, "an accuracy is under %.2f\n", kWanted);
    return 1;
  }
  return 0;
}
