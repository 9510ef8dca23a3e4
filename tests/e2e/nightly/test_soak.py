"""Hostile clients and hostile steps at once, for an hour, beside one client that behaves: it must not notice them.

MILLRACE_SOAK_SECONDS shortens it. Each kind of hostile client is one thread with a fixed number of connections, each kind of
hostile step one run at a time, so that the load is bounded whatever the machine. Printed: the quantiles of the well-behaved
client, and the server's and launcher's memory and descriptors over time.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import support  # noqa: E402

SECONDS = int(os.environ.get("MILLRACE_SOAK_SECONDS", "3600"))
SEED = int(os.environ.get("MILLRACE_SEED", str(time.time_ns() % 1_000_000)))
P99_BAR = 0.100  # seconds
WARM_UP = 0.2  # of the whole time: caches, pools and the kept history of runs fill
GROWTH = 1.25  # of the mean after the warm-up to that of the last part
SLACK_MB, SLACK_DESCRIPTORS = 48, 64

REQUEST = "GET /apis/v2beta1/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UPLOAD = (
    "POST /apis/v2beta1/pipelines/upload?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n--x\r\n"
)
CHUNKED = "POST /apis/v2beta1/experiments HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Hostile:
    """Threads that go on until `over` is set, and what went wrong in them."""

    def __init__(self, server):
        self.server, self.over, self.faults, self.threads = server, threading.Event(), [], []

    def start(self, work):
        def loop():
            chance = random.Random(f"{SEED} {work.__name__}")
            while not self.over.is_set():
                try:
                    work(self, chance)
                except OSError:
                    time.sleep(0.05)  # refused or cut off: that is the server's right
                except Exception as error:  # noqa: BLE001
                    self.faults.append(f"{work.__name__}: {error!r}")
                    return

        thread = threading.Thread(target=loop, name=work.__name__, daemon=True)
        thread.start()
        self.threads.append(thread)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=5)

    @contextlib.contextmanager
    def connections(self, count, first):
        open_now = []
        try:
            for _ in range(count):
                connection = self.connect()
                open_now.append(connection)
                connection.sendall(first.encode() if isinstance(first, str) else first)
            yield open_now
        finally:
            for connection in open_now:
                connection.close()


# --- clients ----------------------------------------------------------------------------------------------------------


def stalled_uploads(hostile, chance):
    with hostile.connections(100, UPLOAD):
        hostile.over.wait(chance.uniform(2, 10))


def half_heads(hostile, chance):
    with hostile.connections(200, REQUEST + "X: ") as all_of_them:
        for _ in range(5):
            hostile.over.wait(chance.uniform(0.2, 1))
            for connection in all_of_them:
                connection.sendall(b"a")


def idle(hostile, chance):
    with hostile.connections(300, REQUEST + "\r\n"):
        hostile.over.wait(chance.uniform(5, 20))


def broken_chunks(hostile, chance):
    tails = [
        b"0\r\nX: " + b"y" * 65536 + b"\r\n\r\n",
        b"14;" + b"a" * 100000,
        b"FFFFFFFFFFFFFFFF\r\nab",
        b"zz\r\n",
        b"5\r\nabcdefgh",
        b"0\r\n" + b"T: v\r\n" * 3000,
    ]
    with hostile.connections(10, CHUNKED) as all_of_them:
        for connection in all_of_them:
            connection.sendall(chance.choice(tails))
            connection.recv(4096)


def garbage(hostile, chance):
    with hostile.connections(1, chance.randbytes(chance.randint(1, 4000))) as (connection,):
        connection.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            connection.recv(4096)


def cut_anywhere(hostile, chance):
    whole = (REQUEST + "\r\n" + UPLOAD + "x" * 2000).encode()
    with hostile.connections(5, whole[: chance.randint(1, len(whole))]):
        hostile.over.wait(0.05)


def slow_readers(hostile, chance):
    with hostile.connections(20, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 50):
        hostile.over.wait(chance.uniform(1, 5))


def event_streams(hostile, chance):
    with hostile.connections(100, "GET /console/api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"):
        hostile.over.wait(chance.uniform(1, 5))


CLIENTS = [stalled_uploads, half_heads, idle, broken_chunks, garbage, cut_anywhere, slow_readers, event_streams]

# --- steps ------------------------------------------------------------------------------------------------------------

OUTPUT = "{{$.outputs.parameters['p'].output_file}}"
ARTIFACT = "{{$.outputs.artifacts['o'].path}}"
STEPS = {
    "fifo": 'rm -f "$1"; mkfifo "$1"',
    "link": 'rm -f "$1"; ln -s /etc/passwd "$1"',
    "log_link": 'rm -f "$HOME/log.txt"; ln -s /etc/passwd "$HOME/log.txt"',
    "sparse": 'truncate -s 1T "$1"',
    "artifact_fifo": 'mkdir -p "$2"; mkfifo "$2/f"; ln -s / "$2/root"',
    "many_files": 'mkdir -p "$2"; cd "$2"; for i in $(seq 2000); do : > $i; done',
    "deep": 'mkdir -p "$2"; cd "$2"; for i in $(seq 200); do mkdir d; cd d; done',
    "left_behind": "(setsid sleep 30 >/dev/null 2>&1 &); exit 0",
    "ignores_terminate": "trap '' TERM; sleep 20",
    "floods_log": "head -c 20000000 /dev/zero | tr '\\0' a",
    "kills_all": "kill -9 -1",
    "closes_output": "exec >&- 2>&-; exit 3",
}


def pipeline(script):
    component = {
        "executorLabel": "e",
        "outputDefinitions": {
            "parameters": {"p": {"parameterType": "STRING"}},
            "artifacts": {"o": {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}},
        },
    }
    return {
        "pipelineInfo": {"name": "hostile"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {"c": component},
        "deploymentSpec": {
            "executors": {"e": {"container": {"image": "i", "command": ["sh", "-c", script, "x", OUTPUT, ARTIFACT]}}}
        },
        "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "c"}, "taskInfo": {"name": "t"}, "cachingOptions": {}}}}},
    }


def hostile_steps(hostile, chance):
    name = chance.choice(list(STEPS))
    status, text = hostile.server.request(
        "/apis/v2beta1/runs", {"display_name": name, "pipeline_spec": pipeline(STEPS[name])}
    )
    if status == 503:
        return
    assert status == 200, text
    run = json.loads(text)["run_id"]
    deadline, terminated = time.monotonic() + 60, False
    while True:
        state = json.loads(hostile.server.request(f"/apis/v2beta1/runs/{run}")[1]).get("state")
        if state in support.FINAL:
            break
        assert time.monotonic() < deadline, f"the run of the step {name} is {state} after 60 s"
        if name == "ignores_terminate" and not terminated:
            terminated = hostile.server.request(f"/apis/v2beta1/runs/{run}:terminate", {}, method="POST")[0] == 200
        time.sleep(0.1)
    hostile.server.request(f"/apis/v2beta1/runs/{run}", method="DELETE")


# --- what is watched --------------------------------------------------------------------------------------------------


def launcher_of(server):
    """A child looks like its launcher until it becomes its program: that one is not another one's child."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if b"launcher" in words[1:3] and any(w.startswith(bytes(server.data_dir)) for w in words):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return next((pid for pid, parent in parents.items() if parent not in parents), None)


