"""What one run may do to others: a step is known by its connection, has the rights of its run, and leaves nothing that
another run's step executes. As root, and as an ordinary user."""

import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import textwrap
import time
import urllib.request

import pytest
import yaml

import support

USER = 1234  # an ordinary user; needs no entry in /etc/passwd
API = "/apis/v2beta1"
# What every program of a step begins with.
PRELUDE = """
import array, json, os, socket, ssl, subprocess, sys, time, urllib.error, urllib.request as u
base = os.environ["AWS_ENDPOINT_URL"]
host, port = base.split("//")[1].rsplit(":", 1)
def call(method, path, body=None, headers={}, base=base):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = u.Request(base + path, data=data, method=method, headers={"Content-Type": "application/json", **headers})
    try:
        with u.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
def request_bytes(path, body):
    text = json.dumps(body).encode()
    return b"POST %s HTTP/1.1\\r\\nHost: %s:%s\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % (path.encode(), host.encode(), port.encode(), len(text)) + text
"""


def pipeline(code, platform=None, environment=None, name="p"):
    """One task t that runs a Python program."""
    container = {"image": "i", "command": ["python3", "-c", PRELUDE + textwrap.dedent(code)]}
    if environment:
        container["env"] = [{"name": k, "value": v} for k, v in environment.items()]
    spec = {
        "pipelineInfo": {"name": name},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.14.0",
        "components": {"c": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": {"e": {"container": container}}},
        "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "c"}, "taskInfo": {"name": "t"}, "cachingOptions": {}}}}},
    }
    if not platform:
        return spec
    return {"pipeline_spec": spec, "platform_spec": {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"e": platform}}}}}}


def secret(name):
    return {"secretAsEnv": [{"secretName": name, "keyToEnv": [{"secretKey": "password", "envVar": "PW"}]}]}


class OwnServer(support.Server):
    """Of an ordinary user, where the tests run as root."""

    def __init__(self, data_dir, user=None, **options):
        super().__init__(data_dir, **options)
        self.user = user

    def start(self):
        if self.user is None:
            return super().start()
        program = self.data_dir.parent / "millrace-as-user"
        program.write_text(f'#!/bin/sh\nexec setpriv --reuid {self.user} --regid {self.user} --clear-groups "{support.MILLRACE}" "$@"\n')
        program.chmod(0o755)
        kept, support.MILLRACE = support.MILLRACE, program
        try:
            return super().start()
        finally:
            support.MILLRACE = kept

    def run(self, spec, name="r"):
        status, text = self.request(API + "/runs", {"display_name": name, "pipeline_spec": spec})
        assert status == 200, text
        return json.loads(text)["run_id"]

    def end(self, run, limit=60):
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            view = json.loads(self.request(f"{API}/runs/{run}")[1])
            if view["state"] in support.FINAL:
                return view
            time.sleep(0.05)
        raise AssertionError(f"{run} does not end")

    def log(self, run, task="t"):
        return json.loads(self.request(f"/console/api/runs/{run}/tasks/root%2F{task}/log")[1])["text"]

    def log_has(self, run, word):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if word in self.log(run):
                return self.log(run)
            time.sleep(0.05)
        raise AssertionError(f"{word} is not in the log: {self.log(run)}")

    def told(self, spec):
        """The JSON on the last line of a step's log."""
        run = self.run(spec)
        view = self.end(run)
        log = self.log(run)
        assert view["state"] == "SUCCEEDED", log
        return json.loads(log.strip().splitlines()[-1])

    def put_secret(self, name, password):
        token = yaml.safe_load((self.data_dir / "kubeconfig").read_text())["users"][0]["user"]["token"]
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": password}}
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/api/v1/namespaces/kubeflow/secrets",
            method="POST",
            data=json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, context=ssl._create_unverified_context()).read()

    def runs(self):
        return {run["display_name"]: run for run in json.loads(self.request(API + "/runs?page_size=200")[1]).get("runs", [])}


