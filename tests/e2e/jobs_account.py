"""An account with a role, a bucket, and short ways to run jobs and endpoints in it."""

import io
import pathlib
import tarfile
import time

import support

FINAL = ("Completed", "Failed", "Stopped")
LIMIT = 60  # seconds for a job that does nothing much
KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
INSTANCE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}


def command(script):
    """The entry point of a job that runs the script: each word may have 256 characters."""
    words = [script[at : at + 250] for at in range(0, len(script), 250)]
    return ["sh", "-c", 'eval "$(printf %s "$@")"', "sh", *words]


class Account:
    """A role for jobs, a bucket, and short ways to run a shell script as a job."""

    def __init__(self, server):
        self.server = server
        self.s3, self.sagemaker, self.logs = (server.client(name) for name in ("s3", "sagemaker", "logs"))
        self.role = support.role_for_jobs(server.client("iam"))
        self.s3.create_bucket(Bucket="hostile")
        self.key = (server.data_dir / "key").read_bytes()

    def process(self, name, script, local="/opt/ml/processing/output"):
        output = {"S3Uri": f"s3://hostile/{name}", "LocalPath": local, "S3UploadMode": "EndOfJob"}
        self.sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=self.role,
            AppSpecification={"ImageUri": "img", "ContainerEntrypoint": command(script)},
            ProcessingResources={"ClusterConfig": INSTANCE},
            ProcessingOutputConfig={"Outputs": [{"OutputName": "o", "S3Output": output}]},
        )

    def processed(self, name, limit=LIMIT):
        return self.wait(lambda: self.sagemaker.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus", limit)

    def train(self, name, script, **more):
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=self.role,
            AlgorithmSpecification={"TrainingImage": "img", "TrainingInputMode": "File", "ContainerEntrypoint": command(script)},
            OutputDataConfig={"S3OutputPath": "s3://hostile/models"},
            ResourceConfig=INSTANCE,
            StoppingCondition={"MaxRuntimeInSeconds": 300},
            **more,
        )

    def trained(self, name, limit=LIMIT):
        return self.wait(lambda: self.sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus", limit)

    def wait(self, describe, member, limit, until=FINAL):
        deadline = time.monotonic() + limit
        while True:
            job = describe()
            if job[member] in until:
                return job
            assert time.monotonic() < deadline, job
            time.sleep(0.05)

    def objects(self, prefix):
        """Key → bytes of what a job uploaded; archives as their members."""
        found = {}
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="hostile", Prefix=prefix):
            for item in page.get("Contents", []):
                body = self.s3.get_object(Bucket="hostile", Key=item["Key"])["Body"].read()
                found[item["Key"].removeprefix(prefix)] = body
                if item["Key"].endswith(".tar.gz"):
                    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
                        found |= {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
        return found

    def lines(self, group, stream_prefix):
        try:
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream_prefix)["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []  # nothing has been printed yet
        events = [
            event["message"]
            for stream in streams
            for event in self.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=False)["events"]
        ]
        return events

    def nothing_got_out(self, prefix):
        assert self.key not in self.objects(prefix).values()

    def endpoint(self, name, model_data, image=KMEANS):
        """Describes the endpoint once it serves, or has failed."""
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={"Image": image, "ModelDataUrl": model_data}
        )
        variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        # What is captured is asked of the model server, never answered by Millrace itself with the model's numbers.
        capture = {"EnableCapture": True, "InitialSamplingPercentage": 0, "DestinationS3Uri": "s3://captured/", "CaptureOptions": [{"CaptureMode": "Input"}]}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=capture)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return self.wait(
            lambda: self.sagemaker.describe_endpoint(EndpointName=name), "EndpointStatus", LIMIT, ("InService", "Failed")
        )

    def serve_kmeans(self, name):
        """An endpoint of a model of two centres, trained here."""
        rows = "\n".join("0,0" if i % 2 else "9,9" for i in range(200))
        self.s3.put_object(Bucket="hostile", Key="train/points.csv", Body=rows.encode())
        source = {"S3DataSource": {"S3Uri": "s3://hostile/train", "S3DataType": "S3Prefix"}}
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=self.role,
            AlgorithmSpecification={"TrainingImage": KMEANS, "TrainingInputMode": "File"},
            HyperParameters={"k": "2", "feature_dim": "2", "mini_batch_size": "100"},
            InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": source}],
            OutputDataConfig={"S3OutputPath": "s3://hostile/models"},
            ResourceConfig=INSTANCE,
            StoppingCondition={"MaxRuntimeInSeconds": 300},
        )
        trained = self.trained(name)
        assert trained["TrainingJobStatus"] == "Completed", trained
        assert self.endpoint(name, trained["ModelArtifacts"]["S3ModelArtifacts"])["EndpointStatus"] == "InService"


def model_servers(server):
    """The process ids of a server's model servers."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" in words and b"worker" in words and any(str(server.data_dir).encode() in word for word in words):
            found.append(int(entry.name))
    return found
