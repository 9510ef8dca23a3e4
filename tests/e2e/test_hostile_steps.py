"""Pipeline steps that leave links, FIFOs, holes and other runs' URIs, or never give a slot back: nothing of the server's
gets out by them, nothing is written elsewhere, and nothing waits for them. Needs no privileges; as root it holds too."""

import json
import time
import urllib.parse

import pytest

import support

LIMIT = 60  # seconds for a run that does nothing much
OUT = "{{$.outputs.artifacts['o'].path}}"
URI = "{{$.outputs.artifacts['o'].uri}}"
METADATA = "{{$.outputs.output_file}}"
PARAMETER = "{{$.outputs.parameters['p'].output_file}}"
KINDS = {
    "link": "ln -s {target} \"$1\"",
    "magic link": "ln -s /proc/self/root{target} \"$1\"",
    "FIFO": "mkfifo \"$1\"",
    "directory": "mkdir -p \"$1\"",
    "hole": "truncate -s 1T \"$1\"",
    "socket": "python3 -c 'import socket,sys,os; os.chdir(os.path.dirname(sys.argv[1])); "
    "socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))' \"$1\"",
}


def pipeline(script, words=(), parameters=(), artifacts=(), platform=None, tasks=1, cached=False):
    """One container step (or `tasks` of them that are alike), whose shell script gets `words`."""
    outputs = {}
    if parameters:
        outputs["parameters"] = {name: {"parameterType": "STRING"} for name in parameters}
    if artifacts:
        kind = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
        outputs["artifacts"] = {name: kind for name in artifacts}
    component = {"executorLabel": "e"} | ({"outputDefinitions": outputs} if outputs else {})
    task = {"componentRef": {"name": "c"}, "cachingOptions": {"enableCache": True} if cached else {}}
    spec = {
        "pipelineInfo": {"name": "hostile"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {"c": component},
        "deploymentSpec": {"executors": {"e": {"container": {"image": "i", "command": ["sh", "-c", script, "x", *words]}}}},
        "root": {"dag": {"tasks": {f"t{n}": task | {"taskInfo": {"name": f"t{n}"}} for n in range(tasks)}}},
    }
    if platform:
        return {"pipeline_spec": spec, "platform_spec": {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"e": platform}}}}}}
    return spec


def start(server, spec):
    status, text = server.request("/apis/v2beta1/runs", {"display_name": "hostile", "pipeline_spec": spec})
    assert status == 200, text
    return json.loads(text)["run_id"]


def ended(server, spec, limit=LIMIT):
    run = support.wait_for_run(server, start(server, spec), limit)
    return run["run_id"], run["state"]


def log_of(server, run, task="root/t0"):
    place = urllib.parse.quote(task, safe="")
    return json.loads(server.request(f"/console/api/runs/{run}/tasks/{place}/log")[1])["text"]


def error_of(server, run):
    return json.loads(server.request(f"/console/api/runs/{run}")[1])["error"]


def downloads(server, run):
    """(status, text) of each artifact of the run."""
    wanted = {"predicates": [{"operation": "EQUALS", "key": "run_id", "string_value": run}]}
    found = server.request("/apis/v2beta1/artifacts?filter=" + urllib.parse.quote(json.dumps(wanted)))[1]
    ids = [artifact["artifact_id"] for artifact in json.loads(found).get("artifacts", [])]
    return [server.request(f"/apis/v2beta1/artifacts/{one}:download") for one in ids]


def secrets(server):
    token = [line for line in (server.data_dir / "kubeconfig").read_text().splitlines() if "token:" in line]
    return [token[0].split()[-1], "BEGIN CERTIFICATE", '"endpoint"']