@pytest.fixture(scope="module", params=["root", "user"])
def server(request):
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("the server is root only where the tests are")
    if request.param == "user" and os.geteuid() == 0 and not shutil.which("setpriv"):
        support.missing("setpriv")
    place = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o777)
    user = USER if request.param == "user" and os.geteuid() == 0 else None
    server = OwnServer(place / "data", user)
    server.start()
    server.put_secret("other", "s3cr3t-of-another")
    server.put_secret("mine", "s3cr3t-of-mine")
    yield server
    server.stop()
    shutil.rmtree(place, ignore_errors=True)


def test_a_step_works_with_the_runs_that_it_has_started(server):
    child = pipeline('print("GOT", os.environ["PW"])', platform=secret("mine"))
    program = """
        started = json.loads(call("POST", "/apis/v2beta1/runs", {"display_name": "child", "pipeline_spec": json.loads(os.environ["CHILD"])})[1])
        run = started["run_id"]
        for _ in range(400):
            state = json.loads(call("GET", "/apis/v2beta1/runs/" + run)[1])["state"]
            if state in ("SUCCEEDED", "FAILED"):
                break
            time.sleep(0.05)
        listed = [each["run_id"] for each in json.loads(call("GET", "/apis/v2beta1/runs?page_size=100")[1])["runs"]]
        log = call("GET", f"/console/api/runs/{run}/tasks/root%2Ft/log")[1]
        old = json.loads(call("GET", "/apis/v1beta1/runs/" + run)[1])["run"]["status"]
        own = os.environ["KFP_POD_UID"].split("/")[1]
        print(json.dumps({"state": state, "log": log, "old": old, "listed": sorted(listed) == sorted([run, own]), "archive": call("POST", f"/apis/v2beta1/runs/{run}:archive")[0], "delete": call("DELETE", f"/apis/v2beta1/runs/{run}")[0]}))
    """
    told = server.told(pipeline(program, platform=secret("mine"), environment={"CHILD": json.dumps(child)}))
    assert told["state"] == "SUCCEEDED"
    assert "GOT s3cr3t-of-mine" in told["log"]
    assert told["old"] == "Succeeded"
    assert told["listed"], "a step's list shows its own family alone"
    assert (told["archive"], told["delete"]) == (200, 200)


