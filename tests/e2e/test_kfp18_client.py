"""The SDK 1.8 against a live server: its client's methods, and what its compiler writes, run to the end."""

import base64
import json
import time
import uuid
from typing import NamedTuple

import kfp
import kfp.components
import kubernetes
import pytest
from kfp import dsl
from kfp.components import InputPath, OutputPath, create_component_from_func, load_component_from_text
from kubernetes import client as k8s

import support

FINAL = ("Succeeded", "Failed", "Skipped", "Error")


@pytest.fixture(scope="module")
def client(server):
    return kfp.Client(host=server.endpoint)


@pytest.fixture(scope="module")
def experiment(client):
    return client.create_experiment("eighteen", description="pipelines of the SDK 1.8")


def finished(client, run_id, limit=60):
    """The client's own wait sleeps five seconds a look; this one does not."""
    deadline = time.monotonic() + limit
    while True:
        detail = client.get_run(run_id)
        if detail.run.status in FINAL:
            return detail
        assert time.monotonic() < deadline, detail.run.status
        time.sleep(0.1)


class Run:
    """A pipeline run to its end, and what it left."""

    def __init__(self, client, function, arguments=None, expect="Succeeded"):
        self.client = client
        made = client.create_run_from_pipeline_func(
            function, arguments or {}, experiment_name="eighteen", enable_caching=False
        )
        self.id = made.run_id
        self.detail = finished(client, self.id)
        self.workflow = json.loads(self.detail.pipeline_runtime.workflow_manifest)
        self.nodes = list(self.workflow["status"]["nodes"].values())
        assert self.detail.run.status == expect, [n.get("message") for n in self.nodes]

    def named(self, name):
        return [node for node in self.nodes if node["displayName"] == name]

    def phases(self, name):
        return sorted(node["phase"] for node in self.named(name))

    def artifact(self, node, name):
        answer = self.client.runs.read_artifact(run_id=self.id, node_id=node["id"], artifact_name=name)
        return base64.b64decode(answer.data).decode()

    def texts(self, name, output="Output"):
        """What each task of this name left in an output, in no order."""
        return sorted(self.artifact(n, f"{n['templateName']}-{output}") for n in self.named(name))


def double(n: int) -> int:
    return 2 * n


def describe(text: str, number: float = 0.5, flag: bool = False, items: list = [1], more: dict = {"a": 1}) -> str:
    return f"{text} {number} {flag} {items} {more}"


def join(a, b) -> str:
    return a + "-" + b


double_op, describe_op, join_op = map(create_component_from_func, (double, describe, join))


def test_experiments(client, experiment, server):
    assert client.create_experiment("eighteen").id == experiment.id
    assert client.get_experiment(experiment_id=experiment.id).name == "eighteen"
    assert client.get_experiment(experiment_name="eighteen").description == "pipelines of the SDK 1.8"
    assert experiment.id in [e.id for e in client.list_experiments(sort_by="created_at desc").experiments]
    with pytest.raises(ValueError, match="No experiment is found"):
        client.get_experiment(experiment_name="nobody's")
    # One table: the newer API sees the same.
    status, text = server.request(f"/apis/v2beta1/experiments/{experiment.id}")
    assert status == 200 and json.loads(text)["display_name"] == "eighteen"
    other = client.create_experiment("for a moment")
    client.archive_experiment(other.id)
    assert client.get_experiment(experiment_id=other.id).storage_state == "STORAGESTATE_ARCHIVED"
    client.delete_experiment(other.id)
    with pytest.raises(Exception) as refused:
        client.get_experiment(experiment_id=other.id)
    assert refused.value.status == 404
    assert client.get_kfp_healthz().multi_user is not True


@dsl.pipeline(name="Two steps", description="doubles twice")
def two_steps(n: int = 5):
    double_op(double_op(n).output).set_display_name("the second")


