"""The kfp SDK's own client and compiler against a live server: pipelines, versions, experiments, runs."""

import functools
import json
import time
import zipfile

import kfp
import kfp_server_api
import pytest
from kfp import compiler, dsl

import support


@dsl.container_component
def add(a: int, b: int, total: dsl.OutputPath(int)):
    return dsl.ContainerSpec(
        image="busybox", command=["sh", "-c", 'mkdir -p "$(dirname "$2")"; echo $(($0 + $1)) > "$2"'], args=[a, b, total]
    )


@dsl.container_component
def write(text: str, file: dsl.Output[dsl.Dataset]):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'echo "wrote $0"; echo "$0" > "$1"'], args=[text, file.path])


@dsl.container_component
def read(file: dsl.Input[dsl.Dataset], words: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'cp "$0" "$1"'], args=[file.path, words])


@dsl.container_component
def shell(script: str):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c"], args=[script])


@dsl.pipeline(name="sums")
def sums(a: int = 1, b: int = 2):
    first = add(a=a, b=b)
    second = add(a=first.outputs["total"], b=10)
    made = write(text="seven")
    read(file=made.outputs["file"]).after(second)


@dsl.pipeline(name="one-shell")
def one_shell(script: str = "true"):
    shell(script=script)


@dsl.pipeline(name="tries")
def tries():
    task = shell(script='echo "try $KFP_RETRY_INDEX"; test "$KFP_RETRY_INDEX" -ge 2')
    task.set_retry(num_retries=3, backoff_duration="0s")


@dsl.container_component
def say(text: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'printf %s "$0" > "$1"'], args=[text, out])


@dsl.container_component
def join(texts: list, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'printf %s "$0" > "$1"'], args=[texts, out])


@dsl.pipeline(name="branches")
def branches(flip: str, n: int = 3) -> str:
    flipped = say(text=flip)
    with dsl.If(flipped.outputs["out"] == "heads"):
        heads = say(text="it was heads")
    with dsl.Elif(n > 5):
        many = say(text="many")
    with dsl.Else():
        tails = say(text="it was tails")
    chosen = dsl.OneOf(heads.outputs["out"], many.outputs["out"], tails.outputs["out"])
    return say(text=chosen).outputs["out"]


@dsl.pipeline(name="loops")
def loops(limit: int = 2):
    with dsl.ParallelFor(items=[1, 2, 3], parallelism=2) as item:
        outer = say(text=f"item {item}")
        with dsl.ParallelFor(items=["a", "b"]) as letter:
            said = say(text=letter).after(outer)
    join(texts=dsl.Collected(said.outputs["out"]))
    with dsl.ParallelFor(items=[{"who": "ann", "n": 1}, {"who": "bob", "n": 2}]) as person:
        say(text=person.who).set_display_name("greet")


@dsl.pipeline(name="with-exit")
def with_exit(script: str):
    after = shell(script="true").set_display_name("clean up")
    with dsl.ExitHandler(after):
        shell(script=script).set_display_name("work")


@dsl.component
def square(x: int) -> int:
    return x * x


@dsl.component
def describe(numbers: dsl.Output[dsl.Metrics], n: int) -> str:
    numbers.log_metric("n", n)
    return f"n is {n}"


@dsl.component
def evaluate(
    scores: dsl.Output[dsl.Metrics],
    classes: dsl.Output[dsl.ClassificationMetrics],
    page: dsl.Output[dsl.HTML],
    note: dsl.Output[dsl.Markdown],
    accuracy: float,
):
    scores.log_metric("accuracy", accuracy)
    scores.log_metric("count", 7)
    classes.log_confusion_matrix(["cat", "dog"], [[3, 1], [0, 4]])
    classes.log_roc_curve([0.0, 0.5], [0.0, 1.0], [0.9, 0.1])
    with open(page.path, "w") as f:
        f.write("<h1>hello</h1>")
    with open(note.path, "w") as f:
        f.write("# hello")


@dsl.pipeline(name="evaluation")
def evaluation(accuracy: float = 0.5):
    evaluate(accuracy=accuracy)


@dsl.component
def report(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.pipeline_task_name} {status.state} {status.error_message} {bool(status.pipeline_job_resource_name)}"


