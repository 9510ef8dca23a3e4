"""IAM and STS: every operation that the server names, driven by boto3 (by both AWS CLIs: test_aws_cli.py, and a scene here).

The last test fails when an operation of models/operations.json was not driven to a success by those before it.
"""

import contextlib
import csv
import datetime
import functools
import json
import os
import re
import subprocess
import time
import urllib.parse

import botocore.exceptions
import pytest

import support

ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}"
AWS_POLICY = "arn:aws:iam::aws:policy"
SERVED = json.loads((support.ROOT / "models" / "operations.json").read_text())
exercised = set()


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal, action="sts:AssumeRole", **more):
    return policy({"Effect": "Allow", "Principal": principal, "Action": action, **more})


LISTS_USERS = policy(allow("iam:ListUsers"))
TRUSTS_SAGEMAKER = trust({"Service": "sagemaker.amazonaws.com"})


@contextlib.contextmanager
def refused(code, *words, status=None):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield caught
    error = caught.value.response["Error"]
    assert error["Code"] == code, caught.value
    for word in words:
        assert word in error["Message"], caught.value
    if status is not None:
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status, caught.value


def recorded(client):
    def after(http_response, model, **_):
        if http_response.status_code == 200:
            exercised.add((client.meta.service_model.service_name, model.name))

    client.meta.events.register("after-call.*.*", after)
    return client


@functools.cache
def environment_of(server):
    return server.environment()


def client_of(server, service, keys=None):
    """A client that counts what it does and leaves validation to the server; `keys` are an access key of IAM or the
    credentials of STS."""
    import boto3
    from botocore.config import Config

    env = environment_of(server)
    keys = keys or {"AccessKeyId": env["AWS_ACCESS_KEY_ID"], "SecretAccessKey": env["AWS_SECRET_ACCESS_KEY"]}
    return recorded(
        boto3.session.Session().client(
            service,
            region_name=env["AWS_REGION"],
            endpoint_url=server.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(parameter_validation=False, retries={"max_attempts": 1, "mode": "standard"}),
        )
    )


@pytest.fixture(scope="module")
def iam(server):
    return client_of(server, "iam")


@pytest.fixture(scope="module")
def sts(server):
    return client_of(server, "sts")


def remove(iam, user=None, role=None, group=None):
    """Everything of an entity and the entity, as a person has to do it."""
    for kind, name in (("user", user), ("role", role), ("group", group)):
        if name is None:
            continue
        named = {f"{kind.capitalize()}Name": name}
        if kind == "user":
            for of in iam.list_groups_for_user(**named)["Groups"]:
                iam.remove_user_from_group(GroupName=of["GroupName"], **named)
            for key in iam.list_access_keys(**named)["AccessKeyMetadata"]:
                iam.delete_access_key(AccessKeyId=key["AccessKeyId"], **named)
        for attached in getattr(iam, f"list_attached_{kind}_policies")(**named)["AttachedPolicies"]:
            getattr(iam, f"detach_{kind}_policy")(PolicyArn=attached["PolicyArn"], **named)
        for inline in getattr(iam, f"list_{kind}_policies")(**named)["PolicyNames"]:
            getattr(iam, f"delete_{kind}_policy")(PolicyName=inline, **named)
        getattr(iam, f"delete_{kind}")(**named)


def everything(iam):
    """What there is, as (kind, name), in an order in which it can be removed."""
    lists = (("user", "list_users", "Users", "UserName"), ("group", "list_groups", "Groups", "GroupName"),
             ("role", "list_roles", "Roles", "RoleName"))
    there = [("profile", p["InstanceProfileName"]) for p in iam.list_instance_profiles()["InstanceProfiles"]]
    there += [(kind, item[name]) for kind, operation, key, name in lists for item in getattr(iam, operation)()[key]]
    return there + [("policy", p["Arn"]) for p in iam.list_policies(Scope="Local")["Policies"]]


@pytest.fixture(autouse=True)
def nothing_left(iam):
    """A test that fails leaves nothing for the next one to stumble over."""
    before = everything(iam)
    yield
    for kind, name in everything(iam):
        if (kind, name) in before:
            continue
        if kind == "profile":
            for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
                iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
            iam.delete_instance_profile(InstanceProfileName=name)
        elif kind == "policy":
            for version in iam.list_policy_versions(PolicyArn=name)["Versions"]:
                if not version["IsDefaultVersion"]:
                    iam.delete_policy_version(PolicyArn=name, VersionId=version["VersionId"])
            iam.delete_policy(PolicyArn=name)
        elif name.startswith("AWSServiceRole"):
            iam.delete_service_linked_role(RoleName=name)
        else:
            remove(iam, **{kind: name})


@pytest.fixture
def user(server, iam):
    """(name, its key, clients by service) of a user who may do nothing yet."""
    name = "someone"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield name, key, lambda service: client_of(server, service, key)
    remove(iam, user=name)


# Users, groups and their keys.


def test_users(iam):
    made = iam.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "Team", "Value": "ml"}])["User"]
    assert made["Arn"] == f"{ROOT}:user/team/ann" and made["Path"] == "/team/"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert abs(made["CreateDate"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=1)
    assert iam.get_user(UserName="ann")["User"]["Tags"] == [{"Key": "Team", "Value": "ml"}]
    with refused("EntityAlreadyExists", "User with name ANN already exists.", status=409):
        iam.create_user(UserName="ANN")
    with refused("NoSuchEntity", "The user with name nobody cannot be found.", status=404):
        iam.get_user(UserName="nobody")
    with refused("ValidationError", status=400) as caught:
        iam.create_user(UserName="a b")
    assert caught.value.response["Error"]["Message"] == (
        "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
    with refused("ValidationError", "64"):
        iam.create_user(UserName="a" * 65)
    with refused("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only"):
        iam.create_user(UserName="bob", Path="no-slash")
    with refused("NoSuchEntity", "does not exist or is not attachable"):
        iam.create_user(UserName="bob", PermissionsBoundary=f"{ROOT}:policy/none")
    listed = [u for u in iam.list_users(PathPrefix="/team/")["Users"]]
    assert [u["UserName"] for u in listed] == ["ann"] and "Tags" not in listed[0]
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/other/")
    renamed = iam.get_user(UserName="anna")["User"]
    assert renamed["UserId"] == made["UserId"] and renamed["Arn"] == f"{ROOT}:user/other/anna"
    assert iam.get_user()["User"]["Arn"] == f"{ROOT}:root"

    iam.tag_user(UserName="anna", Tags=[{"Key": "team", "Value": "ops"}, {"Key": "a", "Value": ""}])
    assert iam.list_user_tags(UserName="anna")["Tags"] == [{"Key": "a", "Value": ""}, {"Key": "team", "Value": "ops"}]
    iam.untag_user(UserName="anna", TagKeys=["A"])
    assert [t["Key"] for t in iam.list_user_tags(UserName="anna")["Tags"]] == ["team"]
    with refused("InvalidInput", "Duplicate tag keys"):
        iam.tag_user(UserName="anna", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}])
    iam.tag_user(UserName="anna", Tags=[{"Key": "\u0448" * 128, "Value": "\u0448" * 256}])  # characters count, not bytes
    iam.untag_user(UserName="anna", TagKeys=["\u0448" * 128])
    with refused("InvalidInput", "aws:"):
        iam.tag_user(UserName="anna", Tags=[{"Key": "aws:x", "Value": "1"}])
    iam.tag_user(UserName="anna", Tags=[{"Key": f"k{i}", "Value": ""} for i in range(49)])
    with refused("LimitExceeded", "number of tags", status=409):
        iam.tag_user(UserName="anna", Tags=[{"Key": "one-more", "Value": ""}])

    iam.put_user_permissions_boundary(UserName="anna", PermissionsBoundary=f"{AWS_POLICY}/AmazonS3FullAccess")
    assert iam.get_user(UserName="anna")["User"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": f"{AWS_POLICY}/AmazonS3FullAccess",
    }
    iam.delete_user_permissions_boundary(UserName="anna")
    assert "PermissionsBoundary" not in iam.get_user(UserName="anna")["User"]
    with refused("NoSuchEntity"):
        iam.delete_user_permissions_boundary(UserName="anna")
    iam.delete_user(UserName="anna")
    with refused("NoSuchEntity"):
        iam.delete_user(UserName="anna")


