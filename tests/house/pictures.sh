#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The picture in the documentation is the one that the library draws.
set -eu
command -v dot >/dev/null || exit 77  # scripts/test installs it
bash "$TG_SOURCE_DIR/scripts/pictures" --check
