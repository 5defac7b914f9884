/* SPDX-License-Identifier: MIT */
/* Checks of the C programs: a failure is told, and counted for main's result. */
#ifndef TG_TESTS_CAPI_CHECK_H
#define TG_TESTS_CAPI_CHECK_H

#include <stdio.h>

#include "tapegrad/tapegrad.h"

static int failures = 0;

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ++failures;                                                                         \
      printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, tg_last_error_message()); \
    }                                                                                     \
  } while (0)

#endif