def test_upload_run_wait(client, experiment, tmp_path):
    package = str(tmp_path / "two.yaml")
    kfp.compiler.Compiler().compile(two_steps, package)
    name = f"two {uuid.uuid4()}"
    pipeline = client.upload_pipeline(package, pipeline_name=name, description="first")
    assert pipeline.name == name and pipeline.parameters[0].name == "n" and pipeline.parameters[0].value == "5"
    assert client.get_pipeline_id(name) == pipeline.id
    assert client.get_pipeline(pipeline.id).default_version.id
    second = client.upload_pipeline_version(package, pipeline_version_name="second", pipeline_id=pipeline.id)
    versions = client.list_pipeline_versions(pipeline.id, sort_by="created_at desc").versions
    assert [v.name for v in versions][0] == "second" and len(versions) == 2
    assert pipeline.id in [p.id for p in client.list_pipelines(page_size=100).pipelines]
    workflow = json.loads(client.pipelines.get_template(pipeline.id).template)
    assert workflow["kind"] == "Workflow"

    run = client.run_pipeline(experiment.id, "by version", params={"n": 7}, version_id=second.id)
    detail = client.wait_for_run_completion(run.id, timeout=60)
    assert detail.run.status == "Succeeded" and detail.run.error is None
    assert [(p.name, p.value) for p in detail.run.pipeline_spec.parameters] == [("n", "7")]
    references = {r.key.type: r.key.id for r in detail.run.resource_references}
    assert references == {"EXPERIMENT": experiment.id, "PIPELINE_VERSION": second.id}
    nodes = json.loads(detail.pipeline_runtime.workflow_manifest)["status"]["nodes"]
    left = {n["templateName"]: n["outputs"].get("parameters") for n in nodes.values() if n["type"] == "Pod"}
    assert left["double"] == [{"name": "double-Output", "value": "14"}]

    by_pipeline = client.run_pipeline(experiment.id, "by pipeline", pipeline_id=pipeline.id)
    by_file = client.run_pipeline(experiment.id, "by file", pipeline_package_path=package, params={"n": 1})
    for made in (by_pipeline, by_file):
        assert finished(client, made.id).run.status == "Succeeded"
    listed = client.list_runs(experiment_id=experiment.id, page_size=2, sort_by="created_at desc")
    assert [r.name for r in listed.runs] == ["by file", "by pipeline"] and listed.next_page_token
    only = json.dumps({"predicates": [{"op": 1, "key": "name", "stringValue": "by version"}]})
    assert [r.id for r in client.list_runs(experiment_id=experiment.id, filter=only).runs] == [run.id]

    client.runs.archive_run(run.id)
    assert client.get_run(run.id).run.storage_state == "STORAGESTATE_ARCHIVED"
    client.runs.unarchive_run(run.id)
    client.runs.delete_run(by_file.id)
    with pytest.raises(Exception) as refused:
        client.get_run(by_file.id)
    assert refused.value.status == 404
    client.delete_pipeline_version(second.id)
    client.delete_pipeline(pipeline.id)
    assert client.get_pipeline_id(name) is None


