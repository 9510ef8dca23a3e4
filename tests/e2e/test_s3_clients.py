"""Clients of S3 that are not boto3, as they come: pyarrow, s3fs with pandas, rclone, the JavaScript SDK v3, the Go SDK v2.

Each writes, reads, copies, lists, uploads in parts and, where it can, uses presigned URLs.
"""

import subprocess
import urllib.request

import pandas
import pyarrow
import pyarrow.fs
import pyarrow.parquet
import pytest
import s3fs

import support

CLIENTS = support.ROOT / "build" / "s3-clients"  # what ./dev built of e2e/clients
LARGE = bytes(range(256)) * (6 << 12)  # 6 MiB: two parts


@pytest.fixture(scope="module")
def environment(server):
    env = server.environment()
    env.pop("AWS_CA_BUNDLE", None)  # the server's own, which these take for all there is
    return env


@pytest.fixture(scope="module")
def files(server, environment):
    return s3fs.S3FileSystem(
        key=environment["AWS_ACCESS_KEY_ID"],
        secret=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_url=server.endpoint,
    )


@pytest.fixture(scope="module")
def arrow(server, environment):
    return pyarrow.fs.S3FileSystem(
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=server.endpoint.split("//")[1],
        scheme="http",
        region=environment["AWS_REGION"],
        allow_bucket_creation=True,
    )


def test_pyarrow(arrow):
    arrow.create_dir("arrow-client")
    with arrow.open_output_stream("arrow-client/a/k") as out:
        out.write(b"hello")
    with arrow.open_input_file("arrow-client/a/k") as source:
        assert source.read() == b"hello"
        source.seek(1)
        assert source.read(3) == b"ell"
    arrow.copy_file("arrow-client/a/k", "arrow-client/a/copy")
    with arrow.open_output_stream("arrow-client/large") as out:
        out.write(LARGE)
    assert arrow.open_input_stream("arrow-client/large").read() == LARGE
    listed = arrow.get_file_info(pyarrow.fs.FileSelector("arrow-client", recursive=True))
    assert sorted(info.path for info in listed) == ["arrow-client/a", "arrow-client/a/copy", "arrow-client/a/k", "arrow-client/large"]
    table = pyarrow.table({"n": list(range(1000))})
    pyarrow.parquet.write_table(table, "arrow-client/t.parquet", filesystem=arrow)
    assert pyarrow.parquet.read_table("arrow-client/t.parquet", filesystem=arrow).equals(table)
    with pytest.raises(FileNotFoundError):
        arrow.open_input_file("arrow-client/none")
    arrow.delete_dir_contents("arrow-client")
    assert arrow.get_file_info(pyarrow.fs.FileSelector("arrow-client", recursive=True)) == []


def test_s3fs_and_pandas(files, server, environment):
    files.mkdir("pandas-client")
    options = {
        "key": environment["AWS_ACCESS_KEY_ID"],
        "secret": environment["AWS_SECRET_ACCESS_KEY"],
        "endpoint_url": server.endpoint,
    }
    frame = pandas.DataFrame({"n": range(100), "t": [f"line {i}" for i in range(100)]})
    frame.to_csv("s3://pandas-client/d/f.csv", index=False, storage_options=options)
    assert pandas.read_csv("s3://pandas-client/d/f.csv", storage_options=options).equals(frame)
    frame.to_parquet("s3://pandas-client/d/f.parquet", storage_options=options)
    assert pandas.read_parquet("s3://pandas-client/d/f.parquet", storage_options=options).equals(frame)
    files.copy("pandas-client/d/f.csv", "pandas-client/copy.csv")
    assert files.cat("pandas-client/copy.csv") == files.cat("pandas-client/d/f.csv")
    with files.open("pandas-client/large", "wb", block_size=5 << 20) as out:
        out.write(LARGE)
    assert files.cat_file("pandas-client/large", start=1, end=4) == LARGE[1:4]
    assert files.cat("pandas-client/large") == LARGE
    files.invalidate_cache()
    assert files.find("pandas-client") == [f"pandas-client/{k}" for k in ("copy.csv", "d/f.csv", "d/f.parquet", "large")]
    with urllib.request.urlopen(files.sign("pandas-client/copy.csv"), timeout=30) as answer:
        assert answer.read() == files.cat("pandas-client/copy.csv")
    with pytest.raises(FileNotFoundError):
        files.cat("pandas-client/none")
    files.rm("pandas-client", recursive=True)


def test_rclone(server, environment, tmp_path):
    rclone = support.need("rclone")
    env = environment | {
        "RCLONE_CONFIG": str(tmp_path / "rclone.conf"),
        "RCLONE_CONFIG_M_TYPE": "s3",
        "RCLONE_CONFIG_M_PROVIDER": "Other",
        "RCLONE_CONFIG_M_ENV_AUTH": "true",
        "RCLONE_CONFIG_M_REGION": environment["AWS_REGION"],
        "RCLONE_CONFIG_M_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_M_FORCE_PATH_STYLE": "true",
    }

    def run(*arguments):
        done = subprocess.run([rclone, *arguments], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    local = tmp_path / "local"
    (local / "d").mkdir(parents=True)
    (local / "d" / "small").write_text("hello")
    (local / "large").write_bytes(LARGE)
    run("mkdir", "m:rclone-client")
    run("copy", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", local, "m:rclone-client")
    run("check", local, "m:rclone-client")
    run("copyto", "m:rclone-client/d/small", "m:rclone-client/copy")
    assert run("cat", "m:rclone-client/copy") == "hello"
    assert sorted(run("lsf", "-R", "m:rclone-client").split()) == ["copy", "d/", "d/small", "large"]
    run("copy", "m:rclone-client", tmp_path / "back")
    assert (tmp_path / "back" / "large").read_bytes() == LARGE
    with urllib.request.urlopen(run("link", "m:rclone-client/copy").strip(), timeout=30) as answer:
        assert answer.read() == b"hello"
    run("purge", "m:rclone-client")


def drive(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().endswith("ok"), done.stdout + done.stderr


def test_javascript_sdk(environment):
    node = support.need("node")
    if not (CLIENTS / "js" / "node_modules").exists():
        support.missing("the JavaScript SDK (./dev installs it)")
    drive([node, CLIENTS / "js" / "s3.mjs"], environment)


def test_go_sdk(environment):
    if not (CLIENTS / "s3go").exists():
        # Not every system has a Go that is new enough for the SDK.
        pytest.skip("the client of the Go SDK was not built: Go 1.24 is not here")
    drive([CLIENTS / "s3go"], environment)

