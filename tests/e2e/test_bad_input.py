"""What is wrong is said in one sentence, with the API's own code; the program's exit code says it too."""

import concurrent.futures
import contextlib
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tarfile
import time
import zipfile

import botocore.exceptions
import pytest
import yaml

import support


def serve(data_dir, listen="127.0.0.1:0", timeout=20):
    """A start that is to fail: (exit code, standard error)."""
    done = subprocess.run(
        [support.MILLRACE, "serve", "--data-dir", data_dir, "--listen", listen],
        capture_output=True, text=True, timeout=timeout,
    )
    return done.returncode, done.stderr


def assert_one_sentence(stderr, *words):
    lines = [line for line in stderr.strip().splitlines() if line]
    assert len(lines) == 1, stderr
    for word in words:
        assert word.lower() in lines[0].lower(), stderr


def pipeline_with(tmp_path, change):
    """The lab's pipeline with something changed in its specification."""
    documents = list(yaml.safe_load_all((support.LAB / "mnist_classification.yaml").read_text()))
    change(documents[0])
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return path


# The KFP API.


def test_a_pipeline_that_is_no_pipeline(server, tmp_path):
    import kfp_server_api

    for name, content in {"notes.yaml": "- just\n- a list\n", "broken.yaml": "a: [1,\n", "empty.json": "{}"}.items():
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(kfp_server_api.ApiException) as caught:
            server.kfp().upload_pipeline(str(path), pipeline_name=f"no-{name.split('.')[0]}")
        assert caught.value.status == 400
        assert json.loads(caught.value.body).get("error_message") or json.loads(caught.value.body).get("message")

    status, text = server.request("/apis/v2beta1/runs", {"display_name": "x", "pipeline_spec": {"hello": "world"}})
    assert status == 400 and json.loads(text)["code"] == 3, text
    status, text = server.request("/apis/v2beta1/runs", b"{not json", headers={"Content-Type": "application/json"})
    assert status == 400, text


GOOD = """\
pipelineInfo: {name: two}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-make:
    executorLabel: exec-make
    outputDefinitions: {parameters: {n: {parameterType: NUMBER_INTEGER}}}
  comp-take:
    executorLabel: exec-take
    inputDefinitions: {parameters: {text: {parameterType: STRING}, n: {parameterType: NUMBER_INTEGER}}}
deploymentSpec:
  executors:
    exec-make: {container: {image: busybox, command: [sh, -c, "echo 1 > {{$.outputs.parameters['n'].output_file}}"]}}
    exec-take: {container: {image: busybox, command: [echo, "{{$.inputs.parameters['n']}}"]}}
root:
  inputDefinitions: {parameters: {word: {parameterType: STRING}}}
  dag:
    tasks:
      make:
        componentRef: {name: comp-make}
        taskInfo: {name: make}
      take:
        componentRef: {name: comp-take}
        dependentTasks: [make]
        inputs:
          parameters:
            text: {componentInputParameter: word}
            n: {taskOutputParameter: {producerTask: make, outputParameterKey: n}}
        taskInfo: {name: take}
"""


def line_of(text):
    return GOOD[: GOOD.index(text)].count("\n") + 1


# What is put in place of what, and where and in which words the refusal says so.
BROKEN = {
    "malformed": ("dependentTasks: [make]", "dependentTasks: [make", line_of("dependentTasks"), ""),
    "tab": ("      take:", "\ttake:", line_of("      take:"), ""),
    "unknown-field": ("dependentTasks: [make]", "dependsOn: [make]", line_of("dependentTasks"), "dependsOn"),
    "missing-input": ("            text: {componentInputParameter: word}\n", "", line_of("      take:"), "text"),
    "unknown-input": ("            text: {", "            txt: {", line_of("            text:"), "txt"),
    "no-such-parameter": ("componentInputParameter: word", "componentInputParameter: wrd", line_of("            text:"), "wrd"),
    "no-such-task": ("producerTask: make", "producerTask: mke", line_of("      take:"), "mke"),
    "no-such-component": ("componentRef: {name: comp-take}", "componentRef: {name: comp-tke}", line_of("componentRef: {name: comp-take}"), "comp-tke"),
    "no-such-executor": ("executorLabel: exec-take", "executorLabel: exec-tke", line_of("executorLabel: exec-take"), "exec-tke"),
    "cycle": ("        taskInfo: {name: make}", "        dependentTasks: [take]\n        taskInfo: {name: make}", None, "cycle"),
    "type-mismatch": ("n: {taskOutputParameter: {producerTask: make, outputParameterKey: n}}", "n: {runtimeValue: {constant: three}}", line_of("            n: {task"), "n"),
    "type-of-output": ("{parameters: {n: {parameterType: NUMBER_INTEGER}}}\n  comp-take", "{parameters: {n: {parameterType: STRING}}}\n  comp-take", line_of("            n: {task"), "is STRING, but NUMBER_INTEGER is expected"),
    "schema-version": ("schemaVersion: 2.1.0", "schemaVersion: 9.9.9", line_of("schemaVersion"), "9.9.9"),
}


