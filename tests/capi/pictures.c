/* SPDX-License-Identifier: MIT */
/* The tape as DOT and JSON, and a tensor in words, from C89. */
#include <stdio.h>
#include <string.h>

#include "check.h"

int main(void) {
  const double values[2] = {1, 2};
  const int64_t shape[1] = {2};
  tg_tensor x = 0, loss = 0;
  size_t length = 0;
  char text[8001];

  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x) == TG_OK);
  CHECK(tg_sum(x, &loss) == TG_OK);
  CHECK(tg_explain(loss, text, sizeof text, &length) == TG_OK && length < sizeof text);
  CHECK(strstr(text, "SumBackward") != NULL);
  CHECK(tg_graph_dot(loss, text, sizeof text, &length) == TG_OK);
  CHECK(strncmp(text, "digraph", 7) == 0);
  CHECK(tg_graph_json(loss, text, sizeof text, &length) == TG_OK && text[0] == '{');

  CHECK(tg_graph_dot(loss, text, 8, &length) == TG_OK && length > 8);
  CHECK(strcmp(text, "digraph") == 0);
  CHECK(tg_graph_json(0, NULL, 0, NULL) == TG_ERROR_INVALID_HANDLE);

  CHECK(tg_release(x) == TG_OK && tg_release(loss) == TG_OK);
  CHECK(tg_live_handles() == 0);
  return failures != 0;
}
