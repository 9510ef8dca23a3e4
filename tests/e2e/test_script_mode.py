"""Scripts in the images of frameworks, without the images: scikit-learn's estimator, generic ones, ModelTrainer, processors."""

import json
import os
import signal
import time

import pytest

import support
from script_jobs import LIMIT, SCIKIT_LEARN, Scripts, archive, keep_environments, take_environments

TRAIN = """\
import argparse, json, os, pickle
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression

parser = argparse.ArgumentParser()
parser.add_argument("--cost", type=float)
parser.add_argument("--name")
parser.add_argument("--max-iter", type=int)
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
given = parser.parse_args()
rows = pd.read_csv(os.path.join(given.train, "data", "points.csv"), header=None)
model = LogisticRegression(C=given.cost, max_iter=given.max_iter).fit(rows[[1, 2]].to_numpy(), rows[0].to_numpy())
score = model.score(rows[[1, 2]].to_numpy(), rows[0].to_numpy())
print("accuracy=%.3f;" % score)
with open(os.path.join(given.model_dir, "model.pkl"), "wb") as out:
    pickle.dump(model, out)
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "seen.json"), "w") as out:
    import helper
    json.dump({"arguments": vars(given), "helper": helper.NAME, "cwd": os.getcwd(),
               "variables": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}, out)
"""
POINTS = "".join(f"{i % 2},{(i % 2) * 10 + i % 3},{i % 5}\n" for i in range(60))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    data = tmp_path_factory.mktemp("scripts")
    with support.running(data) as server:
        take_environments(data)
        account = Scripts(server)
        account.s3.put_object(Bucket="hostile", Key="train/data/points.csv", Body=POINTS)
        yield account
        keep_environments(data)


def trained(scripts, name):
    job = scripts.trained(name, LIMIT)
    return job, "\n".join(scripts.log(name))


