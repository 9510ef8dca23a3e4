"""Script-mode training jobs: accepted to Completed, when the environment of their image is kept; and the endpoint of the
model, beside gunicorn and Flask with the same script.

    python3 bench/scripts.py [--rounds N] [--seconds S] [--millrace PATH] [--bench PATH] [--peer PYTHON]

A scikit-learn job as the SDK asks for it (source archive, one channel), whose script reads a CSV file with pandas, fits
a logistic regression and writes the model. The first job makes the environment, which takes the package index, and is
shown apart; then, each round: a job from the answer to CreateTrainingJob until Describe says Completed, polled every
5 ms; and the same script by the environment's own Python, without a server.

Then the first job's model behind an endpoint (signed, checked and authorised calls), and the same inference script behind
Flask under gunicorn with two workers, of the environment's Python and the packages of --peer: in turns, from one thread
of the C++ generator (src/sagemaker/endpoint_bench.cpp) on the same cores, 16 connections and one. A ratio is of one round.
"""

import argparse
import io
import json
import os
import pathlib
import statistics
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

from iam import figures, spread as spread_of, wait_for  # noqa: E402
from lab import free_port, machine, warm_up  # noqa: E402

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
BAR = 1.5  # seconds, accepted to Completed
POLL = 0.005
SCRIPT = """\
import os, pickle
import pandas as pd
from sklearn.linear_model import LogisticRegression
rows = pd.read_csv(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "points.csv"), header=None)
model = LogisticRegression().fit(rows[[1, 2]].to_numpy(), rows[0].to_numpy())
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.pkl"), "wb") as out:
    pickle.dump(model, out)
"""
POINTS = "".join(f"{i % 2},{(i % 2) * 10 + i % 3},{i % 5}\n" for i in range(1000))
INFERENCE = """\
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
"""
# What an inference image does with the script, by Flask.
PEER = """\
import sys
sys.path.insert(0, "WORK")
import flask, numpy, json, inference
model = inference.model_fn("WORK")
app = flask.Flask("peer")
@app.get("/ping")
def ping(): return ""
@app.post("/invocations")
def invocations():
    rows = numpy.array([[float(cell) for cell in line.split(",")] for line in flask.request.get_data(as_text=True).splitlines()])
    return flask.Response(json.dumps(model.predict(rows).tolist()), mimetype="application/json")
"""
ROWS = "10.5,3\n0.5,2\n"  # one alone is a list of numbers by the toolkit's rules, which scikit-learn refuses
TIMES = 5  # the endpoint's bar: the peer's requests a second
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


