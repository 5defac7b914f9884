#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/javascript/test.sh [bench]: makes what is generated and runs the tests of the JavaScript
# binding; with "bench" prints what one small call costs instead. The tests run under the Node
# that is there and under those that NODES names: 24.9.0, which parses `using`, where it is not given;
# 18.20.8 is the oldest promised. They are fetched once, into build/.
# TG_LIBRARY is the built libtapegrad.so.0; TG_API_JSON is api/api.json where it is not given.
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$root/bindings/javascript
: "${TG_LIBRARY:=$root/build/release/libtapegrad.so.0}" "${TG_API_JSON:=$root/api/api.json}"
export TG_LIBRARY TG_API_JSON
if ! command -v npm >/dev/null; then bash "$root/scripts/require" nodejs npm; fi
bash "$root/scripts/require" python3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -B "$root/bindings/generate/javascript.py" "$TG_API_JSON" "$here/generated.js"
(cd "$here" && npm ci --no-audit --no-fund --loglevel=error >&2)
if [ "${1-}" = bench ]; then
  node "$here/tests/bench.js"
  exit
fi
bash "$root/bindings/kit/prepare" "$work"

all() { # the Node to run
  "$1" "$here/tests/seed.js" | diff "$work/seed.txt" -
  echo "the seed's examples print what they print in C"
  "$1" "$here/tests/behaviour.js"
  "$1" "$here/tests/workers.js"
  "$1" "$here/tests/kit.js" "$root/bindings/kit/kit.json" "$work"
  TG_LIBRARY=$work/invented/libtapegrad.so.0 "$1" "$here/tests/invented.js"
}
all node
node "$here/tests/digits.js" "$root/examples/data/digits.csv" | diff "$work/digits.txt" -
echo "the digits come to the loss that they have in C, bit for bit"
node "$here/tests/collector.js"

case $(uname -m) in
  x86_64) machine=x64 ;;
  aarch64) machine=arm64 ;;
  *) exit 0 ;; # npm has no Node of these versions for it
esac
for version in ${NODES-24.9.0}; do
  folder=$root/build/node-$version
  other=$folder/node_modules/node-linux-$machine/bin/node
  if [ ! -x "$other" ]; then
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel=error \
      "node-linux-$machine@$version"
  fi
  echo "Node $("$other" --version)"
  all "$other"
done
