"""The Python package: `millrace.up()` in processes of their own, as a notebook or a test would call it. The wheel is the one
for this machine, made once; the one with its libraries is tested on bare systems (nightly/packages.sh)."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import support

CLIENTS = """
import json, os, sys
import millrace
server = millrace.up()
import boto3, kfp
client = kfp.Client()
client.create_experiment(sys.argv[1])
names = [e.display_name for e in client.list_experiments().experiments]
arn = boto3.client("sts").get_caller_identity()["Arn"]
jobs = boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
bucket = boto3.client("s3").create_bucket(Bucket=sys.argv[1])["Location"]
print(json.dumps({"endpoint": server.endpoint, "data": str(server.data_dir), "names": names, "arn": arn, "jobs": jobs,
                  "kubeconfig": os.environ["KUBECONFIG"], "bucket": bucket}), flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A directory with the package installed in it."""
    place = tmp_path_factory.mktemp("wheel")
    make = [sys.executable, support.ROOT / "packaging/package.py", "--program", support.MILLRACE, "--output", place]
    done = subprocess.run([*map(str, make), "local-wheel"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wheel = next(place.glob("*.whl"))
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", place / "site", wheel]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place / "site"


@pytest.fixture
def environment(site, tmp_path):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KF_", "MILLRACE", "KUBECONFIG"))}
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    return keep | {"PYTHONPATH": str(site), "HOME": str(tmp_path), "TMPDIR": str(temporary)}


def python(code, environment, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def result(code, environment):
    process = python(code, environment)
    said, _ = process.communicate("", timeout=60)
    assert process.returncode == 0
    return json.loads(said)


def shown_by(process):
    """The object that a process prints; the SDK prints links before it."""
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError("nothing was shown")


def wait_until_gone(path):
    deadline = time.monotonic() + 30
    while path.exists():
        assert time.monotonic() < deadline, f"{path} is still there"
        time.sleep(0.05)


def processes_naming(text):
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in entry.read_text():
                yield entry
        except OSError:
            continue


def wait_until_no_process_names(text):
    """The guard of a killed process is nobody's child here: it ends soon after it has removed the directory."""
    deadline = time.monotonic() + 30
    while left := list(processes_naming(text)):
        assert time.monotonic() < deadline, f"{left} are still there"
        time.sleep(0.05)


def test_two_processes_have_servers_of_their_own(environment):
    processes = [python(CLIENTS, environment, name) for name in ("one-of-two", "two-of-two")]
    shown = [shown_by(process) for process in processes]
    for own, other, name in ((0, 1, "one-of-two"), (1, 0, "two-of-two")):
        assert name in shown[own]["names"] and name not in shown[other]["names"]
        assert shown[own]["arn"].startswith("arn:aws:iam::") and shown[own]["jobs"] == []
        assert shown[own]["kubeconfig"].startswith(shown[own]["data"])
    assert shown[0]["endpoint"] != shown[1]["endpoint"]
    # One ends as scripts do, the other as a kernel that is killed.
    processes[0].communicate("\n", timeout=60)
    assert processes[0].returncode == 0
    processes[1].send_signal(signal.SIGKILL)
    processes[1].wait()
    for one in shown:
        data = pathlib.Path(one["data"])
        wait_until_gone(data.parent)
        wait_until_no_process_names(str(data))


def test_steps_run_and_end_with_the_process(environment):
    code = """
import json, subprocess, time, millrace
server = millrace.up()
from kfp import dsl
@dsl.container_component
def nap():
    return dsl.ContainerSpec(image="alpine", command=["sleep", "600"])
@dsl.pipeline
def naps():
    nap()
import kfp
run = kfp.Client().create_run_from_pipeline_func(naps, arguments={})
while kfp.Client().get_run(run.run_id).state != "RUNNING":
    time.sleep(0.05)
print(json.dumps({"data": str(server.data_dir), "program": subprocess.run(
    ["millrace", "runs", "--state", "running", "--quiet"], capture_output=True, text=True).stdout.strip() == run.run_id}))
"""
    process = python(code, environment)
    lines = process.communicate("", timeout=60)[0].strip().splitlines()
    shown = json.loads(lines[-1])
    assert process.returncode == 0 and shown["program"], "millrace is on PATH and finds the server"
    wait_until_gone(pathlib.Path(shown["data"]).parent)
    wait_until_no_process_names(shown["data"])


def test_again_a_directory_and_down(environment, tmp_path):
    code = f"""
import json, os, pathlib, millrace
os.environ["AWS_PROFILE"], os.environ["AWS_ENDPOINT_URL_S3"] = "mine", "http://127.0.0.1:1"
before = dict(os.environ)
first = millrace.up()
again = millrace.up() is first
kept = millrace.up({str(tmp_path / "kept")!r})
second = os.environ["MILLRACE_URL"] == kept.endpoint and kept is not first
import boto3
boto3.client("s3").create_bucket(Bucket="kept-bucket")
with kept:
    pass
back = os.environ["MILLRACE_URL"] == first.endpoint
millrace.down()
same = dict(os.environ) == before
with millrace.up({str(tmp_path / "kept")!r}):
    buckets = [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]]
print(json.dumps([again, second, back, same, "kept-bucket" in buckets, dict(os.environ) == before]))
"""
    assert result(code, environment) == [True] * 6
    assert (tmp_path / "kept/millrace.db").exists()


def test_what_the_server_says_is_the_error(environment, tmp_path):
    (tmp_path / "file").write_text("")
    code = f"""
import json, millrace
said = []
for data, arguments in (({str(tmp_path / "file")!r}, ()), (None, ["--max-running-tasks", "0"])):
    try:
        millrace.up(data, arguments)
    except millrace.StartError as error:
        said.append(str(error))
print(json.dumps(said))
"""
    directory, option = result(code, environment)
    assert str(tmp_path / "file") in directory
    assert "--max-running-tasks" in option
    assert not list((tmp_path / "tmp").iterdir())


def test_the_command(site, environment):
    done = subprocess.run([site / "bin/millrace", "--version"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("millrace ")
    done = subprocess.run([sys.executable, "-m", "millrace", "nonsense"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "not a command" in done.stderr
