"""What every client's scenarios begin with: the account, data with a known answer, scripts."""

import functools
import io
import json
import os
import pathlib
import tarfile
import tempfile
import time
import uuid

import numpy

ROLE = os.environ.get("CONFORMANCE_ROLE", "")
INSTANCE = "ml.m5.large"
OWN_IMAGE = "registry.example.com/mine:1"  # no engine here has it: this machine's Python runs its scripts
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
TENSORFLOW = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.16-cpu-py310"
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.5.0-cpu-py36-ubuntu16.04"  # the lab's own
KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
PCA = "382416733822.dkr.ecr.us-east-1.amazonaws.com/pca:1"
CENTRES = numpy.array([[0, 0, 0, 0], [10, 0, 10, 0], [0, 20, 0, 20]], dtype="float32")


def unique(name):
    return f"{name}-{uuid.uuid4().hex[:8]}"


def points(count=300):
    """Rows around three centres that nothing confuses; row i belongs to centre i % 3."""
    noise = numpy.random.default_rng(7).normal(0, 0.1, (count, CENTRES.shape[1]))
    return (CENTRES[numpy.arange(count) % 3] + noise).astype("float32")


def csv(rows):
    return "".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows)


def labelled_csv(count=90):
    """Label first: whether the row is of the second centre."""
    return "".join(f"{int(i % 3 == 1)},{csv([row])}" for i, row in enumerate(points(count)))


def apart(clusters):
    """Are the rows of points() in clusters as their centres are?"""
    groups = [set(clusters[start::3]) for start in range(3)]
    return all(len(group) == 1 for group in groups) and len(set.union(*groups)) == 3


def directory(**files):
    """A new directory with the files; `__` in a name is a dot."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="conformance-"))
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text)
    return str(place)


def archive(files):
    """A .tar.gz of name → text."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name.removeprefix("./"): tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}


@functools.cache
def s3():
    import boto3

    return boto3.client("s3")


@functools.cache
def sagemaker():
    import boto3

    return boto3.client("sagemaker")


@functools.cache
def bucket():
    """The one that the SDKs take by themselves."""
    import boto3

    name = f"sagemaker-{os.environ['AWS_REGION']}-{boto3.client('sts').get_caller_identity()['Account']}"
    s3().create_bucket(Bucket=name)
    return name


def put(key, body):
    s3().put_object(Bucket=bucket(), Key=key, Body=body)
    return f"s3://{bucket()}/{key}"


def get(uri):
    name, _, key = uri.removeprefix("s3://").partition("/")
    return s3().get_object(Bucket=name, Key=key)["Body"].read()


def keys_below(uri):
    name, _, prefix = uri.removeprefix("s3://").partition("/")
    return [o["Key"] for page in s3().get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix) for o in page.get("Contents", [])]


@functools.cache
def training_csv():
    """A prefix with labelled_csv()."""
    return put("conformance/labelled/points.csv", labelled_csv()).rpartition("/")[0] + "/"


@functools.cache
def points_csv():
    return put("conformance/points/points.csv", csv(points())).rpartition("/")[0] + "/"


def job_artifact(name):
    """The files of a training job's model."""
    job = sagemaker().describe_training_job(TrainingJobName=name)
    return members(get(job["ModelArtifacts"]["S3ModelArtifacts"]))


