"""What ordinary AWS clients do and AWS answers: each a call that once failed here, and its kind. By boto3 as it comes."""

import base64
import hashlib
import json
import urllib.request

import pytest
from botocore.exceptions import ClientError



@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3", attempts=1)


@pytest.fixture
def bucket(s3, request):
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "").lower()[:60].strip("-.")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"12345678")
    return name


@pytest.fixture
def raw(server):
    """A client of its own whose requests of `operation` carry other headers or another query."""

    def make(operation, headers=None, query=None):
        client = server.client("s3", attempts=1)

        def change(params, **_):
            params["headers"].update(headers or {})
            if query:
                params["url"] = params["url"].split("?")[0] + "?" + query

        client.meta.events.register(f"before-call.s3.{operation}", change)
        return client

    return make


class refused:
    """The call is refused with this code; details by name."""

    def __init__(self, code, status=None, **details):
        self.code, self.status, self.details = code, status, details

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        assert isinstance(error, ClientError), error or f"{self.code} did not come"
        answer = error.response
        assert answer["Error"]["Code"] == self.code, answer["Error"]
        assert self.status in (None, answer["ResponseMetadata"]["HTTPStatusCode"])
        for name, value in self.details.items():
            assert answer["Error"].get(name) == value, answer["Error"]
        return True


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_checksum_mode_in_lower_case(raw, bucket):
    for operation, mode in (("GetObject", "enabled"), ("HeadObject", "Enabled")):
        client = raw(operation, {"x-amz-checksum-mode": mode})
        answer = client.get_object(Bucket=bucket, Key="k") if operation == "GetObject" else client.head_object(Bucket=bucket, Key="k")
        assert "ChecksumCRC32" in answer


def test_not_modified(s3, bucket):
    head = s3.head_object(Bucket=bucket, Key="k")
    for condition in ({"IfNoneMatch": head["ETag"]}, {"IfNoneMatch": "*"}, {"IfModifiedSince": head["LastModified"]}):
        with refused("304"):
            s3.get_object(Bucket=bucket, Key="k", **condition)
        with refused("304"):
            s3.head_object(Bucket=bucket, Key="k", **condition)


def test_headers_in_a_presigned_url(s3, bucket):
    import botocore.auth
    import botocore.awsrequest

    credentials = s3._request_signer._credentials
    request = botocore.awsrequest.AWSRequest(
        method="PUT",
        url=f"{s3.meta.endpoint_url}/{bucket}/hoisted",
        params={"x-amz-meta-a": "b c", "x-amz-tagging": "t=1", "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32"},
    )
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", s3.meta.region_name, expires=60).add_auth(request)
    put = urllib.request.Request(request.url, data=b"x", method="PUT")
    with urllib.request.urlopen(put, timeout=30) as answer:
        assert answer.status == 200
    assert s3.head_object(Bucket=bucket, Key="hoisted")["Metadata"] == {"a": "b c"}
    assert s3.get_object_tagging(Bucket=bucket, Key="hoisted")["TagSet"] == [{"Key": "t", "Value": "1"}]


@pytest.mark.parametrize("encode", [lambda s: s.replace("/", "%2F"), lambda s: "%2F" + s.replace("/", "%2f"), lambda s: "/" + s], ids=["once", "whole", "slash"])
def test_encoded_copy_source(s3, raw, bucket, encode):
    s3.put_object(Bucket=bucket, Key="a/b c", Body=b"x")
    source = encode(f"{bucket}/a/b%20c")
    client = raw("CopyObject", {"x-amz-copy-source": source})
    client.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"x"


def test_completion_is_checked(s3, bucket):
    def upload(**algorithm):
        upload_id = s3.create_multipart_upload(Bucket=bucket, Key="m", **algorithm)["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload_id, PartNumber=1, Body=b"x" * 10, **algorithm)
        return upload_id, part

    def complete(upload_id, part, **more):
        return s3.complete_multipart_upload(
            Bucket=bucket, Key="m", UploadId=upload_id, MultipartUpload={"Parts": [{"PartNumber": 1} | part]}, **more
        )

    upload_id, part = upload(ChecksumAlgorithm="SHA256")
    both = {name: part[name] for name in ("ETag", "ChecksumSHA256")}
    with refused("BadDigest", 400):
        complete(upload_id, both, ChecksumSHA256=sha256(b"other"))
    with refused("InvalidRequest"):
        complete(upload_id, {"ETag": part["ETag"]})
    with refused("InvalidRequest"):
        complete(upload_id, both, MpuObjectSize=77)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="m")
    whole = sha256(hashlib.sha256(b"x" * 10).digest())
    done = complete(upload_id, both, ChecksumSHA256=whole, MpuObjectSize=10)
    assert done["ChecksumSHA256"] == whole + "-1"
    # A retry after a lost answer.
    again = complete(upload_id, both, ChecksumSHA256=whole, MpuObjectSize=10)
    assert again["ETag"] == done["ETag"]


