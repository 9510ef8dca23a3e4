"""Pipelines as they go wrong from one run to the next: a cache's surroundings that change, bytes that are gone, filters."""

import json
import sys
import urllib.parse

import pytest
import yaml

import support

sys.path.insert(0, str(support.ROOT / "tests" / "conformance"))
kfp = pytest.importorskip("kfp")
from kfp import compiler, dsl  # noqa: E402
from parts import read, write  # noqa: E402


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with support.running(data) as server:
        yield server, data


def submit(server, pipeline, directory, **arguments):
    file = directory / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(file))
    documents = [d for d in yaml.safe_load_all(file.read_text()) if d]
    spec = documents[0] if len(documents) == 1 else {"pipeline_spec": documents[0], "platform_spec": documents[1]}
    body = {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": arguments}}
    status, text = server.request("/apis/v2beta1/runs", body)
    assert status == 200, text
    run_id = json.loads(text)["run_id"]
    support.wait_for_run(server, run_id)
    run = json.loads(server.request(f"/console/api/runs/{run_id}")[1])
    return run["state"], {t["id"].partition("/")[2]: t for t in run["tasks"]}


@dsl.pipeline(name="cached-artifact-gone")
def artifact_gone():
    read(data=write(text="x").outputs["data"]).set_caching_options(False)


@dsl.container_component
def write_directory(data: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'mkdir -p "$0/sub"; echo a > "$0/a"; echo b > "$0/sub/b"'], args=[data.path])


@dsl.container_component
def read_directory(data: dsl.Input[dsl.Dataset]):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'cat "$0/a" "$0/sub/b"'], args=[data.path])


@dsl.pipeline(name="cached-directory-gone")
def directory_gone():
    read_directory(data=write_directory().outputs["data"]).set_caching_options(False)


def files_of(data, pipeline):
    return [f for f in (data / "pipelines" / "artifacts").rglob("*") if pipeline in str(f) and f.is_file()]


@pytest.mark.parametrize("what", ["file", "cut file", "all of a directory", "one of a directory"])
def test_a_hit_without_its_bytes_is_no_hit(place, tmp_path, what):
    server, data = place
    pipeline = artifact_gone if "directory" not in what else directory_gone
    maker = "write" if "directory" not in what else "write-directory"
    assert submit(server, pipeline, tmp_path)[0] == "SUCCEEDED"
    state, tasks = submit(server, pipeline, tmp_path)
    assert state == "SUCCEEDED" and tasks[maker]["cached"]
    files = files_of(data, pipeline.name)
    assert files
    for file in files[:1] if what.startswith("one") else files:
        file.write_bytes(b"") if what.startswith("cut") else file.unlink()
    state, tasks = submit(server, pipeline, tmp_path)
    assert state == "SUCCEEDED", tasks
    assert not tasks[maker]["cached"]
    state, tasks = submit(server, pipeline, tmp_path)
    assert state == "SUCCEEDED" and tasks[maker]["cached"]


@dsl.container_component
def say_key(out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'printf %s "$KEY" > "$0"'], args=[out])


@pytest.mark.parametrize("kind", ["secret", "config_map"])
def test_what_a_secret_or_config_map_holds_is_part_of_the_key(place, tmp_path, kind):
    kubernetes = pytest.importorskip("kfp.kubernetes")
    client = pytest.importorskip("kubernetes")
    server, _ = place

    @dsl.pipeline(name=f"cache-{kind.replace('_', '-')}")
    def pipeline():
        task = say_key()
        if kind == "secret":
            kubernetes.use_secret_as_env(task, secret_name="changes", secret_key_to_env={"key": "KEY"})
        else:
            kubernetes.use_config_map_as_env(task, config_map_name="changes", config_map_key_to_env={"key": "KEY"})

    api = client.client.CoreV1Api(client.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"]))
    meta = client.client.V1ObjectMeta(name="changes")
    as_secret = lambda value: client.client.V1Secret(metadata=meta, string_data={"key": value})  # noqa: E731
    as_map = lambda value: client.client.V1ConfigMap(metadata=meta, data={"key": value})  # noqa: E731
    make = getattr(api, f"create_namespaced_{kind}")
    change = getattr(api, f"replace_namespaced_{kind}")
    body = as_secret if kind == "secret" else as_map
    make("kubeflow", body("one"))
    said = []
    for value in ("one", "one", "two", "one"):
        change("changes", "kubeflow", body(value))
        state, tasks = submit(server, pipeline, tmp_path)
        assert state == "SUCCEEDED", tasks
        said.append((tasks["say-key"]["outputs"]["parameters"]["out"], tasks["say-key"]["cached"]))
    assert said == [("one", False), ("one", True), ("two", False), ("one", True)]


@pytest.mark.parametrize("what", ["runs", "experiments", "recurringruns", "pipelines"])
def test_created_at_in_seconds(place, tmp_path, what):
    server, _ = place
    submit(server, artifact_gone, tmp_path)
    for seconds, any_there in (("4000000000", what in ("runs", "experiments")), ("1", False)):
        wanted = {"predicates": [{"key": "created_at", "operation": "LESS_THAN", "string_value": seconds}]}
        status, text = server.request(f"/apis/v2beta1/{what}?filter=" + urllib.parse.quote(json.dumps(wanted)))
        assert status == 200, text
        assert bool(json.loads(text).get("total_size")) == any_there, text
