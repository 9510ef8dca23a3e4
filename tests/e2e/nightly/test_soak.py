"""Hostile clients and hostile steps at once, for an hour, beside one client that behaves: it must not notice them.

MILLRACE_SOAK_SECONDS shortens it. Each kind of hostile client is one thread with a fixed number of connections, each kind of
hostile step one run at a time, so that the load is bounded whatever the machine. The hostile ones share a process: the
well-behaved client, which is measured, has one of its own. Printed: its quantiles, and the server's and launcher's memory
and descriptors over time.
"""

import contextlib
import json
import multiprocessing
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
    """A process whose threads go on until `over` is set, and what went wrong in them."""

    def __init__(self, server, works):
        self.server, self.over, self.faults = server, multiprocessing.Event(), multiprocessing.SimpleQueue()
        self.process = multiprocessing.Process(target=self.run, args=(works,), daemon=True)
        self.process.start()

    def run(self, works):
        threads = [threading.Thread(target=self.repeat, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def repeat(self, work):
        chance = random.Random(f"{SEED} {work.__name__}")
        while not self.over.is_set():
            try:
                work(self, chance)
            except OSError:
                time.sleep(0.05)  # refused or cut off: that is the server's right
            except Exception as error:  # noqa: BLE001
                self.faults.put(f"{work.__name__}: {error!r}")
                return

    def fault(self):
        return None if self.faults.empty() else self.faults.get()

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


def calls_of(server, sts):
    """What the well-behaved client asks, by name."""
    return {
        "healthz": lambda: server.request("/apis/v2beta1/healthz")[0] == 200,
        "runs": lambda: server.request("/apis/v2beta1/runs?page_size=5")[0] == 200,
        "GetCallerIdentity": lambda: sts.get_caller_identity()["Account"],
    }


def seconds_of(server, call):
    started = time.monotonic()
    try:
        assert call()
    except Exception as error:
        ended = server.process.poll()
        raise AssertionError(f"after {time.monotonic() - started:.1f} s; the server's exit code: {ended}") from error
    return time.monotonic() - started


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def print_quantiles(name, seconds):
    shown = ", ".join(f"p{q * 100:g} {quantile(seconds, q) * 1000:.1f} ms" for q in (0.5, 0.9, 0.99, 0.999, 1))
    print(f"{len(seconds)} calls of {name}: {shown}")


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
        sts = server.client("sts", attempts=0)
        assert sts.get_caller_identity()
        hostile = Hostile(server, [*CLIENTS, hostile_steps, hostile_steps])
        calls, samples, launcher, fault, deadline = calls_of(server, sts), {}, None, None, time.monotonic() + SECONDS
        latencies = {name: [] for name in calls}
        while time.monotonic() < deadline and not fault:
            for name, call in calls.items():
                latencies[name].append(seconds_of(server, call))
            if len(latencies["healthz"]) % 5 == 0:
                launcher = launcher or launcher_of(server)
                for name, pid in (("server", server.process.pid), ("launcher", launcher)):
                    megabytes, descriptors = usage(pid)
                    samples.setdefault(f"memory of the {name} (MB)", []).append(megabytes)
                    samples.setdefault(f"descriptors of the {name}", []).append(descriptors)
            time.sleep(0.2)
            fault = hostile.fault()
        hostile.over.set()
        hostile.process.join(70)
        assert not (fault or hostile.fault()), fault
        for name, values in latencies.items():
            print_quantiles(name, values)
        everything = [second for values in latencies.values() for second in values]
        print_quantiles("all", everything)
        for name, values in samples.items():
            assert_flat(name, values, SLACK_MB if "memory" in name else SLACK_DESCRIPTORS)
        assert quantile(everything, 0.99) < P99_BAR
