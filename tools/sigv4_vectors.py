#!/usr/bin/env python3
"""Writes src/aws/testdata/sigv4_vectors.json: requests signed by botocore, an implementation that is not ours.

usage: python3 tools/sigv4_vectors.py > src/aws/testdata/sigv4_vectors.json        (needs botocore)
"""
import datetime
import json
import sys
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2015, 8, 30, 12, 36, 0)
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a/session+token==")

CASES = [
    ("a plain GET", "service", "GET", "https://example.amazonaws.com/", {}, b""),
    ("a query whose order is not sorted", "service", "GET", "https://example.amazonaws.com/?b=2&a=1&a=0", {}, b""),
    ("a query without a value", "service", "GET", "https://example.amazonaws.com/?acl", {}, b""),
    ("a query with escapes", "service", "GET", "https://example.amazonaws.com/?key=a%20b%2Fc&%E1%88%B4=bar", {}, b""),
    ("a path with spaces and dots", "service", "GET", "https://example.amazonaws.com/a%20b/./c/../d", {}, b""),
    ("a form", "iam", "POST", "https://iam.amazonaws.com/",
     {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, b"Action=ListUsers&Version=2010-05-08"),
    ("JSON", "sagemaker", "POST", "http://127.0.0.1:8080/",
     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"}, b"{}"),
    ("a header with spaces in it", "service", "GET", "https://example.amazonaws.com/", {"X-Amz-Meta": "  a   b  "}, b""),
    ("an object", "s3", "PUT", "http://127.0.0.1:8080/bucket/a%20key%2Bplus/../x", {"Content-Type": "text/plain"}, b"hello"),
    ("an object's name in another script", "s3", "GET", "http://127.0.0.1:8080/bucket/%E6%B0%B4?versionId=null", {}, b""),
]


def signed(name, service, method, url, headers, body, keys=KEYS, query=False):
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    if query:
        signer = botocore.auth.S3SigV4QueryAuth(keys, service, "us-east-1", expires=3600)
    elif service == "s3":
        request.context["payload_signing_enabled"] = True
        signer = botocore.auth.S3SigV4Auth(keys, service, "us-east-1")
    else:
        signer = botocore.auth.SigV4Auth(keys, service, "us-east-1")
    signer.add_auth(request)
    prepared = request.prepare()
    sent = {k: v.decode() if isinstance(v, bytes) else v for k, v in prepared.headers.items()}
    sent.setdefault("Host", url.split("/")[2])
    return {
        "name": name, "service": service, "method": method, "target": "/" + prepared.url.split("/", 3)[3],
        "headers": sent, "body": body.decode(), "access_key_id": keys.access_key,
    }


with mock.patch("botocore.auth.get_current_datetime", return_value=NOW, create=True), \
        mock.patch("botocore.compat.get_current_datetime", return_value=NOW, create=True), \
        mock.patch("botocore.auth.datetime", create=True) as fake:
    fake.datetime.utcnow.return_value = NOW
    fake.datetime.now.return_value = NOW
    vectors = [signed(*case) for case in CASES]
    vectors.append(signed("a session's token", *CASES[6][1:], keys=SESSION))
    vectors.append(signed("a presigned URL", "s3", "GET", "http://127.0.0.1:8080/bucket/key?response-content-type=text%2Fplain",
                          {}, b"", query=True))
    vectors.append(signed("a presigned URL of a session", "s3", "PUT", "http://127.0.0.1:8080/bucket/key", {}, b"",
                          keys=SESSION, query=True))
for vector in vectors:
    assert "20150830T123600Z" in json.dumps(vector), vector
json.dump({"secret_access_key": KEYS.secret_key, "time": "20150830T123600Z", "vectors": vectors}, sys.stdout, indent=1)
print()
