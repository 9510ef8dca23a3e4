"""The same commands and calls against Millrace and against a real kube-apiserver: kubectl 1.20 and 1.37 with
kubectl/commands.txt and kubectl/custom.txt, and the Python client (python_calls.py). Every difference is a row of
docs/kubernetes-api.md, with its reason from kubectl/reasons.yaml; one without a reason fails.

    MILLRACE_RECORD=1 ./dev nightly kube_apiserver    # writes the rows anew; read the difference
"""

import difflib
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

import support
import test_kubectl

import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kube_apiserver  # noqa: E402
import python_calls  # noqa: E402

PAGE = support.ROOT / "docs" / "kubernetes-api.md"
BEGIN, END = "<!-- differences: begin -->", "<!-- differences: end -->"
REASONS = yaml.safe_load((test_kubectl.HERE / "reasons.yaml").read_text())
GROUP = "sagemaker.services.k8s.aws"
MOST_LINES, MOST_CHARACTERS = 2, 220  # of an output, in a row


def definitions(server):
    """The custom resources as a cluster would get them: our schemas in the form of CustomResourceDefinitions."""
    environment = server.environment()
    raw = lambda path: json.loads(subprocess.run([test_kubectl.newest(), "get", "--raw", path], env=environment, check=True, capture_output=True).stdout)  # noqa: E731
    schemas = raw(f"/openapi/v3/apis/{GROUP}/v1alpha1")["components"]["schemas"]
    for kind in raw(f"/apis/{GROUP}/v1alpha1")["resources"]:
        if "/" in kind["name"]:
            continue
        schema = schemas[f"aws.k8s.services.sagemaker.v1alpha1.{kind['kind']}"]
        properties = {**schema["properties"], "metadata": {"type": "object"}}
        for part in ("spec", "status"):
            if properties[part] == {"type": "object"}:
                properties[part]["x-kubernetes-preserve-unknown-fields"] = True
        version = {
            "name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "description": schema["description"], "properties": properties}},
        }  # fmt: skip
        word = next((f for f in properties["status"].get("properties", {}) if f.lower() == (kind["kind"] + "Status").lower()), None)
        if word:
            second = [{"name": "SECONDARY-STATUS", "type": "string", "jsonPath": ".status.secondaryStatus"}]
            version["additionalPrinterColumns"] = [
                {"name": "FAILURE-REASON", "type": "string", "jsonPath": ".status.failureReason", "priority": 1},
                *(second if kind["kind"] == "TrainingJob" else []),
                {"name": "STATUS", "type": "string", "jsonPath": f".status.{word}"},
            ]
        names = {"kind": kind["kind"], "listKind": kind["kind"] + "List", "plural": kind["name"], "singular": kind["singularName"]}
        yield {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{kind['name']}.{GROUP}"},
            "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
        }  # fmt: skip


@pytest.fixture(scope="module")
def real(server, tmp_path_factory):
    with kube_apiserver.running(tmp_path_factory.mktemp("kube")) as kubeconfig:
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        kubectl = lambda *words, **more: subprocess.run([test_kubectl.newest(), *words], env=environment, check=True, capture_output=True, text=True, **more)  # noqa: E731
        kubectl("create", "namespace", "kubeflow")
        kubectl("create", "--validate=false", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(definitions(server))}))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield kubeconfig


def by_command(text):
    """Command → what it printed, of a file that test_kubectl.outputs() makes; a command that comes twice is numbered."""
    said = {}
    for part in re.split(r"(?m)^\$ ", text)[1:]:
        command, _, output = part.partition("\n")
        name, count = command, 1
        while name in said:
            count += 1
            name = f"{command}  ({count})"
        said[name] = without_versions(output.rstrip("\n"))
    return said


def without_versions(text):
    for pattern, instead in (
        (r'("?resourceVersion"?: )"?\d+"?', r"\1VERSION"),
        (r"(?m)^(\s*)-? ?managedFields:\n(?:\1[ -].*\n?)*", ""),
    ):
        text = re.sub(pattern, instead, text)
    return text


@pytest.fixture(scope="module")
def differences(server, real, tmp_path_factory):
    """Rows (command, client, real, ours)."""
    import kubernetes

    rows = []
    ours = server.data_dir / "kubeconfig"
    for which, kubectl in (("1.20", test_kubectl.debians()), ("1.37", test_kubectl.newest())):
        for file in ("commands.txt", "custom.txt"):
            said = []
            for kubeconfig in (real, ours):
                folder = tmp_path_factory.mktemp("commands")
                shutil.copy(kubeconfig, folder / "kubeconfig")
                said.append(by_command(test_kubectl.outputs(kubectl, folder / "kubeconfig", folder, file)))
            assert list(said[0]) == list(said[1]) and len(said[0]) > 20
            rows += [(command, which, said[0][command], said[1][command]) for command in said[0] if said[0][command] != said[1][command]]
    answers = []
    for kubeconfig in (real, ours):
        answers.append(python_calls.answers(kubernetes.config.new_client_from_config(config_file=str(kubeconfig))))
    rows += [(name, "Python", answers[0][name], answers[1][name]) for name in answers[0] if answers[0][name] != answers[1][name]]
    return rows


def reason_for(command):
    return next((row["because"] for row in REASONS if re.search(row["command"], command)), None)


def cell(text, other):
    """What of a text the other has not."""
    lines = [line for line in text.splitlines() if line not in other.splitlines()] or ["(nothing)"]
    shown = "<br>".join(line.strip()[:MOST_CHARACTERS] for line in lines[:MOST_LINES])
    return shown.replace("|", "\\|") + (" …" if len(lines) > MOST_LINES else "")


def table(rows):
    grouped = {}
    for command, client, real_text, our_text in rows:
        grouped.setdefault((command, cell(real_text, our_text), cell(our_text, real_text)), []).append(client)
    lines = ["| what is asked | by | a cluster | here | because |", "| --- | --- | --- | --- | --- |"]
    for (command, real_text, our_text), clients in grouped.items():
        shown = command.replace("|", "\\|")
        lines.append(f"| `{shown}` | {', '.join(dict.fromkeys(clients))} | {real_text} | {our_text} | {reason_for(command)} |")
    return "\n".join(lines)


def test_every_difference_has_a_reason(differences):
    unexplained = []
    for command, client, real_text, our_text in differences:
        if reason_for(command):
            continue
        lines = difflib.unified_diff(real_text.splitlines(), our_text.splitlines(), "a cluster", "here", lineterm="", n=1)
        unexplained.append(f"{client}: {command}\n" + "\n".join(lines))
    assert not unexplained, "\n\n".join(unexplained)


def test_the_page_lists_them(differences):
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    made = f"{before}{BEGIN}\n{table(differences)}\n{END}{after}"
    if os.environ.get("MILLRACE_RECORD"):
        PAGE.write_text(made)
        return
    assert made == text, "write it anew with MILLRACE_RECORD=1"
