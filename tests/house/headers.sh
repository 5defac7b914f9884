#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The public headers keep their promises: languages that must take them, what they include and
# define, and a complete comment above each function, in the grammar that the header states.
#
# Usage: headers.sh SOURCE_ROOT   (CC, CXX and LUAJIT choose other programs). Exit 0 or 1.
set -u
export LC_ALL=C.UTF-8

root=${1:?usage: headers.sh SOURCE_ROOT}
include=$root/include
header=$include/tapegrad/tapegrad.h
cpp_header=$include/tapegrad/tapegrad.hpp
contract=$root/tests/house/contract
cc=${CC:-gcc}
cxx=${CXX:-g++}
luajit=${LUAJIT:-luajit}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME COMMAND...: prints NAME and what the command said where it fails.
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

# ---- languages ----

cat >"$work/twice.c" <<'END'
#include <tapegrad/tapegrad.h>
#include <tapegrad/tapegrad.h>
tg_status (*address)(tg_tensor, tg_tensor, tg_tensor *) = tg_mm;
END
cat >"$work/both.cpp" <<'END'
#include <tapegrad/tapegrad.h>
#define TAPEGRAD_OSTREAM
#include <tapegrad/tapegrad.hpp>
namespace tg = tapegrad;
double use(const tg::Tensor& x) {  // instantiates the templates
  const tg::nn::Sequential net(tg::nn::Linear(2, 3), tg::nn::ReLU());
  const tg::Tensor list = tg::tensor({{1, 2}, {3, 4}}) + tg::tensor(std::vector<bool>{true, false});
  const tg::Tensor y = tg::inference_mode([&] { return net(x) * 2 + list; });
  tg::no_grad([&] { y.to_vector<float>(); });
  const tg::InferenceMode guard;
  return tg::from_memory(y.data<const float>(), {2}, [] {}).item() + y.item<int>();
}
END
strict="-Wall -Wextra -Werror -fsyntax-only -I$include"
check "C89" "$cc" -std=c89 -pedantic $strict "$work/twice.c"
check "C99" "$cc" -std=c99 -pedantic $strict "$work/twice.c"
check "C++98" "$cxx" -std=c++98 -pedantic $strict -x c++ "$work/twice.c"
check "C++17, both headers" "$cxx" -std=c++17 -Wpedantic $strict "$work/both.cpp"
check "C++20, both headers" "$cxx" -std=c++20 -Wpedantic $strict "$work/both.cpp"
if [ -d "$contract" ]; then
  check "contract in C89" "$cc" -std=c89 -pedantic $strict "$contract/check.c"
  check "contract in C++98" "$cxx" -std=c++98 -pedantic $strict -x c++ "$contract/check.c"
fi

# ---- LuaJIT: takes the preprocessed header and knows every function of it ----

functions() {  # names of all functions, one a line
  grep -v '^#' "$header" | tr '\n' ' ' | sed 's|/\*|\n/*|g; s|\*/|*/\n|g' | grep -v '^/\*' | tr '\n' ' ' |
    grep -o 'TG_API  *[^;(]*(' | sed 's/ *($//; s/.*[ *]//'
}
functions >"$work/functions"
cat >"$work/ffi.lua" <<'END'
local ffi = require("ffi")
ffi.cdef(assert(io.open(arg[1])):read("*a"))
assert(ffi.sizeof("tg_value") == 16, "tg_value is not 16 bytes")
assert(ffi.sizeof("tg_handle") == 8, "tg_handle is not 8 bytes")
local count = 0
for name in io.lines(arg[2]) do
  -- Nothing is linked here: "undefined symbol" means that the declaration is known.
  local _, said = pcall(function() return ffi.C[name] end)
  assert(not tostring(said):find("missing declaration"), name .. " is not declared for LuaJIT")
  count = count + 1
end
assert(count > 200, "only " .. count .. " functions were found in the header")
END
check "preprocessing" "$cc" -E -P -I"$include" "$header" -o "$work/plain.i"
check "preprocessing, no attributes" \
  "$cc" -E -P -DTG_NO_ATTRIBUTES -I"$include" "$header" -o "$work/bare.i"
check "no attribute is left with TG_NO_ATTRIBUTES" \
  bash -c '! grep -n "visibility" "$1"' - "$work/bare.i"
check "LuaJIT's ffi.cdef" "$luajit" "$work/ffi.lua" "$work/plain.i" "$work/functions"
check "LuaJIT's ffi.cdef, no attributes" "$luajit" "$work/ffi.lua" "$work/bare.i" "$work/functions"

