"""Data directories of older programs (upgrade/*.tar.xz, one of each version of the tables so far), opened by this one: what they
hold is there, their run under way goes on, their recurring run stays due. The other way round is refused in one sentence, and
nothing is changed."""

import json
import pathlib
import sqlite3
import subprocess
import sys

import pytest
import support

sys.path.insert(0, str(pathlib.Path(__file__).parent / "upgrade"))
import make  # noqa: E402

DIRECTORIES = sorted(file.name.removesuffix(".tar.xz") for file in make.HERE.glob("*.tar.xz"))


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    """The versions of the tables that this program makes."""
    with support.running(tmp_path_factory.mktemp("now") / "data") as server:
        pass
    return make.versions(server.data_dir / "millrace.db")


def named(server, path, key, name):
    status, text = server.request(path)
    assert status == 200, text
    return next(one for one in json.loads(text)[key] if one["display_name"] == name)


@pytest.mark.parametrize("name", DIRECTORIES)
def test_an_older_directory_goes_on(name, now, tmp_path):
    data = make.unpack(name, tmp_path)
    before = make.versions(data / "millrace.db")
    with support.running(data) as server:
        s3 = server.client("s3")
        assert s3.get_object(Bucket="kept", Key="greeting")["Body"].read() == b"hello"
        assert server.client("iam").get_user_policy(UserName="ann", PolicyName="s3")["PolicyDocument"]["Statement"]
        events = server.client("logs").get_log_events(logGroupName="kept", logStreamName="stream")["events"]
        assert [event["message"] for event in events] == ["kept"]
        assert server.client("sagemaker").describe_model(ModelName="kept")["ModelName"] == "kept"
        assert make.kubernetes(server, "/api/v1/namespaces/kubeflow/secrets/kept")["data"] == {"word": "c2VjcmV0"}
        assert named(server, "/apis/v2beta1/experiments", "experiments", "kept")
        done = named(server, "/apis/v2beta1/runs", "runs", "done")
        assert done["state"] == "SUCCEEDED"
        under_way = named(server, "/apis/v2beta1/runs", "runs", "under way")
        state = support.wait_for_run(server, under_way["run_id"])["state"]
        assert state == "SUCCEEDED", support.why(server, under_way["run_id"])
        if before["pipelines"] >= 3:
            recurring = named(server, "/apis/v2beta1/recurringruns", "recurringRuns", "nightly")
            assert recurring["status"] == "ENABLED"
    assert make.versions(data / "millrace.db") == now


def test_every_version_so_far_has_a_directory(now):
    """A new version of the tables comes with a directory of the one before (make.py)."""
    kept = {(component, version) for name in DIRECTORIES for component, version in unpacked_versions(name).items()}
    missing = {(c, v) for c, last in now.items() for v in range(1, last) if (c, v) not in kept}
    assert not missing


def unpacked_versions(name, _known={}):
    import tempfile

    if name not in _known:
        with tempfile.TemporaryDirectory() as place:
            _known[name] = make.versions(make.unpack(name, place) / "millrace.db")
    return _known[name]


def test_a_newer_directory_is_refused(now, tmp_path):
    data = make.unpack(DIRECTORIES[0], tmp_path)
    with support.running(data):
        pass
    for component, version in now.items():
        database = sqlite3.connect(data / "millrace.db")
        database.execute("INSERT INTO schema_version (component, version) VALUES (?, ?)", (component, version + 1))
        database.commit()
        content = list(database.iterdump())
        command = [support.MILLRACE, "serve", "--data-dir", data, "--listen", "127.0.0.1:0"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.count("\n") == 1 and "newer version of this program" in done.stderr, done.stderr
        assert list(database.iterdump()) == content, component
        database.execute("DELETE FROM schema_version WHERE component = ? AND version = ?", (component, version + 1))
        database.commit()
        database.close()
