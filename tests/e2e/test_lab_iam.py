"""The lab with each of its IAM steps left out in turn, what is secret at rest, and who may listen where.

A step that is left out shows where AWS would show it: in the first task that needs it, with AWS's code and words; what
comes after that task does not start.
"""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import textwrap
import urllib.parse

import botocore.exceptions
import kubernetes
import pytest

import support

AWS_POLICY = "arn:aws:iam::aws:policy/"
FIRST = "Prepare data"
LATER = {"Tune hyperparameters", "Train", "Create model", "Deploy endpoint", "Batch transform"}
CREATE_JOB = "when calling the CreateProcessingJob operation: "
ONLY_EC2 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
INVOKE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sagemaker:InvokeEndpoint"], "Resource": "*"}],
}


class Lab:
    """A server with the page's steps done; `without(...)` undoes one of them and puts it back."""

    def __init__(self, server):
        self.server = server
        self.arguments = support.set_up(server, secret=False)
        self.iam, self.sagemaker = server.client("iam"), server.client("sagemaker")
        self.role, self.role_arn = support.worker_role(self.iam)
        self.iam.put_role_policy(
            RoleName=self.role, PolicyName="sagemaker-invoke-for-worker", PolicyDocument=json.dumps(INVOKE)
        )
        (unused,) = self.iam.list_access_keys(UserName="kf-smuser")["AccessKeyMetadata"]
        self.iam.delete_access_key(UserName="kf-smuser", AccessKeyId=unused["AccessKeyId"])
        self.key = self.new_key()
        self.set_secret(self.key)

    def new_key(self):
        return self.iam.create_access_key(UserName="kf-smuser")["AccessKey"]

    def secrets(self):
        return kubernetes.client.CoreV1Api(
            kubernetes.config.new_client_from_config(config_file=self.server.environment()["KUBECONFIG"])
        )

    def drop_secret(self):
        with contextlib.suppress(kubernetes.client.ApiException):
            self.secrets().delete_namespaced_secret("aws-secret", "kubeflow")

    def set_secret(self, key):
        self.drop_secret()
        support.make_secret(self.server, key["AccessKeyId"], key["SecretAccessKey"])

    @contextlib.contextmanager
    def other_secret(self, key):
        self.set_secret(key)
        try:
            yield
        finally:
            self.set_secret(self.key)

    @contextlib.contextmanager
    def without_secret(self):
        self.drop_secret()
        try:
            yield
        finally:
            self.set_secret(self.key)

    @contextlib.contextmanager
    def without_user_policy(self, instead=None):
        arn = AWS_POLICY + "AmazonSageMakerFullAccess"
        self.iam.detach_user_policy(UserName="kf-smuser", PolicyArn=arn)
        if instead:
            self.iam.put_user_policy(UserName="kf-smuser", PolicyName="instead", PolicyDocument=json.dumps(instead))
        try:
            yield
        finally:
            if instead:
                self.iam.delete_user_policy(UserName="kf-smuser", PolicyName="instead")
            self.iam.attach_user_policy(UserName="kf-smuser", PolicyArn=arn)

    @contextlib.contextmanager
    def without_role_policies(self, *names):
        for name in names:
            self.iam.detach_role_policy(RoleName=self.role, PolicyArn=AWS_POLICY + name)
        try:
            yield
        finally:
            for name in names:
                self.iam.attach_role_policy(RoleName=self.role, PolicyArn=AWS_POLICY + name)

    @contextlib.contextmanager
    def trust(self, document):
        self.iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=json.dumps(document))
        try:
            yield
        finally:
            self.iam.update_assume_role_policy(RoleName=self.role, PolicyDocument=json.dumps(support.TRUST))

    def jobs(self):
        return len(self.sagemaker.list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"])

    def fails(self, *words, job_made=False, **arguments):
        """The run fails in its first task with these words: in the run's error, the task's and the task's log."""
        before = self.jobs()
        run_id = support.start_run(self.server, {**self.arguments, **arguments})
        run = support.wait_for_run(self.server, run_id, limit=30)
        assert run["state"] == "FAILED"
        tasks = {t["display_name"]: t for t in run["run_details"]["task_details"]}
        assert tasks[FIRST]["state"] == "FAILED"
        assert LATER <= set(tasks), tasks.keys()
        for name in LATER:
            assert tasks[name]["state"] == "SKIPPED", name
            assert not tasks[name].get("pods"), name
        assert run["error"]["message"].startswith(FIRST + ": "), run["error"]
        console = json.loads(self.server.request(f"/console/api/runs/{run_id}")[1])
        (failed,) = [t for t in console["tasks"] if t["state"] == "FAILED" and not t["is_dag"]]
        log = self.server.request(
            f"/console/api/runs/{run_id}/tasks/{urllib.parse.quote(failed['id'], safe='')}/log"
        )[1]
        log = json.loads(log).get("text", "")
        for word in words:
            assert word in run["error"]["message"], run["error"]["message"]
            assert word in tasks[FIRST]["error"]["message"], tasks[FIRST]["error"]
            assert not log or word in log, log
        assert self.jobs() == before + (1 if job_made else 0)
        return log

    def denied(self, *words, **arguments):
        assert self.fails(*words, **arguments), "the component wrote why"


@pytest.fixture(scope="module")
def lab(server):
    return Lab(server)


# --- the user's steps ---


def test_no_user(lab):
    """Without the user, the two commands after it fail as they stand on the page."""
    for call, arguments in (
        (lab.iam.attach_user_policy, {"PolicyArn": AWS_POLICY + "AmazonSageMakerFullAccess"}),
        (lab.iam.create_access_key, {}),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(UserName="kf-nobody", **arguments)
        assert caught.value.response["Error"] == {
            "Type": "Sender",
            "Code": "NoSuchEntity",
            "Message": "The user with name kf-nobody cannot be found.",
        }


def test_no_policy_of_the_user(lab):
    with lab.without_user_policy():
        lab.denied(
            "(AccessDeniedException) " + CREATE_JOB,
            "User: arn:aws:iam::123456789012:user/kf-smuser is not authorized to perform: sagemaker:CreateProcessingJob "
            "on resource: arn:aws:sagemaker:us-east-1:123456789012:processing-job/",
            "because no identity-based policy allows the sagemaker:CreateProcessingJob action",
        )


def test_no_pass_role(lab):
    everything_else = {"Effect": "Allow", "Action": ["sagemaker:*", "s3:*", "logs:*"], "Resource": "*"}
    with lab.without_user_policy(instead={"Version": "2012-10-17", "Statement": [everything_else]}):
        lab.denied(
            "(AccessDeniedException) " + CREATE_JOB,
            "User: arn:aws:iam::123456789012:user/kf-smuser is not authorized to perform: iam:PassRole on resource: "
            + lab.role_arn + " because no identity-based policy allows the iam:PassRole action",
        )


def test_no_access_key(lab):
    """The Secret names a key that does not exist (any more), or is switched off."""
    gone = lab.new_key()
    words = ("(UnrecognizedClientException) " + CREATE_JOB + "The security token included in the request is invalid.",)
    with lab.other_secret(gone):
        lab.iam.update_access_key(UserName="kf-smuser", AccessKeyId=gone["AccessKeyId"], Status="Inactive")
        lab.denied(*words)
        lab.iam.delete_access_key(UserName="kf-smuser", AccessKeyId=gone["AccessKeyId"])
        lab.denied(*words)


def test_a_wrong_secret_key(lab):
    wrong = {**lab.key, "SecretAccessKey": lab.key["SecretAccessKey"][::-1]}
    with lab.other_secret(wrong):
        lab.denied(
            "(InvalidSignatureException) " + CREATE_JOB
            + "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        )


def test_no_secret(lab):
    with lab.without_secret():
        assert lab.fails('secrets "aws-secret" not found') == "", "nothing was started"


# --- the worker role's steps ---


def test_no_trust(lab):
    with lab.trust(ONLY_EC2):
        lab.denied(
            "(ValidationException) " + CREATE_JOB + f"Could not assume role {lab.role_arn}. Please ensure that the role "
            "exists and allows principal 'sagemaker.amazonaws.com' to assume the role."
        )


def test_no_role(lab):
    missing = lab.role_arn + "x"
    lab.denied("(ValidationException) " + CREATE_JOB + f"Could not assume role {missing}.", role_arn=missing)


def test_no_s3_policy_of_the_role(lab):
    with lab.without_role_policies("AmazonS3FullAccess"):
        lab.denied(
            f'the role "{lab.role_arn}" has "s3:ListBucket" permissions on bucket "e2e-bucket"',
            "is not authorized to perform: s3:GetObject on resource: ",
            "because no identity-based policy allows the s3:GetObject action",
            job_made=True,
        )


def test_no_policy_of_the_role(lab):
    with lab.without_role_policies("AmazonS3FullAccess", "AmazonSageMakerFullAccess"):
        lab.denied(
            "is not authorized to perform: s3:ListBucket on resource: ",
            "because no identity-based policy allows the s3:ListBucket action",
            job_made=True,
        )


AS_THE_NODE = textwrap.dedent(
    """
    import boto3
    print(boto3.client("sts").get_caller_identity()["Arn"])
    boto3.client("sagemaker-runtime").invoke_endpoint(EndpointName="none-of-this-name", Body=b"0", ContentType="text/csv")
    """
)


def as_the_node(lab, tmp_path):
    """A task without the Secret acts as the node's role: what it was told when it invoked an endpoint."""
    from kfp import compiler, dsl

    @dsl.container_component
    def invoke():
        return dsl.ContainerSpec(image="python:3.11", command=["python3", "-c", AS_THE_NODE])

    @dsl.pipeline(name="as-the-node")
    def pipeline():
        invoke().set_caching_options(False)

    package = tmp_path / "node.yaml"
    compiler.Compiler().compile(pipeline, str(package))
    run_id = support.start_run(lab.server, {}, package)
    assert support.wait_for_run(lab.server, run_id, limit=30)["state"] == "FAILED"
    return support.why(lab.server, run_id)


def test_no_invoke_policy_of_the_role(lab, tmp_path):
    """Either the inline policy or AmazonSageMakerFullAccess lets the worker invoke endpoints; one is enough."""
    name, document = "sagemaker-invoke-for-worker", json.dumps(INVOKE)
    with lab.without_role_policies("AmazonSageMakerFullAccess"):
        assert "(ValidationError)" in as_the_node(lab, tmp_path), "allowed: there is no such endpoint"
        lab.iam.delete_role_policy(RoleName=lab.role, PolicyName=name)
        try:
            told = as_the_node(lab, tmp_path)
        finally:
            lab.iam.put_role_policy(RoleName=lab.role, PolicyName=name, PolicyDocument=document)
        assert "(AccessDeniedException) when calling the InvokeEndpoint operation: " in told, told
        assert f":assumed-role/{lab.role}/" in told, told
        assert "because no identity-based policy allows the sagemaker:InvokeEndpoint action" in told, told


# --- with every step done, and what is at rest then ---


def in_clear(data_dir, secrets):
    """(file, what) of every secret that a file of the data directory holds in clear."""
    found = []
    for path in sorted(pathlib.Path(data_dir).rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [(str(path.relative_to(data_dir)), what) for what, value in secrets.items() if value in content]
    return found


def test_nothing_secret_is_in_clear(lab):
    """Last of the module's server: the run that succeeds, then every file that it left, pages of SQLite and logs too."""
    word = "pa55-" + os.urandom(12).hex()
    lab.secrets().create_namespaced_secret(
        "kubeflow",
        kubernetes.client.V1Secret(metadata=kubernetes.client.V1ObjectMeta(name="plain"), string_data={"word": word}),
    )
    mine = lab.server.client("sts", access_key=lab.key["AccessKeyId"], secret_key=lab.key["SecretAccessKey"])
    session = mine.get_session_token()["Credentials"]
    run = support.wait_for_run(lab.server, support.start_run(lab.server, lab.arguments))
    assert run["state"] == "SUCCEEDED", run["error"]
    administrator = lab.server.environment()["AWS_SECRET_ACCESS_KEY"]
    secrets = {
        "the user's secret access key": lab.key["SecretAccessKey"],
        "the administrator's secret access key": administrator,
        "a session's secret access key": session["SecretAccessKey"],
        "a session's token": session["SessionToken"],
        "a Secret's value": word,
    }
    secrets = {
        name + form: value
        for name, text in secrets.items()
        for form, value in (("", text.encode()), (" in base64", base64.b64encode(text.encode())))
    }
    # While it runs (the write-ahead log is there), and the server's own log beside the directory.
    assert in_clear(lab.server.data_dir, secrets) == []
    log = pathlib.Path(f"{lab.server.data_dir}.stderr").read_bytes()
    assert [name for name, value in secrets.items() if value in log] == []
    # That the search finds what is there: an access key's id is no secret.
    assert in_clear(lab.server.data_dir, {"id": lab.key["AccessKeyId"].encode()})
    lab.server.stop()
    assert in_clear(lab.server.data_dir, secrets) == []
    for path in lab.server.data_dir.rglob("*"):
        if path.name in ("secret.key", "server.key", "kubeconfig") or path.suffix == ".key":
            assert path.stat().st_mode & 0o177 == 0, path
    lab.server.start()
    assert mine.get_caller_identity()["Arn"].endswith(":user/kf-smuser"), "sealed, and readable again"


# --- the key, and who may listen where ---


def refuses_to_start(*arguments):
    command = [support.MILLRACE, "serve", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0, done.stdout
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_key_file(tmp_path):
    """A key that was put there is used; one that others may read, or of another size, is refused."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    key = data / "key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with support.running(data) as server:
        secret = server.environment()["AWS_SECRET_ACCESS_KEY"].encode()
        assert server.client("iam").list_users()["Users"] == []
    assert key.read_bytes() == bytes(range(32))
    assert in_clear(data, {"the administrator's secret access key": secret}) == []
    listen = ("--data-dir", data, "--listen", "127.0.0.1:0")
    key.chmod(0o644)
    assert "make it private: chmod 600" in refuses_to_start(*listen)
    key.chmod(0o600)
    key.write_bytes(b"too short")
    assert "does not hold 32 bytes" in refuses_to_start(*listen)
    # Another key opens nothing: said in one sentence, and nothing is made anew.
    key.write_bytes(bytes(32))
    assert "the key file is not the one this data directory was made with" in refuses_to_start(*listen)
    key.write_bytes(bytes(range(32)))
    with support.running(data) as server:
        assert server.environment()["AWS_SECRET_ACCESS_KEY"].encode() == secret


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_listening_beyond_loopback_is_asked_for(tmp_path, address):
    said = refuses_to_start("--data-dir", tmp_path / "data", "--listen", address)
    assert "listen on 127.0.0.1, or add --allow-remote if the network is trusted" in said
    assert not (tmp_path / "data").exists(), "refused before anything is made"


def test_loopback_is_the_default(server):
    """Nothing listens on other addresses than 127.0.0.1."""
    listening = set()
    for line in pathlib.Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        if fields[3] == "0A" and int(port, 16) == server.port:
            listening.add(address)
    assert listening == {"0100007F"}
