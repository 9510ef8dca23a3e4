# Sourced by the tests that install on a bare Debian: it ends the test where that cannot be done (77: skipped; in CI an
# error), and goes on in a mount namespace of its own, so that nothing stays mounted however the test ends.

skip() { echo "$1: skipped"; [ "${CI:-}" = true ] && exit 1; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
command -v debootstrap >/dev/null || skip "debootstrap is not installed"
if [ -z "${MILLRACE_UNSHARED:-}" ]; then
  exec env MILLRACE_UNSHARED=1 unshare --mount --propagation private "$0" "$@"
fi

# The mirror that this machine installs from; without one, debootstrap has its own.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  sed -n 's/^\(URIs: *\|deb *\(\[[^]]*\]\)\{0,1\} *\)\(http[^ ]*debian\)\/\{0,1\}\( .*\)\{0,1\}$/\3/p' | head -1) || true
# How this machine reaches the registries (proxies, certificates), if in a way of its own.
mapfile -t registries < <(env | grep -iE '^(https?_proxy|no_proxy|pip_[a-z_]+|npm_config_[a-z_]+|ssl_cert_file|requests_ca_bundle|node_extra_ca_certs)=')

# A bare system of this release with those packages besides its own.
bare_system() {  # TREE SUITE PACKAGES
  local tree=$1 setting file log
  log=$(mktemp)
  debootstrap --variant=minbase --include="ca-certificates,$3" "$2" "$tree" ${mirror:+"$mirror"} >"$log" || { cat "$log"; exit 1; }
  rm -f "$log"
  chmod 755 "$tree"  # it becomes /, which an ordinary user has to see
  for setting in "${registries[@]}"; do
    [ ! -f "${setting#*=}" ] || cp --parents "${setting#*=}" "$tree"
  done
  for file in /etc/pip.conf /etc/npmrc /usr/local/etc/npmrc; do
    [ ! -f "$file" ] || cp --parents "$file" "$tree"
  done
  cp -r /etc/apt/apt.conf.d/. "$tree/etc/apt/apt.conf.d/"
  cp /etc/resolv.conf /etc/hosts "$tree/etc/"
  mount --bind "$tree" "$tree"
  mount -t proc proc "$tree/proc"
  mount --rbind /dev "$tree/dev"
  mount --make-rslave "$tree/dev"
}
remove_system() {  # TREE
  if mountpoint -q "$1"; then umount -R "$1"; fi
  rm -rf --one-file-system "$1"
}

# No chroot: in one, the kernel refuses the mounts that a step's sandbox is made of.
run_in() {  # TREE COMMAND...
  local tree=$1
  shift
  unshare --mount --propagation private sh -euc 'cd "$0"; pivot_root . mnt; umount -l /mnt; cd /; exec "$@"' "$tree" \
    /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root CI="${CI:-}" "${registries[@]}" "$@"
}