def usage(pid):
    """Resident megabytes and open descriptors."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, len(os.listdir(f"/proc/{pid}/fd"))


def ask(server, sts):
    """One round of the well-behaved client: the seconds of each call."""
    for call in (
        lambda: server.request("/apis/v2beta1/healthz")[0] == 200,
        lambda: server.request("/apis/v2beta1/runs?page_size=5")[0] == 200,
        lambda: sts.get_caller_identity()["Account"],
    ):
        started = time.monotonic()
        try:
            assert call()
        except Exception as error:
            ended = server.process.poll()
            raise AssertionError(f"after {time.monotonic() - started:.1f} s; the server's exit code: {ended}") from error
        yield time.monotonic() - started


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def mean(values):
    return sum(values) / len(values)


def assert_flat(name, samples, slack):
    start, end = int(len(samples) * WARM_UP), int(len(samples) * (1 - WARM_UP))
    before, after = mean(samples[start : start + max(1, len(samples) // 5)]), mean(samples[end:])
    print(f"{name}: {before:.0f} after the warm-up, {after:.0f} at the end, at most {max(samples):.0f}")
    assert after <= before * GROWTH + slack, f"{name} grows: {before:.0f} to {after:.0f}"


def test_soak(tmp_path):
    print(f"MILLRACE_SEED={SEED}, {SECONDS} s")
    with support.running(tmp_path / "data") as server:
        sts, hostile = server.client("sts", attempts=0), Hostile(server)
        assert sts.get_caller_identity()
        for work in [*CLIENTS, hostile_steps, hostile_steps]:
            hostile.start(work)
        latencies, samples, launcher, deadline = [], {}, None, time.monotonic() + SECONDS
        while time.monotonic() < deadline and not hostile.faults:
            latencies += ask(server, sts)
            if len(latencies) % 15 == 0:
                launcher = launcher or launcher_of(server)
                for name, pid in (("server", server.process.pid), ("launcher", launcher)):
                    megabytes, descriptors = usage(pid)
                    samples.setdefault(f"memory of the {name} (MB)", []).append(megabytes)
                    samples.setdefault(f"descriptors of the {name}", []).append(descriptors)
            time.sleep(0.2)
        hostile.over.set()
        for thread in hostile.threads:
            thread.join(70)
        assert not hostile.faults, hostile.faults
        quantiles = {q: quantile(latencies, q) for q in (0.5, 0.9, 0.99, 0.999, 1)}
        print(f"{len(latencies)} calls:", ", ".join(f"p{q * 100:g} {s * 1000:.1f} ms" for q, s in quantiles.items()))
        for name, values in samples.items():
            assert_flat(name, values, SLACK_MB if "memory" in name else SLACK_DESCRIPTORS)
        assert quantiles[0.99] < P99_BAR
