"""A Millrace server for a test, and what the lab's page sets up in it."""

import contextlib
import functools
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MILLRACE = pathlib.Path(os.environ.get("MILLRACE", ROOT / "build" / "millrace"))
LAB = ROOT / "lab"
CLUSTER = "kf-sm-workshop"
START_LIMIT = 20  # seconds for a server to say where it listens
FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "ec2.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def role_for_jobs(iam):
    """The ARN of a role that SageMaker's jobs may have, and that may do all in S3."""
    role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    iam.put_role_policy(RoleName="job", PolicyName="p", PolicyDocument=json.dumps(policy))
    return role


def missing(what):
    """A tool is not here: a skipped test, or in CI a failed one."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and in CI nothing may be skipped")
    pytest.skip(f"{what} is missing")


def need(command):
    return shutil.which(command) or missing(command)


def is_running(process):
    """Is this directory of /proc that of a process which has not ended?"""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


_making_client = threading.Lock()  # a session is for one thread at a time, what it makes for all


@functools.cache
def boto3_session():
    """One for all clients: it keeps the services' models, whose reading takes longer than most tests."""
    import boto3

    return boto3.session.Session()


class Server:
    """`millrace serve` on a data directory; the port stays the same over restarts."""

    def __init__(self, data_dir, port=0, arguments=(), prefix=()):
        self.data_dir, self.port, self.arguments = pathlib.Path(data_dir), port, list(arguments)
        self.prefix = list(prefix)  # a command that runs the server, such as prlimit
        self.process = None

    def start(self):
        serve = [MILLRACE, "serve", "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}"]
        command = [*self.prefix, *serve, *self.arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KF_", "MILLRACE_DATA"))}
        self.stderr = open(f"{self.data_dir}.stderr", "ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.stderr, text=True, env=environment, start_new_session=True
        )
        # The pipe is read to its end, so that a talkative server never waits for us.
        lines = queue.Queue()
        threading.Thread(target=lambda out: [lines.put(line) for line in out], args=(self.process.stdout,), daemon=True).start()
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            try:
                match = re.search(r"listening on http://127\.0\.0\.1:(\d+)", lines.get(timeout=0.2))
            except queue.Empty:
                if self.process.poll() is not None:
                    break
                continue
            if match:
                self.port = int(match.group(1))
                return self
        self.kill()
        raise AssertionError(f"the server did not start: {self.errors()}")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def errors(self):
        return pathlib.Path(f"{self.data_dir}.stderr").read_text(errors="replace")[-2000:]

    def kill(self):
        """SIGKILL to the server alone; its children go on."""
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the server did not stop within 30 s of SIGTERM")
        return self.process.returncode if self.process else None

    def end_children(self):
        """Ends what a stopped server has left to the next start: its launcher, and with it every process."""
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_text().split("\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if words[1:3] != ["launcher", str(self.data_dir / "launcher")]:
                continue
            os.kill(int(entry.name), signal.SIGTERM)
            deadline = time.monotonic() + 15
            while is_running(entry):
                assert time.monotonic() < deadline, f"the launcher {entry.name} does not end"
                time.sleep(0.02)

    def environment(self, path=None):
        """What a shell has after `eval "$(millrace env)"`."""
        script = f'set -e; lines=$("{MILLRACE}" env --data-dir "{self.data_dir}"); eval "$lines"; env -0'
        base = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        if path:
            base["PATH"] = path
        out = subprocess.run(["bash", "-c", script], env=base, check=True, capture_output=True).stdout.decode()
        return dict(entry.split("=", 1) for entry in out.split("\0") if "=" in entry)

    def client(self, service, **keys):
        """A boto3 client with the administrator's keys, or those given."""
        from botocore.config import Config

        env = self.environment()
        with _making_client:
            return boto3_session().client(
                service,
                region_name=env["AWS_REGION"],
                endpoint_url=self.endpoint,
                aws_access_key_id=keys.get("access_key", env["AWS_ACCESS_KEY_ID"]),
                aws_secret_access_key=keys.get("secret_key", env["AWS_SECRET_ACCESS_KEY"]),
                config=Config(retries={"max_attempts": keys.get("attempts", 3), "mode": "standard"}),
            )

    def kfp(self):
        import kfp

        return kfp.Client(host=self.endpoint)

    def request(self, path, body=None, method=None, headers=()):
        """(status, text) of a plain HTTP request."""
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        request = urllib.request.Request(self.endpoint + path, data=data, method=method, headers=dict(headers))
        if isinstance(body, (dict, list)):
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")


@contextlib.contextmanager
def running(data_dir, **options):
    server = Server(data_dir, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.end_children()


def build_context(sources, directory):
    """What `kfp component build` leaves of the sources, without docker: the directory."""
    shutil.copytree(sources, directory, ignore=shutil.ignore_patterns("__pycache__"))
    command = [pathlib.Path(sys.executable).parent / "kfp", "component", "build", directory, "--no-build-image"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return directory


def worker_role(iam):
    """Name and ARN of the worker node's role, found by the page's rule."""
    roles = [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    found = [r for r in roles if r["RoleName"].startswith(f"eksctl-{CLUSTER}") and "NodeInstanceRole" in r["RoleName"]]
    assert len(found) == 1, [r["RoleName"] for r in roles]
    return found[0]["RoleName"], found[0]["Arn"]


def set_up(server, secret=True):
    """What the lab's page does, by SDKs: returns the arguments of the pipeline."""
    iam, s3 = server.client("iam"), server.client("s3")
    iam.create_user(UserName="kf-smuser")
    iam.attach_user_policy(UserName="kf-smuser", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    key = iam.create_access_key(UserName="kf-smuser")["AccessKey"]
    if secret:
        make_secret(server, key["AccessKeyId"], key["SecretAccessKey"])
    name, arn = worker_role(iam)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(TRUST))
    for policy in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    s3.create_bucket(Bucket="e2e-bucket")
    s3.upload_file(
        str(LAB / "kmeans_preprocessing.py"), "e2e-bucket", "mnist_kmeans_example/processing_code/kmeans_preprocessing.py"
    )
    wait_for_sample_data(s3)
    return {"role_arn": arn, "bucket": "e2e-bucket"}


def wait_for_sample_data(s3):
    """The public sample is made in the background of a server's first start."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return s3.head_object(Bucket="sagemaker-sample-files", Key="datasets/image/MNIST/mnist.pkl.gz")
        except s3.exceptions.ClientError:
            assert time.monotonic() < deadline, "mnist.pkl.gz did not appear in the sample bucket"
            time.sleep(0.1)


def make_secret(server, access_key_id, secret_access_key):
    import kubernetes

    api = kubernetes.client.CoreV1Api(
        kubernetes.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"])
    )
    api.create_namespaced_secret(
        "kubeflow",
        kubernetes.client.V1Secret(
            metadata=kubernetes.client.V1ObjectMeta(name="aws-secret"),
            type="Opaque",
            string_data={"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key},
        ),
    )


def start_run(server, arguments, package=LAB / "mnist_classification.yaml"):
    run = server.kfp().create_run_from_pipeline_package(str(package), arguments=arguments, run_name="MNIST Classification")
    return run.run_id


def wait_for_run(server, run_id, limit=120):
    deadline = time.monotonic() + limit
    while True:
        status, text = server.request(f"/apis/v2beta1/runs/{run_id}")
        assert status == 200, text
        run = json.loads(text)
        if run["state"] in FINAL:
            return run
        assert time.monotonic() < deadline, f"the run is {run['state']} after {limit} s"
        time.sleep(0.1)


def why(server, run_id):
    """Every error text of a run: its own, its tasks', and what its failed tasks wrote."""
    import urllib.parse

    run = json.loads(server.request(f"/console/api/runs/{run_id}")[1])
    texts = [run["error"]]
    for task in run["tasks"]:
        texts.append(task["error"])
        if task["state"] == "FAILED" and not task["is_dag"]:
            path = f"/console/api/runs/{run_id}/tasks/{urllib.parse.quote(task['id'], safe='')}/log"
            texts.append(json.loads(server.request(path)[1]).get("text", ""))
    return "\n".join(t for t in texts if t)