def test_recurring_runs(client, experiment, tmp_path, server):
    package = str(tmp_path / "two.yaml")
    kfp.compiler.Compiler().compile(two_steps, package)
    job = client.create_recurring_run(
        experiment.id, "Old Style", description="d", start_time="2026-01-02T00:00:00Z", end_time="2026-01-02T02:00:00Z",
        interval_second=3600, params={"n": "[[Index]]"}, pipeline_package_path=package, no_catchup=False,
    )
    assert (job.name, job.description, job.enabled, job.status, job.max_concurrency) == ("Old Style", "d", True, "Enabled", "1")
    assert job.trigger.periodic_schedule.interval_second == "3600"
    assert [(p.name, p.value) for p in job.pipeline_spec.parameters] == [("n", "[[Index]]")]
    assert json.loads(job.pipeline_spec.workflow_manifest)["kind"] == "Workflow"

    deadline = time.monotonic() + 30
    asked = dict(resource_reference_key_type="JOB", resource_reference_key_id=job.id, sort_by="scheduled_at")
    while len(runs := client.runs.list_runs(**asked).runs or []) < 2 or any(r.status not in FINAL for r in runs):
        assert time.monotonic() < deadline, runs
        time.sleep(0.1)
    for index, run in enumerate(runs, 1):
        assert (run.status, run.scheduled_at.isoformat()) == ("Succeeded", f"2026-01-02T0{index}:00:00+00:00")
        assert [(p.name, p.value) for p in run.pipeline_spec.parameters] == [("n", str(index))]
        references = {r.key.type: (r.key.id, r.name, r.relationship) for r in run.resource_references}
        assert references["JOB"] == (job.id, "Old Style", "CREATOR")
        nodes = json.loads(client.get_run(run.id).pipeline_runtime.workflow_manifest)["status"]["nodes"].values()
        outputs = [n["outputs"]["parameters"] for n in nodes if n["displayName"] == "double"]
        assert outputs == [[{"name": "double-Output", "value": str(2 * index)}]]

    pipeline = client.upload_pipeline(package, pipeline_name=f"scheduled {uuid.uuid4()}")
    yearly = client.create_recurring_run(
        experiment.id, "yearly", cron_expression="0 0 0 1 1 *", pipeline_id=pipeline.id, enabled=False, max_concurrency=3
    )
    assert not yearly.enabled and yearly.trigger.cron_schedule.cron == "0 0 0 1 1 *"
    assert yearly.pipeline_spec.pipeline_id == pipeline.id
    client.jobs.enable_job(yearly.id)
    assert client.get_recurring_run(yearly.id).status == "Enabled"
    client.disable_job(yearly.id)
    assert client.get_recurring_run(yearly.id).status == "Disabled"
    listed = client.list_recurring_runs(experiment_id=experiment.id, sort_by="name desc", page_size=1)
    assert [j.id for j in listed.jobs] == [yearly.id] and listed.total_size == 2
    named = json.dumps({"predicates": [{"op": 1, "key": "name", "stringValue": "Old Style"}]})
    assert [j.id for j in client.list_recurring_runs(filter=named).jobs] == [job.id]
    # One table: the newer API sees the same.
    assert json.loads(server.request(f"/apis/v2beta1/recurringruns/{job.id}")[1])["display_name"] == "Old Style"
    for made in (job, yearly):
        client.delete_job(made.id)
    with pytest.raises(Exception) as refused:
        client.get_recurring_run(job.id)
    assert refused.value.status == 404
    assert client.get_run(runs[0].id).run.status == "Succeeded"


def test_values_of_every_type(client):
    @dsl.pipeline(name="types")
    def pipeline(text: str = "it's \"quoted\" {x}", number: float = 1.5, items: list = ["a"], more: dict = {"k": [1]}):
        describe_op(text, number, True, items, more)
        describe_op("only defaults")

    run = Run(client, pipeline, {"items": [3, 4]})
    assert run.texts("describe") == ["it's \"quoted\" {x} 1.5 True [3, 4] {'k': [1]}"]
    assert run.texts("describe-2") == ["only defaults 0.5 False [1] {'a': 1}"]


def test_conditions(client):
    @dsl.pipeline(name="conditions")
    def pipeline(coin: str = "heads", n: int = 3):
        doubled = double_op(n)
        with dsl.Condition(coin == "heads", "is-heads"):
            join_op("a", coin)
            with dsl.Condition(doubled.output > 5):
                join_op("big", doubled.output)
            with dsl.Condition(doubled.output < 5):
                join_op("small", doubled.output)
        with dsl.Condition(coin != "heads"):
            skipped = join_op("tails", coin)
        # In Argo what waits for a skipped task runs.
        join_op("after", "all").after(skipped)

    run = Run(client, pipeline)
    assert run.texts("join") == ["a-heads"] and run.texts("join-2") == ["big-6"]
    assert run.phases("join-3") == [] and run.phases("condition-3") == ["Skipped"]
    assert run.texts("join-5") == ["after-all"]
    assert Run(client, pipeline, {"coin": "tails", "n": -1}).texts("join-4") == ["tails-tails"]


def test_loops(client):
    def numbers() -> list:
        return [1, 2, 3]

    @dsl.pipeline(name="loops")
    def pipeline(words: list = ["x", "y"], greeting: str = 'say "hi"'):
        with dsl.ParallelFor(create_component_from_func(numbers)().output) as n:
            double_op(n)
        with dsl.ParallelFor([{"a": "1", "b": 2}, {"a": "3", "b": 4}], parallelism=1) as item:
            join_op(item.a, item.b)
            with dsl.ParallelFor(words) as word:
                join_op(word, item.a)
        with dsl.ParallelFor([greeting, "plain"]) as text:
            join_op("said", text)

    run = Run(client, pipeline, {"words": ["u", "v"]})
    assert run.texts("double") == ["2", "4", "6"]
    assert run.texts("join") == ["1-2", "3-4"]
    assert run.texts("join-2") == ["u-1", "u-3", "v-1", "v-3"]
    assert run.texts("join-3") == ["said-plain", 'said-say "hi"']