def test_scikit_learn_estimator(scripts):
    scripts.estimator(
        "sklearn", {"train.py": TRAIN, "helper.py": "NAME = 'beside it'\n"},
        hyperparameters={"cost": 0.5, "name": "x y", "max-iter": 50}, channels=[("train", "s3://hostile/train/")],
        AlgorithmSpecification={"TrainingImage": SCIKIT_LEARN, "TrainingInputMode": "File",
                                "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}]},
    )
    job, log = trained(scripts, "sklearn")
    assert job["TrainingJobStatus"] == "Completed", (job["FailureReason"], log)
    assert job["FinalMetricDataList"][0]["Value"] == 1
    assert "It runs with scikit-learn 1.2.1 and Python" in log, log
    kept = scripts.objects("models/sklearn/output/")
    assert kept["model.pkl"]
    seen = json.loads(kept["seen.json"])
    assert seen["arguments"]["cost"] == 0.5 and seen["arguments"]["name"] == "x y" and seen["arguments"]["max_iter"] == 50
    assert seen["helper"] == "beside it" and seen["cwd"] == "/opt/ml/code"
    assert json.loads(seen["variables"]["SM_HPS"]) == {"cost": 0.5, "name": "x y", "max-iter": 50}
    assert json.loads(seen["variables"]["SM_TRAINING_ENV"])["job_name"] == "sklearn"
    assert seen["variables"]["SM_CHANNELS"] == '["train"]'
    assert seen["variables"]["SM_MODULE_DIR"] == "s3://hostile/sklearn/source/sourcedir.tar.gz"


@pytest.mark.parametrize("script, reason", [
    ("import sys\nsys.stderr.write('lost\\n')\nraise ValueError('no rows in it')",
     'ExecuteUserScriptError:\nExitCode 1\nErrorMessage "raise ValueError(\'no rows in it\')\n ValueError: no rows in it"\nCommand "python3 train.py"'),
    ("import sys\nsys.exit(7)", 'ExecuteUserScriptError:\nExitCode 7\nErrorMessage ""\nCommand "python3 train.py"'),
    ("import nowhere", "ErrorMessage \"ModuleNotFoundError: No module named 'nowhere'\""),
    ("open('/opt/ml/output/failure', 'w').write('I say why')\nraise SystemExit(3)", "AlgorithmError: I say why, exit code: 1"),
])
def test_a_failing_script_says_why(scripts, script, reason):
    name = f"fails-{abs(hash(script)) % 10**8}"
    scripts.estimator(name, {"train.py": script})
    job, log = trained(scripts, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ") and reason in job["FailureReason"], job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert not scripts.objects(f"models/{name}/")


def test_generic_estimators_bring_requirements_and_shells(scripts):
    """An image that nobody knows here: this machine's Python, with what the source asks for."""
    own = "registry/own:1"
    scripts.estimator("asks", {"train.py": "import tomli; open('/opt/ml/model/v', 'w').write(tomli.__name__)",
                               "requirements.txt": "# readers\ntomli==2.0.1\n"}, image=own)
    scripts.estimator("shell", {"run.sh": "#!/bin/sh\npython -c 'import sys; print(sys.argv)' \"$@\" > \"$SM_MODEL_DIR/v\"\n"},
                      program="run.sh", hyperparameters={"name": "it's b"}, image=own)
    scripts.estimator("nothing", {"train.py": "", "requirements.txt": "no-such-package-of-millrace==1\n"}, image=own)
    scripts.estimator("absent", {"train.py": ""}, program="other.py", image=own)
    job, log = trained(scripts, "asks")
    assert job["TrainingJobStatus"] == "Completed", (job["FailureReason"], log)
    assert scripts.objects("models/asks/output/")["v"] == b"tomli"
    job, log = trained(scripts, "shell")
    assert job["TrainingJobStatus"] == "Completed", (job["FailureReason"], log)
    assert scripts.objects("models/shell/output/")["v"] == b"['-c', '--name', \"it's b\"]\n"
    job, _ = trained(scripts, "nothing")
    assert job["FailureReason"].startswith("AlgorithmError: InstallRequirementsError:\nExitCode 1\nErrorMessage \"ERROR: No matching"), job
    job, _ = trained(scripts, "absent")
    assert "has no other.py" in job["FailureReason"], job


def test_model_trainer_of_the_sdk_3(scripts):
    """Its driver: bash, with python3 and pip3 on the PATH, that writes beside its inputs."""
    driver = """\
set -e
cd /opt/ml/input/data/code
python3 -c 'import os; print("export SM_MODEL_DIR=/opt/ml/model")' > /opt/ml/input/sm_training.env
. /opt/ml/input/sm_training.env
pip3 --version
pip --version
python3 train.py
"""
    scripts.s3.put_object(Bucket="hostile", Key="trainer/input/sm_drivers/sm_train.sh", Body=driver)
    scripts.s3.put_object(Bucket="hostile", Key="trainer/input/code/train.py",
                          Body="import sklearn, os; open(os.environ['SM_MODEL_DIR'] + '/v', 'w').write(sklearn.__version__)")
    channel = lambda name: {"ChannelName": name, "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": f"s3://hostile/trainer/input/{name}/", "S3DataDistributionType": "FullyReplicated"}}}
    scripts.sagemaker.create_training_job(
        TrainingJobName="trainer", RoleArn=scripts.role,
        AlgorithmSpecification={
            "TrainingImage": SCIKIT_LEARN, "TrainingInputMode": "File", "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": ["-c", "chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && /bin/bash /opt/ml/input/data/sm_drivers/sm_train.sh"]},
        HyperParameters={"epochs": "3"}, InputDataConfig=[channel("code"), channel("sm_drivers")],
        OutputDataConfig={"S3OutputPath": "s3://hostile/models"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job, log = trained(scripts, "trainer")
    assert job["TrainingJobStatus"] == "Completed", (job["FailureReason"], log)
    assert scripts.objects("models/trainer/output/")["v"] == b"1.2.1"


def test_processors(scripts):
    code = "/opt/ml/processing/input/code"
    # ScriptProcessor, of what this machine's Python has; SKLearnProcessor; FrameworkProcessor, whose script calls python.
    scripts.processor("plain", ["python3", f"{code}/s.py"], {"code": {"s.py": b"import sys; open('/opt/ml/processing/output/v', 'w').write(sys.argv[1])"}},
                      arguments=["one two"])
    scripts.processor("sklearn", ["python3", f"{code}/s.py"], {"code": {"s.py": b"import sklearn; open('/opt/ml/processing/output/v', 'w').write(sklearn.__version__)"}})
    runproc = """\
#!/bin/bash
cd /opt/ml/processing/input/code/
tar -xzf sourcedir.tar.gz
set -e
if [[ -f 'requirements.txt' ]]; then
    pip uninstall --yes typing
    pip install -r requirements.txt
fi
python s.py "$@"
"""
    scripts.processor("framework", ["/bin/bash", "/opt/ml/processing/input/entrypoint/runproc.sh"], {
        "entrypoint": {"runproc.sh": runproc.encode()},
        "code": {"sourcedir.tar.gz": archive({"s.py": "import sklearn, pandas, sys; open('/opt/ml/processing/output/v', 'w').write(sys.executable)"})},
    })
    for name in ("plain", "sklearn", "framework"):
        job = scripts.processed(name, LIMIT)
        assert job["ProcessingJobStatus"] == "Completed", (name, job.get("FailureReason"), scripts.lines("/aws/sagemaker/ProcessingJobs", name))
    assert scripts.objects("plain/output/")["v"] == b"one two"
    assert scripts.objects("sklearn/output/")["v"] == b"1.2.1"
    assert scripts.objects("framework/output/")["v"].endswith(b"/environment/bin/python")


def test_images_that_are_no_python_are_refused(scripts):
    scripts.processor("spark", ["smspark-submit", "x.py"], {"code": {"x.py": b""}},
                      image="173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.3-cpu-py39-v1.2")
    job = scripts.processed("spark")
    assert "cannot run here without podman or docker that has it: it runs on Java and Spark" in job["FailureReason"], job


def test_a_killed_server_takes_nothing_from_a_running_script(scripts):
    script = "import time, os\nfor i in range(30):\n    print('step', i); time.sleep(0.1)\nopen('/opt/ml/model/v', 'w').write('done')"
    scripts.estimator("outlives", {"train.py": script})
    scripts.wait(lambda: {"s": "Training" if "step 1" in scripts.log("outlives") else ""}, "s", LIMIT, ("Training",))
    os.kill(scripts.server.process.pid, signal.SIGKILL)
    scripts.server.process.wait()
    scripts.server.start()
    job, log = trained(scripts, "outlives")
    assert job["TrainingJobStatus"] == "Completed", (job, log)
    assert [line for line in log.splitlines() if line.startswith("step ")] == [f"step {i}" for i in range(30)]
    assert scripts.objects("models/outlives/output/")["v"] == b"done"


def test_a_stopped_script_keeps_what_it_wrote(scripts):
    script = ("import signal, sys, time\ndef stop(*_):\n    open('/opt/ml/model/v', 'w').write('stopped'); sys.exit(0)\n"
              "signal.signal(signal.SIGTERM, stop)\nprint('ready')\ntime.sleep(300)")
    scripts.estimator("stops", {"train.py": script})
    scripts.wait(lambda: {"s": "Training" if "ready" in scripts.log("stops") else ""}, "s", LIMIT, ("Training",))
    scripts.sagemaker.stop_training_job(TrainingJobName="stops")
    begun = time.monotonic()
    job, _ = trained(scripts, "stops")
    assert job["TrainingJobStatus"] == "Stopped" and time.monotonic() - begun < 60
    assert scripts.objects("models/stops/output/")["v"] == b"stopped"
