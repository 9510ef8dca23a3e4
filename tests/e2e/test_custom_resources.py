"""SageMaker's custom resources through the Kubernetes API: kubectl 1.20 and 1.37 and the Python client make, follow,
change and delete what the service has."""

import json
import subprocess
import time

import pytest
import support
import test_kubectl

KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
GROUP = "sagemaker.services.k8s.aws"
LIMIT = 60  # seconds


@pytest.fixture(scope="module")
def account(server):
    """A role for the jobs, points to train with, and where the models go."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="points")
    s3.put_object(Bucket="points", Key="train/points.csv", Body="\n".join("0,0" if i % 2 else "9,9" for i in range(200)).encode())
    return support.role_for_jobs(server.client("iam"))


@pytest.fixture(params=["1.20", "1.37"])
def kubectl(request, server, tmp_path):
    program = test_kubectl.debians() if request.param == "1.20" else str(test_kubectl.newest())
    # kubectl keeps what it discovered in its home.
    environment = {**server.environment(), "HOME": str(tmp_path)}

    def run(*arguments, send=None, code=0, **variables):
        done = subprocess.run(
            [program, *arguments], input=json.dumps(send) if send else None, env={**environment, **variables},
            capture_output=True, text=True, timeout=LIMIT * 2,
        )
        assert code is None or done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    run.name = "k" + request.param.replace(".", "-")
    return run


def resource(kind, name, spec):
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def training_job(role, name, **more):
    source = {"s3URI": "s3://points/train", "s3DataType": "S3Prefix"}
    spec = {
        "trainingJobName": name,
        "roleARN": role,
        "algorithmSpecification": {"trainingImage": KMEANS, "trainingInputMode": "File"},
        "hyperParameters": {"k": "2", "feature_dim": "2", "mini_batch_size": "100"},
        "inputDataConfig": [
            {"channelName": "train", "contentType": "text/csv;label_size=0", "dataSource": {"s3DataSource": source}}
        ],
        "outputDataConfig": {"s3OutputPath": "s3://points/models"},
        "resourceConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 1},
        "stoppingCondition": {"maxRuntimeInSeconds": 300},
    }
    return resource("TrainingJob", name, {**spec, **more})


def endless(role, name):
    """A job that runs until it is stopped."""
    algorithm = {"trainingImage": "img", "trainingInputMode": "File", "containerEntrypoint": ["/bin/sleep", "600"]}
    job = training_job(role, name, algorithmSpecification=algorithm)
    for field in ("inputDataConfig", "hyperParameters"):
        del job["spec"][field]
    return job


def status_of(server, name):
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"]


def wait_until(holds, what):
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_from_training_to_an_endpoint(server, account, kubectl):
    name = kubectl.name
    assert f"trainingjob.{GROUP}/{name} created" in kubectl("apply", "-f", "-", send=training_job(account, name))
    assert "unchanged" in kubectl("apply", "-f", "-", send=training_job(account, name))
    kubectl("wait", "--for=condition=ACK.ResourceSynced", f"trainingjob/{name}", f"--timeout={LIMIT}s")
    lines = kubectl("get", "trainingjobs", name).splitlines()
    assert lines[0].split() == ["NAME", "SECONDARY-STATUS", "STATUS"]
    assert lines[1].split() == [name, "Completed", "Completed"]
    assert "FAILURE-REASON" in kubectl("get", "trainingjob", name, "-o", "wide")
    described = kubectl("describe", "trainingjob", name)
    assert "TrainingJob is in Completed status." in described and "Model Artifacts" in described
    artifacts = kubectl("get", "trainingjob", name, "-o", "jsonpath={.status.modelArtifacts.s3ModelArtifacts}")
    assert artifacts == f"s3://points/models/{name}/output/model.tar.gz"

    container = {"image": KMEANS, "modelDataURL": artifacts}
    variant = {"modelName": name, "variantName": "all", "instanceType": "ml.t2.medium", "initialInstanceCount": 1}
    kubectl("apply", "-f", "-", send=resource("Model", name, {"modelName": name, "executionRoleARN": account, "primaryContainer": container}))
    kubectl("wait", "--for=condition=ACK.ResourceSynced", f"model/{name}", f"--timeout={LIMIT}s")
    for config in (name, f"{name}-2"):
        spec = {"endpointConfigName": config, "productionVariants": [variant]}
        kubectl("apply", "-f", "-", send=resource("EndpointConfig", config, spec))
        kubectl("wait", "--for=condition=ACK.ResourceSynced", f"endpointconfig/{config}", f"--timeout={LIMIT}s")
    kubectl("apply", "-f", "-", send=resource("Endpoint", name, {"endpointName": name, "endpointConfigName": name}))
    kubectl("wait", "--for=condition=ACK.ResourceSynced", f"endpoint/{name}", f"--timeout={LIMIT}s")
    assert kubectl("get", "endpoints." + GROUP, name).splitlines()[1].split() == [name, "InService"]
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"9,9")["Body"].read()
    assert "closest_cluster" in answer.decode()

    # Another configuration: the endpoint is updated.
    edited = kubectl("edit", "endpoints." + GROUP, name, EDITOR=f"sed -i 's/endpointConfigName: .*/endpointConfigName: {name}-2/'")
    assert "edited" in edited
    sagemaker = server.client("sagemaker")
    describe = lambda: sagemaker.describe_endpoint(EndpointName=name)
    wait_until(lambda: describe()["EndpointConfigName"] == f"{name}-2" and describe()["EndpointStatus"] == "InService", describe())

    kubectl("delete", "endpoints." + GROUP, name)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find endpoint"):
        describe()
    kubectl("delete", "endpointconfigs,models", "--all")
    assert not [m for m in sagemaker.list_models()["Models"] if m["ModelName"] == name]
    kubectl("delete", "trainingjob", name)
    assert status_of(server, name) == "Completed"  # a job's record stays, as in AWS


def test_deleting_a_running_job_stops_it(server, account, kubectl):
    name = f"endless-{kubectl.name}"
    kubectl("apply", "-f", "-", send=endless(account, name))
    wait_until(lambda: "InProgress" in kubectl("get", "trainingjob", name), "it runs")
    finalizers = kubectl("get", "trainingjob", name, "-o", "jsonpath={.metadata.finalizers}")
    assert f"finalizers.{GROUP}/TrainingJob" in finalizers
    kubectl("delete", "trainingjob", name)  # returns once it is gone
    assert status_of(server, name) == "Stopped"


def test_faults_are_refused_or_reported(server, account, kubectl):
    name = f"faulty-{kubectl.name}"
    typo = training_job(account, name)
    typo["spec"]["hyperParams"] = typo["spec"].pop("hyperParameters")
    assert "hyperParams" in kubectl("apply", "-f", "-", send=typo, code=1)
    lacking = training_job(account, name)
    del lacking["spec"]["roleARN"]
    assert "roleARN" in kubectl("create", "--validate=false", "-f", "-", send=lacking, code=1)
    words = training_job(account, name)
    words["spec"]["resourceConfig"]["instanceCount"] = "one"
    assert "integer" in kubectl("create", "--validate=false", "-f", "-", send=words, code=1)
    kubectl("apply", "-f", "-", send=training_job(account, name, roleARN="arn:aws:iam::123456789012:role/nobody"))
    kubectl("wait", "--for=condition=ACK.Recoverable", f"trainingjob/{name}", f"--timeout={LIMIT}s")
    assert "nobody" in kubectl("describe", "trainingjob", name)
    kubectl("delete", "trainingjob", name)


def definition(kind, name, role):
    """Of a job that monitors an endpoint; of an execution that finds no endpoint, and says so."""
    type_name = kind.removesuffix("JobDefinition")
    field = type_name[0].lower() + type_name[1:]
    source = {"endpointInput": {"endpointName": "nowhere", "localPath": "/opt/ml/processing/input"}}
    if type_name in ("ModelBias", "ModelQuality"):
        source["groundTruthS3Input"] = {"s3URI": "s3://points/truth"}
    app = {"imageURI": "analyzer"}
    if type_name in ("ModelBias", "ModelExplainability"):
        app["configURI"] = "s3://points/analysis_config.json"
    output = {"s3URI": "s3://points/reports", "localPath": "/opt/ml/processing/output"}
    spec = {
        "jobDefinitionName": name,
        f"{field}AppSpecification": app,
        f"{field}JobInput": source,
        f"{field}JobOutputConfig": {"monitoringOutputs": [{"s3Output": output}]},
        "jobResources": {"clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 20}},
        "roleARN": role,
    }
    return resource(kind, name, spec)


def test_monitoring(server, account, kubectl):
    name = f"watch-{kubectl.name}"
    kinds = ("DataQualityJobDefinition", "ModelBiasJobDefinition", "ModelExplainabilityJobDefinition", "ModelQualityJobDefinition")
    for kind in kinds:
        kubectl("apply", "-f", "-", send=definition(kind, name, account))
        kubectl("wait", "--for=condition=ACK.ResourceSynced", f"{kind.lower()}/{name}", f"--timeout={LIMIT}s")
    config = {
        "monitoringJobDefinitionName": name, "monitoringType": "DataQuality",
        "scheduleConfig": {"scheduleExpression": "cron(0 * ? * * *)"},
    }
    spec = {"monitoringScheduleName": name, "monitoringScheduleConfig": config}
    kubectl("apply", "-f", "-", send=resource("MonitoringSchedule", name, spec))
    kubectl("wait", "--for=condition=ACK.ResourceSynced", f"monitoringschedule/{name}", f"--timeout={LIMIT}s")
    assert kubectl("get", "monitoringschedules", name).splitlines()[1].split() == [name, "Scheduled"]
    assert "Monitoring Schedule Status" in kubectl("describe", "monitoringschedule", name)
    assert "scheduleExpression" in kubectl("explain", "monitoringschedule.spec.monitoringScheduleConfig.scheduleConfig")
    config["scheduleConfig"]["scheduleExpression"] = "cron(0 5 ? * * *)"
    kubectl("apply", "-f", "-", send=resource("MonitoringSchedule", name, spec))
    describe = lambda: server.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName=name)
    expression = lambda: describe()["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
    wait_until(lambda: expression() == "cron(0 5 ? * * *)", "it is changed")
    kubectl("delete", "monitoringschedule", name)
    with pytest.raises(Exception, match="ResourceNotFound"):
        describe()
    for kind in kinds:
        kubectl("delete", kind.lower(), name)
    assert not server.client("sagemaker").list_data_quality_job_definitions(NameContains=name)["JobDefinitionSummaries"]


def test_explain(kubectl):
    said = kubectl("explain", "trainingjob.spec.resourceConfig")
    assert "instanceCount" in said and "<integer>" in said
    assert "-required-" in kubectl("explain", "trainingjob.spec")
    assert "lastTransitionTime" in kubectl("explain", "trainingjob.status.conditions")
    names = kubectl("api-resources", "--api-group", GROUP, "-o", "name").split()
    for plural in ("trainingjobs", "processingjobs", "transformjobs", "hyperparametertuningjobs", "models", "endpointconfigs", "endpoints"):
        assert f"{plural}.{GROUP}" in names


def test_the_python_client(server, account):
    import kubernetes

    kubernetes_client = kubernetes.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"])
    jobs = kubernetes.client.CustomObjectsApi(kubernetes_client)
    where = (GROUP, "v1alpha1", "kubeflow", "trainingjobs")
    made = jobs.create_namespaced_custom_object(*where, training_job(account, "python"))
    watch = kubernetes.watch.Watch()
    seen = []
    for event in watch.stream(
        jobs.list_namespaced_custom_object, *where, field_selector="metadata.name=python",
        resource_version=made["metadata"]["resourceVersion"], timeout_seconds=LIMIT,
    ):
        seen.append(event["object"].get("status", {}).get("trainingJobStatus"))
        if seen[-1] in ("Completed", "Failed"):
            watch.stop()
    assert seen[-1] == "Completed", seen
    status = jobs.get_namespaced_custom_object_status(*where, "python")["status"]
    assert status["ackResourceMetadata"]["arn"].endswith(":training-job/python")
    jobs.patch_namespaced_custom_object(*where, "python", {"metadata": {"labels": {"team": "a"}}})
    assert [j["metadata"]["name"] for j in jobs.list_namespaced_custom_object(*where, label_selector="team=a")["items"]] == ["python"]
    jobs.delete_namespaced_custom_object(*where, "python")
    with pytest.raises(kubernetes.client.ApiException) as gone:
        wait_until(lambda: jobs.get_namespaced_custom_object(*where, "python") is None, "it is gone")
    assert gone.value.status == 404


def test_the_server_is_killed_meanwhile(tmp_path):
    server = support.Server(tmp_path / "data").start()
    try:
        role = support.role_for_jobs(server.client("iam"))
        server.client("s3").create_bucket(Bucket="points")
        kubectl = str(test_kubectl.newest())

        def run(*arguments, send=None):
            return subprocess.run(
                [kubectl, *arguments], input=json.dumps(send) if send else None, env=server.environment(),
                capture_output=True, text=True, timeout=LIMIT,
            ).stdout

        run("apply", "-f", "-", send=endless(role, "survivor"))
        wait_until(lambda: "InProgress" in run("get", "trainingjob", "survivor"), "it runs")
        server.kill()
        server.start()
        assert "InProgress" in run("get", "trainingjob", "survivor")
        run("delete", "trainingjob", "survivor", "--wait=false")
        server.kill()  # the stop may have been asked for or not
        server.start()
        wait_until(lambda: "survivor" not in run("get", "trainingjobs"), "it is stopped and gone")
        assert status_of(server, "survivor") == "Stopped"
    finally:
        server.stop()
        server.end_children()
