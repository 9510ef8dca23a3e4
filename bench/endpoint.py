"""InvokeEndpoint of a K-Means endpoint: requests a second and latency, every call signed, checked and authorised.

    python3 bench/endpoint.py [--rounds N] [--seconds S] [--millrace PATH] [--bench PATH]

A model of 10 centres of 784 numbers (MNIST's shape) behind an endpoint; each request is one digit as CSV with its
signature, over keep-alive connections from one thread of a C++ generator (src/sagemaker/endpoint_bench.cpp) on the same
cores. A round: 64 connections as fast as they are answered; one connection; 16 connections at half the first one's rate,
where latency counts from when a request was due; and, for what the server itself takes, signed sts:GetCallerIdentity by
iam_bench where that is built.
"""

import argparse
import io
import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))

try:
    import boto3
except ImportError:  # the tests' Python has it
    os.execv(ROOT / "build" / "venv" / "bin" / "python", ["python", *sys.argv])

from iam import figures, spread  # noqa: E402
from lab import machine, warm_up  # noqa: E402

IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
K, COLUMNS = 10, 784
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def digit():
    """As many zeros as a digit of MNIST has, the rest grey."""
    numbers = random.Random(1)
    return ",".join(str(numbers.randint(1, 255)) if numbers.random() < 0.2 else "0" for _ in range(COLUMNS)) + "\n"


def artifact():
    """model.tar.gz with K centres, in NumPy's format 1.0."""
    numbers = random.Random(2)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({K}, {COLUMNS}), }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    values = struct.pack(f"<{K * COLUMNS}f", *(numbers.random() * 255 for _ in range(K * COLUMNS)))
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("model_algo-1")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Server:
    """A Millrace with an endpoint."""

    def __init__(self, millrace, data):
        self.process = subprocess.Popen([millrace, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--stop-children"],
                                        stdout=subprocess.PIPE, text=True)
        self.endpoint = next(line.split()[-1] for line in self.process.stdout if "listening on" in line)
        text = subprocess.run([millrace, "env", "--data-dir", data], check=True, capture_output=True, text=True).stdout
        words = dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines() if "=" in line)
        self.keys = [words[name].strip("'") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
        session = boto3.session.Session(*self.keys, region_name="us-east-1")
        self.iam, self.s3, self.sagemaker, self.runtime = (
            session.client(name, endpoint_url=self.endpoint) for name in ("iam", "s3", "sagemaker", "sagemaker-runtime"))
        self.host = self.endpoint.removeprefix("http://")

    def deploy(self, name, archive, image, environment={}):
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(ALLOW))
        self.s3.create_bucket(Bucket=name)
        self.s3.put_object(Bucket=name, Key="model.tar.gz", Body=archive)
        container = {"Image": image, "ModelDataUrl": f"s3://{name}/model.tar.gz", "Environment": environment}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        while (status := self.sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
            time.sleep(0.05)
        if status["EndpointStatus"] != "InService":
            sys.exit(f"the endpoint is {status['EndpointStatus']}: {status.get('FailureReason')}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--millrace", default=ROOT / "build" / "millrace")
    parser.add_argument("--bench", default=ROOT / "build" / "release" / "src" / "endpoint_bench")
    given = parser.parse_args()
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} before the start")
    iam_bench = pathlib.Path(given.bench).with_name("iam_bench")
    with tempfile.TemporaryDirectory(prefix="millrace-bench") as place:
        body = pathlib.Path(place, "digit.csv")
        body.write_text(digit())
        server = Server(given.millrace, pathlib.Path(place, "data"))
        try:
            server.deploy("digits", artifact(), IMAGE)
            answer = server.runtime.invoke_endpoint(EndpointName="digits", Body=body.read_bytes(), ContentType="text/csv")
            assert b"closest_cluster" in answer["Body"].read()
            warm_up()

            def load(connections, rate=0):
                return figures(given.bench, server.host, "/endpoints/digits/invocations", "text/csv", body, connections,
                               given.seconds, rate, *server.keys)

            full, one, half, plain = [], [], [], []
            for _ in range(given.rounds):
                full.append(load(64))
                one.append(load(1))
                half.append(load(16, full[-1]["requests_per_second"] / 2))
                if iam_bench.exists():
                    plain.append(figures(iam_bench, "load", server.host, *server.keys, 64, given.seconds))
        finally:
            server.stop()
    take = lambda rows, name, scale=1: [row[name] / scale for row in rows]  # noqa: E731
    print(f"signed InvokeEndpoint, one digit as CSV, median of {given.rounds} rounds (spread)")
    print(f"  64 connections, requests/s         {spread(take(full, 'requests_per_second'))}   bar 45,000")
    print(f"  64 connections, p50 ms             {spread(take(full, 'p50_us', 1000), '{:.3f}')}")
    print(f"  one connection, p50 ms             {spread(take(one, 'p50_us', 1000), '{:.3f}')}   bar 0.080")
    print(f"  one connection, p99 ms             {spread(take(one, 'p99_us', 1000), '{:.3f}')}")
    print(f"  half load, p50 ms                  {spread(take(half, 'p50_us', 1000), '{:.3f}')}")
    print(f"  half load, p99 ms                  {spread(take(half, 'p99_us', 1000), '{:.3f}')}   bar 0.500")
    if plain:
        print(f"signed GetCallerIdentity, requests/s {spread(take(plain, 'requests_per_second'))}   what the server itself takes")
    reached = statistics.median(take(full, "requests_per_second")) >= 45_000 and statistics.median(take(one, "p50_us")) <= 80
    return 0 if reached and statistics.median(take(half, "p99_us")) <= 500 else 1


if __name__ == "__main__":
    os.environ.pop("AWS_ENDPOINT_URL", None)
    sys.exit(main())