# ---- what the C header brings into a program ----

only_includes() {
  grep -n '^[[:space:]]*#[[:space:]]*include' "$header" |
    grep -v '#include <stddef.h>$' | grep -v '#include <stdint.h>$'
  [ $? -eq 1 ]
}
only_macros() {
  printf '#include <stddef.h>\n#include <stdint.h>\n' >"$work/base.c"
  printf '#include <tapegrad/tapegrad.h>\n' >"$work/with.c"
  "$cc" -dM -E "$work/base.c" | sort >"$work/base.macros" || return 1
  "$cc" -dM -E -I"$include" "$work/with.c" | sort >"$work/with.macros" || return 1
  comm -13 "$work/base.macros" "$work/with.macros" >"$work/new.macros"
  [ -s "$work/new.macros" ] || { echo "no macro was found: the check is broken"; return 1; }
  # The guard, the export mark, and what says its own line; a macro with parameters would hide a
  # call.
  ! grep -vE '^#define (TAPEGRAD_TAPEGRAD_H|TG_API|TG_SITE\(\))( |$)' "$work/new.macros"
}
only_names() {
  ! grep -vE '^tg_[a-z0-9_]+$' "$work/functions"
}
no_repeats() {
  local repeated
  repeated=$(sort "$work/functions" | uniq -d)
  [ -z "$repeated" ] || { echo "declared twice: $repeated"; return 1; }
}
short_lines() {
  ! awk 'length($0) > 100 { print FILENAME ":" FNR ": " length($0) " columns"; bad = 1 }
         END { exit !bad }' "$header" "$cpp_header"
}
reached_from_cpp() {
  local name missing=0
  while read -r name; do
    grep -qw -- "$name" "$cpp_header" || { echo "$name is not used in tapegrad.hpp"; missing=1; }
  done <"$work/functions"
  return $missing
}
check "only stddef.h and stdint.h are included" only_includes
check "only its own macros are defined" only_macros
check "functions begin with tg_" only_names
check "no function is declared twice" no_repeats
check "lines of at most 100 columns" short_lines
check "the C++ header reaches every function" reached_from_cpp

# ---- the comments ----

