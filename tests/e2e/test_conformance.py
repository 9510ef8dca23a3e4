"""The conformance table: every pipeline of tests/conformance runs to its end, and docs/kfp-conformance.md says so."""

import os
import pathlib
import sys

import pytest
import yaml

import support

HERE = support.ROOT / "tests" / "conformance"
sys.path.insert(0, str(HERE))
TABLE = support.ROOT / "docs" / "kfp-conformance.md"
ONLY = os.environ.get("MILLRACE_CONFORMANCE_ONLY", "")  # a piece of the names of the pipelines to run

kfp = pytest.importorskip("kfp")
import case as cases_module  # noqa: E402
import harness  # noqa: E402

CASES = [c for c in cases_module.load() if ONLY in c.name]
import counts  # noqa: E402, the image that pipelines/components.py found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    context = support.build_context(HERE / "containerised", tmp_path_factory.mktemp("image") / "context")
    given = ["--node-label", "disk=ssd", "--image", f"{counts.IMAGE}={context}"]
    with support.running(tmp_path_factory.mktemp("data"), arguments=given) as server:
        put_keys(server)
        yield harness.run_all(server, CASES, tmp_path_factory.mktemp("packages"))


def put_keys(server):
    """The Secret and the ConfigMap that the pipelines name."""
    import kubernetes as k

    api = k.client.CoreV1Api(k.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"]))
    meta = lambda name: k.client.V1ObjectMeta(name=name)  # noqa: E731
    api.create_namespaced_secret("kubeflow", k.client.V1Secret(metadata=meta("letters"), string_data={"a": "alpha", "b": "beta"}))
    api.create_namespaced_config_map("kubeflow", k.client.V1ConfigMap(metadata=meta("colours"), data={"sky": "blue", "sun": "gold"}))


@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_pipeline(results, name):
    assert not results[name], "\n".join(results[name])


@pytest.mark.skipif(bool(ONLY), reason="only a part of the table was run")
def test_the_table_is_true(results):
    text = harness.table(CASES, results)
    if os.environ.get("MILLRACE_CONFORMANCE") == "write":
        TABLE.write_text(text)
    assert TABLE.read_text() == text, "write it anew with MILLRACE_CONFORMANCE=write"


# Pipelines that are not part of the checkout: a directory of compiled ones, each of which must succeed with its defaults.
SHARED = os.environ.get("MILLRACE_KFP_PIPELINES")
if SHARED:

    @pytest.mark.parametrize("file", sorted(pathlib.Path(SHARED).glob("*.yaml")), ids=lambda file: file.stem)
    def test_shared(server, file):
        documents = [d for d in yaml.safe_load_all(file.read_text()) if d]
        inputs = documents[0]["root"].get("inputDefinitions", {}).get("parameters", {})
        values = {"STRING": "text", "NUMBER_INTEGER": 3, "NUMBER_DOUBLE": 2.5, "BOOLEAN": True, "LIST": [1], "STRUCT": {"a": 1}}
        needed = {n: values[p["parameterType"]] for n, p in inputs.items() if "defaultValue" not in p and not p.get("isOptional")}
        run_id = support.start_run(server, needed, package=file)
        run = support.wait_for_run(server, run_id)
        assert run["state"] == "SUCCEEDED", support.why(server, run_id)