def test_bucket_owner(s3, bucket):
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=bucket, Key="k", Body=b"y", ExpectedBucketOwner="999999999999")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ExpectedSourceBucketOwner="999999999999")
    with refused("InvalidBucketOwnerAWSAccountID", 400):
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="abcd")
    assert s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner="123456789012")["Body"].read() == b"12345678"


def test_half_a_request_for_encryption(raw, bucket):
    key = "x-amz-server-side-encryption-customer-key"
    for headers in ({key: "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=", f"{key}-md5": "DWygnHRtgiJ77HCm+1rvHw=="},
                    {"x-amz-server-side-encryption-aws-kms-key-id": "some-key"}):
        with refused("InvalidArgument", 400):
            raw("PutObject", headers).put_object(Bucket=bucket, Key="s", Body=b"secret")


def test_limits(s3, bucket):
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="k", Metadata={"a": "x" * 3000})
    for key, value in (("k" * 129, "v"), ("k", "v" * 257), ("k?", "v")):
        with refused("InvalidTag", 400):
            s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": key, "Value": value}]})


def test_parts(s3, bucket):
    upload = {"Bucket": bucket, "Key": "m", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]}
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/k", CopySourceRange="bytes=0-21")
    assert s3.list_parts(**upload)["NextPartNumberMarker"] == 0
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    assert s3.list_parts(**upload)["NextPartNumberMarker"] == 1
    assert s3.list_multipart_uploads(Bucket=bucket)["NextKeyMarker"] == "m"
    for most in (-42, 2147483689):
        with refused("InvalidArgument", 400, ArgumentName="max-parts", ArgumentValue=str(most)):
            s3.list_parts(**upload, MaxParts=most)


def test_checksums_of_copies(s3, bucket):
    copy = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ChecksumAlgorithm="SHA256")
    assert copy["CopyObjectResult"]["ChecksumSHA256"] == sha256(b"12345678")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert {o["Key"]: o["ChecksumAlgorithm"] for o in listed} == {"c": ["SHA256"], "k": ["CRC32"]}
    upload = {"Bucket": bucket, "Key": "m"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/k")["CopyPartResult"]
    assert part["ChecksumSHA256"] == sha256(b"12345678")


def test_the_default_checksum(server, bucket):
    """Of what comes without any: stored, and shown wherever a checksum is."""
    import boto3
    from botocore.config import Config

    env = server.environment()
    plain = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name=env["AWS_REGION"], aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=Config(request_checksum_calculation="when_required", response_checksum_validation="when_required"),
    )
    plain.delete_object(Bucket=bucket, Key="k")
    known = {"ChecksumCRC64NVME": "rosUhgp5mIg=", "ChecksumType": "FULL_OBJECT"}  # of the nine digits

    def shown(answer):
        return {name: answer.get(name) for name in answer if name.startswith("Checksum")}

    assert shown(plain.put_object(Bucket=bucket, Key="a", Body=b"123456789")) == known
    copied = plain.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/a")
    assert shown(copied["CopyObjectResult"]) == known
    upload = {"Bucket": bucket, "Key": "parts", "UploadId": plain.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]}
    part = plain.upload_part(**upload, PartNumber=1, Body=b"123456789")
    done = plain.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert shown(part) == {} and shown(done) == known
    for key in ("a", "copy", "parts"):
        assert shown(plain.head_object(Bucket=bucket, Key=key)) == {}
        assert shown(plain.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")) == known
        assert shown(plain.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")) == known
        wanted = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
        attributes = plain.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=wanted)
        assert attributes["Checksum"] == known and attributes["ObjectSize"] == 9 and attributes["StorageClass"] == "STANDARD"
        head = plain.head_object(Bucket=bucket, Key=key)
        assert f'"{attributes["ETag"]}"' == head["ETag"] and attributes["LastModified"] == head["LastModified"]
        assert attributes.get("ObjectParts") == ({"TotalPartsCount": 1} if key == "parts" else None)
        assert "Checksum" not in plain.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["ObjectSize"])
    for listed in (plain.list_objects_v2(Bucket=bucket), plain.list_objects(Bucket=bucket)):
        assert [(one["ChecksumAlgorithm"], one["ChecksumType"]) for one in listed["Contents"]] == [(["CRC64NVME"], "FULL_OBJECT")] * 3
    with refused("NoSuchKey", 404):
        plain.get_object_attributes(Bucket=bucket, Key="none", ObjectAttributes=["ETag"])
    with refused("InvalidArgument", 400):
        plain.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["Everything"])


