#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/fortran/make.sh FOLDER [FLAG...]: the modules and their objects in FOLDER. api.json is
# TG_API_JSON.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"
folder=$1
shift
for module in tapegrad_c tapegrad; do
  python3 -B ../generate/fortran.py "${TG_API_JSON:-../../api/api.json}" "$folder/$module.f90"
done
for source in "$folder/tapegrad_c.f90" tapegrad_tensor.f90 "$folder/tapegrad.f90"; do
  gfortran "$@" -J "$folder" -I "$folder" -c "$source" \
    -o "$folder/$(basename "$source" .f90).o"
done