SKLEARN_TRAIN = """\
import argparse, json, os, pickle
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
import helper

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cost", type=float)
    parser.add_argument("--name")
    parser.add_argument("--max-iter", type=int)
    parser.add_argument("--fit-intercept")
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN") or "/opt/ml/input/data/train")
    given = parser.parse_args()
    rows = np.loadtxt(os.path.join(given.train, "points.csv"), delimiter=",")
    model = LogisticRegression(C=given.cost, max_iter=given.max_iter).fit(rows[:, 1:], rows[:, 0])
    print("accuracy=%.3f;" % model.score(rows[:, 1:], rows[:, 0]))
    out = os.environ.get("SM_MODEL_DIR", "/opt/ml/model")
    with open(os.path.join(out, "model.pkl"), "wb") as file:
        pickle.dump(model, file)
    with open(os.path.join(out, "seen.json"), "w") as file:
        json.dump({"name": given.name, "fit": given.fit_intercept, "helper": helper.NAME, "sklearn": sklearn.__version__}, file)
"""
SKLEARN_HYPERPARAMETERS = {"cost": 0.5, "name": "x y", "max-iter": 50, "fit-intercept": True}
HELPER = "NAME = 'beside it'\n"
ACCURACY = {"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}


def sklearn_source():
    return directory(train__py=SKLEARN_TRAIN, helper__py=HELPER)


def check_sklearn(name):
    job = sagemaker().describe_training_job(TrainingJobName=name)
    assert job["FinalMetricDataList"][0]["MetricName"] == "accuracy" and job["FinalMetricDataList"][0]["Value"] == 1, job["FinalMetricDataList"]
    files = job_artifact(name)
    seen = json.loads(files["seen.json"])
    assert seen == {"name": "x y", "fit": seen["fit"], "helper": "beside it", "sklearn": "1.2.1"} and seen["fit"].lower() == "true", seen


XGBOOST_TRAIN = """\
import argparse, os
import numpy as np
import xgboost as xgb

def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model"))
    return booster

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int)
    given = parser.parse_args()
    rows = np.loadtxt(os.path.join(os.environ.get("SM_CHANNEL_TRAIN") or "/opt/ml/input/data/train", "points.csv"), delimiter=",")
    data = xgb.DMatrix(rows[:, 1:], rows[:, 0])
    booster = xgb.train({"objective": "binary:logistic"}, data, given.num_round)
    booster.save_model(os.path.join(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"), "xgboost-model"))
"""

TENSORFLOW_TRAIN = """\
import os
import tensorflow as tf
layer = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
print("sum=%g;" % float(layer(tf.constant([[1.0, 2.0]]))[0][0]))
with open(os.path.join(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"), "version"), "w") as file:
    file.write(tf.__version__)
"""

REQUIRING_TRAIN = """\
import os, tomli
with open(os.path.join(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"), "v"), "w") as file:
    file.write(tomli.loads('a = "b"')["a"])
"""
REQUIREMENTS = "tomli==2.0.1\n"

CHECKPOINT_TRAIN = """\
import os
with open("/opt/ml/checkpoints/epoch-1", "w") as file:
    file.write("saved")
with open("/opt/ml/model/v", "w") as file:
    file.write("done")
"""

FAILING_TRAIN = "raise ValueError('there are no rows in it')\n"
WAITING_TRAIN = "import time\nprint('waits', flush=True)\ntime.sleep(300)\n"

DOUBLING_INFERENCE = """\
import os
def model_fn(model_dir):
    with open(os.path.join(model_dir, "factor")) as file:
        return float(file.read())
def predict_fn(data, model):
    import numpy
    return numpy.asarray(data, dtype=float) * model
"""


def factor_archive(factor, script=None):
    files = {"factor": str(factor)}
    if script:
        files["code/inference.py"] = script
    return archive(files)


def factor_model(factor, script=None):
    """S3 URI of a model.tar.gz whose prediction is its input times the factor."""
    return put(f"conformance/models/{unique('factor')}/model.tar.gz", factor_archive(factor, script))


PROCESS = """\
import os, sys
names = sorted(os.listdir("/opt/ml/processing/input/data"))
os.makedirs("/opt/ml/processing/output", exist_ok=True)
with open("/opt/ml/processing/output/seen", "w") as file:
    file.write(" ".join(sys.argv[1:]) + " " + ",".join(names))
"""
# The same in one line, as an entry point has it.
PROCESS_LINE = (
    "import os, sys; open('/opt/ml/processing/output/seen', 'w').write("
    "' '.join(sys.argv[1:]) + ' ' + ','.join(os.listdir('/opt/ml/processing/input/data')))"
)
SKLEARN_PROCESS = "import sklearn\nprint(sklearn.__version__)\n" + PROCESS.replace("import os, sys", "import os, sys\nimport helper")

PUBLISHED_PREPROCESSING = """\
import gzip, pickle
import numpy
from sagemaker.amazon.common import write_numpy_to_dense_tensor

with gzip.open("/opt/ml/processing/input/data.pkl.gz", "rb") as file:
    rows, labels = pickle.load(file, encoding="latin1")
with open("/opt/ml/processing/output_train/train_data", "wb") as file:
    write_numpy_to_dense_tensor(file, numpy.array(rows, "float32"), numpy.array(labels, "float32"))
numpy.savetxt("/opt/ml/processing/output_valid/valid-data.csv", rows, delimiter=",", fmt="%g")
"""


def pickled_points():
    import gzip
    import pickle

    rows = points()
    # Lists, since a numpy of another major version cannot read this one's arrays.
    text = pickle.dumps((rows.tolist(), [float(i % 3) for i in range(len(rows))]), protocol=2)
    return gzip.compress(text)

# Four epochs or as many as asked for; the smaller the slope, the smaller the loss.
EPOCHS_TRAIN = """\
import argparse, time
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--slope", type=float)
given, _ = parser.parse_known_args()
for epoch in range(given.epochs):
    print("loss=%.4f;" % (given.slope + 1 / (1 + epoch)), flush=True)
    time.sleep(0.05)
"""

EACH_PART = """\
import json, os
host = json.load(open("/opt/ml/config/resourceconfig.json"))
os.makedirs("/opt/ml/processing/output", exist_ok=True)
with open("/opt/ml/processing/output/" + host["current_host"], "w") as file:
    file.write(",".join(sorted(os.listdir("/opt/ml/processing/input/data"))) + " of " + ",".join(host["hosts"]))
"""


def check_parts(uri):
    files = {key.rpartition("/")[2]: get(f"s3://{bucket()}/{key}").decode() for key in keys_below(uri)}
    assert sorted(files) == ["algo-1", "algo-2"], files
    parts = [text.split(" of ") for text in files.values()]
    assert all(hosts == "algo-1,algo-2" for _, hosts in parts), files
    assert sorted(",".join(names for names, _ in parts).split(",")) == ["a.csv", "b.csv", "c.csv", "d.csv"], files


def gone(endpoint):
    """The endpoint is deleted."""
    from botocore.exceptions import ClientError

    deadline = time.monotonic() + 30
    try:
        while sagemaker().describe_endpoint(EndpointName=endpoint):
            assert time.monotonic() < deadline, "the endpoint is still there"
            time.sleep(0.1)
    except ClientError as error:
        assert "Could not find endpoint" in str(error), error


def log(group, prefix):
    import boto3

    events = boto3.client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)["events"]
    return "\n".join(event["message"] for event in events)


