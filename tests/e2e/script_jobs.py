"""Training and processing jobs with scripts of their own, as SageMaker's SDKs ask for them."""

import io
import json
import shutil
import subprocess
import tarfile

import support
from jobs_account import INSTANCE, Account

# Kept from one run of the tests to the next: making them takes the package index, and a minute.
ENVIRONMENTS = support.ROOT / "build" / "script-environments"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
LIMIT = 600  # seconds for a job whose environment is made first


def copy(source, target):
    """With owners, which decide what a job may read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def take_environments(data_dir):
    """Those of earlier runs, into the data directory of a server that has just started."""
    if ENVIRONMENTS.is_dir():
        copy(ENVIRONMENTS, data_dir / "sagemaker" / "python")


def keep_environments(data_dir):
    for made in (data_dir / "sagemaker" / "python").glob("*"):
        target = ENVIRONMENTS / made.name
        if (made / "published").exists() and not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            copy(made, partial)
            partial.rename(target)


def archive(files):
    """sourcedir.tar.gz, as the SDK packs it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


class Scripts(Account):
    def source(self, name, files):
        self.s3.put_object(Bucket="hostile", Key=f"{name}/source/sourcedir.tar.gz", Body=archive(files))
        return f"s3://hostile/{name}/source/sourcedir.tar.gz"

    def estimator(self, name, files, program="train.py", hyperparameters=None, image=SCIKIT_LEARN, channels=(), **more):
        """What SKLearn(…).fit() of the SDK 2.x sends: every hyperparameter is JSON."""
        given = {
            "sagemaker_submit_directory": self.source(name, files),
            "sagemaker_program": program,
            "sagemaker_container_log_level": 20,
            "sagemaker_job_name": name,
            "sagemaker_region": "us-east-1",
            **(hyperparameters or {}),
        }
        request = {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": {key: json.dumps(value) for key, value in given.items()},
            "InputDataConfig": [
                {"ChannelName": channel, "DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}}
                for channel, uri in channels
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://hostile/models"},
            "ResourceConfig": INSTANCE,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "DebugHookConfig": {"S3OutputPath": "s3://hostile/models", "CollectionConfigurations": []},
            "ProfilerConfig": {"S3OutputPath": "s3://hostile/models", "DisableProfiler": False},
        } | more
        if not channels:
            del request["InputDataConfig"]
        self.sagemaker.create_training_job(**request)

    def log(self, name):
        return self.lines("/aws/sagemaker/TrainingJobs", name)

    def processor(self, name, entrypoint, inputs, arguments=(), image=SCIKIT_LEARN):
        """What ScriptProcessor and FrameworkProcessor send. inputs: name → {file: bytes}."""
        taken = []
        for channel, files in inputs.items():
            for file, body in files.items():
                self.s3.put_object(Bucket="hostile", Key=f"{name}/input/{channel}/{file}", Body=body)
            taken.append({"InputName": channel, "S3Input": {
                "S3Uri": f"s3://hostile/{name}/input/{channel}/", "LocalPath": f"/opt/ml/processing/input/{channel}",
                "S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated",
                "S3CompressionType": "None"}})
        output = {"S3Uri": f"s3://hostile/{name}/output", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
        app = {"ImageUri": image, "ContainerEntrypoint": list(entrypoint)}
        if arguments:
            app["ContainerArguments"] = list(arguments)
        self.sagemaker.create_processing_job(
            ProcessingJobName=name, RoleArn=self.role, AppSpecification=app, ProcessingInputs=taken,
            ProcessingResources={"ClusterConfig": INSTANCE},
            ProcessingOutputConfig={"Outputs": [{"OutputName": "o", "S3Output": output}]},
        )