def test_what_a_user_has_keeps_it(iam):
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    with refused("DeleteConflict", "must remove users from group first", status=409):
        iam.delete_user(UserName="ann")
    iam.remove_user_from_group(GroupName="g", UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=f"{AWS_POLICY}/ReadOnlyAccess")
    with refused("DeleteConflict", "must detach all policies first"):
        iam.delete_user(UserName="ann")
    iam.detach_user_policy(UserName="ann", PolicyArn=f"{AWS_POLICY}/ReadOnlyAccess")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=LISTS_USERS)
    with refused("DeleteConflict", "must delete policies first"):
        iam.delete_user(UserName="ann")
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    with refused("DeleteConflict", "must delete access keys first"):
        iam.delete_user(UserName="ann")
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    remove(iam, user="ann", group="g")


def test_groups(iam):
    group = iam.create_group(GroupName="data", Path="/team/")["Group"]
    assert group["GroupId"].startswith("AGPA") and group["Arn"] == f"{ROOT}:group/team/data"
    with refused("EntityAlreadyExists", "Group with name data already exists."):
        iam.create_group(GroupName="data")
    iam.create_user(UserName="ann")
    iam.add_user_to_group(GroupName="data", UserName="ann")
    iam.add_user_to_group(GroupName="data", UserName="ann")  # again is no error
    got = iam.get_group(GroupName="data")
    assert got["Group"]["GroupName"] == "data" and [u["UserName"] for u in got["Users"]] == ["ann"]
    iam.update_group(GroupName="data", NewGroupName="science", NewPath="/lab/")
    groups = iam.list_groups_for_user(UserName="ann")["Groups"]
    assert [g["Arn"] for g in groups] == [f"{ROOT}:group/lab/science"] and groups[0]["GroupId"] == group["GroupId"]
    assert [g["GroupName"] for g in iam.list_groups(PathPrefix="/lab/")["Groups"]] == ["science"]
    for i in range(9):
        iam.create_group(GroupName=f"g{i}")
        iam.add_user_to_group(GroupName=f"g{i}", UserName="ann")
    iam.create_group(GroupName="g9")
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10"):
        iam.add_user_to_group(GroupName="g9", UserName="ann")
    with refused("DeleteConflict", "must remove users from group first"):
        iam.delete_group(GroupName="science")
    with refused("NoSuchEntity", "The group with name none cannot be found."):
        iam.get_group(GroupName="none")
    remove(iam, user="ann", group="science")
    for i in range(10):
        iam.delete_group(GroupName=f"g{i}")


def test_access_keys(server, iam):
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["AccessKeyId"]) == 20 and len(key["SecretAccessKey"]) == 40
    second = iam.create_access_key(UserName="ann")["AccessKey"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="ann")
    unused = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert unused["UserName"] == "ann" and unused["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    assert "LastUsedDate" not in unused["AccessKeyLastUsed"]
    mine = client_of(server, "sts", key)
    assert mine.get_caller_identity()["Arn"] == f"{ROOT}:user/ann"
    deadline = time.monotonic() + 5
    while "LastUsedDate" not in iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]:
        assert time.monotonic() < deadline
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts" and used["Region"] == server.environment()["AWS_REGION"]

    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert {k["AccessKeyId"]: k["Status"] for k in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]} == {
        key["AccessKeyId"]: "Inactive",
        second["AccessKeyId"]: "Active",
    }
    with refused("InvalidClientTokenId", "The security token included in the request is invalid", status=403):
        mine.get_caller_identity()
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert mine.get_caller_identity()["Account"] == ACCOUNT
    with refused("NoSuchEntity", f"The Access Key with id {key['AccessKeyId']} cannot be found."):
        iam.delete_access_key(AccessKeyId=key["AccessKeyId"])  # without a name: the caller's own keys
    with refused("ValidationError", "status"):
        iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Asleep")
    remove(iam, user="ann")
    with refused("InvalidClientTokenId"):
        mine.get_caller_identity()


def test_the_last_root_key_stays(server, iam):
    (own,) = iam.list_access_keys()["AccessKeyMetadata"]
    with refused("DeleteConflict", "administrator key"):
        iam.delete_access_key(AccessKeyId=own["AccessKeyId"])
    with refused("DeleteConflict", "administrator key"):
        iam.update_access_key(AccessKeyId=own["AccessKeyId"], Status="Inactive")


# Passwords, reports and what there is none of.


