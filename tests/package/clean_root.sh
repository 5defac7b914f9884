#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/package/clean_root.sh EARLIER CURRENT: the packages of two folders in a clean root that
# debootstrap makes: the earlier ones are installed, compile and run what debian/tests asks for, are
# upgraded to the current ones, do it again, and are purged; then each file of the root is as before.
# Needs root, the network, and the tree of the sources that it lies in.
set -eu
earlier=$(realpath "$1") current=$(realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bash scripts/require debootstrap
say() { printf '== clean root: %s\n' "$1"; }
fail() {
  printf 'clean root: %s\n' "$1"
  exit 1
}

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root log=$work/log
say "debootstrap $release"
debootstrap --variant=minbase "$release" "$root" >"$log" 2>&1 ||
  fail "$(tail -20 "$log")"
# What apt needs to know to reach an archive from this machine.
apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/90acquire"
cp /etc/resolv.conf "$root/etc/resolv.conf"
inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot "$root" "$@" </dev/null
}
quietly() { # command...: its output is shown if it fails
  inside "$@" >"$log" 2>&1 || fail "$*: $(cat "$log")"
}

# The tree as Debian's tools want it, for the tests in debian/tests.
mkdir -p "$root/root/tree/dist"
tar -c --exclude=./build --exclude=./dist --exclude=./.git . | tar -x -C "$root/root/tree"
cp -R packaging/debian "$root/root/tree/debian"
mapfile -t names < <(for deb in "$current"/*.deb; do dpkg-deb -f "$deb" Package; done)

# What the packages ask for, and what their tests do, is there before.
needs=$(for deb in "$current"/*.deb; do
  for kind in Pre-Depends Depends Recommends; do dpkg-deb -f "$deb" "$kind" | tr ',' '\n'; done
done && sed -n 's/^Depends: //p' packaging/debian/tests/control | tr ',' '\n')
for name in "${names[@]}"; do needs=$(sed "/^ *$name\( (.*)\)\{0,1\}$/d" <<<"$needs"); done
mapfile -t needs < <(sed 's/^ *//; /^$/d' <<<"$needs" | LC_ALL=C sort -u)
say "apt-get satisfy ${needs[*]}"
quietly apt-get update
quietly apt-get satisfy -y --no-install-recommends "${needs[@]}"

# Every path with its kind and where it points; but those where apt keeps its logs and its cache.
list() {
  (cd "$root" && find . -xdev \( -path ./var/log -o -path ./var/cache/apt -o -path ./root/tree \) -prune \
    -o -printf '%y %p %l\n' | LC_ALL=C sort)
}
list >"$work/before"

install() { # folder of packages: by the README's words, then the others
  rm -f "$root/root/tree/dist/"*
  cp "$1"/*.deb "$root/root/tree/dist"
  local command
  command=$(awk '/^```/ { on = $0 == "```sh"; next } on && /^apt install / { print; exit }' README.md)
  [ -n "$command" ] || fail "README.md: no line begins with apt install"
  say "$command"
  quietly bash -c "cd /root/tree && ${command/apt install/apt-get install -y}"
  quietly bash -c "cd /root/tree && apt-get install -y ./dist/*.deb"
  for deb in "$1"/*.deb; do
    [ "$(inside dpkg-query -W -f '${Version} ${db:Status-Status}' "$(dpkg-deb -f "$deb" Package)")" = \
      "$(dpkg-deb -f "$deb" Version) installed" ] || fail "$deb: is not what is installed"
  done
}
try() {
  for name in $(sed -n 's/^Tests: //p' packaging/debian/tests/control); do
    say "debian/tests/$name"
    inside bash -c "cd /root/tree && debian/tests/$name"
  done
}
install "$earlier"
try
install "$current"
try

say "purge ${names[*]}"
quietly apt-get purge -y "${names[@]}"
list >"$work/after"
diff "$work/before" "$work/after" || fail "these paths came or went"
say "nothing is left of ${#names[@]} packages"
