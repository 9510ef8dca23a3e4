"""Signatures over S3's door: every way of boto3 to sign and check a payload, presigned URLs, and S3's own codes for what
is not right."""

import base64
import datetime
import hashlib
import http.client
import itertools
import json
import re
import urllib.parse
import urllib.request
import zlib

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import support

BUCKET = "signed-things"
ALGORITHMS = (None, "CRC32", "SHA1", "SHA256")  # those that botocore computes without its C library
REFLECTED = {"CRC32C": (0x82F63B78, 4), "CRC64NVME": (0x9A6C9329AC4BC9B5, 8)}  # polynomial, bytes


def s3_of(server, keys=None, **config):
    import boto3
    from botocore.config import Config

    env = server.environment()
    keys = keys or {"AccessKeyId": env["AWS_ACCESS_KEY_ID"], "SecretAccessKey": env["AWS_SECRET_ACCESS_KEY"]}
    return boto3.session.Session().client(
        "s3", region_name=config.pop("region", env["AWS_REGION"]), endpoint_url=server.endpoint,
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"), config=Config(retries={"max_attempts": 1}, **config))


@pytest.fixture(scope="module")
def s3(server):
    client = s3_of(server)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="k", Body=b"hello")
    return client


@pytest.fixture(scope="module")
def session(server):
    """The credentials of a session of a user who may do everything."""
    iam = server.client("iam")
    iam.create_user(UserName="signer")
    iam.attach_user_policy(UserName="signer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="signer")["AccessKey"]
    sts = server.client("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    return sts.get_session_token(DurationSeconds=900)["Credentials"]


@pytest.mark.parametrize("calculation", ["when_supported", "when_required"])
@pytest.mark.parametrize("signing", [None, True, False])
def test_every_payload_mode(server, s3, calculation, signing):
    client = s3_of(server, request_checksum_calculation=calculation, response_checksum_validation=calculation,
                   s3={} if signing is None else {"payload_signing_enabled": signing})
    for algorithm, body in itertools.product(ALGORITHMS, (b"", b"x", bytes(range(256)) * 300)):
        named = {"ChecksumAlgorithm": algorithm} if algorithm else {}
        put = client.put_object(Bucket=BUCKET, Key=f"a b+ü%/{algorithm}", Body=body, **named)
        got = client.get_object(Bucket=BUCKET, Key=f"a b+ü%/{algorithm}", ChecksumMode="ENABLED")
        assert got["Body"].read() == body, (algorithm, len(body))
        if algorithm:
            assert put[f"Checksum{algorithm}"] == got[f"Checksum{algorithm}"]


def crc(algorithm, body):
    polynomial, size = REFLECTED[algorithm]
    value = ones = (1 << 8 * size) - 1
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ ones).to_bytes(size, "big")).decode()


@pytest.mark.parametrize("algorithm", REFLECTED)
def test_checksums_that_are_given(server, s3, algorithm):
    assert (crc("CRC32C", b"123456789"), crc("CRC64NVME", b"123456789")) == ("4waSgw==", "rosUhgp5mIg=")  # published
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=BUCKET, Key="crc", Body=b"some bytes", **{member: crc(algorithm, b"some bytes")})
    assert put[member] == crc(algorithm, b"some bytes")
    assert s3.head_object(Bucket=BUCKET, Key="crc", ChecksumMode="ENABLED")[member] == put[member]
    with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Bucket=BUCKET, Key="crc", Body=b"some bytes", **{member: crc(algorithm, b"other bytes")})
    assert s3.get_object(Bucket=BUCKET, Key="crc")["Body"].read() == b"some bytes"


