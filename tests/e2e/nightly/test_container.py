"""--executor container: tasks in their own images by podman."""

import json
import subprocess
import time

import pytest
from kfp import compiler, dsl, kubernetes

import containers
import support

IMAGE = "localhost/millrace-test:1"


@dsl.container_component
def shell(script: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-ec"], args=[script, out])


@dsl.container_component
def write(data: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-ec", 'mkdir -p "$(dirname "$0")"; echo from a container > "$0"'], args=[data.path])


@dsl.container_component
def read(data: dsl.Input[dsl.Dataset], out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-ec", 'cp "$0" "$1"'], args=[data.path, out])


@dsl.container_component
def entry(word: str):
    return dsl.ContainerSpec(image=IMAGE, args=[word])


@dsl.pipeline(name="all-of-it")
def all_of_it(endpoint: str):
    seen = shell(script=(
        'test -e /made-for-the-test; test ! -e /etc/debian_version; echo "$GREETING $FROM_SECRET" > "$0"; '
        'mkdir -p "$(dirname "$0")"; cat /letters/a >> "$0"; echo >> "$0"; test -w /tmp; env | cut -d= -f1 | sort > /tmp/names; '
        'grep -q AWS_ENDPOINT_URL /tmp/names; ! grep -q CONTAINERS_CONF /tmp/names; wget -qO- $AWS_ENDPOINT_URL/apis/v2beta1/healthz >> "$0"'
    )).set_env_variable("GREETING", "hello\nthere").set_caching_options(False).set_display_name("sees")
    kubernetes.use_secret_as_env(seen, "letters", {"b": "FROM_SECRET"})
    kubernetes.use_secret_as_volume(seen, "letters", "/letters")
    seen.set_memory_limit("64Mi")
    made = write()
    read(data=made.outputs["data"]).set_display_name("reads")
    entry(word="as the image's own command").set_display_name("entry")


@dsl.pipeline(name="one-script")
def one_script(script: str):
    shell(script=script).set_caching_options(False).set_display_name("it")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with containers.engine(tmp_path_factory.mktemp("podman"), IMAGE, '["/bin/echo", "entry point:"]') as podman:
        yield podman


@pytest.fixture(scope="module")
def server(engine, tmp_path_factory):
    with support.running(tmp_path_factory.mktemp("data"), arguments=["--executor", "container", "--container-engine", engine]) as running:
        yield running


@pytest.fixture(scope="module")
def start(server, tmp_path_factory):
    def start(pipeline, **arguments):
        file = tmp_path_factory.mktemp("package") / "p.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        return support.start_run(server, arguments, package=file)

    return start


def task_of(server, run_id, name):
    run = json.loads(server.request(f"/console/api/runs/{run_id}")[1])
    return next((t for t in run["tasks"] if t["display_name"] == name), None)


def log_of(server, run_id, name):
    task = task_of(server, run_id, name)
    return server.request(f"/apis/v1alpha1/runs/{run_id}/nodes/{task['pod_name']}/log")[1] if task and task["pod_name"] else ""


def test_a_pipeline_in_its_image(server, start, engine):
    import kubernetes as k

    api = k.client.CoreV1Api(k.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"]))
    api.create_namespaced_secret("kubeflow", k.client.V1Secret(metadata=k.client.V1ObjectMeta(name="letters"), string_data={"a": "alpha", "b": "beta\nand gamma"}))
    run = start(all_of_it, endpoint=server.endpoint)
    assert support.wait_for_run(server, run)["state"] == "SUCCEEDED", support.why(server, run)
    assert task_of(server, run, "reads")["outputs"]["parameters"]["out"] == "from a container\n"
    seen = task_of(server, run, "sees")["outputs"]["parameters"]["out"]
    assert seen.startswith("hello\nthere beta\nand gamma\nalpha\n") and "multi_user" in seen, seen
    assert "entry point: as the image's own command" in log_of(server, run, "entry")
    assert containers.of_ours(engine) == []


@pytest.mark.parametrize(("script", "words"), [("exit 7", "7"), ("nonsense", "127")])
def test_failures(server, start, engine, script, words):
    run = start(one_script, script=script)
    assert support.wait_for_run(server, run)["state"] == "FAILED"
    assert words in support.why(server, run)
    assert containers.of_ours(engine) == []


@pytest.mark.parametrize("told", [True, False])
def test_stopping(server, start, engine, told):
    trap = "trap 'echo told; exit 1' TERM; " if told else "trap '' TERM; "
    run = start(one_script, script=trap + "echo ready; while true; do sleep 0.1; done")
    wait_for(lambda: "ready" in log_of(server, run, "it"))
    assert len(containers.of_ours(engine)) == 1
    assert server.request(f"/apis/v2beta1/runs/{run}:terminate", {}, "POST")[0] == 200
    support.wait_for_run(server, run, limit=60)
    assert ("told" in log_of(server, run, "it")) == told
    wait_for(lambda: containers.of_ours(engine) == [])


def test_a_container_outlives_the_death_of_the_server(server, start, engine):
    run = start(one_script, script='echo ready; sleep 2; mkdir -p "$(dirname "$0")"; echo done > "$0"')
    wait_for(lambda: "ready" in log_of(server, run, "it"))
    server.kill()
    server.start()
    assert support.wait_for_run(server, run)["state"] == "SUCCEEDED", support.why(server, run)
    assert log_of(server, run, "it").count("ready") == 1


def test_an_engine_that_is_none(tmp_path):
    for name, words in (("/bin/false", "`/bin/false version` fails"), ("no-such-engine", "there is no no-such-engine")):
        command = [support.MILLRACE, "serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0", "--executor", "container", "--container-engine", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and words in done.stderr, done.stderr


def wait_for(condition, limit=30):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
