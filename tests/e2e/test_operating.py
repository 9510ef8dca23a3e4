"""What docs/operate.md promises (and every command of install.md and troubleshooting.md that needs no root) whoever runs a server: private files, a bounded stop, logs with a limit, prune and
retention, what is said of a directory that is not whole."""

import json
import os
import pathlib
import re
import signal
import sqlite3
import stat
import subprocess
import time
import urllib.parse

import pytest
import support
from test_full_disk import create_run, pipeline

MIB = 1 << 20
PAGES = "".join((support.ROOT / "docs" / f"{name}.md").read_text() for name in ("operate", "install", "troubleshooting"))


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def finished(server, command="true", state="SUCCEEDED"):
    status, run = create_run(server, command)
    assert status == 200, run
    ended = support.wait_for_run(server, run["run_id"])
    assert ended["state"] == state, support.why(server, run["run_id"])
    return run["run_id"]


def millrace(*arguments, **options):
    return subprocess.run([support.MILLRACE, *map(str, arguments)], capture_output=True, text=True, **options)


def refused_start(data):
    done = millrace("serve", "--data-dir", data, "--listen", "127.0.0.1:0", timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# --- files ------------------------------------------------------------------------------------------------------------


def test_every_file_is_its_users_alone(data):
    with support.running(data) as server:
        finished(server)
        server.client("s3").create_bucket(Bucket="private-bucket")
        server.client("s3").put_object(Bucket="private-bucket", Key="k", Body=b"x")
        # What tasks make or are given lies below directories that nobody else may enter.
        own = [data, *data.iterdir()]
        for top in ("launcher", "tls", "bin"):
            own += (data / top).rglob("*")
        own += (data / "blobs").iterdir()
        assert data / "millrace.db-wal" in own
        wrong = {str(p): oct(p.lstat().st_mode) for p in own if not p.is_symlink() and p.lstat().st_mode & 0o077}
        assert not wrong


def test_files_of_an_older_server_become_private(data):
    with support.running(data) as server:
        finished(server)
    names = ["millrace.db", "server.json", "kubeconfig", "tls/server.crt", "launcher/journal"]
    for name in names:
        (data / name).chmod(0o644)
    (data / "tls").chmod(0o755)
    with support.running(data):
        for name in [*names, "tls"]:
            assert stat.S_IMODE((data / name).stat().st_mode) & 0o077 == 0, name


# --- a directory that is not whole ------------------------------------------------------------------------------------


def test_a_missing_database_is_not_replaced(data):
    with support.running(data) as server:
        support.wait_for_sample_data(server.client("s3"))
    kept = (data / "millrace.db").read_bytes()
    (data / "millrace.db").unlink()
    said = refused_start(data)
    assert "millrace.db is missing" in said and "blobs" in said and "--data-dir" in said
    assert not (data / "millrace.db").exists()
    (data / "millrace.db").write_bytes(b"")
    assert "millrace.db is empty" in refused_start(data)
    (data / "millrace.db").unlink()
    sqlite3.connect(data / "millrace.db").execute("CREATE TABLE other(a)").connection.commit()
    assert "no database of this program" in refused_start(data)
    (data / "millrace.db").write_bytes(kept)
    with support.running(data) as server:
        assert server.client("s3").head_object(
            Bucket="sagemaker-sample-files", Key="datasets/image/MNIST/mnist.pkl.gz"
        )


def test_a_damaged_database_is_said(data):
    with support.running(data) as server:
        finished(server)
        support.wait_for_sample_data(server.client("s3"))
    kept = (data / "millrace.db").read_bytes()
    for name, damaged in {
        "its head": b"\xa5" * 4096 + kept[4096:],
        "its middle": kept[: 4096 * 3] + b"\xa5" * 4096 * 3 + kept[4096 * 6 :],
        "half of it": kept[: len(kept) // 2],
        "text": b"not a database, but long enough to be one\n" * 100,
    }.items():
        (data / "millrace.db").write_bytes(damaged)
        said = refused_start(data)
        assert "millrace.db" in said and ("backup" in said or "move it away" in said), name
        assert (data / "millrace.db").read_bytes() == damaged, "left as it was found"


def test_a_missing_key_or_journal_is_not_replaced(data):
    with support.running(data) as server:
        finished(server)
    (data / "key").rename(data / "key.away")
    assert "there is no key file" in refused_start(data)
    assert not (data / "key").exists()
    (data / "key.away").rename(data / "key")
    journal = data / "launcher" / "journal"
    deadline = time.monotonic() + 30
    while (data / "launcher" / "socket").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    journal.unlink()
    said = refused_start(data)
    assert "journal" in said and "is missing" in said
    assert not journal.exists()
    way_out = re.search(r"make an empty one: (\(.*\))", said).group(1)
    subprocess.run(["sh", "-c", way_out], check=True)
    with support.running(data) as server:
        finished(server)


# --- stop -------------------------------------------------------------------------------------------------------------


def test_a_stop_is_bounded_whatever_children_and_clients_do(data):
    with support.running(data) as server:
        for command in ("trap '' TERM INT; while :; do sleep 1; done", "yes", "(setsid sleep 300 &); sleep 300"):
            assert create_run(server, command)[0] == 200
        import socket

        connections = []
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(
                b"POST /apis/v2beta1/pipelines/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
            )
            connections.append(connection)
        time.sleep(1)  # the uploads stall, the tasks run
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 12
        for connection in connections:
            connection.close()
        server.start()
        status, text = server.request("/apis/v2beta1/runs")
        for run in json.loads(text)["runs"]:
            assert run["state"] == "RUNNING"
            deadline = time.monotonic() + 30
            while (answer := server.request(f"/apis/v2beta1/runs/{run['run_id']}:terminate", {}))[0] != 200:
                assert time.monotonic() < deadline, answer  # it is recovered by then
                time.sleep(0.1)
            support.wait_for_run(server, run["run_id"], 30)


def test_a_second_signal_ends_at_once(data):
    with support.running(data) as server:
        # A body that never comes holds the stop up for its grace.
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        server.process.wait(timeout=12)
        assert time.monotonic() - began < 11


# --- logs -------------------------------------------------------------------------------------------------------------


def read_console_log(server, run_id):
    text, offset, marks = "", 0, 0
    task = urllib.parse.quote("root/t", safe="")
    while True:
        status, body = server.request(f"/console/api/runs/{run_id}/tasks/{task}/log?offset={offset}")
        assert status == 200
        part = json.loads(body)
        text += part["text"]
        if part["complete"] and part["next_offset"] == offset:
            return text
        offset = part["next_offset"]


def test_a_long_log_keeps_its_beginning_and_its_end(data):
    with support.running(data, arguments=["--child-log-limit", "4MiB"]) as server:
        run_id = finished(
            server, "echo begin; i=0; while [ $i -lt 40 ]; do head -c 1048576 /dev/zero | tr '\\0' a; echo; i=$((i+1)); done; echo end"
        )
        log = next((data / "pipelines" / "logs" / run_id).glob("*.log.txt"))
        deadline = time.monotonic() + 30
        while log.stat().st_size > 4 * MIB and time.monotonic() < deadline:
            time.sleep(0.05)
        assert log.stat().st_size <= 4 * MIB
        node = json.loads(server.request(f"/apis/v2beta1/runs/{run_id}")[1])["run_details"]["task_details"]
        texts = {
            "console": read_console_log(server, run_id),
            "kfp": server.request(f"/apis/v1alpha1/runs/{run_id}/nodes/{urllib.parse.quote('root/t', safe='')}/log")[1],
            "cli": millrace("logs", run_id, "--data-dir", data).stdout,
        }
        assert node
        for name, text in texts.items():
            assert "begin" in text[:40] and text.rstrip().endswith("end"), name
            assert text.count("[millrace: ") == 1, name
            assert "\0" not in text and "\ufffd" not in text, name
            missing = int(re.search(r"\[millrace: (\d+) bytes", text).group(1))
            assert 30 * MIB < missing < 41 * MIB


# A gigabyte in six seconds.
TALKATIVE = """python3 -c "
import os, time
end = time.monotonic() + 6
while time.monotonic() < end:
    os.write(1, b'a line of a talkative task\\n' * 40000)
    time.sleep(0.006)
print('done')
"
"""


def test_a_child_is_not_held_up_by_its_logs_limit_nor_by_the_servers_end(data):
    with support.running(data, arguments=["--child-log-limit", "4MiB"]) as server:
        status, run = create_run(server, TALKATIVE)
        assert status == 200
        time.sleep(1)
        server.kill()  # the launcher goes on looking at the log
        log = next((data / "pipelines" / "logs" / run["run_id"]).glob("*.log.txt"))
        largest = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            largest = max(largest, log.stat().st_blocks * 512)
            time.sleep(0.02)
        server.start()
        assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED"
        assert largest < 512 * MIB  # of a gigabyte, however slow the machine is
        assert read_console_log(server, run["run_id"]).rstrip().endswith("done")
        deadline = time.monotonic() + 30
        while log.stat().st_size > 4 * MIB:
            assert time.monotonic() < deadline
            time.sleep(0.05)


# --- what others wrote, on a terminal ---------------------------------------------------------------------------------


def test_a_terminal_gets_no_sequences_of_a_tasks_own(data):
    evil = "\x1b]52;c;cm0=\x07\x1b[2J\x1b]0;title\x1b\\\u009b31mred\u202eover\b\rback"
    with support.running(data) as server:
        spec = pipeline("printf '%s\\n' \"$EVIL\"; exit 1")
        spec["deploymentSpec"]["executors"]["e"]["container"]["env"] = [{"name": "EVIL", "value": evil}]
        status, text = server.request(
            "/apis/v2beta1/runs", {"display_name": "name" + evil.replace("\n", ""), "pipeline_spec": spec}
        )
        assert status == 200, text
        run_id = json.loads(text)["run_id"]
        support.wait_for_run(server, run_id)
        for command in (["runs"], ["get", run_id], ["logs", run_id], ["logs", "-f", run_id], ["stop", run_id], ["retry", run_id]):
            done = subprocess.run(
                [support.MILLRACE, *command, "--data-dir", str(data)], capture_output=True, timeout=60
            )
            out = (done.stdout + done.stderr).decode()
            bad = re.findall(r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e\u2066-\u2069]", out)
            assert not bad, (command, bad)
        as_json = json.loads(millrace("get", run_id, "--json", "--data-dir", data).stdout)
        assert as_json["display_name"] == "name" + evil, "JSON is what it is"


# --- prune and retention ----------------------------------------------------------------------------------------------


def prune(data, *arguments):
    done = millrace("prune", "--data-dir", data, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def known_runs(server):
    status, text = server.request("/apis/v2beta1/runs?page_size=100")
    return {run["run_id"] for run in json.loads(text).get("runs", [])}


def producer(cached=True, extra=""):
    spec = pipeline(f'mkdir -p "$(dirname "$1")"; head -c 1048576 /dev/urandom > "$1"{extra}')
    spec["components"]["comp"]["outputDefinitions"] = {
        "artifacts": {"out": {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}}
    }
    container = spec["deploymentSpec"]["executors"]["e"]["container"]
    container["command"] += ["sh"]
    container["args"] = ["{{$.outputs.artifacts['out'].path}}"]
    spec["root"]["dag"]["tasks"]["t"]["cachingOptions"] = {"enableCache": cached}
    return spec


def run_of(server, spec):
    status, text = server.request("/apis/v2beta1/runs", {"display_name": "p", "pipeline_spec": spec})
    assert status == 200, text
    run = support.wait_for_run(server, json.loads(text)["run_id"])
    assert run["state"] == "SUCCEEDED", support.why(server, run["run_id"])
    return run["run_id"]


def test_prune_removes_what_it_says(data):
    with support.running(data) as server:
        runs = [finished(server, f"head -c {MIB} /dev/urandom > much; echo {i}") for i in range(4)]
        would = prune(data, "--keep", "1", "--dry-run")
        assert would["dry_run"] and {r["id"] for r in would["removed"]} == set(runs[:3])
        assert would["bytes"] >= 3 * MIB
        assert known_runs(server) == set(runs)
        done = prune(data, "--keep", "1")
        assert {r["id"] for r in done["removed"]} == set(runs[:3])
        assert known_runs(server) == {runs[3]}
        assert [p.name for p in (data / "pipelines" / "runs").iterdir() if p.name in runs] == [runs[3]]
        assert prune(data, "--older-than", "1h")["removed"] == []
        time.sleep(1.1)
        assert [r["id"] for r in prune(data, "--older-than", "1s")["removed"]] == [runs[3]]
        assert prune(data)["removed"] == []


def test_prune_leaves_runs_under_way(data):
    with support.running(data) as server:
        status, run = create_run(server, "sleep 300")
        assert status == 200
        assert prune(data, "--keep", "0", "--older-than", "0s", "--max-bytes", "0")["removed"] == []
        assert known_runs(server) == {run["run_id"]}
        server.request(f"/apis/v2beta1/runs/{run['run_id']}:terminate", {})
        support.wait_for_run(server, run["run_id"])


def test_an_artifact_stays_while_another_run_refers_to_it(data):
    with support.running(data) as server:
        first = run_of(server, producer())
        second = run_of(server, producer())  # from the cache: the first one's artifact
        alone = run_of(server, producer(cached=False, extra="; :"))
        store = data / "pipelines" / "artifacts"
        files = {f for f in store.rglob("out") if f.is_file()}
        assert {run for run in (first, second, alone) for f in files if run in str(f)} == {first, alone}
        done = prune(data, "--keep", "0", "--max-bytes", "0", "--dry-run")
        assert {r["id"] for r in done["removed"]} == {first, second, alone}
        # All but the second go: what it has from the first stays.
        assert server.request(f"/apis/v2beta1/runs/{alone}", method="DELETE")[0] == 200
        assert server.request(f"/apis/v2beta1/runs/{first}", method="DELETE")[0] == 200
        done = prune(data)
        assert {r["kind"] for r in done["removed"]} == {"artifacts"}
        assert {run for run in (first, alone) for f in store.rglob("out") if run in str(f)} == {first}
        done = prune(data, "--keep", "0")
        assert [r["id"] for r in done["removed"] if r["kind"] == "run"] == [second]
        assert not [f for f in store.rglob("out")]


def test_prune_collects_orphans(data):
    with support.running(data) as server:
        kept = finished(server)
        gone = "01234567-89ab-cdef-0123-456789abcdef"
        for place in (f"pipelines/runs/{gone}", f"pipelines/artifacts/minio/b/v2/{gone}", f"pipelines/workspaces/{gone}", f"pipelines/logs/{gone}"):
            (data / place).mkdir(parents=True)
            (data / place / "file").write_bytes(b"x" * 5000)
        (data / "pipelines" / "runs" / "not-a-run").mkdir()
        (data / "sagemaker" / "endpoint" / "left-1700000000000" / "1").mkdir(parents=True)
        (data / "pipelines" / "python" / ("a" * 32)).mkdir(parents=True)
        marker = data / "pipelines" / "python" / ("a" * 32) / "pyvenv.cfg"
        marker.write_text("home = /usr/bin\n")
        would = prune(data, "--dry-run")
        kinds = sorted(r["kind"] for r in would["removed"])
        assert kinds == ["artifacts", "endpoint", "files of a run", "logs of a run", "workspace"]
        long_ago = time.time() - 40 * 86_400
        os.utime(marker, (long_ago, long_ago))
        outside = data.parent / "outside"
        outside.mkdir()
        (outside / "thesis").write_text("precious")
        (data / "pipelines" / "runs" / gone / "link").symlink_to(outside)
        done = prune(data)
        assert sorted(r["kind"] for r in done["removed"]) == [*kinds[:4], "python environment", "workspace"]
        assert (outside / "thesis").read_text() == "precious"
        assert not list(data.rglob(gone))
        assert (data / "pipelines" / "runs" / "not-a-run").exists()
        assert known_runs(server) == {kept}


def test_prune_is_for_the_directorys_owner_alone(data):
    with support.running(data) as server:
        run_id = finished(server)
        body = {"keep": 0}
        for headers in ({}, {"Authorization": "Bearer x"}, {"Origin": server.endpoint}):
            status, text = server.request("/millrace/operator/prune", body, "POST", headers)
            assert status == 401, text
        # A task has the server's address, and nothing that opens this.
        finished(
            server,
            f"python3 - <<'EOF'\nimport urllib.request, urllib.error\ntry:\n"
            f"  urllib.request.urlopen(urllib.request.Request('{server.endpoint}/millrace/operator/prune', b'{{\"keep\": 0}}', method='POST'))\n"
            f"except urllib.error.HTTPError as e:\n  assert e.code in (401, 403), e.code\nelse:\n  raise SystemExit('pruned')\nEOF",
        )
        assert run_id in known_runs(server)


def test_retention_is_off_by_default_and_applied_when_set(data):
    with support.running(data) as server:
        runs = [finished(server, f"echo {i}") for i in range(3)]
        assert known_runs(server) == set(runs)
    arguments = ["--keep-runs", "1", "--prune-every", "1s"]
    with support.running(data, port=server.port, arguments=arguments) as server:
        deadline = time.monotonic() + 30
        while known_runs(server) != {runs[2]}:
            assert time.monotonic() < deadline, known_runs(server)
            time.sleep(0.1)
        latest = finished(server)
        while known_runs(server) != {latest}:
            assert time.monotonic() < deadline + 30
            time.sleep(0.1)


@pytest.mark.parametrize(
    "arguments", [["--older-than", "soon"], ["--keep", "-1"], ["--max-bytes", "lots"], ["--older-than", "1y"]]
)
def test_what_cannot_be_meant_is_refused(data, arguments):
    done = millrace("prune", "--data-dir", data, *arguments)
    assert done.returncode == 2, (done.returncode, done.stderr)


def test_prune_says_that_there_is_no_server(data):
    done = millrace("prune", "--data-dir", data)
    assert done.returncode == 4
    assert "millrace serve" in done.stderr


# --- the page ---------------------------------------------------------------------------------------------------------


def test_every_command_of_the_pages(data, tmp_path):
    commands = [
        line for block in re.findall(r"```shell\n(.*?)```", PAGES, re.S) for line in block.splitlines() if line.strip()
    ]
    assert len(commands) >= 8
    environment = {**os.environ, "PATH": f"{support.MILLRACE.parent}:{os.environ['PATH']}", "MILLRACE_DATA_DIR": str(data)}
    serve = [c for c in commands if re.match(r"millrace serve", c)]
    others = [c for c in commands if c not in serve]
    for command in serve:
        shell = subprocess.Popen(
            ["sh", "-c", "exec " + command + " --listen 127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert "listening" in shell.stdout.readline(), command
        shell.terminate()
        assert shell.wait(30) == 0, command
    with support.running(data) as server:
        finished(server, "echo hello")
        for command in others:
            done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
