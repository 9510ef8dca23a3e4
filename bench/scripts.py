"""Script-mode training jobs: accepted to Completed, when the environment of their image is kept.

    python3 bench/scripts.py [--rounds N] [--millrace PATH]

A scikit-learn job as the SDK asks for it (source archive, one channel), whose script reads a CSV file with pandas, fits
a logistic regression and writes the model. The first job makes the environment, which takes the package index, and is
shown apart; then, each round: a job from the answer to CreateTrainingJob until Describe says Completed, polled every
5 ms; and the same script by the environment's own Python, without a server.
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

from lab import machine, warm_up  # noqa: E402

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
        session = boto3.session.Session(aws_access_key_id=keys[0], aws_secret_access_key=keys[1], region_name="us-east-1")
        iam, s3, self.sagemaker = (session.client(name, endpoint_url=endpoint) for name in ("iam", "s3", "sagemaker"))
        self.role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="job", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
        s3.create_bucket(Bucket="bench")
        s3.put_object(Bucket="bench", Key="source/sourcedir.tar.gz", Body=archive({"train.py": SCRIPT}))
        s3.put_object(Bucket="bench", Key="train/points.csv", Body=POINTS)

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
    parser.add_argument("--millrace", default=ROOT / "build" / "millrace")
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
        finally:
            server.terminate()
            server.wait()
    print(machine())
    print(f"first job, environment made   {first:.1f} s")
    print(f"job, environment kept         {spread(took)}   bar {BAR} s")
    print(f"the script alone              {spread(bare)}")
    return 0 if statistics.median(took) <= BAR else 1


if __name__ == "__main__":
    os.environ.pop("AWS_ENDPOINT_URL", None)
    sys.exit(main())
