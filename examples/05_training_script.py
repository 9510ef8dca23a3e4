"""A training script of your own as a SageMaker job: it reads its channel and hyperparameters below /opt/ml, and what it
leaves in /opt/ml/model becomes the model."""

import io
import tarfile
import time

import boto3
from common import role_for_jobs, wait_for_training

BUCKET = "examples-script"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.8.0-cpu-py312"
SCRIPT = """
import json, pathlib
settings = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
words = pathlib.Path("/opt/ml/input/data/train/words.txt").read_text().split()
longest = sorted(words, key=len)[-int(settings["count"]):]
pathlib.Path("/opt/ml/model/longest.json").write_text(json.dumps(longest))
print("words=%d;" % len(words))
"""


def main():
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    name = f"longest-words-{int(time.time())}"
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/words.txt", Body="a pipeline of steps makes artifacts")
    s3.put_object(Bucket=BUCKET, Key="code/train.py", Body=SCRIPT)

    def channel(folder):
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{folder}/"}
        return {"ChannelName": folder, "DataSource": {"S3DataSource": source}}

    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
            "MetricDefinitions": [{"Name": "words", "Regex": "words=([0-9]+);"}],
        },
        RoleArn=role_for_jobs(boto3.client("iam")),
        HyperParameters={"count": "2"},
        InputDataConfig=[channel("train"), channel("code")],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    job = wait_for_training(sagemaker, name)
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    archive = io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    with tarfile.open(fileobj=archive) as model:
        print("model:", model.extractfile("longest.json").read().decode())
    print("metric:", [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]])


if __name__ == "__main__":
    main()
