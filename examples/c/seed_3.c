/* SPDX-License-Identifier: MIT */
/* A network in inference mode, in both forms: enter and exit around the call, and a function that
   the library calls in the mode and whose mode it leaves on every path out. */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

struct prediction {
  tg_module net;
  tg_tensor input;
  tg_tensor output;
};

/* Returns the library's own status: tg_inference_mode_call hands it on. */
static int32_t predict(void* user_data) {
  struct prediction* p = (struct prediction*)user_data;

  return tg_module_forward(p->net, p->input, &p->output);
}

static tg_module make_net(void) {
  tg_module layers[3], net;

  check(tg_nn_linear(10, 20, 1, TG_FLOAT32, &layers[0]));
  check(tg_nn_relu(&layers[1]));
  check(tg_nn_linear(20, 5, 1, TG_FLOAT32, &layers[2]));
  check(tg_nn_sequential(layers, 3, &net)); /* it holds its layers from here on */
  check(tg_release_many(layers, 3));
  return net;
}

static void print_shape(tg_tensor x) {
  int64_t shape[16]; /* no tensor has more dimensions */
  int32_t rank, i;

  check(tg_tensor_shape(x, shape, 16, &rank));
  printf("torch.Size([");
  for (i = 0; i < rank; i++) printf("%s%ld", i ? ", " : "", (long)shape[i]);
  printf("])\n");
}

int main(void) {
  const int64_t shape[2] = {100, 10};
  struct prediction p;
  int32_t requires_grad;

  p.net = make_net();
  check(tg_module_eval(p.net));
  check(tg_randn(0, TG_FLOAT32, shape, 2, &p.input));

  check(tg_inference_mode_enter(1));
  check(tg_module_forward(p.net, p.input, &p.output));
  check(tg_inference_mode_exit());
  printf("输出形状: ");
  print_shape(p.output);
  check(tg_tensor_requires_grad(p.output, &requires_grad));
  printf("输出 requires_grad: %s\n", requires_grad ? "True" : "False");
  check(tg_release(p.output));

  check(tg_inference_mode_call(1, predict, &p));
  printf("装饰器方式 - 输出形状: ");
  print_shape(p.output);

  check(tg_release(p.output));
  check(tg_release(p.input));
  check(tg_release(p.net));
  return 0;
}
