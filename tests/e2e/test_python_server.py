"""Python components that are forked from the run's Python server: they see, say and end as plain ones do.

The first one of a run starts the server and waits for it; a plain one has a variable that no server can give it. Each
test makes sure that its step really was served (its command line is the server's), so that none passes without one.
"""

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import time
import warnings

import pytest
from kfp import compiler, dsl

import support

warnings.filterwarnings("ignore", category=FutureWarning)
SIGNS = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))  # where steps see it: a file for each run whose server is up
SIGNS.chmod(0o755)  # steps may be another user's
OF_THE_SERVER = "CLONE_NEWUSER"  # in its command line, and its workers', and not in those of the components here


@dsl.component
def facts(when: str) -> str:
    """What a step sees, as JSON on one line of its log."""
    import atexit
    import ctypes
    import json
    import logging
    import multiprocessing
    import os
    import pathlib
    import resource
    import signal
    import socket
    import subprocess
    import sys
    import tempfile
    import threading

    out, home = {}, os.environ["HOME"]

    def names(directory):
        try:
            return sorted(os.listdir(directory))
        except OSError as error:
            return error.strerror

    def writable(directory):
        try:
            with tempfile.NamedTemporaryFile(dir=directory):
                return True
        except OSError as error:
            return error.strerror

    out["descriptors"] = {name: os.readlink(f"/proc/self/fd/{name}") for name in names("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{name}")}
    status = dict(line.split(":\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    out["served"] = "idle_seconds" in pathlib.Path("/proc/self/cmdline").read_text()
    out["capabilities"] = [status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")]
    out["no new privileges"] = status["NoNewPrivs"]
    out["signals"] = [status[name] for name in ("SigBlk", "SigIgn", "SigCgt")]
    out["handlers"] = [str(signal.getsignal(each)) for each in sorted(signal.valid_signals())]
    out["wakeup"] = signal.set_wakeup_fd(-1)
    # HOME and these hold the attempt's name or a number of its own. _: dash's.
    own = ("KFP_POD_NAME", "KFP_POD_UID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "MILLRACE_TASK_TOKEN", "_")
    out["environment"] = {k: v for k, v in os.environ.items() if k not in own}
    out["own"] = sorted(k for k in own if k in os.environ)
    out["directory"] = os.getcwd()
    os.umask(mask := os.umask(0))
    out["umask"] = mask
    out["user"] = [os.getresuid(), os.getresgid(), os.getgroups()]
    out["limits"] = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    out["scheduling"] = [os.nice(0), sorted(os.sched_getaffinity(0)), socket.gethostname()]
    out["stdin"] = [sys.stdin.read(), os.readlink("/proc/self/fd/0"), sys.stdin.encoding]
    out["streams"] = [[s.encoding, s.errors, s.line_buffering] for s in (sys.stdout, sys.stderr)]
    main = sys.modules["__main__"]
    out["main"] = [main.__name__, main.__file__, main.__spec__.name, __name__, callable(main.executor_main)]
    out["python"] = [sys.argv[0], [each for each in sys.argv[1:] if each.startswith("--")], sys.orig_argv[:4], sys.executable, sys.path[1:], str(sys.flags), sys.dont_write_bytecode]
    out["python at work"] = [threading.active_count(), threading.current_thread().name, sys.getrecursionlimit(), tempfile.gettempdir()]
    out["seen"] = {at: [name for name in names(at) if not name.startswith("tmp")] for at in ("/tmp", "/dev/shm", "/", "..", "../..", "../../..", "../../../..")}
    # What the SDK's start has pip leave, and what is made with the first run.
    out["writable"] = {at: writable(at) for at in ("/", "/usr", "/var/tmp", "/dev/shm", "/tmp", ".", "..", "../..", "../../..", "outputs", "../../python")}
    for at in ("/tmp", "/dev/shm"):
        pathlib.Path(at, "left-by-" + when).write_text("x")
    with open("/dev/stdout", "a") as stdout:
        stdout.write("by way of /dev/stdout\n")
    for number in range(3):
        print("line", 2 * number, flush=True)
        print("line", 2 * number + 1, file=sys.stderr)
    thread = threading.Thread(target=lambda: print("from a thread", flush=True))
    thread.start()
    thread.join()
    out["subprocess"] = subprocess.run(["sh", "-c", "echo $AWS_REGION $PWD; ls /proc/self/fd; umask"], capture_output=True, text=True).stdout
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            out[method] = pool.map(len, ["a", "bb", "ccc"])
            try:
                pool.map(writable, ["/tmp"])
            except Exception as error:
                out[method + " of its own"] = str(error).split(".<locals>")[-1]
    queue = multiprocessing.get_context("fork").Queue()
    child = multiprocessing.get_context("fork").Process(target=lambda: queue.put(writable("/tmp")))
    child.start()
    out["child"] = [queue.get(), child.join(), child.exitcode]
    logging.getLogger().warning("a warning in the log")
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and os.path.exists(f"/proc/{pid}/cwd/") and not os.path.realpath(f"/proc/{pid}/cwd").startswith(home)]
    out["ways into others"] = others
    # Nothing is uncovered, whatever is unmounted.
    libc = ctypes.CDLL(None, use_errno=True)
    targets = [line.split()[4] for line in open("/proc/self/mountinfo")]
    out["unmounted"] = [at for at in targets if libc.umount2(at.encode(), 2) == 0]
    out["entered"] = libc.unshare(0x10000000 | 0x20000)
    out["unmounted then"] = [at for at in targets if libc.umount2(at.encode(), 2) == 0]
    out["seen then"] = {at: [name for name in names(at) if not name.startswith("tmp")] for at in ("..", "../..", "../../..", "../../../..")}
    print("FACTS " + json.dumps(out).replace(home, "HOME").replace(os.path.basename(home) + ".log.txt", "LOG"))
    print("x" * 1_000_000)
    atexit.register(print, "at exit")
    return when


@dsl.component
def side(when: str) -> str:
    """What one of two at the same time has of the other."""
    import json
    import os
    import pathlib
    import random
    import time

    begun = time.time()
    for at in ("/tmp", "/dev/shm"):
        pathlib.Path(at, "left-by-" + when).write_text("x")
    time.sleep(0.6)
    seen = [name for at in ("/tmp", "/dev/shm", "..") for name in os.listdir(at) if name.startswith("left-by") or at == ".."]
    served = "idle_seconds" in pathlib.Path("/proc/self/cmdline").read_text()
    out = {"when": when, "served": served, "seen": seen, "begun": begun, "ended": time.time(), "random": random.random(), "home": os.getcwd()}
    print("FACTS " + json.dumps(out))
    return when


@dsl.component
def end(how: str) -> int:
    import ctypes
    import os
    import pathlib
    import signal
    import subprocess
    import sys
    import time

    if how != "fine":
        print("served:", "idle_seconds" in pathlib.Path("/proc/self/cmdline").read_text(), flush=True)
    if how == "exception":
        raise ValueError("of the component's own")
    if how == "hook":
        sys.excepthook = lambda kind, error, trace: print("the hook was told of", kind.__name__, file=sys.stderr)
        raise ValueError
    if how == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    if how == "words":
        sys.exit("the last words")
    if how == "three":
        sys.exit(3)
    if how == "minus":
        sys.exit(-1)
    if how == "zero":
        sys.exit(0)
    if how == "seven":
        os._exit(7)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "told by itself":
        os.kill(os.getpid(), signal.SIGTERM)
    if how == "crash":
        ctypes.string_at(0)
    if how == "type":
        return "no number"
    if how == "closed":
        sys.stdout.write("not flushed")
        os.close(1)
    if how == "leaves":
        subprocess.Popen(["sleep", "4242"])
        subprocess.Popen(["sleep", "4242"], start_new_session=True)
        subprocess.run(["sh", "-c", "setsid sleep 4242 & setsid sh -c 'sleep 4242 & exit' & exit"])
        time.sleep(0.1)
    if how == "told":
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(1)))
        print("ready", flush=True)
        time.sleep(60)
    if how == "once" and os.environ["KFP_RETRY_INDEX"] == "0":
        print("ready", flush=True)
        time.sleep(60)
    if how == "slow":
        print("ready", flush=True)
        time.sleep(2)
    if how == "seen":
        print("runs:", os.listdir("../.."), "attempts:", os.listdir(".."), flush=True)
    if how == "variables":
        print("variables:", os.environ.get("GREETING"), hash("words"), flush=True)
    return 1


@dsl.component
def make(data: dsl.Output[dsl.Dataset]):
    with open(data.path, "w") as file:
        file.write("as it was made")


@dsl.component
def spoil(data: dsl.Input[dsl.Dataset], copy: dsl.Output[dsl.Dataset]) -> str:
    import pathlib

    served = "idle_seconds" in pathlib.Path("/proc/self/cmdline").read_text()
    pathlib.Path(copy.path).write_text("a copy")
    pathlib.Path("a note").write_text("beside its log")
    try:
        pathlib.Path(data.path).write_text("spoilt")
        how = "spoilt"
    except OSError as error:
        how = error.strerror
    return f"served: {served}, {how}, {pathlib.Path(data.path).read_text()}"


@dsl.component
def read(data: dsl.Input[dsl.Dataset], one: dsl.Input[dsl.Dataset], two: dsl.Input[dsl.Dataset]) -> str:
    return " ".join(open(each.path).read() for each in (data, one, two))


@dsl.container_component
def until_there_is(file: str):
    script = 'n=0; until [ -e "$0" ] || [ $n -ge 400 ]; do n=$((n + 1)); sleep 0.05; done'
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", script], args=[file])


@dsl.container_component
def sleep(seconds: str):
    return dsl.ContainerSpec(image="busybox", command=["sleep"], args=[seconds])


def named(task, name, after=None):
    task.set_caching_options(False).set_display_name(name)
    return task.after(after) if after else task


def plainly(task):
    """What the interpreter reads when it starts, and does without it too."""
    return task.set_env_variable("PYTHONHASHSEED", "random")


def pause(after):
    return named(until_there_is(file=f"{SIGNS}/{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"), "pause", after)


def warm_up():
    """What is after the result is asked of the server."""
    return pause(named(end(how="fine"), "second", named(end(how="fine"), "first")))


@dsl.pipeline(name="facts-of-all")
def facts_of_all():
    second = named(facts(when="second"), "second", plainly(named(facts(when="first"), "plain")))
    wait = pause(second)
    named(facts(when="fourth"), "later", named(facts(when="third"), "served", wait))


@dsl.pipeline(name="sides")
def sides():
    wait = pause(named(side(when="second"), "second", named(side(when="first"), "first")))
    with dsl.ParallelFor(items=["a", "b"]) as item:
        both = named(side(when=item), "at once", wait)
    named(side(when="last"), "last", both)


@dsl.pipeline(name="artifacts-of-all")
def artifacts_of_all():
    made = named(make(), "make")
    one = plainly(named(spoil(data=made.outputs["data"]), "plain"))
    two = named(spoil(data=made.outputs["data"]), "served", pause(one))
    named(read(data=made.outputs["data"], one=one.outputs["copy"], two=two.outputs["copy"]), "read")


@dsl.pipeline(name="artifacts-of-served")
def artifacts_of_served():
    made = named(make(), "make")
    one = named(spoil(data=made.outputs["data"]), "served")
    two = named(spoil(data=made.outputs["data"]), "served too")
    named(read(data=made.outputs["data"], one=one.outputs["copy"], two=two.outputs["copy"]), "read")


@dsl.pipeline(name="kinds")
def kinds():
    wait = warm_up()
    named(end(how="variables"), "greeted", wait).set_env_variable("GREETING", "hello")
    for name in ("python one", "python two"):
        named(end(how="variables"), name, wait).set_env_variable("PYTHONHASHSEED", "7")
    named(end(how="variables"), "limited", wait).set_memory_limit("2G")


@dsl.pipeline(name="end-plain")
def end_plain(how: str):
    plainly(named(end(how=how), "subject"))


@dsl.pipeline(name="end-served")
def end_served(how: str):
    named(end(how=how), "subject", warm_up())


@dsl.pipeline(name="end-served-early")
def end_served_early(how: str):
    named(sleep(seconds="1"), "afterwards", named(end(how=how), "subject", warm_up()))


@dsl.pipeline(name="end-served-when-told")
def end_served_when_told(how: str):
    go = named(until_there_is(file=f"{SIGNS}/go-{dsl.PIPELINE_JOB_ID_PLACEHOLDER}"), "go", warm_up())
    named(end(how=how), "subject", go)


@dsl.pipeline(name="end-served-again")
def end_served_again(how: str):
    named(end(how=how), "subject", warm_up()).set_retry(num_retries=1, backoff_duration="0s")


class Watcher(threading.Thread):
    """Makes the signs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.places, self.ended = [], threading.Event()

    def run(self):
        while not self.ended.wait(0.03):
            for place in self.places:
                for file in place.glob("pipelines/runs/*/python/*"):
                    if file.is_socket():
                        (SIGNS / file.parts[-3]).touch()


@pytest.fixture(scope="module")
def watcher():
    watcher = Watcher()
    watcher.start()
    yield watcher
    watcher.ended.set()
    watcher.join()
    shutil.rmtree(SIGNS)


@pytest.fixture(scope="module")
def server(watcher):
    """Its directory is not below /tmp: there tasks see nothing of the machine anyway."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    watcher.places.append(directory / "data")
    with support.running(directory / "data") as running:
        yield running
    shutil.rmtree(directory)


@functools.cache
def package(pipeline):
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "pipeline.yaml")
        compiler.Compiler().compile(pipeline, str(file))
        return file.read_text()


