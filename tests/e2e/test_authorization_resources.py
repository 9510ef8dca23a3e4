"""The resource that each operation is decided on, by boto3: a statement on exactly that ARN allows and denies, one on its
neighbour does neither. What every operation asks is a table: src/app/authorization/testdata/authorization.txt."""

import json

import botocore.exceptions
import pytest

ACCOUNT = "123456789012"
IAM, LOGS = f"arn:aws:iam::{ACCOUNT}:", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"
SAGEMAKER = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}

# service, operation, request, action, the resource that it is decided on, a neighbour of it
CASES = [
    ("s3", "list_buckets", {}, "s3:ListAllMyBuckets", "arn:aws:s3:::*", "arn:aws:s3:::res-data"),
    ("s3", "head_bucket", {"Bucket": "res-data"}, "s3:ListBucket", "arn:aws:s3:::res-data", "arn:aws:s3:::res-data/*"),
    ("s3", "list_objects_v2", {"Bucket": "res-data"}, "s3:ListBucket", "arn:aws:s3:::res-data", "arn:aws:s3:::res-dat"),
    ("s3", "get_bucket_location", {"Bucket": "res-data"}, "s3:GetBucketLocation", "arn:aws:s3:::res-data", "arn:aws:s3:::res-data2"),
    ("s3", "get_object", {"Bucket": "res-data", "Key": "a/b"}, "s3:GetObject", "arn:aws:s3:::res-data/a/b", "arn:aws:s3:::res-data/a"),
    ("s3", "head_object", {"Bucket": "res-data", "Key": "a/b"}, "s3:GetObject", "arn:aws:s3:::res-data/a/b", "arn:aws:s3:::res-data"),
    ("s3", "get_object", {"Bucket": "res-data", "Key": "a/b", "VersionId": "null"}, "s3:GetObjectVersion", "arn:aws:s3:::res-data/a/b", "arn:aws:s3:::res-data/a/c"),
    ("s3", "put_object", {"Bucket": "res-data", "Key": "new"}, "s3:PutObject", "arn:aws:s3:::res-data/new", "arn:aws:s3:::res-data/newer"),
    ("s3", "delete_object", {"Bucket": "res-data", "Key": "gone"}, "s3:DeleteObject", "arn:aws:s3:::res-data/gone", "arn:aws:s3:::res-data"),
    ("s3", "get_object_tagging", {"Bucket": "res-data", "Key": "a/b"}, "s3:GetObjectTagging", "arn:aws:s3:::res-data/a/b", "arn:aws:s3:::res-other/a/b"),
    ("s3", "list_multipart_uploads", {"Bucket": "res-data"}, "s3:ListBucketMultipartUploads", "arn:aws:s3:::res-data", "arn:aws:s3:::res-data/"),
    ("s3", "create_multipart_upload", {"Bucket": "res-data", "Key": "big"}, "s3:PutObject", "arn:aws:s3:::res-data/big", "arn:aws:s3:::res-data/bigger"),
    ("s3", "delete_bucket_tagging", {"Bucket": "res-data"}, "s3:PutBucketTagging", "arn:aws:s3:::res-data", "arn:aws:s3:::other"),
    ("iam", "list_users", {"PathPrefix": "/team/"}, "iam:ListUsers", IAM + "user/team/", IAM + "user/other/"),
    ("iam", "list_roles", {}, "iam:ListRoles", IAM + "role/", IAM + "user/"),
    ("iam", "list_virtual_mfa_devices", {}, "iam:ListVirtualMFADevices", IAM + "mfa/", IAM + "mfa/x"),
    ("iam", "get_user", {"UserName": "res-target"}, "iam:GetUser", IAM + "user/team/res-target", IAM + "user/res-target"),
    ("iam", "get_user", {}, "iam:GetUser", IAM + "user/res-caller", IAM + "user/team/res-target"),
    ("iam", "get_role", {"RoleName": "res-role"}, "iam:GetRole", IAM + "role/service/res-role", IAM + "role/res-role"),
    ("iam", "list_access_keys", {"UserName": "RES-TARGET"}, "iam:ListAccessKeys", IAM + "user/team/res-target", IAM + "user/RES-TARGET"),
    ("iam", "get_policy", {"PolicyArn": IAM + "policy/RES-policy"}, "iam:GetPolicy", IAM + "policy/res-policy", IAM + "policy/RES-policy"),
    ("iam", "get_group", {"GroupName": "absent"}, "iam:GetGroup", IAM + "group/absent", IAM + "group/absen"),
    ("iam", "create_user", {"UserName": "res-target", "Path": "/elsewhere/"}, "iam:CreateUser", IAM + "user/elsewhere/res-target", IAM + "user/team/res-target"),
    ("sts", "get_federation_token", {"Name": "bob"}, "sts:GetFederationToken", f"arn:aws:sts::{ACCOUNT}:federated-user/bob", f"arn:aws:sts::{ACCOUNT}:federated-user/bo"),
    ("logs", "describe_log_groups", {}, "logs:DescribeLogGroups", LOGS + ":log-stream:", LOGS + "res:*"),
    ("logs", "describe_log_streams", {"logGroupName": "res"}, "logs:DescribeLogStreams", LOGS + "res:*", LOGS + "res"),
    ("logs", "create_log_stream", {"logGroupName": "res", "logStreamName": "one"}, "logs:CreateLogStream", LOGS + "res:log-stream:one", LOGS + "res:log-stream:two"),
    ("logs", "get_log_events", {"logGroupName": "res", "logStreamName": "one"}, "logs:GetLogEvents", LOGS + "res:log-stream:one", LOGS + "res:log-stream:"),
    ("sagemaker", "describe_model", {"ModelName": "Res-Model"}, "sagemaker:DescribeModel", SAGEMAKER + "model/res-model", SAGEMAKER + "model/Res-Model"),
    ("sagemaker", "describe_training_job", {"TrainingJobName": "j"}, "sagemaker:DescribeTrainingJob", SAGEMAKER + "training-job/j", SAGEMAKER + "processing-job/j"),
    ("sagemaker", "list_models", {}, "sagemaker:ListModels", "*", SAGEMAKER + "model/*"),
    ("sagemaker", "list_tags", {"ResourceArn": SAGEMAKER + "model/res-model"}, "sagemaker:ListTags", SAGEMAKER + "model/res-model", SAGEMAKER + "endpoint/res-model"),
]


