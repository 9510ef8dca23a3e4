#!/usr/bin/env bash
# readme_commands.sh SUITE [names]: the README's two commands on a bare Debian of that release (bookworm, trixie), as an
# ordinary user with sudo. Makes a root file system by debootstrap and deletes it afterwards; needs root, and an hour.
# With `names`, only whether apt-get finds a candidate for every package that ./dev would install there.
# 77: debootstrap or root is missing, so it is skipped.
set -euo pipefail
suite=$1
what=${2:-all}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

skip() { echo "$1: skipped"; [ "${CI:-}" = true ] && exit 1; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"

# In a mount namespace of its own, so that nothing stays mounted however this ends.
if [ -z "${MILLRACE_UNSHARED:-}" ]; then
  exec env MILLRACE_UNSHARED=1 unshare --mount --propagation private "$0" "$@"
fi

tree=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-readme.XXXXXX")
chmod 755 "$tree"  # it becomes /, which an ordinary user has to see
finish() {
  mountpoint -q "$tree/proc" && umount -R "$tree/proc"
  mountpoint -q "$tree/dev" && umount -R "$tree/dev"
  rm -rf --one-file-system "$tree"
}
trap finish EXIT
trap 'exit 1' INT TERM

# The mirror that this machine installs from.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  sed -n 's/^\(URIs: *\|deb *\(\[[^]]*\]\)\{0,1\} *\)\(http[^ ]*debian\)\/\{0,1\}\( .*\)\{0,1\}$/\3/p' | head -1) || true  # without one, debootstrap has its own
debootstrap --variant=minbase --include=sudo,ca-certificates,git,passwd "$suite" "$tree" ${mirror:+"$mirror"}

# How this machine reaches the registries (proxies, certificates), if in a way of its own.
mapfile -t registries < <(env | grep -iE '^(https?_proxy|no_proxy|pip_[a-z_]+|npm_config_[a-z_]+|ssl_cert_file|requests_ca_bundle|node_extra_ca_certs)=')
for setting in "${registries[@]}"; do
  [ ! -f "${setting#*=}" ] || cp --parents "${setting#*=}" "$tree"
done
for file in /etc/pip.conf /etc/npmrc /usr/local/etc/npmrc; do
  [ ! -f "$file" ] || cp --parents "$file" "$tree"
done
cp -r /etc/apt/apt.conf.d/. "$tree/etc/apt/apt.conf.d/"
cp /etc/resolv.conf /etc/hosts "$tree/etc/"

in_tree() { chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root CI=true "${registries[@]}" "$@"; }
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount --make-rslave "$tree/dev"
in_tree useradd --create-home --shell /bin/bash developer
echo 'developer ALL=(ALL) NOPASSWD: ALL' >"$tree/etc/sudoers.d/developer"
git -c safe.directory='*' clone -q --no-hardlinks "$root" "$tree/home/developer/millrace"
in_tree chown -R developer: /home/developer
in_tree apt-get update -qq

as_developer() { in_tree setpriv --reuid=developer --regid=developer --init-groups env HOME=/home/developer bash -euc "cd ~/millrace; $1"; }
if [ "$what" = names ]; then
  names=$(as_developer './dev packages')
  in_tree apt-get install --simulate --no-install-recommends $names >/dev/null
  echo "$suite: apt-get can install all of" $names
  exit 0
fi
as_developer './dev lab --exit'
as_developer './dev test'