def test_exit_handler_knows_how_it_ended(client):
    def fails(fail: str):
        assert fail != "yes", "as it was told"

    @dsl.pipeline(name="exits")
    def pipeline(fail: str = "no"):
        bye = join_op("{{workflow.status}}", fail)
        with dsl.ExitHandler(bye):
            create_component_from_func(fails)(fail)

    assert Run(client, pipeline).texts("join") == ["Succeeded-no"]
    failed = Run(client, pipeline, {"fail": "yes"}, expect="Failed")
    assert failed.texts("join") == ["Failed-yes"]
    assert "as it was told" in failed.named("fails")[0]["message"]


def test_artifacts_are_passed(client):
    def write(rows: int, out_path: OutputPath("CSV")) -> NamedTuple("Out", [("first", str), ("count", int)]):
        lines = [f"row {i}" for i in range(rows)]
        with open(out_path, "w") as out:
            out.write("\n".join(lines))
        return lines[0], len(lines)

    def read(data_path: InputPath(), label: str) -> str:
        return f"{label}: {open(data_path).read()}"

    read_op = create_component_from_func(read)

    @dsl.pipeline(name="files")
    def pipeline(text: str = "of the pipeline"):
        made = create_component_from_func(write)(3)
        read_op(made.outputs["out"], "artifact")
        read_op(made.outputs["first"], "output")
        read_op(text, "parameter")
        read_op("constant text", "constant")
        join_op(made.outputs["first"], made.outputs["count"])

    run = Run(client, pipeline)
    assert run.texts("read") == ["artifact: row 0\nrow 1\nrow 2"]
    assert run.texts("read-2") == ["output: row 0"]
    assert run.texts("read-3") == ["parameter: of the pipeline"]
    assert run.texts("read-4") == ["constant: constant text"]
    assert run.texts("join") == ["row 0-3"]


COMPONENT = """
name: Speak up
inputs:
- {name: first word, type: String}
- {name: second, type: String, optional: true}
- {name: text}
outputs:
- {name: said}
- {name: whole text}
implementation:
  container:
    image: alpine
    command:
    - sh
    - -ec
    - |
      mkdir -p "$(dirname "$2")" "$(dirname "$3")"
      cp "$1" "$3"
      shift
      out=$1
      shift 2
      echo "$LOUD $*" > "$out"
    - program
    - {inputPath: text}
    - {outputPath: said}
    - {outputPath: whole text}
    args:
    - {concat: [pre-, {inputValue: first word}, -post]}
    - if:
        cond: {isPresent: second}
        then: [--second, {inputValue: second}]
        else: [--alone]
    env: {LOUD: "yes"}
"""


def test_component_files(client):
    speak = load_component_from_text(COMPONENT)

    @dsl.pipeline(name="components")
    def pipeline(word: str = "w"):
        one = speak(first_word=word, text="long text")
        two = speak(first_word=word, second="two", text=one.outputs["whole_text"])
        # As a parameter an output loses the end of its last line.
        join_op(two.outputs["said"], "!")

    run = Run(client, pipeline)
    assert run.texts("speak-up", "said") == ["yes pre-w-post --alone\n"]
    assert run.texts("speak-up-2", "whole-text") == ["long text"]
    assert run.texts("join") == ["yes pre-w-post --second two-!"]


def test_container_ops_retries_and_placeholders(client, server):
    @dsl.pipeline(name="old style")
    def pipeline(word: str = "w"):
        script = 'test "$KFP_RETRY_INDEX" = 2 || exit 3; echo "%s $A" | tee /tmp/out.txt; echo no > /tmp/out'
        op = dsl.ContainerOp(
            "flaky",
            "alpine",
            command=["sh", "-c", script % word],
            file_outputs={"out": "/tmp/out.txt", "other": "/tmp/out"},
        )
        op.set_retry(2, policy="Always").set_memory_limit("512Mi").set_cpu_limit("1")
        op.container.add_env_variable(k8s.V1EnvVar("A", word))
        op.set_caching_options(False)
        join_op(op.outputs["out"], dsl.RUN_ID_PLACEHOLDER)
        join_op("{{workflow.name}}", dsl.EXECUTION_ID_PLACEHOLDER)

    run = Run(client, pipeline)
    assert run.texts("join") == [f"w w-{run.id}"]
    (node,) = run.named("join-2")
    assert run.texts("join-2") == [f"{run.workflow['metadata']['name']}-{run.id}-{node['id']}"]
    assert run.artifact(run.named("flaky")[0], "flaky-other") == "no\n"


