"""A million files: in a step's artifact, in its directory, and in a job's output. Each ends, others are served, and the
files are removed."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import support  # noqa: E402
from jobs_account import Account  # noqa: E402
from test_hostile_steps import OUT, pipeline, start  # noqa: E402

COUNT = 1_000_000
LIMIT = 900  # seconds for a million files on a slow disk
PROMPT = 5.0
MANY = f'import os, sys; os.makedirs(sys.argv[1], exist_ok=True); os.chdir(sys.argv[1]); [open(str(i), "w").close() for i in range({COUNT})]'


def ended(server, run):
    """The run's state; meanwhile others are answered."""
    deadline, slowest = time.monotonic() + LIMIT, 0.0
    while True:
        began = time.monotonic()
        state = json.loads(server.request(f"/apis/v2beta1/runs/{run}")[1]).get("state")
        slowest = max(slowest, time.monotonic() - began)
        if state in support.FINAL:
            assert slowest < PROMPT, slowest
            return state
        assert began < deadline, state
        time.sleep(0.2)


def test_a_million_files_of_steps(tmp_path):
    with support.running(tmp_path / "data") as server:
        for place in ('"$1"', '"$HOME/many"'):
            run = start(server, pipeline(f'python3 -c "$2" {place}', [OUT, MANY], artifacts=["o"]))
            print(place, ended(server, run))
            began = time.monotonic()
            assert server.request(f"/apis/v2beta1/runs/{run}", method="DELETE")[0] == 200
            print(f"deleted in {time.monotonic() - began:.1f} s")
            left = server.data_dir / "pipelines/runs" / run
            while left.exists():
                assert time.monotonic() - began < LIMIT
                time.sleep(0.2)
        assert ended(server, start(server, pipeline("true"))) == "SUCCEEDED"


def test_a_million_files_of_a_job(tmp_path):
    with support.running(tmp_path / "data") as server:
        account = Account(server)
        account.process("many", f"python3 -c '{MANY}' /opt/ml/processing/output")
        job = account.processed("many", LIMIT)
        assert job["ProcessingJobStatus"] == "Failed", job
        print(job["FailureReason"])
        leftovers = server.data_dir / "sagemaker/processing-job"
        deadline = time.monotonic() + LIMIT
        while any(leftovers.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
