#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/python/test.sh [bench]: installs what the tests need, builds the wheel, and tests it: with
# Debian's Python all tests, in an empty environment of each Python from 3.10 on that is found the
# page of the seed, tensors and modes. With "bench" it prints what one small call costs instead, also
# by PyTorch and numpy where Debian's Python has them. TG_LIBRARY and TG_API_JSON name the library and
# its description.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
bash "$root/scripts/require" gcc libc6-dev binutils python3-dev python3-venv python3-numpy mypy
library=${TG_LIBRARY:-$root/build/release/libtapegrad.so.0}
description=${TG_API_JSON:-$root/api/api.json}
python=/usr/bin/python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH TG_BLAS TG_NUM_THREADS

if [ "${1-}" = bench ]; then
  "$python" "$here/build.py" --library "$library" --api "$description" --bundle \
    --work "$root/build/python-bench" --into "$work"
  for name in tapegrad torch numpy; do
    if PYTHONPATH=$work "$python" -c "import $name" 2>/dev/null; then
      OMP_NUM_THREADS=1 PYTHONPATH=$work "$python" "$here/tests/bench.py" "$name"
    fi
  done
  exit
fi

"$python" "$here/wheel.py" --library "$library" --api "$description" --into "$work/dist"
wheel=$(echo "$work"/dist/tapegrad-*-cp310-abi3-*.whl)

(cd "$work" && mkdir site && "$python" -m zipfile -e "$wheel" site)

# tests/package/wheel.sh lets each Python's own pip install it, which takes longer.
echo "-- an empty environment of each Python"
for candidate in $(bash "$here/pythons.sh"); do
  rm -rf "$work/empty"
  "$candidate" -m venv --without-pip "$work/empty"
  for tests in test_seed test_tensor test_modes; do
    (cd "$work" && PYTHONPATH=$work/site "$work/empty/bin/python" "$here/tests/$tests.py" -q)
  done
  echo "ok: $("$work/empty/bin/python" --version), $candidate"
done

echo "-- installed by pip, which asks nobody"
"$python" -m venv "$work/debian"
pip() { "$work/debian/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
pip --no-index "$wheel"
(cd "$work" && "$work/debian/bin/python" "$here/tests/test_seed.py" -q)

# What the limited API of 3.10 does not have; the program comes from the package index.
echo "-- the extension by abi3audit"
if pip abi3audit 2>"$work/pip.log"; then
  "$work/debian/bin/abi3audit" --strict "$wheel"
else
  tail -n 1 "$work/pip.log"
  echo "abi3audit could not be had: not run"
fi

echo "-- all tests"
TG_LIBRARY=$library TG_API_JSON=$description PYTHONPATH=$work/site \
  "$python" -W error::ResourceWarning -m unittest discover -s "$here/tests" -t "$here/tests"
