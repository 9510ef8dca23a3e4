"""make.py NAME: a data directory of the program that $MILLRACE names, with a bit of everything in it and a run under way, killed
and packed as NAME.tar.xz beside this file, without the sample data. Such a directory is kept of each version of the tables that a
program has had: make one, from the program as it was before, with every new version.

make.py NAME FROM COMPONENT=VERSION...: from the packed directory FROM one of older tables than any program at hand has: tables of
those versions, as the migrations of this source tree make them, with what FROM's rows have of their columns. Components that
are not named are not there yet.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import support  # noqa: E402

SAMPLE_BUCKET = "sagemaker-sample-files"
LEFT_OUT = {"lock", "reserve", "server.json", "kubeconfig", "sagemaker.yaml", "bin", "tls", "python", "python-builds", "socket", "sockets", "sandbox"}
ROWS = {  # of the source tree: where the migrations of a component are
    "app": "src/app/node.cpp",
    "iam": "src/iam/store.cpp",
    "iam.runs": "src/iam/run_calls.cpp",
    "iam.uses": "src/iam/action_uses.cpp",
    "kube": "src/kube/store.cpp",
    "logs": "src/logs/store.cpp",
    "pipelines": "src/pipelines/runner/schema.cpp",
    "pipelines.api": "src/pipelines/api/schema.cpp",
    "pipelines.artifacts": "src/pipelines/runner/artifact_rows.cpp",
    "pipelines.v1beta1": "src/pipelines/api/v1beta1/routes.cpp",
    "s3": "src/s3/store.cpp",
    "sagemaker": "src/sagemaker/store.cpp",
}


def pipeline(name, *commands, retries=0):
    """Tasks one after the other; the last may be tried again."""
    tasks, executors, components = {}, {}, {}
    for i, command in enumerate(commands):
        task, executor = f"step-{i}", f"exec-{i}"
        executors[executor] = {"container": {"image": "img", "command": ["sh", "-c", command]}}
        components[f"comp-{i}"] = {"executorLabel": executor}
        tasks[task] = {"componentRef": {"name": f"comp-{i}"}, "taskInfo": {"name": task}, "cachingOptions": {}}
        if i:
            tasks[task]["dependentTasks"] = [f"step-{i - 1}"]
        if retries:
            tasks[task]["retryPolicy"] = {"maxRetryCount": retries, "backoffDuration": "0s", "backoffFactor": 1, "backoffMaxDuration": "1s"}
    return {
        "pipelineInfo": {"name": name},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": components,
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": tasks}},
    }


def ask(server, path, body):
    status, text = server.request(path, body)
    assert status == 200, text
    return json.loads(text)


def kubernetes(server, path, body=None):
    import yaml

    token = yaml.safe_load((server.data_dir / "kubeconfig").read_text())["users"][0]["user"]["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"https://127.0.0.1:{server.port}{path}", json.dumps(body).encode() if body else None, headers)
    with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as answer:
        return json.load(answer)


def fill(server):
    s3, iam, logs, sagemaker = (server.client(name) for name in ("s3", "iam", "logs", "sagemaker"))
    support.wait_for_sample_data(s3)
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="greeting", Body=b"hello")
    iam.create_user(UserName="ann")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="s3", PolicyDocument=json.dumps(allow))
    role = support.role_for_jobs(iam)
    logs.create_log_group(logGroupName="kept")
    logs.create_log_stream(logGroupName="kept", logStreamName="stream")
    logs.put_log_events(logGroupName="kept", logStreamName="stream", logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}])
    image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
    s3.put_object(Bucket="kept", Key="model.tar.gz", Body=b"not looked at before it is served")
    sagemaker.create_model(ModelName="kept", ExecutionRoleArn=role, PrimaryContainer={"Image": image, "ModelDataUrl": "s3://kept/model.tar.gz"})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept"}, "stringData": {"word": "secret"}}
    kubernetes(server, "/api/v1/namespaces/kubeflow/secrets", secret)
    ask(server, "/apis/v2beta1/experiments", {"display_name": "kept"})
    done = ask(server, "/apis/v2beta1/runs", {"display_name": "done", "pipeline_spec": pipeline("done", "echo of-before")})
    support.wait_for_run(server, done["run_id"])
    spec = {"pipeline_spec": pipeline("nightly", "true"), "trigger": {"periodic_schedule": {"interval_second": "86400"}}}
    ask(server, "/apis/v2beta1/recurringruns", {"display_name": "nightly", "max_concurrency": "1", "mode": "ENABLE", **spec})


def begin_run(server):
    """Killed while its second step runs."""
    spec = pipeline("under-way", "echo first", "echo second; sleep 2", "echo third", retries=1)
    run = ask(server, "/apis/v2beta1/runs", {"display_name": "under way", "pipeline_spec": spec})["run_id"]
    logs = server.data_dir / "pipelines"  # older programs kept them beside a step's files
    deadline = time.monotonic() + 20
    while not any(b"second" in log.read_bytes() for log in logs.rglob("*log.txt") if run in str(log)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_all(server):
    server.kill()
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(server.data_dir / "launcher") in (entry / "cmdline").read_text().split("\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def remove_sample(data):
    database = sqlite3.connect(data / "millrace.db")
    tables = [t for (t,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 's3%'")]
    for table in tables:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        if "bucket" in columns:
            database.execute(f"DELETE FROM {table} WHERE bucket = ?", (SAMPLE_BUCKET,))
        elif table in ("s3_bucket", "s3_buckets"):
            database.execute(f"DELETE FROM {table} WHERE name = ?", (SAMPLE_BUCKET,))
    database.commit()
    for blob in (data / "blobs").rglob("*"):
        if blob.is_file() and blob.stat().st_size > 1_000_000:
            blob.unlink()
    pack_database(database)


def pack_database(database):
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("VACUUM")
    database.close()


def pack(data, name):
    def small(entry):
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        parts = pathlib.PurePath(entry.name).parts
        left_out = set(parts) & LEFT_OUT or (parts[1:2] == ("pipelines",) and "tmp" in parts)
        return None if left_out or not (entry.isfile() or entry.isdir()) else entry

    path = HERE / f"{name}.tar.xz"
    with tarfile.open(path, "w:xz", preset=9) as archive:
        archive.add(data, "data", filter=small)
    print(path.name, path.stat().st_size, versions(data / "millrace.db"))


def versions(database):
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return dict(opened.execute("SELECT component, max(version) FROM schema_version GROUP BY component"))


def unpack(name, place):
    with tarfile.open(HERE / f"{name}.tar.xz") as archive:
        archive.extractall(place, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(place)
    return pathlib.Path(place, "data")


# --- older tables ---


def migrations(component):
    """version -> SQL, of the source tree."""
    text = (support.ROOT / ROWS[component]).read_text()
    text = text[text.index("kMigrations[]") :]
    text = text[: text.index("};")]
    found = {}
    for match in re.finditer(r'\{(\d+),\s*(?:R"(?:sql)?\((.*?)\)(?:sql)?"|((?:"(?:[^"\\]|\\.)*"\s*)+))', text, re.S):
        plain = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(3) or ""))
        found[int(match.group(1))] = match.group(2) or plain
    return found


def project(data, wanted):
    """Replaces the database by one of the versions wanted, with what the rows have of its columns."""
    new = data / "older.db"
    database = sqlite3.connect(new, isolation_level=None)
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute(f"ATTACH '{data / 'millrace.db'}' AS now")
    (table,) = database.execute("SELECT sql FROM now.sqlite_master WHERE name = 'schema_version'").fetchone()
    database.execute(table)
    for component, last in wanted.items():
        sql = migrations(component)
        for version in range(1, last + 1):
            database.executescript(sql[version])
            database.execute("INSERT INTO schema_version (component, version) VALUES (?, ?)", (component, version))
    names = [t for (t,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    for name in names:
        if name == "schema_version" or not database.execute("SELECT 1 FROM now.sqlite_master WHERE name = ?", (name,)).fetchone():
            continue
        now = {row[1] for row in database.execute(f"PRAGMA now.table_info({name})")}
        columns = ", ".join(row[1] for row in database.execute(f"PRAGMA main.table_info({name})") if row[1] in now)
        database.execute(f"INSERT OR REPLACE INTO main.{name} ({columns}) SELECT {columns} FROM now.{name}")
    if wanted.get("pipelines", 0) < 4:
        one_event_a_row(database)
    database.execute("DETACH now")
    (application,) = sqlite3.connect(data / "millrace.db").execute("PRAGMA application_id").fetchone()
    database.execute(f"PRAGMA application_id = {application}")
    pack_database(database)
    new.replace(data / "millrace.db")


def one_event_a_row(database):
    """As they were before version 4 of "pipelines": a row for each event, no list."""
    rows = database.execute("SELECT run_id, number, event FROM main.run_events").fetchall()
    database.execute("DELETE FROM main.run_events")
    for run, number, text in rows:
        events = json.loads(text)
        for i, event in enumerate(events if isinstance(events, list) else [events]):
            database.execute("INSERT INTO main.run_events VALUES (?, ?, ?)", (run, number + i, json.dumps(event, separators=(",", ":"))))


def main(name, source=None, *wanted):
    with tempfile.TemporaryDirectory(prefix="upgrade-") as place:
        if source:
            data = unpack(source, place)
            project(data, {component: int(version) for component, version in (w.split("=") for w in wanted)})
            return pack(data, name)
        server = support.Server(pathlib.Path(place, "data"))
        server.start()
        try:
            fill(server)
            begin_run(server)
        finally:
            kill_all(server)
        remove_sample(server.data_dir)
        pack(server.data_dir, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
