"""Compiles the cases with the SDK, runs them all against one server, and compares what they did with what they must."""

import json
import re
import time
import urllib.parse

import yaml
from kfp import compiler

from case import FINAL

LIMIT = 240  # seconds for all runs together


def package_of(case, directory):
    """The message's pipeline_spec: the compiled document, or both where there is one of a platform."""
    path = directory / f"{case.name}.yaml"
    compiler.Compiler().compile(case.pipeline, str(path))
    documents = [d for d in yaml.safe_load_all(path.read_text()) if d]
    spec = documents[0]
    if not case.cached:
        for component in [spec["root"], *spec.get("components", {}).values()]:
            for task in component.get("dag", {}).get("tasks", {}).values():
                task.get("cachingOptions", {}).pop("enableCache", None)
    return spec if len(documents) == 1 else {"pipeline_spec": spec, "platform_spec": documents[1]}


class Runs:
    def __init__(self, server, directory):
        self.server, self.directory = server, directory

    def ask(self, path, body=None):
        return self.server.request(path, body)

    def submit(self, case):
        """(run id, "") or (None, why it was refused)."""
        config = {"parameters": case.arguments}
        if case.root:
            config["pipeline_root"] = case.root
        message = {
            "display_name": f"run of {case.name}",
            "pipeline_spec": package_of(case, self.directory),
            "runtime_config": config,
        }
        status, text = self.ask("/apis/v2beta1/runs", message)
        return (json.loads(text)["run_id"], "") if status == 200 else (None, text)

    def wait(self, run_ids):
        left, deadline = set(run_ids), time.monotonic() + LIMIT
        while left and time.monotonic() < deadline:
            for run_id in sorted(left):
                if json.loads(self.ask(f"/console/api/runs/{run_id}")[1])["state"] in FINAL:
                    left.discard(run_id)
            time.sleep(0.1)
        return left

    def tasks(self, run_id):
        run = json.loads(self.ask(f"/console/api/runs/{run_id}")[1])
        return {t["id"].partition("/")[2]: t for t in run["tasks"]}

    def problems(self, case, run_id, expected, before=None):
        """What differs from the expectation, a line each."""
        run = json.loads(self.ask(f"/console/api/runs/{run_id}")[1])
        tasks = {t["id"].partition("/")[2]: t for t in run["tasks"]}
        found = []
        if run["state"] != case.state:
            found.append(f"the run is {run['state']}, not {case.state}: {run['error']}")
            found += [self.why(run_id, t) for t in run["tasks"] if t["state"] == "FAILED" and not t["is_dag"]]
        if case.error and case.error not in json.dumps([run["error"], [t["error"] for t in run["tasks"]]]):
            found.append(f"no error says {case.error!r}: {[t['error'] for t in run['tasks'] if t['error']]}")
        for path, wanted in expected.items():
            task = tasks.get(path)
            if wanted is None:
                if task:
                    found.append(f"there is a task {path}")
                continue
            if task is None:
                found.append(f"there is no task {path}, but {sorted(tasks)}")
                continue
            if wanted in ("as before", "anew"):
                if (task["outputs"] == before[path]["outputs"]) != (wanted == "as before"):
                    found.append(f"{path} is not {wanted}: {task['outputs']}, {before[path]['outputs']}")
                continue
            state = wanted if isinstance(wanted, str) else "SUCCEEDED"
            if task["state"] != state:
                found.append(f"{path} is {task['state']}, not {state}: {task['error']}")
            if not isinstance(wanted, str):
                parameters = task["outputs"].get("parameters", {})
                for name, value in wanted.items():
                    if not same(parameters.get(name), value):
                        found.append(f"{path}.{name} is {parameters.get(name)!r}, not {value!r}")
        found += self.artifact_problems(case, run_id) if case.artifacts else []
        return found

    def artifact_problems(self, case, run_id):
        run = json.loads(self.ask(f"/apis/v2beta1/runs/{run_id}")[1])
        details = {t["task_id"].partition("/")[2]: t for t in run["run_details"]["task_details"]}
        for key, wanted in case.artifacts.items():
            path, _, output = key.rpartition(".")
            ids = details.get(path, {}).get("outputs", {}).get(output, {}).get("artifact_ids", [])
            if len(ids) != len(wanted):
                yield f"{key} has {len(ids)} artifacts, not {len(wanted)}"
                continue
            for artifact_id, one in zip(ids, wanted):
                yield from self.one_artifact(key, artifact_id, one)

    def one_artifact(self, key, artifact_id, wanted):
        artifact = json.loads(self.ask(f"/apis/v2beta1/artifacts/{artifact_id}")[1])
        for member, value in wanted.items():
            if member == "text":
                is_ = self.ask(f"/apis/v2beta1/artifacts/{artifact_id}:download")[1]
            else:
                is_ = artifact.get("artifact", artifact).get(member)
            if member == "metadata" and is_ is not None:
                is_ = {k: v for k, v in is_.items() if k in value}
            if not same(is_, value):
                yield f"{key}: its {member} is {is_!r}, not {value!r} ({artifact})"

    def why(self, run_id, task):
        path = f"/console/api/runs/{run_id}/tasks/{urllib.parse.quote(task['id'], safe='')}/log"
        log = json.loads(self.ask(path)[1]).get("text", "")
        return f"{task['id']}: {task['error']} {log[-600:]}"


