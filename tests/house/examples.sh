#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The examples say exactly what they should: the four of the seed byte for byte, digits with its
# accuracy (the program itself judges that) and without a progress bar where nobody watches.
set -eu
examples=$TG_BUILD_DIR/examples
failed=0
expect() { # program, arguments; the expected output on stdin
  local program=$1
  shift
  if diff -u --label "expected of $program" --label "printed" - \
    <("$examples/$program" "$@" </dev/null 2>&1 || echo "status $?"); then
    echo "examples: $program"
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
# Each checks its gradient against differences itself, and ends with 1 where it is wrong.
expect ffi_sine <<'END'
sin x = tensor([ 0.0000,  0.4794,  0.9093, -0.8415], dtype=float64)
the gradient agrees with differences
END
expect operator_softplus <<'END'
y  = tensor([0.0000e+00, 3.1326e-01, 6.9315e-01, 2.1269e+00, 8.0000e+02],
       dtype=float64)
y' = tensor([0.0000, 0.2689, 0.5000, 0.8808, 1.0000], dtype=float64)
y''= tensor([0.0000, 0.1966, 0.2500, 0.1050, 0.0000], dtype=float64)
the gradient agrees with differences
END
expect operator_round <<'END'
rounded = tensor([ 0.,  1., -3.,  5.], dtype=float64)
grad    = tensor([  0.,   4., -12.,  20.], dtype=float64)
END
expect ffi_bessel <<'END'
J0(x) = tensor([ 1.0000,  0.9385,  0.7652, -0.0484, -0.2459], dtype=float64)
the gradient agrees with differences
J1(x) = tensor([0.0000, 0.2423, 0.4401, 0.4971, 0.0435], dtype=float64)
the gradient agrees with differences
END
expect ffi_solve <<'END'
X = tensor([[0.2000, 0.4400],
        [0.2000, 0.2400],
        [1.6000, 1.9200]], dtype=float64)
A X = tensor([[1., 2.],
        [3., 4.],
        [5., 6.]], dtype=float64)
the gradient agrees with differences
a singular matrix: info = 3
END
expect ffi_norms "$examples/libnorms.so" <<'END'
norms of columns = tensor([5.0000, 2.2361, 2.8284], dtype=float64)
the gradient agrees with differences
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
