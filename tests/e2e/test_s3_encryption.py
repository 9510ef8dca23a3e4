"""Encrypted objects as boto3 and the SageMaker SDK ask for them, and what lies on the disk; conditions on encryption and TLS."""

import base64
import json
import random
import ssl
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

import support

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRET = b"this line must never lie on the disk as it is"
BIG = 12 << 20  # bytes: two parts, and answers that are opened on their way out


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3", attempts=1)


@pytest.fixture
def bucket(s3, request):
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "").lower()[:60].strip("-.")
    s3.create_bucket(Bucket=name)
    return name


def secret_file(directory):
    """Text that no compression could hide, with SECRET at both ends and in the middle."""
    noise = random.Random(7).randbytes(BIG // 2)
    path = directory / "secret"
    path.write_bytes(SECRET + noise + SECRET + noise + SECRET)
    return path


def lies_on_disk(server, text):
    return any(text in path.read_bytes() for path in (server.data_dir / "blobs").rglob("*") if path.is_file())


def test_headers_of_every_answer(server, s3, bucket):
    for wish in ({"ServerSideEncryption": "AES256"},
                 {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY},
                 {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY.rpartition("/")[2], "BucketKeyEnabled": True}):
        expected = dict(wish)
        if "SSEKMSKeyId" in wish:
            expected["SSEKMSKeyId"] = KEY
        answers = [s3.put_object(Bucket=bucket, Key="k", Body=SECRET, **wish), s3.head_object(Bucket=bucket, Key="k"),
                   s3.get_object(Bucket=bucket, Key="k"),
                   s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **wish)]
        upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", **wish)
        parts = {"Bucket": bucket, "Key": "parts", "UploadId": upload["UploadId"]}
        part = s3.upload_part(**parts, PartNumber=1, Body=SECRET)
        whole = s3.complete_multipart_upload(**parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        for answer in [*answers, upload, part, whole, s3.head_object(Bucket=bucket, Key="parts")]:
            assert {name: answer.get(name) for name in expected} == expected
        for key in ("k", "copy", "parts"):
            assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == SECRET
    assert not lies_on_disk(server, SECRET)
    plain = s3.put_object(Bucket=bucket, Key="plain", Body=SECRET)
    assert "ServerSideEncryption" not in plain
    assert lies_on_disk(server, SECRET)
    s3.delete_object(Bucket=bucket, Key="plain")


@pytest.mark.parametrize("extra", [{"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}],
                         ids=["AES256", "kms"])
def test_files_as_the_sagemaker_sdk_sends_them(server, s3, bucket, tmp_path, extra):
    """sagemaker.session.Session.upload_data and S3Uploader: upload_file with ExtraArgs, in parts beyond 8 MiB."""
    source = secret_file(tmp_path)
    s3.upload_file(str(source), bucket, "data", ExtraArgs=extra)
    assert not lies_on_disk(server, SECRET)
    assert extra.items() <= s3.head_object(Bucket=bucket, Key="data").items()
    target = tmp_path / "back"
    s3.download_file(bucket, "data", str(target))  # by ranges, several at a time
    assert target.read_bytes() == source.read_bytes()
    answer = s3.get_object(Bucket=bucket, Key="data")  # whole: opened on its way out
    assert answer["ContentLength"] == source.stat().st_size
    assert answer["Body"].read() == source.read_bytes()
    whole = source.read_bytes()
    for first, last in ((0, len(SECRET) - 1), (65_500, 65_600), (BIG // 2, BIG // 2 + 3_000_000)):
        part = s3.get_object(Bucket=bucket, Key="data", Range=f"bytes={first}-{last}")
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert part["Body"].read() == whole[first:last + 1]
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "data"})
    with urllib.request.urlopen(url) as response:
        assert int(response.headers["Content-Length"]) == source.stat().st_size
        assert response.read() == source.read_bytes()


def test_a_buckets_default(server, s3, bucket):
    def rule(**default):
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}

    with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        s3.get_bucket_encryption(Bucket=bucket)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rule(SSEAlgorithm="AES256"))
    kept = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert kept[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.put_object(Bucket=bucket, Key="k", Body=SECRET)["ServerSideEncryption"] == "AES256"
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rule(SSEAlgorithm="aws:kms", KMSMasterKeyID=KEY))
    assert s3.put_object(Bucket=bucket, Key="k", Body=SECRET)["SSEKMSKeyId"] == KEY
    assert not lies_on_disk(server, SECRET)
    server.stop()
    server.start()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == SECRET
    s3.delete_bucket_encryption(Bucket=bucket)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_refusals(s3, bucket):
    with pytest.raises(ClientError, match="KMS.NotFoundException"):
        s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="no key")
    key = b"k" * 32
    with pytest.raises(ClientError, match="customer-provided keys"):
        s3.put_object(Bucket=bucket, Key="k", SSECustomerAlgorithm="AES256", SSECustomerKey=key)
    for method in ("aws:kms:dsse", "aws:fsx"):
        with pytest.raises(ClientError, match="AES256 or aws:kms"):
            s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption=method)
    context = base64.b64encode(json.dumps({"a": "b"}).encode()).decode()
    made = s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext=context)
    assert made["SSEKMSEncryptionContext"] == context


