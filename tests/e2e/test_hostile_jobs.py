"""SageMaker jobs and model servers that leave links, FIFOs, holes and endless logs, or hang: nothing of the server's gets
out by them, and nothing waits for them. Needs no privileges; as root it holds as well."""

import io
import os
import signal
import subprocess
import tarfile
import threading
import time

import pytest

import support
from jobs_account import LIMIT, Account, model_servers


@pytest.fixture(scope="module")
def account(server):
    return Account(server)


def test_output_folders_that_lead_elsewhere(account):
    data = account.server.data_dir
    scripts = {
        "link": f"rmdir /opt/ml/processing/output; ln -s {data} /opt/ml/processing/output",
        "magic": f"rmdir /opt/ml/processing/output; ln -s /proc/self/root{data} /opt/ml/processing/output",
        "relative": f"rmdir /opt/ml/processing/output; ln -s ../../../../../../../..{data} /opt/ml/processing/output",
        "file": "rmdir /opt/ml/processing/output; echo x > /opt/ml/processing/output",
    }
    for name, script in scripts.items():
        account.process(name, script)
    account.process("above", f"rm -r /opt/ml/processing; ln -s {data.parent} /opt/ml/processing", f"/opt/ml/processing/{data.name}")
    for name in [*scripts, "above"]:
        job = account.processed(name)
        assert job["ProcessingJobStatus"] == "Failed", job
        assert "/opt/ml/" in job["FailureReason"], job
        account.nothing_got_out(name)


@pytest.mark.parametrize("path", ["/opt/ml/processing/../../../etc", "/opt/ml/../x", "/opt/ml/", "/etc", "opt/ml/x", "/opt/ml/a//b"])
def test_local_paths_outside_are_refused(account, path):
    with pytest.raises(account.sagemaker.exceptions.ClientError) as refused:
        account.process("path", "true", path)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_special_files_are_left_out_with_a_line(account):
    account.process(
        "special",
        "cd /opt/ml/processing/output; mkfifo fifo; ln fifo again; echo good > good; ln good hard; ln -s /etc/passwd passwd;"
        " mkdir sub; ln -s ../good sub/inside; ln -s /opt/ml/processing/output/good absolute;"
        " python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind(\"socket\")'; mknod device c 1 5 || true",
    )
    assert account.processed("special")["ProcessingJobStatus"] == "Completed"
    good = {"/absolute", "/good", "/hard", "/sub/inside"}
    assert {k: v for k, v in account.objects("special").items()} == {name: b"good\n" for name in good}
    lines = "\n".join(account.lines("/aws/sagemaker/ProcessingJobs", "special/"))
    for left in ("fifo", "again", "passwd", "socket"):
        assert f"/opt/ml/processing/output/{left} is " in lines, lines


def test_odd_trees(account):
    account.process("odd", "cd /opt/ml/processing/output; touch $(printf 'n%.0s' $(seq 255)); for i in $(seq 90); do mkdir d; cd d; done; echo x > x")
    assert account.processed("odd")["ProcessingJobStatus"] == "Completed"
    account.process("deep", "cd /opt/ml/processing/output; for i in $(seq 400); do mkdir d; cd d; done; echo x > x")
    assert account.processed("deep")["ProcessingJobStatus"] == "Failed"
    account.process("circle", "cd /opt/ml/processing/output; ln -s . self; mkdir a; ln -s .. a/up")
    account.processed("circle")
    account.process("closed", "mkdir -p /opt/ml/processing/output/sub; echo x > /opt/ml/processing/output/sub/x; chmod 0 /opt/ml/processing/output/sub")
    assert account.processed("closed")["ProcessingJobStatus"] in ("Completed", "Failed")
    leftovers = account.server.data_dir / "sagemaker/processing-job"
    deadline = time.monotonic() + LIMIT
    while any(leftovers.iterdir()):
        assert time.monotonic() < deadline, list(leftovers.iterdir())
        time.sleep(0.05)


def test_models_that_lead_elsewhere_or_are_endless(account):
    data = account.server.data_dir
    account.train("modellink", f"rmdir /opt/ml/model; ln -s {data} /opt/ml/model")
    account.train("datalink", f"rmdir /opt/ml/output/data; ln -s {data} /opt/ml/output/data; echo m > /opt/ml/model/m")
    account.train("inside", "mkdir /opt/ml/ckpt; echo w > /opt/ml/ckpt/w; ln -s /opt/ml/ckpt /opt/ml/model/latest")
    account.train("sparse", "truncate -s 1T /opt/ml/model/weights || dd if=/dev/zero of=/opt/ml/model/weights bs=1 count=1 seek=1T")
    for name in ("modellink", "datalink"):
        assert account.trained(name)["TrainingJobStatus"] == "Failed"
        account.nothing_got_out(f"models/{name}")
    assert account.trained("inside")["TrainingJobStatus"] == "Completed"
    assert account.objects("models/inside")["latest/w"] == b"w\n"
    sparse = account.trained("sparse")
    assert sparse["TrainingJobStatus"] == "Failed", sparse
    assert "VolumeSizeInGB" in sparse["FailureReason"] or "weights" in sparse["FailureReason"], sparse


def test_failure_files_that_are_none(account):
    data = account.server.data_dir
    at = "/opt/ml/output/failure"
    account.train("failfifo", f"mkfifo {at}; exit 1")
    account.train("faillink", f"ln -s {data}/kubeconfig {at}; exit 1")
    account.train("failproc", f"ln -s /proc/self/environ {at}; exit 1")
    account.train("failbig", f"head -c 100000000 /dev/zero | tr '\\0' x > {at}; exit 1")
    for name in ("failfifo", "faillink", "failproc"):
        job = account.trained(name)
        assert job["FailureReason"] == f"AlgorithmError: {at} is not a file that can be read, exit code: 1", job
    big = account.trained("failbig")
    assert big["FailureReason"].startswith("AlgorithmError: xxxx") and len(big["FailureReason"]) <= 1024


