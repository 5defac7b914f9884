#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/lua/test.sh [bench]: makes what is generated and runs the tests of the Lua binding; with
# "bench" prints what one small call costs instead.
# TG_LIBRARY is the built libtapegrad.so.0; TG_API_JSON is api/api.json where it is not given.
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/bindings/lua
: "${TG_LIBRARY:=$root/build/release/libtapegrad.so.0}" "${TG_API_JSON:=$root/api/api.json}"
export TG_LIBRARY TG_API_JSON
bash "$root/scripts/require" luajit python3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -B "$root/bindings/generate/lua.py" "$root/include/tapegrad/tapegrad.h" "$TG_API_JSON" \
  "$here/tapegrad/generated.lua"
export LUA_PATH="$here/?/init.lua;$here/?.lua;$here/tests/?.lua;;"
if [ "${1-}" = bench ]; then
  luajit "$here/tests/bench.lua"
  exit
fi

bash "$root/bindings/kit/prepare" "$work"
luajit "$here/tests/seed.lua" | diff "$work/seed.txt" -
echo "the seed's examples print what they print in C"
luajit "$here/tests/digits.lua" "$root/examples/data/digits.csv" | diff "$work/digits.txt" -
echo "the digits come to the loss that they have in C, bit for bit"
luajit "$here/tests/behaviour.lua"
luajit "$here/tests/collector.lua"
luajit "$here/tests/kit.lua" "$root/bindings/kit/kit.json" "$work"
TG_LIBRARY=$work/invented/libtapegrad.so.0 luajit "$here/tests/invented.lua"