def test_no_way_leads_to_anothers_secrets_and_runs(server):
    """Each way is tried from one step; the answers are looked at here."""
    victim = server.run(pipeline('print("TOKEN", os.environ["MILLRACE_TASK_TOKEN"], os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], flush=True); time.sleep(60)'), "victim")
    _, token, url = server.log_has(victim, "TOKEN").split()
    wants = pipeline('print("GOT", os.environ["PW"])', platform=secret("other"))
    stored = server.request(API + "/pipelines", {"name": f"stored-{server.port}"})
    assert stored[0] == 200, stored
    program = """
        wants, victim, token, url = (os.environ[name] for name in ("WANTS", "VICTIM", "OTHER_TOKEN", "OTHER_URL"))
        v2, v1 = "/apis/v2beta1", "/apis/v1beta1"
        spec = json.loads(wants)
        def run(name):
            return {"display_name": name, "pipeline_spec": spec}
        out = {}
        def note(name, answer):
            out[name] = answer[0]
        note("plain", call("POST", v2 + "/runs", run("plain")))
        out["sentence"] = call("POST", v2 + "/runs", run("plain"))[1]
        note("another's token", call("POST", v2 + "/runs", run("token"), {"Authorization": "Bearer " + token}))
        note("a changed token", call("POST", v2 + "/runs", run("token"), {"Authorization": "Bearer " + os.environ["MILLRACE_TASK_TOKEN"][:-1] + "x"}))
        note("its own token", call("POST", v2 + "/runs", run("token"), {"Authorization": "Bearer " + os.environ["MILLRACE_TASK_TOKEN"]}))
        note("the older API", call("POST", v1 + "/runs", {"name": "old", "pipeline_spec": {"pipeline_manifest": wants}}))
        note("a job", call("POST", v1 + "/jobs", {"name": "job", "pipeline_spec": {"pipeline_manifest": wants}, "max_concurrency": "1", "trigger": {"periodic_schedule": {"interval_second": "1"}}}))
        note("a recurring run", call("POST", v2 + "/recurringruns", {"display_name": "again", "pipeline_spec": spec, "max_concurrency": "1", "mode": "ENABLE", "trigger": {"periodic_schedule": {"interval_second": "1"}}}))
        note("a service account", call("POST", v2 + "/runs", {"display_name": "account", "pipeline_spec": {**spec.get("pipeline_spec", spec)}, "service_account": "admin"}))
        for verb, name in (("GET", ""), ("DELETE", ""), ("POST", ":retry"), ("POST", ":terminate"), ("POST", ":archive"), ("GET", "/visualizations"), ("GET", "/nodes/root%2Ft/log")):
            note(f"{verb} {name}", call(verb, f"{v2}/runs/{victim}{name}", b"{}" if verb == "POST" else None))
        note("old retry", call("POST", f"{v1}/runs/{victim}/retry", b"{}"))
        note("old log", call("GET", f"{v1}/runs/{victim}/nodes/root%2Ft/log"))
        note("console log", call("GET", f"/console/api/runs/{victim}/tasks/root%2Ft/log"))
        note("console", call("GET", "/console/api/overview"))
        note("console's events", call("GET", "/console/api/events"))
        note("identity", call("GET", "/millrace/identity/decisions"))
        note("stored artifacts", call("GET", "/artifacts/minio/mlpipeline/v2/x"))
        out["runs listed"] = victim in [each["run_id"] for each in json.loads(call("GET", v2 + "/runs?page_size=100")[1])["runs"]]
        out["kube"] = subprocess.run([sys.executable, "-c", "import ssl,sys,urllib.request as u,urllib.error\\ntry: print(u.urlopen(sys.argv[1].replace('http:','https:')+'/api/v1/namespaces/kubeflow/secrets', context=ssl._create_unverified_context()).status)\\nexcept urllib.error.HTTPError as e: print(e.code)", base], capture_output=True, text=True).stdout.strip()
        note("another's credentials", call("GET", url[len(base):], headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}))
        note("its own credentials", call("GET", os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"][len(base):], headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}))
        # A request whose socket nobody holds when it is read: closed at once, or on its way to another process.
        k = socket.create_connection((host, int(port))); k.sendall(request_bytes(v2 + "/runs", run("orphan"))); k.close()
        a, b = socket.socketpair()
        k = socket.create_connection((host, int(port)))
        socket.send_fds(a, [b"x"], [k.fileno()])
        data = request_bytes(v2 + "/runs", run("smuggled")); first, rest = data[:-5], data[-5:]
        k.sendall(first); k.close()
        message, descriptors, _, _ = socket.recv_fds(b, 1, 1)
        k = socket.socket(fileno=descriptors[0]); socket.send_fds(a, [b"x"], [k.fileno()]); k.sendall(rest); k.close()
        time.sleep(1)
        _, descriptors, _, _ = socket.recv_fds(b, 1, 1)
        answer = socket.socket(fileno=descriptors[0]).recv(100).split()
        out["smuggled"] = int(answer[1]) if len(answer) > 1 else 0
        # A grandchild with a session of its own, whose parent is gone.
        r, w = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(0.2)
                os.write(w, str(call("POST", v2 + "/runs", run("orphaned"))[0]).encode())
            os._exit(0)
        os.wait()
        out["a daemon"] = int(os.read(r, 3))
        print(json.dumps(out))
    """
    told = server.told(pipeline(program, environment={"WANTS": json.dumps(wants), "VICTIM": victim, "OTHER_TOKEN": token, "OTHER_URL": url}))
    assert '"other"' in json.loads(told.pop("sentence"))["message"]
    assert told.pop("runs listed") is False
    assert told.pop("a changed token") == 401
    assert told.pop("its own credentials") == 200
    assert told.pop("another's credentials") == 401
    assert told.pop("kube") == "401"
    assert {name: status for name, status in told.items() if status != 403} == {}
    assert not {"plain", "token", "old", "job", "again", "orphan", "smuggled", "orphaned", "account"} & set(server.runs())
    assert server.runs()["victim"]["state"] == "RUNNING"
    server.request(f"{API}/runs/{victim}:terminate", {})