def test_passwords(server, iam, user):
    name, key, client = user
    mine = client("iam")
    with refused("NoSuchEntity", f"The Password Policy with domain name {ACCOUNT} cannot be found.", status=404):
        iam.get_account_password_policy()
    with refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."):
        iam.delete_account_password_policy()
    with refused("ValidationError", "minimumPasswordLength"):
        iam.update_account_password_policy(MinimumPasswordLength=5)
    with refused("NoSuchEntity", f"Login Profile for User {name} cannot be found."):
        iam.get_login_profile(UserName=name)
    with refused("ValidationError", "password"):
        iam.create_login_profile(UserName=name)
    for weak in ("Short-1", "onlysmallletters", "small-letters"):  # AWS's default: eight characters of three sorts
        with refused("PasswordPolicyViolation", "Password does not conform to the account password policy", status=400):
            iam.create_login_profile(UserName=name, Password=weak)

    iam.update_account_password_policy(
        MinimumPasswordLength=10, RequireSymbols=True, RequireNumbers=True, MaxPasswordAge=90, PasswordReusePrevention=2)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        "MinimumPasswordLength": 10, "RequireSymbols": True, "RequireNumbers": True, "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": False, "ExpirePasswords": True,
        "MaxPasswordAge": 90, "PasswordReusePrevention": 2, "HardExpiry": False}
    for weak, lacks in (("short-1", "length of 10"), ("no-digit-in-it", "one digit"), ("nosymbol4you", "one symbol")):
        with refused("PasswordPolicyViolation", lacks):
            iam.create_login_profile(UserName=name, Password=weak)
    made = iam.create_login_profile(UserName=name, Password="the-first-1", PasswordResetRequired=True)["LoginProfile"]
    assert made["UserName"] == name and made["PasswordResetRequired"] is True
    with refused("EntityAlreadyExists", f"Login Profile for user {name} already exists."):
        iam.create_login_profile(UserName=name, Password="the-first-1")
    iam.update_login_profile(UserName=name, Password="the-second-2", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    for used in ("the-first-1", "the-second-2"):
        with refused("PasswordPolicyViolation", "used before"):
            iam.update_login_profile(UserName=name, Password=used)

    # A user changes the own password with leave of a policy, or of the account for all.
    with refused("AccessDenied", "iam:ChangePassword"):
        mine.change_password(OldPassword="the-second-2", NewPassword="the-third-3")
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    assert "MaxPasswordAge" not in mine.get_account_password_policy()["PasswordPolicy"]  # not given: the default again
    with refused("AccessDenied", "old password"):
        mine.change_password(OldPassword="guessed", NewPassword="the-third-3")
    mine.change_password(OldPassword="the-second-2", NewPassword="the-third-3")
    with refused("AccessDenied", "iam:GetLoginProfile"):
        mine.get_login_profile(UserName=name)
    with refused("InvalidUserType", "Only IAM Users can change their own password", status=400):
        iam.change_password(OldPassword="a", NewPassword="b")

    iam.create_user(UserName="only-a-password")
    iam.create_login_profile(UserName="only-a-password", Password="the-first-1")
    with refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", status=409):
        iam.delete_user(UserName="only-a-password")
    iam.delete_login_profile(UserName="only-a-password")
    with refused("NoSuchEntity", "Login Profile for User"):
        iam.delete_login_profile(UserName="only-a-password")
    iam.delete_user(UserName="only-a-password")
    iam.delete_account_password_policy()
    iam.delete_login_profile(UserName=name)
    kept = b"".join(path.read_bytes() for path in server.data_dir.rglob("*.db*") if path.is_file())
    assert kept and b"the-third-3" not in kept


def test_credential_report(server, iam):
    iam.create_user(UserName="reported", Path="/r/")
    iam.create_login_profile(UserName="reported", Password="Long-enough-1")
    key = iam.create_access_key(UserName="reported")["AccessKey"]
    iam.update_access_key(UserName="reported", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with refused("ReportNotPresent", "GenerateCredentialReport", status=410):
        iam.get_credential_report()
    started = iam.generate_credential_report()
    assert started["State"] == "STARTED" and started["Description"].startswith("No report exists.")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    lines = {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}
    root, one = lines["<root_account>"], lines["reported"]
    assert root["arn"] == f"{ROOT}:root" and root["password_enabled"] == "not_supported" and root["access_key_1_active"] == "true"
    assert one["arn"] == f"{ROOT}:user/r/reported" and one["user_creation_time"].endswith("+00:00")
    assert (one["password_enabled"], one["password_last_used"], one["password_next_rotation"]) == ("true", "no_information", "N/A")
    assert (one["access_key_1_active"], one["access_key_1_last_used_date"], one["access_key_2_last_rotated"]) == ("false", "N/A", "N/A")
    assert (one["mfa_active"], one["cert_1_active"]) == ("false", "false")
    iam.delete_login_profile(UserName="reported")
    remove(iam, user="reported")


def test_access_advisor(server, iam, user):
    name, key, client = user
    arn = iam.get_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="mine", PolicyDocument=policy(allow("s3:List*"), allow("iam:GetUser")))
    iam.create_group(GroupName="advised")
    iam.add_user_to_group(GroupName="advised", UserName=name)
    shared = iam.create_policy(PolicyName="shared", PolicyDocument=policy({"Effect": "Allow", "NotAction": ["iam:*", "sts:Get*"], "Resource": "*"}))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="advised", PolicyArn=shared)
    client("s3").list_buckets()
    with refused("AccessDenied"):
        client("iam").list_users()  # an attempt counts

    def report(of, granularity="SERVICE_LEVEL"):
        job = iam.generate_service_last_accessed_details(Arn=of, Granularity=granularity)["JobId"]
        answer = iam.get_service_last_accessed_details(JobId=job)
        assert (answer["JobStatus"], answer["JobType"], answer["IsTruncated"]) == ("COMPLETED", granularity, False)
        return job, {service["ServiceNamespace"]: service for service in answer["ServicesLastAccessed"]}

    deadline = time.monotonic() + 5
    while "LastAuthenticated" not in report(arn)[1]["iam"]:
        assert time.monotonic() < deadline
    job, services = report(arn, "ACTION_LEVEL")
    assert sorted(services) == ["iam", "logs", "s3", "sagemaker", "sts"]
    used = services["s3"]
    assert used["ServiceName"] == "Amazon S3" and used["LastAuthenticatedEntity"] == arn and used["TotalAuthenticatedEntities"] == 1
    assert used["LastAuthenticatedRegion"] == server.environment()["AWS_REGION"]
    assert [action["ActionName"] for action in used["TrackedActionsLastAccessed"]] == ["ListAllMyBuckets"]
    assert services["logs"]["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in services["logs"]
    (who,) = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="s3")["EntityDetailsList"]
    assert who["EntityInfo"]["Arn"] == arn and who["EntityInfo"]["Type"] == "USER" and "LastAuthenticated" in who

    assert sorted(report(f"{ROOT}:group/advised")[1]) == ["logs", "s3", "sagemaker", "sts"]
    job, services = report(shared)
    assert services["s3"]["LastAuthenticatedEntity"] == arn and "TrackedActionsLastAccessed" not in services["s3"]
    assert len(iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="logs")["EntityDetailsList"]) == 1
    assert sorted(report(f"{AWS_POLICY}/AmazonS3ReadOnlyAccess")[1]) == ["s3"]
    with refused("NoSuchEntity"):
        iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")
    with refused("NoSuchEntity", "cannot be found", status=404):
        iam.get_service_last_accessed_details(JobId="0" * 36)
    with refused("NoSuchEntity"):
        iam.generate_service_last_accessed_details(Arn=f"{ROOT}:user/nobody-at-all")
    with refused("InvalidInput"):
        iam.generate_service_last_accessed_details(Arn=f"{ROOT}:instance-profile/x")

    granting = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["s3", "iam", "ec2"])["PoliciesGrantingServiceAccess"]
    assert [one["ServiceNamespace"] for one in granting] == ["s3", "iam", "ec2"]
    assert granting[0]["Policies"] == [
        {"PolicyName": "mine", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": name},
        {"PolicyName": "shared", "PolicyType": "MANAGED", "PolicyArn": shared}]
    assert [one["PolicyName"] for one in granting[1]["Policies"]] == ["mine"]
    assert [one["PolicyName"] for one in granting[2]["Policies"]] == ["shared"]
    iam.delete_user_policy(UserName=name, PolicyName="mine")
    iam.remove_user_from_group(GroupName="advised", UserName=name)
    remove(iam, group="advised")
    iam.delete_policy(PolicyArn=shared)


def test_what_there_is_none_of(iam, user):
    """Whoever cleans up after a user asks for these: AWS's own examples, Terraform."""
    name, _, client = user
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    with refused("NoSuchEntity", "The user with name nobody cannot be found."):
        iam.list_mfa_devices(UserName="nobody")
    with refused("AccessDenied", "iam:ListMFADevices"):
        client("iam").list_mfa_devices()


# Roles and instance profiles.


def test_roles(iam):
    made = iam.create_role(
        RoleName="worker", Path="/service/", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER, Description="works",
        MaxSessionDuration=7200, Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]
    assert made["RoleId"].startswith("AROA") and made["Arn"] == f"{ROOT}:role/service/worker"
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUSTS_SAGEMAKER)
    got = iam.get_role(RoleName="worker")["Role"]
    assert (got["Description"], got["MaxSessionDuration"], got["Tags"]) == ("works", 7200, [{"Key": "k", "Value": "v"}])
    assert got["RoleLastUsed"] == {}
    with refused("EntityAlreadyExists", "Role with name worker already exists."):
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)
    with refused("ValidationError", "maxSessionDuration"):
        iam.update_role(RoleName="worker", MaxSessionDuration=43201)
    listed = iam.list_roles(PathPrefix="/service/")["Roles"]
    assert [r["RoleName"] for r in listed] == ["worker"] and "Tags" not in listed[0]

    assert "Role" not in iam.update_role(RoleName="worker", Description="still works", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName="worker", Description="new")["Role"]["Description"] == "new"
    assert iam.get_role(RoleName="worker")["Role"]["MaxSessionDuration"] == 3600
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    document = iam.get_role(RoleName="worker")["Role"]["AssumeRolePolicyDocument"]
    assert document["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}

    iam.tag_role(RoleName="worker", Tags=[{"Key": "a", "Value": "b"}])
    assert [t["Key"] for t in iam.list_role_tags(RoleName="worker")["Tags"]] == ["a", "k"]
    iam.untag_role(RoleName="worker", TagKeys=["k"])
    assert [t["Key"] for t in iam.list_role_tags(RoleName="worker")["Tags"]] == ["a"]
    iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=f"{AWS_POLICY}/PowerUserAccess")
    boundary = iam.get_role(RoleName="worker")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == f"{AWS_POLICY}/PowerUserAccess"
    iam.delete_role_permissions_boundary(RoleName="worker")
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=LISTS_USERS)
    with refused("DeleteConflict", "must delete policies first"):
        iam.delete_role(RoleName="worker")
    remove(iam, role="worker")
    with refused("NoSuchEntity", "The role with name worker cannot be found."):
        iam.get_role(RoleName="worker")