def start(server, pipeline, **arguments):
    with tempfile.NamedTemporaryFile(mode="w", suffix=".yaml") as file:
        file.write(package(pipeline))
        file.flush()
        return support.start_run(server, arguments, package=file.name)


def tasks_of(server, run_id, name):
    run = json.loads(server.request(f"/console/api/runs/{run_id}")[1])
    return [task for task in run["tasks"] if task["display_name"] == name and not task["is_dag"]]


def task_of(server, run_id, name="subject"):
    return next(iter(tasks_of(server, run_id, name)), None)


def log_of(server, run_id, task):
    if isinstance(task, str):
        task = task_of(server, run_id, task)
    return server.request(f"/apis/v1alpha1/runs/{run_id}/nodes/{task['pod_name']}/log")[1] if task and task["pod_name"] else ""


def wait_until(true, limit=20):
    deadline = time.monotonic() + limit
    while not (result := true()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.03)
    return result


def wait_for_log(server, run_id, words):
    wait_until(lambda: words in log_of(server, run_id, "subject"))


def succeeded(server, run_id):
    run = support.wait_for_run(server, run_id)
    assert run["state"] == "SUCCEEDED", support.why(server, run_id)
    return run_id


def processes_with(*words):
    """Their pids, and what they were started with."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_text(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                found[int(entry.name)] = line
    return found


def none_left(*words, limit=5):
    deadline = time.monotonic() + limit
    while left := processes_with(*words):
        assert time.monotonic() < deadline, [line[-300:] for line in left.values()]
        time.sleep(0.05)


def name_of_the_server(server, run):
    """What its command line holds: the run, or, of one that was ready before it, a name of its own."""
    sockets = [file.name for file in (server.data_dir / "pipelines/runs" / run / "python").glob("*") if file.is_socket()]
    return sockets[0].split(".")[1] if sockets and "." in sockets[0] else run


def the_server_of(server, run):
    """Workers have its command line: it is the one whose parent has another."""
    pids = processes_with(name_of_the_server(server, run), OF_THE_SERVER)
    parent = {pid: int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) for pid in pids}
    return next((pid for pid in pids if parent[pid] not in pids), None)


def facts_of(log):
    (line,) = [line for line in log.splitlines() if line.startswith("FACTS ")]
    return json.loads(line[6:])


@pytest.mark.parametrize("place", ["below /tmp", "elsewhere"])
def test_a_served_step_sees_what_a_plain_one_sees(server, watcher, place, tmp_path):
    if place == "elsewhere":
        return see_the_same(server, False)
    watcher.places.append(tmp_path / "data")
    with support.running(tmp_path / "data") as below_tmp:
        see_the_same(below_tmp, True)


def see_the_same(server, is_below_tmp):
    run = succeeded(server, start(server, facts_of_all))
    steps = ("plain", "served", "later")
    logs = {step: log_of(server, run, step) for step in steps}
    plain, served, later = seen = [facts_of(logs[step]) for step in steps]
    assert [one.pop("served") for one in seen] == [False, True, True]
    # In the server's sandbox there are no capabilities to be had; a plain step of root's has a container's.
    assert plain.pop("capabilities") and served.pop("capabilities") == later.pop("capabilities") == ["0" * 16] * 4
    assert plain["environment"].pop("PYTHONHASHSEED") == "random"
    for one in seen:
        assert one["directory"] == one["environment"]["HOME"] == one["environment"]["PWD"] == "HOME"
        assert one["stdin"][:2] == ["", "/dev/null"] and one["wakeup"] == -1 and set(one["descriptors"]) >= {"0", "1", "2"}
        assert len(one["descriptors"]) <= 4, "one is the listing's own"
        assert set(one["own"]) - {"_"} == {"KFP_POD_NAME", "KFP_POD_UID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "MILLRACE_TASK_TOKEN"}
        assert one["unmounted"] == one["unmounted then"] == [] and one["ways into others"] == []
        assert one["fork"] == one["spawn"] == [1, 2, 3] and one["child"] == [True, None, 0]
        for at, names in one.pop("seen then").items():
            assert names == one["seen"][at], at
        # Each of the server's own files, of which there are some.
        assert one["seen"]["../../../.."] == ["pipelines"] and len(os.listdir(server.data_dir)) > 5
        if is_below_tmp:  # above the attempt's is what the sandbox made in its /tmp
            one["writable"].pop("..")
            one["seen"]["../../.."] = [name for name in one["seen"]["../../.."] if name != "python-client"]  # an empty one
        assert len(one["seen"].pop("..")) == 1, "another attempt's files show"
        # Made with the first run, and with the server.
        one["seen"]["/"] = [name for name in one["seen"]["/"] if name not in ("minio", "s3", "gcs")]
        assert not [name for names in one["seen"].values() for name in names if name.startswith("left-by")]
    for key in plain:
        assert served[key] == plain[key], key
        assert later[key] == plain[key], key
    for step, log in logs.items():
        assert "by way of /dev/stdout\n" in log and "from a thread\n" in log and "a warning in the log\n" in log
        assert "".join(f"line {number}\n" for number in range(6)) in log, step
        assert log.count("x" * 1_000_000) == 1 and log.endswith("at exit\n"), f"{step}: output is cut off"
    values = [task_of(server, run, step)["outputs"]["parameters"]["Output"] for step in steps]
    assert values == ["first", "third", "fourth"]
    none_left(run)


def test_served_steps_at_the_same_time_see_nothing_of_each_other(server):
    run = succeeded(server, start(server, sides))
    both = [facts_of(log_of(server, run, task)) for task in tasks_of(server, run, "at once")]
    last = facts_of(log_of(server, run, "last"))
    assert sorted(one["when"] for one in both) == ["a", "b"] and both[0]["begun"] < both[1]["ended"] and both[1]["begun"] < both[0]["ended"]
    for one in (*both, last):
        assert one["served"]
        assert sorted(one["seen"]) == sorted(["left-by-" + one["when"]] * 2 + [pathlib.Path(one["home"]).name])
    assert len({one["random"] for one in (*both, last)}) == 3, "chance is the server's"


def test_a_served_step_writes_its_own_artifacts_alone(server):
    run = succeeded(server, start(server, artifacts_of_all))
    said = {name: task_of(server, run, name)["outputs"]["parameters"]["Output"] for name in ("plain", "served", "read")}
    assert said == {
        "plain": "served: False, Read-only file system, as it was made",
        "served": "served: True, Read-only file system, as it was made",
        "read": "as it was made a copy a copy",
    }


def test_what_a_server_cannot_give_is_run_plainly(server):
    run = succeeded(server, start(server, kinds))
    logs = {name: log_of(server, run, name) for name in ("greeted", "python one", "python two", "limited")}
    said = {name: re.search(r"served: (\w+)\n(?s:.*)variables: (\w+) (-?\d+)", log).groups() for name, log in logs.items()}
    assert said["greeted"][:2] == ("True", "hello")
    assert said["python one"] == said["python two"] and said["python one"][0] == "False" and said["python one"][2] != said["greeted"][2]
    assert said["limited"][0] == "False"


ENDS = ("exception", "hook", "interrupted", "words", "three", "minus", "zero", "seven", "killed", "told by itself", "crash", "type", "closed")


def test_a_served_step_ends_as_a_plain_one_ends(server):
    def without_places(text):
        text = re.sub(r"/tmp/tmp[^/\"]*|0x[0-9a-f]+|\[KFP Executor [^\]]*\]|served: \w+|root\.end[^/]*", "…", text or "")
        # What ran the SDK's program is not the component's.
        started_by = r'  File "<(frozen runpy|string)>".*\n|  File .*executor_main.py", line \d+, in <module>\n.*\n'
        return re.sub(started_by, "", text)

    runs = {how: (start(server, end_plain, how=how), start(server, end_served, how=how)) for how in ENDS}
    for how, pair in runs.items():
        for run in pair:
            support.wait_for_run(server, run)
        plain, served = [task_of(server, run) for run in pair]
        logs = [log_of(server, run, "subject") for run in pair]
        assert "served: False\n" in logs[0] and "served: True\n" in logs[1], (how, logs)
        # Also where it exits with 0: the output that it declares is not there.
        assert served["state"] == plain["state"] == "FAILED", (how, plain, served)
        assert without_places(served["error"]) == without_places(plain["error"]), how
        # The first one may have made the environment.
        said = [without_places(log[log.index("…" if "…" in log else "[KFP"):]).replace(run, "RUN") for log, run in zip(logs, pair)]
        assert said[1] == said[0], how
    for pair in runs.values():
        none_left(pair[1])


def test_what_a_served_step_left_behind_ends_with_it(server):
    run = start(server, end_served_early, how="leaves")
    wait_until(lambda: (task := task_of(server, run)) and task["state"] == "SUCCEEDED")
    none_left("sleep\0004242", limit=0.5)
    assert json.loads(server.request(f"/apis/v2beta1/runs/{run}")[1])["state"] == "RUNNING", "it ended with the run"
    assert "served: True" in log_of(server, run, "subject")
    succeeded(server, run)
    none_left(run)


def test_a_stopped_run_tells_its_step(server):
    run = start(server, end_served, how="told")
    wait_for_log(server, run, "ready")
    assert server.request(f"/apis/v2beta1/runs/{run}:terminate", {}, "POST")[0] == 200
    assert support.wait_for_run(server, run)["state"] == "FAILED"  # upstream's word for it
    assert task_of(server, run)["state"] == "CANCELED"
    assert "served: True" in (log := log_of(server, run, "subject")) and log.endswith("told\n"), log
    none_left(run)


def test_when_the_server_dies_its_steps_fail_and_may_be_tried_again(server):
    once, twice = start(server, end_served, how="once"), start(server, end_served_again, how="once")
    for run in (once, twice):
        wait_for_log(server, run, "ready")
        assert "served: True" in log_of(server, run, "subject")
        os.kill(the_server_of(server, run), signal.SIGKILL)
    assert support.wait_for_run(server, once)["state"] == "FAILED"
    assert task_of(server, once)["error"].endswith("The Python server of this run ended before the task did.")
    succeeded(server, twice)
    for run in (once, twice):
        none_left(run)


def test_a_task_that_the_server_did_not_begin_is_run_plainly(server):
    run = start(server, end_served_when_told, how="slow")
    wait_until(lambda: (task := task_of(server, run, "pause")) and task["state"] == "SUCCEEDED")
    pid = the_server_of(server, run)
    os.kill(pid, signal.SIGSTOP)
    (SIGNS / f"go-{run}").touch()
    wait_until(lambda: processes_with(run, "python-client"))
    time.sleep(0.2)
    os.kill(pid, signal.SIGKILL)
    succeeded(server, run)
    assert "served: False" in (log := log_of(server, run, "subject")) and log.count("ready") == 1
    none_left(run)


@dsl.pipeline(name="one-alone")
def one_alone(how: str):
    named(end(how=how), "subject")


def ready_servers(server):
    return [file for file in (server.data_dir / "pipelines/python-ready").glob("*/python/*") if file.is_socket()]


def test_a_run_takes_the_server_that_is_ready_and_leaves_another(server):
    """Also one with a single component. The next one has a server of its own."""
    succeeded(server, start(server, one_alone, how="fine"))
    (ready,) = wait_until(lambda: ready_servers(server))
    names = [ready.name]
    for _ in range(2):
        run = succeeded(server, start(server, one_alone, how="seen"))
        said = log_of(server, run, "subject")
        assert "served: True" in said
        assert f"runs: ['{run}']" in said and re.search(r"attempts: \['root\.end\.1'\]", said), said
        assert names[-1].split(".")[1] == name_of_the_server(server, run)
        none_left(names[-1].split(".")[1])
        (ready,) = wait_until(lambda: ready_servers(server))
        assert ready.name not in names, "it served a run already"
        names.append(ready.name)


def test_one_that_is_ready_writes_the_artifacts_of_its_run(server):
    wait_until(lambda: ready_servers(server))
    run = succeeded(server, start(server, artifacts_of_served))
    assert name_of_the_server(server, run) != run
    said = {name: task_of(server, run, name)["outputs"]["parameters"]["Output"] for name in ("served", "read")}
    assert said == {"served": "served: True, Read-only file system, as it was made", "read": "as it was made a copy a copy"}
    none_left(name_of_the_server(server, run))


def test_what_is_ready_ends_with_millrace(server):
    (old,) = wait_until(lambda: ready_servers(server))
    name = old.name.split(".")[1]
    assert processes_with(name, OF_THE_SERVER)
    server.kill()
    server.start()
    none_left(name)
    wait_until(lambda: not ready_servers(server))
    succeeded(server, start(server, one_alone, how="fine"))
    (ready,) = wait_until(lambda: ready_servers(server))
    server.stop()
    none_left(ready.name.split(".")[1], limit=2)
    server.start()
    assert not ready_servers(server)


def test_a_served_step_outlives_the_death_of_millrace(server):
    run = start(server, end_served, how="slow")
    wait_for_log(server, run, "ready")
    server.kill()
    server.start()
    succeeded(server, run)
    assert (log := log_of(server, run, "subject")).count("ready") == 1 and "served: True" in log
    none_left(run)


def test_without_sandboxes_too_a_step_dies_with_its_server(server):
    server.stop()
    server.arguments = ["--no-sandbox"]
    server.start()
    run = start(server, end_served_again, how="once")
    wait_for_log(server, run, "ready")
    assert "served: True" in log_of(server, run, "subject")
    workers = set(processes_with(run, OF_THE_SERVER)) - {the_server_of(server, run)}
    assert len(workers) == 2, "the task's, and the one that waits for a task"
    os.kill(the_server_of(server, run), signal.SIGKILL)
    wait_until(lambda: not workers & set(processes_with(run, OF_THE_SERVER)), limit=2)
    succeeded(server, run)
    none_left(run)