def test_a_step_gets_no_artifact_of_another_run_over_the_api(server):
    spec = pipeline("")
    spec["components"]["c"]["outputDefinitions"] = {"artifacts": {"o": {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}}}
    container = spec["deploymentSpec"]["executors"]["e"]["container"]
    container["command"] = ["sh", "-c", 'mkdir -p "$(dirname "$0")"; echo private > "$0"', "{{$.outputs.artifacts['o'].path}}"]
    run = server.run(spec)
    assert server.end(run)["state"] == "SUCCEEDED"
    filter_ = urllib.request.quote(json.dumps({"predicates": [{"operation": "EQUALS", "key": "run_id", "string_value": run}]}))
    artifact = json.loads(server.request(f"{API}/artifacts?filter={filter_}")[1])["artifacts"][0]
    assert server.request(f"{API}/artifacts/{artifact['artifact_id']}:download") == (200, "private\n")
    program = f"""
        one = "/apis/v2beta1/artifacts/{artifact['artifact_id']}"
        print(json.dumps([call("GET", one)[0], call("GET", one + ":download")[0], call("GET", "/apis/v2beta1/artifacts")[1],
              call("GET", "/apis/v2beta1/runs/{run}/nodes/root%2Ft/artifacts/o:read")[0]]))
    """
    told = server.told(pipeline(program))
    assert (told[0], told[1], told[3]) == (403, 403, 403)
    assert run not in told[2]
    importer = {
        "pipelineInfo": {"name": "imp"}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.14.0",
        "components": {"ci": {"executorLabel": "ei", "outputDefinitions": {"artifacts": {"artifact": {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}}}}},
        "deploymentSpec": {"executors": {"ei": {"importer": {"artifactUri": {"constant": artifact["uri"]}, "typeSchema": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}}}},
        "root": {"dag": {"tasks": {"imp": {"componentRef": {"name": "ci"}, "taskInfo": {"name": "imp"}, "cachingOptions": {}}}}},
    }
    program = """
        run = json.loads(call("POST", "/apis/v2beta1/runs", {"display_name": "import", "pipeline_spec": json.loads(os.environ["SPEC"])})[1])["run_id"]
        for _ in range(200):
            view = json.loads(call("GET", "/apis/v2beta1/runs/" + run)[1])
            if view["state"] in ("SUCCEEDED", "FAILED"):
                break
            time.sleep(0.05)
        print(json.dumps(view["state"]))
    """
    assert server.told(pipeline(program, environment={"SPEC": json.dumps(importer)})) == "FAILED"


def test_credentials_and_token_end_with_the_step(server):
    code = 'print("HAS", os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"], os.environ["MILLRACE_TASK_TOKEN"], flush=True); time.sleep(float(os.environ["FOR"]))'
    ended, going = server.run(pipeline(code, environment={"FOR": "0"})), server.run(pipeline(code, environment={"FOR": "100"}))
    server.end(ended)
    server.log_has(going, "HAS")
    ask = lambda run: server.request(run[1][len(server.endpoint):], headers={"Authorization": run[2]}.items())[0]
    of = lambda run: server.log(run).split()
    assert (ask(of(ended)), ask(of(going))) == (403, 200)
    presents = lambda run: server.request(API + "/runs", headers={"Authorization": "Bearer " + of(run)[3]}.items())
    assert presents(ended)[0] == 401
    status, text = presents(going)
    assert status == 200 and [each["run_id"] for each in json.loads(text)["runs"]] == [going], "who shows a token is that step"
    # Also for what goes on over a restart.
    server.kill()
    server.start()
    assert ask(of(going)) == 200
    kept = of(going)
    server.request(f"{API}/runs/{going}:terminate", {})
    server.end(going)
    assert ask(kept) == 403
    server.request(f"{API}/runs/{going}", method="DELETE")
    assert ask(kept) == 403