# One comment directly above each function: text, then @param for each parameter in order, the
# operators' fields, @return where a value is returned, @errors, @threads, @blocks, @since.
documented() {
  awk '
    function fail(what) { print name ": " what; bad = 1 }
    # Splits "CODE: when; CODE: when" and looks at codes and their order.
    function errors(list,    count, entries, i, at, code, last) {
      if (list == "none") return
      count = split(list, entries, /; TG_ERROR_/)
      last = 0
      for (i = 1; i <= count; ++i) {
        at = index(entries[i], ": ")
        code = at ? substr(entries[i], 1, at - 1) : entries[i]
        sub(/^TG_ERROR_/, "", code)
        if (!at || length(entries[i]) < at + 2) fail("@errors: no condition for " code)
        if (!(code in number)) fail("@errors: no such code TG_ERROR_" code)
        else if (number[code] <= last) fail("@errors: TG_ERROR_" code " is out of order")
        else last = number[code]
      }
    }
    function examine(declaration, comment,    head, list, i, count, words, lines, n, field, text,
                     stage, kind, known, parameters, types, star, wanted) {
      head = declaration
      sub(/\(.*/, "", head)
      name = head
      sub(/.*[ *]/, "", name)
      kind = substr(head, 1, length(head) - length(name))
      sub(/^TG_API */, "", kind)
      sub(/ *$/, "", kind)
      ++functions
      list = declaration
      sub(/^[^(]*\(/, "", list)
      sub(/\).*$/, "", list)
      count = list == "void" ? 0 : split(list, parameters, / *, */)
      for (i = 1; i <= count; ++i) {
        types[i] = parameters[i]
        sub(/.*[ *]/, "", parameters[i])
        types[i] = substr(types[i], 1, length(types[i]) - length(parameters[i]))
      }
      if (comment == "") { fail("no comment directly above"); return }

      # Fields begin with "@"; the rest are continuations.
      n = split(comment, lines, /\n/)
      field = "text"
      text = lines[1]
      wanted = 1
      stage = 0
      seen_return = seen_errors = seen_threads = seen_blocks = seen_since = 0
      for (i = 2; i <= n + 1; ++i) {
        if (i <= n && substr(lines[i], 1, 1) != "@") { text = text " " lines[i]; continue }
        gsub(/  */, " ", text)
        sub(/ $/, "", text)
        if (field == "text") {
          if (length(text) < 5) fail("no sentence says what it does")
          if (text !~ /[.:;)]$/) fail("the text does not end as a sentence")
        } else if (field == "param") {
          split(text, words, / /)
          if (stage > 1) fail("@param " words[1] " comes too late")
          stage = 1
          if (words[1] != parameters[wanted]) {
            fail("@param " words[1] " where " parameters[wanted] " is expected")
          } else {
            if (length(text) <= length(words[1]) + 2) fail("@param " words[1] " says nothing")
            if (types[wanted] ~ /tg_(handle|tensor|module|optimizer|generator|dict|node|object)/ ||
                types[wanted] ~ /tg_scope/) {
              star = types[wanted] ~ /\*/ && types[wanted] !~ /const/
              if (text !~ /(borrowed|new|consumed)/ && text !~ /not a new handle/)
                fail("@param " words[1] ": borrowed, new or consumed?")
              if (star && text !~ /new/) fail("@param " words[1] " gives a handle: new?")
              if (!star && text ~ /, new([ :,;]|$)/) fail("@param " words[1] " takes a handle: new?")
            }
          }
          ++wanted
        } else if (field ~ /^(shape|dtypes|gradient|saved)$/) {
          if (stage > 2) fail("@" field " comes too late")
          stage = 2
        } else if (field == "return") {
          if (stage > 3) fail("@return comes too late")
          stage = 3
          seen_return = 1
        } else if (field == "errors") {
          if (stage > 4) fail("@errors comes too late")
          stage = 4
          seen_errors = 1
          errors(text)
        } else if (field == "threads") {
          if (stage > 5) fail("@threads comes too late")
          stage = 5
          seen_threads = 1
          if (text !~ /^(any|this) thread/) fail("@threads: any thread or this thread?")
        } else if (field == "blocks") {
          if (stage > 6) fail("@blocks comes too late")
          stage = 6
          seen_blocks = 1
        } else if (field == "since") {
          seen_since = 1
          stage = 7
          if (text !~ /^[0-9]+\.[0-9]+\.[0-9]+$/) fail("@since: " text " is no version")
        } else {
          fail("unknown field @" field)
        }
        if (field != "text" && text == "") fail("@" field " is empty")
        if (i <= n) {
          text = lines[i]
          field = text
          sub(/^@/, "", field)
          sub(/ .*/, "", field)
          if (index(text, " ")) sub(/^@[a-z]* */, "", text)
          else text = ""
        }
      }
      if (wanted <= count) fail("@param " parameters[wanted] " is missing")
      if (!seen_errors) fail("@errors is missing")
      if (!seen_threads) fail("@threads is missing")
      if (!seen_blocks) fail("@blocks is missing")
      if (!seen_since) fail("@since is missing")
      if (kind != "tg_status" && kind != "void" && !seen_return) fail("@return is missing")
    }
    BEGIN {
      split("INVALID_ARGUMENT INVALID_HANDLE SHAPE DTYPE INDEX MODE AUTOGRAD VERSION " \
            "OUT_OF_MEMORY LIMIT FORMAT IO NOT_FOUND UNSUPPORTED CALLBACK CANCELLED INTERNAL " \
            "TIMEOUT PEER", codes, / /)
      for (i in codes) number[codes[i]] = i + 0
    }
    in_comment || /^\/\*\* / {
      line = $0
      if (!in_comment) { comment = ""; in_comment = 1; sub(/^\/\*\* */, "", line) }
      ends = line ~ /\*\/$/
      sub(/ *\*\/$/, "", line)
      sub(/^ \* */, "", line)
      comment = comment == "" ? line : comment "\n" line
      if (ends) in_comment = 0
      next
    }
    in_declaration || /TG_API/ {
      if ($0 ~ /^#/) { comment = ""; next }
      if ($0 ~ /^ \*/) next  # prose that names the mark
      declaration = in_declaration ? declaration " " $0 : $0
      in_declaration = $0 !~ /;/
      if (!in_declaration) {
        gsub(/  */, " ", declaration)
        examine(declaration, comment)
        comment = ""
      }
      next
    }
    { comment = "" }
    END {
      name = "tapegrad.h"
      if (functions != expected) fail(functions " functions were read, " expected " stand there")
      exit bad
    }' expected="$(wc -l <"$work/functions")" "$header"
}
check "each function has its comment" documented

exit $failed
