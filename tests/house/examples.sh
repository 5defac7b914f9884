#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples say exactly what they should: the four of the seed byte for byte, digits with its
# accuracy (the program itself judges that) and without a progress bar where nobody watches.
set -eu
examples=$TG_BUILD_DIR/examples
failed=0
expect() { # program; the expected output on stdin
  if diff -u --label "expected of $1" --label "printed" - <("$examples/$1" </dev/null 2>&1); then
    echo "examples: $1"
  else
    failed=1
  fi
}
expect seed_1 <<'END'
在 inference_mode 中: False
在 no_grad 中: False
END
expect seed_2 <<'END'
在 inference_mode 中: False
在 no_grad 中: True
END
expect seed_3 <<'END'
输出形状: torch.Size([100, 5])
输出 requires_grad: False
装饰器方式 - 输出形状: torch.Size([100, 5])
END
expect seed_4 <<'END'
不使用任何上下文管理器:
peak 402000 bytes, kept 402000 bytes

使用 no_grad:
peak 400000 bytes, kept 2000 bytes

使用 inference_mode:
peak 400000 bytes, kept 2000 bytes
END
for digits in digits digits_cpp; do
  errors=$(mktemp)
  if ! "$examples/$digits" "$TG_SOURCE_DIR/examples/data/digits.csv" </dev/null 2>"$errors"; then
    echo "examples: $digits failed"
    failed=1
  fi
  if [ -s "$errors" ]; then
    echo "examples: $digits wrote to stderr:"
    cat "$errors"
    failed=1
  fi
  rm -f "$errors"
done
exit "$failed"