def test_checksums_of_an_upload_in_parts(server, s3):
    halves = [b"a" * (5 << 20), b"b" * 1000]
    for asked, digest in ({"ChecksumAlgorithm": "SHA256"}, hashlib.sha256), ({"ChecksumAlgorithm": "SHA1"}, hashlib.sha1):
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", **asked)
        assert upload["ChecksumType"] == "COMPOSITE"
        member, named = f"Checksum{asked['ChecksumAlgorithm']}", {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
        parts = []
        for number, half in enumerate(halves, 1):
            put = s3.upload_part(**named, PartNumber=number, Body=half, **asked)
            parts.append({"PartNumber": number, "ETag": put["ETag"], member: put[member]})
        wrong = [{**parts[0], member: parts[1][member]}, parts[1]]
        with pytest.raises(s3.exceptions.ClientError, match="InvalidPart"):
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": wrong})
        done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        whole = base64.b64encode(digest(b"".join(digest(half).digest() for half in halves)).digest()).decode() + "-2"
        head = s3.head_object(Bucket=BUCKET, Key="parts", ChecksumMode="ENABLED")
        assert (done[member], head[member], head["ChecksumType"]) == (whole, whole, "COMPOSITE")

    # CRCs can speak of the whole object.
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    named = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload["UploadId"]}
    puts = [s3.upload_part(**named, PartNumber=number, Body=half, ChecksumAlgorithm="CRC32") for number, half in enumerate(halves, 1)]
    parts = {"Parts": [{"PartNumber": number, "ETag": put["ETag"], "ChecksumCRC32": put["ChecksumCRC32"]} for number, put in enumerate(puts, 1)]}
    whole = base64.b64encode(zlib.crc32(b"".join(halves)).to_bytes(4, "big")).decode()
    with pytest.raises(s3.exceptions.ClientError, match="BadDigest"):
        s3.complete_multipart_upload(**named, MultipartUpload=parts, ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    done = s3.complete_multipart_upload(**named, MultipartUpload=parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
    got = s3.get_object(Bucket=BUCKET, Key="parts", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == whole and got["Body"].read() == b"".join(halves)
    with pytest.raises(s3.exceptions.ClientError, match="cannot be used with the sha1"):
        s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ChecksumAlgorithm="SHA1", ChecksumType="FULL_OBJECT")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ChecksumAlgorithm="SHA256")
    with pytest.raises(s3.exceptions.ClientError, match="expected checksum Type: sha256, actual checksum Type: crc32"):
        s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")
    s3.abort_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload["UploadId"])

    # Parts are not kept apart, and one that is asked for is not answered with the whole.
    for read in (s3.get_object, s3.head_object):
        with pytest.raises(s3.exceptions.ClientError) as refused:
            read(Bucket=BUCKET, Key="parts", PartNumber=1)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert s3.get_object(Bucket=BUCKET, Key="k", PartNumber=1)["Body"].read() == b"hello"


def test_a_deletion_on_condition(server, s3):
    etag = s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")["ETag"]
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.delete_object(Bucket=BUCKET, Key="kept", IfMatch='"another"')
    with pytest.raises(s3.exceptions.ClientError, match="NotImplemented"):
        s3.delete_object(Bucket=BUCKET, Key="kept", IfMatchSize=4)
    with pytest.raises(s3.exceptions.ClientError, match="NotImplemented"):
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "kept", "ETag": "another"}]})
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"kept"
    s3.delete_object(Bucket=BUCKET, Key="kept", IfMatch=etag)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchKey"):
        s3.delete_object(Bucket=BUCKET, Key="kept", IfMatch=etag)


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_presigned_urls(server, s3, session, version):
    """Without a signature version boto3 takes the second for URLs in us-east-1, and the fourth elsewhere."""
    client = s3_of(server, **({"signature_version": version} if version else {}))
    url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"}, ExpiresIn=60)
    assert ("X-Amz-Algorithm" in url) == (version == "s3v4"), url
    path = url.removeprefix(server.endpoint)
    assert server.request(path) == (200, "hello")
    assert server.request(path, method="DELETE")[0] == 403
    assert "SignatureDoesNotMatch" in server.request(path.replace("/k?", "/other?"))[1]
    for key in ("x//y", "/lead", "a/../b", "pct%2Fx", "back\\slash", "q?r", "h#s", "ü/é", "plus+and space", "colon:a=b&c"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": key})
        assert server.request(url.removeprefix(server.endpoint)) == (200, key)
    put = client.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "put it+here"}, ExpiresIn=60)
    assert server.request(put.removeprefix(server.endpoint), b"put", "PUT", {"Content-Type": ""}.items())[0] == 200
    assert s3.get_object(Bucket=BUCKET, Key="put it+here")["Body"].read() == b"put"
    named = client.generate_presigned_url(
        "get_object", {"Bucket": BUCKET, "Key": "k", "ResponseContentDisposition": 'attachment; filename="ü.txt"'})
    assert server.request(named.removeprefix(server.endpoint)) == (200, "hello")
    expires = client.generate_presigned_url(
        "get_object", {"Bucket": BUCKET, "Key": "k", "ResponseExpires": "Wed, 21 Oct 2015 07:28:00 GMT"})
    with urllib.request.urlopen(expires) as answer:
        assert answer.headers["Expires"] == "Wed, 21 Oct 2015 07:28:00 GMT"
    for_session = s3_of(server, session, **({"signature_version": version} if version else {}))
    url = for_session.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"})
    assert server.request(url.removeprefix(server.endpoint)) == (200, "hello")
    if version is None:
        late = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"}, ExpiresIn=-1)
        status, text = server.request(late.removeprefix(server.endpoint))
        assert status == 403 and "Request has expired" in text, text


