"""Policies as live requests meet them: the condition keys that only a request knows, AWS's sentences, and that a change
is seen by the next request. What policies mean by themselves is a table: src/iam/policy/testdata/decisions.json."""

import contextlib
import json

import botocore.exceptions
import pytest


ACCOUNT = "123456789012"


def statement(action, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@contextlib.contextmanager
def refused(code, *words):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code, caught.value
    for word in words:
        assert word in caught.value.response["Error"]["Message"], caught.value


@pytest.fixture(scope="module")
def clients(server):
    import boto3
    from botocore.config import Config

    env = server.environment()

    def make(service, keys=None):
        keys = keys or (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        return boto3.session.Session().client(
            service,
            region_name=env["AWS_REGION"],
            endpoint_url=server.endpoint,
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
            config=Config(signature_version="s3v4" if service == "s3" else None, retries={"max_attempts": 1, "mode": "standard"}),
        )

    return make


@pytest.fixture(scope="module")
def ann(clients):
    """User ann: her S3 client, and a way to give her one policy."""
    iam = clients("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    s3 = clients("s3", (key["AccessKeyId"], key["SecretAccessKey"]))

    def allow(*statements):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document(*statements))

    return s3, allow


@pytest.fixture(scope="module")
def bucket(clients):
    s3 = clients("s3")
    s3.create_bucket(Bucket="policy-data")
    s3.put_object(Bucket="policy-data", Key="open", Body=b"1", Tagging="class=open")
    s3.put_object(Bucket="policy-data", Key="shut", Body=b"2", Tagging="class=shut")
    return "policy-data"


def test_the_next_request_sees_a_change(ann, bucket):
    s3, allow = ann
    for _ in range(20):
        allow(statement("s3:GetObject"))
        assert s3.get_object(Bucket=bucket, Key="open")["ContentLength"] == 1
        allow(statement("s3:PutObject"))
        with refused(
            "AccessDenied",
            f'User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: s3:GetObject on resource: '
            f'"arn:aws:s3:::{bucket}/open" because no identity-based policy allows the s3:GetObject action',
        ):
            s3.get_object(Bucket=bucket, Key="open")


def test_tags_of_an_object(ann, bucket):
    s3, allow = ann
    allow(statement("s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/class": "open"}}))
    s3.get_object(Bucket=bucket, Key="open")
    with refused("AccessDenied"):
        s3.get_object(Bucket=bucket, Key="shut")


def test_keys_of_a_listing(ann, bucket):
    s3, allow = ann
    allow(
        statement(
            "s3:ListBucket",
            Condition={"StringLike": {"s3:prefix": "${aws:username}/*"}, "NumericLessThanEquals": {"s3:max-keys": "10"}},
        )
    )
    s3.list_objects_v2(Bucket=bucket, Prefix="ann/x", MaxKeys=10)
    for more in ({"Prefix": "bob/x", "MaxKeys": 10}, {"Prefix": "ann/x", "MaxKeys": 11}, {"Prefix": "ann/x"}, {}):
        with refused("AccessDenied"):
            s3.list_objects_v2(Bucket=bucket, **more)


def test_how_a_request_is_signed(ann, bucket):
    import urllib.error
    import urllib.request

    s3, allow = ann
    allow(
        statement("s3:GetObject"),
        statement("s3:*", effect="Deny", Condition={"StringNotEquals": {"s3:authType": "REST-HEADER"}}),
    )
    s3.get_object(Bucket=bucket, Key="open")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "open"}, ExpiresIn=60)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert "with an explicit deny in an identity-based policy" in caught.value.read().decode()
    allow(statement("s3:GetObject"))
    assert urllib.request.urlopen(url).read() == b"1"


def test_a_deny_names_its_managed_policy(clients, ann, bucket):
    s3, allow = ann
    iam = clients("iam")
    allow(statement("s3:*"))
    arn = iam.create_policy(PolicyName="NoReads", PolicyDocument=document(statement("s3:GetObject", effect="Deny")))
    arn = arn["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    with refused("AccessDenied", f"with an explicit deny in an identity-based policy: {arn}"):
        s3.get_object(Bucket=bucket, Key="open")
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    s3.get_object(Bucket=bucket, Key="open")


def test_a_bucket_policy(clients, ann, bucket):
    s3, allow = ann
    owner = clients("s3")
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allow(statement("sagemaker:*"))

    def put(principal, effect="Allow", **more):
        owner.put_bucket_policy(
            Bucket=bucket, Policy=document(statement("s3:*", everything, effect, Principal=principal, **more))
        )

    put({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"})
    s3.get_object(Bucket=bucket, Key="open")
    put({"AWS": ACCOUNT})  # leaves it to ann's own policies
    with refused("AccessDenied", "because no identity-based policy allows"):
        s3.get_object(Bucket=bucket, Key="open")
    allow(statement("s3:*"))
    put("*", "Deny", Condition={"Bool": {"aws:SecureTransport": "false"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ann"}})
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        s3.get_object(Bucket=bucket, Key="open")
    # What the grammar refuses is refused when it is put, and not found out by everybody later.
    for principal in ({"AWS": "arn:aws:iam::123456789012:user/*"}, {"Aws": "*"}):
        with refused("MalformedPolicy", "Invalid principal in policy"):
            put(principal)
    with refused("MalformedPolicy", "Invalid Condition type"):
        put("*", Condition={"StringSame": {"aws:username": "ann"}})
    owner.delete_bucket_policy(Bucket=bucket)
    s3.get_object(Bucket=bucket, Key="open")
