/* SPDX-License-Identifier: MIT */
/* Prints the bits of the last epoch's loss for each seed of examples/c/digits.c, by that program's
   own functions: what a binding's own training must give. */
#define main digits_main
#include "../../../examples/c/digits.c"
#undef main

int main(int argc, char** argv) {
  tg_tensor images, labels;
  tg_module net;
  int seed;

  if (argc < 2) return digits_main(argc, argv);
  read_images(argv[1]);
  make_tensors(0, kTrain, &images, &labels);
  for (seed = 0; seed < kSeeds; seed++) {
    check(tg_manual_seed((uint64_t)seed));
    net = make_net();
    printf("%a\n", train(net, images, labels));
    check(tg_release(net));
  }
  check(tg_release(images));
  check(tg_release(labels));
  return 0;
}
