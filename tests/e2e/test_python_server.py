"""Python components that are forked from the run's Python server: they see, say and end as plain ones do.

`warm` runs plainly, the second one starts the server, and after a pause the third is asked of it. Each test makes sure
that its step really was served (its command line is the server's), so that none passes without one.
"""

import functools
import json
import os
import pathlib
import re
import signal
import time
import warnings

import pytest
from kfp import compiler, dsl

import support

warnings.filterwarnings("ignore", category=FutureWarning)


@dsl.component
def facts(when: str) -> str:
    """What a step sees, as JSON on one line of its log."""
    import ctypes
    import json
    import logging
    import multiprocessing
    import os
    import pathlib
    import signal
    import subprocess
    import sys
    import threading

    status = dict(line.split(":\t", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    out = {}
    out["served"] = "IDLE_SECONDS" in pathlib.Path("/proc/self/cmdline").read_text()
    own = ("KFP_POD_NAME", "KFP_POD_UID", "HOME", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
    # What a shell adds to a plain one.
    shell = ("PWD", "OLDPWD", "SHLVL", "_", "_KFP_RUNTIME")
    out["environment"] = {k: v for k, v in os.environ.items() if k not in own + shell}
    out["runtime"] = os.environ["_KFP_RUNTIME"]
    out["own"] = sorted(k for k in own if k in os.environ)
    out["at home"] = os.getcwd() == os.environ["HOME"]
    os.umask(mask := os.umask(0))
    out["umask"] = mask
    out["user"] = [os.getuid(), os.getgid(), sorted(os.getgroups())]
    out["capabilities"] = status["CapEff"], status["CapPrm"], status["CapInh"]
    out["no new privileges"] = status["NoNewPrivs"]
    out["stdin"] = sys.stdin.read()
    out["descriptors"] = sorted(fd for fd in map(int, os.listdir("/proc/self/fd")) if fd < 3)
    out["signals"] = [signal.getsignal(s) in (signal.SIG_DFL, signal.default_int_handler) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    out["tmp"] = sorted(re_name for re_name in os.listdir("/tmp") if not re_name.startswith("tmp"))
    pathlib.Path("/tmp/left-by-" + when).write_text("x")
    out["modules"] = sys.modules["__main__"].__name__, pathlib.Path(sys.argv[0]).name
    out["threads"] = threading.active_count()
    with open("/dev/stdout", "a") as stdout:
        stdout.write("by way of /dev/stdout\n")
    out["subprocess"] = subprocess.run(["sh", "-c", "echo $AWS_REGION"], capture_output=True, text=True).stdout
    with multiprocessing.get_context("fork").Pool(2) as pool:
        out["pool"] = pool.map(len, ["a", "bb", "ccc"])
    logging.getLogger().warning("a warning on stderr")
    # The server's own files stay hidden, whatever is unmounted.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(0x10000000 | 0x20000)
    data = pathlib.Path.cwd()
    while data.name != "pipelines":
        data = data.parent
    data = data.parent
    for place in ("/tmp", str(data), "/proc", "/dev/shm"):
        libc.umount2(place.encode(), 2)
    out["hidden"] = [name for name in ("key", "millrace.db", "kubeconfig") if (data / name).exists()]
    print("FACTS " + json.dumps(out))
    print("x" * 1_000_000)
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
        print("served:", "IDLE_SECONDS" in pathlib.Path("/proc/self/cmdline").read_text(), flush=True)
    if how == "exception":
        raise ValueError("of the component's own")
    if how == "words":
        sys.exit("the last words")
    if how == "three":
        sys.exit(3)
    if how == "zero":
        sys.exit(0)
    if how == "seven":
        os._exit(7)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "crash":
        ctypes.string_at(0)
    if how == "type":
        return "no number"
    if how == "leaves":
        subprocess.Popen(["sleep", "4242"])
    if how == "told":
        signal.signal(signal.SIGTERM, lambda *_: (print("told", flush=True), sys.exit(1)))
        print("ready", flush=True)
        time.sleep(60)
    if how.startswith("once "):
        marker = pathlib.Path(how[5:])
        if os.environ["KFP_RETRY_INDEX"] == "0":
            print("ready", flush=True)
            time.sleep(60)
    if how == "slow":
        print("ready", flush=True)
        time.sleep(3)
    return 1


@dsl.container_component
def pause(seconds: str):
    return dsl.ContainerSpec(image="busybox", command=["sleep"], args=[seconds])


def after_warm_up(make):
    """The step that `make` adds is asked of the server."""
    first = end(how="fine").set_caching_options(False).set_display_name("first")
    second = end(how="fine").after(first).set_caching_options(False).set_display_name("second")
    wait = pause(seconds="1.2").after(second).set_caching_options(False)
    return make().after(wait).set_caching_options(False).set_display_name("subject")


@dsl.pipeline(name="facts-plain")
def facts_plain():
    facts(when="first").set_caching_options(False).set_display_name("subject")


@dsl.pipeline(name="facts-served")
def facts_served():
    one = after_warm_up(lambda: facts(when="second"))
    facts(when="third").after(one).set_caching_options(False).set_display_name("later")


@dsl.pipeline(name="end-plain")
def end_plain(how: str):
    end(how=how).set_caching_options(False).set_display_name("subject")


@dsl.pipeline(name="end-served")
def end_served(how: str):
    after_warm_up(lambda: end(how=how))


@dsl.pipeline(name="end-served-again")
def end_served_again(how: str):
    after_warm_up(lambda: end(how=how)).set_retry(num_retries=1, backoff_duration="0s")


@pytest.fixture(scope="module")
def start(server, tmp_path_factory):
    directory = tmp_path_factory.mktemp("packages")

    @functools.cache
    def package(pipeline):
        file = directory / f"{pipeline.name}.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        return file

    return lambda pipeline, **arguments: support.start_run(server, arguments, package=package(pipeline))


def task_of(server, run_id, name="subject"):
    run = json.loads(server.request(f"/console/api/runs/{run_id}")[1])
    return next((t for t in run["tasks"] if t["display_name"] == name), None)


def log_of(server, run_id, name="subject"):
    task = task_of(server, run_id, name)
    return server.request(f"/apis/v1alpha1/runs/{run_id}/nodes/{task['pod_name']}/log")[1] if task and task["pod_name"] else ""


def wait_for_log(server, run_id, words, limit=30):
    deadline = time.monotonic() + limit
    while words not in (text := log_of(server, run_id)):
        assert time.monotonic() < deadline, text[-500:]
        time.sleep(0.05)


def processes_of(run_id, also=""):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_text(errors="replace")
            except OSError:
                continue
            if run_id in line and also in line:
                found.append(int(entry.name))
    return sorted(found)


def none_left(run_id, limit=5):
    deadline = time.monotonic() + limit
    while left := processes_of(run_id):
        assert time.monotonic() < deadline, [pathlib.Path(f"/proc/{pid}/cmdline").read_text()[-300:] for pid in left]
        time.sleep(0.05)


def facts_of(log):
    (line,) = [line for line in log.splitlines() if line.startswith("FACTS ")]
    return json.loads(line[6:])


def test_a_served_step_sees_what_a_plain_one_sees(server, start):
    runs = [start(facts_plain), start(facts_served)]
    for run in runs:
        assert support.wait_for_run(server, run)["state"] == "SUCCEEDED", support.why(server, run)
    logs = [log_of(server, runs[0]), log_of(server, runs[1]), log_of(server, runs[1], "later")]
    plain, served, later = [facts_of(log) for log in logs]
    assert [plain.pop("served"), served.pop("served"), later.pop("served")] == [False, True, True]
    for one in (plain, served, later):
        assert one["hidden"] == [] and one["at home"] and one["stdin"] == "", one
        # What a step runs with shows there, too, when that is below /tmp.
        one["tmp"] = [name for name in one["tmp"] if name not in server.data_dir.parts + support.MILLRACE.parts]
        assert one["tmp"] == [], "another step's files show"
        one["environment"].pop("AWS_SDK_UA_APP_ID")
    # In the server's sandbox there are no capabilities to be had; a plain step of root's has a container's.
    assert served.pop("capabilities") == later.pop("capabilities") == ["0" * 16] * 3 and plain.pop("capabilities")
    assert served["environment"] == plain["environment"]
    assert served == plain
    assert later == plain
    for log in logs:
        assert "by way of /dev/stdout" in log and "a warning on stderr" in log
        assert log.count("x" * 1_000_000) == 1, "output is cut off"
    none_left(runs[1])


@pytest.mark.parametrize("hows", [("exception", "words", "three", "zero"), ("seven", "killed", "crash", "type", "leaves")])
def test_a_served_step_ends_as_a_plain_one_ends(server, start, hows):
    runs = {how: (start(end_plain, how=how), start(end_served, how=how)) for how in hows}

    def without_places(text):
        text = re.sub(r"/tmp/tmp[^/\"]*|line \d+|0x[0-9a-f]+|\[KFP Executor [^\]]*\]|served: \w+", "…", text or "")
        return re.sub(r"(?s)Traceback.*?(?=\n\w)", "Traceback", text)

    for how, pair in runs.items():
        states, errors, logs = [], [], []
        for run in pair:
            support.wait_for_run(server, run)
            task = task_of(server, run)
            states.append(task["state"])
            logs.append(log_of(server, run))
            errors.append(without_places(task["error"]))
        assert "served: False" in logs[0] and "served: True" in logs[1], (how, logs)
        assert states[0] == states[1] == ("SUCCEEDED" if how in ("zero", "leaves") else "FAILED") or how == "zero", (how, states, logs)
        assert states[0] == states[1], (how, states, logs)
        if how in ("killed", "crash"):  # the one is ended by the signal, the other by the shell's word for it
            assert all("137" in e or "139" in e or "signal" in e for e in errors), errors
        else:
            assert errors[0] == errors[1], how
        last = {"exception": "ValueError: of the component's own", "words": "the last words"}.get(how)
        if last:
            assert [log.strip().splitlines()[-1] for log in logs] == [last, last]
    assert not [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if "sleep\x004242" in read_or_empty(p)], "what a step left behind"
    for pair in runs.values():
        none_left(pair[1])


def read_or_empty(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_a_stopped_run_tells_its_step(server, start):
    run = start(end_served, how="told")
    wait_for_log(server, run, "ready")
    assert server.request(f"/apis/v2beta1/runs/{run}:terminate", {}, "POST")[0] == 200
    assert support.wait_for_run(server, run)["state"] in ("CANCELED", "FAILED")
    assert "served: True" in log_of(server, run) and "told" in log_of(server, run)
    none_left(run)


def the_server_of(run):
    """Workers have its command line: it is the one whose parent has another."""
    pids = processes_of(run, "sandboxed\0")
    parent = {pid: int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) for pid in pids}
    (found,) = [pid for pid in pids if parent[pid] not in pids]
    return found


def test_when_the_server_dies_its_steps_fail_and_may_be_tried_again(server, start):
    once, twice = start(end_served, how="once x"), start(end_served_again, how="once x")
    for run in (once, twice):
        wait_for_log(server, run, "ready")
        assert "served: True" in log_of(server, run)
        os.kill(the_server_of(run), signal.SIGKILL)
    assert support.wait_for_run(server, once)["state"] == "FAILED"
    assert "The Python server of this run ended before the task did." in support.why(server, once)
    assert support.wait_for_run(server, twice)["state"] == "SUCCEEDED", support.why(server, twice)
    for run in (once, twice):
        none_left(run)


def test_a_served_step_outlives_the_death_of_millrace(server, start):
    run = start(end_served, how="slow")
    wait_for_log(server, run, "ready")
    server.kill()
    server.start()
    assert support.wait_for_run(server, run)["state"] == "SUCCEEDED", support.why(server, run)
    assert log_of(server, run).count("ready") == 1 and "served: True" in log_of(server, run)
    none_left(run)