def statement(action, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.fixture(scope="module")
def caller(server):
    """User res-caller: clients with her key, and a way to give her one policy."""
    iam, s3 = server.client("iam"), server.client("s3")
    iam.create_user(UserName="res-caller")
    iam.create_user(UserName="res-target", Path="/team/")
    iam.create_role(RoleName="res-role", Path="/service/", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_policy(PolicyName="res-policy", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement("*")]}))
    server.client("logs").create_log_group(logGroupName="res")
    for bucket in ("res-data", "res-other"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="res-data", Key="a/b", Body=b"1", Tagging="kind=cat")
    s3.put_object(Bucket="res-data", Key="plain", Body=b"1")
    key = iam.create_access_key(UserName="res-caller")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    clients = {}

    class Caller:
        def allow(self, *statements):
            iam.put_user_policy(UserName="res-caller", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))

        def may(self, service, operation, **request):
            """Whether policies let it pass; what the operation then says of its request does not matter."""
            if service not in clients:
                clients[service] = server.client(service, **keys)
            try:
                return getattr(clients[service], operation)(**request)
            except botocore.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                return False if code in ("AccessDenied", "AccessDeniedException", "403") else code

    return Caller()


@pytest.mark.parametrize("service, operation, request_, action, resource, neighbour", CASES,
                         ids=[f"{case[1]}-{case[4].rsplit(':', 1)[1]}" if ":" in case[4] else case[1] for case in CASES])
