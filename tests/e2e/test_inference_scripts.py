"""Models with an inference script: SageMaker's handlers, their defaults, errors, and the life of the workers."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tarfile
import time

import pytest

import support

LIMIT = 30  # seconds
PROGRAM = support.ROOT / "src" / "sagemaker" / "serving" / "script_server_program.cpp"
IMAGE = "registry.example.com/mine:1"  # known to nobody: this machine's Python


def archive(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


# --- the server's program by itself, with this test's Python and its numpy ---


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Program:
    """The program in a directory, with a model's and a script's files."""

    def __init__(self, directory, script=None, framework="", **variables):
        self.directory = directory / "run"
        (directory / "model").mkdir()
        (directory / "model" / "weights").write_text("2")
        self.directory.mkdir()
        if script is not None:
            (directory / "code").mkdir()
            (directory / "code" / "inference.py").write_text(script)
        text = PROGRAM.read_text().split('R"py(')[1].split(')py"')[0]
        environment = {"PATH": os.environ["PATH"], "MILLRACE_MODEL": str(directory / "model"), "MILLRACE_FRAMEWORK": framework, "PYTHONUNBUFFERED": "1"}
        environment |= {"MILLRACE_CODE": str(directory / "code") if script is not None else "", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"} | variables
        self.log = open(directory / "log", "w+")
        self.process = subprocess.Popen([sys.executable, "-c", text], cwd=self.directory, env=environment, stdout=self.log, stderr=self.log)

    def ask(self, method, target, body=None, headers={}, name="s"):
        connection = Connection(os.path.relpath(self.directory / name))
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()

    def invoke(self, body, content_type=None, accept=None):
        headers = ({"Content-Type": content_type} if content_type else {}) | ({"Accept": accept} if accept else {})
        return self.ask("POST", "/invocations", body, headers)

    def is_well(self):
        with contextlib.suppress(OSError):
            return self.ask("GET", "/ping", name="ping")[0] == 200

    def ready(self):
        deadline = time.monotonic() + LIMIT
        while not self.is_well():
            assert self.process.poll() is None and time.monotonic() < deadline, self.printed()
            time.sleep(0.01)
        return self

    def printed(self):
        return pathlib.Path(self.log.name).read_text()


@pytest.fixture
def program(tmp_path):
    started = []

    def start(*arguments, **variables):
        started.append(Program(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


HANDLERS = """
import os
def model_fn(model_dir):
    return float(open(os.path.join(model_dir, "weights")).read())
def predict_fn(data, model):
    return data * model
