#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/package/conan.sh: Conan from PyPI, in an environment and a home that are thrown away, makes
# the shared and the static package of packaging/conan, and runs its test_package with each.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bash scripts/require g++ gcc libc6-dev cmake libhwy-dev libffi-dev python3-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'conan>=2,<3' </dev/null
export CONAN_HOME=$work/home
conan() { "$work/venv/bin/conan" "$@" </dev/null; }
conan profile detect
# Conan builds test_package where it lies; the tree stays as it is.
cp -R packaging/conan/test_package "$work/test_package"
for shared in True False; do
  conan create packaging/conan --test-folder "$work/test_package" --no-remote \
    -o "tapegrad/*:shared=$shared"
done
