#!/usr/bin/env python3
"""Writes src/aws/testdata/sigv4_published.json from AWS's published test suite of signature version 4.

usage: python3 tools/sigv4_published.py DIRECTORY > src/aws/testdata/sigv4_published.json

DIRECTORY is aws-signing-test-suite/v4, as awslabs/aws-c-auth has it under tests/ and the crate aws-sigv4 ships it. What
is taken over are its facts: requests, canonical requests and signatures.
"""
import json
import pathlib
import sys

SOURCE = (
    "awslabs/aws-c-auth, tests/aws-signing-test-suite/v4; the two double-encode cases: the crate aws-sigv4, "
    "aws-signing-test-suite/v4"
)
# Cases held below the HTTP parser alone, by the canonical request and the signature.
NOT_ON_THE_WIRE = {
    "get-space-normalized": "a blank in the request target, which no request line can carry (RFC 9112, 3.2)",
    "get-space-unnormalized": "a blank in the request target, which no request line can carry (RFC 9112, 3.2)",
    "get-header-value-multiline": "its folded lines stand joined by a blank, as a receiver reads them (RFC 9112, 5.2)",
}


def read(path):
    return path.read_bytes().decode() if path.exists() else None


def request(text):
    """Request line, headers in order (folded lines joined by a blank), body."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    method, rest = first.split(" ", 1)
    target = rest.rsplit(" HTTP/", 1)[0]
    headers = []
    for line in lines:
        if line[:1] in (" ", "\t"):
            headers[-1][1] += " " + line.strip()
        elif line:
            name, value = line.split(":", 1)
            headers.append([name, value])
    return {"method": method, "target": target, "headers": headers, "body": body}


def main():
    cases = []
    for directory in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        context = json.loads(read(directory / "context.json") or "{}")
        for flavour in ("header", "query"):
            canonical = read(directory / f"{flavour}-canonical-request.txt")
            if canonical is None:
                continue
            case = {"name": directory.name, "flavour": flavour, "canonical": canonical.rstrip("\n")}
            if context:
                case |= {
                    "secret_access_key": context["credentials"]["secret_access_key"],
                    "access_key_id": context["credentials"]["access_key_id"],
                    "time": context["timestamp"].replace("-", "").replace(":", ""),
                    "region": context["region"],
                    "service": context["service"],
                    "normalize": context["normalize"],
                    "omit_session_token": context.get("omit_session_token", False),
                    "signature": read(directory / f"{flavour}-signature.txt").strip(),
                }
                case |= request(read(directory / f"{flavour}-signed-request.txt"))
            else:  # nothing but the path's encoding is told
                case |= request(read(directory / "request.txt"))
            cases.append(case)
    print(json.dumps({"source": SOURCE, "not_on_the_wire": NOT_ON_THE_WIRE, "cases": cases}, indent=1, ensure_ascii=True))


main()