"""


def test_the_toolkits_formats(program):
    import numpy

    server = program(HANDLERS).ready()
    assert server.invoke("[1, 2.5]", "application/json") == (200, "application/json", b"[2.0, 5.0]")
    assert server.invoke("[1]") == (200, "application/json", b"[2.0]"), "JSON is the default both ways"
    assert server.invoke("[1]", "application/json; charset=utf-8", "*/*") == (200, "application/json", b"[2.0]")
    assert server.invoke("1,2\n3,4.5\n", "text/csv", "text/csv") == (200, "text/csv", b"2.0,4.0\n6.0,9.0\n")
    assert server.invoke("1,2\n", "text/csv") == (200, "application/json", b"[2.0, 4.0]"), "one row has one dimension"
    array = io.BytesIO()
    numpy.save(array, numpy.array([[1.0, 2.0]]))
    status, kind, body = server.invoke(array.getvalue(), "application/x-npy", "application/x-npy")
    assert (status, kind) == (200, "application/x-npy") and numpy.load(io.BytesIO(body)).tolist() == [[2.0, 4.0]]
    status, kind, body = server.invoke("x", "image/png")
    assert status == 415 and body.startswith(b"Content type image/png is not supported by this framework.")
    status, kind, body = server.invoke("[1,", "application/json")
    message, _, trace = body.decode().partition("\n")
    assert status == 500 and message.startswith("Expecting value") and trace.startswith("Traceback (most recent call last):\n")
    assert json.loads(server.ask("GET", "/execution-parameters")[2]) == {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
    assert server.invoke(b"x" * (6 << 20) + b"y", "image/png")[0] == 413
    assert server.ask("GET", "/invocations")[0] == 405 and server.ask("GET", "/other")[0] == 404


@pytest.mark.parametrize(
    "script, answer",
    [
        ("def model_fn(d): return 1\ndef transform_fn(m, data, kind, accept): return f'{m} {data} {kind} {accept}', 'text/plain'", (200, "text/plain", b"1 [] application/json application/json")),
        ("def model_fn(d, context): return context.system_properties['model_dir'][-5:]\ndef input_fn(b, t, context): return b\ndef predict_fn(d, m): return [d, m]", (200, "application/json", b'["[]", "model"]')),
        ("from sagemaker_containers.beta.framework import worker, encoders\ndef model_fn(d): pass\ndef predict_fn(d, m): return [1]\ndef output_fn(p, accept): return worker.Response(encoders.encode(p, 'text/csv'), mimetype='text/csv')", (200, "text/csv", b"1\n")),
        ("from sagemaker_inference import errors\ndef model_fn(d): pass\ndef predict_fn(d, m): raise errors.GenericInferenceToolkitError(422, 'not so')", (422, "text/plain", b"not so\nTraceback")),
    ],
    ids=["transform_fn", "context", "Response", "status"],
)
def test_handlers(program, script, answer):
    status, kind, body = program(script).ready().invoke("[]", "application/json")
    assert (status, kind) == answer[:2] and body.startswith(answer[2]), body


def test_scikit_learns_defaults(program):
    script = "class Model:\n  def predict(self, rows): return rows.sum(axis=1).astype(int).tolist() + [str(rows.dtype)]\ndef model_fn(d): return Model()"
    server = program(script, "scikit-learn").ready()
    assert server.invoke("[[1, 2], [3, 4]]", "application/json") == (200, "application/json", b'[3, 7, "float32"]')


@pytest.mark.parametrize(
    "script, reason",
    [
        ("def predict_fn(d, m): pass", "Please provide a model_fn implementation."),
        ("def model_fn(d): pass\ndef transform_fn(m, d, c, a): pass\ndef input_fn(d, c): pass", "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn implementation"),
        ("def model_fn(d): raise OSError('no weights')", "OSError: no weights"),
        ("def model_fn(a, b, c, d): pass", "model_fn takes 4 arguments but 1 were given."),
    ],
)
def test_a_script_that_cannot_serve_ends_the_server(program, script, reason):
    server = program(script)
    assert server.process.wait(timeout=LIMIT) == 1
    assert reason in server.printed()


def test_workers_are_replaced_when_they_end_or_hang(program):
    script = "import os, time\ndef model_fn(d): pass\ndef transform_fn(m, data, c, a):\n  if data == 'end': os._exit(3)\n  if data == 'hang': time.sleep(1000)\n  return str(os.getpid()), 'text/plain'"
    server = program(script, SAGEMAKER_MODEL_SERVER_TIMEOUT="1").ready()
    pid = server.invoke("", "text/csv")[2]
    for request in ("end", "hang"):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            server.invoke(request, "text/csv")
        after = server.invoke("", "text/csv")[2]
        assert after != pid
        pid = after
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=LIMIT) == 0
    assert "another one takes its place" in server.printed() and "one request has taken it 1 seconds" in server.printed()


def test_models_of_a_multi_model_endpoint(program, tmp_path):
    shared = "import os\ndef model_fn(d): return open(os.path.join(d, 'weights')).read()\ndef transform_fn(m, data, c, a): return f'shared {m} {data}', 'text/plain'"
    server = program(shared, SAGEMAKER_MULTI_MODEL="true").ready()
    for name, script in {"a": None, "b": "import helper\ndef model_fn(d): return helper.NAME\ndef transform_fn(m, data, c, a): return m, 'text/plain'"}.items():
        files = tmp_path / "model" / name / "model"
        files.mkdir(parents=True)
        (files / "weights").write_text(name * 3)
        if script:
            (files / "code").mkdir()
            (files / "code" / "inference.py").write_text(script)
            (files / "code" / "helper.py").write_text("NAME = 'its own'")
        assert server.ask("POST", "/models", json.dumps({"model_name": name, "url": "/x"}))[0] == 200
    assert server.ask("POST", "/models/a/invoke", "1", {"Content-Type": "text/csv"}) == (200, "text/plain", b"shared aaa 1")
    assert server.ask("POST", "/models/b/invoke", "1", {"Content-Type": "text/csv"}) == (200, "text/plain", b"its own")
    assert [one["modelName"] for one in json.loads(server.ask("GET", "/models")[2])["models"]] == ["a", "b"]
    assert server.ask("GET", "/models/a")[0] == 200 and server.ask("GET", "/models/c")[0] == 404
    assert server.ask("POST", "/invocations", "1")[0] == 404
    for name in ("c", "..", "a/../a"):
        assert server.ask("POST", "/models", json.dumps({"model_name": name, "url": "/x"}))[0] == 404, name
    (tmp_path / "model" / "b").rename(tmp_path / "gone")
    assert server.ask("POST", "/models/b/invoke", "1")[0] == 404, "its files have gone"
    assert server.ask("DELETE", "/models/a")[0] == 200


# --- endpoints ---

SCRIPT = """
import os
print("the script has begun")
def model_fn(model_dir):
    return open(os.path.join(model_dir, "weights")).read()
