#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# api.json says what the header and the library are: it is what scripts/api makes of the header, its
# names are those that the library exports, its numbers and types compile against the header, the
# manual pages and the reference made of it have no fault. Each of these checks is seen to fail.
#
# Usage: api.sh SOURCE_ROOT, with TG_SHARED the library. Exit 0 or 1.
set -u
export LC_ALL=C.UTF-8
root=${1:?usage: api.sh SOURCE_ROOT}
header=$root/include/tapegrad/tapegrad.h
api=$root/api/api.json
cc=${CC:-gcc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME COMMAND...: prints NAME, and what the command said where it fails.
check() {
  local name=$1
  shift
  if "$@" >"$work/said" 2>&1; then
    echo "ok      $name"
  else
    failed=1
    echo "FAILED  $name"
    sed 's/^/          /' "$work/said" | head -n 40
  fi
}
# fails WORDS COMMAND...: the command fails and says these words.
fails() {
  local words=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "it passes"
    return 1
  fi
  grep -qF -- "$words" "$work/output" || {
    echo "expected: $words"
    cat "$work/output"
    return 1
  }
}
for tool in doxygen mandoc python3 nm readelf; do
  command -v "$tool" >/dev/null || {
    echo "api: $tool is missing"
    exit 1
  }
done
make() { bash "$root/scripts/api" make --header "$1" --into "$2"; }

# ---- what is committed is what the header says ----

same() { # one changed byte is found, too
  make "$header" "$work/new" || return 1
  diff -u "$api" "$work/new/api/api.json" || return 1
  diff -ru "$root/docs/reference" "$work/new/docs/reference" || return 1
}
check "api.json and docs/reference are those of the header: run scripts/api" same
changed() {
  mkdir -p "$work/changed"
  sed '0,/The sum, elementwise/s//The total, elementwise/' "$header" >"$work/changed/tapegrad.h"
  make "$work/changed/tapegrad.h" "$work/changed" || return 1
  ! cmp -s "$api" "$work/changed/api/api.json" &&
    ! cmp -s "$root/docs/reference/operators-elementwise.md" \
      "$work/changed/docs/reference/operators-elementwise.md"
}
check "one changed word of the header changes both" changed

# ---- names ----

library() { # api.json: its names, symbol version and soname are those of the library
  python3 - "$1" >"$work/stated" <<'END' || return 1
import json
import sys
api = json.load(open(sys.argv[1], encoding="utf-8"))
for function in api["functions"]:
    print(f'{function["name"]}@@{api["symbol_version"]}')
print(api["soname"])
END
  {
    nm -D --defined-only --with-symbol-versions "$TG_SHARED" | sed -n 's/^[0-9a-f]* T //p'
    readelf -d "$TG_SHARED" | sed -n 's/.*soname: \[\(.*\)\]/\1/p'
  } | sort >"$work/exported"
  sort "$work/stated" | diff - "$work/exported"
}
check "the library exports what api.json names, under its version and soname" library "$api"
sed 's/"tg_add"/"tg_plus"/' "$api" >"$work/plus.json"
check "another name is found" fails "tg_plus" library "$work/plus.json"

# ---- numbers and types ----

probe() { # api.json
  bash "$root/scripts/api" --api "$1" probe "$work/probe.c" &&
    "$cc" -std=c89 -pedantic -Wall -Wextra -Werror "-I$root/include" "$work/probe.c" \
      -o "$work/probe" "-L$(dirname "$TG_SHARED")" -ltapegrad &&
    LD_LIBRARY_PATH=$(dirname "$TG_SHARED") "$work/probe"
}
check "numbers, sizes, offsets and types compile against the header" probe "$api"
wrong() { # sed program that makes one statement of api.json false, words of the compiler
  sed "$1" "$api" >"$work/wrong.json"
  cmp -s "$api" "$work/wrong.json" && {
    echo "nothing to change: $1"
    return 1
  }
  fails "$2" probe "$work/wrong.json"
}
check "a wrong number is found" \
  wrong 's/"name": "TG_INT8", "value": 5/"name": "TG_INT8", "value": 6/' number_TG_INT8
check "a wrong size is found" \
  wrong '/"name": "tg_frame"/,/"size"/s/"size": 56/"size": 64/' size_tg_frame
check "a wrong offset is found" \
  wrong 's/"c": "tg_forward_fn", "offset": 32/"c": "tg_forward_fn", "offset": 40/' forward
check "a wrong type of a field is found" \
  wrong 's/"name": "number", "c": "double"/"name": "number", "c": "float"/' pointer
check "a wrong parameter of a callback is found" \
  wrong 's/"name": "wanted", "c": "uint64_t"/"name": "wanted", "c": "int64_t"/' tg_pressure_fn
check "a wrong parameter of a function is found" \
  wrong '/"name": "exponent"/,/"c"/s/"c": "double"/"c": "int64_t"/' tg_pow_scalar
check "a wrong result is found" \
  wrong '/"name": "tg_num_threads",/,/"returns"/s/"c": "int32_t"/"c": "int64_t"/' tg_num_threads

# ---- what scripts/api refuses ----

refuses() { # sed program that spoils the header, words of the refusal
  sed "$1" "$header" >"$work/spoiled.h"
  cmp -s "$header" "$work/spoiled.h" && {
    echo "nothing to spoil: $1"
    return 1
  }
  fails "$2" make "$work/spoiled.h" "$work/spoiled"
}
check "refused: an unknown error code" \
  refuses 's/TG_ERROR_DTYPE: both are bool/TG_ERROR_TYPE: both are bool/' \
  "no such code TG_ERROR_TYPE"
check "refused: codes out of order" \
  refuses 's/TG_ERROR_INVALID_HANDLE: one of handles/TG_ERROR_VERSION: one of handles/' "out of order"
check "refused: a field that is missing" \
  refuses '/@blocks no, calls back no/d' "@blocks is missing"
check "refused: a field that is unknown" refuses 's/@threads this thread/@thread this thread/' \
  "unknown field @thread"
check "refused: @blocks in other words" refuses 's/@blocks no, calls back no/@blocks never/' \
  "is not of the form"
check "refused: calls back without blocking" \
  refuses 's/@blocks yes, calls back yes/@blocks no, calls back yes/' "takes as long as"
check "refused: parameters of other names" refuses 's/@param keepdim/@param keep/' \
  "@param names"
check "refused: an array without a length" \
  refuses 's/@param tensors array of count tensors/@param tensors tensors/' \
  "a parameter of type 'const tg_tensor *'"
check "refused: an array with a length that is not there" \
  refuses 's/array of count tensors, borrowed$/array of number tensors, borrowed/' \
  "no parameter number counts it"
check "refused: a count that no array names" \
  refuses 's/outs array of capacity views of x, new; NULL with capacity 0/outs view of x, new; it/' \
  "capacity counts no array"
check "refused: a handle that nobody owns" \
  refuses 's/@param optimizer optimizer, borrowed$/@param optimizer optimizer/' \
  "borrowed or consumed?"
check "refused: two owners" \
  refuses 's/@param out dictionary, new/@param out dictionary, new, consumed/' \
  "two words say who owns it"
check "refused: a result that may be NULL and may not" \
  refuses 's/@param out generator at offset 0, new/&; may be NULL/' "@errors says that it may not"
check "refused: a result that may neither be NULL nor is refused" \
  refuses 's/@param total_norm the norm before clipping; may be NULL/@param total_norm the norm/' \
  "may not be NULL, and @errors does not say so"
check "refused: NULL in other words" \
  refuses 's/@param value text, copied; NULL: takes/@param value text, copied; with NULL it takes/' \
  "NULL in a form that is not known"
check "refused: a handle that @errors does not name" \
  refuses 's/TG_ERROR_INVALID_HANDLE: module, x;/TG_ERROR_INVALID_HANDLE: module;/' \
  "TG_ERROR_INVALID_HANDLE does not name x"
check "refused: a name that is not there" \
  refuses 's/tg_nll_loss of tg_log_softmax/tg_loss of tg_log_softmax/' \
  "the comment names tg_loss, which is not there"
check "refused: an address without its life" \
  refuses 's/the payload, valid while the object lives/the payload/' "gives an address"
check "refused: a constant that nothing explains" \
  refuses 's/TG_INT8 = 5, .*/TG_INT8 = 5,/' "TG_INT8: nothing beside it says what it is"
check "refused: a group without a name" refuses 's,/\* reduction: of losses \*/,/* of losses */,' \
  "names no group"

# ---- manual pages ----

manual() { # folder
  [ "$(find "$1" -name 'tg_*.3' | wc -l)" = "$(grep -c '^TG_API ' "$header")" ] || return 1
  mandoc -Tlint -W warning "$1"/*.3
}
bash "$root/scripts/api" man "$work/man" || failed=1
check "a manual page for each function, without a fault" manual "$work/man"
references() {
  grep -ho '^\.Xr [a-z0-9_]* 3' "$1"/*.3 | cut -d' ' -f2 | sort -u |
    while read -r name; do [ -f "$1/$name.3" ] || echo "no page $name"; done >"$work/lost"
  cat "$work/lost"
  [ ! -s "$work/lost" ]
}
check "manual pages refer to pages that are there" references "$work/man"
cp -r "$work/man" "$work/bad" && sed -i 's/^\.Sh DESCRIPTION/.Sh/; s/^\.El//' "$work/bad/tg_add.3"
check "a fault of a page is found" fails "tg_add.3" manual "$work/bad"
rm "$work/man/tg_add.3"
check "a lost page is found" fails "no page tg_add" references "$work/man"

# ---- links of the reference ----

links() { # folder
  python3 - "$1" <<'END'
import pathlib
import re
import sys
folder = pathlib.Path(sys.argv[1])
pages = {page.name: page.read_text(encoding="utf-8") for page in folder.glob("*.md")}
# A heading's anchor: lower case, blanks as hyphens, most signs dropped.
anchors = {name: {re.sub(r"[^a-z0-9_ -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                  for line in text.split("\n") if line.startswith("#")}
           for name, text in pages.items()}
lost, seen = [], 0
for name, text in pages.items():
    for target, anchor in re.findall(r"\]\(([a-z-]+\.md)(?:#([^)]*))?\)", text):
        seen += 1
        if target not in pages or (anchor and anchor not in anchors[target]):
            lost.append(f"{name}: no {target}#{anchor}")
print("\n".join(lost))
sys.exit(1 if lost or seen < 500 else 0)
END
}
check "links of the reference lead to what is there" links "$root/docs/reference"
cp -r "$root/docs/reference" "$work/pages" && sed -i 's/^## tg_mul$/## tg_times/' "$work"/pages/*.md
check "a lost link is found" fails "no operators-elementwise.md#tg_mul" links "$work/pages"

exit $failed