def test_trust_policies_that_are_none(iam):
    def make(document):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)

    with refused("MalformedPolicyDocument", "Has prohibited field Resource", status=400):
        make(policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole", "Resource": "*"}))
    with refused("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/none"'):
        make(trust({"AWS": f"{ROOT}:user/none"}))
    with refused("MalformedPolicyDocument", 'Invalid principal in policy: "SERVICE":"sagemaker"'):
        make(trust({"Service": "sagemaker"}))
    with refused("MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions."):
        make(trust({"AWS": ACCOUNT}, "s3:GetObject"))
    with refused("MalformedPolicyDocument", "invalid Json"):
        make("{")
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"):
        make(trust({"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": ["x" * 20] * 110}}))
    with refused("InvalidInput", "/aws-service-role/"):
        iam.create_role(RoleName="r", Path="/aws-service-role/x/", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)


def test_instance_profiles(iam, user):
    name, key, client = user
    iam.create_role(RoleName="node", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    made = iam.create_instance_profile(InstanceProfileName="nodes", Path="/p/", Tags=[{"Key": "k", "Value": "v"}])
    assert made["InstanceProfile"]["InstanceProfileId"].startswith("AIPA")
    assert made["InstanceProfile"]["Arn"] == f"{ROOT}:instance-profile/p/nodes"
    with refused("EntityAlreadyExists", "Instance Profile nodes already exists."):
        iam.create_instance_profile(InstanceProfileName="nodes")

    # Who puts a role into a profile passes it on.
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("iam:AddRoleToInstanceProfile")))
    with refused("AccessDenied", "iam:PassRole", f"{ROOT}:role/node"):
        client("iam").add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    with refused("LimitExceeded", "InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    got = iam.get_instance_profile(InstanceProfileName="nodes")["InstanceProfile"]
    assert [r["RoleName"] for r in got["Roles"]] == ["node"] and got["Tags"] == [{"Key": "k", "Value": "v"}]
    assert [p["InstanceProfileName"] for p in iam.list_instance_profiles(PathPrefix="/p/")["InstanceProfiles"]] == ["nodes"]
    of_role = iam.list_instance_profiles_for_role(RoleName="node")["InstanceProfiles"]
    assert [p["InstanceProfileName"] for p in of_role] == ["nodes"]
    iam.tag_instance_profile(InstanceProfileName="nodes", Tags=[{"Key": "a", "Value": "b"}])
    iam.untag_instance_profile(InstanceProfileName="nodes", TagKeys=["k"])
    assert iam.list_instance_profile_tags(InstanceProfileName="nodes")["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused("DeleteConflict", "must remove roles from instance profile first"):
        iam.delete_role(RoleName="node")
    with refused("DeleteConflict", "must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="nodes")
    iam.remove_role_from_instance_profile(InstanceProfileName="nodes", RoleName="node")
    with refused("NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="nodes", RoleName="node")
    iam.delete_instance_profile(InstanceProfileName="nodes")
    with refused("NoSuchEntity", "Instance Profile nodes cannot be found."):
        iam.get_instance_profile(InstanceProfileName="nodes")
    remove(iam, role="node")


def test_service_linked_roles(iam):
    made = iam.create_service_linked_role(AWSServiceName="sagemaker.amazonaws.com", Description="notebooks")["Role"]
    name = "AWSServiceRoleForAmazonSageMakerNotebooks"
    assert made["Arn"] == f"{ROOT}:role/aws-service-role/sagemaker.amazonaws.com/{name}"
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["AmazonSageMakerNotebooksServiceRolePolicy"]
    with refused("InvalidInput", "has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="sagemaker.amazonaws.com")
    with refused("InvalidInput", "Custom suffix is not allowed"):
        iam.create_service_linked_role(AWSServiceName="sagemaker.amazonaws.com", CustomSuffix="x")
    with refused("InvalidInput", "lex.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="lex.amazonaws.com")
    for change in (
        lambda: iam.delete_role(RoleName=name),
        lambda: iam.attach_role_policy(RoleName=name, PolicyArn=f"{AWS_POLICY}/ReadOnlyAccess"),
        lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUSTS_SAGEMAKER),
        lambda: iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=LISTS_USERS),
        lambda: iam.update_role(RoleName=name, Description="x"),
    ):
        with refused("UnmodifiableEntity", f"protected role '{name}'", "only modifiable by AWS", status=400):
            change()
    iam.update_role_description(RoleName=name, Description="the one thing that may change")
    iam.create_role(RoleName="plain", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)
    with refused("PolicyNotAttachable"):
        iam.attach_role_policy(RoleName="plain", PolicyArn=attached[0]["PolicyArn"])
    with refused("NoSuchEntity"):
        iam.delete_service_linked_role(RoleName="plain")
    iam.delete_role(RoleName="plain")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/sagemaker.amazonaws.com/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId="task/none")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


# Policies.


def test_managed_policies_and_versions(iam, user):
    name, _, client = user
    made = iam.create_policy(
        PolicyName="lists", Path="/team/", PolicyDocument=LISTS_USERS, Description="may list", Tags=[{"Key": "k", "Value": "v"}]
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"{ROOT}:policy/team/lists" and made["PolicyId"].startswith("ANPA") and made["DefaultVersionId"] == "v1"
    with refused("EntityAlreadyExists", "A policy called Lists already exists. Duplicate names are not allowed."):
        iam.create_policy(PolicyName="Lists", PolicyDocument=LISTS_USERS)
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert got["Description"] == "may list" and got["Tags"] == [{"Key": "k", "Value": "v"}] and got["IsAttachable"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    assert client("iam").list_users()["Users"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1

    nothing = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=nothing, SetAsDefault=True)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    with refused("AccessDenied", "with an explicit deny"):
        client("iam").list_users()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert client("iam").list_users()["Users"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == json.loads(nothing)
    for _ in range(3):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=nothing)
    with refused("LimitExceeded", "A managed policy can have up to 5 versions"):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=nothing)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v5", "v4", "v3", "v2", "v1"]
    with refused("DeleteConflict", "Cannot delete the default version of a policy."):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    with refused("NoSuchEntity", "version v9 does not exist"):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v9")

    with refused("DeleteConflict", "Cannot delete a policy attached to entities."):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    with refused("DeleteConflict", "more than one version"):
        iam.delete_policy(PolicyArn=arn)
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["k"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    bounding = iam.list_policies(PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [p["PolicyName"] for p in bounding] == ["lists"]
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_user_permissions_boundary(UserName=name)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found."):
        iam.get_policy(PolicyArn=arn)
    with refused("InvalidInput", "is not valid"):
        iam.get_policy(PolicyArn="arn:aws:s3:::a-bucket-and-more")


def test_documents_that_are_no_policies(iam):
    def make(document):
        iam.create_policy(PolicyName="p", PolicyDocument=document)

    with refused("MalformedPolicyDocument", "invalid Json"):
        make("not json")
    with refused("MalformedPolicyDocument", status=400):
        make("{}")
    with refused("MalformedPolicyDocument", "vendor"):
        make(policy(allow("ListUsers")))
    with refused("MalformedPolicyDocument", "must contain resources"):
        make(policy({"Effect": "Allow", "Action": "iam:*"}))
    with refused("MalformedPolicyDocument", "should not specify a principal"):
        make(policy(allow("iam:*", Principal="*")))
    long = policy(allow([f"s3:Action{i:04}" for i in range(450)]))
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"):
        make(long)
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)
    for put, named, quota in (
        (iam.put_user_policy, {"UserName": "ann"}, 2048),
        (iam.put_group_policy, {"GroupName": "g"}, 5120),
        (iam.put_role_policy, {"RoleName": "r"}, 10240),
    ):
        # White space is not counted, and the quota is that of all inline policies together.
        half = policy(allow([f"s3:Action{i:04}" for i in range((quota // 2 - 100) // 16)])).replace(",", "," + " " * 9)
        put(PolicyName="first", PolicyDocument=half, **named)
        put(PolicyName="second", PolicyDocument=half, **named)
        with refused("LimitExceeded", f"Maximum policy size of {quota} bytes exceeded for"):
            put(PolicyName="third", PolicyDocument=half, **named)
    remove(iam, user="ann", role="r", group="g")


@pytest.mark.parametrize("kind", ["User", "Role", "Group"])
def test_policies_of_an_entity(iam, kind):
    named, low = {f"{kind}Name": "it"}, kind.lower()
    extra = {"AssumeRolePolicyDocument": TRUSTS_SAGEMAKER} if kind == "Role" else {}
    getattr(iam, f"create_{low}")(**named, **extra)
    call = lambda pattern, **arguments: getattr(iam, pattern.format(low))(**named, **arguments)  # noqa: E731
    call("put_{}_policy", PolicyName="inline", PolicyDocument=LISTS_USERS)
    assert call("list_{}_policies")["PolicyNames"] == ["inline"]
    got = call("get_{}_policy", PolicyName="inline")
    assert got["PolicyDocument"] == json.loads(LISTS_USERS) and got[f"{kind}Name"] == "it"
    with refused("NoSuchEntity", f"The {low} policy with name none cannot be found."):
        call("get_{}_policy", PolicyName="none")
    call("delete_{}_policy", PolicyName="inline")
    with refused("NoSuchEntity"):
        call("delete_{}_policy", PolicyName="inline")

    arns = [p["Arn"] for p in iam.list_policies(Scope="AWS", PathPrefix="/")["Policies"] if p["Path"] == "/"][:11]
    for arn in arns[:10]:
        call("attach_{}_policy", PolicyArn=arn)
    call("attach_{}_policy", PolicyArn=arns[0])  # again is no error
    with refused("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: 10"):
        call("attach_{}_policy", PolicyArn=arns[10])
    listed = call("list_attached_{}_policies")["AttachedPolicies"]
    assert sorted(p["PolicyArn"] for p in listed) == sorted(arns[:10])
    entities = iam.list_entities_for_policy(PolicyArn=arns[0])
    assert [e[f"{kind}Name"] for e in entities[f"Policy{kind}s"]] == ["it"]
    assert not iam.list_entities_for_policy(PolicyArn=arns[0], EntityFilter="Role" if kind == "User" else "User")[f"Policy{kind}s"]
    for arn in arns[:10]:
        call("detach_{}_policy", PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arns[0]} was not found."):
        call("detach_{}_policy", PolicyArn=arns[0])
    with refused("NoSuchEntity", "does not exist or is not attachable"):
        call("attach_{}_policy", PolicyArn=f"{AWS_POLICY}/NoSuchPolicy")
    call("delete_{}")


def test_the_policies_that_aws_manages(iam):
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 40})
    names = {p["PolicyName"]: p for page in pages for p in page["Policies"]}
    assert len(names) > 100
    for name in (
        "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "IAMFullAccess", "IAMReadOnlyAccess",
        "AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AmazonSageMakerPipelinesIntegrations",
        "AmazonSageMakerCanvasFullAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "CloudWatchLogsFullAccess",
        "CloudWatchLogsReadOnlyAccess",
    ):
        version = iam.get_policy_version(PolicyArn=names[name]["Arn"], VersionId=names[name]["DefaultVersionId"])
        assert version["PolicyVersion"]["Document"]["Statement"], name
    whole = iam.get_policy_version(
        PolicyArn=f"{AWS_POLICY}/AmazonSageMakerFullAccess", VersionId=names["AmazonSageMakerFullAccess"]["DefaultVersionId"]
    )["PolicyVersion"]["Document"]
    text = json.dumps(whole)
    for service in ("glue:", "athena:", "servicecatalog:", "cognito-idp:", "codecommit:", "redshift"):
        assert service in text, f"AmazonSageMakerFullAccess speaks of {service} in AWS"
    with refused("AccessDenied"):
        iam.create_policy_version(PolicyArn=f"{AWS_POLICY}/AdministratorAccess", PolicyDocument=LISTS_USERS)
    with refused("AccessDenied"):
        iam.delete_policy(PolicyArn=f"{AWS_POLICY}/AdministratorAccess")
    with refused("NoSuchEntity"):
        iam.get_policy_version(PolicyArn=f"{AWS_POLICY}/AdministratorAccess", VersionId="v77")


# The account.


def test_paging_survives_deletion(iam):
    for i in range(7):
        iam.create_user(UserName=f"page-{i}", Path="/page/")
    first = iam.list_users(PathPrefix="/page/", MaxItems=3)
    assert first["IsTruncated"] and len(first["Users"]) == 3
    for user in first["Users"]:
        iam.delete_user(UserName=user["UserName"])
    rest = iam.list_users(PathPrefix="/page/", Marker=first["Marker"])
    assert [u["UserName"] for u in rest["Users"]] == [f"page-{i}" for i in range(3, 7)] and not rest["IsTruncated"]
    with refused("ValidationError", "Marker"):
        iam.list_users(Marker="AAAA")
    with refused("ValidationError", "maxItems"):
        iam.list_users(MaxItems=1001)
    for i in range(3, 7):
        iam.delete_user(UserName=f"page-{i}")


def test_account_summary_and_alias(iam):
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["AccountAccessKeysPresent"] == 1 and summary["AccessKeysPerUserQuota"] == 2
    assert summary["GlobalEndpointTokenVersion"] == 1
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == 2
    with refused("ValidationError", "globalEndpointTokenVersion"):
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v3Token")
    assert summary["RolePolicySizeQuota"] == 10240 and summary["VersionsPerPolicyQuota"] == 5
    iam.create_user(UserName="ann")
    assert iam.get_account_summary()["SummaryMap"]["Users"] == summary["Users"] + 1
    iam.delete_user(UserName="ann")

    iam.create_account_alias(AccountAlias="my-lab")
    iam.create_account_alias(AccountAlias="my-other-lab")  # an account has one
    assert iam.list_account_aliases()["AccountAliases"] == ["my-other-lab"]
    with refused("EntityAlreadyExists"):
        iam.create_account_alias(AccountAlias="my-other-lab")
    for bad in ("two--hyphens", "Capital", "-first"):
        with refused("ValidationError", "accountAlias"):
            iam.create_account_alias(AccountAlias=bad)
    with refused("NoSuchEntity"):
        iam.delete_account_alias(AccountAlias="my-lab")
    iam.delete_account_alias(AccountAlias="my-other-lab")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_account_authorization_details(iam, user):
    name, _, _ = user
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName=name)
    iam.put_group_policy(GroupName="g", PolicyName="inline", PolicyDocument=LISTS_USERS)
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=LISTS_USERS)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)
    iam.attach_role_policy(RoleName="r", PolicyArn=f"{AWS_POLICY}/AmazonS3ReadOnlyAccess")
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")

    whole = iam.get_account_authorization_details()
    (one,) = [u for u in whole["UserDetailList"] if u["UserName"] == name]
    assert one["GroupList"] == ["g"] and one["AttachedManagedPolicies"] == [{"PolicyName": "mine", "PolicyArn": arn}]
    (group,) = [g for g in whole["GroupDetailList"] if g["GroupName"] == "g"]
    assert group["GroupPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(LISTS_USERS)}]
    (role,) = [r for r in whole["RoleDetailList"] if r["RoleName"] == "r"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUSTS_SAGEMAKER)
    assert [p["InstanceProfileName"] for p in role["InstanceProfileList"]] == ["ip"]
    policies = {p["PolicyName"]: p for p in whole["Policies"]}
    assert policies["mine"]["PolicyVersionList"][0]["Document"] == json.loads(LISTS_USERS)
    assert policies["AmazonS3ReadOnlyAccess"]["AttachmentCount"] >= 1

    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2}))
    assert len(pages) > 1
    for key in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"):
        assert sum(len(page[key]) for page in pages) == len(whole[key]), key
    only = iam.get_account_authorization_details(Filter=["LocalManagedPolicy", "Group"])
    assert not only["UserDetailList"] and not only["RoleDetailList"] and only["GroupDetailList"]
    assert [p["PolicyName"] for p in only["Policies"]] == ["mine"]

    iam.remove_role_from_instance_profile(InstanceProfileName="ip", RoleName="r")
    iam.delete_instance_profile(InstanceProfileName="ip")
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    iam.remove_user_from_group(GroupName="g", UserName=name)
    remove(iam, role="r", group="g")


# The simulator.


def verdicts(answer):
    return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}


def test_simulating_custom_policies(iam):
    # The AWS CLI's own example, with the positions that it shows.
    text = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
        '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
    )
    at = lambda when: [  # noqa: E731
        {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": [when], "ContextKeyType": "date"}
    ]
    ask = lambda **more: iam.simulate_custom_policy(  # noqa: E731
        PolicyInputList=[text], ActionNames=["dynamodb:CreateBackup"], **more
    )["EvaluationResults"]
    (result,) = ask(ContextEntries=at("2019-04-25T11:00:00Z"))
    assert result == {
        "EvalActionName": "dynamodb:CreateBackup", "EvalResourceName": "*", "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": 167},
            }
        ],
        "MissingContextValues": [],
    }
    (result,) = ask(ContextEntries=at("2014-04-25T11:00:00Z"))
    assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])
    (result,) = ask()
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:CurrentTime"])
    assert iam.get_context_keys_for_custom_policy(
        PolicyInputList=[text, policy(allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"))]
    )["ContextKeyNames"] == ["aws:CurrentTime", "aws:username"]

    # Resource by resource, and the worst of them for the whole.
    mixed = policy(allow("s3:*", "arn:aws:s3:::a/*"), {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::a/x"})
    arns = ["arn:aws:s3:::a/y", "arn:aws:s3:::b/z", "arn:aws:s3:::a/x"]
    answer = iam.simulate_custom_policy(
        PolicyInputList=[mixed], ActionNames=["s3:GetObject", "s3:PutObject", "iam:ListUsers"], ResourceArns=arns
    )
    assert verdicts(answer) == {"s3:GetObject": "implicitDeny", "s3:PutObject": "explicitDeny", "iam:ListUsers": "implicitDeny"}
    get, put, _ = answer["EvaluationResults"]
    assert get["EvalResourceName"] == "arn:${Partition}:s3:::${BucketName}/${KeyName}"
    assert [(r["EvalResourceName"], r["EvalResourceDecision"]) for r in put["ResourceSpecificResults"]] == [
        (arns[0], "allowed"), (arns[1], "implicitDeny"), (arns[2], "explicitDeny"),
    ]
    assert len(put["MatchedStatements"]) == 1 and len(put["ResourceSpecificResults"][2]["MatchedStatements"]) == 1

    # A boundary, an organization, and a resource's own policy across accounts.
    (result,) = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("*"))], PermissionsBoundaryPolicyInputList=[policy(allow("s3:*"))],
        ActionNames=["iam:ListUsers"],
    )["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    (result,) = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("*"))], ActionNames=["iam:ListUsers"],
        OrderedOrganizationPolicyInputList=[
            {"ServiceControlPolicyInputList": [policy(allow("*"))]},
            {"ServiceControlPolicyInputList": [policy(allow("*"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"})]},
        ],
    )["EvaluationResults"]
    assert result["EvalDecision"] == "explicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    caller = f"{ROOT}:user/ann"
    shared = policy({**allow("s3:GetObject", "arn:aws:s3:::a/*"), "Principal": {"AWS": caller}})
    across = dict(ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::a/y"], ResourcePolicy=shared, CallerArn=caller,
                  ResourceOwner="arn:aws:iam::210987654321:root")
    (result,) = iam.simulate_custom_policy(PolicyInputList=[LISTS_USERS], **across)["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    (result,) = iam.simulate_custom_policy(PolicyInputList=[policy(allow("s3:*"))], **across)["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"

    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[mixed], ActionNames=[f"s3:Action{i}" for i in range(5)], PaginationConfig={"PageSize": 2}
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [2, 2, 1]
    for bad, says in (
        (dict(PolicyInputList=["{"], ActionNames=["s3:GetObject"]), "Invalid policy"),
        (dict(PolicyInputList=[mixed], ActionNames=["s3:*"]), "without wildcards"),
        (dict(PolicyInputList=[mixed], ActionNames=["s3:GetObject"], ResourcePolicy=shared), "CallerArn is required"),
        (dict(PolicyInputList=[mixed], ActionNames=["s3:GetObject"], ResourceArns=["bucket"]), "Invalid resource ARN"),
        (dict(PolicyInputList=[mixed], ActionNames=["s3:GetObject"] * 101, ResourceArns=[arns[0]] * 100), "10000"),
        (dict(PolicyInputList=[mixed], ActionNames=["s3:GetObject"], ResourceHandlingOption="EC2-VPC-InstanceStore"), "EC2"),
    ):
        with refused("InvalidInput", says, status=400):
            iam.simulate_custom_policy(**bad)


def test_simulating_what_a_principal_has(iam, user):
    name, _, _ = user
    source = f"{ROOT}:user/{name}"
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName=name)
    home = policy(allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"))
    iam.put_group_policy(GroupName="g", PolicyName="home", PolicyDocument=home)
    iam.put_user_policy(UserName=name, PolicyName="lists", PolicyDocument=LISTS_USERS)
    iam.attach_user_policy(UserName=name, PolicyArn=f"{AWS_POLICY}/CloudWatchLogsReadOnlyAccess")
    actions = ["iam:ListUsers", "s3:GetObject", "logs:DescribeLogGroups", "iam:DeleteUser"]
    answer = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=actions)
    assert verdicts(answer) == {
        "iam:ListUsers": "allowed", "s3:GetObject": "implicitDeny", "logs:DescribeLogGroups": "allowed",
        "iam:DeleteUser": "implicitDeny",
    }
    by = {r["EvalActionName"]: r["MatchedStatements"] for r in answer["EvaluationResults"]}
    assert [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in by["iam:ListUsers"]] == [("lists", "user")]
    assert [m["SourcePolicyType"] for m in by["logs:DescribeLogGroups"]] == ["aws-managed"]
    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=source, ActionNames=["s3:GetObject"], ResourceArns=[f"arn:aws:s3:::home/{name}/f"]
    )["EvaluationResults"]
    assert result["EvalDecision"] == "allowed" and result["MatchedStatements"][0]["SourcePolicyType"] == "group"
    without = lambda **policy: verdicts(  # noqa: E731
        iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=actions, PolicyExclusionList=[policy])
    )
    assert without(PolicyArn=f"{AWS_POLICY}/CloudWatchLogs*")["logs:DescribeLogGroups"] == "implicitDeny"
    assert without(PolicyType="inline")["iam:ListUsers"] == "implicitDeny"
    inline = {"PolicyName": "lists", "AttachmentType": "user", "AttachmentName": name}
    assert without(InlinePolicyIdentifier=inline)["iam:ListUsers"] == "implicitDeny"
    assert without(PolicyType="user-managed") == verdicts(answer)
    with refused("InvalidInput", "PolicyExclusionList"):
        without(PolicyArn="arn:aws:iam::*:policy/anything")
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=f"{AWS_POLICY}/AmazonS3FullAccess")
    (result,) = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["iam:ListUsers"])["EvaluationResults"]
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert without(PolicyType="permission-boundary")["iam:ListUsers"] == "allowed"
    iam.delete_user_permissions_boundary(UserName=name)
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=source)["ContextKeyNames"]
    assert "aws:username" in keys
    with refused("NoSuchEntity"):
        iam.simulate_principal_policy(PolicySourceArn=f"{ROOT}:user/none", ActionNames=["s3:GetObject"])
    with refused("InvalidInput"):
        iam.simulate_principal_policy(PolicySourceArn="arn:aws:s3:::a-bucket-of-mine", ActionNames=["s3:GetObject"])
    iam.remove_user_from_group(GroupName="g", UserName=name)
    remove(iam, group="g")


