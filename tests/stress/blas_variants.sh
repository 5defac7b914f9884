#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the programs of this folder on every BLAS of Debian that tapegrad may meet, and once more on
# those libraries without tapegrad, where the same load must show the harm it does (else the tests
# would prove nothing on this processor). The libraries are unpacked, not installed.
#
#   blas_variants.sh CACHE PROGRAMS [quick]
#
# CACHE: a folder for the packages; PROGRAMS: where test_stress_* lie. quick: each program once on
# the pthread build, the rest on wrong_numbers alone.
set -u
cache=${1:?a folder for the packages}
programs=${2:?the folder with the programs test_stress_*}
quick=${3:-}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
programs=$(cd "$programs" && pwd)
unset OPENBLAS_CORETYPE OPENBLAS_NUM_THREADS OMP_NUM_THREADS TG_BLAS

unpack() {  # package: unpacked into $cache/package
  [ -d "$cache/$1" ] && return 0
  (cd "$cache" && apt-get download "$1" >/dev/null && dpkg -x "$1"_*.deb "$1.part" &&
    mv "$1.part" "$1") || { echo "cannot get $1" >&2; exit 2; }
}

find_library() {  # package soname
  find "$cache/$1" -name "$2" | head -n 1
}

declare -A library
for package in libopenblas0-pthread libopenblas0-serial libopenblas0-openmp; do
  unpack $package
  library[$package]=$(find_library $package libopenblas.so.0)
done
for package in libblis4-pthread libblis4-serial libblis4-openmp; do
  unpack $package
  library[$package]=$(find_library $package 'libblas.so.3')
done
unpack libblas3
library[libblas3]=$(find_library libblas3 libblas.so.3)
library[none]=none

failed=0
run() {  # text, then the command
  local text=$1
  shift
  local begin=$SECONDS
  if timeout 900 env "$@" >"$cache/output" 2>&1; then
    echo "ok    $text ($((SECONDS - begin)) s)"
  else
    echo "FAIL  $text"
    tail -n 20 "$cache/output" | cut -c 1-400
    failed=1
  fi
}

everything="lazy settings address_space address_growth same_bits many_callers fork clash wrong_numbers"
for package in libopenblas0-pthread libopenblas0-serial libopenblas0-openmp libblis4-pthread \
  libblis4-serial libblis4-openmp libblas3 none; do
  list=$everything
  if [ -n "$quick" ] && [ $package != libopenblas0-pthread ]; then list=wrong_numbers; fi
  for program in $list; do
    run "$program $package" TG_BLAS="${library[$package]}" "$programs/test_stress_$program"
  done
  case $package in libopenblas0-*)
    for program in wrong_numbers same_bits settings; do
      if [ -n "$quick" ] && [ $program != wrong_numbers ]; then continue; fi
      run "$program $package Haswell" OPENBLAS_CORETYPE=Haswell TG_BLAS="${library[$package]}" \
        "$programs/test_stress_$program"
    done ;;
  esac
done
run "bad_blas" "$programs/test_stress_bad_blas"

# The other side: without tapegrad the harm is done, in at least one of five runs.
bites() {  # text, then environment and command
  local text=$1 i
  shift
  for i in 1 2 3 4 5; do
    if ! timeout 120 env "$@" >"$cache/output" 2>&1; then
      echo "bites $text (run $i)"
      return
    fi
  done
  echo "HARMLESS $text: nothing happened in five runs"
  failed=1
}
P=TG_BLAS=${library[libopenblas0-pthread]}
S=TG_BLAS=${library[libopenblas0-serial]}
O=TG_BLAS=${library[libopenblas0-openmp]}
H=OPENBLAS_CORETYPE=Haswell
at=$programs/test_stress_
# So many callers that the harm does not hang on what else the machine does.
bites "serial, wrong numbers at n = 48 (AVX2 kernels)" "$S" $H "${at}wrong_numbers" bare 48 64
bites "serial, wrong numbers at n = 200" "$S" "${at}wrong_numbers" bare 200 128
bites "pthread, 300 callers crash" "$P" "${at}many_callers" bare 300
bites "pthread, address space" "$P" "${at}address_space" bare
bites "serial, address space" "$S" "${at}address_space" bare
bites "openmp, address space" "$O" "${at}address_space" bare
bites "pthread, 50 callers' address space grows" "$P" "${at}address_growth" bare 50
bites "pthread, children hang" "$P" OPENBLAS_NUM_THREADS=2 "${at}fork" bare
bites "openmp, children hang" "$O" OMP_NUM_THREADS=2 "${at}fork" bare
bites "openmp, the host's OpenMP count changes" "$O" "${at}settings" bare
bites "pthread, bits differ by thread count (AVX2 kernels)" "$P" $H "${at}same_bits" bare 512
bites "pthread, a thread starts in dlopen" "$P" OPENBLAS_NUM_THREADS=2 "${at}lazy" bare

[ $failed = 0 ] && echo "all is well"
exit $failed
