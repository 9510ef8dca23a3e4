"""SageMaker jobs whose image the container engine has run in that image: the same script leaves the same outputs as it does
as a process of this machine."""

import io
import subprocess
import tarfile
import time

import pytest

import containers
import support

IMAGE = "localhost/millrace-job-test:1"
FINAL = ("Completed", "Failed", "Stopped")
INSTANCE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
LIMIT = 120  # seconds for a job that does nothing much

# What a customer's training script does: reads its channel, its hyperparameters and its configuration, prints metrics,
# writes a model and other data.
TRAIN = """set -e
sort /opt/ml/input/data/points/points.csv > /opt/ml/model/sorted
mkdir /opt/ml/model/about
echo "$SM_HP_EPOCHS epochs of $SM_CHANNELS, $TRAINING_JOB_NAME" | tr -d '"' | cut -d, -f1 > /opt/ml/model/about/it
grep -c epochs /opt/ml/input/config/hyperparameters.json > "$SM_OUTPUT_DATA_DIR/configured"
echo "loss=0.25;"
echo "region $AWS_REGION"
if test -e /made-for-the-test; then echo in a container; else echo a process; fi
"""
# The image's own entry point: training, as SageMaker starts an image, or what a processing job asks for.
ENTRY = """case "$1" in
  train) . /opt/ml/input/data/code/train.sh;;
  *) cat /opt/ml/processing/input/points.csv | wc -l > /opt/ml/processing/output/lines
     echo "$1 $GREETING" > /opt/ml/processing/output/said
     echo fine > /opt/ml/output/message;;
esac
"""


@pytest.fixture(scope="module", autouse=True)  # before the server: its images are the engine's
def engine(tmp_path_factory):
    files = [("entry.sh", ENTRY)]
    with containers.engine(tmp_path_factory.mktemp("podman"), IMAGE, '["/bin/sh", "/entry.sh"]', files) as podman:
        yield podman