@dsl.pipeline(name="with-status")
def with_status(script: str):
    with dsl.ExitHandler(report()):
        shell(script=script).set_display_name("work")


@dsl.component
def lines(files: dsl.Input[list[dsl.Dataset]]) -> list:
    return [open(f.path).read().strip() for f in files]


@dsl.pipeline(name="collected-artifacts")
def collected_artifacts():
    with dsl.ParallelFor(items=["x", "y", "z"]) as item:
        made = write(text=item)
    lines(files=dsl.Collected(made.outputs["file"]))


@dsl.pipeline(name="python")
def python(x: int = 3) -> str:
    return describe(n=square(x=x).output).outputs["Output"]


CALLED = set()


def public_methods():
    return {name: method for name, method in vars(kfp.Client).items() if callable(method) and not name.startswith("_")}


@pytest.fixture(scope="module", autouse=True)
def noted():
    """Each public method of the client is noted as called once it came back."""

    def noting(name, method):
        @functools.wraps(method)
        def call(*arguments, **options):
            answer = method(*arguments, **options)
            CALLED.add(name)
            return answer

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, method in public_methods().items():
            patch.setattr(kfp.Client, name, noting(name, method))
        yield


@pytest.fixture
def client(server):
    return server.kfp()


def compiled(tmp_path, function, name="pipeline.yaml"):
    path = tmp_path / name
    compiler.Compiler().compile(function, str(path))
    return str(path)


def ended(client, run_id):
    return client.wait_for_run_completion(run_id, timeout=60, sleep_duration=0.1)


def tasks(run):
    return {t.display_name: t for t in run.run_details.task_details}


def test_a_run_of_a_function(client):
    run = client.create_run_from_pipeline_func(sums, arguments={"a": 4}, experiment_name="sums")
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED", done
    assert set(tasks(done)) >= {"add", "add-2", "write", "read"}
    assert [s.state for s in done.state_history][-1] == "SUCCEEDED"
    assert done.runtime_config.parameters == {"a": 4}
    experiment = client.get_experiment(experiment_name="sums")
    assert done.experiment_id == experiment.experiment_id


def test_a_failure_is_explained(client, tmp_path):
    run = client.create_run_from_pipeline_package(compiled(tmp_path, one_shell), arguments={"script": "echo no luck >&2; exit 3"})
    done = ended(client, run.run_id)
    assert done.state == "FAILED"
    assert "exit code 3" in tasks(done)["shell"].error.message
    assert "no luck" in tasks(done)["shell"].error.message


@pytest.mark.parametrize(
    "flip, n, says", [("heads", 3, "it was heads"), ("tails", 9, "many"), ("tails", 3, "it was tails")]
)
def test_branches(server, client, flip, n, says):
    run = client.create_run_from_pipeline_func(branches, arguments={"flip": flip, "n": n})
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED", done.error
    seen = json.loads(server.request(f"/console/api/runs/{run.run_id}")[1])["tasks"]
    said = [t["outputs"]["parameters"].get("out") for t in seen if t["name"].startswith("say") and not t["is_dag"]]
    assert said.count(says) == 2, said
    assert sorted(t["state"] for t in seen if t["name"].startswith("condition-") and "branches" not in t["name"]) == [
        "SKIPPED", "SKIPPED", "SUCCEEDED"
    ]


def test_loops(server, client):
    run = client.create_run_from_pipeline_func(loops)
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED", done.error
    seen = json.loads(server.request(f"/console/api/runs/{run.run_id}")[1])["tasks"]
    joined = [t for t in seen if t["name"] == "join"][0]["outputs"]["parameters"]["out"]
    assert json.loads(joined) == [["a", "b"]] * 3
    assert sorted(t["outputs"]["parameters"]["out"] for t in seen if t["display_name"] == "greet") == ["ann", "bob"]


@pytest.mark.parametrize("script, state", [("true", "SUCCEEDED"), ("exit 1", "FAILED")])
def test_exit_handlers(client, script, state):
    run = client.create_run_from_pipeline_func(with_exit, arguments={"script": script})
    done = ended(client, run.run_id)
    assert done.state == state
    assert tasks(done)["clean up"].state == "SUCCEEDED"


