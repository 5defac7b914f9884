/* SPDX-License-Identifier: MIT */
/* The tape of a small network as a picture: prints the graph behind its loss in Graphviz's
   language.

     tape | dot -Tsvg > tape.svg */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

static tg_tensor made(const char* name, int64_t rows, int64_t columns, int32_t learns) {
  int64_t shape[2];
  tg_tensor x;

  shape[0] = rows;
  shape[1] = columns;
  check(tg_zeros(TG_FLOAT32, shape, 2, &x));
  check(tg_tensor_set_requires_grad(x, learns));
  check(tg_tensor_set_name(x, name));
  return x;
}

int main(void) {
  char dot[8000];
  tg_scope scope;
  tg_tensor x, target, weight, out_weight, hidden, y, loss;

  check(tg_scope_enter(&scope));
  x = made("x", 32, 64, 0);
  target = made("target", 32, 10, 0);
  weight = made("0.weight", 128, 64, 1);
  out_weight = made("2.weight", 10, 128, 1);

  check(tg_linear(x, weight, 0, &hidden));
  check(tg_relu(hidden, &hidden));
  check(tg_tensor_set_name(hidden, "hidden"));
  check(tg_linear(hidden, out_weight, 0, &y));
  check(tg_mse_loss(y, target, TG_REDUCTION_MEAN, &loss));
  check(tg_tensor_set_name(loss, "loss"));

  check(tg_graph_dot(loss, dot, sizeof dot, NULL));
  fputs(dot, stdout);
  check(tg_scope_exit(scope));
  return 0;
}
