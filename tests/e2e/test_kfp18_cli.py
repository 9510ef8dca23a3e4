"""The command line of the SDK 1.8, `kfp`, against a live server: a process each."""

import json
import os
import pathlib
import subprocess
import sys

import kfp
import pytest
from kfp.components import create_component_from_func

import support


def double(n: int) -> int:
    return 2 * n


double_op = create_component_from_func(double)


@kfp.dsl.pipeline(name="doubles")
def doubles(n: int = 5):
    double_op(n)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "doubles.yaml"
    kfp.compiler.Compiler().compile(doubles, str(path))
    return str(path)


@pytest.fixture(scope="module")
def run_kfp(server, tmp_path_factory):
    program = pathlib.Path(sys.executable).parent / "kfp"
    home = tmp_path_factory.mktemp("home")

    def run(*arguments, say=None):
        """What the command prints, as JSON where it is."""
        done = subprocess.run(
            [program, "--endpoint", server.endpoint, "--output", "json", *arguments],
            input=say, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.stdout} {done.stderr}"
        starts = [i for i in (done.stdout.find("{"), done.stdout.find("[")) if i >= 0]
        try:
            return json.loads(done.stdout[min(starts) :]) if starts else done.stdout
        except json.JSONDecodeError:
            return done.stdout

    return run


def test_pipelines(server, run_kfp, package):
    text = str(run_kfp("pipeline", "upload", "-p", "by-cli", "-d", "d", package))
    assert "by-cli" in text and "word" not in text
    pipeline = run_kfp("pipeline", "list")[0]
    assert pipeline["Name"] == "by-cli"
    run_kfp("pipeline", "upload-version", "-n", "by-cli", "-v", "second", package)
    shown = json.dumps(run_kfp("pipeline", "get", pipeline["Pipeline ID"]))
    assert "by-cli" in shown
    run_kfp("pipeline", "delete", pipeline["Pipeline ID"], say="y\n")
    assert json.loads(server.request("/apis/v1beta1/pipelines")[1]).get("total_size", 0) == 0


def test_runs(server, run_kfp, package):
    run_kfp("experiment", "create", "cli", "-d", "d")
    done = run_kfp("run", "submit", "-e", "cli", "-r", "first", "-f", package, "-t", "60", "n=7")[0]
    assert (done["name"], done["status"]) == ("first", "Succeeded")
    run = json.loads(server.request(f"/apis/v1beta1/runs/{done['run id']}")[1])["run"]
    assert run["pipeline_spec"]["parameters"] == [{"name": "n", "value": "7"}]
    run_kfp("pipeline", "upload", "-p", "to-run", package)
    second = run_kfp("run", "submit", "-e", "cli", "-r", "second", "-n", "to-run")[0]
    assert support.wait_for_run(server, second["run id"])["state"] == "SUCCEEDED"
    listed = run_kfp("run", "list", "-e", done["experiment id"])
    assert [(r["name"], r["status"]) for r in listed] == [("second", "Succeeded"), ("first", "Succeeded")]
    assert run_kfp("run", "get", done["run id"])[0]["status"] == "Succeeded"


def test_experiments_and_recurring_runs(server, run_kfp, package):
    run_kfp("experiment", "create", "more")
    experiments = {e["Name"]: e["Experiment ID"] for e in run_kfp("experiment", "list")}
    assert "more" in json.dumps(run_kfp("experiment", "get", experiments["more"]))
    run_kfp(
        "recurring-run", "create", "--experiment-name", "more", "--job-name", "hourly", "--interval-second", "3600",
        "--max-concurrency", "1", "--pipeline-package-path", package, "n=2",
    )  # fmt: skip
    job = json.loads(server.request("/apis/v1beta1/jobs")[1])["jobs"][0]
    assert job["trigger"]["periodic_schedule"]["interval_second"] == "3600"
    assert "hourly" in json.dumps(run_kfp("recurring-run", "get", job["id"]))
    assert "hourly" in json.dumps(run_kfp("recurring-run", "list"))
    run_kfp("recurring-run", "delete", job["id"])
    run_kfp("experiment", "archive", "--experiment-name", "more")
    run_kfp("experiment", "delete", experiments["more"], say="y\n")
    assert "more" not in [e["Name"] for e in run_kfp("experiment", "list")]