def test_python_components(server, client):
    for round in (1, 2):  # the second time the environment is there
        run = client.create_run_from_pipeline_func(python, arguments={"x": round + 3})
        done = client.wait_for_run_completion(run.run_id, timeout=240, sleep_duration=0.1)
        assert done.state == "SUCCEEDED", support.why(server, run.run_id)
        seen = json.loads(server.request(f"/console/api/runs/{run.run_id}")[1])["tasks"]
        described = [t for t in seen if t["name"] == "describe"][0]["outputs"]
        assert described["parameters"]["Output"] == f"n is {(round + 3) ** 2}"
        assert described["artifacts"]["numbers"]["artifacts"][0]["metadata"] == {"n": (round + 3) ** 2}


def test_what_a_run_shows(server, client):
    runs = {}
    for accuracy in (0.9, 0.25, 0.5):
        run = client.create_run_from_pipeline_func(evaluation, arguments={"accuracy": accuracy}, experiment_name="shows")
        runs[accuracy] = run.run_id
    for run_id in runs.values():
        done = client.wait_for_run_completion(run_id, timeout=240, sleep_duration=0.1)
        assert done.state == "SUCCEEDED", support.why(server, run_id)
    shown = json.loads(server.request(f"/apis/v2beta1/runs/{runs[0.9]}/visualizations")[1])["visualizations"]
    by_type = {each["type"]: each for each in shown}
    assert by_type["METRICS"]["values"] == {"accuracy": 0.9, "count": 7}
    assert (by_type["CONFUSION_MATRIX"]["labels"], by_type["CONFUSION_MATRIX"]["rows"]) == (["cat", "dog"], [[3, 1], [0, 4]])
    assert by_type["ROC_CURVE"]["points"][1] == {"threshold": 0.1, "false_positive_rate": 0.5, "true_positive_rate": 1}
    assert by_type["HTML"]["text"] == "<h1>hello</h1>" and by_type["MARKDOWN"]["text"] == "# hello"
    assert server.request(f"/apis/v2beta1/artifacts/{by_type['HTML']['artifact_id']}:download")[1] == "<h1>hello</h1>"
    experiment = client.get_experiment(experiment_name="shows").experiment_id
    listed = client.list_runs(experiment_id=experiment, sort_by="metric:accuracy desc", page_size=3).runs
    assert [r.run_id for r in listed] == [runs[0.9], runs[0.5], runs[0.25]]


def outputs_of(server, run_id, name):
    seen = json.loads(server.request(f"/console/api/runs/{run_id}")[1])["tasks"]
    return [t["outputs"]["parameters"] for t in seen if t["name"] == name]


@pytest.mark.parametrize("script, state", [("true", "COMPLETE"), ("exit 1", "FAILED")])
def test_final_status(server, client, script, state):
    run = client.create_run_from_pipeline_func(with_status, arguments={"script": script})
    client.wait_for_run_completion(run.run_id, timeout=240, sleep_duration=0.1)
    told = outputs_of(server, run.run_id, "report")[0]["Output"]
    assert told.startswith(f"exit-handler-1 {state} ") and told.endswith(" True"), told
    assert ("exit code 1" in told) == (state == "FAILED")


def test_collected_artifacts(server, client):
    run = client.create_run_from_pipeline_func(collected_artifacts)
    done = client.wait_for_run_completion(run.run_id, timeout=240, sleep_duration=0.1)
    assert done.state == "SUCCEEDED", support.why(server, run.run_id)
    assert outputs_of(server, run.run_id, "lines")[0]["Output"] == ["x", "y", "z"]


def log_of(server, run_id, pod):
    return server.request(f"/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log")[1]


def test_retries(server, client):
    run = client.create_run_from_pipeline_func(tries)
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED"
    detail = tasks(done)["shell"].executor_detail
    pods = [*detail.failed_main_jobs, detail.main_job]
    assert [log_of(server, run.run_id, pod) for pod in pods] == ["try 0\n", "try 1\n", "try 2\n"]