def test_exactly_this_resource(caller, service, operation, request_, action, resource, neighbour):
    caller.allow(statement(action, resource))
    assert caller.may(service, operation, **request_) is not False
    caller.allow(statement(action, neighbour))
    assert caller.may(service, operation, **request_) is False
    caller.allow(statement("*"), statement(action, resource, "Deny"))
    assert caller.may(service, operation, **request_) is False
    caller.allow(statement("*"), statement(action, neighbour, "Deny"))
    assert caller.may(service, operation, **request_) is not False


def test_each_key_of_a_deletion_is_decided_by_itself(caller, server):
    s3 = server.client("s3")
    for key in ("del/mine", "del/yours", "del/also-mine"):
        s3.put_object(Bucket="res-data", Key=key, Body=b"1")
    caller.allow(statement("s3:DeleteObject", "arn:aws:s3:::res-data/del/*"), statement("s3:DeleteObject", "arn:aws:s3:::res-data/del/yours", "Deny"))
    wanted = [{"Key": "del/mine"}, {"Key": "del/yours"}, {"Key": "del/also-mine"}]
    for quiet in (False, True):
        answer = caller.may("s3", "delete_objects", Bucket="res-data", Delete={"Objects": wanted, "Quiet": quiet})
        assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("del/yours", "AccessDenied")]
        assert "with an explicit deny in an identity-based policy" in answer["Errors"][0]["Message"]
        assert [d["Key"] for d in answer.get("Deleted", [])] == ([] if quiet else ["del/mine", "del/also-mine"])
    left = [o["Key"] for o in s3.list_objects_v2(Bucket="res-data", Prefix="del/")["Contents"]]
    assert left == ["del/yours"]
    caller.allow(statement("s3:GetObject"))
    answer = caller.may("s3", "delete_objects", Bucket="res-data", Delete={"Objects": [{"Key": "del/yours"}]})
    assert [e["Code"] for e in answer["Errors"]] == ["AccessDenied"]


