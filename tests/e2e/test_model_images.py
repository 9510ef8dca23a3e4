"""Model servers whose image the container engine has: they answer, fail, hang and are replaced as SageMaker's do."""

import io
import tarfile
import time

import pytest

import containers
import support

IMAGE = "localhost/millrace-model-test:1"
LIMIT = 60  # seconds for an endpoint that starts or changes
# An image with a server of its own: one shell for each connection.
ENTRY = """echo "started with $* for $GREETING"
case "$MODE" in
  exits) exit 3;;
esac
trap 'echo ended; exit 0' TERM
nc -ll -p 8080 -e /bin/sh /answer.sh &
wait
"""
ANSWER = r"""read -r method path version
length=0
while read -r line; do
  line=$(printf %s "$line" | tr -d '\r')
  test -z "$line" && break
  case "$line" in
    [Cc]ontent-[Ll]ength:*) length=$(printf %s "${line#*:}" | tr -d ' ');;
    [Cc]ontent-[Tt]ype:*) type=${line#*: };;
    [Aa]ccept:*) accept=${line#*: };;
    X-Amzn-SageMaker-Custom-Attributes:*) attributes=${line#*: };;
  esac
done
body=$(head -c "$length")
say() { printf 'HTTP/1.1 %s\r\nContent-Type: text/csv\r\nX-Own: no\r\nX-Amzn-SageMaker-Custom-Attributes: %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "$1" "$attributes" "${#2}" "$2"; }
test -e /tmp/hung && sleep 1000
case "$method $path $body" in
  "GET /ping "*) say '200 OK' '';;
  *hang*) touch /tmp/hung; sleep 1000;;
  *bad*) say '400 Bad Request' 'no such thing';;
  *broken*) say '500 Oops' 'it broke';;
  *write*) if touch /opt/ml/model/x 2>/dev/null; then say '200 OK' written; else say '200 OK' refused; fi;;
  "POST /invocations "*) say '200 OK' "$(cat /opt/ml/model/code/weights) $GREETING $type $accept $(printf %s "$body" | wc -l) $body";;
  *) say '404 Not Found' '';;
esac
"""


@pytest.fixture(scope="module", autouse=True)  # before the server: its images are the engine's
def engine(tmp_path_factory):
    files = [("entry.sh", ENTRY), ("answer.sh", ANSWER)]
    with containers.engine(tmp_path_factory.mktemp("podman"), IMAGE, '["/bin/sh", "/entry.sh"]', files) as podman:
        yield podman


class Account:
    def __init__(self, server):
        self.role = support.role_for_jobs(server.client("iam"))
        self.connect(server)
        self.s3.create_bucket(Bucket="models")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("code/weights")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"w=7"))
        self.s3.put_object(Bucket="models", Key="m/model.tar.gz", Body=archive.getvalue())

    def connect(self, server):
        self.s3, self.sagemaker, self.logs = (server.client(name) for name in ("s3", "sagemaker", "logs"))
        self.runtime = server.client("sagemaker-runtime", attempts=1)

    def config(self, name, **environment):
        container = {"Image": IMAGE, "ModelDataUrl": "s3://models/m/model.tar.gz", "Environment": {"GREETING": "hello"} | environment}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def endpoint(self, name, **environment):
        self.config(name, **environment)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return self.settled(name)

    def settled(self, name):
        deadline = time.monotonic() + LIMIT
        while (endpoint := self.sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] not in ("InService", "Failed"):
            assert time.monotonic() < deadline, endpoint
            time.sleep(0.05)
        return endpoint

    def invoke(self, name, body, **more):
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", Accept="text/csv", **more)
        return answer["Body"].read().decode(), answer

    def delete(self, name):
        self.sagemaker.delete_endpoint(EndpointName=name)
        deadline = time.monotonic() + LIMIT
        while name in [e["EndpointName"] for e in self.sagemaker.list_endpoints()["Endpoints"]]:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def lines(self, name):
        group = f"/aws/sagemaker/Endpoints/{name}"
        streams = self.logs.describe_log_streams(logGroupName=group)["logStreams"]
        return [e["message"] for s in streams for e in self.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"], startFromHead=True)["events"]]


@pytest.fixture(scope="module")
def account(server):
    return Account(server)


def test_an_images_own_server_answers(account, engine):
    endpoint = account.endpoint("answers")
    assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
    text, answer = account.invoke("answers", "1,2\n3,4\n", CustomAttributes="trace=1")
    assert text == "w=7 hello text/csv text/csv 1 1,2\n3,4"
    assert answer["ContentType"] == "text/csv" and answer["InvokedProductionVariant"] == "v" and answer["CustomAttributes"] == "trace=1"
    assert "x-own" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert account.invoke("answers", "write")[0] == "refused", "the model's files are read-only"

    with pytest.raises(account.runtime.exceptions.ModelError) as refused:
        account.invoke("answers", "bad")
    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["OriginalStatusCode"] == 400 and error["OriginalMessage"] == "no such thing" and "/aws/sagemaker/Endpoints/answers" in error["LogStreamArn"]
    assert error["Error"]["Message"].startswith('Received client error (400) from primary with message "no such thing". See https://us-east-1.console.aws.amazon.com/cloudwatch/')
    with pytest.raises(account.runtime.exceptions.ModelError, match=r"Received server error \(500\) from primary with message \"it broke\""):
        account.invoke("answers", "broken")

    account.delete("answers")
    assert containers.of_ours(engine) == []
    assert account.lines("answers") == ["started with serve for hello", "ended"]


def test_a_container_that_ends_before_it_answers(account, engine):
    endpoint = account.endpoint("exits", MODE="exits")
    assert endpoint["EndpointStatus"] == "Failed"
    assert endpoint["FailureReason"] == "The primary container for production variant v did not pass the ping health check. Please check CloudWatch logs for this endpoint."
    account.delete("exits")
    assert containers.of_ours(engine) == []


def test_a_model_that_hangs_is_replaced(account, engine):
    assert account.endpoint("hangs")["EndpointStatus"] == "InService"
    before = containers.of_ours(engine)
    with pytest.raises(account.runtime.exceptions.ServiceUnavailable):
        account.invoke("hangs", "hang")
    assert account.invoke("hangs", "1")[0].endswith(" 1")
    after = containers.of_ours(engine)
    assert len(before) == len(after) == 1 and before != after
    assert account.settled("hangs")["EndpointStatus"] == "InService"
    account.delete("hangs")


def test_the_death_of_the_server_during_an_update(account, server, engine):
    assert account.endpoint("updated")["EndpointStatus"] == "InService"
    account.config("next", GREETING="next")
    account.sagemaker.update_endpoint(EndpointName="updated", EndpointConfigName="next")
    server.kill()
    server.start()
    account.connect(server)
    endpoint = account.settled("updated")
    assert endpoint["EndpointStatus"] == "InService" and endpoint["EndpointConfigName"] == "next", endpoint.get("FailureReason")
    assert account.invoke("updated", "1")[0] == "w=7 next text/csv text/csv 0 1"
    deadline = time.monotonic() + LIMIT
    while len(containers.of_ours(engine)) != 1:  # the one before goes
        assert time.monotonic() < deadline
        time.sleep(0.1)
    account.delete("updated")
    assert containers.of_ours(engine) == []
