"""Every operation of IAM and STS, driven to a success by the AWS CLI: Debian's 2.9 and the current one of PyPI.

COMMANDS is the whole sitting, one command a line, in an order in which each succeeds.
"""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest

import support

SERVED = json.loads((support.ROOT / "models" / "operations.json").read_text())
DEBIAN = "/usr/lib/python3/dist-packages/awscli"
ANY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"}]}'
WIDE = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ml/anna"},"Action":"sts:AssumeRole"}]}'
READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

# [name <- member of the answer :] [@the key or session that signs:] command; {name} is what an earlier line left.
# !Code: the answer that is right (none of the services here gives an encoded message).
COMMANDS = """
iam get-account-summary
iam create-account-alias --account-alias millrace-cli
iam list-account-aliases
iam delete-account-alias --account-alias millrace-cli
iam update-account-password-policy --minimum-password-length 9 --require-numbers --allow-users-to-change-password
iam get-account-password-policy
iam set-security-token-service-preferences --global-endpoint-token-version v2Token
iam list-virtual-mfa-devices
iam list-server-certificates
iam list-open-id-connect-providers
iam list-saml-providers

iam create-user --user-name ann --path /ml/ --tags Key=team,Value=ml
iam update-user --user-name ann --new-user-name anna
iam get-user --user-name anna
iam list-users --path-prefix /ml/
iam tag-user --user-name anna --tags Key=level,Value=2
iam list-user-tags --user-name anna
iam untag-user --user-name anna --tag-keys level
iam put-user-policy --user-name anna --policy-name wide --policy-document {WIDE}
iam get-user-policy --user-name anna --policy-name wide
iam list-user-policies --user-name anna
iam attach-user-policy --user-name anna --policy-arn {READ}
iam list-attached-user-policies --user-name anna
iam put-user-permissions-boundary --user-name anna --permissions-boundary {READ}
iam delete-user-permissions-boundary --user-name anna
key <- AccessKey : iam create-access-key --user-name anna
iam list-access-keys --user-name anna
iam get-access-key-last-used --access-key-id {key[AccessKeyId]}
iam create-login-profile --user-name anna --password first-password-1 --password-reset-required
iam get-login-profile --user-name anna
iam update-login-profile --user-name anna --password second-password-2
@key: iam change-password --old-password second-password-2 --new-password third-password-3
iam generate-credential-report
iam get-credential-report
iam delete-login-profile --user-name anna
iam delete-account-password-policy
iam list-mfa-devices --user-name anna
iam list-ssh-public-keys --user-name anna
iam list-signing-certificates --user-name anna
iam list-service-specific-credentials --user-name anna
iam list-policies-granting-service-access --arn arn:aws:iam::123456789012:user/ml/anna --service-namespaces iam s3
job <- JobId : iam generate-service-last-accessed-details --arn arn:aws:iam::123456789012:user/ml/anna
iam get-service-last-accessed-details --job-id {job}
iam get-service-last-accessed-details-with-entities --job-id {job} --service-namespace iam

policy <- Policy.Arn : iam create-policy --policy-name reads --policy-document {ANY} --description reads --tags Key=a,Value=b
iam get-policy --policy-arn {policy}
iam list-policies --scope Local
iam create-policy-version --policy-arn {policy} --policy-document {WIDE} --set-as-default
iam list-policy-versions --policy-arn {policy}
iam get-policy-version --policy-arn {policy} --version-id v1
iam set-default-policy-version --policy-arn {policy} --version-id v1
iam delete-policy-version --policy-arn {policy} --version-id v2
iam tag-policy --policy-arn {policy} --tags Key=c,Value=d
iam list-policy-tags --policy-arn {policy}
iam untag-policy --policy-arn {policy} --tag-keys c

iam create-group --group-name readers
iam update-group --group-name readers --new-group-name all-readers
iam add-user-to-group --group-name all-readers --user-name anna
iam get-group --group-name all-readers
iam list-groups
iam list-groups-for-user --user-name anna
iam put-group-policy --group-name all-readers --policy-name any --policy-document {ANY}
iam get-group-policy --group-name all-readers --policy-name any
iam list-group-policies --group-name all-readers
iam attach-group-policy --group-name all-readers --policy-arn {policy}
iam list-attached-group-policies --group-name all-readers
iam list-entities-for-policy --policy-arn {policy}

role <- Role.Arn : iam create-role --role-name work --assume-role-policy-document {TRUST}
iam get-role --role-name work
iam list-roles
iam update-role --role-name work --description works --max-session-duration 7200
iam update-role-description --role-name work --description works-still
iam update-assume-role-policy --role-name work --policy-document {TRUST}
iam tag-role --role-name work --tags Key=team,Value=ml
iam list-role-tags --role-name work
iam untag-role --role-name work --tag-keys team
iam put-role-policy --role-name work --policy-name any --policy-document {ANY}
iam get-role-policy --role-name work --policy-name any
iam list-role-policies --role-name work
iam attach-role-policy --role-name work --policy-arn {policy}
iam list-attached-role-policies --role-name work
iam put-role-permissions-boundary --role-name work --permissions-boundary {READ}
iam delete-role-permissions-boundary --role-name work

iam create-instance-profile --instance-profile-name machine
iam add-role-to-instance-profile --instance-profile-name machine --role-name work
iam get-instance-profile --instance-profile-name machine
iam list-instance-profiles
iam list-instance-profiles-for-role --role-name work
iam tag-instance-profile --instance-profile-name machine --tags Key=a,Value=b
iam list-instance-profile-tags --instance-profile-name machine
iam untag-instance-profile --instance-profile-name machine --tag-keys a

iam get-account-authorization-details --filter Role
iam get-context-keys-for-custom-policy --policy-input-list {ANY}
iam get-context-keys-for-principal-policy --policy-source-arn arn:aws:iam::123456789012:user/ml/anna
iam simulate-custom-policy --policy-input-list {WIDE} --action-names iam:GetUser
iam simulate-principal-policy --policy-source-arn {role} --action-names s3:GetObject

sts get-caller-identity
sts get-access-key-info --access-key-id {key[AccessKeyId]}
@key: sts get-session-token --duration-seconds 900
@key: sts get-federation-token --name visitor --policy {ANY}
session <- Credentials : @key: sts assume-role --role-arn {role} --role-session-name cli --external-id extern
@session: sts get-caller-identity
!InvalidAuthorizationMessageException: sts decode-authorization-message --encoded-message none-is-ever-given

iam create-service-linked-role --aws-service-name sagemaker.amazonaws.com
deletion <- DeletionTaskId : iam delete-service-linked-role --role-name AWSServiceRoleForAmazonSageMakerNotebooks
iam get-service-linked-role-deletion-status --deletion-task-id {deletion}

iam remove-role-from-instance-profile --instance-profile-name machine --role-name work
iam delete-instance-profile --instance-profile-name machine
iam detach-role-policy --role-name work --policy-arn {policy}
iam delete-role-policy --role-name work --policy-name any
iam delete-role --role-name work
iam detach-group-policy --group-name all-readers --policy-arn {policy}
iam delete-group-policy --group-name all-readers --policy-name any
iam remove-user-from-group --group-name all-readers --user-name anna
iam delete-group --group-name all-readers
iam delete-policy --policy-arn {policy}
iam update-access-key --user-name anna --access-key-id {key[AccessKeyId]} --status Inactive
iam delete-access-key --user-name anna --access-key-id {key[AccessKeyId]}
iam detach-user-policy --user-name anna --policy-arn {READ}
iam delete-user-policy --user-name anna --policy-name wide
iam delete-user --user-name anna
"""