# Who may: the condition keys that IAM's own operations bring.


def test_condition_keys_of_the_operations(iam, user):
    name, _, client = user
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument=policy(
            allow("iam:CreateUser", Condition={"StringEquals": {"aws:RequestTag/team": "ml"}}),
            allow("iam:DeleteUser", Condition={"StringEquals": {"aws:ResourceTag/team": "ml"}}),
            allow("iam:AttachRolePolicy", Condition={"ArnEquals": {"iam:PolicyARN": f"{AWS_POLICY}/ReadOnlyAccess"}}),
            allow("iam:CreateRole", Condition={"StringEquals": {"iam:PermissionsBoundary": f"{AWS_POLICY}/PowerUserAccess"}}),
            allow("iam:CreateServiceLinkedRole", Condition={"StringEquals": {"iam:AWSServiceName": "sagemaker.amazonaws.com"}}),
            allow("iam:TagUser", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}),
        ),
    )
    mine = client("iam")
    with refused("AccessDenied", "iam:CreateUser", f"{ROOT}:user/new"):
        mine.create_user(UserName="new")
    mine.create_user(UserName="new", Tags=[{"Key": "team", "Value": "ml"}])
    with refused("AccessDenied"):
        mine.tag_user(UserName="new", Tags=[{"Key": "other", "Value": "x"}])
    mine.tag_user(UserName="new", Tags=[{"Key": "team", "Value": "ml"}])
    with refused("AccessDenied"):
        mine.delete_user(UserName=name)
    mine.delete_user(UserName="new")
    with refused("AccessDenied"):
        mine.create_role(RoleName="r", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER)
    mine.create_role(
        RoleName="r", AssumeRolePolicyDocument=TRUSTS_SAGEMAKER, PermissionsBoundary=f"{AWS_POLICY}/PowerUserAccess"
    )
    with refused("AccessDenied"):
        mine.attach_role_policy(RoleName="r", PolicyArn=f"{AWS_POLICY}/AdministratorAccess")
    mine.attach_role_policy(RoleName="r", PolicyArn=f"{AWS_POLICY}/ReadOnlyAccess")
    with refused("AccessDenied"):
        mine.create_service_linked_role(AWSServiceName="hyperpod.sagemaker.amazonaws.com")
    mine.create_service_linked_role(AWSServiceName="sagemaker.amazonaws.com")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForAmazonSageMakerNotebooks")
    remove(iam, role="r")


