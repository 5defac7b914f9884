#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bindings/python/pythons.sh: prints the path of each CPython from 3.10 on that can make environments,
# one a line and each once: Debian's own, every python3.N of the PATH, and those that pyenv keeps.
set -eu
shopt -s nullglob
{
  echo /usr/bin/python3
  for name in $(compgen -c python3. | grep -xE 'python3\.[1-9][0-9]' | sort -u); do type -ap "$name"; done
  if command -v pyenv >/dev/null; then printf '%s\n' "$(pyenv root)"/versions/*/bin/python3.[1-9][0-9]; fi
} | while read -r candidate; do
  # The python3.N of a version manager may be a name alone, which does not start.
  "$candidate" -c 'import ensurepip, os, sys, venv
print(sys.version_info[1], os.path.realpath(sys.executable)) if sys.implementation.name == "cpython" else None' 2>/dev/null || true
done | sort -u | sort -n | awk '$1 >= 10 { print $2 }'
