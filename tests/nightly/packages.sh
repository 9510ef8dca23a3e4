#!/usr/bin/env bash
# packages.sh SUITE: what `./dev package` makes, each installed on a bare Debian of that release with nothing else than it
# asks for, by the commands of docs/install.md as they stand; then it runs the lab. Prints the size of each and the seconds
# from the first command to the result. The packages are those in dist/, made here when they are missing. Makes root file systems by debootstrap and deletes them;
# needs root. 77: debootstrap or root is missing, so it is skipped.
set -euo pipefail
suite=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
limit=60  # seconds for the lab after an installation

. "$root/tests/nightly/bare_system.sh"
. "$root/tests/nightly/pages.sh"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-packages.XXXXXX")
chmod 755 "$work"
finish() {
  for tree in "$work"/*/; do remove_system "$tree"; done
  rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

bare() {  # NAME PACKAGES
  bare_system "$work/$1" "$suite" "$2"
  mkdir "$work/$1/dist"
}
in_tree() {  # NAME COMMAND...
  local name=$1
  shift
  run_in "$work/$name" "$@"
}

# Commands of a page, which end with the lab, within the limit; then the size of the file and the seconds that they took.
show() {  # NAME FILE COMMANDS
  local name=$1 file=$2 began=$SECONDS
  cat "$file" >"$work/$name/dist/$(basename "$file")"
  in_tree "$name" timeout "$limit" bash -euc "$3" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
  grep -q 'Predictions: succeeded' "$work/said" || { cat "$work/said"; exit 1; }
  printf '%s on %s: %s, %.1f MB; installed and the lab succeeded in %s s\n' "$name" "$suite" "$(basename "$file")" \
    "$(stat -c %s "$file" | awk '{ print $1 / 1e6 }')" $((SECONDS - began))
}

package() { ls "$root"/dist/$1 2>/dev/null | tail -1; }
[ -n "$(package '*manylinux*.whl')" ] && [ -n "$(package '*.tar.gz')" ] && [ -n "$(package '*.deb')" ] || "$root/dev" package

wheel=$(package '*manylinux*.whl')
bare wheel python3,python3-venv
show wheel "$wheel" "$(commands_of "$root/docs/install.md" "The wheel")"
in_tree wheel sh -euc 'rm -rf ~/.cache ~/millrace-venv; python3 -m venv ~/active'
show wheel "$wheel" "PATH=~/active/bin:\$PATH; $(commands_of "$root/README.md" Millrace)"

tarball=$(package '*.tar.gz')
bare tar python3,python3-venv
show tar "$tarball" "$(commands_of "$root/docs/install.md" "The tarball")"

# Debian's libraries have other versions elsewhere than where the package was made.
made_on=$(. /etc/os-release && echo "$VERSION_CODENAME")
if [ "$suite" = "$made_on" ]; then
  deb=$(package '*.deb')
  bare deb man-db
  in_tree deb apt-get update -qq
  show deb "$deb" "export DEBIAN_FRONTEND=noninteractive; $(commands_of "$root/docs/install.md" "The Debian package")"
  in_tree deb sh -euc '
    id millrace >/dev/null
    test "$(stat -c %U:%a /var/lib/millrace)" = millrace:700
    test -s /usr/share/bash-completion/completions/millrace
    man millrace | grep -q "millrace serve"
    setpriv --reuid=millrace --regid=millrace --init-groups env HOME=/var/lib/millrace timeout 60 millrace lab --exit >/dev/null
    apt-get remove -y -qq millrace >/dev/null && test -d /var/lib/millrace
    apt-get purge -y -qq millrace >/dev/null && test ! -d /var/lib/millrace && test ! -d /etc/millrace'
  echo "deb on $suite: its user runs the lab; removal keeps the data, purge does not"
fi