def test_pipelines_and_versions(client, tmp_path):
    path = compiled(tmp_path, sums)
    pipeline = client.upload_pipeline(path, pipeline_name="sums", description="adds")
    assert client.get_pipeline_id("sums") == pipeline.pipeline_id
    assert client.get_pipeline(pipeline.pipeline_id).description == "adds"
    with pytest.raises(kfp_server_api.ApiException) as twice:
        client.upload_pipeline(path, pipeline_name="sums")
    assert twice.value.status == 409
    archive = tmp_path / "sums.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.write(path, "pipeline.yaml")
    version = client.upload_pipeline_version(str(archive), "second", pipeline_id=pipeline.pipeline_id)
    names = {v.display_name for v in client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions}
    assert names == {"sums", "second"}
    run = client.run_pipeline(
        client.create_experiment("by-version").experiment_id, "job", pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id, params={"b": 5},
    )
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED"
    assert done.pipeline_version_reference.pipeline_version_id == version.pipeline_version_id
    client.delete_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
    for left in client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions:
        client.delete_pipeline_version(pipeline.pipeline_id, left.pipeline_version_id)
    client.delete_pipeline(pipeline.pipeline_id)
    assert client.get_pipeline_id("sums") is None


def test_experiments(client):
    made = client.create_experiment("mine", description="d")
    assert client.create_experiment("mine").experiment_id == made.experiment_id, "the SDK takes one of that name"
    client.archive_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).storage_state == "ARCHIVED"
    client.unarchive_experiment(made.experiment_id)
    client.delete_experiment(made.experiment_id)
    with pytest.raises(Exception):
        client.get_experiment(made.experiment_id)


def test_lists_are_paged_sorted_and_filtered(client, tmp_path):
    path = compiled(tmp_path, one_shell)
    experiment = client.create_experiment("many")
    ids = [
        client.run_pipeline(experiment.experiment_id, f"run-{i:02}", pipeline_package_path=path).run_id for i in range(7)
    ]
    for run_id in ids:
        ended(client, run_id)
    seen, token = [], ""
    while True:
        page = client.list_runs(page_token=token, page_size=3, sort_by="name asc", experiment_id=experiment.experiment_id)
        seen += [r.display_name for r in page.runs]
        token = page.next_page_token
        if not token:
            break
    assert seen == [f"run-{i:02}" for i in range(7)]
    predicate = {"predicates": [{"operation": "EQUALS", "key": "name", "stringValue": "run-03"}]}
    found = client.list_runs(experiment_id=experiment.experiment_id, filter=json.dumps(predicate)).runs
    assert [r.display_name for r in found] == ["run-03"]
    client.archive_run(ids[0])
    assert client.get_run(ids[0]).storage_state == "ARCHIVED"
    client.unarchive_run(ids[0])
    client.delete_run(ids[0])
    with pytest.raises(kfp_server_api.ApiException) as gone:
        client.get_run(ids[0])
    assert gone.value.status == 404


def test_terminate(client, tmp_path):
    run = client.create_run_from_pipeline_package(compiled(tmp_path, one_shell), arguments={"script": "sleep 60"})
    deadline = time.monotonic() + 10
    while client.get_run(run.run_id).state != "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.05)
    client.terminate_run(run.run_id)
    done = ended(client, run.run_id)
    # As upstream: through CANCELING to FAILED, which is also what the SDK's wait takes for an end.
    assert [s.state for s in done.state_history][-2:] == ["CANCELING", "FAILED"]
    assert tasks(done)["shell"].state == "CANCELED"


def test_no_secret_of_the_server_reaches_a_task(server, client):
    run = client.create_run_from_pipeline_func(one_shell, arguments={"script": "env"})
    done = ended(client, run.run_id)
    assert done.state == "SUCCEEDED"
    names = {line.split("=", 1)[0] for line in log_of(server, run.run_id, tasks(done)["shell"].pod_name).splitlines()}
    assert {"AWS_ENDPOINT_URL", "AWS_REGION", "PATH"} <= names
    # Its own token says which step it is, and gives it no more than that step's rights.
    assert [name for name in sorted(names) if name.startswith("MILLRACE")] == ["MILLRACE_TASK_TOKEN"]


def test_what_the_sdk_shows_of_a_refusal(client, tmp_path):
    path = compiled(tmp_path, one_shell)
    with pytest.raises(kfp_server_api.ApiException) as unknown:
        client.create_run_from_pipeline_package(path, arguments={"colour": "red"})
    assert unknown.value.status == 400
    assert json.loads(unknown.value.body)["message"].endswith('has no parameter "colour"')
    broken = tmp_path / "broken.yaml"
    broken.write_text((tmp_path / "pipeline.yaml").read_text().replace("executorLabel: exec-shell", "executorLabel: none"))
    with pytest.raises(kfp_server_api.ApiException) as refused:
        client.upload_pipeline(str(broken), pipeline_name="broken")
    assert refused.value.status == 400
    sentence = json.loads(refused.value.body)["error_message"]
    assert sentence.startswith("line ") and sentence.endswith('"none" is not there')
    assert client.get_pipeline_id("broken") is None