def archive(name, content):
    """The bytes of an archive of that kind with one file in it."""
    out = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("pipeline.yaml", content)
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as t:
            entry = tarfile.TarInfo("pipeline.yaml")
            entry.size = len(content)
            t.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def stored(server):
    """How much there is of everything that an upload or a run could leave behind."""
    return {
        kind: json.loads(server.request(f"/apis/v2beta1/{kind}")[1]).get("total_size", 0)
        for kind in ("pipelines", "runs", "experiments", "artifacts")
    }


def upload(server, path):
    import kfp_server_api

    try:
        server.kfp().upload_pipeline(str(path), pipeline_name="broken")
    except kfp_server_api.ApiException as refused:
        return refused.status, json.loads(refused.body)["error_message"]
    return 200, ""


def test_the_unbroken_pipeline_is_taken(server, tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    made = server.kfp().upload_pipeline(str(path), pipeline_name="good")
    server.request(f"/apis/v2beta1/pipelines/{made.pipeline_id}?cascade=true", method="DELETE")


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_pipeline_is_refused_at_its_line(server, tmp_path, what):
    before = stored(server)
    good, bad, line, word = BROKEN[what]
    assert GOOD.count(good) == 1
    text = GOOD.replace(good, bad)
    path = tmp_path / f"{what}.yaml"
    path.write_text(text)
    status, sentence = upload(server, path)
    assert status == 400 and word in sentence, sentence
    named = re.search(r"line (\d+)", sentence)
    assert named, sentence
    if line is not None:  # that of the member or of the task that it belongs to
        assert 0 <= int(named[1]) - line <= 1 or 0 <= line - int(named[1]) <= 5, sentence
    # Packed it is the same, and as the pipeline of a run, where there are no lines, the member is named.
    packed = tmp_path / f"{what}.zip"
    packed.write_bytes(archive("x.zip", text))
    assert upload(server, packed) == (status, sentence)
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError:
        spec = None
    if spec:
        status, body = server.request("/apis/v2beta1/runs", {"display_name": "x", "pipeline_spec": spec, "runtime_config": {"parameters": {"word": "w"}}})
        assert status == 400 and word in json.loads(body)["message"], body
    assert stored(server) == before


def test_files_that_are_too_large(server, tmp_path):
    before = stored(server)
    padding = b"# " + b"x" * (33 << 20) + b"\n"
    for name in ("huge.yaml", "bomb.zip", "bomb.tar.gz", "nested.zip"):
        path = tmp_path / name
        if name == "huge.yaml":
            path.write_bytes(GOOD.encode() + padding)
        elif name == "nested.zip":  # the bomb is beside the pipeline
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
                for i in range(3):
                    z.writestr(f"{i}.bin", bytes(32 << 20))
                z.writestr("pipeline.yaml", GOOD)
            path.write_bytes(out.getvalue())
        else:
            path.write_bytes(archive(name, GOOD.encode() + padding))
        status, body = send_file(server, path)
        assert status == 400 and "MiB" in json.loads(body)["error_message"], body
    assert stored(server) == before


def send_file(server, path):
    """As a client sends it that does not look into the file itself."""
    body = b"--b\r\nContent-Disposition: form-data; name=\"uploadfile\"; filename=\"" + path.name.encode() + b"\"\r\n\r\n"
    body += path.read_bytes() + b"\r\n--b--\r\n"
    return server.request(
        f"/apis/v2beta1/pipelines/upload?name={path.name}", body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )


def test_archives_that_are_damaged_or_lead_out(server, tmp_path):
    before = stored(server)
    for name in ("p.zip", "p.tar.gz"):
        whole = archive(name, GOOD.encode())
        for damaged in (whole[:-20], whole[: len(whole) // 2], b"PK\x03\x04" + bytes(100), b"\x1f\x8b" + bytes(100)):
            path = tmp_path / name
            path.write_bytes(damaged)
            status, body = send_file(server, path)
            assert status == 400, body
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("../../pipeline.yaml", GOOD)
    (tmp_path / "out.zip").write_bytes(out.getvalue())
    status, body = send_file(server, tmp_path / "out.zip")
    assert status == 400 and "leads out" in body
    for name, content in {"p.exe": GOOD.encode(), "empty.yaml": b"", "binary.yaml": bytes(range(256)), "deep.json": b"[" * 100_000}.items():
        (tmp_path / name).write_bytes(content)
        status, body = send_file(server, tmp_path / name)
        assert status == 400 and json.loads(body)["error_message"], body
    assert stored(server) == before


def memory_peak(server):
    """The most that the server has had of memory so far, in MiB."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


def aliases(levels, width=9):
    """Some hundred bytes of YAML that stand for width ** levels values."""
    lines = ["a0: &a0 [" + ", ".join("x" * width) + "]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]" for i in range(1, levels)]
    return "\n".join(lines).encode()


def test_documents_that_would_grow(server, tmp_path):
    """Nesting, aliases and sheer numbers: refused with a place or a limit, in bounded memory, and nothing is stored."""
    before = stored(server)
    cases = {
        "aliases.yaml": (aliases(12), "aliases"),
        "itself.yaml": (b"a: &a [*a]\n", "line 1"),
        "flow.yaml": (b"[" * 1_000_000, "nested deeper"),
        "deep.json": (b'{"a":' * 500_000, "nested deeper"),
        "block.yaml": (b"".join(b" " * i + b"a:\n" for i in range(3_000)), "line 258"),
        "list.yaml": (b"- " * 100_000 + b"x", "nested deeper"),
        "documents.yaml": (b"---\na: 1\n" * 200_000, "documents"),
        "merge.yaml": (b"a: &a {x: 1}\nb: {<<: *a}\n", "line 2"),
        "twice.json": (b'{"root": {}, "root": {}}', "stands twice"),
        "scalar.yaml": (b"a: " + b"x" * (20 << 20), "not a KFP pipeline"),
        "latin.yaml": ("a: \xe4\n".encode("latin-1"), "line 1"),
    }
    for name, (content, words) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        status, body = send_file(server, path)
        assert status == 400 and words in json.loads(body)["error_message"], (name, body[:500])
    nested = b'{"display_name": "x", "pipeline_spec": ' + b'{"a":' * 100_000
    status, body = server.request("/apis/v2beta1/runs", nested, headers={"Content-Type": "application/json"})
    assert status == 400 and "nested" in json.loads(body)["message"], body
    assert memory_peak(server) < 600
    assert stored(server) == before


def test_large_documents_side_by_side(tmp_path):
    """Each takes many times its size while it is read; together they take what one does."""
    path = tmp_path / "keys.json"
    path.write_bytes(b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(600_000)) + b"}")
    with support.running(tmp_path / "data") as server, concurrent.futures.ThreadPoolExecutor(6) as pool:
        for status, body in pool.map(lambda _: send_file(server, path), range(6)):
            assert status == 400 and "not a KFP pipeline" in json.loads(body)["error_message"], body
        assert memory_peak(server) < 550


def test_archives_with_links_devices_and_very_many_entries(server, tmp_path):
    before = stored(server)

    def packed(*entries):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
            for name, kind, content in entries:
                entry = tarfile.TarInfo(name)
                entry.type = kind
                if kind == tarfile.REGTYPE:
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
                else:
                    entry.linkname = content
                    archive.addfile(entry)
        return out.getvalue()

    cases = {
        "dots": (packed(("../pipeline.yaml", tarfile.REGTYPE, GOOD.encode())), "leads out"),
        "root": (packed(("/etc/pipeline.yaml", tarfile.REGTYPE, GOOD.encode())), "leads out"),
        "symlink": (packed(("pipeline.yaml", tarfile.SYMTYPE, "/etc/passwd")), "no file"),
        "hardlink": (packed(("pipeline.yaml", tarfile.LNKTYPE, "/etc/passwd")), "no file"),
        "device": (packed(("pipeline.yaml", tarfile.CHRTYPE, "")), "no file"),
        "pipe": (packed(("pipeline.yaml", tarfile.FIFOTYPE, "")), "no file"),
        "many": (packed(*[("x", tarfile.DIRTYPE, "")] * 20_000), "10000 entries"),
    }
    # A million empty entries: the same 512 bytes over and over.
    block = tarfile.TarInfo("x").tobuf()
    cases["million"] = (gzip.compress(block * 100_000, 1) * 10, "10000 entries")
    for name, (content, words) in cases.items():
        path = tmp_path / f"{name}.tar.gz"
        path.write_bytes(content)
        status, body = send_file(server, path)
        assert status == 400 and words in json.loads(body)["error_message"], (name, body)
    assert stored(server) == before


def test_forms_that_are_no_upload(server):
    before = stored(server)
    part = b'--b\r\nContent-Disposition: form-data; name="uploadfile"; filename="p.yaml"\r\n\r\n' + GOOD.encode() + b"\r\n"
    kind = "multipart/form-data; boundary="
    for body, content_type, words in (
        (part + b"--b--\r\n", "application/json", "multipart/form-data"),
        (part + b"--b--\r\n", "multipart/form-data", "multipart/form-data"),
        (part + b"--b--\r\n", kind + "c", "another boundary"),
        (part + part + b"--b--\r\n", kind + "b", "two files"),
        (part.replace(b"uploadfile", b"file") + b"--b--\r\n", kind + "b", "uploadfile"),
        (b"", kind + "b", "uploadfile"),
        (b"--b--\r\n", kind + "b", "uploadfile"),
        (part, kind + "b", "cut off"),
        (part[:60], kind + "b", "cut off"),
    ):
        status, text = server.request("/apis/v2beta1/pipelines/upload?name=form", body, headers={"Content-Type": content_type})
        assert status == 400 and words in json.loads(text)["error_message"], (content_type, text)
    assert stored(server) == before


def test_uploads_that_stall_keep_nobody_waiting(server):
    head = (
        "POST /apis/v2beta1/pipelines/upload?name=slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    ).encode()
    before = stored(server)
    with contextlib.ExitStack() as open_ones:
        for _ in range(100):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(head)
        started = time.monotonic()
        assert server.request("/apis/v2beta1/pipelines")[0] == 200
        assert time.monotonic() - started < 5
    assert stored(server) == before


def test_runs_that_are_refused(server):
    spec = yaml.safe_load(GOOD)
    run = {"display_name": "x", "pipeline_spec": spec}
    with_word = {"runtime_config": {"parameters": {"word": "w"}}}
    before = stored(server)
    for body, words in (
        (run, "word"),
        ({**run, "runtime_config": {"parameters": {"word": 5}}}, "word"),
        ({**run, "runtime_config": {"parameters": {"word": "w", "colour": "red"}}}, "colour"),
        ({**run, **with_word, "colour": "red"}, "colour"),
        ({**run, "runtime_config": {"parameters": {"word": "w"}, "colour": "red"}}, "colour"),
        ({**run, **with_word, "display_name": ""}, "display_name"),
        ({**run, **with_word, "experiment_id": "none"}, "none"),
        ({"display_name": "x", "pipeline_version_reference": {"pipeline_id": "none"}}, "none"),
        ({"display_name": "x"}, "pipeline"),
    ):
        status, text = server.request("/apis/v2beta1/runs", body)
        answer = json.loads(text)
        assert status in (400, 404) and words in answer["message"], text
        assert answer["code"] == {400: 3, 404: 5}[status] and answer["details"][0]["message"] == answer["message"]
    assert stored(server) == before


def test_lists_that_cannot_be_made(server):
    for kind in ("pipelines", "runs", "experiments", "artifacts"):
        for query in (
            "page_size=-1", "page_size=x", "page_token=x", "sort_by=colour", "sort_by=created_at%20up", "filter=x",
            "filter=%7B%22predicates%22%3A%5B%7B%22operation%22%3A4%2C%22key%22%3A%22name%22%2C%22string_value%22%3A%22x%22%7D%5D%7D",
        ):
            status, text = server.request(f"/apis/v2beta1/{kind}?{query}")
            assert status == 400 and json.loads(text)["code"] == 3, (kind, query, text)


def test_arguments_of_the_wrong_type(server, arguments, tmp_path):
    import kfp_server_api

    with pytest.raises(kfp_server_api.ApiException) as caught:
        support.start_run(server, {**arguments, "region": 5})
    assert caught.value.status == 400 and "region" in caught.value.body

    with pytest.raises(kfp_server_api.ApiException) as caught:
        support.start_run(server, {"bucket": "b"})
    assert caught.value.status == 400 and "role_arn" in caught.value.body

    def three(spec):
        task = spec["root"]["dag"]["tasks"]["sagemaker-processing-job"]
        task["inputs"]["parameters"]["instance_count"] = {"runtimeValue": {"constant": "three"}}

    try:
        run_id = support.start_run(server, arguments, pipeline_with(tmp_path, three))
    except kfp_server_api.ApiException as refused:  # before it starts
        assert refused.status == 400 and "instance_count" in refused.body
    else:  # or by the task
        assert support.wait_for_run(server, run_id)["state"] == "FAILED"
        assert "instance_count" in support.why(server, run_id)


def test_a_role_that_does_not_exist(server, arguments):
    run_id = support.start_run(server, {**arguments, "role_arn": "arn:aws:iam::123456789012:role/nobody"})
    assert support.wait_for_run(server, run_id)["state"] == "FAILED"
    assert "nobody" in support.why(server, run_id)


def test_a_bucket_that_does_not_exist(server, arguments):
    run_id = support.start_run(server, {**arguments, "bucket": "no-such-bucket-anywhere"})
    assert support.wait_for_run(server, run_id)["state"] == "FAILED"
    assert "no-such-bucket-anywhere" in support.why(server, run_id)


def test_no_secret(tmp_path):
    with support.running(tmp_path / "data") as server:
        arguments = support.set_up(server, secret=False)
        run_id = support.start_run(server, arguments)
        assert support.wait_for_run(server, run_id)["state"] == "FAILED"
        assert "aws-secret" in support.why(server, run_id)


# The AWS APIs.


@pytest.mark.parametrize(
    "service, operation, parameters, wrong_secret, unknown_key",
    [
        ("iam", "list_users", {}, "SignatureDoesNotMatch", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", {}, "SignatureDoesNotMatch", "InvalidClientTokenId"),
        ("s3", "list_buckets", {}, "SignatureDoesNotMatch", "InvalidAccessKeyId"),
        ("sagemaker", "list_models", {}, "InvalidSignatureException", "UnrecognizedClientException"),
        ("logs", "describe_log_groups", {}, "InvalidSignatureException", "UnrecognizedClientException"),
    ],
)
def test_wrong_keys(server, service, operation, parameters, wrong_secret, unknown_key):
    for keys, code in (({"secret_key": "w" * 40}, wrong_secret), ({"access_key": "AKIA" + "Z" * 16}, unknown_key)):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(server.client(service, attempts=1, **keys), operation)(**parameters)
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


def test_aws_codes(server):
    def code(client, operation, **parameters):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(client, operation)(**parameters)
        return caught.value.response["Error"]["Code"]

    s3, iam, sagemaker = server.client("s3"), server.client("iam"), server.client("sagemaker")
    assert code(s3, "list_objects_v2", Bucket="no-such-bucket") == "NoSuchBucket"
    assert code(s3, "get_object", Bucket="sagemaker-sample-files", Key="no/such/key") == "NoSuchKey"
    assert code(iam, "get_user", UserName="nobody") == "NoSuchEntity"
    assert code(sagemaker, "describe_training_job", TrainingJobName="nothing") == "ValidationException"


def test_a_user_without_permission(server):
    iam = server.client("iam")
    iam.create_user(UserName="powerless")
    key = iam.create_access_key(UserName="powerless")["AccessKey"]
    keys = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    for service, operation, parameters, code in (
        ("iam", "list_users", {}, "AccessDenied"),
        ("s3", "list_buckets", {}, "AccessDenied"),
        ("sagemaker", "list_models", {}, "AccessDeniedException"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(server.client(service, **keys), operation)(**parameters)
        assert caught.value.response["Error"]["Code"] == code
        assert "powerless" in caught.value.response["Error"]["Message"] or service == "s3"


# The program.


def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, stderr = serve(tmp_path / "data", f"127.0.0.1:{port}")
    assert code != 0
    assert_one_sentence(stderr, str(port), "in use")


def test_a_data_directory_in_use(server):
    code, stderr = serve(server.data_dir)
    assert code != 0
    assert_one_sentence(stderr, str(server.data_dir))


@contextlib.contextmanager
def mounted(path, options):
    """A small file system of its own at `path`; needs root."""
    if os.geteuid() != 0:
        support.missing("root (to mount a small file system)")
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True)
    if done.returncode != 0:
        support.missing(f"the right to mount a tmpfs ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=False)


def test_a_read_only_data_directory(tmp_path):
    place = tmp_path / "place"
    if os.geteuid() != 0:
        place.mkdir(mode=0o555)
        code, stderr = serve(place / "data")
    else:
        with mounted(place, "size=1m,ro"):
            code, stderr = serve(place / "data")
    assert code != 0
    assert_one_sentence(stderr, str(place))


def test_a_full_data_directory_at_the_start(tmp_path):
    with mounted(tmp_path / "small", "size=40k"):
        code, stderr = serve(tmp_path / "small" / "data")
        assert code != 0
        assert_one_sentence(stderr)


def test_a_data_directory_that_fills_up(tmp_path):
    with mounted(tmp_path / "small", "size=12m"):
        with support.running(tmp_path / "small" / "data") as server:
            # The sample data (some 20 MB) does not fit either. It is made in the background, and leaves nothing behind.
            deadline = time.monotonic() + 60
            while "sample data: " not in server.errors():
                assert time.monotonic() < deadline, server.errors()
                time.sleep(0.05)
            assert not list((tmp_path / "small" / "data").glob("*.gz"))
            assert shutil.disk_usage(tmp_path / "small").free > 8 << 20
            s3 = server.client("s3", attempts=1)
            s3.create_bucket(Bucket="small-disk")
            s3.put_object(Bucket="small-disk", Key="kept", Body=b"before")
            with pytest.raises(botocore.exceptions.ClientError) as caught:
                s3.put_object(Bucket="small-disk", Key="large", Body=os.urandom(24 << 20))
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
            assert caught.value.response["Error"]["Message"]
            assert s3.get_object(Bucket="small-disk", Key="kept")["Body"].read() == b"before"
            assert [o["Key"] for o in s3.list_objects_v2(Bucket="small-disk")["Contents"]] == ["kept"]

            # Not a byte is left: what is written to the database fails as the server's trouble, by each API's name.
            filler = tmp_path / "small" / "filler"
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            iam, sagemaker = server.client("iam", attempts=1), server.client("sagemaker", attempts=1)
            with pytest.raises(botocore.exceptions.ClientError) as caught:
                for i in range(2000):
                    iam.create_user(UserName=f"user-{i}")
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
            assert "full" in caught.value.response["Error"]["Message"]
            made = i
            filler.unlink()
            iam.create_user(UserName=f"user-{made}")  # it had not been half made
            assert len(iam.list_users(MaxItems=1000)["Users"]) == made + 1
            assert sagemaker.list_models()["Models"] == []


@pytest.mark.parametrize(
    "command",
    [["serv"], ["serve", "--listen", "nowhere"], ["serve", "--account", "12"], ["env", "--data-dir", "/no/such/place"], []],
)
def test_a_command_that_is_wrong(command):
    done = subprocess.run([support.MILLRACE, *command], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert done.stderr.strip(), "it says what is wrong"
    assert "terminate" not in done.stderr
