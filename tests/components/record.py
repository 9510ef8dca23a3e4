"""Runs the originals of the SageMaker components with the arguments of cases.py and keeps what they asked of AWS.

    python record.py DIRECTORY_OF_THE_ORIGINALS [component…]

The directory is components/aws/sagemaker of github.com/kubeflow/pipelines at 1665dc5fd8d2, the last commit that has it.
Needs boto3 and botocore 1.40.30 (the last ones that know RoboMaker) and sagemaker 2.237.3.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

import capture
import cases

HERE = pathlib.Path(__file__).parent
LAB = pathlib.Path(os.environ.get("LAB_COMPONENTS", HERE.parents[1] / "lab" / "components"))
PATIENCE = 180  # seconds for one component
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}
# The SageMaker SDK, which rlestimator is made with, reports its use to AWS; that is no call of the component.
NO_TELEMETRY = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"
# Runs a script with the wait between two looks made short.
RUNNER = """
import runpy, sys
script = sys.argv[1]
sys.argv = sys.argv[1:]
import common.sagemaker_component as c
c.SageMakerComponent.STATUS_POLL_INTERVAL = 0.01
runpy.run_path(script, run_name="__main__")
"""


def definition(component):
    return yaml.safe_load((LAB / f"{component}.yaml").read_text())


def words(component, given):
    """The command line as KFP makes it from the definition: each input with its value or its default."""
    described, out = definition(component), []
    given = dict(given)
    for one in described["inputs"]:
        value = given.pop(one["name"], one.get("default"))
        if value is not None:
            out += [f"--{one['name']}", str(value)]
    for name, value in given.items():
        out += [f"--{name}", value]
    for one in described["outputs"]:
        out += [f"--{one['name']}_output_path", f"OUT/{one['name']}"]
    return out


def log_records(text):
    """What was logged, without the traces of Python's exceptions."""
    records = re.split(r"(?m)^(?=(?:INFO|WARNING|ERROR):[\w.]+:)", text)
    kept = [r for r in records if re.match(r"(INFO|WARNING|ERROR):root:", r)]
    return [capture.without_chance(r.split("\nTraceback")[0].rstrip("\n")) for r in kept]


def run(component, arguments, answers, originals, runner=RUNNER):
    script = next(a for a in definition(component)["implementation"]["container"]["args"] if str(a).endswith(".py"))
    with tempfile.TemporaryDirectory() as directory, capture.Capture(answers) as aws:
        filled = [a.replace("OUT/", f"{directory}/out/") for a in arguments]
        settings = pathlib.Path(directory) / "settings.yaml"
        settings.write_text(NO_TELEMETRY)
        environment = {**os.environ, **ENVIRONMENT, "SAGEMAKER_USER_CONFIG_OVERRIDE": str(settings), "AWS_ENDPOINT_URL": aws.url, "PYTHONPATH": str(originals), "HOME": directory}
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", runner, script, *filled], cwd=originals, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        out = pathlib.Path(directory) / "out"
        outputs = {f.name: capture.without_chance(f.read_text()) for f in sorted(out.iterdir())} if out.exists() else {}
        return {"calls": aws.calls, "exit": done.returncode, "outputs": outputs, "log": log_records(done.stderr)}, done.stderr


def main():
    originals = pathlib.Path(sys.argv[1]).resolve()
    for component in sys.argv[2:] or cases.CASES:
        recorded = []
        for name, given, answers in cases.CASES[component]:
            arguments = words(component, given)
            seen, stderr = run(component, arguments, answers, originals)
            recorded.append({"name": name, "arguments": arguments, "answers": answers, **seen})
            print(component, "|", name, "|", seen["exit"], [c["operation"] for c in seen["calls"]], stderr.strip().splitlines()[-1:] if seen["exit"] else "")
        target = HERE / "recorded" / f"{component}.json"
        target.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