def same(found, wanted):
    if isinstance(wanted, re.Pattern):
        return isinstance(found, str) and wanted.fullmatch(found) is not None
    # True == 1 in Python, and not in a pipeline.
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def run_all(server, cases, directory):
    """Case name → its problems; none is a pass."""
    runs, results, ids = Runs(server, directory), {}, {}
    for case in cases:
        run_id, refusal = runs.submit(case)
        if run_id and not case.refused:
            ids[case.name] = run_id
        elif case.refused and case.refused in refusal:
            results[case.name] = []
        else:
            results[case.name] = [f"refused: {refusal}" if refusal else f"not refused with {case.refused!r}"]
    late = runs.wait(ids.values())
    second = {}
    for case in cases:
        if case.name not in ids:
            continue
        if ids[case.name] in late:
            results[case.name] = [f"the run has not ended within {LIMIT} s"]
            continue
        results[case.name] = runs.problems(case, ids[case.name], case.tasks)
        if case.again is not None:
            second[case.name] = runs.submit(case)[0]
    runs.wait(filter(None, second.values()))
    for case in cases:
        if case.name in second:
            results[case.name] += ["again: " + p for p in runs.problems(case, second[case.name], case.again, runs.tasks(ids[case.name]))]
    return results


def table(cases, results):
    """The document's text: nothing in it but what the cases say and how they went."""
    passed = sum(1 for case in cases if not results[case.name])
    features = sum(len(case.features) for case in cases)
    lines = [
        "# Conformance to Kubeflow Pipelines",
        "",
        "Each pipeline below was compiled by the SDK (kfp 2.17, kfp-kubernetes 2.17) and run to its end against a live",
        "server; states of tasks, output parameters, and artifacts' types, metadata and bytes were compared with what",
        "`tests/conformance/pipelines/` says of them. `tests/e2e/test_conformance.py` writes this file (with",
        "`MILLRACE_CONFORMANCE=write`) and fails where it is not true.",
        "",
        f"{features} features, {len(cases)} pipelines: {passed} pass, {len(cases) - passed} fail.",
    ]
    for group in dict.fromkeys(case.group for case in cases):
        lines += ["", f"## {group.replace('_', ' ').capitalize()}", "", "| feature | pipeline | result |", "| --- | --- | --- |"]
        for case in cases:
            if case.group == group:
                result = "**fail**" if results[case.name] else "refused, and says why" if case.refused else "pass"
                lines += [f"| {feature} | `{case.name}` | {result} |" for feature in case.features]
    return "\n".join(lines) + "\n"
