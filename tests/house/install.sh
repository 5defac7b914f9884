#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a user of the installed library does: a program outside the tree, linked through pkg-config,
# through find_package, statically by plain -ltapegrad; from any prefix, and under DESTDIR. What
# bindings and readers find: api.json, and manual pages where they were asked for.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset DESTDIR LD_LIBRARY_PATH PKG_CONFIG_PATH
say() { echo "install: $1"; }
fail() {
  echo "install: $1"
  exit 1
}

cat >"$work/stranger.c" <<'END'
#include <stdio.h>
#include <tapegrad/tapegrad.h>
int main(void) {
  const float values[2] = {3, 4};
  const int64_t shape[1] = {2};
  tg_tensor x, y;
  char text[64];
  if (tg_tensor_create(values, TG_FLOAT32, shape, 1, 0, &x) || tg_mul(x, x, &y) ||
      tg_tensor_format(y, text, sizeof text, NULL)) {
    puts(tg_last_error_message());
    return 1;
  }
  puts(text);
  return tg_release(x) || tg_release(y);
}
END
expected='tensor([ 9., 16.])'
runs() { # how it was linked, then the command
  local how=$1 out
  shift
  out=$("$@") || fail "$how: the program ended with $?: $out"
  [ "$out" = "$expected" ] || fail "$how: printed '$out', expected '$expected'"
  say "$how"
}

# A prefix with a space in it finds each forgotten quote; pkg-config escapes it.
prefix="$work/a prefix"
cmake --install "$TG_BUILD_DIR" --prefix "$prefix" >"$work/log" || fail "$(cat "$work/log")"
pc=$(find "$prefix" -name tapegrad.pc)
libdir=$(dirname "$(dirname "$pc")")
[ -f "$libdir/libtapegrad.so" ] && [ -f "$libdir/libtapegrad.a" ] || fail "a library is missing"
[ "$(readlink "$libdir/libtapegrad.so")" = libtapegrad.so.0 ] || fail "libtapegrad.so is no link"
[ "$(readlink "$libdir/libtapegrad.so.0")" = libtapegrad.so.0.1.0 ] || fail "no libtapegrad.so.0.1.0"
for header in tapegrad.h tapegrad.hpp; do
  [ -f "$prefix/include/tapegrad/$header" ] || fail "$header is missing"
done

cmp "$TG_SOURCE_DIR/api/api.json" "$prefix/share/tapegrad/api.json" || fail "api.json"
say "api.json"

# Manual pages are an option of the build; a build of nothing else than them is quickly configured.
cmake -S "$TG_SOURCE_DIR" -B "$work/manual" -G Ninja -DTAPEGRAD_MAN=ON -DBUILD_TESTING=OFF \
  "-DCMAKE_C_COMPILER=$CC" "-DCMAKE_CXX_COMPILER=$CXX" >"$work/log" 2>&1 &&
  cmake --build "$work/manual" --target man >>"$work/log" 2>&1 || fail "manual: $(cat "$work/log")"
cmake --install "$work/manual" --component man --prefix "$work/pages" >"$work/log" ||
  fail "manual: $(cat "$work/log")"
pages=$(find "$work/pages/share/man/man3" -name '*.3' | wc -l)
functions=$(grep -c '^TG_API ' "$prefix/include/tapegrad/tapegrad.h")
[ "$pages" = $((functions + 1)) ] || fail "$pages manual pages for $functions functions"
say "manual pages"

export PKG_CONFIG_PATH="$libdir/pkgconfig"
eval "$CC -std=c89 -pedantic -Wall -Wextra -Werror '$work/stranger.c' -o '$work/by_pkg_config' \
  $(pkg-config --cflags --libs tapegrad)"
runs "pkg-config" env LD_LIBRARY_PATH="$libdir" "$work/by_pkg_config"

# Static: a folder that holds nothing but the archive, and -ltapegrad.
mkdir "$work/static" && cp "$libdir/libtapegrad.a" "$work/static"
eval "$CC '$work/stranger.c' -o '$work/static_c' $(pkg-config --cflags tapegrad) \
  -L'$work/static' -ltapegrad $(sed -n 's/^Libs.private: //p' "$pc")"
runs "static, -ltapegrad" "$work/static_c"
if readelf -d "$work/static_c" | grep -q 'NEEDED.*tapegrad'; then fail "static: links the .so"; fi

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(stranger C CXX)
find_package(tapegrad 0.1 REQUIRED)
add_executable(stranger ../stranger.c)
target_link_libraries(stranger PRIVATE tapegrad::tapegrad)
add_executable(stranger_static ../stranger.c)
target_link_libraries(stranger_static PRIVATE tapegrad::tapegrad_static)
set_target_properties(stranger_static PROPERTIES LINKER_LANGUAGE CXX)
END
cmake -G Ninja -S "$work/project" -B "$work/project/build" "-DCMAKE_PREFIX_PATH=$prefix" >"$work/log" 2>&1 &&
  cmake --build "$work/project/build" >>"$work/log" 2>&1 || fail "find_package: $(cat "$work/log")"
runs "find_package" "$work/project/build/stranger"
runs "find_package, static" "$work/project/build/stranger_static"

DESTDIR="$work/stage" cmake --install "$TG_BUILD_DIR" --prefix /opt/tapegrad >"$work/log" ||
  fail "$(cat "$work/log")"
pc=$(find "$work/stage/opt/tapegrad" -name tapegrad.pc)
grep -qx 'prefix=/opt/tapegrad' "$pc" || fail "DESTDIR: $(head -1 "$pc")"
if grep -rlI "$work" "$work/stage"; then fail "DESTDIR: the stage's path is in an installed file"; fi
[ ! -e /opt/tapegrad ] || fail "DESTDIR: something went past the stage"
say "DESTDIR"