def test_a_policy_can_ask_for_the_version(server, s3):
    """AWS's own example of s3:signatureversion."""
    s3.put_object(Bucket=BUCKET, Key="new/k", Body=b"new")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/new/*",
        "Condition": {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}}]}))
    try:
        for version, status in (("s3", 403), ("s3v4", 200)):
            client = s3_of(server, **({"signature_version": version} if version == "s3v4" else {}))
            url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "new/k"})
            assert server.request(url.removeprefix(server.endpoint))[0] == status, version
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)


def signed(server, keys=None, region=None, change=None, delta=0, path=f"/{BUCKET}/k", signer=botocore.auth.S3SigV4Auth):
    """(status, code, message, headers) of a GET that botocore signed `delta` seconds from now, and `change` changed."""
    env = server.environment()
    keys = keys or (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    request = botocore.awsrequest.AWSRequest("GET", server.endpoint + path)
    now = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *a, **k: now(*a, **k) + datetime.timedelta(seconds=delta)
    try:
        if signer is botocore.auth.HmacV1Auth:
            signer(botocore.credentials.Credentials(*keys)).add_auth(request)
        else:
            signer(botocore.credentials.Credentials(*keys), "s3", region or env["AWS_REGION"]).add_auth(request)
    finally:
        botocore.auth.get_current_datetime = now
    prepared = request.prepare()
    headers, parts = dict(prepared.headers), urllib.parse.urlsplit(prepared.url)
    target = parts.path + ("?" + parts.query if parts.query else "")
    if change:
        target, headers = change(target, headers)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    found = [re.search(f"<{tag}>(.*?)</{tag}>", text) for tag in ("Code", "Message")]
    return answer.status, *(match.group(1) if match else "" for match in found), answer.headers


def without(name):
    return lambda target, headers: (target, {key: value for key, value in headers.items() if key.lower() != name})


def with_authorization(old, new):
    return lambda target, headers: (target, {**headers, "Authorization": re.sub(old, new, headers["Authorization"])})


# What is wrong, and S3's status, code and words for it (S3 API reference, "Error responses").
WRONG = [
    ("too old", {"delta": -1200}, 403, "RequestTimeTooSkewed", "too large"),
    ("too new", {"delta": 1200}, 403, "RequestTimeTooSkewed", "too large"),
    ("another region", {"region": "eu-west-1"}, 400, "AuthorizationHeaderMalformed", "the region 'eu-west-1' is wrong; expecting 'us-east-1'"),
    ("another secret", {"keys": ("own", "x" * 40)}, 403, "SignatureDoesNotMatch", "does not match"),
    ("an unknown key", {"keys": ("AKIAIOSFODNN7EXAMPLE", "x" * 40)}, 403, "InvalidAccessKeyId", "does not exist in our records"),
    ("a session's key without its token", {"keys": ("session",)}, 403, "InvalidAccessKeyId", "does not exist"),
    ("a session's key with another token", {"keys": ("session", "none")}, 400, "InvalidToken", "malformed or otherwise invalid"),
    ("a lasting key with a token", {"keys": ("own", None, "none")}, 400, "InvalidToken", "malformed or otherwise invalid"),
    ("version 2 in a header", {"signer": botocore.auth.HmacV1Auth}, 400, "InvalidRequest", "Please use AWS4-HMAC-SHA256"),
    ("basic authorization", {"change": with_authorization(".*", "Basic abcd")}, 400, "InvalidArgument", "Unsupported Authorization Type"),
    ("a part of the header", {"change": with_authorization(", SignedHeaders.*", "")}, 400, "AuthorizationHeaderMalformed", "The authorization header is malformed"),
    ("another terminator", {"change": with_authorization("aws4_request", "aws5_request")}, 400, "AuthorizationHeaderMalformed", "malformed"),
    ("another day", {"change": with_authorization("/20[0-9]{6}/", "/20010101/")}, 400, "AuthorizationHeaderMalformed", "Invalid credential date &quot;20010101&quot;"),
    ("no date", {"change": without("x-amz-date")}, 403, "AccessDenied", "requires a valid Date or x-amz-date header"),
    ("no digest", {"change": without("x-amz-content-sha256")}, 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
    ("a header beside", {"change": lambda t, h: (t, {**h, "x-amz-meta-a": "b"})}, 403, "AccessDenied", "not signed: x-amz-meta-a"),
    ("header and query", {"change": lambda t, h: (t + "?X-Amz-Algorithm=AWS4-HMAC-SHA256", h)}, 400, "InvalidArgument", "Only one auth mechanism allowed"),
]


@pytest.mark.parametrize("what, how, status, code, words", WRONG, ids=[row[0] for row in WRONG])
def test_codes_of_s3(server, s3, session, what, how, status, code, words):
    env = server.environment()
    how = dict(how)
    if how.get("keys", ("",))[0] == "session":
        how["keys"] = (session["AccessKeyId"], session["SecretAccessKey"], *how["keys"][1:])
    elif how.get("keys", ("",))[0] == "own":
        _, secret, *token = how["keys"]
        how["keys"] = (env["AWS_ACCESS_KEY_ID"], secret or env["AWS_SECRET_ACCESS_KEY"], *token)
    answer = signed(server, **how)
    assert answer[:2] == (status, code) and words in answer[2].replace('"', "&quot;"), answer[:3]


def test_a_client_of_another_region_is_sent_to_ours(server, s3):
    """boto3 asks again in the region that the error names."""
    assert s3_of(server, region="eu-west-1").get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"hello"
    status, code, _, headers = signed(server, region="eu-west-1")
    assert (status, code, headers["x-amz-bucket-region"]) == (400, "AuthorizationHeaderMalformed", "us-east-1")


def test_nobody_in_particular(server, s3):
    for path in (f"/{BUCKET}/k", f"/{BUCKET}", f"/{BUCKET}/none"):
        assert server.request(path)[0] == 403
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}]}))
    try:
        assert server.request(f"/{BUCKET}/k") == (200, "hello")
        assert server.request(f"/{BUCKET}/k", b"x", "PUT")[0] == 403
        assert server.request(f"/{BUCKET}/k", method="DELETE")[0] == 403
        assert server.request(f"/{BUCKET}")[0] == 403
        # What is signed in a way that is not served is not taken for unsigned.
        assert server.request(f"/{BUCKET}/k", headers={"Authorization": "Basic abcd"}.items())[0] == 400
        assert server.request(f"/{BUCKET}/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1")[0] == 403
    finally:
        s3.delete_bucket_policy(Bucket=BUCKET)


def test_query_services_want_their_version(server):
    env = server.environment()
    keys = botocore.credentials.Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    for version, status in (("2010-05-08", 200), ("2009-01-01", 400), ("", 400)):
        body = "Action=ListUsers" + (f"&Version={version}" if version else "")
        request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        botocore.auth.SigV4Auth(keys, "iam", env["AWS_REGION"]).add_auth(request)
        got, text = server.request("/", body.encode(), "POST", request.headers.items())
        assert got == status, text
        if status == 400:
            assert f"Could not find operation ListUsers for version {version or 'NO_VERSION_SPECIFIED'}" in text