KEY_FILE = [("aws_access_key_id", "AccessKeyId"), ("aws_secret_access_key", "SecretAccessKey"), ("aws_session_token", "SessionToken")]


class Shell:
    """One process of the CLI; a command is a line."""

    def __init__(self, server, which, credentials):
        interpreter = "/usr/bin/python3" if which == "debian" else sys.executable
        if which == "debian" and not os.path.isdir(DEBIAN):
            support.missing("Debian's package awscli")
        # PATH and home as they are; neither may bring the other's packages in.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "VIRTUAL_ENV"))}
        self.server = server
        self.process = subprocess.Popen(
            [interpreter, "-s", support.ROOT / "tests" / "e2e" / "aws_shell.py"],
            env={**environment, **server.environment(), "AWS_PAGER": "",
                 "AWS_SHARED_CREDENTIALS_FILE": str(credentials), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, arguments):
        self.process.stdin.write(json.dumps([*arguments, "--endpoint-url", self.server.endpoint, "--output", "json"]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the CLI's process ended"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


def operation_of(arguments):
    """("iam", "getuser") for ["iam", "get-user", …]; how the CLI parts "ListMFADevices" is its own affair."""
    return arguments[0], arguments[1].replace("-", "")


def commands():
    for line in COMMANDS.strip().splitlines():
        if not line:
            continue
        parts = re.fullmatch(r"(?:(\w+) <- ([\w.]+) : )?(?:@(\w+): )?(?:!(\w+): )?(.*)", line)
        yield parts.groups()


@pytest.mark.parametrize("which", ["debian", "pypi"])
def test_every_operation_by_the_command_line(server, which, tmp_path):
    credentials = tmp_path / "credentials"
    shell, left, driven = Shell(server, which, credentials), {"ANY": ANY, "WIDE": WIDE, "TRUST": TRUST, "READ": READ}, set()
    version = shell(["--version"])["out"]
    assert version.startswith("aws-cli/2.9" if which == "debian" else "aws-cli/"), version
    try:
        for name, member, signer, fails, command in commands():
            # Documents hold blanks and braces: words are told apart first.
            words = [re.sub(r"^\{(\w+)(?:\[(\w+)\])?\}$", lambda m: left[m[1]][m[2]] if m[2] else left[m[1]], word)
                     for word in shlex.split(command)]
            if signer:
                lines = "".join(f"{given} = {left[signer][member]}\n" for given, member in KEY_FILE if member in left[signer])
                credentials.write_text(f"[{signer}]\n{lines}")
                words += ["--profile", signer]
            answer = shell(words)
            if fails:
                assert answer["code"] != 0 and f"({fails})" in answer["err"], (command, answer)
            else:
                assert answer["code"] == 0, (command, answer)
            driven.add(operation_of(words))
            if name:
                value = json.loads(answer["out"])
                for part in member.split("."):
                    value = value[part]
                left[name] = value
    finally:
        shell.close()
    served = {(service, operation.lower()) for service in ("iam", "sts") for operation in SERVED[service]["operations"]}
    assert sorted(served - driven) == [], "served, but no line drives it"
