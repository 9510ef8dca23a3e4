"""The SDK's command line, `kfp`, against a live server: a process each, its output read as JSON."""

import json
import os
import subprocess

import pytest
from kfp import compiler, dsl

import support


@dsl.container_component
def shell(script: str):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c"], args=[script])


@dsl.pipeline(name="one-shell")
def one_shell(script: str = "true"):
    shell(script=script)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "one-shell.yaml"
    compiler.Compiler().compile(one_shell, str(path))
    return str(path)


@pytest.fixture(scope="module")
def kfp(server, tmp_path_factory):
    program = support.need("kfp")
    home = tmp_path_factory.mktemp("home")

    def run(*arguments, say=None, fails=False):
        """What the command prints, as JSON where it is; `say` answers its question."""
        done = subprocess.run(
            [program, "--endpoint", server.endpoint, "--output", "json", *arguments],
            input=say, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(home)},
        )
        assert (done.returncode != 0) == fails, f"{arguments}: {done.stdout} {done.stderr}"
        text = done.stdout
        starts = [i for i in (text.find("{"), text.find("[")) if i >= 0]
        try:
            return json.loads(text[min(starts):]) if starts else text + done.stderr
        except json.JSONDecodeError:
            return text + done.stderr

    return run


def test_pipelines(kfp, package):
    made = kfp("pipeline", "create", "-p", "by-cli", "-d", "d", package)
    assert (made["name"], made["description"]) == ("by-cli", "d")
    pipeline = made["pipeline_id"]
    version = kfp("pipeline", "create-version", "-v", "second", "-p", pipeline, package)["pipeline_version_id"]
    assert kfp("pipeline", "get", pipeline)["name"] == "by-cli"
    assert [p["name"] for p in kfp("pipeline", "list")] == ["by-cli"]
    assert {v["name"] for v in kfp("pipeline", "list-versions", pipeline)} == {"by-cli", "second"}
    assert kfp("pipeline", "get-version", pipeline, version)["name"] == "second"
    kfp("pipeline", "delete-version", pipeline, version, say="y\n")
    assert [v["name"] for v in kfp("pipeline", "list-versions", pipeline)] == ["by-cli"]


def test_runs(server, kfp, package):
    done = kfp("run", "create", "-e", "cli", "-r", "first", "-f", package, "-t", "60", "script=exit 0")
    assert (done["display_name"], done["state"]) == ("first", "SUCCEEDED")
    pipeline = kfp("pipeline", "create", "-p", "to-run", package)["pipeline_id"]
    version = kfp("pipeline", "list-versions", pipeline)[0]["pipeline_version_id"]
    failed = kfp("run", "create", "-e", "cli", "-r", "second", "-n", "to-run", "-v", version, "script=exit 1")
    failed = support.wait_for_run(server, failed["run_id"])
    assert failed["state"] == "FAILED"
    runs = kfp("run", "list")
    assert {r["run_id"] for r in runs} == {done["run_id"], failed["run_id"]}
    assert kfp("run", "get", done["run_id"])["display_name"] == "first"
    kfp("run", "archive", done["run_id"])
    assert json.loads(server.request(f"/apis/v2beta1/runs/{done['run_id']}")[1])["storage_state"] == "ARCHIVED"
    kfp("run", "unarchive", done["run_id"])
    kfp("run", "delete", done["run_id"], say="y\n")
    assert [r["run_id"] for r in kfp("run", "list")] == [failed["run_id"]]
    assert "none not found" in kfp("run", "get", "none", fails=True)


def test_experiments(kfp):
    made = kfp("experiment", "create", "-d", "d", "by-cli")
    assert kfp("experiment", "get", made["experiment_id"])["display_name"] == "by-cli"
    assert "by-cli" in [e["display_name"] for e in kfp("experiment", "list")]
    kfp("experiment", "archive", "--experiment-id", made["experiment_id"])
    kfp("experiment", "unarchive", "--experiment-name", "by-cli")
    kfp("experiment", "delete", made["experiment_id"], say="y\n")
    assert "by-cli" not in [e["display_name"] for e in kfp("experiment", "list")]


def test_recurring_runs(kfp, package):
    made = kfp(
        "recurring-run", "create", "--experiment-name", "cli", "--job-name", "yearly", "--cron-expression", "0 0 0 1 1 *",
        "--pipeline-package-path", package, "script=true",
    )
    recurring = made["recurring_run_id"]
    assert kfp("recurring-run", "get", recurring)["display_name"] == "yearly"
    for verb, status in (("disable", "DISABLED"), ("enable", "ENABLED")):
        kfp("recurring-run", verb, recurring)
        assert kfp("recurring-run", "get", recurring)["status"] == status
    assert [r["recurring_run_id"] for r in kfp("recurring-run", "list")] == [recurring]
    kfp("recurring-run", "delete", recurring, say="y\n")
    assert not kfp("recurring-run", "list")