@pytest.mark.parametrize("listen", ["[::1]", "0.0.0.0"])
def test_steps_are_known_by_every_address(listen, tmp_path):
    """IPv6, and the machine's own address where the server listens widely."""
    place = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    process = subprocess.Popen([support.MILLRACE, "serve", "--data-dir", place / "data", "--listen", f"{listen}:0", "--allow-remote"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
        own = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
        hosts = ["[::1]"] if listen == "[::1]" else ["127.0.0.1", "127.0.0.2", *[h for h in own if ":" not in h]]
        at = f"http://{hosts[0]}:{port}"
        ask = lambda path, body=None: json.load(urllib.request.urlopen(urllib.request.Request(at + path, data=json.dumps(body).encode() if body else None, headers={"Content-Type": "application/json"})))
        program = f"""
            print(json.dumps([call("GET", "/apis/v2beta1/pipelines", base=f"http://{{h}}:{port}")[0] for h in {hosts}] + [call("GET", "/console/api/overview", base=f"http://{{h}}:{port}")[0] for h in {hosts}]))
        """
        run = ask(API + "/runs", {"display_name": "r", "pipeline_spec": pipeline(program)})["run_id"]
        deadline = time.monotonic() + 60
        while ask(f"{API}/runs/{run}")["state"] not in support.FINAL and time.monotonic() < deadline:
            time.sleep(0.05)
        log = ask(f"/console/api/runs/{run}/tasks/root%2Ft/log")["text"]
        assert json.loads(log) == [200] * len(hosts) + [403] * len(hosts)
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place, ignore_errors=True)


def test_a_daemon_that_outlives_its_step_has_no_rights():
    """Without a sandbox it can."""
    place = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    server = OwnServer(place / "data", arguments=["--no-sandbox"])
    server.start()
    try:
        program = """
            if os.fork() == 0:
                os.setsid()
                for n in (0, 1, 2): os.dup2(os.open("/dev/null", os.O_RDWR), n)
                if os.fork() == 0:
                    time.sleep(2)
                    open(os.environ["SAYS"], "w").write(str(call("GET", "/apis/v2beta1/runs")[0]))
                os._exit(0)
            os.wait()
        """
        says = place / "says"
        assert server.end(server.run(pipeline(program, environment={"SAYS": str(says)})))["state"] == "SUCCEEDED"
        deadline = time.monotonic() + 20
        while not (says.exists() and says.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not says.exists() or says.read_text() == "403"
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def test_the_api_can_be_closed_to_steps():
    place = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    server = OwnServer(place / "data", arguments=["--task-api", "closed"])
    server.start()
    try:
        told = server.told(pipeline('print(json.dumps([call("GET", path)[0] for path in ("/apis/v2beta1/runs", "/apis/v1beta1/pipelines", "/console/api/overview", "/apis/v2beta1/healthz")]))'))
        assert told == [403, 403, 403, 200]
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def load(function):
    from kfp import compiler

    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "p.yaml")
        compiler.Compiler().compile(function, file)
        documents = list(yaml.safe_load_all(open(file)))
    return documents[0] if len(documents) == 1 else {"pipeline_spec": documents[0], "platform_spec": documents[1]}


def test_environments_are_no_way_from_run_to_run(server):
    from kfp import dsl

    @dsl.component(packages_to_install=["six"])
    def poison() -> str:
        import glob
        import os
        import subprocess
        import sys

        import six

        done = []
        kept = six.__file__.split("/lib/")[0]
        for file in [six.__file__, kept + "/bin/python3", kept + "/published", kept + "/bin/new", kept + "/../new", os.path.dirname(six.__file__) + "/evil.pth"]:
            try:
                with open(file, "a") as out:
                    out.write("\nprint('POISONED')\n")
                done.append(file)
            except OSError:
                pass
        for words in (["mount", "-o", "remount,rw", kept], ["umount", kept]):
            if subprocess.run(words, capture_output=True).returncode == 0:
                done.append(words[0])
        # What it installs is its own.
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "six==1.15.0", "iniconfig==2.0.0"], check=True)
        version = subprocess.run([sys.executable, "-c", "import six, iniconfig; print(six.__version__)"], capture_output=True, text=True, check=True).stdout.strip()
        subprocess.run("pip install --quiet 'toml==0.10.2' && python3 -c 'import toml, kfp'", shell=True, check=True)
        import toml

        return f"{done} {version}"

    @dsl.component(packages_to_install=["six"])
    def look() -> str:
        import importlib.util

        import six

        return f"{six.__version__} {[name for name in ('iniconfig', 'toml', 'evil') if importlib.util.find_spec(name)]}"

    @dsl.pipeline(name="poison")
    def first():
        one = poison().set_caching_options(False)
        poison().after(one).set_caching_options(False)

    @dsl.pipeline(name="look")
    def second():
        one = look().set_caching_options(False)
        look().after(one).set_caching_options(False)

    run = server.run(load(first))
    view = server.end(run, 300)
    log = server.log(run, "poison") + server.log(run, "poison-2")
    assert view["state"] == "SUCCEEDED", log
    for _ in range(2):
        run = server.run(load(second))
        view = server.end(run, 300)
        log = server.log(run, "look") + server.log(run, "look-2")
        assert view["state"] == "SUCCEEDED", log
        assert "POISONED" not in log
    kept = list((server.data_dir / "pipelines" / "python").iterdir())
    assert all((each / "published").exists() for each in kept)
    assert not list((server.data_dir / "pipelines" / "python-builds").iterdir())
    for each in kept:
        assert "POISONED" not in "".join(file.read_text(errors="replace") for file in each.glob("lib/*/site-packages/six.py"))
        assert not list(each.glob("lib/*/site-packages/iniconfig*")) and not list(each.glob("lib/*/site-packages/toml*"))


