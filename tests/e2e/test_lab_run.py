"""`millrace lab`: one command, what it reports, how good the model is."""

import json
import subprocess

import support


def lab(*arguments, timeout=180):
    return subprocess.run([support.MILLRACE, "lab", "--exit", *arguments], capture_output=True, text=True, timeout=timeout)


def test_the_report():
    done = lab("--json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 1, "one object, nothing else"
    report = json.loads(lines[0])
    assert report["succeeded"] is True
    assert 0 < report["seconds"] < 120
    assert 38.5 < report["test_msd"] <= 39.55
    assert 0.55 <= report["purity"] <= 1
    assert report["console_url"].startswith("http://127.0.0.1:")
    assert all(step["state"] == "SUCCEEDED" for step in report["steps"]), report["steps"]
    names = [step["name"] for step in report["steps"]]
    tasks = ["Prepare data", "Tune hyperparameters", "Train", "Create model", "Deploy endpoint", "Batch transform"]
    assert [name for name in names if name in tasks] and set(tasks) <= set(names), names
    assert all(step["seconds"] >= 0 for step in report["steps"])


def test_for_a_person():
    done = lab()
    assert done.returncode == 0, done.stderr
    for wanted in ("Batch transform", "test:msd", "purity", "cluster", "seconds"):
        assert wanted in done.stdout, wanted


def test_a_data_directory_is_kept(tmp_path):
    data = tmp_path / "data"
    done = lab("--json", "--data-dir", str(data))
    assert done.returncode == 0, done.stderr
    with support.running(data) as server:
        sagemaker = server.client("sagemaker")
        jobs = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        assert [j["TrainingJobStatus"] for j in jobs] == ["Completed"] * 4
        endpoint = sagemaker.list_endpoints()["Endpoints"][0]["EndpointName"]
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        answer = server.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=",".join(["0"] * 784)
        )
        assert "closest_cluster" in json.loads(answer["Body"].read())["predictions"][0]
