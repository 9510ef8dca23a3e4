"""Steps and jobs are confined alike, with the server as root and as an ordinary user.

Each row of docs/security.md is tried by src/proc/confinement_test.cpp; here it is shown that a pipeline's step and a
processing job really get that sandbox: the same facts from both, and the attempts that were once possible.
"""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
import time

import pytest

import support

NOBODYS = 59475  # an ordinary user's number
PROBE = r"""
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
data = {data!r}
def opened(path, flags):
    try:
        os.close(os.open(path, flags)); return "opened"
    except OSError as error:
        return type(error).__name__
def refused(result):
    return result == -1 and ctypes.get_errno()
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
print("FACTS " + json.dumps({{
    "uid": os.getresuid(),
    "capabilities": [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "no_new_privs": status["NoNewPrivs"],
    "seccomp": status["Seccomp"],
    "umount": refused(libc.umount2(data.encode(), 2)),
    "umount tmp": refused(libc.umount2(b"/tmp", 2)),
    "mount": refused(libc.mount(b"x", b"/tmp", b"tmpfs", 0, None)),
    "unshare": refused(libc.unshare(0x10020000)),
    "key": opened(data + "/key", os.O_RDONLY),
    "kubeconfig": opened(data + "/kubeconfig", os.O_RDONLY),
    "data": [name for name in os.listdir(data) if name in ("key", "kubeconfig", "server.json", "blobs", "launcher")] if os.path.isdir(data) else [],
    "core_pattern": opened("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "sysrq": opened("/proc/sysrq-trigger", os.O_WRONLY),
    "devices": [name for name in os.listdir("/dev") if name.startswith(("vd", "sd", "nvme", "loop", "kmsg", "mem", "pts", "ptmx"))],
    "terminal": opened("/dev/tty", os.O_RDWR),
    "run": [name for name in os.listdir("/run") if name != "systemd"],
    "pid": os.getpid() <= 2 or sum(name.isdigit() for name in os.listdir("/proc")) < 6,
}}))
"""
EXPECTED = {
    "capabilities": ["0" * 16] * 5,
    "no_new_privs": "1",
    "seccomp": "2",
    "umount": 1,
    "umount tmp": 1,
    "mount": 1,
    "unshare": 1,
    "data": [],
    "devices": [],
    "terminal": "OSError",
    "run": [],
    "pid": True,
}


def check(facts, user):
    assert facts["uid"] == [user] * 3
    for name, value in EXPECTED.items():
        assert facts[name] == value, name
    for name in ("key", "kubeconfig", "core_pattern", "sysrq"):
        assert facts[name] != "opened", name


class OrdinaryServer(support.Server):
    """The server as a user without rights, by a launcher that gives up root's."""

    def start(self):
        program = self.data_dir.parent / "as-user"
        program.write_text(
            f'#!/bin/sh\nexec setpriv --reuid={NOBODYS} --regid={NOBODYS} --clear-groups env HOME={self.data_dir.parent} '
            f'{self.data_dir.parent / "millrace"} "$@"\n'
        )
        program.chmod(0o755)
        known, support.MILLRACE = support.MILLRACE, program
        try:
            return super().start()
        finally:
            support.MILLRACE = known


@pytest.fixture(params=["root", "ordinary"])
def confined(request):
    """A server, and the number that its children have."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("these tests do not run as root")
    place = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    user = os.geteuid()
    server = support.Server(place / "data")
    if request.param == "root":
        user = 59473
        with contextlib.suppress(KeyError):
            import pwd

            user = pwd.getpwnam("millrace-task").pw_uid
    elif os.geteuid() == 0:
        support.need("setpriv")
        shutil.copy(support.MILLRACE, place / "millrace")
        os.chown(place, NOBODYS, NOBODYS)
        user = NOBODYS
        server = OrdinaryServer(place / "data")
    try:
        server.start()
        yield server, user
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def facts_of(text):
    lines = [line for line in text.splitlines() if line.startswith("FACTS ")]
    assert lines, text
    return json.loads(lines[0].removeprefix("FACTS "))


def step_spec(code):
    container = {"image": "img", "command": ["python3", "-c", code]}
    return {
        "pipelineInfo": {"name": "p"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {"comp": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": {"e": {"container": container}}},
        "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "comp"}, "taskInfo": {"name": "t"}, "cachingOptions": {}}}}},
    }


def test_a_step_is_confined(confined):
    server, user = confined
    spec = step_spec(PROBE.format(data=str(server.data_dir)))
    status, text = server.request("/apis/v2beta1/runs", {"display_name": "probe", "pipeline_spec": spec})
    assert status == 200, text
    run = json.loads(text)["run_id"]
    for _ in range(600):
        state = json.loads(server.request(f"/apis/v2beta1/runs/{run}")[1]).get("state")
        if state in support.FINAL:
            break
        time.sleep(0.05)
    log = json.loads(server.request(f"/console/api/runs/{run}/tasks/root%2Ft/log")[1])["text"]
    assert state == "SUCCEEDED", log + server.errors()
    check(facts_of(log), user)


def test_a_job_is_confined(confined):
    server, user = confined
    iam, s3, sagemaker, logs = (server.client(name) for name in ("iam", "s3", "sagemaker", "logs"))
    arn = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps(support.TRUST))["Role"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="job", PolicyName="p", PolicyDocument=json.dumps(allowed))
    s3.create_bucket(Bucket="jobs")
    s3.put_object(Bucket="jobs", Key="code/x.py", Body=PROBE.format(data=str(server.data_dir)).encode())
    code = "/opt/ml/processing/input/code"
    sagemaker.create_processing_job(
        ProcessingJobName="probe",
        RoleArn=arn,
        AppSpecification={"ImageUri": "img:1", "ContainerEntrypoint": ["python3", f"{code}/x.py"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}},
        ProcessingInputs=[
            {
                "InputName": "code",
                "S3Input": {"S3Uri": "s3://jobs/code/x.py", "LocalPath": code, "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
        ],
    )
    for _ in range(600):
        job = sagemaker.describe_processing_job(ProcessingJobName="probe")
        if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
            break
        time.sleep(0.05)
    group = "/aws/sagemaker/ProcessingJobs"
    text = ""
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]:
            text += event["message"] + "\n"
    assert job["ProcessingJobStatus"] == "Completed", f"{job.get('FailureReason')}\n{text}"
    check(facts_of(text), user)