# STS.


def test_assuming_roles(server, iam, sts, user):
    name, _, client = user
    me = f"{ROOT}:user/{name}"
    made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": me}))["Role"]
    arn = made["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=f"{AWS_POLICY}/IAMReadOnlyAccess")
    mine = client("sts")
    got = mine.assume_role(RoleArn=arn, RoleSessionName="ss")
    assert got["AssumedRoleUser"] == {
        "AssumedRoleId": f"{made['RoleId']}:ss", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/ss"
    }
    given = got["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    left = given["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=59) < left < datetime.timedelta(minutes=61)
    session = client_of(server, "sts", given)
    assert session.get_caller_identity()["Arn"] == got["AssumedRoleUser"]["Arn"]
    assert client_of(server, "iam", given).list_roles()["Roles"]
    deadline = time.monotonic() + 5
    while "LastUsedDate" not in iam.get_role(RoleName="r")["Role"]["RoleLastUsed"]:
        assert time.monotonic() < deadline
    with refused("InvalidClientTokenId"):
        client_of(server, "sts", {**given, "SessionToken": "x" * 60}).get_caller_identity()

    with refused("AccessDenied", "Roles may not be assumed by root accounts."):
        sts.assume_role(RoleArn=arn, RoleSessionName="ss")
    with refused("AccessDenied", f"User: {me} is not authorized to perform: sts:AssumeRole on resource: {ROOT}:role/none"):
        mine.assume_role(RoleArn=f"{ROOT}:role/none", RoleSessionName="ss")
    with refused("ValidationError", "roleSessionName"):
        mine.assume_role(RoleArn=arn, RoleSessionName="a b")
    with refused("ValidationError", "roleSessionName"):
        mine.assume_role(RoleArn=arn, RoleSessionName="x")
    with refused("ValidationError", "exceeds the MaxSessionDuration set for this role."):
        mine.assume_role(RoleArn=arn, RoleSessionName="ss", DurationSeconds=3601)
    with refused("ValidationError", "durationSeconds"):
        mine.assume_role(RoleArn=arn, RoleSessionName="ss", DurationSeconds=899)
    iam.update_role(RoleName="r", MaxSessionDuration=7200)
    mine.assume_role(RoleArn=arn, RoleSessionName="ss", DurationSeconds=7200)
    with refused("AccessDenied", "MultiFactorAuthentication failed"):
        mine.assume_role(RoleArn=arn, RoleSessionName="ss", SerialNumber=f"{ROOT}:mfa/x", TokenCode="123456")

    # An explicit deny of the caller's own policies ends it, whatever the trust says.
    iam.put_user_policy(UserName=name, PolicyName="no", PolicyDocument=policy({"Effect": "Deny", "Action": "sts:*", "Resource": "*"}))
    with refused("AccessDenied", "explicit deny"):
        mine.assume_role(RoleArn=arn, RoleSessionName="ss")
    iam.delete_user_policy(UserName=name, PolicyName="no")

    # The session of a role that is gone is gone with it, even if there is another of that name.
    remove(iam, role="r")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": me}))
    with refused("InvalidClientTokenId"):
        session.get_caller_identity()
    remove(iam, role="r")


def test_external_id(iam, user):
    name, _, client = user
    condition = {"StringEquals": {"sts:ExternalId": "secret-handshake"}}
    arn = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trust({"AWS": f"{ROOT}:user/{name}"}, Condition=condition)
    )["Role"]["Arn"]
    with refused("AccessDenied"):
        client("sts").assume_role(RoleArn=arn, RoleSessionName="ss")
    with refused("AccessDenied"):
        client("sts").assume_role(RoleArn=arn, RoleSessionName="ss", ExternalId="other")
    client("sts").assume_role(RoleArn=arn, RoleSessionName="ss", ExternalId="secret-handshake")
    remove(iam, role="r")


