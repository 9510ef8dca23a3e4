"""What whoever keeps a server running looks at: /metrics, /healthz, /readyz, the log as JSON, `millrace doctor`, and
`millrace backup` while runs are under way."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sqlite3
import threading
import time

import support
from test_full_disk import create_run

SAMPLE = re.compile(r'^([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? ([0-9.e+-]+|\+Inf)$')


def millrace(*arguments):
    return subprocess.run([support.MILLRACE, *map(str, arguments)], capture_output=True, text=True)


def scrape(server):
    status, text = server.request("/metrics")
    assert status == 200, text
    return text


def samples(text):
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, f"no sample of Prometheus's format: {line!r}"
        found[match.group(1) + (match.group(2) or "")] = float(match.group(3))
    return found


def wait_for(condition, what):
    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


# --- metrics ------------------------------------------------------------------------------------------------------------


def test_metrics_count_requests_and_runs(server):
    server.client("sts").get_caller_identity()
    assert server.request("/apis/v2beta1/runs/nothing")[0] == 404
    status, run = create_run(server, "sleep 600")
    assert status == 200
    state = 'millrace_runs_under_way{state="RUNNING"}'
    found = wait_for(lambda: (s := samples(scrape(server))).get("millrace_children") and s.get(state) and s, "a run")
    assert found['millrace_requests_total{api="pipelines",code="404"}'] == 1
    assert found['millrace_tasks{state="RUNNING"}'] == 1 and found['millrace_tasks{state="PENDING"}'] == 0
    operation = 'service="sts",operation="GetCallerIdentity"'
    assert found[f'millrace_aws_operation_duration_seconds_bucket{{{operation},le="+Inf"}}'] == 1
    before = found['millrace_requests_total{api="aws",code="200"}']
    server.client("sts").get_caller_identity()
    after = samples(scrape(server))
    assert after['millrace_requests_total{api="aws",code="200"}'] > before
    count = after['millrace_request_duration_seconds_count{api="aws"}']
    assert after['millrace_request_duration_seconds_bucket{api="aws",le="+Inf"}'] == count
    assert after["millrace_task_slots"] == 16 and after["process_resident_memory_bytes"] > 1e6
    assert after['millrace_database_bytes{file="main"}'] > 0 and after["millrace_disk_free_bytes"] > 0
    assert server.request(f"/apis/v2beta1/runs/{run['run_id']}:terminate", {}, "POST")[0] == 200
    wait_for(lambda: state not in (s := samples(scrape(server))) and ended_runs(s) == 1, "the run's end")
    assert samples(scrape(server))['millrace_tasks{state="RUNNING"}'] == 0


def ended_runs(found):
    return sum(value for name, value in found.items() if name.startswith("millrace_runs_ended_total{"))


def test_a_scrape_is_cheap(server):
    """At most 2 ms for a server that has nothing else to do; the best of many, with a client in Python, is a few."""
    server.client("iam").list_users()
    took = []
    for _ in range(30):
        began = time.monotonic()
        scrape(server)
        took.append(time.monotonic() - began)
    assert min(took) < 0.01, took


def test_each_family_is_described_once(server):
    text = scrape(server)
    described = re.findall(r"^# TYPE (\S+) (counter|gauge|histogram)$", text, re.MULTILINE)
    names = [name for name, _ in described]
    assert len(names) == len(set(names)) == len(re.findall("^# HELP ", text, re.MULTILINE))
    for sample in samples(text):
        name = sample.split("{")[0]
        assert name in names or re.sub("_(bucket|sum|count)$", "", name) in names, name


def test_promtool_finds_nothing(server):
    places = f"{support.ROOT / 'build'}:{os.environ['PATH']}"
    promtool = shutil.which("promtool", path=places) or support.missing("promtool")
    done = subprocess.run([promtool, "check", "metrics"], input=scrape(server), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_for_no_page_and_no_step(server):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}):
        assert server.request("/metrics", headers=headers)[0] == 403
    asks = f'python3 -c \'import urllib.request as u; u.urlopen("{server.endpoint}/metrics")\' 2>&1 | grep -q "403" || exit 7'
    status, run = create_run(server, asks)
    assert status == 200
    assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED", support.why(server, run["run_id"])


# --- traces -------------------------------------------------------------------------------------------------------------


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_collector_gets_a_trace_of_each_run(tmp_path):
    collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.got = []
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{collector.server_port}"
    with support.running(tmp_path / "data", arguments=["--otlp-endpoint", address]) as server:
        _, run = create_run(server, "exit 3")
        support.wait_for_run(server, run["run_id"])
        wait_for(lambda: collector.got, "a trace")
    collector.shutdown()
    collector.server_close()
    ((path, kind, body),) = collector.got
    assert (path, kind) == ("/v1/traces", "application/json")
    whole, task = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert whole["traceId"] == task["traceId"] == run["run_id"].replace("-", "")
    assert task["parentSpanId"] == whole["spanId"] and "parentSpanId" not in whole
    assert task["status"]["code"] == whole["status"]["code"] == 2
    assert {"key": "process.exit.code", "value": {"intValue": "3"}} in task["attributes"]
    assert int(whole["startTimeUnixNano"]) <= int(task["startTimeUnixNano"]) <= int(task["endTimeUnixNano"])


def test_a_collector_that_is_not_there_holds_nothing_up(tmp_path):
    with support.running(tmp_path / "data", arguments=["--otlp-endpoint", "http://127.0.0.1:9"]) as server:
        _, run = create_run(server, "true")
        assert support.wait_for_run(server, run["run_id"])["state"] == "SUCCEEDED"
        wait_for(lambda: "is not sent to http://127.0.0.1:9" in server.errors(), "a line in the log")
    done = millrace("serve", "--data-dir", tmp_path / "x", "--otlp-endpoint", "collector:4318")
    assert done.returncode != 0 and "is no address of a collector" in done.stderr


# --- probes and log -----------------------------------------------------------------------------------------------------


def test_probes(server):
    assert server.request("/healthz") == (200, "ok\n")
    wait_for(lambda: server.request("/readyz") == (200, "ok\n"), "ready")


def test_the_log_as_json(tmp_path):
    data = tmp_path / "data"
    with support.running(data, arguments=["--log-format", "json", "--log-level", "info"]) as server:
        server.client("sts").get_caller_identity()
        status, run = create_run(server, "true")
        assert status == 200
        support.wait_for_run(server, run["run_id"])
        server.request('/apis/v2beta1/pipelines/%22quoted%22%0aline')
    lines = [json.loads(line) for line in (tmp_path / "data.stderr").read_text().splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    requests = [line for line in lines if line["message"] == "request"]
    assert any(line.get("run_id") == run["run_id"] and line["status"] == "200" for line in requests)
    assert any(len(line.get("request_id", "")) > 8 for line in requests)
    assert all(float(line["seconds"]) >= 0 for line in requests)


# --- doctor -------------------------------------------------------------------------------------------------------------


def test_doctor_says_what_is_there_and_what_is_damaged(tmp_path):
    data = tmp_path / "data"
    with support.running(data) as server:
        done = millrace("doctor", "--data-dir", data)
        assert done.returncode == 0, done.stdout
        assert re.search(r"^sandbox +ok ", done.stdout, re.MULTILINE)
        assert re.search(rf"^server +ok +one uses it: {server.endpoint}$", done.stdout, re.MULTILINE)
        support.wait_for_sample_data(server.client("s3"))
    content = (data / "millrace.db").read_bytes()
    (data / "millrace.db").write_bytes(content[:8192] + b"\xa5" * 8192 + content[16384:])
    (data / "key").chmod(0o644)
    done = millrace("doctor", "--data-dir", data, "--json")
    assert done.returncode == 1
    bad = {c["name"]: c["what"] for c in json.loads(done.stdout)["checks"] if c["finding"] == "bad"}
    assert set(bad) == {"database", "key"} and "restore a backup" in bad["database"]
    assert millrace("doctor", "--data-dir", tmp_path / "nowhere").returncode == 0
    assert not (tmp_path / "nowhere").exists()


# --- backup -------------------------------------------------------------------------------------------------------------


def test_a_backup_under_load_goes_on_elsewhere(tmp_path):
    data, copy = tmp_path / "data", tmp_path / "elsewhere" / "copy"
    copy.parent.mkdir()
    with support.running(data) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        support.wait_for_sample_data(s3)
        _, ended = create_run(server, "echo of-before")
        support.wait_for_run(server, ended["run_id"])
        _, under_way = create_run(server, "sleep 4; echo again")
        written, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                key = f"object-{len(written)}"
                s3.put_object(Bucket="kept", Key=key, Body=key.encode() * 1000)
                written.append(key)

        writer = threading.Thread(target=load)
        writer.start()
        wait_for(lambda: len(written) > 20, "load")
        before = list(written)
        done = millrace("backup", copy, "--data-dir", data)
        stop.set()
        writer.join()
        assert done.returncode == 0, done.stderr
        assert support.wait_for_run(server, under_way["run_id"])["state"] == "SUCCEEDED"
    assert oct(copy.stat().st_mode)[-3:] == "700" and not copy.with_name("copy.partial").exists()
    assert sqlite3.connect(copy / "millrace.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.rmtree(data)
    with support.running(copy) as server:
        s3 = server.client("s3")
        listed = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="kept") for o in page["Contents"]]
        assert set(before) <= set(listed)
        for key in listed:
            assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == key.encode() * 1000
        assert json.loads(server.request(f"/apis/v2beta1/runs/{ended['run_id']}")[1])["state"] == "SUCCEEDED"
        # Its step ran when the copy was made: here it begins again, and without a retry policy all the same.
        state = support.wait_for_run(server, under_way["run_id"])["state"]
        assert state == "SUCCEEDED", support.why(server, under_way["run_id"])
        logs = millrace("logs", ended["run_id"], "--url", server.endpoint)
        assert "of-before" in logs.stdout, logs.stderr


def test_a_backup_replaces_nothing(tmp_path):
    (tmp_path / "there").mkdir()
    with support.running(tmp_path / "data"):
        done = millrace("backup", tmp_path / "there", "--data-dir", tmp_path / "data")
    assert done.returncode != 0 and "is there already" in done.stderr
    done = millrace("backup", tmp_path / "other", "--data-dir", tmp_path / "nothing")
    assert done.returncode != 0 and "no database" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["data", "data.stderr", "there"]
