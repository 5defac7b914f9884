#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/perl/test.sh [bench]: makes Tapegrad.pm and tests it; with "bench" prints what one small
# call costs instead. TG_LIBRARY is the built libtapegrad.so.0, TG_API_JSON its api.json.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
bash "$root/scripts/require" perl libffi-platypus-perl python3
export TG_LIBRARY=${TG_LIBRARY:-$root/build/release/libtapegrad.so.0}
export TG_API_JSON=${TG_API_JSON:-$root/api/api.json}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "$(wc -l <../generate/perl.py)" -gt 200 ]; then
  echo "bindings/generate/perl.py is to have at most 200 lines" >&2
  exit 1
fi
python3 -B ../generate/perl.py "$TG_API_JSON" "$work/Tapegrad.pm"
export PERL5LIB=$work
if [ "${1-}" = bench ]; then
  perl bench.pl
  exit
fi
fence() { sed -n "/^\`\`\`$1/,/^\`\`\`$/p" README.md | grep -v '^```'; }
perl <(fence perl) | diff - <(fence text)
bash ../kit/prepare "$work"
mkdir "$work/files"
KIT_FOLDER=$work KIT_FILES=$work/files prove t/seed.t t/life.t t/kit.t
TG_INVENTED=1 TG_LIBRARY=$work/invented/libtapegrad.so.0 prove t/invented.t
