#!/usr/bin/env bash
# readme_commands.sh SUITE [names]: README.md's two commands that build it, on a bare Debian of that release (bookworm, trixie), as an
# ordinary user with sudo. Makes a root file system by debootstrap and deletes it afterwards; needs root, and an hour.
# With `names`, only whether apt-get finds a candidate for every package that ./dev would install there.
# 77: debootstrap or root is missing, so it is skipped.
set -euo pipefail
suite=$1
what=${2:-all}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

. "$root/tests/nightly/bare_system.sh"
. "$root/tests/nightly/pages.sh"

tree=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-readme.XXXXXX")
trap 'remove_system "$tree"' EXIT
trap 'exit 1' INT TERM
bare_system "$tree" "$suite" sudo,git,passwd
in_tree() { run_in "$tree" env CI=true "$@"; }
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
# As they stand below "Millrace", but that the lab ends by itself.
commands=$(commands_of "$root/README.md" Millrace shell | sed 's|^\./dev lab |&--exit |')
while read -r -u 3 command; do as_developer "$command"; done 3<<<"$commands"
