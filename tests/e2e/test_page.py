"""The lab's page: every fenced command of docs/lab.md, typed as it stands into one shell."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import support

PAGE = support.ROOT / "docs" / "lab.md"
CREATED = pathlib.Path("/tmp/create_output.json")  # the page's own choice


def commands():
    blocks = re.findall(r"^```shell\n(.*?)^```", PAGE.read_text(), flags=re.S | re.M)
    assert len(blocks) >= 8, "the page has lost its commands"
    return blocks


def aws_clis():
    """Every AWS CLI on PATH, by version; Debian's is 2.9, PyPI's is newer."""
    found = {}
    for folder in os.environ["PATH"].split(os.pathsep):
        program = os.path.join(folder, "aws")
        if os.access(program, os.X_OK) and "/shims" not in folder:
            out = subprocess.run([program, "--version"], capture_output=True, text=True)
            match = re.search(r"aws-cli/(\S+)", out.stdout + out.stderr)
            if match and match.group(1) not in found:
                found[match.group(1)] = folder
    return found


def type_the_page(server, folder, work):
    """The shell's standard output. A command that fails, fails the test."""
    blocks = commands()
    # The page's first command opens another bash, which reads the rest; the trap must be set in that one.
    trap = "set -E\ntrap 'echo \"FAILED: $BASH_COMMAND\" >&2' ERR\n"
    typed = blocks[0] + trap + "".join(blocks[1:])
    path = os.pathsep.join([folder, os.environ["PATH"]])
    CREATED.unlink(missing_ok=True)
    shell = subprocess.run(
        ["bash"], input=typed, text=True, capture_output=True, cwd=work, env=server.environment(path=path), timeout=300
    )
    assert shell.returncode == 0 and "FAILED:" not in shell.stderr, shell.stderr
    return shell.stdout


@pytest.mark.parametrize("which", ["debian", "pypi"])
def test_the_page_as_it_stands(which, tmp_path):
    support.need("kubectl"), support.need("jq")
    clis = aws_clis()
    if not clis:
        support.missing("aws")
    if which == "debian" and not any(version.startswith("2.") for version in clis):
        support.missing("Debian's AWS CLI (package awscli, version 2.9)")
    # AWS goes on with version 1 beside version 2: PyPI's 1.46 is newer than Debian's 2.9.
    folder = next((clis[v] for v in clis if v.startswith("2.") == (which == "debian")), None) or support.missing("PyPI's awscli")
    (tmp_path / "work").mkdir()
    with support.running(tmp_path / "data") as server:
        try:
            output = type_the_page(server, folder, tmp_path / "work")
            check(server, output, json.loads(CREATED.read_text())["AccessKey"])
        finally:
            CREATED.unlink(missing_ok=True)


def check(server, output, key):
    iam = server.client("iam")
    user = iam.get_user(UserName="kf-smuser")["User"]
    attached = iam.list_attached_user_policies(UserName="kf-smuser")["AttachedPolicies"]
    assert [p["PolicyArn"] for p in attached] == ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
    keys = iam.list_access_keys(UserName="kf-smuser")["AccessKeyMetadata"]
    assert [(k["AccessKeyId"], k["Status"]) for k in keys] == [(key["AccessKeyId"], "Active")]
    mine = server.client("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    assert mine.get_caller_identity()["Arn"] == user["Arn"]

    kubectl = subprocess.run(
        ["kubectl", "get", "secret", "aws-secret", "-n", "kubeflow", "-o", "json"],
        env=server.environment(), capture_output=True, text=True,
    )
    assert kubectl.returncode == 0, kubectl.stderr
    secret = json.loads(kubectl.stdout)
    assert secret["type"] == "Opaque"
    decoded = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    assert decoded == {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    name, arn = support.worker_role(iam)
    role = iam.get_role(RoleName=name)["Role"]
    assert role["AssumeRolePolicyDocument"] == support.TRUST
    attached = {p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}
    assert {"AmazonSageMakerFullAccess", "AmazonS3FullAccess"} <= attached
    inline = iam.get_role_policy(RoleName=name, PolicyName="sagemaker-invoke-for-worker")["PolicyDocument"]
    assert inline["Statement"] == [{"Effect": "Allow", "Action": ["sagemaker:InvokeEndpoint"], "Resource": "*"}]
    assert output.strip().splitlines()[-1] == arn  # what the reader is told to copy


def test_kubectl_applies_twice(server, tmp_path):
    support.need("kubectl")
    manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: again, namespace: kubeflow}\ndata: {A: %s}\n"

    def apply(value):
        text = manifest % base64.b64encode(value).decode()
        return subprocess.run(
            ["kubectl", "apply", "-f", "-"], input=text, text=True, capture_output=True, env=server.environment()
        )

    assert "created" in apply(b"one").stdout
    assert "unchanged" in apply(b"one").stdout
    changed = apply(b"two")
    assert "configured" in changed.stdout, changed.stderr


def test_the_shell_has_nothing_left_over(server):
    env = server.environment()
    assert env["MILLRACE_ENDPOINT"] == env["AWS_ENDPOINT_URL"] == server.endpoint
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"]
    assert pathlib.Path(env["KUBECONFIG"]).stat().st_mode & 0o077 == 0, "the kubeconfig holds a token"
    assert shutil.which("aws", path=env["PATH"])
    assert env["KF_PIPELINES_ENDPOINT"] == env["MILLRACE_URL"] == server.endpoint
    settings = pathlib.Path(env["SAGEMAKER_USER_CONFIG_OVERRIDE"]).read_text()
    assert "TelemetryOptOut: true" in settings and "sagemaker-us-east-1-123456789012" in settings


def test_the_shell_has_the_program_and_no_rivals(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "example.com")
    monkeypatch.setenv("MILLRACE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "http://127.0.0.1:9")
    env = server.environment(path="/usr/bin:/bin")
    assert env["no_proxy"] == env["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert "KF_PIPELINES_UI_ENDPOINT" not in env
    done = subprocess.run(["millrace", "runs", "--quiet"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    as_json = [support.MILLRACE, "env", "--json", "--data-dir", server.data_dir]
    said = json.loads(subprocess.run(as_json, capture_output=True, text=True, check=True).stdout)["environment"]
    assert {name: env.get(name) for name in said if name != "PATH"} == {n: v for n, v in said.items() if n != "PATH"}
    assert env["PATH"].startswith(said["PATH"] + ":")


def test_it_is_said_that_no_server_answers(tmp_path):
    command = [support.MILLRACE, "env", "--data-dir", tmp_path / "data"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "no server has used" in done.stderr and not done.stdout
    with support.running(tmp_path / "data") as server:
        assert subprocess.run(command, capture_output=True, text=True).stderr == ""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and f"no server answers at {server.endpoint}" in done.stderr
