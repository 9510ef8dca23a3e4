"""The SDK's generated client, method by method: what the server answers is what the models know, no more and no less."""

import base64
import http.server
import json
import pathlib
import tempfile
import threading
import urllib.parse

import kfp_server_api
import pytest
from kfp import compiler, dsl

import support

# Methods that are refused here, with the words that say so.
REFUSED = {
    "dummy_filter_service_get_filter": "nothing at this address",  # upstream serves it nowhere either
    "report_service_report_scheduled_workflow": "Argo",
    "report_service_report_workflow": "Argo",
    "visualization_service_create_visualization_v1": "visualizations",
}
CALLED = set()


def methods():
    """{name: class} of every operation of the generated client."""
    found = {}
    for class_name in dir(kfp_server_api):
        if class_name.endswith("ServiceApi"):
            api = getattr(kfp_server_api, class_name)
            for name in vars(api):
                if not name.startswith("_") and not name.endswith("_with_http_info"):
                    found[name] = api
    return found


def same_shape(sent, read, path=""):
    """Every member that was sent came through the model, and came back from it."""
    if isinstance(sent, dict) and isinstance(read, dict):
        assert sent.keys() == read.keys(), f"{path}: {sorted(sent)} was sent, the model has {sorted(read)}"
        for key in sent:
            same_shape(sent[key], read[key], f"{path}.{key}")
    elif isinstance(sent, list):
        assert len(sent) == len(read), path
        for i, (one, other) in enumerate(zip(sent, read)):
            same_shape(one, other, f"{path}[{i}]")
    elif isinstance(sent, str) and sent.endswith("Z") and isinstance(read, str):
        assert sent[:19] == read[:19], path  # a time: the model writes it with an offset
    else:
        assert sent == read, f"{path}: {sent!r} was sent, {read!r} came back"


class Api:
    """Calls operations and checks each answer against its model."""

    def __init__(self, server):
        configuration = kfp_server_api.Configuration()
        configuration.host = server.endpoint
        self.client = kfp_server_api.ApiClient(configuration)

    def __getattr__(self, name):
        api = methods()[name](self.client)

        def call(*arguments, **options):
            answer = getattr(api, name)(*arguments, **options)
            text = self.client.last_response.data
            text = text.decode() if isinstance(text, bytes) else text
            same_shape(json.loads(text), self.client.sanitize_for_serialization(answer), name)
            CALLED.add(name)
            return answer

        return call


@dsl.container_component
def write(text: str, file: dsl.Output[dsl.Dataset], words: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image="busybox", command=["sh", "-c", 'echo "$0"; printf %s "$0" > "$1"; printf %s "$0" > "$2"'], args=[text, file.path, words]
    )


@dsl.container_component
def read(file: dsl.Input[dsl.Dataset], then: str):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'cat "$0"; $1'], args=[file.path, then])


@dsl.pipeline(name="letters", description="writes and reads")
def letters(text: str = "abc", then: str = "true"):
    written = write(text=text)
    read(file=written.outputs["file"], then=then).set_retry(num_retries=1, backoff_duration="0s")


@pytest.fixture(scope="module")
def api(server):
    return Api(server)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "letters.yaml"
    compiler.Compiler().compile(letters, str(path))
    return path


@pytest.fixture(scope="module")
def spec(package):
    import yaml

    return yaml.safe_load(package.read_text())


def ended(server, run_id):
    run = support.wait_for_run(server, run_id, limit=60)
    return run["state"]


def test_health_and_authorisation(server, api):
    health = api.healthz_service_get_healthz()
    assert not health.multi_user and health.pipeline_store == "database"
    assert json.loads(server.request("/apis/v1beta1/healthz")[1])["tag_name"]
    api.auth_service_authorize(namespace="kubeflow", resources="VIEWERS", verb="GET")
    with pytest.raises(kfp_server_api.ApiException) as refused:
        api.auth_service_authorize(namespace="kubeflow", resources="UNASSIGNED_RESOURCES", verb="GET")
    assert refused.value.status == 400


def test_experiments(api):
    made = api.experiment_service_create_experiment({"display_name": "e", "description": "d", "namespace": "kubeflow"})
    assert api.experiment_service_get_experiment(made.experiment_id).description == "d"
    assert made.last_run_created_at.year == 1970, "as upstream says that there was none"
    listed = api.experiment_service_list_experiments(page_size=1, sort_by="created_at desc", namespace="kubeflow")
    assert [e.experiment_id for e in listed.experiments] == [made.experiment_id] and listed.total_size == 2
    assert listed.next_page_token
    api.experiment_service_archive_experiment(made.experiment_id)
    assert api.experiment_service_get_experiment(made.experiment_id).storage_state == "ARCHIVED"
    api.experiment_service_unarchive_experiment(made.experiment_id)
    api.experiment_service_delete_experiment(made.experiment_id)


