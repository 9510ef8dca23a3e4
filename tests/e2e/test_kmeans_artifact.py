"""K-Means' model_algo-1 is the file that SageMaker's own container writes: a list of one array in MXNet's format, which
notebooks read with mx.nd.load and write themselves. Reader and writer here follow the format's description."""

import io
import json
import struct
import tarfile

import pytest

import support
from jobs_account import Account


def read_arrays(data):
    magic, zero, count = struct.unpack_from("<QQQ", data)
    assert (magic, zero) == (0x112, 0)
    at, arrays = 24, []
    for _ in range(count):
        magic, storage, dimensions = struct.unpack_from("<IiI", data, at)
        assert (magic, storage) == (0xF993FAC9, 0)
        shape = struct.unpack_from(f"<{dimensions}q", data, at + 12)
        at += 12 + 8 * dimensions
        device, device_id, kind = struct.unpack_from("<iii", data, at)
        assert (device, device_id, kind) == (1, 0, 0), "float32 on a CPU"
        size = 1
        for extent in shape:
            size *= extent
        values = struct.unpack_from(f"<{size}f", data, at + 12)
        at += 12 + 4 * size
        arrays.append((shape, values))
    assert struct.unpack_from("<Q", data, at) == (0,) and at + 8 == len(data), "a list: no names, nothing behind"
    return arrays


def array_file(rows):
    flat = [value for row in rows for value in row]
    head = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<IiIqq", 0xF993FAC9, 0, 2, len(rows), len(rows[0]))
    return head + struct.pack("<iii", 1, 0, 0) + struct.pack(f"<{len(flat)}f", *flat) + struct.pack("<Q", 0)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with support.running(tmp_path_factory.mktemp("data")) as server:
        yield Account(server)


def closest(account, name, body):
    answer = account.server.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, ContentType="text/csv", Accept="application/json")
    return [row["closest_cluster"] for row in json.load(answer["Body"])["predictions"]]


def test_one_trained_here_is_the_published_file(account):
    account.serve_kmeans("trained")
    members = account.objects("models/trained/output/")
    (shape, values), = read_arrays(members["model_algo-1"])
    assert shape == (2, 2) and sorted(values) == [0, 0, 9, 9]
    first, second = closest(account, "trained", "1,1\n8,8\n")
    assert first != second


def test_centroids_of_ones_own_are_served(account):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        data = array_file([[0, 0, 0], [5, 5, 5], [9, 9, 9]])
        member = tarfile.TarInfo("model_algo-1")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    account.s3.put_object(Bucket="hostile", Key="own/model.tar.gz", Body=out.getvalue())
    assert account.endpoint("own", "s3://hostile/own/model.tar.gz")["EndpointStatus"] == "InService"
    assert closest(account, "own", "8,9,8\n1,0,0\n4,5,6\n") == [2.0, 0.0, 1.0]