def test_what_a_write_sets_takes_its_own_permission(caller):
    put = {"Bucket": "res-data", "Key": "w"}
    caller.allow(statement("s3:PutObject"))
    assert caller.may("s3", "put_object", **put)
    assert caller.may("s3", "put_object", Tagging="a=b", **put) is False
    assert caller.may("s3", "put_object", ACL="private", **put) is False
    assert caller.may("s3", "create_multipart_upload", ACL="private", **put) is False
    caller.allow(statement(["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectAcl"], "arn:aws:s3:::res-data/w"))
    assert caller.may("s3", "put_object", Tagging="a=b", ACL="private", **put)
    only_blue = {"StringEquals": {"s3:RequestObjectTag/colour": "blue"}, "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["colour"]}}
    caller.allow(statement(["s3:PutObject", "s3:PutObjectTagging"], Condition=only_blue))
    assert caller.may("s3", "put_object", Tagging="colour=blue", **put)
    assert caller.may("s3", "put_object", Tagging="colour=red", **put) is False
    assert caller.may("s3", "put_object", Tagging="colour=blue&size=1", **put) is False
    assert caller.may("s3", "put_object", **put) is False
    tagging = lambda *tags: {"TagSet": [dict(zip(("Key", "Value"), tag)) for tag in tags]}
    assert caller.may("s3", "put_object_tagging", Tagging=tagging(("colour", "blue")), **put)
    assert caller.may("s3", "put_object_tagging", Tagging=tagging(("colour", "red")), **put) is False


def test_conditional_writes_can_be_asked_for(caller):
    new_only = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    caller.allow(statement("s3:PutObject"), statement("s3:PutObject", effect="Deny", Condition=new_only))
    assert caller.may("s3", "put_object", Bucket="res-data", Key="cond") is False
    assert caller.may("s3", "put_object", Bucket="res-data", Key="cond", IfNoneMatch="*") is not False
    upload = caller.may("s3", "create_multipart_upload", Bucket="res-data", Key="cond2")
    part = caller.may("s3", "upload_part", Bucket="res-data", Key="cond2", UploadId=upload["UploadId"], PartNumber=1, Body=b"1")
    whole = {"Bucket": "res-data", "Key": "cond2", "UploadId": upload["UploadId"],
             "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    assert caller.may("s3", "complete_multipart_upload", **whole) is False
    assert caller.may("s3", "complete_multipart_upload", IfNoneMatch="*", **whole) is not False


def test_a_copy_reads_its_source_and_writes_its_tags(caller):
    copy = {"Bucket": "res-other", "Key": "c"}
    write = statement("s3:PutObject", "arn:aws:s3:::res-other/c")
    read = statement("s3:GetObject", "arn:aws:s3:::res-data/*")
    caller.allow(write)
    assert caller.may("s3", "copy_object", CopySource="res-data/plain", **copy) is False
    caller.allow(read)
    assert caller.may("s3", "copy_object", CopySource="res-data/plain", **copy) is False
    caller.allow(write, read)
    assert caller.may("s3", "copy_object", CopySource="res-data/plain", **copy)
    assert caller.may("s3", "copy_object", CopySource="res-data/a/b", **copy) is False
    assert caller.may("s3", "copy_object", CopySource="res-data/a/b", TaggingDirective="REPLACE", **copy)
    caller.allow(write, read, statement("s3:GetObjectTagging", "arn:aws:s3:::res-data/a/b"), statement("s3:PutObjectTagging", "arn:aws:s3:::res-other/c"))
    assert caller.may("s3", "copy_object", CopySource="res-data/a/b", **copy)


def test_tags_of_an_object_do_not_speak_of_its_overwriting(caller):
    # S3 User Guide, "Tagging and access control policies": s3:ExistingObjectTag is not there for PUT and DELETE Object.
    tagged = {"StringEquals": {"s3:ExistingObjectTag/kind": "cat"}}
    caller.allow(statement("s3:*", "arn:aws:s3:::res-data/*", Condition=tagged))
    assert caller.may("s3", "get_object", Bucket="res-data", Key="a/b")
    assert caller.may("s3", "get_object", Bucket="res-data", Key="plain") is False
    assert caller.may("s3", "put_object", Bucket="res-data", Key="a/b") is False
    assert caller.may("s3", "delete_object", Bucket="res-data", Key="a/b") is False


def test_a_policy_in_other_letters_is_the_same_policy(caller):
    attach = {"UserName": "res-target", "PolicyArn": IAM + "policy/RES-POLICY"}
    banned = {"ArnEquals": {"iam:PolicyARN": IAM + "policy/res-policy"}}
    caller.allow(statement("*"), statement("iam:AttachUserPolicy", effect="Deny", Condition=banned))
    assert caller.may("iam", "attach_user_policy", **attach) is False
    fence = {"ArnEquals": {"iam:PermissionsBoundary": IAM + "policy/res-policy"}}
    caller.allow(statement("iam:PutUserPermissionsBoundary", Condition=fence))
    assert caller.may("iam", "put_user_permissions_boundary", UserName="res-target", PermissionsBoundary=IAM + "policy/RES-policy")
    assert caller.may("iam", "put_user_permissions_boundary", UserName="res-target", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess") is False


def test_tags_that_something_is_made_with_take_the_permission_to_tag_it(caller):
    tags = [{"Key": "team", "Value": "blue"}]
    trust = json.dumps(TRUST)
    caller.allow(statement(["iam:CreateRole", "iam:CreateUser"]))
    assert caller.may("iam", "create_role", RoleName="res-tagged", AssumeRolePolicyDocument=trust, Tags=tags) is False
    assert caller.may("iam", "create_user", UserName="res-tagged", Tags=tags) is False
    assert caller.may("iam", "create_user", UserName="res-untagged")
    only_blue = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    caller.allow(statement(["iam:CreateRole", "iam:TagRole"], IAM + "role/res-tagged", Condition=only_blue))
    assert caller.may("iam", "create_role", RoleName="res-tagged", AssumeRolePolicyDocument=trust, Tags=tags)
    red = [{"Key": "team", "Value": "red"}]
    assert caller.may("iam", "tag_role", RoleName="res-tagged", Tags=red) is False
    caller.allow(statement("sts:GetFederationToken"))
    assert caller.may("sts", "get_federation_token", Name="bob", Tags=tags) is False
    caller.allow(statement(["sts:GetFederationToken", "sts:TagSession"]))
    assert caller.may("sts", "get_federation_token", Name="bob", Tags=tags)


def test_sagemaker_keys(caller, server):
    """Where a tuning job's trials run, which models a configuration serves, and why something is tagged."""
    in_vpc = {"Null": {"sagemaker:VpcSubnets": "true"}}
    job = {"HyperParameterTuningJobName": "t", "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
           "TrainingJobDefinition": {"AlgorithmSpecification": {"TrainingInputMode": "File"}, "RoleArn": IAM + "role/service/res-role", "OutputDataConfig": {"S3OutputPath": "s3://res-data/o"},
                                     "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}, "StoppingCondition": {"MaxRuntimeInSeconds": 60}}}
    caller.allow(statement("*"), statement("sagemaker:Create*", effect="Deny", Condition=in_vpc))
    assert caller.may("sagemaker", "create_hyper_parameter_tuning_job", **job) is False
    job["TrainingJobDefinition"]["VpcConfig"] = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert caller.may("sagemaker", "create_hyper_parameter_tuning_job", **job) is not False
    large = {"ForAnyValue:StringNotEquals": {"sagemaker:InstanceTypes": ["ml.t3.medium"]}}
    caller.allow(statement("*"), statement("sagemaker:Create*", effect="Deny", Condition=large))
    assert caller.may("sagemaker", "create_hyper_parameter_tuning_job", **job) is False

    config = {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "v", "ModelName": "Good", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]}
    caller.allow(statement("sagemaker:CreateEndpointConfig", Condition={"ArnEquals": {"sagemaker:ModelArn": SAGEMAKER + "model/good"}}))
    assert caller.may("sagemaker", "create_endpoint_config", **config) is not False
    config["ProductionVariants"][0]["ModelName"] = "bad"
    assert caller.may("sagemaker", "create_endpoint_config", **config) is False

    tags = [{"Key": "a", "Value": "b"}]
    caller.allow(statement("sagemaker:CreateEndpointConfig"), statement("sagemaker:AddTags", Condition={"StringEquals": {"sagemaker:TaggingAction": "CreateEndpointConfig"}}))
    assert caller.may("sagemaker", "create_endpoint_config", Tags=tags, **config) is not False
    assert caller.may("sagemaker", "add_tags", ResourceArn=SAGEMAKER + "model/res-model", Tags=tags) is False
    caller.allow(statement("sagemaker:DeleteTags", Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}, "Null": {"aws:TagKeys": "false"}}))
    assert caller.may("sagemaker", "delete_tags", ResourceArn=SAGEMAKER + "model/res-model", TagKeys=["a"]) is not False
    assert caller.may("sagemaker", "delete_tags", ResourceArn=SAGEMAKER + "model/res-model", TagKeys=["b"]) is False


def test_passing_a_role_is_decided_on_the_role(caller):
    config = {"EndpointConfigName": "pass", "ExecutionRoleArn": IAM + "role/service/res-role",
              "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]}
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    create = statement("sagemaker:CreateEndpointConfig")
    for resource, condition, passes in [(IAM + "role/service/res-role", to_sagemaker, True), (IAM + "role/res-role", to_sagemaker, False),
                                        (IAM + "role/service/res-role", {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, False)]:
        caller.allow(create, statement("iam:PassRole", resource, Condition=condition))
        assert (caller.may("sagemaker", "create_endpoint_config", **config) is not False) is passes