class Web(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web(package):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: Web(*arguments, directory=str(package.parent))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_pipelines_and_versions(api, package, web):
    tags = {"team": "a"}
    empty = api.pipeline_service_create_pipeline({"name": "empty", "display_name": "Empty", "tags": tags})
    assert (empty.name, empty.display_name, empty.tags) == ("empty", "Empty", tags)
    assert api.pipeline_service_get_pipeline_by_name("empty").pipeline_id == empty.pipeline_id
    url = {"pipeline_url": f"{web}/letters.yaml"}
    both = api.pipeline_service_create_pipeline_and_version(
        {"pipeline": {"display_name": "From the web"}, "pipeline_version": {"package_url": url, "tags": tags}}
    )
    assert both.name == "From the web"
    added = api.pipeline_service_create_pipeline_version(
        empty.pipeline_id,
        {"pipeline_id": empty.pipeline_id, "name": "v1", "display_name": "V1", "package_url": url, "code_source_url": "http://code"},
    )
    assert (added.package_url.pipeline_url, added.code_source_url) == (url["pipeline_url"], "http://code")
    assert added.pipeline_spec["pipelineInfo"]["name"] == "letters"

    uploaded = api.upload_pipeline(
        str(package), name="uploaded", display_name="Uploaded", description="d", tags=json.dumps(tags)
    )
    assert (uploaded.display_name, uploaded.description, uploaded.tags) == ("Uploaded", "d", tags)
    version = api.upload_pipeline_version(
        str(package), name="v2", display_name="V2", pipelineid=uploaded.pipeline_id, tags=json.dumps(tags)
    )
    assert (version.display_name, version.tags) == ("V2", tags)

    changed = api.pipeline_service_update_pipeline(uploaded.pipeline_id, {"display_name": "New", "tags": {"team": "b"}})
    assert (changed.name, changed.display_name, changed.tags) == ("uploaded", "New", {"team": "b"})
    changed = api.pipeline_service_update_pipeline_version(
        uploaded.pipeline_id, version.pipeline_version_id, {"display_name": "New V2", "tags": {}}
    )
    assert (changed.name, changed.display_name, changed.tags) == ("v2", "New V2", None)
    # What a client got can be sent back.
    whole = api.client.sanitize_for_serialization(api.pipeline_service_get_pipeline(uploaded.pipeline_id))
    api.pipeline_service_update_pipeline(uploaded.pipeline_id, whole)

    by_tag = {"predicates": [{"operation": "EQUALS", "key": "tags.team", "string_value": "a"}]}
    found = api.pipeline_service_list_pipelines(filter=json.dumps(by_tag))
    assert [p.name for p in found.pipelines] == ["empty"]
    listed = api.pipeline_service_list_pipeline_versions(uploaded.pipeline_id, sort_by="name asc", page_size=1)
    assert listed.total_size == 2 and [v.name for v in listed.pipeline_versions] == ["uploaded"]
    more = api.pipeline_service_list_pipeline_versions(uploaded.pipeline_id, page_token=listed.next_page_token)
    assert [v.name for v in more.pipeline_versions] == ["v2"]
    one = api.pipeline_service_get_pipeline_version(uploaded.pipeline_id, version.pipeline_version_id)
    assert one.display_name == "New V2"

    api.pipeline_service_delete_pipeline_version(uploaded.pipeline_id, version.pipeline_version_id)
    with pytest.raises(kfp_server_api.ApiException) as has_versions:
        api.pipeline_service_delete_pipeline(uploaded.pipeline_id)
    assert has_versions.value.status == 400
    for pipeline in (uploaded, empty, both):
        api.pipeline_service_delete_pipeline(pipeline.pipeline_id, cascade=True)
    assert not api.pipeline_service_list_pipelines().pipelines


def test_runs(server, api, spec):
    made = api.run_service_create_run(
        {"display_name": "r", "description": "d", "pipeline_spec": spec, "runtime_config": {"parameters": {"text": "xyz"}}}
    )
    assert made.state == "PENDING" and made.finished_at.year == 1970 and made.scheduled_at == made.created_at
    assert ended(server, made.run_id) == "SUCCEEDED"
    run = api.run_service_get_run(made.run_id)
    assert [s.state for s in run.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert run.pipeline_spec == spec and run.service_account == "pipeline-runner"
    tasks = {t.display_name: t for t in run.run_details.task_details}
    written, reader = tasks["write"], tasks["read"]
    assert written.parent_task_id == tasks["root"].task_id
    assert {c.pod_name for c in tasks["root"].child_tasks} == {written.pod_name, reader.pod_name}
    assert written.executor_detail.main_job == written.pod_name
    assert [s.state for s in written.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert written.create_time <= written.start_time <= written.end_time
    assert written.outputs["file"].artifact_ids == reader.inputs["file"].artifact_ids

    artifact = json.loads(server.request(f"/apis/v2beta1/artifacts/{written.outputs['file'].artifact_ids[0]}")[1])
    assert (artifact["name"], artifact["type"]) == ("file", "Dataset")
    path = f"/apis/v2beta1/runs/{run.run_id}/nodes/{written.pod_name}/artifacts/file:read"
    assert base64.b64decode(json.loads(server.request(path)[1])["data"]) == b"xyz"
    assert server.request(f"/apis/v2beta1/artifacts/{artifact['artifact_id']}:download", headers={"Range": "bytes=1-"}) == (206, "yz")
    if artifact["uri"].startswith("/"):
        asked = urllib.parse.urlencode({"source": "file", "key": artifact["uri"]})
    else:
        source, rest = artifact["uri"].split("://", 1)
        bucket, key = rest.split("/", 1)
        asked = urllib.parse.urlencode({"source": source, "bucket": bucket, "key": key})
    assert server.request(f"/artifacts/get?{asked}&peek=2") == (200, "xy")
    assert server.request(f"/apis/v1alpha1/runs/{run.run_id}/nodes/{written.pod_name}/log") == (200, "xyz\n")

    listed = api.run_service_list_runs(sort_by="finished_at desc", page_size=1)
    assert [r.run_id for r in listed.runs] == [run.run_id]
    api.run_service_archive_run(run.run_id)
    archived = {"predicates": [{"operation": 1, "key": "storage_state", "stringValue": "ARCHIVED"}]}
    assert [r.run_id for r in api.run_service_list_runs(filter=json.dumps(archived)).runs] == [run.run_id]
    api.run_service_unarchive_run(run.run_id)
    api.run_service_delete_run(run.run_id)
    with pytest.raises(kfp_server_api.ApiException) as gone:
        api.run_service_get_run(run.run_id)
    assert gone.value.status == 404 and json.loads(gone.value.body)["code"] == 5


def test_a_retried_task_tells_of_each_attempt(server, api, spec):
    made = api.run_service_create_run(
        {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": {"then": "false"}}}
    )
    assert ended(server, made.run_id) == "FAILED"
    run = api.run_service_get_run(made.run_id)
    assert run.error.message
    reader = {t.display_name: t for t in run.run_details.task_details}["read"]
    assert [s.state for s in reader.state_history] == ["PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING", "FAILED"]
    assert all("exit code 1" in s.error.message for s in reader.state_history if s.state == "FAILED")


@pytest.fixture
def outside_tmp():
    """A directory that a task sees also from its sandbox, whose /tmp is its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        pathlib.Path(directory).chmod(0o755)
        yield pathlib.Path(directory)


def test_retry(server, api, spec, outside_tmp):
    flag = outside_tmp / "flag"
    made = api.run_service_create_run(
        {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": {"then": f"ls {flag}"}}}
    )
    assert ended(server, made.run_id) == "FAILED"
    flag.write_text("x")
    api.run_service_retry_run(made.run_id)
    assert ended(server, made.run_id) == "SUCCEEDED"
    states = [s.state for s in api.run_service_get_run(made.run_id).state_history]
    assert states[-3:] == ["FAILED", "RUNNING", "SUCCEEDED"], states


def test_terminate(server, api, spec):
    made = api.run_service_create_run(
        {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": {"then": "sleep 60"}}}
    )
    api.run_service_terminate_run(made.run_id)
    with pytest.raises(kfp_server_api.ApiException) as twice:
        api.run_service_terminate_run(made.run_id)
    assert twice.value.status == 400
    assert ended(server, made.run_id) == "FAILED"
    going = api.run_service_create_run(
        {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": {"then": "sleep 60"}}}
    )
    api.run_service_delete_run(going.run_id)  # stops it first
    assert going.run_id not in [r.run_id for r in api.run_service_list_runs().runs]


def test_recurring_runs(api, spec):
    made = api.recurring_run_service_create_recurring_run(
        {
            "display_name": "yearly",
            "pipeline_spec": spec,
            "runtime_config": {"parameters": {"text": "x"}},
            "max_concurrency": "1",
            "mode": "DISABLE",
            "trigger": {"cron_schedule": {"cron": "0 0 0 1 1 *"}},
        }
    )
    api.recurring_run_service_enable_recurring_run(made.recurring_run_id)
    got = api.recurring_run_service_get_recurring_run(made.recurring_run_id)
    assert got.status == "ENABLED" and got.trigger.cron_schedule.cron == "0 0 0 1 1 *"
    api.recurring_run_service_disable_recurring_run(made.recurring_run_id)
    listed = api.recurring_run_service_list_recurring_runs(page_size=5)
    assert [r.status for r in listed.recurring_runs] == ["DISABLED"]
    api.recurring_run_service_delete_recurring_run(made.recurring_run_id)


def test_what_is_refused(api):
    calls = {
        "dummy_filter_service_get_filter": [],
        "report_service_report_scheduled_workflow": [""],
        "report_service_report_workflow": [""],
        "visualization_service_create_visualization_v1": ["kubeflow", {"type": "ROC_CURVE"}],
    }
    for name, arguments in calls.items():
        with pytest.raises(kfp_server_api.ApiException) as refused:
            getattr(api, name)(*arguments)
        assert refused.value.status in (404, 501), name
        assert REFUSED[name] in json.loads(refused.value.body)["message"], name


def test_every_operation_was_called(request):
    mine = [item for item in request.session.items if item.path == request.path]
    if len({item.originalname for item in mine}) < sum(name.startswith("test_") for name in globals()):
        pytest.skip("only a part of this file runs")
    assert methods().keys() - CALLED - REFUSED.keys() == set()
