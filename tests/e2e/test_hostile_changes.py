"""Steps whose outputs are exchanged while they are read, or have a second name: what is read is the step's own, or nothing."""

import pytest

import support
from test_hostile_steps import OUT, PARAMETER, downloads, ended, error_of, holds, pipeline

SECRET = "kubeconfig"


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A server whose steps are in no sandbox, so that what they start may outlive them."""
    with support.running(tmp_path_factory.mktemp("bare") / "data", arguments=["--no-sandbox"]) as server:
        yield server


# Exchanges "$1" between a file and a link as fast as it can, for two seconds: also after the step has ended.
SWAPPER = """
import os, sys, time
place, secret, end = sys.argv[1], sys.argv[2], time.monotonic() + 2
while time.monotonic() < end:
    for make in (lambda at: os.symlink(secret, at), lambda at: open(at, "w").write("own"), lambda at: os.mkfifo(at)):
        make(place + ".new")
        os.rename(place + ".new", place)
"""
LEFT_BEHIND = 'mkdir -p "$(dirname "$1")"; echo own > "$1"; setsid python3 -c "$2" "$1" "$3" >/dev/null 2>&1 & sleep 0.3'


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandbox", "no sandbox"])
def test_an_output_that_a_process_left_behind_exchanges(server, bare, sandboxed):
    of = server if sandboxed else bare
    words = [SWAPPER, str(of.data_dir / SECRET)]
    for _ in range(3):
        run, state = ended(of, pipeline(LEFT_BEHIND, [PARAMETER, *words], parameters=["p"]))
        assert state in ("SUCCEEDED", "FAILED")
        holds(of, of.request(f"/apis/v2beta1/runs/{run}")[1], error_of(of, run))
        run, state = ended(of, pipeline(LEFT_BEHIND, [OUT, *words], artifacts=["o"]))
        assert state in ("SUCCEEDED", "FAILED")
        for _ in range(20):
            holds(of, *[text for status, text in downloads(of, run) if status == 200])
    assert of.request("/apis/v2beta1/healthz")[0] == 200


# A directory on the way is exchanged for a link to the data directory.
DIRECTORIES = """
import os, sys, time
place, secret, end = sys.argv[1], os.path.dirname(sys.argv[2]), time.monotonic() + 2
os.makedirs(place + "/sub", exist_ok=True)
open(place + "/sub/kubeconfig", "w").write("own")
while time.monotonic() < end:
    os.symlink(secret, place + "/other")
    os.rename(place + "/sub", place + "/kept")
    os.rename(place + "/other", place + "/sub")
    os.unlink(place + "/sub")
    os.rename(place + "/kept", place + "/sub")
"""


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandbox", "no sandbox"])
def test_a_directory_of_an_output_that_is_exchanged(server, bare, sandboxed):
    of = server if sandboxed else bare
    script = 'mkdir -p "$1"; setsid python3 -c "$2" "$1" "$3" >/dev/null 2>&1 & sleep 0.3'
    for _ in range(2):
        run, state = ended(of, pipeline(script, [OUT, DIRECTORIES, str(of.data_dir / SECRET)], artifacts=["o"]))
        assert state in ("SUCCEEDED", "FAILED")
        for _ in range(20):
            holds(of, *[text for status, text in downloads(of, run) if status == 200])


@pytest.mark.parametrize("target", ["/etc/passwd", "/usr/bin/env", "data"])
def test_an_output_that_is_another_name_of_a_file(server, target):
    target = str(server.data_dir / SECRET) if target == "data" else target
    run, state = ended(server, pipeline(f'rm -f "$1"; ln {target} "$1"', [PARAMETER], parameters=["p"]))
    assert state == "FAILED"
    holds(server, server.request(f"/apis/v2beta1/runs/{run}")[1], error_of(server, run))
    run, state = ended(server, pipeline('echo own > "$HOME/a"; ln "$HOME/a" "$1"', [PARAMETER], parameters=["p"]))
    assert state in ("SUCCEEDED", "FAILED")


def test_a_device_is_no_output(server):
    for node in ("c 1 5", "c 1 3", "b 7 0"):
        run, state = ended(server, pipeline(f'rm -f "$1"; mknod "$1" {node}', [PARAMETER], parameters=["p"]))
        assert state == "FAILED"
