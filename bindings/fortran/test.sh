#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/fortran/test.sh [bench]: builds the modules and tests them; with "bench" prints what one
# small call costs instead. TG_LIBRARY is the built libtapegrad.so.0, TG_API_JSON its api.json.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
bash "$root/scripts/require" gfortran python3
export TG_LIBRARY=${TG_LIBRARY:-$root/build/release/libtapegrad.so.0}
export TG_API_JSON=${TG_API_JSON:-$root/api/api.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=f2018 -Wall -Wextra -pedantic -Werror -Wno-compare-reals
  -Wno-function-elimination -O1 -g)

# Modules in their order; tests link what `make.sh` leaves.
bash make.sh "$work" "${flags[@]}"
build() { # name, source, library, flags...: a test program
  gfortran "${flags[@]}" -J "$work" "${@:4}" "$2" "$work"/*.o -o "$work/$1" "$3" \
    -Wl,-rpath,"$(dirname "$(realpath "$3")")"
}
if [ "${1-}" = bench ]; then
  build bench tests/bench.f90 "$TG_LIBRARY" -O2
  "$work/bench"
  exit
fi

bash ../kit/prepare "$work"
build seed tests/seed.f90 "$TG_LIBRARY" -Wno-integer-division
"$work/seed" | diff - "$work/seed.txt"
echo "seed: the four examples print the lines of the C programs"
build digits tests/digits.f90 "$TG_LIBRARY"
"$work/digits" "$root/examples/data/digits.csv" | tr A-F a-f | diff - "$work/digits.txt"
echo "digits: the loss of the C program, bit for bit"
build life tests/life.f90 "$TG_LIBRARY"
"$work/life"

sed -n '/^```fortran/,/^```$/p' README.md | grep -v '^```' >"$work/first.f90"
build first "$work/first.f90" "$TG_LIBRARY"
"$work/first" | diff - <(printf 'tensor([2., 4., 6.])\n F\n')
echo "readme: prints what it says"

gfortran "${flags[@]}" -J "$work" -c tests/kit_checks.f90 -o "$work/kit_checks.o"
python3 -B ../generate/fortran_kit.py "$TG_API_JSON" ../kit/kit.json "$work/kit.f90"
build kit "$work/kit.f90" "$TG_LIBRARY" -O0 -ffree-line-length-none -Wno-unused
mkdir "$work/files"
echo "kit: $("$work/kit" "$work/files")"
python3 -B ../generate/fortran_kit.py "$TG_API_JSON" - "$work/invented.f90"
build invented_status "$work/invented.f90" "$work/invented/libtapegrad.so.0" -O0 \
  -ffree-line-length-none -Wno-unused
echo "invented status: $("$work/invented_status")"
build invented_type tests/invented.f90 "$work/invented/libtapegrad.so.0"
"$work/invented_type"