def test_session_policies(server, iam, user):
    name, _, client = user
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": f"{ROOT}:user/{name}"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=f"{AWS_POLICY}/IAMFullAccess")
    assume = lambda **more: client("sts").assume_role(RoleArn=arn, RoleSessionName="ss", **more)  # noqa: E731
    narrow = assume(Policy=LISTS_USERS)
    assert 0 < narrow["PackedPolicySize"] < 100
    session = client_of(server, "iam", narrow["Credentials"])
    session.list_users()
    with refused("AccessDenied", "because no session policy allows the iam:ListRoles action"):
        session.list_roles()
    session = client_of(server, "iam", assume(PolicyArns=[{"arn": f"{AWS_POLICY}/IAMReadOnlyAccess"}])["Credentials"])
    session.list_roles()
    with refused("AccessDenied"):
        session.create_user(UserName="x")
    with refused("MalformedPolicyDocument"):
        assume(Policy="{}")
    with refused("ValidationError", "does not exist or is not attachable"):
        assume(PolicyArns=[{"arn": f"{ROOT}:policy/none"}])
    with refused("ValidationError", "10"):
        assume(PolicyArns=[{"arn": f"{AWS_POLICY}/IAMReadOnlyAccess"}] * 11)
    with refused("PackedPolicyTooLarge", status=400):
        assume(Policy=policy(allow([f"s3:Action{i:04}" for i in range(160)])))
    remove(iam, role="r")


def test_session_tags_source_identity_and_chaining(server, iam, user):
    name, _, client = user
    may = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    first = iam.create_role(
        RoleName="first", AssumeRolePolicyDocument=trust({"AWS": f"{ROOT}:user/{name}"}, may), MaxSessionDuration=43200
    )["Role"]["Arn"]
    second = iam.create_role(
        RoleName="second", AssumeRolePolicyDocument=trust({"AWS": first}, may), MaxSessionDuration=43200
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="second", PolicyName="p",
        PolicyDocument=policy(
            allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalTag/team": "ml"}}),
            allow("iam:ListRoles", Condition={"StringEquals": {"aws:PrincipalTag/desk": "7"}}),
            allow("iam:ListGroups", Condition={"StringEquals": {"aws:SourceIdentity": "ann"}}),
        ),
    )
    tags = [{"Key": "team", "Value": "ml"}, {"Key": "desk", "Value": "7"}]
    mine = client("sts")
    got = mine.assume_role(
        RoleArn=first, RoleSessionName="ss", Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="ann", DurationSeconds=43200
    )
    assert got["SourceIdentity"] == "ann" and got["PackedPolicySize"] > 0
    chain = client_of(server, "sts", got["Credentials"])
    with refused("ValidationError", "1 hour session limit for roles assumed by role chaining"):
        chain.assume_role(RoleArn=second, RoleSessionName="ss", DurationSeconds=3601)
    with refused("InvalidParameterValue", "conflicts with a transitive tag key"):
        chain.assume_role(RoleArn=second, RoleSessionName="ss", Tags=[{"Key": "Team", "Value": "other"}])
    with refused("AccessDenied", "sts:SetSourceIdentity"):
        chain.assume_role(RoleArn=second, RoleSessionName="ss", SourceIdentity="bob")
    last = client_of(server, "iam", chain.assume_role(RoleArn=second, RoleSessionName="ss")["Credentials"])
    last.list_users()  # the transitive tag came along,
    last.list_groups()  # and so did the source identity;
    with refused("AccessDenied"):
        last.list_roles()  # the other tag did not

    with refused("InvalidParameterValue", "must be included in the requested tags"):
        mine.assume_role(RoleArn=first, RoleSessionName="ss", TransitiveTagKeys=["x"])
    with refused("InvalidParameterValue", "Duplicate tag keys"):
        mine.assume_role(RoleArn=first, RoleSessionName="ss", Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])
    with refused("PackedPolicyTooLarge", "Packed size of session tags consumes"):
        mine.assume_role(RoleArn=first, RoleSessionName="ss", Tags=[{"Key": f"k{i}", "Value": "v" * 200} for i in range(40)])
    iam.update_assume_role_policy(RoleName="first", PolicyDocument=trust({"AWS": f"{ROOT}:user/{name}"}))
    with refused("AccessDenied", "sts:TagSession"):
        mine.assume_role(RoleArn=first, RoleSessionName="ss", Tags=tags)
    with refused("AccessDenied", "sts:SetSourceIdentity"):
        mine.assume_role(RoleArn=first, RoleSessionName="ss", SourceIdentity="ann")
    remove(iam, role="second")
    remove(iam, role="first")