def metrics(name):
    return {one["MetricName"]: one["Value"] for one in sagemaker().describe_training_job(TrainingJobName=name)["FinalMetricDataList"]}


def refusal(act):
    """The sentence that an act is refused with. It must not be accepted."""
    try:
        act()
    except Exception as error:
        response = getattr(error, "response", None)
        assert response, error
        return response["Error"]["Message"]
    raise AssertionError("it was not refused")


def until(describe, member, *values, limit=60):
    deadline = time.monotonic() + limit
    while True:
        found = describe()
        if found[member] in values:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def until_training(name):
    """The job's own program runs."""
    until(lambda: sagemaker().describe_training_job(TrainingJobName=name), "SecondaryStatus", "Training")


def check_captured(uri, endpoint, limit=60):
    deadline = time.monotonic() + limit
    while not (keys := keys_below(f"{uri}/{endpoint}/")):
        assert time.monotonic() < deadline, "nothing was captured"
        time.sleep(0.1)
    line = json.loads(get(f"s3://{bucket()}/{keys[0]}").splitlines()[0])
    assert json.loads(line["captureData"]["endpointInput"]["data"]) == [1, 2], line
    assert json.loads(line["captureData"]["endpointOutput"]["data"]) == [2, 4], line
    assert line["eventMetadata"]["inferenceId"] == "first", line


def parts():
    """A prefix of four objects."""
    for part in "abcd":
        put(f"conformance/parts/{part}.csv", "1")
    return f"s3://{bucket()}/conformance/parts/"


def npy(array):
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()


def from_npy(data):
    return numpy.load(io.BytesIO(data))


def arrives(uri, limit=60):
    """The bytes of an object that is to come."""
    deadline = time.monotonic() + limit
    while uri.removeprefix("s3://").partition("/")[2] not in keys_below(uri):
        assert time.monotonic() < deadline, f"{uri} has not come"
        time.sleep(0.1)
    return get(uri)