def says_what_is_missing(account, group, stream_prefix):
    """The log stops at what is kept of one, or its middle was cut out before it was read; where, depends on who was faster."""
    if not account.lines(group, stream_prefix):
        return False
    for words in ("larger than what is kept", "of this log are cut out here"):
        pages = account.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNamePrefix=stream_prefix, filterPattern=f'"{words}"'
        )
        if any(page["events"] for page in pages):
            return True
    return False


def test_a_log_has_an_end(account):
    account.train("verbose", "yes 'a line of a log that nobody will read to its end' | head -c 300000000; echo")
    assert account.trained("verbose", 240)["TrainingJobStatus"] in ("Completed", "Failed")
    deadline = time.monotonic() + 120  # events may be stored after the job has ended, as on CloudWatch
    while not says_what_is_missing(account, "/aws/sagemaker/TrainingJobs", "verbose/"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    account.train("holes", "echo one; truncate -s 1T /dev/stdout; echo two")
    assert account.trained("holes")["TrainingJobStatus"] in ("Completed", "Failed")
    size = sum(f.stat().st_size for f in account.server.data_dir.glob("millrace.db*"))
    assert size < 600 << 20, size


def archive_of(name, kind, content=b""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, "/etc/passwd", len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_model_archives_are_no_way_out(account):
    cases = {
        "symlink": archive_of("model", tarfile.SYMTYPE),
        "hardlink": archive_of("model", tarfile.LNKTYPE),
        "device": archive_of("model", tarfile.CHRTYPE),
        "absolute": archive_of("/etc/cron.d/x", tarfile.REGTYPE, b"x"),
        "dots": archive_of("../../../x", tarfile.REGTYPE, b"x"),
        "long": archive_of("n" * 300, tarfile.REGTYPE, b"x"),
        "deep": archive_of("d/" * 500 + "x", tarfile.REGTYPE, b"x"),
        "garbage": b"\x1f\x8b" + os.urandom(1000),
    }
    for name, body in cases.items():
        account.s3.put_object(Bucket="hostile", Key=f"archives/{name}.tar.gz", Body=body)
        made = account.endpoint(name, f"s3://hostile/archives/{name}.tar.gz")
        assert made["EndpointStatus"] == "Failed", name
        assert "cannot be unpacked" in made["FailureReason"], made
        account.sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture(scope="module")
def served(account):
    """An endpoint of a real model; its model servers' process ids."""
    account.serve_kmeans("served")
    return lambda: model_servers(account.server)


def invoke(account):
    runtime = account.server.client("sagemaker-runtime", attempts=1)
    try:
        answer = runtime.invoke_endpoint(EndpointName="served", ContentType="text/csv", Body="1,1\n")
        return answer["ResponseMetadata"]["HTTPStatusCode"]
    except runtime.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def test_a_hung_model_holds_nobody_else_and_is_replaced(account, served):
    assert invoke(account) == 200
    before = served()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    outcomes = []
    calls = [threading.Thread(target=lambda: outcomes.append(invoke(account))) for _ in range(100)]
    for call in calls:
        call.start()
    slowest, deadline = 0.0, time.monotonic() + LIMIT
    while any(call.is_alive() for call in calls):
        began = time.monotonic()
        assert account.server.request("/apis/v2beta1/healthz")[0] == 200
        slowest = max(slowest, time.monotonic() - began)
        assert began < deadline, outcomes
        time.sleep(0.05)
    assert set(served()).isdisjoint(before)
    # What the server had when it was killed is cut off; what waited is answered by the next one.
    assert set(outcomes) <= {200, "ServiceUnavailable"} and outcomes.count(200) >= 80, outcomes
    assert slowest < 2, slowest
    assert invoke(account) == 200
    assert account.sagemaker.describe_endpoint(EndpointName="served")["EndpointStatus"] == "InService"


def test_a_stop_waits_for_nothing_and_ends_nothing(account, served):
    server = account.server
    account.process("survivor", "echo began; sleep 4; echo 1 > /opt/ml/processing/output/a; echo ended")
    group = "/aws/sagemaker/ProcessingJobs"
    account.wait(lambda: {"lines": "".join(account.lines(group, "survivor/"))}, "lines", LIMIT, ("began",))
    pids = served()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    threading.Thread(target=invoke, args=(account,), daemon=True).start()
    time.sleep(0.5)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 15
    assert served() == pids
    server.start()
    assert account.processed("survivor")["ProcessingJobStatus"] == "Completed"
    assert account.lines(group, "survivor/") == ["began", "ended"]
    assert "/a" in account.objects("survivor")
    deadline = time.monotonic() + LIMIT
    while invoke(account) != 200:  # the hung one is replaced after a restart too
        assert time.monotonic() < deadline
        time.sleep(0.1)
    began = time.monotonic()
    account.sagemaker.delete_endpoint(EndpointName="served")
    while served():
        assert time.monotonic() - began < 20
        time.sleep(0.05)


def test_stop_children_leaves_no_process(tmp_path):
    with support.running(tmp_path / "data", arguments=["--stop-children"]) as server:
        account = Account(server)
        account.process("sleeper", "exec sleep 4321")
        deadline = time.monotonic() + LIMIT
        while not subprocess.run(["pgrep", "-f", "sleep 4321"], capture_output=True).stdout:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert not subprocess.run(["pgrep", "-f", "^sleep 4321"], capture_output=True).stdout