def test_uploads_of_functions(client, tmp_path):
    made = client.upload_pipeline_from_pipeline_func(sums, pipeline_name="by-function", description="d")
    assert client.get_pipeline(made.pipeline_id).display_name == "by-function"
    version = client.upload_pipeline_version_from_pipeline_func(
        one_shell, pipeline_version_name="later", pipeline_name="by-function", description="another"
    )
    got = client.get_pipeline_version(made.pipeline_id, version.pipeline_version_id)
    assert got.description == "another" and got.pipeline_spec["pipelineInfo"]["name"] == "one-shell"
    listed = client.list_pipelines(page_size=1, sort_by="created_at desc")
    assert [p.pipeline_id for p in listed.pipelines] == [made.pipeline_id]


def test_a_result_waits_and_says_what_it_is(client):
    result = client.create_run_from_pipeline_func(one_shell, arguments={"script": "true"}, run_name="waits")
    ended(client, result.run_id)  # the result looks every five seconds
    done = result.wait_for_run_completion(timeout=60)
    assert (done.display_name, done.state) == ("waits", "SUCCEEDED")
    assert result.run_info.run_id == result.run_id


def test_lists_of_experiments(client):
    for name in ("list-b", "list-a", "list-c"):
        client.create_experiment(name)
    wanted = json.dumps({"predicates": [{"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": "LIST-"}]})
    page = client.list_experiments(page_size=2, sort_by="display_name", filter=wanted)
    names = [e.display_name for e in page.experiments]
    page = client.list_experiments(page_token=page.next_page_token, page_size=2, sort_by="display_name", filter=wanted)
    assert names + [e.display_name for e in page.experiments] == ["list-a", "list-b", "list-c"]
    assert page.next_page_token is None and page.total_size == 3
    with pytest.raises(kfp_server_api.ApiException) as other:
        first = client.list_experiments(page_size=1, sort_by="display_name")
        client.list_experiments(page_token=first.next_page_token, page_size=1, sort_by="created_at")
    assert other.value.status == 400


def test_recurring_runs(client, tmp_path):
    experiment = client.create_experiment("recurring")
    path = compiled(tmp_path, one_shell)

    def make(name):
        return client.create_recurring_run(
            experiment.experiment_id, name, cron_expression="0 0 0 1 1 *", params={"script": "true"}, pipeline_package_path=path
        ).recurring_run_id

    first, second = make("first"), make("second")
    assert client.get_recurring_run(first).display_name == "first"
    listed = client.list_recurring_runs(experiment_id=experiment.experiment_id, sort_by="created_at")
    assert {r.recurring_run_id for r in listed.recurring_runs} == {first, second}
    for off, on, recurring in (
        (client.disable_recurring_run, client.enable_recurring_run, first),
        (client.disable_job, client.enable_job, second),
    ):
        off(recurring)
        assert client.get_recurring_run(recurring).status == "DISABLED"
        on(recurring)
        assert client.get_recurring_run(recurring).status == "ENABLED"
    client.delete_recurring_run(first)
    client.delete_job(second)
    assert not client.list_recurring_runs(experiment_id=experiment.experiment_id).recurring_runs


def test_health_and_the_context(client, tmp_path, monkeypatch):
    assert not client.get_kfp_healthz().multi_user
    monkeypatch.setattr(type(client), "_LOCAL_KFP_CONTEXT", str(tmp_path / "kfp" / "context.json"))
    client.set_user_namespace("kubeflow")
    assert client.get_user_namespace() == "kubeflow"
    assert client.list_pipelines(namespace=client.get_user_namespace()).total_size is not None


def test_every_public_method_was_called(request):
    mine = [item for item in request.session.items if item.path == request.path]
    if len({item.originalname for item in mine}) < sum(name.startswith("test_") for name in globals()):
        pytest.skip("only a part of this file runs")
    assert public_methods().keys() - CALLED == set()