def test_metrics(client):
    def measure(mlpipeline_metrics_path: OutputPath("Metrics")):
        import json

        metrics = [{"name": "accuracy", "numberValue": 0.75, "format": "PERCENTAGE"}]
        json.dump({"metrics": metrics}, open(mlpipeline_metrics_path, "w"))

    @dsl.pipeline(name="metrics")
    def pipeline():
        create_component_from_func(measure)()

    run = Run(client, pipeline)
    (metric,) = run.detail.run.metrics
    assert (metric.name, metric.number_value, metric.format) == ("accuracy", 0.75, "PERCENTAGE")


def test_terminate_and_retry(client, server):
    @dsl.pipeline(name="long")
    def pipeline():
        dsl.ContainerOp("sleeper", "alpine", command=["sh", "-c", "sleep 100"])

    run_id = client.create_run_from_pipeline_func(pipeline, {}, experiment_name="eighteen").run_id
    deadline = time.monotonic() + 20
    while client.get_run(run_id).run.status != "Running":
        assert time.monotonic() < deadline
    client.runs.terminate_run(run_id)
    assert finished(client, run_id).run.status == "Failed"
    client.runs.retry_run(run_id)
    assert client.get_run(run_id).run.status in ("Running", "Pending")
    client.runs.terminate_run(run_id)
    assert finished(client, run_id).run.status == "Failed"


def with_keys(task):
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        source = k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name="aws-secret", key=key))
        task.container.add_env_variable(k8s.V1EnvVar(name=key, value_from=source))
    return task