class Jobs:
    def __init__(self, endpoint, keys):
        self.host, self.keys = endpoint.removeprefix("http://"), keys
        session = boto3.session.Session(aws_access_key_id=keys[0], aws_secret_access_key=keys[1], region_name="us-east-1")
        iam, self.s3, self.sagemaker = (session.client(name, endpoint_url=endpoint) for name in ("iam", "s3", "sagemaker"))
        self.role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="job", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
        self.s3.create_bucket(Bucket="bench")
        self.s3.put_object(Bucket="bench", Key="source/sourcedir.tar.gz", Body=archive({"train.py": SCRIPT}))
        self.s3.put_object(Bucket="bench", Key="train/points.csv", Body=POINTS)

    def seconds(self, name):
        source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/train/", "S3DataDistributionType": "FullyReplicated"}
        self.sagemaker.create_training_job(
            TrainingJobName=name, RoleArn=self.role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={"sagemaker_program": '"train.py"', "sagemaker_submit_directory": '"s3://bench/source/sourcedir.tar.gz"'},
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": "s3://bench/models"},
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 600})
        accepted = time.perf_counter()
        while True:
            job = self.sagemaker.describe_training_job(TrainingJobName=name)
            if job["TrainingJobStatus"] != "InProgress":
                break
            time.sleep(POLL)
        if job["TrainingJobStatus"] != "Completed":
            sys.exit(f"bench/scripts.py: {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        return time.perf_counter() - accepted


    def deploy(self):
        """The first job's model and INFERENCE, behind an endpoint."""
        self.s3.put_object(Bucket="bench", Key="source/inference.tar.gz", Body=archive({"inference.py": INFERENCE}))
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bench/source/inference.tar.gz"}
        container = {"Image": IMAGE, "ModelDataUrl": "s3://bench/models/first/output/model.tar.gz", "Environment": environment}
        self.sagemaker.create_model(ModelName="m", ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(EndpointConfigName="m", ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName="m", EndpointConfigName="m")
        while (status := self.sagemaker.describe_endpoint(EndpointName="m"))["EndpointStatus"] == "Creating":
            time.sleep(0.05)
        if status["EndpointStatus"] != "InService":
            sys.exit(f"bench/scripts.py: {status['EndpointStatus']}: {status.get('FailureReason')}")
        model = self.s3.get_object(Bucket="bench", Key="models/first/output/model.tar.gz")["Body"].read()
        return tarfile.open(fileobj=io.BytesIO(model)).extractfile("model.pkl").read()


class Peer:
    """gunicorn with Flask and the inference script, in the environment's Python."""

    def __init__(self, python, packages, work, model):
        (work / "model.pkl").write_bytes(model)
        (work / "inference.py").write_text(INFERENCE)
        (work / "peer.py").write_text(PEER.replace("WORK", str(work)))
        self.port = free_port()
        self.process = subprocess.Popen(
            [python, "-m", "gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--chdir", work, "--log-level", "error", "peer:app"],
            env=os.environ | {"PYTHONPATH": packages})
        wait_for(self.port, "/ping")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def endpoint_beside_peer(given, jobs, data, work):
    """Rounds of (ours, ours at one connection, the peer, the peer at one connection)."""
    model = jobs.deploy()
    python = next((data / "sagemaker" / "python").glob("*/bin/python3"))
    row = work / "row.csv"
    row.write_text(ROWS)
    packages = subprocess.run([given.peer, "-c", "import gunicorn, os; print(os.path.dirname(os.path.dirname(gunicorn.__file__)))"],
                              check=True, capture_output=True, text=True).stdout.strip()
    peer = Peer(python, packages, work, model)
    try:
        ours = lambda n: figures(given.bench, jobs.host, "/endpoints/m/invocations", "text/csv", row, n, given.seconds, 0, *jobs.keys)  # noqa: E731
        theirs = lambda n: figures(given.bench, f"127.0.0.1:{peer.port}", "/invocations", "text/csv", row, n, given.seconds, 0)  # noqa: E731
        return [(ours(16), ours(1), theirs(16), theirs(1)) for _ in range(given.rounds)]
    finally:
        peer.stop()


def alone(data, work):
    """The same script by the environment's Python: seconds."""
    python = next((data / "sagemaker" / "python").glob("*/bin/python3"))
    (work / "train.py").write_text(SCRIPT)
    (work / "points.csv").write_text(POINTS)
    begun = time.perf_counter()
    subprocess.run([python, work / "train.py"], check=True, env={"SM_CHANNEL_TRAIN": str(work), "SM_MODEL_DIR": str(work)})
    return time.perf_counter() - begun


def spread(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--millrace", default=ROOT / "build" / "millrace")
    parser.add_argument("--bench", default=ROOT / "build" / "release" / "src" / "endpoint_bench")
    parser.add_argument("--peer", default=ROOT / "build" / "venv-peer" / "bin" / "python")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        data, work = pathlib.Path(place, "data"), pathlib.Path(place, "work")
        work.mkdir()
        server = subprocess.Popen([given.millrace, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--stop-children"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            endpoint = next(line.split()[-1] for line in server.stdout if "listening on" in line)
            text = subprocess.run([given.millrace, "env", "--data-dir", data], check=True, capture_output=True, text=True).stdout
            words = dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines() if "=" in line)
            keys = [words[name].strip("'") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
            jobs = Jobs(endpoint, keys)
            first = jobs.seconds("first")
            warm_up()
            took, bare = [], []
            for i in range(given.rounds):
                took.append(jobs.seconds(f"job-{i}"))
                bare.append(alone(data, work))
            rounds = endpoint_beside_peer(given, jobs, data, work)
        finally:
            server.terminate()
            server.wait()
    print(machine())
    print(f"first job, environment made   {first:.1f} s")
    print(f"job, environment kept         {spread(took)}   bar {BAR} s")
    print(f"the script alone              {spread(bare)}")
    ratios = [ours["requests_per_second"] / theirs["requests_per_second"] for ours, _, theirs, _ in rounds]
    for name, at in (("the endpoint, signed", 0), ("gunicorn and Flask, unsigned", 2)):
        rate = spread_of([r[at]["requests_per_second"] for r in rounds])
        print(f"{name:30}requests/s at 16 {rate}, p50 at one {spread_of([r[at + 1]['p50_us'] / 1000 for r in rounds], '{:.3f}')} ms")
    print(f"ratio of a round              {spread_of(ratios, '{:.2f}')}   bar {TIMES}")
    return 0 if statistics.median(took) <= BAR and statistics.median(ratios) >= TIMES else 1


if __name__ == "__main__":
    os.environ.pop("AWS_ENDPOINT_URL", None)
    sys.exit(main())
