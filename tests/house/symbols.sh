#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library from outside: what it exports, what it asks of others, how it is laid out.
# TG_SHARED, TG_STATIC: the libraries.
set -u
export LC_ALL=C
failed=0
fail() { # what is wrong, then the lines that show it
  printf 'symbols: %s\n%s\n' "$1" "$2"
  failed=1
}
none() { # what is wrong, lines: fails where there are any
  [ -z "$2" ] || fail "$1" "$2"
}

exported=$(nm -D --defined-only --with-symbol-versions "$TG_SHARED")
none "exported, but no tg_ function of version TAPEGRAD_0" \
  "$(grep -vE ' T tg_[a-z0-9_]+@@TAPEGRAD_0$| A TAPEGRAD_0(@@TAPEGRAD_0)?$' <<<"$exported")"
[ "$(grep -c ' T tg_' <<<"$exported")" -ge 200 ] || fail "too few functions" "$exported"

undefined=$(nm -D --undefined-only "$TG_SHARED" | awk '{ sub(/@.*/, "", $2); print $2 }')
# Ends the process, prints, reads text by the locale, touches what is the host's.
forbidden='abort|_?exit|_Exit|quick_exit|atexit|at_quick_exit|__cxa_atexit|__assert_fail'
forbidden+='|(__)?v?[fsd]?n?printf(_chk)?|(__)?v?asprintf(_chk)?|f?put(s|c|char)|fwrite|perror|psignal'
forbidden+='|v?syslog|ato[fil]|strto(d|f|ld)(_l)?|setlocale|uselocale|localeconv|signal|sigaction'
forbidden+='|sigprocmask|getenv|setenv|putenv|system|popen|fork|vfork|pthread_atfork'
# Closures of libffi need pages that are writable and executable.
forbidden+='|ffi_closure_alloc|ffi_prep_closure(_loc)?'
forbidden+='|__register_atfork|feset(round|env|exceptflag)|s?rand(om)?|rand_r'
none "asks for what a library must leave alone" "$(grep -xE "$forbidden" <<<"$undefined")"
none "uses iostreams or locales of C++" \
  "$(grep -E '^_ZSt(3cin|4cout|4cerr|4clog)|ios_base4Init|St6locale' <<<"$undefined")"
none "names BLAS or LAPACK symbols: they are found when first needed" \
  "$(grep -E '^(cblas_|openblas_|[sdcz]gem[mv]_)' <<<"$undefined")"

needed=$(readelf -dW "$TG_SHARED" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
none "links more than libc, libm, libffi and the compiler's own libraries" \
  "$(grep -vxE 'lib(c|m)\.so\.6|libffi\.so\.[0-9]+|libstdc\+\+\.so\.6|libgcc_s\.so\.1|ld-linux.*' <<<"$needed")"
soname=$(readelf -dW "$TG_SHARED" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$soname" = libtapegrad.so.0 ] || fail "SONAME" "$soname"

none "symbols that are unique in the process keep the library mapped" \
  "$(nm -a "$TG_SHARED" 2>/dev/null | awk '$2 == "u"')"

sections=$(readelf -SW "$TG_SHARED" | sed 's/^ *\[ *[0-9]*\] *//')
size_of() { # section: its bytes, 0 where there is none
  local hexadecimal
  hexadecimal=$(awk -v name="$1" '$1 == name { print $5 }' <<<"$sections")
  echo $((16#${hexadecimal:-0}))
}
[ "$(size_of .init_array)" = 8 ] || fail "constructors beside the compiler's own" \
  "$(size_of .init_array) bytes"
# Destructors are the compiler's own and those marked in the sources, which end the pool and give memory back.
own=$(grep -rc 'gnu::destructor' "$TG_SOURCE_DIR/src" "$TG_SOURCE_DIR/capi" --include='*.cpp' |
  awk -F: '{ n += $2 } END { print n }')
[ "$(size_of .fini_array)" -le $((8 + 8 * own)) ] || fail "destructors that the sources do not mark" \
  "$(size_of .fini_array) bytes"
none "old-style constructors" "$(grep -E '^\.(ctors|dtors|preinit_array) ' <<<"$sections")"

segments=$(readelf -lW "$TG_SHARED")
tls=$(awk '$1 == "TLS" { print $6 }' <<<"$segments") # of the TLS segment; none: no line
[ $((tls)) -lt 64 ] || fail "thread-local bytes" "$((tls))"
grep -q 'GNU_RELRO' <<<"$segments" || fail "no RELRO" ""
none "an executable stack" "$(awk '$1 == "GNU_STACK" && /E/' <<<"$segments")"
dynamic=$(readelf -dW "$TG_SHARED")
grep -qE 'BIND_NOW|FLAGS.*NOW' <<<"$dynamic" || fail "symbols are not bound at load" ""
none "relocations in the code" "$(grep TEXTREL <<<"$dynamic")"
grep -q 'STATIC_TLS' <<<"$dynamic" || fail "thread-locals are not initial-exec" ""

# In the static library only tg_ names and mangled names may meet a host's.
none "names of the static library that could clash with a host's" \
  "$(nm --defined-only -g "$TG_STATIC" 2>/dev/null |
    awk 'NF == 3 && $2 ~ /[A-Z]/ && $3 !~ /^(tg_|_Z)/ && $3 !~ /^DW\.ref\./')"

stripped=$(mktemp)
strip -o "$stripped" "$TG_SHARED"
bytes=$(stat -c %s "$stripped")
rm -f "$stripped"
[ "$bytes" -lt 3000000 ] || fail "the stripped library has 3 MB or more" "$bytes"

[ "$failed" = 0 ] && echo "symbols: $(grep -c ' T ' <<<"$exported") functions, $bytes bytes stripped"
exit "$failed"
