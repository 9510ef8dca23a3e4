"""The pipeline engine's numbers: a task's cost in a chain and side by side, a Python component's second start, a run of
10,000 tasks, and the engine without processes.

Each task is a real child process (/bin/true) with its own durable record; nothing is cached. Times are a client's, from
the request that creates the run to the answer that says it has ended; median and spread over the rounds. Beside them, in
turns, kfp.local's SubprocessRunner on the same pipelines of Python components (it runs no others).

    python3 bench/engine.py [ROUNDS] [tasks|large|python|engine]...
"""

import http.client
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
MILLRACE = ROOT / "build" / "millrace"
sys.path.insert(0, str(ROOT / "bench"))

from lab import free_port, machine, warm_up  # noqa: E402

CHAIN = SIDE = 1_000


class Server:
    def __init__(self, directory, *options):
        self.port = free_port()
        self.process = subprocess.Popen(
            [MILLRACE, "serve", "--data-dir", directory, "--listen", f"127.0.0.1:{self.port}", *options],
            stdout=subprocess.DEVNULL,
        )
        self.connection = None
        while True:
            try:
                if self.get("/apis/v2beta1/healthz"):
                    break
            except OSError:
                time.sleep(0.01)

    def call(self, method, path, body=None, connection=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:400]}")
        return json.loads(text)

    def get(self, path, connection=None):
        return self.call("GET", path, connection=connection)

    def run(self, spec, parameters=None):
        body = {"display_name": "bench", "pipeline_spec": spec, "runtime_config": {"parameters": parameters or {}}}
        return self.call("POST", "/apis/v2beta1/runs", body)["run_id"]

    def seconds_of(self, spec, poll=0.01):
        """From the request that creates the run to the first answer that says it has ended, by this clock. It is asked
        for among the runs that have ended: a list with a run under way brings its whole pipeline each time, and to
        write and read that a hundred times a second took a quarter of the two cores."""
        ended = {"predicates": [{"key": "finished_at", "operation": "GREATER_THAN", "timestamp_value": "2000-01-01T00:00:00Z"}]}
        begin = time.perf_counter()
        run_id = self.run(spec)
        ended["predicates"].append({"key": "id", "operation": "EQUALS", "string_value": run_id})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        path = "/apis/v2beta1/runs?page_size=1&filter=" + urllib.parse.quote(json.dumps(ended))
        while True:
            runs = self.get(path, connection).get("runs")
            if runs:
                run = runs[0]
                break
            time.sleep(poll)
        seconds = time.perf_counter() - begin
        if run["state"] != "SUCCEEDED":
            raise RuntimeError(f"the run failed: {self.get('/apis/v2beta1/runs/' + run_id).get('error')}")
        return seconds

    def memory(self):
        """Resident MB now, and at most so far."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        read = lambda name: next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))  # noqa: E731
        return read("VmRSS"), read("VmHWM")

    def settle(self):
        """A fresh server makes its sample data in the background first."""
        spent = lambda: sum(map(int, pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))  # noqa: E731
        last = -1
        while spent() != last:
            last = spent()
            time.sleep(0.5)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def pipeline(tasks, components, executors, name="bench"):
    return {
        "pipelineInfo": {"name": name},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
        "root": {"dag": {"tasks": tasks}},
        "components": components,
        "deploymentSpec": {"executors": executors},
    }


NO_OP = {"exec-noop": {"container": {"image": "busybox", "command": ["/bin/true"]}}}
NO_OP_COMPONENT = {"comp-noop": {"executorLabel": "exec-noop"}}


def chain(count):
    tasks = {}
    for i in range(count):
        tasks[f"t{i}"] = {"componentRef": {"name": "comp-noop"}, "taskInfo": {"name": f"t{i}"}}
        if i:
            tasks[f"t{i}"]["dependentTasks"] = [f"t{i - 1}"]
    return pipeline(tasks, NO_OP_COMPONENT, NO_OP)


def side_by_side(count):
    tasks = {f"t{i}": {"componentRef": {"name": "comp-noop"}, "taskInfo": {"name": f"t{i}"}} for i in range(count)}
    return pipeline(tasks, NO_OP_COMPONENT, NO_OP)


def loop_of_loops(outer, inner):
    def loop(component, count, item):
        return {
            "componentRef": {"name": component},
            "taskInfo": {"name": component},
            "parameterIterator": {"itemInput": item, "items": {"raw": json.dumps(list(range(count)))}},
        }

    number = {"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}}
    components = dict(NO_OP_COMPONENT)
    components["inner"] = {
        "inputDefinitions": number,
        "dag": {"tasks": {"noop": {"componentRef": {"name": "comp-noop"}, "taskInfo": {"name": "noop"}}}},
    }
    components["outer"] = {"inputDefinitions": number, "dag": {"tasks": {"inner": loop("inner", inner, "item")}}}
    return pipeline({"outer": loop("outer", outer, "item")}, components, NO_OP)


def told(name, values, bar, unit="ms", higher=False):
    median = statistics.median(values)
    verdict = "holds" if (median >= bar if higher else median <= bar) else "MISSED"
    print(f"{name:58} {median:10.2f} {unit:8} ({min(values):.2f} to {max(values):.2f})  bar {bar} {unit}: {verdict}", flush=True)
    return median


def tasks(rounds, base):
    for options, chain_bar in ((["--no-sandbox"], 1.5), ([], 3.0)):
        server = Server(tempfile.mkdtemp(dir=base), *options, "--max-running-tasks", "64")
        where = "without a sandbox" if options else "in a sandbox"
        try:
            server.settle()
            server.seconds_of(chain(20))
            chains, rates = [], []
            for _ in range(rounds):
                chains.append(server.seconds_of(chain(CHAIN)) * 1000 / CHAIN)
                rates.append(SIDE / server.seconds_of(side_by_side(SIDE)))
            told(f"chain of {CHAIN} {where}, a task", chains, chain_bar)
            if options:
                told(f"{SIDE} side by side {where}", rates, 2_000, "tasks/s", True)
            else:
                print(f"{f'{SIDE} side by side {where}':58} {statistics.median(rates):10.2f} tasks/s  ({min(rates):.2f} to {max(rates):.2f})")
        finally:
            server.stop()


def quiet_disk(base):
    """Waits for what builds and tests left to be written, and for what they deleted: both slow a small file and an
    fdatasync tenfold for minutes. (An ext4 without a journal goes around the numbers of files that were deleted less
    than 300 s ago, one by one: RECENTCY_DIRTY in fs/ext4/ialloc.c.) Says what they take when the measuring begins."""
    os.sync()
    give_up = time.monotonic() + 330
    while True:
        place = tempfile.mkdtemp(dir=base)
        syncs, makes = [], []
        with open(f"{place}/journal", "wb", buffering=0) as journal:
            for i in range(200):
                begin = time.perf_counter()
                os.mkdir(f"{place}/{i}")
                with open(f"{place}/{i}/log", "wb") as log:
                    log.write(b"x")
                makes.append((time.perf_counter() - begin) * 1000)
                begin = time.perf_counter()
                journal.write(b"x" * 256)
                os.fdatasync(journal.fileno())
                syncs.append((time.perf_counter() - begin) * 1000)
        sync, make = statistics.median(syncs), statistics.median(makes)
        if (sync < 0.3 and make < 0.1) or time.monotonic() > give_up:
            print(f"{'the disk: fdatasync of 256 bytes; a directory with a file':58} {sync:10.2f} ms; {make:.2f} ms", flush=True)
            return
        time.sleep(5)


def process_limit():
    """What the machine can do: /bin/true started and waited for, by posix_spawn from this process."""
    count, begin = 500, time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    one = (time.perf_counter() - begin) * 1000 / count
    print(f"{'the limit: one /bin/true after the other, by posix_spawn':58} {one:10.2f} ms")


def large_run(base):
    """A loop of loops of 10,000 tasks: the API's answers meanwhile, and the server's memory."""
    server = Server(tempfile.mkdtemp(dir=base), "--no-sandbox", "--max-running-tasks", "64")
    try:
        server.settle()
        other = server.run(side_by_side(20))
        run_id = server.run(loop_of_loops(100, 100))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        reads = ["healthz", "runs?page_size=20", "experiments", "pipelines", f"runs/{other}"]
        times, state, made, start = [], "", 0, time.perf_counter()
        while state not in ("SUCCEEDED", "FAILED"):
            for path in [*reads, "experiments"]:
                body = None
                if len(times) % 6 == 5:  # one of six writes
                    made += 1
                    body = {"display_name": f"experiment {made}"}
                begin = time.perf_counter()
                answer = server.call("POST" if body else "GET", "/apis/v2beta1/" + path, body, connection)
                times.append((time.perf_counter() - begin) * 1000)
                if "runs" in answer:
                    state = next(run["state"] for run in answer["runs"] if run["run_id"] == run_id)
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        begin = time.perf_counter()
        whole = server.get(f"/apis/v2beta1/runs/{run_id}")
        whole_ms = (time.perf_counter() - begin) * 1000
        times.sort()
        print(f"run of 10,000 tasks: {state} in {seconds:.1f} s, {10_000 / seconds:.0f} tasks/s; {len(times)} requests meanwhile")
        told("  API, 99th percentile during it", [times[int(len(times) * 0.99)]], 20)
        told("  server's resident memory at most", [server.memory()[1]], 300, "MB")
        print(f"  the run with its {len(whole['run_details']['task_details'])} nodes: {whole_ms:.0f} ms to read")
    finally:
        server.stop()


PYTHON_PEER = """
import contextlib, io, json, sys, time
import yaml
from kfp import compiler, dsl, local

