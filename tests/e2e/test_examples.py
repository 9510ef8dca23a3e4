"""examples/: each is run as its README says, against one server, and says what it promises to."""

import os
import subprocess
import sys

import pytest
import support

EXAMPLES = support.ROOT / "examples"
SAY = {
    "01_hello": ["SUCCEEDED"],
    "02_loops": ["SUCCEEDED"],
    "03_artifacts": ["SUCCEEDED"],
    "04_sagemaker_boto3": ["Completed", "different"],
    "05_training_script": ["Completed", '["pipeline", "artifacts"]', "('words', 6"],
    "06_recurring_run": [" runs by the schedule"],
    "07_failure_and_retry": ["FAILED after three attempts", "retried: SUCCEEDED"],
    "08_secrets": ["SUCCEEDED"],
    "09_data_set_from_s3": ["SUCCEEDED"],
    "10_compare": ["best rate: 0.4"],
}


def test_every_example_is_here_and_in_the_readme():
    assert sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py")) == sorted(SAY)
    listed = (EXAMPLES / "README.md").read_text()
    assert [name for name in SAY if f"`{name}.py`" not in listed] == []


@pytest.mark.parametrize("name", SAY)
def test_example(server, name):
    if name in ("07_failure_and_retry", "08_secrets"):
        support.need("kubectl")
    script = EXAMPLES / f"{name}.py"
    environment = server.environment() | {"PYTHONWARNINGS": "ignore"}
    environment["PATH"] += os.pathsep + os.environ["PATH"]
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in SAY[name]:
        assert said in done.stdout, done.stdout + done.stderr
    assert "0 runs by the schedule" not in done.stdout