def holds(server, *texts):
    for secret in secrets(server):
        assert all(secret not in text for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_parameter_that_is_no_file(server, kind):
    script = 'rm -rf "$1"; ' + KINDS[kind].format(target=server.data_dir / "kubeconfig")
    run, state = ended(server, pipeline(script, [PARAMETER], parameters=["p"]))
    assert state == "FAILED"
    assert "the output p cannot be read" in error_of(server, run)
    holds(server, server.request(f"/apis/v2beta1/runs/{run}")[1], error_of(server, run))


@pytest.mark.parametrize("kind", KINDS)
def test_an_artifact_that_is_no_file(server, kind):
    script = 'mkdir -p "$(dirname "$1")"; ' + KINDS[kind].format(target=server.data_dir / "kubeconfig")
    run, state = ended(server, pipeline(script, [OUT], artifacts=["o"]))
    assert state == "SUCCEEDED"
    if kind != "hole":
        assert all(status != 200 for status, _ in downloads(server, run))
    assert server.request("/apis/v2beta1/healthz")[0] == 200


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_that_is_no_file(server, kind):
    script = 'mkdir -p "$(dirname "$1")"; ' + KINDS[kind].format(target=server.data_dir / "server.json")
    run, state = ended(server, pipeline(script, [METADATA], artifacts=["o"]))
    assert state == "FAILED"
    assert "output_metadata.json cannot be read" in error_of(server, run)


def described(uri, custom=None):
    artifact = {"name": "o", "uri": uri} | ({"custom_path": custom} if custom else {})
    return json.dumps({"artifacts": {"o": {"artifacts": [artifact]}}})


def telling(server, uri, custom=None, before="true"):
    """A run whose step writes metadata of its own; MINE in `uri` is the step's own URI."""
    script = f'{before}; mkdir -p "$(dirname "$2")"; printf %s "$1" | sed "s#MINE#$3#g" > "$2"'
    return ended(server, pipeline(script, [described(uri, custom), METADATA, URI], artifacts=["o"]))


def test_a_custom_path_is_the_steps_own(server):
    run, state = telling(server, "MINE", "/tmp/made", "echo made > /tmp/made")
    assert (state, downloads(server, run)) == ("SUCCEEDED", [(200, "made\n")])
    for path in ("/etc/passwd", f"/proc/self/root{server.data_dir}/key", "/tmp/../../../../key", "../../../../key", "/tmp/link"):
        run, state = telling(server, "MINE", path, f"ln -s {server.data_dir}/kubeconfig /tmp/link")
        assert state == "FAILED", path
        assert "cannot be taken from" in error_of(server, run)
    run, state = telling(server, "MINE", str(server.data_dir / "kubeconfig"))
    holds(server, *[text for _, text in downloads(server, run)])
    run, state = telling(server, "MINE", "/tmp/hole", "truncate -s 1T /tmp/hole")
    assert state == "FAILED"
    run, state = telling(server, "MINE", "/tmp/many", "mkdir /tmp/many; cd /tmp/many; seq 150000 | xargs touch")
    assert state == "FAILED"


def test_a_uri_is_the_steps_own(server):
    victim, state = ended(server, pipeline('mkdir -p "$(dirname "$1")"; echo private > "$1"; echo "$2"', [OUT, URI], artifacts=["o"]))
    assert state == "SUCCEEDED"
    theirs = log_of(server, victim).strip()
    assert theirs.startswith("minio://")
    planted = server.data_dir / "planted"
    for uri in (theirs, str(planted), f"file://{planted}", "MINE/../../../../x", "minio:///etc/passwd", f"/minio/{theirs[8:]}"):
        run, state = telling(server, uri, "/tmp/made", "echo made > /tmp/made")
        assert state == "FAILED", uri
        assert all("private" not in text for _, text in downloads(server, run))
    assert not planted.exists()
    assert [text for _, text in downloads(server, victim)] == ["private\n"]


def test_artifacts_of_other_runs_are_not_seen(server):
    victim, _ = ended(server, pipeline('mkdir -p "$(dirname "$1")"; echo private > "$1"; echo "$1"', [OUT], artifacts=["o"]))
    path = log_of(server, victim).strip()
    run, state = ended(server, pipeline(f'cat {path} 2>&1; find /minio 2>/dev/null; echo changed > {path}; true', [OUT], artifacts=["o"]))
    assert "private" not in log_of(server, run)
    assert victim not in log_of(server, run).replace(path, "")
    assert [text for _, text in downloads(server, victim)] == ["private\n"]


def test_a_log_that_is_exchanged(server):
    script = f'rm -f "$HOME/log.txt"; ln -s {server.data_dir}/kubeconfig "$HOME/log.txt"; echo said; exit 3'
    run, _ = ended(server, pipeline(script))
    assert log_of(server, run) == "said\n"
    holds(server, log_of(server, run), error_of(server, run))


def test_the_end_of_a_log_is_printable(server):
    run, _ = ended(server, pipeline("printf '\\033[31mred\\033]0;title\\007\\n'; exit 1"))
    assert all(character >= " " for character in error_of(server, run))
    assert "red" in error_of(server, run)


def test_a_claims_sub_path_through_a_link(server):
    mount = {"pvcNameParameter": {"runtimeValue": {"constant": "shared"}}, "mountPath": "/v"}
    ended(server, pipeline(f"ln -sfn {server.data_dir} /v/x; ln -sfn / /v/y", platform={"pvcMount": [mount]}))
    for below in ("x", "x/pipelines", "y/tmp"):
        spec = pipeline("ls /v; echo x > /v/PLANTED", platform={"pvcMount": [mount | {"subPath": below}]})
        run, state = ended(server, spec)
        assert state == "FAILED", below
        assert "link" in error_of(server, run)
    assert not list(server.data_dir.rglob("PLANTED"))


def importing(uri):
    kind = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
    importer = {"artifactUri": {"constant": str(uri)}, "typeSchema": kind}
    given = {"taskOutputArtifact": {"outputArtifactKey": "artifact", "producerTask": "import"}}
    reader = {"image": "i", "command": ["sh", "-c", 'cat "$1"', "x", "{{$.inputs.artifacts['a'].path}}"]}
    return {
        "pipelineInfo": {"name": "import"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {
            "i": {"executorLabel": "i", "outputDefinitions": {"artifacts": {"artifact": {"artifactType": kind}}}},
            "r": {"executorLabel": "r", "inputDefinitions": {"artifacts": {"a": {"artifactType": kind}}}},
        },
        "deploymentSpec": {"executors": {"i": {"importer": importer}, "r": {"container": reader}}},
        "root": {
            "dag": {
                "tasks": {
                    "import": {"componentRef": {"name": "i"}, "taskInfo": {"name": "import"}, "cachingOptions": {}},
                    "t0": {
                        "componentRef": {"name": "r"},
                        "taskInfo": {"name": "t0"},
                        "cachingOptions": {},
                        "dependentTasks": ["import"],
                        "inputs": {"artifacts": {"a": given}},
                    },
                }
            }
        },
    }


def test_imports_from_this_machine_are_the_operators_to_allow(server, tmp_path):
    for uri in (server.data_dir / "key", f"file://{server.data_dir}/kubeconfig", "/etc/passwd"):
        run, state = ended(server, importing(uri))
        assert state == "FAILED"
        assert "--import-from" in error_of(server, run)


def test_a_run_of_another_is_imported_if_the_pipeline_says_so(server):
    made, _ = ended(server, pipeline('mkdir -p "$(dirname "$1")"; echo shared > "$1"; echo "$2"', [OUT, URI], artifacts=["o"]))
    run, state = ended(server, importing(log_of(server, made).strip()))
    assert (state, log_of(server, run)) == ("SUCCEEDED", "shared\n")


def test_slots_come_back_from_cached_and_hanging_steps(server):
    run, state = ended(server, pipeline("sleep 0.5; echo alike", tasks=40, cached=True))
    assert state == "SUCCEEDED"
    for _ in range(20):
        start(server, pipeline('rm -f "$1"; mkfifo "$1"', [PARAMETER], parameters=["p"]))
    assert ended(server, pipeline("true"))[1] == "SUCCEEDED"


@pytest.mark.parametrize("trap", ["exit 0", ""])
def test_a_terminated_run_is_no_success_and_ends(server, trap):
    run = start(server, pipeline(f"trap '{trap}' TERM; echo ready; while :; do sleep 0.1; done"))
    deadline = time.monotonic() + LIMIT
    while json.loads(server.request(f"/apis/v2beta1/runs/{run}")[1])["state"] != "RUNNING" or log_of(server, run) != "ready\n":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.request(f"/apis/v2beta1/runs/{run}:terminate", {})[0] == 200
    assert support.wait_for_run(server, run, 30)["state"] != "SUCCEEDED"
    assert error_of(server, run) == "the run was terminated"
    assert json.loads(server.request(f"/console/api/runs/{run}")[1])["tasks"][-1]["state"] == "CANCELED"


def test_directories_that_resist_are_removed(server):
    deep = "for i in range(3000): os.mkdir('d'); os.chdir('d')"
    script = f"mkdir closed; touch closed/x; chmod 0 closed; touch $(printf 'n%.0s' $(seq 255)); python3 -c \"import os\n{deep}\""
    run, state = ended(server, pipeline(f'cd "$HOME"; {script}'))
    assert state == "SUCCEEDED"
    assert server.request(f"/apis/v2beta1/runs/{run}", method="DELETE")[0] == 200
    assert not (server.data_dir / "pipelines/runs" / run).exists()
    assert not (server.data_dir / "pipelines/logs" / run).exists()