class Account:
    def __init__(self, server):
        self.server = server
        self.s3, self.sagemaker, self.logs = (server.client(name) for name in ("s3", "sagemaker", "logs"))
        self.role = support.role_for_jobs(server.client("iam"))
        self.s3.create_bucket(Bucket="jobs")
        self.s3.put_object(Bucket="jobs", Key="points/points.csv", Body=b"3,c\n1,a\n2,b\n")
        self.s3.put_object(Bucket="jobs", Key="code/train.sh", Body=TRAIN.encode())

    def train(self, name, image, entrypoint=None, **more):
        def channel(folder):
            source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://jobs/{folder}/", "S3DataDistributionType": "FullyReplicated"}
            return {"ChannelName": folder, "DataSource": {"S3DataSource": source}}

        algorithm = {"TrainingImage": image, "TrainingInputMode": "File", "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]}
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=self.role,
            HyperParameters={"epochs": "3"},
            AlgorithmSpecification=algorithm | ({"ContainerEntrypoint": entrypoint} if entrypoint else {}),
            InputDataConfig=[channel("points"), channel("code")],
            OutputDataConfig={"S3OutputPath": "s3://jobs/models"},
            ResourceConfig=INSTANCE,
            StoppingCondition={"MaxRuntimeInSeconds": 300},
            **more,
        )

    def trained(self, name):
        return self.wait(lambda: self.sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")

    def wait(self, describe, member):
        deadline = time.monotonic() + LIMIT
        while (job := describe())[member] not in FINAL:
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job

    def outputs(self, name):
        """Of a training job: the files in its archives, by archive."""
        found = {}
        for archive in ("model.tar.gz", "output.tar.gz"):
            body = self.s3.get_object(Bucket="jobs", Key=f"models/{name}/output/{archive}")["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                found[archive] = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
        return found

    def lines(self, name, group="/aws/sagemaker/TrainingJobs"):
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"]
        return [e["message"] for s in streams for e in self.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"], startFromHead=True)["events"]]


@pytest.fixture(scope="module")
def account(server):
    return Account(server)


def test_the_same_script_as_a_process_and_in_its_image(account, engine):
    script = ["/bin/sh", "/opt/ml/input/data/code/train.sh"]
    account.train("process", "not-here:1", script)
    account.train("container", IMAGE, script)
    account.train("entry", IMAGE)  # `train`, as SageMaker starts an image
    jobs = {name: account.trained(name) for name in ("process", "container", "entry")}
    assert {job["TrainingJobStatus"] for job in jobs.values()} == {"Completed"}, {name: (job.get("FailureReason"), account.lines(name)) for name, job in jobs.items()}
    outputs = account.outputs("process")
    assert outputs == {
        "model.tar.gz": {"sorted": b"1,a\n2,b\n3,c\n", "about/it": b"3 epochs of [points\n"},
        "output.tar.gz": {"configured": b"1\n"},
    }
    assert account.outputs("container") == outputs and account.outputs("entry") == outputs
    for job in jobs.values():
        assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("loss", 0.25)]
    assert account.lines("process") == ["loss=0.25;", "region us-east-1", "a process"]
    assert account.lines("container") == account.lines("entry") == ["loss=0.25;", "region us-east-1", "in a container"]
    assert containers.of_ours(engine) == []


def test_a_processing_job_in_its_image(account, engine):
    output = {"S3Uri": "s3://jobs/processed", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    account.sagemaker.create_processing_job(
        ProcessingJobName="processes",
        RoleArn=account.role,
        AppSpecification={"ImageUri": IMAGE, "ContainerArguments": ["count"]},
        Environment={"GREETING": "hello there"},
        ProcessingInputs=[{"InputName": "points", "S3Input": {"S3Uri": "s3://jobs/points/", "LocalPath": "/opt/ml/processing/input", "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
        ProcessingResources={"ClusterConfig": INSTANCE},
        ProcessingOutputConfig={"Outputs": [{"OutputName": "o", "S3Output": output}]},
    )
    job = account.wait(lambda: account.sagemaker.describe_processing_job(ProcessingJobName="processes"), "ProcessingJobStatus")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "fine"
    read = lambda name: account.s3.get_object(Bucket="jobs", Key=f"processed/{name}")["Body"].read()
    assert read("lines").strip() == b"3" and read("said") == b"count hello there\n"
    assert containers.of_ours(engine) == []


def test_a_job_in_its_image_is_stopped_and_fails_as_any_other(account, engine):
    account.train("fails", IMAGE, ["/bin/sh", "-c", "echo why > /opt/ml/output/failure; exit 3"])
    failed = account.trained("fails")
    assert failed["FailureReason"] == "AlgorithmError: why, exit code: 3"
    account.train("stops", IMAGE, ["/bin/sh", "-c", "trap 'echo ended; exit 0' TERM; echo half > /opt/ml/model/half; echo ready; while :; do sleep 0.1; done"])
    deadline = time.monotonic() + LIMIT
    while "ready" not in ready_lines(account, "stops"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    account.sagemaker.stop_training_job(TrainingJobName="stops")
    assert account.trained("stops")["TrainingJobStatus"] == "Stopped"
    assert "ended" in account.lines("stops") and containers.of_ours(engine) == []


def ready_lines(account, name):
    try:
        return account.lines(name)
    except account.logs.exceptions.ResourceNotFoundException:
        return []


def test_a_job_in_its_image_outlives_the_death_of_the_server(account, server, engine):
    account.train("outlives", IMAGE, ["/bin/sh", "-c", "echo ready; sleep 2; echo whole > /opt/ml/model/it"])
    deadline = time.monotonic() + LIMIT
    while "ready" not in ready_lines(account, "outlives"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.kill()
    server.start()
    again = Account.__new__(Account)
    again.__dict__ = account.__dict__ | {name: server.client(name) for name in ("s3", "sagemaker", "logs")}
    assert again.trained("outlives")["TrainingJobStatus"] == "Completed"
    body = again.s3.get_object(Bucket="jobs", Key="models/outlives/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert tar.extractfile("it").read() == b"whole\n"
    assert again.lines("outlives") == ["ready"] and containers.of_ours(engine) == []
