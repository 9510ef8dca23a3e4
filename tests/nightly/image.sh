#!/usr/bin/env bash
# image.sh: the OCI image of `./dev package image` by the commands of docs/install.md, as they stand, with a storage of the
# test's own and in a network of its own: nothing is downloaded, and port 8080 is free. The lab runs in it, confined, within
# 60 s, and a server in it answers the host's clients and keeps its data in a volume. Prints the archive's size and the
# seconds. Needs root; 77: podman, debootstrap or root is missing, so it is skipped.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
limit=60  # seconds from the first command to the lab's result

skip() { echo "$1: skipped"; [ "${CI:-}" = true ] && exit 1; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
for command in debootstrap podman curl ip; do
  command -v $command >/dev/null || skip "$command is not installed"
done

archive() { ls "$root"/dist/millrace-*-oci-*.tar 2>/dev/null | tail -1; }
[ -n "$(archive)" ] || "$root/dev" package image
file=$(archive)
[ -n "${MILLRACE_UNSHARED:-}" ] || exec env MILLRACE_UNSHARED=1 unshare --net --mount --propagation private "$0" "$@"
ip link set lo up
. "$root/tests/nightly/pages.sh"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/millrace-image.XXXXXX")
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf
# What a machine without systemd takes too, as in tests/e2e/containers.py.
cat >"$CONTAINERS_CONF" <<TEXT
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
$(command -v runc >/dev/null && echo 'runtime = "runc"')
TEXT
cat >"$CONTAINERS_STORAGE_CONF" <<TEXT
[storage]
driver = "vfs"
graphroot = "$work/graph"
runroot = "$work/run"
TEXT
finish() {
  podman system reset --force >/dev/null 2>&1 || true
  rm -rf --one-file-system "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

fail() { echo "$*" >&2; exit 1; }
within() {  # SECONDS COMMAND...: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "not within its time: $*"
    sleep 0.1
  done
}

began=$SECONDS
cd "$root"
# One shell, so that what `eval` sets is there for what follows.
commands_of docs/install.md "The image" >"$work/commands"
cat >>"$work/commands" <<'TEXT'
for attempt in $(seq 200); do
  ! curl -fsS "$MILLRACE_URL/readyz" >/dev/null 2>&1 || break
  sleep 0.1
done
curl -fsS -H 'Content-Type: application/json' -d '{"display_name":"kept"}' "$KF_PIPELINES_ENDPOINT/apis/v2beta1/experiments"
[ -n "$AWS_ACCESS_KEY_ID" ]
TEXT
timeout "$limit" bash -eu "$work/commands" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
took=$((SECONDS - began))
grep -q '"kept"' "$work/said" && grep -q 'Pipeline MNIST Classification: succeeded' "$work/said" || { cat "$work/said"; exit 1; }
! grep "without a sandbox" "$work/said" || fail "steps are to be confined in the image"
printf 'image: %s, %.1f MB; loaded, and the lab succeeded, and a server answered in %s s\n' "$(basename "$file")" \
  "$(stat -c %s "$file" | awk '{ print $1 / 1e6 }')" $took

podman exec millrace millrace doctor | grep -Eq '^sandbox +ok' || fail "millrace doctor finds no sandbox"
podman rm --force --time 15 millrace >/dev/null
podman run --detach --name again --volume millrace:/data --publish 127.0.0.1:8080:8080 "$(podman images --quiet | head -1)" >/dev/null
within 20 curl -fsS http://127.0.0.1:8080/readyz
kept=$(curl -fsS http://127.0.0.1:8080/apis/v2beta1/experiments)
[[ $kept == *'"kept"'* ]] || fail "the volume did not keep it: $kept"
podman rm --force --time 15 again >/dev/null
echo "image: its server answers through a published port and keeps its data in a volume"