@dsl.component(packages_to_install=[])
def add(a: int, b: int = 1) -> int:
    return a + b

@dsl.pipeline(name="python-chain")
def chain():
    last = add(a=1).set_caching_options(False)
    for _ in range({count} - 1):
        last = add(a=last.output).set_caching_options(False)

@dsl.pipeline(name="python-side")
def side():
    for i in range({count}):
        add(a=i).set_caching_options(False)

made = {"chain": chain, "side": side}
local.init(runner=local.SubprocessRunner(use_venv=False), raise_on_error=True)
for line in sys.stdin:
    what, name = line.split()
    if what == "compile":
        compiler.Compiler().compile(made[name], name + ".yaml")
        print("answer", json.dumps(yaml.safe_load(open(name + ".yaml"))), flush=True)
    else:
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            made[name]()
        print("answer", time.perf_counter() - begin, flush=True)
"""
COUNT = 10


def python_components(rounds, base):
    """The SDK's own lightweight components, ours and kfp.local's in turns."""
    directory = pathlib.Path(tempfile.mkdtemp(dir=base))
    python = os.environ.get("MILLRACE_KFP_PYTHON", str(ROOT / "build" / "venv" / "bin" / "python"))
    (directory / "peer.py").write_text(PYTHON_PEER.replace("{count}", str(COUNT)))
    peer = subprocess.Popen([python, "peer.py"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(what):
        peer.stdin.write(what + "\n")
        peer.stdin.flush()
        while True:
            line = peer.stdout.readline()
            if not line:
                raise SystemExit(f"the SDK's process ended (MILLRACE_KFP_PYTHON names a Python with kfp): {python}")
            if line.startswith("answer "):
                return line.removeprefix("answer ").strip()

    specs = {name: json.loads(ask("compile " + name)) for name in ("chain", "side")}
    server = Server(str(directory / "data"), "--max-running-tasks", "16")
    try:
        server.settle()
        print(f"{f'first run of {COUNT} Python components, environment made':58} {server.seconds_of(specs['chain']):10.2f} s")
        for name, title, bar in (("chain", "in a chain", 30), ("side", "side by side", None)):
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(server.seconds_of(specs[name]) * 1000 / COUNT)
                theirs.append(float(ask("run " + name)) * 1000 / COUNT)
            title = f"{COUNT} starts of the same Python component {title}, each"
            if bar:
                told(title, ours, bar)
            else:
                print(f"{title:58} {statistics.median(ours):10.2f} ms        ({min(ours):.2f} to {max(ours):.2f})")
            ratio = statistics.median(t / o for t, o in zip(theirs, ours))
            print(f"{'  kfp.local, SubprocessRunner, the same':58} {statistics.median(theirs):10.2f} ms        ratio {ratio:.1f}")
    finally:
        server.stop()
        peer.stdin.close()
        peer.wait()


def engine_alone(rounds, base):
    program = ROOT / "build" / "release" / "src" / "engine_bench"
    found = {}
    for _ in range(rounds):
        done = subprocess.run([program, tempfile.mkdtemp(dir=base)], check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            name, value = line.split()
            found.setdefault(name, []).append(float(value))
    print(f"{'engine alone, in memory':58} {statistics.median(found['advance']):10.0f} transitions/s")
    told("engine alone, each event durable (256 a transaction)", found["durable"], 200_000, "transitions/s", True)
    print(f"{'the same with the rows that the API reads':58} {statistics.median(found['with_rows']):10.0f} transitions/s")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    only = sys.argv[2:] or ["tasks", "large", "python", "engine"]
    print(f"{machine()}; {rounds} rounds")
    warm_up()
    # Nothing is deleted before the end: a file system may search long for numbers that were just given back.
    base = tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build")
    try:
        if "tasks" in only:
            quiet_disk(base)
            process_limit()
            tasks(rounds, base)
        if "large" in only:
            quiet_disk(base)
            large_run(base)
        if "python" in only:
            python_components(rounds, base)
        if "engine" in only:
            engine_alone(rounds, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
