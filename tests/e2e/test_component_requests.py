"""The SageMaker components against what their originals asked of AWS with the same arguments (tests/components)."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import support

FOLDER = support.ROOT / "tests" / "components"
sys.path.insert(0, str(FOLDER))
import capture  # noqa: E402

PATIENCE = 60  # seconds for one component
RECORDED = sorted(FOLDER.glob("recorded/*.json"))


def run(aws, component, arguments, directory):
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, **keys, "AWS_ENDPOINT_URL": aws.url}
    filled = [a.replace("OUT/", f"{directory}/out/") for a in arguments]
    command = [support.MILLRACE, "component", component, *filled]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def log_records(text):
    kept = re.split(r"(?m)^(?=(?:INFO|WARNING|ERROR):root:)", text)
    return [capture.without_chance(r.rstrip("\n")) for r in kept if r]


def outputs(directory):
    out = pathlib.Path(directory) / "out"
    return {f.name: capture.without_chance(f.read_text()) for f in sorted(out.iterdir())} if out.exists() else {}


def expected_log(case):
    """What the original logged, but for its names of exceptions: where it crashed, ours gives a sentence."""
    return [r for r in case["log"] if not r.startswith("ERROR:root:An error occurred while") and r != "ERROR:root:None"]


def once_each(calls):
    """A description asked for again and again counts once: the controller's rounds are not the component's looks."""
    return [c for i, c in enumerate(calls) if not (i and c == calls[i - 1] and c["operation"].startswith("Describe"))]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_same_requests(recorded, tmp_path):
    cases = json.loads(recorded.read_text())
    assert len(cases) >= 3
    for number, case in enumerate(cases):
        directory = tmp_path / str(number)
        with capture.Capture(case["answers"]) as aws:
            process = run(aws, recorded.stem, case["arguments"], directory)
            stderr = process.communicate(timeout=PATIENCE)[1]
        said = f"{case['name']}\n{stderr}"
        resource = "log" not in case  # of version 2, recorded from the controller's model
        seen, wanted = (once_each(aws.calls), once_each(case["calls"])) if resource else (aws.calls, case["calls"])
        assert seen == wanted, said
        assert process.returncode == case["exit"], said
        assert outputs(directory) == case["outputs"], said
        ours = log_records(stderr)
        if resource:
            assert case["exit"] == 0 or stderr.strip(), case["name"]
        elif case["exit"] == 0:
            assert ours == expected_log(case), said
        else:
            assert [r for r in expected_log(case) if r not in ours] == [], said
            assert stderr.strip(), case["name"]
        assert resource or all(agent.startswith("sagemaker-on-kubeflow-pipelines-v") for agent in aws.agents), aws.agents


TRAIN = {c["name"]: c for c in json.loads((FOLDER / "recorded" / "train.json").read_text())}


def test_sigterm_stops_the_job_and_goes_on_looking(tmp_path):
    case = TRAIN["a job that is stopped"]
    going, stopped = [200, {"TrainingJobStatus": "InProgress"}], [200, {"TrainingJobStatus": "Stopped"}]
    answers = {**case["answers"], "DescribeTrainingJob": [going], "StopTrainingJob": [[200, {}]]}
    process = None
    with capture.Capture(answers, after={2: lambda: process.send_signal(signal.SIGTERM)}) as aws:
        aws.on_call = lambda call: call["operation"] == "StopTrainingJob" and aws.answers.update(DescribeTrainingJob=[stopped])
        process = run(aws, "train", case["arguments"], tmp_path)
        stderr = process.communicate(timeout=PATIENCE)[1]
    operations = [c["operation"] for c in aws.calls]
    assert operations.count("StopTrainingJob") == 1, operations
    assert process.returncode == 1 and "ERROR:root:The job reached Stopped state" in stderr
    assert outputs(tmp_path) == {}


def test_endpoint_url_and_assume_role(tmp_path):
    """endpoint_url is SageMaker's alone; the role is assumed at STS, once, and its keys sign."""
    case = TRAIN["a built-in algorithm by its title"]
    keys = "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    result = f"<AssumeRoleResult><Credentials>{keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    sts = f'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{result}</AssumeRoleResponse>'
    with capture.Capture({**case["answers"], "AssumeRole": [[200, sts]]}) as others, capture.Capture(case["answers"]) as aws:
        given = dict(zip(case["arguments"][::2], case["arguments"][1::2], strict=True))
        given |= {"--endpoint_url": f"  {aws.url} ", "--assume_role": "arn:aws:iam::123456789012:role/caller"}
        process = run(others, "train", [word for pair in given.items() for word in pair], tmp_path)
        stderr = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, stderr
    assert [c["operation"] for c in others.calls] == ["AssumeRole", "DescribeLogStreams", "GetLogEvents", "GetLogEvents"]
    assert others.calls[0]["body"]["DurationSeconds"] == "3600"
    assert {c["service"] for c in aws.calls} == {"sagemaker"}
