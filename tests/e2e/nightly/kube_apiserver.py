"""A real kube-apiserver with its etcd, for comparisons. Of a cluster's controllers there are the two that the comparisons
need, in a few lines: each namespace gets its service account, and one that is deleted ends. No scheduler, no nodes."""

import contextlib
import json
import os
import pathlib
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import yaml

import support

VERSION = "1.37.2"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "millrace" / f"kube-{VERSION}"
BUILD = pathlib.Path(__file__).resolve().parent / "build_kube_apiserver.sh"
BUILD_LIMIT = 5400  # seconds
START_LIMIT = 120


def programs():
    """The directory of kube-apiserver and etcd, which are built where they are not there."""
    if not all((CACHE / name).exists() for name in ("kube-apiserver", "etcd")):
        support.need("go")
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([BUILD, CACHE], capture_output=True, text=True, timeout=BUILD_LIMIT)
        if done.returncode != 0:
            support.missing(f"kube-apiserver {VERSION} ({done.stderr.strip()[-300:]})")
    return CACHE


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextlib.contextmanager
def running(directory):
    """Yields the path of an administrator's kubeconfig, with the context name of ours."""
    built = programs()
    directory.mkdir(parents=True, exist_ok=True)
    client, peer, port = free_ports(3)
    token = secrets.token_hex(16)
    (directory / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    subprocess.run(["openssl", "genrsa", "-out", directory / "sa.key", "2048"], check=True, capture_output=True)
    clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    etcd = [
        built / "etcd", "--name", "t", "--data-dir", directory / "etcd", "--unsafe-no-fsync",
        "--listen-client-urls", clients, "--advertise-client-urls", clients,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"t={peers}",
    ]  # fmt: skip
    apiserver = [
        built / "kube-apiserver", f"--etcd-servers={clients}", "--bind-address=127.0.0.1", f"--secure-port={port}",
        "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", f"--cert-dir={directory}/certs",
        f"--token-auth-file={directory}/tokens.csv", "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={directory}/sa.key",
        f"--service-account-signing-key-file={directory}/sa.key", "--service-cluster-ip-range=10.96.0.0/24",
        "--disable-admission-plugins=ServiceAccount", "--allow-privileged=true",
    ]  # fmt: skip
    processes = []
    ended = threading.Event()
    controllers = threading.Thread(target=keep_namespaces, args=(port, token, ended))
    try:
        for name, command in (("etcd", etcd), ("kube-apiserver", apiserver)):
            with open(directory / f"{name}.log", "wb") as log:
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        wait_until_ready(directory, port, token, processes)
        kubeconfig = directory / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(config(directory, port, token)))
        controllers.start()
        yield kubeconfig
    finally:
        ended.set()
        if controllers.is_alive():
            controllers.join()
        for process in reversed(processes):  # at once: an orderly end waits for watches
            process.kill()
            process.wait()
        shutil.rmtree(directory / "etcd", ignore_errors=True)


def config(directory, port, token):
    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(directory / "certs" / "apiserver.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "millrace",
        "clusters": [{"name": "millrace", "cluster": server}],
        "users": [{"name": "millrace", "user": {"token": token}}],
        "contexts": [{"name": "millrace", "context": {"cluster": "millrace", "user": "millrace", "namespace": "kubeflow"}}],
    }


def ask(port, token, path, body=None, method=None):
    """The answer as a dictionary; None where it is refused."""
    unchecked = ssl._create_unverified_context()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10, context=unchecked) as answer:
            return json.loads(answer.read())
    except (urllib.error.URLError, OSError):
        return None


def keep_namespaces(port, token, ended):
    known = set()
    while not ended.wait(0.1):
        for item in (ask(port, token, "/api/v1/namespaces") or {"items": []})["items"]:
            name = item["metadata"]["name"]
            if "deletionTimestamp" in item["metadata"]:
                inner = f"/api/v1/namespaces/{name}"
                for claim in (ask(port, token, f"{inner}/persistentvolumeclaims") or {"items": []})["items"]:
                    claim["metadata"]["finalizers"] = []  # no controller says that nobody uses it
                    ask(port, token, f"{inner}/persistentvolumeclaims/{claim['metadata']['name']}", claim, "PUT")
                for plural in ("secrets", "configmaps", "serviceaccounts", "persistentvolumeclaims"):
                    ask(port, token, f"{inner}/{plural}", method="DELETE")
                ask(port, token, f"/api/v1/namespaces/{name}/finalize", {**item, "spec": {"finalizers": []}}, "PUT")
            elif (name, item["metadata"]["uid"]) not in known:
                ask(port, token, f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
                known.add((name, item["metadata"]["uid"]))


def wait_until_ready(directory, port, token, processes):
    unchecked = ssl._create_unverified_context()  # the certificate is made while it starts
    request = urllib.request.Request(f"https://127.0.0.1:{port}/readyz", headers={"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5, context=unchecked) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        ended = [p.args[0].name for p in processes if p.poll() is not None]
        log = (directory / f"{(ended or ['kube-apiserver'])[0]}.log").read_text(errors="replace")[-1500:]
        assert not ended and time.monotonic() < deadline, f"no API server is ready: {log}"
        time.sleep(0.1)