def test_session_and_federation_tokens(server, iam, sts, user):
    name, key, client = user
    mine = client("sts")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow(["s3:*", "iam:*", "sts:GetFederationToken"])))
    given = mine.get_session_token(DurationSeconds=900)["Credentials"]
    session = client_of(server, "sts", given)
    assert session.get_caller_identity()["Arn"] == f"{ROOT}:user/{name}"
    client_of(server, "s3", given).list_buckets()
    with refused("InvalidClientTokenId", status=403):  # without MFA such a session has no IAM
        client_of(server, "iam", given).list_users()
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials"):
        session.get_session_token()
    with refused("AccessDenied", "Cannot call GetFederationToken with session credentials"):
        session.get_federation_token(Name="guest")
    with refused("ValidationError", "durationSeconds"):
        mine.get_session_token(DurationSeconds=899)
    root = sts.get_session_token()["Credentials"]
    assert root["Expiration"] - datetime.datetime.now(datetime.timezone.utc) < datetime.timedelta(minutes=61)

    federated = mine.get_federation_token(Name="guest", Policy=policy(allow("s3:ListAllMyBuckets")))
    assert federated["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
    assert client_of(server, "sts", federated["Credentials"]).get_caller_identity()["UserId"] == f"{ACCOUNT}:guest"
    guest = client_of(server, "s3", federated["Credentials"])
    guest.list_buckets()
    with refused("AccessDenied"):
        guest.create_bucket(Bucket="guests-own-bucket")
    with refused("AccessDenied"):
        client_of(server, "s3", mine.get_federation_token(Name="guest")["Credentials"]).list_buckets()
    with refused("AccessDenied", "root"):
        sts.get_federation_token(Name="guest")

    # A policy that asks for a second factor lets no session through, and there is none to be had.
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(
        allow("s3:ListAllMyBuckets", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    with refused("AccessDenied"):
        client_of(server, "s3", given).list_buckets()

    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == ACCOUNT
    assert sts.get_access_key_info(AccessKeyId=given["AccessKeyId"])["Account"] == ACCOUNT
    # The account stands in the id (an example of a well-known write-up).
    assert sts.get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")["Account"] == "029608264753"
    with refused("ValidationError"):
        sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPLE")


def test_what_sts_refuses(sts):
    with refused("InvalidAuthorizationMessageException", status=400):
        sts.decode_authorization_message(EncodedMessage="x" * 40)
    exercised.add(("sts", "DecodeAuthorizationMessage"))  # there is no message that could be decoded
    with refused("InvalidAction", "AssumeRoleWithWebIdentity of sts is not served"):
        sts.assume_role_with_web_identity(RoleArn=f"{ROOT}:role/any", RoleSessionName="ss", WebIdentityToken="a.b.c.d")
    with refused("InvalidAction", "AssumeRoleWithSAML of sts is not served"):
        sts.assume_role_with_saml(RoleArn=f"{ROOT}:role/any-of-mine", PrincipalArn=f"{ROOT}:saml-provider/x", SAMLAssertion="abcd")


# The command lines.


def command_lines():
    """Every AWS CLI on PATH, by version; Debian's is 2.9, PyPI's is newer."""
    found = {}
    for folder in os.environ["PATH"].split(os.pathsep):
        program = os.path.join(folder, "aws")
        if os.access(program, os.X_OK) and "/shims" not in folder:
            out = subprocess.run([program, "--version"], capture_output=True, text=True)
            found.setdefault((out.stdout + out.stderr).split()[0], program)
    return found


@pytest.mark.parametrize("which", ["debian", "pypi"])
def test_the_command_line(server, iam, which, tmp_path):
    found = {("debian" if version.startswith("aws-cli/2.9") else "pypi"): path for version, path in command_lines().items()}
    if which not in found:
        support.missing(f"the AWS CLI of {which}")
    environment = {**server.environment(), "AWS_PAGER": "", "PYTHONWARNINGS": "ignore"}

    def aws(*arguments, keys=None, fails=None):
        env = dict(environment)
        if keys:
            env |= {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                    "AWS_SESSION_TOKEN": keys.get("SessionToken", "")}
            if not env["AWS_SESSION_TOKEN"]:
                del env["AWS_SESSION_TOKEN"]
        done = subprocess.run([found[which], "--endpoint-url", server.endpoint, *arguments, "--output", "json"], env=env, capture_output=True, text=True)
        if fails:
            assert done.returncode != 0 and f"({fails})" in done.stderr, done.stdout + done.stderr
            return done.stderr
        assert done.returncode == 0, (arguments, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    assert aws("sts", "get-caller-identity")["Arn"] == f"{ROOT}:root"
    aws("iam", "create-user", "--user-name", "cli", "--tags", "Key=team,Value=ml")
    aws("iam", "create-user", "--user-name", "cli", fails="EntityAlreadyExists")
    iam.attach_user_policy(UserName="cli", PolicyArn=f"{AWS_POLICY}/IAMReadOnlyAccess")
    key = aws("iam", "create-access-key", "--user-name", "cli")["AccessKey"]
    document = tmp_path / "trust.json"
    document.write_text(trust({"AWS": f"{ROOT}:user/cli"}))
    role = aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", f"file://{document}")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(document.read_text())
    aws("iam", "put-role-policy", "--role-name", "cli", "--policy-name", "p", "--policy-document", LISTS_USERS)
    assert len(aws("iam", "list-policies", "--scope", "AWS", "--max-items", "5", keys=key)["Policies"]) == 5
    says = aws("iam", "delete-user", "--user-name", "cli", keys=key, fails="AccessDenied")
    assert f"User: {ROOT}:user/cli is not authorized to perform: iam:DeleteUser on resource: user cli" in says or (
        f"User: {ROOT}:user/cli is not authorized to perform: iam:DeleteUser on resource: {ROOT}:user/cli" in says
    ), says
    session = aws("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "from-cli", keys=key)["Credentials"]
    assert any(u["UserName"] == "cli" for u in aws("iam", "list-users", keys=session)["Users"])
    simulated = aws("iam", "simulate-principal-policy", "--policy-source-arn", f"{ROOT}:user/cli",
                    "--action-names", "iam:GetUser", "iam:DeleteUser")
    assert verdicts(simulated) == {"iam:GetUser": "allowed", "iam:DeleteUser": "implicitDeny"}
    details = aws("iam", "get-account-authorization-details", "--filter", "User")
    assert any(u["UserName"] == "cli" and u["Tags"] == [{"Key": "team", "Value": "ml"}] for u in details["UserDetailList"])
    aws("iam", "delete-role", "--role-name", "cli", fails="DeleteConflict")


# Nothing is named that was not driven, and what is not served says so.


def bare_call(server, service, operation):
    """A signed Query call with nothing but its name: (code, message)."""
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    env = environment_of(server)
    keys = botocore.credentials.Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    body = urllib.parse.urlencode({"Action": operation})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", data=body, headers=form)
    botocore.auth.SigV4Auth(keys, service, env["AWS_REGION"]).add_auth(request)
    status, text = server.request("/", body.encode(), "POST", request.headers.items())
    assert status >= 400, (operation, text)
    return tuple(re.search(f"<{tag}>(.*?)</{tag}>", text).group(1) for tag in ("Code", "Message"))


def test_what_is_not_served_is_refused_by_name(server):
    import botocore.session

    for service in ("iam", "sts"):
        known = botocore.session.get_session().get_service_model(service).operation_names
        assert set(SERVED[service]["operations"]) < set(known)
        for operation in sorted(set(known) - set(SERVED[service]["operations"]))[::5]:
            code, message = bare_call(server, service, operation)
            assert code == "InvalidAction" and f"{operation} of {service} is not served" in message, (code, message)


def test_every_operation_was_driven():
    served = {(service, operation) for service in ("iam", "sts") for operation in SERVED[service]["operations"]}
    assert sorted(served - exercised) == [], "served, but no test of this file drives it to a success"


def test_presigned_caller_identity(server):
    """What `aws eks get-token` sends: outside S3 a presigned request signs its (empty) body."""
    url = server.client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, text = server.request(url.removeprefix(server.endpoint))
    assert status == 200 and "arn:aws:iam::123456789012:root" in text, text
    status, text = server.request(url.removeprefix(server.endpoint)[:-1] + ("0" if url[-1] != "0" else "1"))
    assert status == 403 and "SignatureDoesNotMatch" in text, text
