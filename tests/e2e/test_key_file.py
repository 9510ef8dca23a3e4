"""The key that secrets are sealed with: the server's alone, wherever it and the data directory lie."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from kfp import dsl, kubernetes

import support


@pytest.fixture
def place():
    # Not below /tmp, of which a task sees nothing anyway.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-key-file-", dir="/var/tmp"))
    yield directory
    shutil.rmtree(directory)


def make_key(path):
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    return path


def refused(data, *arguments):
    out = subprocess.run(
        [support.MILLRACE, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", *arguments],
        capture_output=True, text=True, timeout=20,
    )
    assert out.returncode != 0 and not out.stdout
    return out.stderr


def test_a_key_that_is_given(place):
    key, data = make_key(place / "key"), place / "data"
    with support.running(data, arguments=["--key-file", str(key)]) as server:
        arn = server.client("sts").get_caller_identity()["Arn"]
        assert not (data / "key").exists()
        explained = subprocess.run(
            [support.MILLRACE, "iam", "preflight", support.LAB / "mnist_classification.yaml", "--data-dir", data],
            capture_output=True, text=True,
        )
        assert "key" not in explained.stderr, explained.stderr
    # The directory remembers where its key is.
    with support.running(data) as server:
        assert server.client("sts").get_caller_identity()["Arn"] == arn
    moved = make_key(place / "moved")
    shutil.copyfile(key, moved)
    key.unlink()
    assert f"there is no key file {key}" in refused(data)
    with support.running(data, arguments=["--key-file", str(moved)]) as server:
        assert server.client("sts").get_caller_identity()["Arn"] == arn
    assert "not the one this data directory was made with" in refused(data, "--key-file", str(make_key(place / "another")))
    moved.chmod(0o640)
    assert f"chmod 600 {moved}" in refused(data)
    moved.chmod(0o600)
    moved.write_bytes(b"short")
    assert "does not hold 32 bytes" in refused(data)


def test_the_directorys_own_key_is_made_only_once(place):
    data = place / "data"
    with support.running(data):
        assert (data / "key").stat().st_mode & 0o777 == 0o600
    (data / "key").unlink()
    assert f"there is no key file {data}/key" in refused(data)
    assert not (data / "key").exists(), "another key would open nothing"
    shutil.rmtree(data)
    assert f"there is no key file {place}/key" in refused(data, "--key-file", str(place / "key"))
    assert not (place / "key").exists(), "a key that is given is never made"


@dsl.container_component
def shell(script: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'sh -c "$0" > "$1" 2>&1'], args=[script, out])


@dsl.component
def python(paths: list) -> str:
    import os

    return "looked\n" + "".join(f"{path} can be read\n" for path in paths if os.path.exists(path) and os.path.getsize(path))


@pytest.mark.parametrize("linked", [False, True], ids=["plain", "linked"])
def test_steps_and_jobs_see_neither_key_nor_data(place, linked):
    real, key = place / "here" / "deep" / "data", place / "here" / "key"
    real.parent.mkdir(parents=True)
    make_key(key)
    (place / "link").symlink_to(place / "here")
    named = place / ("link" if linked else "here")
    private = [str(key), *(str(real / name) for name in ("millrace.db", "kubeconfig", "tls/server.key"))]
    script = f'for file in {" ".join(private)}; do if [ -s "$file" ]; then echo "$file can be read"; fi; done; echo looked'

    @dsl.pipeline(name="looks")
    def looks(script: str, paths: list):
        shell(script=script)
        first = python(paths=paths)
        python(paths=paths).after(first)
        # To mount these, the directories above what is private are made anew.
        mounting = shell(script=script)
        for path in (place / "here" / "new", place / "here" / "deep" / "new"):
            kubernetes.use_secret_as_volume(mounting, secret_name="aws-secret", mount_path=str(path))

    with support.running(named / "deep" / "data", arguments=["--key-file", str(named / "key")]) as server:
        role = support.set_up(server)["role_arn"]
        run = server.kfp().create_run_from_pipeline_func(
            looks, arguments={"script": script, "paths": private}, enable_caching=False
        )
        assert support.wait_for_run(server, run.run_id)["state"] == "SUCCEEDED", support.why(server, run.run_id)
        tasks = json.loads(server.request(f"/console/api/runs/{run.run_id}")[1])["tasks"]
        said = [value for task in tasks if not task["is_dag"] for value in task["outputs"]["parameters"].values()]
        assert said == ["looked\n"] * 4, said

        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.put_object(Bucket="e2e-bucket", Key="in/script.sh", Body=script)
        folder = "/opt/ml/processing/out"
        sagemaker.create_processing_job(
            ProcessingJobName="looks",
            RoleArn=role,
            AppSpecification={
                "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:0.20.0-cpu-py3",
                "ContainerEntrypoint": ["sh", "-c", f"sh {folder}/../in/script.sh > {folder}/seen"],
            },
            ProcessingInputs=[{
                "InputName": "in",
                "S3Input": {
                    "S3Uri": "s3://e2e-bucket/in", "LocalPath": "/opt/ml/processing/in",
                    "S3DataType": "S3Prefix", "S3InputMode": "File",
                },
            }],
            ProcessingOutputConfig={"Outputs": [{
                "OutputName": "out",
                "S3Output": {"S3Uri": "s3://e2e-bucket/out", "LocalPath": folder, "S3UploadMode": "EndOfJob"},
            }]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}
            },
        )
        deadline = time.monotonic() + 60
        while (job := sagemaker.describe_processing_job(ProcessingJobName="looks"))["ProcessingJobStatus"] == "InProgress":
            assert time.monotonic() < deadline, job
            time.sleep(0.2)
        assert job["ProcessingJobStatus"] == "Completed", job
        seen = s3.get_object(Bucket="e2e-bucket", Key="out/seen")["Body"].read()
        assert seen == b"looked\n", seen