def test_codes_of_its_own(s3, raw, bucket):
    for location in ("us-east-1", "foo"):
        with refused("InvalidLocationConstraint", LocationConstraint=location):
            s3.create_bucket(Bucket="case-location", CreateBucketConfiguration={"LocationConstraint": location})
    with refused("InvalidStorageClass"):
        s3.put_object(Bucket=bucket, Key="k", StorageClass="BOGUS")
    with refused("InvalidArgument", ArgumentName="x-amz-acl"):
        s3.put_object(Bucket=bucket, Key="k", ACL="bogus")
    with refused("InvalidArgument", ArgumentName="x-amz-copy-source"):
        raw("CopyObject", {"x-amz-copy-source": "wrongformat"}).copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    with refused("MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": []})
    with refused("InvalidArgument", ArgumentName="max-keys", ArgumentValue="blah"):
        raw("ListObjects", query="max-keys=blah").list_objects(Bucket=bucket)


def test_details(s3, bucket):
    with refused("NoSuchKey", Key="nope"):
        s3.get_object(Bucket=bucket, Key="nope")
    with refused("NoSuchBucket", BucketName="no-such-bucket-of-mine"):
        s3.list_objects_v2(Bucket="no-such-bucket-of-mine")
    with refused("NoSuchUpload", UploadId="nope"):
        s3.list_parts(Bucket=bucket, Key="k", UploadId="nope")
    with refused("PreconditionFailed", Condition="If-Match"):
        s3.get_object(Bucket=bucket, Key="k", IfMatch='"x"')
    with refused("InvalidRange", ActualObjectSize="8", RangeRequested="bytes=1024-4096"):
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=1024-4096")
    with refused("NotImplemented", 501, Header="If-None-Match"):
        s3.put_object(Bucket=bucket, Key="k", IfNoneMatch='"x"')


def test_a_bucket_in_the_host_name(server, s3, bucket):
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
                ],
            }
        ),
    )
    for host in (f"{bucket}.localhost:{server.port}", f"{bucket}.s3.localhost", f"{bucket}.s3.us-east-1.amazonaws.com"):
        assert server.request("/k", headers={"Host": host}) == (200, "12345678")
    # Who may not list a bucket does not learn what is absent from it.
    assert server.request("/none", headers={"Host": f"{bucket}.localhost"})[0] == 403


def test_metadata_beyond_ascii(raw, s3, bucket):
    raw("PutObject", {"x-amz-meta-a": "=?UTF-8?Q?gr=C3=BC=C3=9F?="}).put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"]["a"] == "=?UTF-8?B?Z3LDvMOf?="


def test_iam_sts_and_logs(server):
    iam = server.client("iam")
    iam.create_user(UserName="codes")
    iam.attach_user_policy(UserName="codes", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="codes")["AccessKey"]
    with refused("ValidationError", 400):
        iam.attach_user_policy(UserName="codes", PolicyArn="longpolicynamebutnoarn")
    sts = server.client("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    with refused("ValidationError", 400):
        sts.assume_role(RoleArn="nothing-valid-in-here", RoleSessionName="session")
    logs = server.client("logs")
    logs.create_log_group(logGroupName="codes")
    with refused("InvalidParameterException", 400):
        logs.describe_log_streams(logGroupName="codes", logGroupIdentifier="codes")
    logs.create_log_group(logGroupName="tagged", tags={"a": "b"})
    arn = logs.describe_log_groups(logGroupNamePrefix="tagged")["logGroups"][0]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"c": "d"})
    logs.untag_log_group(logGroupName="tagged", tags=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == logs.list_tags_log_group(logGroupName="tagged")["tags"] == {"c": "d"}
    with refused("InvalidParameterException", 400):
        logs.create_log_group(logGroupName="sealed", kmsKeyId="arn:aws:kms:us-east-1:123456789012:key/k")