def test_sagemaker_components_run_natively(client, arguments):
    """The components are known by their image, as in pipelines of the SDK 2.x."""
    load = kfp.components.load_component_from_file
    process_op = load(str(support.LAB / "components" / "process.yaml"))
    train_op = load(str(support.LAB / "components" / "train.yaml"))
    model_op = load(str(support.LAB / "components" / "model.yaml"))
    base, code = f"s3://{arguments['bucket']}/mnist_kmeans_example", "/opt/ml/processing/code"
    kmeans = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
    python = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.5.0-cpu-py36-ubuntu16.04"
    sample = "s3://sagemaker-sample-files/datasets/image/MNIST/mnist.pkl.gz"

    def taken(name, uri, folder):
        source = {"S3Uri": uri, "LocalPath": folder, "S3DataType": "S3Prefix", "S3InputMode": "File"}
        return {"InputName": name, "S3Input": source}

    def given(name, uri, folder):
        return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": folder, "S3UploadMode": "EndOfJob"}}

    train_data = {"S3Uri": f"{base}/train_data", "S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}

    @dsl.pipeline(name="sagemaker")
    def pipeline(role: str, region: str = "us-east-1"):
        data = "/opt/ml/processing"
        processed = process_op(
            region=region,
            role=role,
            image=python,
            container_entrypoint=["python3", f"{code}/kmeans_preprocessing.py"],
            input_config=[
                taken("mnist", sample, f"{data}/input"),
                taken("source_code", f"{base}/processing_code/kmeans_preprocessing.py", code),
            ],
            output_config=[
                given("train_data", f"{base}/", f"{data}/output_train"),
                given("test_data", f"{base}/", f"{data}/output_test"),
                given("valid_data", f"{base}/input/", f"{data}/output_valid"),
            ],
        )
        trained = train_op(
            region=region,
            role=role,
            image=kmeans,
            hyperparameters={"k": "10", "feature_dim": "784"},
            channels=[{"ChannelName": "train", "DataSource": {"S3DataSource": train_data}}],
            model_artifact_path=f"{base}/output",
        ).after(with_keys(processed))
        made = model_op(
            region=region,
            role=role,
            model_name=with_keys(trained).outputs["job_name"],
            image=trained.outputs["training_image"],
            model_artifact_url=trained.outputs["model_artifact_url"],
        )
        join_op("model", with_keys(made).outputs["model_name"])

    run = Run(client, pipeline, {"role": arguments["role_arn"]})
    (said,) = run.texts("join")
    assert said.startswith("model-TrainingJob-"), said


def flip(n: int, last: int) -> str:
    return "heads" if n < last else "tails"


def add(n: int) -> int:
    return n + 1


def extend(note: InputPath(str), n: int, out: OutputPath(str)):
    open(out, "w").write(f"{open(note).read()} {n}")


def begin(out: OutputPath(str)):
    open(out, "w").write("begin")


flip_op, add_op, extend_op, begin_op = map(create_component_from_func, (flip, add, extend, begin))


def shell(name, script, *words, **more):
    return dsl.ContainerOp(name, "alpine", command=["sh", "-ec", script], arguments=list(words), **more)


def test_volumes_are_made_mounted_and_deleted(client):
    @dsl.pipeline(name="volumes")
    def volumes(size: str = "1Mi"):
        made = dsl.VolumeOp(name="make", resource_name="disk", size=size, modes=dsl.VOLUME_MODE_RWO)
        wrote = shell("write", "echo kept > /data/file", pvolumes={"/data": made.volume})
        read = shell("read", "cat /data/file > /tmp/said", pvolumes={"/data": wrote.pvolume}, file_outputs={"said": "/tmp/said"})
        said = shell("say", 'printf "%s %s %s" "$0" "$1" "$2" > /tmp/all', read.output, made.outputs["size"], made.outputs["name"],
                     file_outputs={"all": "/tmp/all"})
        made.delete().after(said)

    run = Run(client, volumes)
    (text,) = run.texts("say", "all")
    kept, size, name = text.split()
    assert (kept, size) == ("kept", "1Mi") and name.startswith("volumes-") and name.endswith("-disk"), text
    # It is deleted, so that one of that name can be made again.
    Run(client, volumes)


def test_variables_from_whole_secrets_and_names_from_parameters(client, server):
    core = k8s.CoreV1Api(kubernetes.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"]))
    meta = k8s.V1ObjectMeta(name="all-of-it")
    core.create_namespaced_secret("kubeflow", k8s.V1Secret(metadata=meta, string_data={"a": "alpha", "1": "no name"}))

    @dsl.pipeline(name="variables")
    def variables(secret: str = "all-of-it"):
        whole = shell("whole", 'printf %s "$P_a" > /tmp/out', file_outputs={"out": "/tmp/out"})
        reference = k8s.V1SecretEnvSource(name="all-of-it")
        whole.container.add_env_from(k8s.V1EnvFromSource(prefix="P_", secret_ref=reference))
        gone = k8s.V1ConfigMapEnvSource(name="gone", optional=True)
        whole.container.add_env_from(k8s.V1EnvFromSource(config_map_ref=gone))
        named = shell("named", 'printf %s "$A" > /tmp/out', file_outputs={"out": "/tmp/out"})
        key = k8s.V1EnvVarSource(secret_key_ref=k8s.V1SecretKeySelector(name=secret, key="a"))
        named.container.add_env_variable(k8s.V1EnvVar(name="A", value_from=key))

    run = Run(client, variables)
    assert run.texts("whole", "out") == run.texts("named", "out") == ["alpha"]


def test_a_limit_of_tasks_at_once(client):
    @dsl.pipeline(name="one-by-one")
    def one_by_one():
        dsl.get_pipeline_conf().set_parallelism(1)
        for number in range(3):
            script = "date +%s%N > /tmp/span; sleep 0.3; date +%s%N >> /tmp/span"
            shell(f"step-{number}", script, file_outputs={"span": "/tmp/span"})

    run = Run(client, one_by_one)
    spans = sorted(run.texts(f"step-{number}", "span")[0].split() for number in range(3))
    assert all(spans[i][1] <= spans[i + 1][0] for i in range(2)), spans


@dsl.graph_component
def again(n, note, last):
    """A parameter and a file, passed on each round."""
    more = add_op(n)
    longer = extend_op(note, more.output)
    side = flip_op(more.output, last)
    with dsl.Condition(side.output == "heads"):
        again(more.output, longer.outputs["out"], last)


def test_recursion(client):
    @dsl.pipeline(name="flip coins")
    def pipeline(first: int = 0, last: int = 4):
        turns = again(first, begin_op().outputs["out"], last)
        join_op("game", "over").after(turns)

    run = Run(client, pipeline)
    assert run.texts("extend", "out") == ["begin 1", "begin 1 2", "begin 1 2 3", "begin 1 2 3 4"]
    assert run.texts("flip") == ["heads", "heads", "heads", "tails"]
    assert run.texts("join") == ["game-over"]
    assert run.phases("condition-2") == ["Skipped", "Succeeded", "Succeeded", "Succeeded"]


@dsl.graph_component
def polls(n):
    """As small as a round can be, so that many of them are quick."""
    script = f'n=$(($0 + 1)); echo $n > /tmp/n; test $n -lt 120 && echo go > /tmp/state || echo stop > /tmp/state'
    op = dsl.ContainerOp("poll", "alpine", command=["sh", "-ec", script], arguments=[n], file_outputs={"n": "/tmp/n", "state": "/tmp/state"})
    with dsl.Condition(op.outputs["state"] == "go"):
        polls(op.outputs["n"])


def test_a_loop_that_polls_turns_many_times(client, server):
    @dsl.pipeline(name="polls")
    def pipeline(first: int = 0):
        turns = polls(first)
        join_op("it", "ended").after(turns)

    made = client.create_run_from_pipeline_func(pipeline, {}, experiment_name="eighteen", enable_caching=False)
    detail = finished(client, made.run_id, limit=120)
    assert detail.run.status == "Succeeded", support.why(server, made.run_id)
    run = json.loads(server.request(f"/console/api/runs/{made.run_id}")[1])
    said = [t["outputs"]["parameters"]["poll-n"] for t in run["tasks"] if t["name"] == "poll"]
    assert said == [str(n) for n in range(1, 121)]
    assert max(len(t["id"]) for t in run["tasks"]) < 430
    tree = support.subprocess.run([support.MILLRACE, "get", made.run_id, "--url", server.endpoint], capture_output=True, text=True)
    assert tree.returncode == 0 and tree.stdout.count(" poll ") == 120, tree.stdout + tree.stderr


@dsl.graph_component
def until_done(n):
    state = join_op(n, "x")
    with dsl.Condition(state.output != "done"):
        until_done(state.output)


def test_preflight_goes_through_a_recursion(server, tmp_path):
    """What no run has said is not "done": the rounds are told of twice, and what comes after them."""

    @dsl.pipeline(name="until done")
    def pipeline(first: str = "a"):
        describe_op("after").after(until_done(first))

    path = tmp_path / "until.yaml"
    kfp.compiler.Compiler().compile(pipeline, str(path))
    command = [support.MILLRACE, "iam", "preflight", path, "-p", "first=b", "--json", "--data-dir", server.data_dir]
    done = support.subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    assert [step["task"].lower() for step in json.loads(done.stdout)["steps"]] == ["join", "join", "describe"]


@dsl.graph_component
def for_ever(n):
    for_ever(join_op(n, "x").output)


def refused(client, function):
    with pytest.raises(Exception) as error:
        client.create_run_from_pipeline_func(function, {}, experiment_name="eighteen")
    return json.loads(error.value.body)["error"] if "error" in error.value.body else error.value.body


def test_what_cannot_be_had_is_refused(client):
    @dsl.pipeline(name="resource")
    def resource():
        dsl.ResourceOp(name="make", k8s_resource={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})

    @dsl.pipeline(name="sidecar")
    def sidecar():
        dsl.ContainerOp("op", "alpine", command=["true"]).add_sidecar(dsl.Sidecar("side", "alpine"))

    @dsl.pipeline(name="recursion")
    def recursion(start: str = "a"):
        for_ever(start)

    before = len(client.list_runs(page_size=200).runs)
    assert "spec.templates.make.resource" in refused(client, resource)
    assert "sidecars" in refused(client, sidecar)
    assert "graph-for-ever-1 calls itself with no condition that could end it" in refused(client, recursion)
    assert len(client.list_runs(page_size=200).runs) == before