def test_a_policy_may_ask_for_encryption(s3, bucket):
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*",
                 "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    for wish in ({}, {"ServerSideEncryption": "AES256"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key="k", **wish)
    s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms")


def test_a_policy_may_ask_for_a_version_of_tls(server, s3, bucket):
    def allow(least):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
                     "Condition": {"NumericGreaterThanEquals": {"s3:TlsVersion": least}}}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def status(scheme, newest=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = newest
        url = f"{scheme}://127.0.0.1:{server.port}/{bucket}/k"
        try:
            return urllib.request.urlopen(url, context=context if scheme == "https" else None).status
        except urllib.error.HTTPError as error:
            return error.code

    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    allow("1.2")
    assert [status("https"), status("https", ssl.TLSVersion.TLSv1_2), status("http")] == [200, 200, 403]
    allow("1.3")
    assert [status("https"), status("https", ssl.TLSVersion.TLSv1_2), status("http")] == [200, 403, 403]


def test_all_of_a_server_that_is_told_so(tmp_path):
    """Older objects stay plain and say nothing; each new one is sealed and says so, whoever writes it."""
    server = support.Server(tmp_path / "data")
    try:
        server.start()
        s3 = server.client("s3", attempts=1)
        s3.create_bucket(Bucket="all")
        s3.put_object(Bucket="all", Key="older", Body=b"plain")
        server.stop()
        server.arguments = ["--s3-default-encryption"]
        server.start()
        s3 = server.client("s3", attempts=1)
        assert "ServerSideEncryption" not in s3.get_object(Bucket="all", Key="older")
        upload = s3.create_multipart_upload(Bucket="all", Key="parts")
        parts = {"Bucket": "all", "Key": "parts", "UploadId": upload["UploadId"]}
        part = s3.upload_part(**parts, PartNumber=1, Body=SECRET)
        done = s3.complete_multipart_upload(**parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        answers = [
            s3.put_object(Bucket="all", Key="k", Body=SECRET), s3.copy_object(Bucket="all", Key="copy", CopySource="all/k"),
            s3.head_object(Bucket="all", Key="k"), s3.get_object(Bucket="all", Key="copy"), upload, part, done,
        ]
        assert [answer["ServerSideEncryption"] for answer in answers] == ["AES256"] * len(answers)
        path = secret_file(tmp_path)
        s3.upload_file(str(path), "all", "file")
        s3.download_file("all", "file", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == path.read_bytes()
        rule = s3.get_bucket_encryption(Bucket="all")["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert not lies_on_disk(server, SECRET)
    finally:
        server.stop()
        server.end_children()
