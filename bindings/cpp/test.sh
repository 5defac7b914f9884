#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/cpp/test.sh [bench]: tests include/tapegrad/tapegrad.hpp as the other bindings are; with
# "bench" prints what one small call costs instead. TG_LIBRARY is the built libtapegrad.so.0.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
bash "$root/scripts/require" g++ python3
export TG_LIBRARY=${TG_LIBRARY:-$root/build/release/libtapegrad.so.0}
export TG_API_JSON=${TG_API_JSON:-$root/api/api.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build() { # name, source, library
  g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -pthread -I "$root/include" "tests/$2" \
    -o "$work/$1" "$3" -Wl,-rpath,"$(dirname "$(realpath "$3")")"
}
build life life.cpp "$TG_LIBRARY"
if [ "${1-}" = bench ]; then
  "$work/life" bench
  exit
fi
bash ../kit/prepare "$work"
build seed seed.cpp "$TG_LIBRARY"
"$work/seed" | diff - "$work/seed.txt"
echo "seed: the four examples print the lines of the C programs"
build digits digits.cpp "$TG_LIBRARY"
"$work/digits" "$root/examples/data/digits.csv" | diff - "$work/digits.txt"
echo "digits: the loss of the C program, bit for bit"
"$work/life"
build kit kit.cpp "$TG_LIBRARY"
mkdir "$work/files"
"$work/kit" ../kit/kit.json "$work/files"
build invented_status life.cpp "$work/invented/libtapegrad.so.0"
"$work/invented_status" invented