def test_an_environment_that_cannot_be_made_is_not_used_later(server):
    from kfp import dsl

    @dsl.component(packages_to_install=["no-such-package-in-any-index-of-the-world"])
    def never():
        pass

    @dsl.pipeline(name="never")
    def both():
        never().set_caching_options(False)
        never().set_caching_options(False)

    before = set((server.data_dir / "pipelines" / "python").glob("*"))
    for _ in range(2):
        run = server.run(load(both))
        assert server.end(run, 300)["state"] == "FAILED"
        for task in ("never", "never-2"):
            assert "no-such-package" in server.log(run, task), "each that waited says why"
    assert set((server.data_dir / "pipelines" / "python").glob("*")) == before
    assert not list((server.data_dir / "pipelines" / "python-builds").iterdir())


def test_the_sdk_starts_runs_from_a_step(server):
    from kfp import dsl

    @dsl.component(packages_to_install=["kfp"])
    def starts(spec: str) -> str:
        import os
        import subprocess
        import sys
        import tempfile

        file = os.path.join(tempfile.mkdtemp(), "p.yaml")
        open(file, "w").write(spec)
        # In a process of its own: in a component's the SDK has no client.
        program = "\n".join(
            [
                'import os, sys, kfp',
                'file = sys.argv[1]',
                'client = kfp.Client(host=os.environ["AWS_ENDPOINT_URL"])',
                'made = client.create_run_from_pipeline_package(file, arguments={}, enable_caching=False, experiment_name="of-a-step")',
                'ended = client.wait_for_run_completion(made.run_id, timeout=100, sleep_duration=0.2)',
                'uploaded = client.upload_pipeline(file, pipeline_name="made-by-" + os.environ["KFP_POD_NAME"])',
                'assert {run.run_id for run in client.list_runs().runs} == {made.run_id, os.environ["KFP_POD_UID"].split("/")[1]}',
                'try:',
                '    client.create_recurring_run(client.get_experiment(experiment_name="of-a-step").experiment_id, "no", pipeline_package_path=file, interval_second=100)',
                '    raise SystemExit("a recurring run was made")',
                'except kfp.client.client.kfp_server_api.ApiException as error:',
                '    assert error.status == 403, error',
                'assert client.list_pipeline_versions(uploaded.pipeline_id).total_size == 1',
                'print(ended.state)',
            ]
        )
        environment = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
        return subprocess.run([sys.executable, "-c", program, file], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    @dsl.component
    def child() -> str:
        return "child"

    @dsl.pipeline(name="child")
    def of_the_step():
        child()

    @dsl.pipeline(name="starts")
    def parent(spec: str):
        starts(spec=spec).set_caching_options(False)

    status, text = server.request(API + "/runs", {"display_name": "sdk", "pipeline_spec": load(parent), "runtime_config": {"parameters": {"spec": yaml.safe_dump(load(of_the_step))}}})
    assert status == 200, text
    run = json.loads(text)["run_id"]
    view = server.end(run, 400)
    assert view["state"] == "SUCCEEDED", server.log(run, "starts")