def input_fn(data, content_type):
    return data
def predict_fn(data, model):
    if data == "fail": raise ValueError("no such number")
    return f"{model} {data} {os.environ['GREETING']} {os.environ['AWS_REGION']} {os.path.exists('/opt/ml/model/weights')}"
def output_fn(prediction, accept):
    return prediction, accept
"""


class Account:
    def __init__(self, server):
        self.role = support.role_for_jobs(server.client("iam"))
        self.connect(server)
        self.s3.create_bucket(Bucket="models")

    def connect(self, server):
        self.s3, self.sagemaker, self.logs = (server.client(name) for name in ("s3", "sagemaker", "logs"))
        self.runtime = server.client("sagemaker-runtime", attempts=1)

    def put(self, key, **files):
        self.s3.put_object(Bucket="models", Key=key, Body=archive(**files))
        return f"s3://models/{key}"

    def endpoint(self, name, data, **more):
        environment = {"GREETING": "hello"} | more.pop("environment", {})
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data, "Environment": environment}, **more)
        return self.deploy(name)

    def deploy(self, name, **more):
        variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **more)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        deadline = time.monotonic() + LIMIT
        while (endpoint := self.sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return endpoint

    def invoke(self, name, body):
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/plain", Accept="text/plain")
        assert answer["ContentType"] == "text/plain"
        return answer["Body"].read().decode()


@pytest.fixture(scope="module")
def account(server):
    return Account(server)


def test_an_endpoint_of_a_script_in_the_model(account, server):
    endpoint = account.endpoint("own", account.put("own.tar.gz", weights="w=7", **{"code__inference.py": SCRIPT}))
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert account.invoke("own", "1") == "w=7 b'1' hello us-east-1 True"
    server.kill()
    server.start()
    account.connect(server)
    assert account.invoke("own", "2") == "w=7 b'2' hello us-east-1 True", "the server was found again"
    group = "/aws/sagemaker/Endpoints/own"
    stream = account.logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    assert "the script has begun" in [e["message"] for e in account.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]]


def test_a_script_in_s3_and_its_errors(account):
    code = account.put("source/sourcedir.tar.gz", **{"serve.py": SCRIPT.replace('data == "fail"', 'data == b"fail"')})
    environment = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": code, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    endpoint = account.endpoint("apart", account.put("plain.tar.gz", weights="w=8"), environment=environment, EnableNetworkIsolation=False)
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert account.invoke("apart", "1").startswith("w=8 b'1'")
    with pytest.raises(account.runtime.exceptions.ModelError) as refused:
        account.invoke("apart", "fail")
    error = refused.value.response
    assert error["OriginalStatusCode"] == 500 and error["OriginalMessage"].startswith("no such number\nTraceback (most recent call last):")


def test_a_script_without_a_network(account):
    script = "import socket\ndef model_fn(d): pass\ndef transform_fn(m, d, c, a):\n  try: return socket.create_connection(('127.0.0.1', %d), 2) and 'reached', a\n  except OSError: return 'alone', a" % 80
    endpoint = account.endpoint("alone", account.put("alone.tar.gz", **{"code__inference.py": script}), EnableNetworkIsolation=True)
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert account.invoke("alone", "1") == "alone"


def test_a_model_that_cannot_be_loaded(account):
    endpoint = account.endpoint("broken", account.put("broken.tar.gz", **{"code__inference.py": "def model_fn(d): raise OSError('no weights')"}))
    assert endpoint["EndpointStatus"] == "Failed"
    assert endpoint["FailureReason"] == "The primary container for production variant v did not pass the ping health check. Please check CloudWatch logs for this endpoint."


def adds(number):
    return f"def model_fn(d): return {number}\ndef transform_fn(m, data, kind, accept):\n  if data.strip() == 'x': raise ValueError('no number')\n  return f'{{int(data) + m}} {{kind}} {{accept}}' if m == 10 else str(int(data) + m), 'text/csv'"


def test_a_multi_model_endpoint(account):
    for number in (1, 2):
        account.put(f"many/m{number}.tar.gz", weights=str(number), **{"code__inference.py": "def model_fn(d): return open(d + '/weights').read()\ndef transform_fn(m, data, kind, accept): return f'{m} {data}', 'text/csv'"})
    account.put("many/broken.tar.gz", **{"code__inference.py": "def model_fn(d): raise OSError('no weights')"})
    container = {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": "s3://models/many/", "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}}
    account.sagemaker.create_model(ModelName="many", ExecutionRoleArn=account.role, PrimaryContainer=container)
    endpoint = account.deploy("many")
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    invoke = lambda **more: account.runtime.invoke_endpoint(EndpointName="many", Body="x", ContentType="text/csv", **more)["Body"].read()
    assert [invoke(TargetModel=name) for name in ("m1.tar.gz", "m2.tar.gz", "/m1.tar.gz")] == [b"1 x", b"2 x", b"1 x"]
    with pytest.raises(account.runtime.exceptions.ClientError, match=r"\(ValidationError\).*Failed to download model data\(bucket: models, key: many/none.tar.gz\)"):
        invoke(TargetModel="none.tar.gz")
    with pytest.raises(account.runtime.exceptions.ModelError, match=r"Received server error \(500\) from primary with message \"no weights"):
        invoke(TargetModel="broken.tar.gz")
    with pytest.raises(account.runtime.exceptions.ClientError, match="requires target model header"):
        invoke()
    account.sagemaker.delete_endpoint(EndpointName="many")


def test_asynchronous_inference_survives_the_server(account, server):
    script = "import os, time\ndef model_fn(d): return 'w'\ndef transform_fn(m, data, kind, accept):\n  if data == 'bad': raise ValueError('not so')\n  time.sleep(0.3)\n  return f'{m} {data} {kind}', accept"
    data = account.put("later.tar.gz", **{"code__inference.py": script})
    account.sagemaker.create_model(ModelName="later", ExecutionRoleArn=account.role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data})
    output = {"S3OutputPath": "s3://models/later/out", "S3FailurePath": "s3://models/later/failed"}
    endpoint = account.deploy("later", AsyncInferenceConfig={"OutputConfig": output, "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1}})
    assert endpoint["EndpointStatus"] == "InService" and endpoint["AsyncInferenceConfig"]["OutputConfig"] == output, endpoint.get("FailureReason")
    answers = []
    for i, text in enumerate(["one", "bad", "two", "three"]):
        account.s3.put_object(Bucket="models", Key=f"later/in/{i}", Body=text)
        answers.append(account.runtime.invoke_endpoint_async(EndpointName="later", InputLocation=f"s3://models/later/in/{i}", ContentType="text/csv", Accept="text/plain", InferenceId=f"id-{i}"))
        assert answers[-1]["InferenceId"] == f"id-{i}" and answers[-1]["ResponseMetadata"]["HTTPStatusCode"] == 202
    server.kill()
    server.start()
    account.connect(server)

    def read(location):
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                return account.s3.get_object(Bucket="models", Key=location.removeprefix("s3://models/"))["Body"].read()
            except account.s3.exceptions.NoSuchKey:
                assert time.monotonic() < deadline, location
                time.sleep(0.05)

    assert read(answers[0]["OutputLocation"]) == b"w one text/csv"
    assert b'Received server error (500) from primary with message "not so' in read(answers[1]["FailureLocation"])
    assert [read(answer["OutputLocation"]) for answer in answers[2:]] == [b"w two text/csv", b"w three text/csv"]
    with pytest.raises(account.runtime.exceptions.ClientError, match="use InvokeEndpointAsync"):
        account.invoke("later", "1")
    account.sagemaker.delete_endpoint(EndpointName="later")


@pytest.mark.parametrize("mode", ["Serial", "Direct"])
def test_an_inference_pipeline(account, mode):
    name = mode.lower()
    containers = [{"Image": IMAGE, "ContainerHostname": host, "ModelDataUrl": account.put(f"{name}-{host}.tar.gz", **{"code__inference.py": adds(number)})} for host, number in (("first", 1), ("second", 10))]
    account.sagemaker.create_model(ModelName=name, ExecutionRoleArn=account.role, Containers=containers, InferenceExecutionConfig={"Mode": mode})
    endpoint = account.deploy(name)
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert [variant["VariantName"] for variant in endpoint["ProductionVariants"]] == ["v"] and len(endpoint["ProductionVariants"][0]["DeployedImages"]) == 2
    invoke = lambda body, **more: account.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", Accept="text/plain", **more)["Body"].read()
    if mode == "Serial":
        assert invoke("5") == b"16 text/csv text/plain"
        with pytest.raises(account.runtime.exceptions.ModelError, match="from first with message"):
            invoke("x")
        with pytest.raises(account.runtime.exceptions.ClientError, match="TargetContainerHostname is for endpoints whose containers are invoked directly"):
            invoke("5", TargetContainerHostname="second")
    else:
        assert invoke("5", TargetContainerHostname="first") == b"6"
        assert invoke("5", TargetContainerHostname="second") == b"15 text/csv text/plain"
        with pytest.raises(account.runtime.exceptions.ClientError, match="must name one of them"):
            invoke("5")
    account.sagemaker.delete_endpoint(EndpointName=name)


def test_a_batch_through_a_script(account):
    script = "import os\ndef model_fn(d): return open(d + '/weights').read()\ndef transform_fn(m, data, kind, accept):\n  if 'bad' in data: raise ValueError('bad number')\n  return ''.join(f'{line}{m}{os.environ[\"SAGEMAKER_BATCH\"]}{os.environ[\"MORE\"]}\\n' for line in data.splitlines()), 'text/csv'"
    container = {"Image": IMAGE, "ModelDataUrl": account.put("batch.tar.gz", weights=",w", **{"code__inference.py": script})}
    account.sagemaker.create_model(ModelName="batch", ExecutionRoleArn=account.role, PrimaryContainer=container)
    for key, body in {"good/a.csv": b"1\n2\n", "good/deep/b.csv": b"3\n", "bad/a.csv": b"4\n", "bad/b.csv": b"bad\n"}.items():
        account.s3.put_object(Bucket="models", Key=f"in/{key}", Body=body)

    def transform(name, folder, **more):
        source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/in/{folder}"}}, "ContentType": "text/csv", "SplitType": "Line"}
        account.sagemaker.create_transform_job(TransformJobName=name, ModelName="batch", TransformInput=source, TransformOutput={"S3OutputPath": f"s3://models/out/{name}", "Accept": "text/csv"}, TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1}, Environment={"MORE": "more"}, **more)
        deadline = time.monotonic() + LIMIT
        while (job := account.sagemaker.describe_transform_job(TransformJobName=name))["TransformJobStatus"] == "InProgress":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return job

    read = lambda key: account.s3.get_object(Bucket="models", Key=f"out/{key}")["Body"].read()
    job = transform("plain", "good/")
    assert job["TransformJobStatus"] == "Completed", job
    assert read("plain/a.csv.out") == b"1,wtruemore\n2,wtruemore\n" and read("plain/deep/b.csv.out") == b"3,wtruemore\n"
    job = transform("joined", "good/", DataProcessing={"JoinSource": "Input", "OutputFilter": "$[0,2]"}, BatchStrategy="SingleRecord")
    assert job["TransformJobStatus"] == "Completed", job
    assert read("joined/a.csv.out") == b"1,wtruemore\n2,wtruemore\n"
    job = transform("fails", "bad/", ModelClientConfig={"InvocationsMaxRetries": 0})
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: See job logs for more information")


def test_what_an_endpoint_is_asked_is_captured(account):
    script = "def model_fn(d): pass\ndef transform_fn(m, data, kind, accept):\n  return '{\"y\": %d}' % (int(data) * 2), 'application/json'"
    account.s3.put_object(Bucket="models", Key="captured.tar.gz", Body=archive(**{"code__inference.py": script}))
    account.sagemaker.create_model(ModelName="captured", ExecutionRoleArn=account.role, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": "s3://models/captured.tar.gz"})
    capture = {"EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://models/seen", "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}], "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]}}
    endpoint = account.deploy("captured", DataCaptureConfig=capture)
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    assert endpoint["DataCaptureConfig"] == {"EnableCapture": True, "CaptureStatus": "Started", "CurrentSamplingPercentage": 100, "DestinationS3Uri": "s3://models/seen"}
    for number in (3, 4):
        account.runtime.invoke_endpoint(EndpointName="captured", Body=f"{number}", ContentType="text/csv", InferenceId=f"id-{number}")
    with pytest.raises(account.runtime.exceptions.ModelError):
        account.runtime.invoke_endpoint(EndpointName="captured", Body="x", ContentType="text/csv")
    deadline = time.monotonic() + LIMIT
    lines = []
    while len(lines) < 2:
        assert time.monotonic() < deadline, lines
        time.sleep(0.1)
        keys = [o["Key"] for o in account.s3.list_objects_v2(Bucket="models", Prefix="seen/captured/v/").get("Contents", [])]
        lines = [json.loads(line) for key in keys for line in account.s3.get_object(Bucket="models", Key=key)["Body"].read().splitlines()]
    assert all(key.endswith(".jsonl") and len(key.split("/")) == 8 for key in keys)
    first = min(lines, key=lambda line: line["eventMetadata"]["inferenceId"])
    assert first["captureData"] == {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "3", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "application/json", "mode": "OUTPUT", "data": '{"y": 6}', "encoding": "JSON"},
    }
    assert first["eventVersion"] == "0" and first["eventMetadata"]["inferenceId"] == "id-3"
