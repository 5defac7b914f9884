#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The documentation runs, against the library of this build.
set -eu
libraries=$(dirname "$TG_SHARED")
CFLAGS_TAPEGRAD="-I$TG_SOURCE_DIR/include" \
  LIBS_TAPEGRAD="-L$libraries -Wl,-rpath,$libraries -ltapegrad" \
  bash "$TG_SOURCE_DIR/scripts/docs_run"
