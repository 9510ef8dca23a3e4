"""A data directory whose disk is full, for real: a small file system of its own. The server says so, loses nothing that
it acknowledged, starts, deletes, and goes on by itself once there is space."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
import support

ONE_MIB = 1 << 20
DISK_MIB = 128


def pipeline(command):
    return {
        "pipelineInfo": {"name": "disk"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {"comp": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": {"e": {"container": {"image": "img", "command": ["sh", "-c", command]}}}},
        "root": {
            "dag": {
                "tasks": {"t": {"componentRef": {"name": "comp"}, "taskInfo": {"name": "t"}, "cachingOptions": {}}}
            }
        },
    }


def create_run(server, command="true"):
    status, text = server.request("/apis/v2beta1/runs", {"display_name": "r", "pipeline_spec": pipeline(command)})
    return status, json.loads(text)


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request, tmp_path):
    if os.geteuid() != 0:
        support.missing("root, to mount a small disk,")
    place = tmp_path / "disk"
    place.mkdir()
    if request.param == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", place]
    else:
        image = tmp_path / "image"
        image.write_bytes(b"")
        os.truncate(image, DISK_MIB * ONE_MIB)
        subprocess.run([support.need("mkfs.ext4"), "-q", "-m", "0", image], check=True)
        mount = ["mount", "-o", "loop", image, place]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        support.missing(f"leave to mount ({mounted.stderr.strip()})")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk):
    """Takes every byte that is left."""
    filler = disk / "filler"
    with open(filler, "ab", buffering=0) as file:
        for size in (ONE_MIB, 4096, 1):
            while True:
                try:
                    if file.write(b"x" * size) < size:
                        break
                except OSError:
                    break
        os.fsync(file.fileno())
    return filler


def test_a_full_disk_is_said_and_survived(disk):
    data = disk / "data"
    with support.running(data) as server:
        s3 = server.client("s3", attempts=1)
        support.wait_for_sample_data(s3)
        s3.create_bucket(Bucket="things")
        for name in ("keep", "drop"):
            s3.put_object(Bucket="things", Key=name, Body=name.encode() * 100_000)
        status, first = create_run(server)
        assert status == 200
        assert support.wait_for_run(server, first["run_id"])["state"] == "SUCCEEDED"
        assert (data / "reserve").exists(), "made while there was space"

        filler = fill(disk)
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket="things", Key="more", Body=b"y" * (8 * ONE_MIB))
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert "disk" in refused.value.response["Error"]["Message"]
        assert "millrace prune" in refused.value.response["Error"]["Message"]

        acknowledged = [first["run_id"]]
        for _ in range(2_000):
            status, answer = create_run(server)
            if status != 200:
                break
            acknowledged.append(answer["run_id"])
        assert status == 507, answer
        assert answer["code"] == 8 and "disk is full" in answer["message"]

        assert s3.get_object(Bucket="things", Key="keep")["Body"].read() == b"keep" * 100_000
        server.kill()  # and without an orderly end
        server.start()
        for run_id in acknowledged:
            assert server.request(f"/apis/v2beta1/runs/{run_id}")[0] == 200, "acknowledged, so it is there"

    # An orderly stop, then a start with nothing free but what was kept back.
    fill(disk)
    with support.running(data, port=server.port) as server:
        assert "is full" in server.errors()
        s3 = server.client("s3", attempts=1)
        assert s3.get_object(Bucket="things", Key="keep")["Body"].read() == b"keep" * 100_000
        s3.delete_object(Bucket="things", Key="drop")
        assert [o["Key"] for o in s3.list_objects_v2(Bucket="things")["Contents"]] == ["keep"]
        assert server.request(f"/apis/v2beta1/runs/{acknowledged[0]}", method="DELETE")[0] == 200
        assert server.request(f"/apis/v2beta1/runs/{acknowledged[0]}")[0] == 404

        # With space again, without a restart.
        filler.unlink()
        s3.put_object(Bucket="things", Key="again", Body=b"z" * (8 * ONE_MIB))
        status, run = create_run(server)
        assert status == 200, run
        assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED"
        for run_id in acknowledged[1:]:
            assert support.wait_for_run(server, run_id)["state"] in ("SUCCEEDED", "FAILED")
        deadline = time.monotonic() + 60
        reserve = data / "reserve"
        while not reserve.exists() or reserve.stat().st_size < DISK_MIB * ONE_MIB // 20:
            assert time.monotonic() < deadline, "the reserve has not grown again"
            time.sleep(0.2)


def test_a_task_that_fills_the_disk_is_stopped_and_deleted(disk):
    data = disk / "data"
    with support.running(data) as server:
        support.wait_for_sample_data(server.client("s3"))
        status, run = create_run(server, "cat /dev/zero > \"$HOME/much\"; cat /dev/zero > more; sleep 600")
        assert status == 200
        deadline = time.monotonic() + 60
        while shutil.disk_usage(disk).free > ONE_MIB:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert server.request(f"/apis/v2beta1/runs/{run['run_id']}:terminate", {})[0] == 200
        assert support.wait_for_run(server, run["run_id"], 60)["state"] in ("FAILED", "CANCELED")
        assert server.request(f"/apis/v2beta1/runs/{run['run_id']}", method="DELETE")[0] == 200
        assert shutil.disk_usage(disk).free > 8 * ONE_MIB
        status, run = create_run(server)
        assert status == 200
        assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED"


def test_prune_frees_a_full_disk(disk):
    data = disk / "data"
    with support.running(data) as server:
        support.wait_for_sample_data(server.client("s3"))
        status, run = create_run(server, f"head -c {16 * ONE_MIB} /dev/urandom > kept-in-the-run")
        assert status == 200
        assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED"
        fill(disk)
        command = [support.MILLRACE, "prune", "--data-dir", data, "--keep", "0"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "freed" in done.stdout and run["run_id"][:8] in done.stdout
        assert shutil.disk_usage(disk).free > 8 * ONE_MIB
        assert server.request(f"/apis/v2beta1/runs/{run['run_id']}")[0] == 404
        assert not pathlib.Path(data / "pipelines" / "runs" / run["run_id"]).exists()
