/* SPDX-License-Identifier: MIT */
/* What a binding's digits program must come to: the example in C, trained from seed 0, and the bits
   of the mean loss of its last epoch. */
#define main digits_main
#include "../../examples/c/digits.c"
#undef main

int main(int argc, char** argv) {
  tg_tensor images, labels;
  tg_module net;
  double loss;
  uint64_t bits;

  (void)digits_main;
  read_images(argc > 1 ? argv[1] : "examples/data/digits.csv");
  make_tensors(0, kTrain, &images, &labels);
  check(tg_manual_seed(0));
  net = make_net();
  loss = train(net, images, labels);
  memcpy(&bits, &loss, sizeof bits);
  printf("%08lx%08lx\n", (unsigned long)(bits >> 32), (unsigned long)(bits & 0xffffffff));
  check(tg_release(net));
  check(tg_release(images));
  check(tg_release(labels));
  return 0;
}
