#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/package/wheel.sh: the wheel of scripts/wheel runs where its name says. auditwheel and abi3audit,
# both from PyPI, find the platform and the limited API that the name tells; an empty environment of each
# Python from 3.10 on (bindings/python/pythons.sh) installs it without an index, prints the page of the
# seed, and has nothing left when it is uninstalled. Needs the network for the two judges.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bash scripts/require binutils python3-venv
say() { printf '== wheel: %s\n' "$1"; }
fail() {
  printf 'wheel: %s\n' "$1"
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH PYTHONDONTWRITEBYTECODE TG_BLAS TG_NUM_THREADS

bash scripts/wheel --into "$work/first" --work "$work/a"
bash scripts/wheel --work "$work/b"
wheel=$(echo dist/tapegrad-*.whl)
cmp "$work"/first/*.whl "$wheel" || fail "made twice, the bytes differ"
say "$wheel: $(stat -c %s "$wheel") bytes, the same when made twice"

say "auditwheel and abi3audit"
/usr/bin/python3 -m venv "$work/judges"
"$work/judges/bin/python" -m pip install -q --disable-pip-version-check auditwheel abi3audit </dev/null
"$work/judges/bin/auditwheel" show "$wheel"
fitting=$("$work/judges/bin/auditwheel" show --json "$wheel" |
  /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["overall_tag"])')
case $fitting:$wheel in
  manylinux_*:*-cp310-abi3-"$fitting".whl) ;;
  *) fail "auditwheel finds $fitting" ;;
esac
"$work/judges/bin/abi3audit" --strict --verbose "$wheel"

bash bindings/python/pythons.sh >"$work/pythons"
[ -s "$work/pythons" ] || fail "found no Python"
while read -r python; do
  rm -rf "$work/empty"
  "$python" -m venv "$work/empty"
  in_it() { (cd "$work" && "$work/empty/bin/python" "$@" </dev/null); }
  in_it -m pip --version >/dev/null # pip compiles itself
  (cd "$work/empty" && find . | LC_ALL=C sort) >"$work/before"
  in_it -m pip install -q --no-index --disable-pip-version-check "$PWD/$wheel"
  in_it "$PWD/bindings/python/tests/test_seed.py" -q 2>"$work/log" || fail "$python: $(cat "$work/log")"
  in_it -m pip uninstall -q -y --disable-pip-version-check tapegrad
  (cd "$work/empty" && find . | LC_ALL=C sort) >"$work/after"
  diff "$work/before" "$work/after" | grep -v '/pip/' | grep '^[<>]' && fail "$python: paths came or went"
  say "installed, printed the page, uninstalled: $(in_it --version), $python"
done <"$work/pythons"
