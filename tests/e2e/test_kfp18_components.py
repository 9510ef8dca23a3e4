"""Pipelines of the published component.yaml files of version 2, compiled by the SDK 1.8, to their end.

The published files name no path for their outputs: the SDK takes them from /tmp/outputs/<name>/data. Ours name them, so
that they run under the SDK 2.x as well; here those lines are taken out again.
"""

import ast
import json
import time

import kfp
import kfp.components
import pytest
import yaml
from kfp import dsl

import support

ROWS = "\n".join(f"{i % 2 * 9}.0,{i % 2 * 9}.5" for i in range(200))
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
RUN_LIMIT = 60  # seconds
FINAL = ("Succeeded", "Failed", "Skipped", "Error")


def published(name):
    definition = yaml.safe_load((support.LAB / "components" / f"{name}.yaml").read_text())
    container = definition["implementation"]["container"]
    first = next(i for i, word in enumerate(container["args"]) if str(word).endswith("_output_path"))
    container["args"] = container["args"][:first]
    return kfp.components.load_component_from_text(yaml.safe_dump(definition))


@pytest.fixture(scope="module")
def role(server):
    """The worker node's role, whose keys steps have: it may do all, and SageMaker may assume it."""
    iam, s3 = server.client("iam"), server.client("s3")
    name, arn = support.worker_role(iam)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(support.TRUST))
    for policy in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    s3.create_bucket(Bucket="rows")
    s3.put_object(Bucket="rows", Key="in/rows.csv", Body=ROWS.encode())
    return arn


def run(server, function, expect):
    client = kfp.Client(host=server.endpoint)
    made = client.create_run_from_pipeline_func(function, {}, enable_caching=False)
    deadline = time.monotonic() + RUN_LIMIT
    while True:
        state = client.get_run(made.run_id).run.status
        if state in FINAL:
            break
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    assert state == expect, support.why(server, made.run_id)
    tasks = json.loads(server.request(f"/console/api/runs/{made.run_id}")[1])["tasks"]
    return made.run_id, {task["name"]: task["outputs"].get("parameters", {}) for task in tasks}


def training(name, role):
    channel = {
        "channelName": "train",
        "contentType": "text/csv;label_size=0",
        "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://rows/in", "s3DataDistributionType": "FullyReplicated"}},
        "CompressionType": "None",  # as a published sample has it: dropped
    }
    return published("TrainingJob")(
        region="us-east-1",
        training_job_name=name,
        algorithm_specification={"trainingImage": IMAGE, "trainingInputMode": "File"},
        hyper_parameters={"k": "2", "feature_dim": "2"},
        input_data_config=[channel],
        output_data_config={"s3OutputPath": "s3://rows/out"},
        resource_config={"instanceCount": 1, "instanceType": "ml.m4.xlarge", "volumeSizeInGB": 5},
        stopping_condition={"maxRuntimeInSeconds": 600},
        role_arn=role,
    )


def test_train_and_host(server, role):
    def model_of(artifacts: str) -> str:
        import ast

        return ast.literal_eval(artifacts)["s3ModelArtifacts"]

    def variant_of(variants: str, conditions: str, status: str) -> str:
        import ast

        types = {condition["type"] for condition in ast.literal_eval(conditions)}
        assert {"ACK.ResourceSynced", "Ready"} <= types, types
        return f"{status} {ast.literal_eval(variants)[0]['variantName']} {ast.literal_eval(variants)[0]['currentWeight']}"

    artifact_of = kfp.components.create_component_from_func(model_of, base_image="python:3.11")
    describe = kfp.components.create_component_from_func(variant_of, base_image="python:3.11")

    @dsl.pipeline(name="resources")
    def pipeline():
        trained = training("kmeans-v2", role)
        artifact = artifact_of(trained.outputs["model_artifacts"]).output
        container = {"image": IMAGE, "modelDataURL": str(artifact), "mode": "SingleModel"}
        model = published("Modelv2")(region="us-east-1", execution_role_arn=role, model_name="kmeans-v2", primary_container=container)
        variant = {"variantName": "v", "modelName": model.outputs["sagemaker_resource_name"], "instanceType": "ml.m4.xlarge", "initialInstanceCount": 1, "initialVariantWeight": 1}
        config = published("EndpointConfig")(region="us-east-1", endpoint_config_name="kmeans-v2", production_variants=[variant])
        endpoint = published("Endpoint")(region="us-east-1", endpoint_name="kmeans-v2", endpoint_config_name=config.outputs["sagemaker_resource_name"])
        describe(endpoint.outputs["production_variants"], endpoint.outputs["conditions"], endpoint.outputs["endpoint_status"])

    run_id, outputs = run(server, pipeline, "Succeeded")
    values = [value for task in outputs.values() for value in task.values()]
    assert any(str(value).startswith("s3://rows/out/kmeans-v2/output/") for value in values), outputs
    runtime = server.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="kmeans-v2", ContentType="text/csv", Body="0.0,0.5")
    assert json.loads(answer["Body"].read())["predictions"]


def test_what_is_there_already_is_not_updated(server, role):
    @dsl.pipeline(name="again")
    def pipeline():
        training("kmeans-v2", role)

    run_id, _ = run(server, pipeline, "Failed")
    assert "Resource update is not supported for Training Job" in support.why(server, run_id)


def test_an_endpoint_is_watched(server, role):
    """Version 2's components for monitoring, as in the published hosting_model_monitor_pipeline."""

    @dsl.pipeline(name="watched")
    def pipeline():
        source = {"endpointInput": {"endpointName": "kmeans-v2", "localPath": "/opt/ml/processing/input/endpoint"}}
        output = {"s3URI": "s3://rows/reports", "localPath": "/opt/ml/processing/output", "s3UploadMode": "Continuous"}
        cluster = {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 20}
        made = published("DataQualityJobDefinition")(
            region="us-east-1",
            job_definition_name="watched",
            data_quality_app_specification={"imageURI": "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"},
            data_quality_job_input=source,
            data_quality_job_output_config={"monitoringOutputs": [{"s3Output": output}]},
            job_resources={"clusterConfig": cluster},
            role_arn=role,
            stopping_condition={"maxRuntimeInSeconds": 1800},
        )
        config = {
            "monitoringJobDefinitionName": made.outputs["sagemaker_resource_name"],
            "monitoringType": "DataQuality",
            "scheduleConfig": {"scheduleExpression": "cron(0 * ? * * *)"},
        }
        published("MonitoringSchedule")(region="us-east-1", monitoring_schedule_config=config, monitoring_schedule_name="watched")

    run(server, pipeline, "Succeeded")
    schedule = server.client("sagemaker").describe_monitoring_schedule(MonitoringScheduleName="watched")
    assert (schedule["MonitoringScheduleStatus"], schedule["EndpointName"]) == ("Scheduled", "kmeans-v2")


def test_what_is_not_served_is_refused_in_one_sentence(server, role):
    team = kfp.components.load_component_from_file(str(support.LAB / "components" / "workteam.yaml"))
    label = kfp.components.load_component_from_file(str(support.LAB / "components" / "ground_truth.yaml"))
    app = kfp.components.load_component_from_file(str(support.LAB / "components" / "delete_simulation_app.yaml"))

    @dsl.pipeline(name="refused")
    def pipeline():
        made = team(region="us-east-1", team_name="t", description="d", user_pool="us-east-1_p", user_groups="g", client_id="c")
        label(
            region="us-east-1", role=role, job_name="l", manifest_location="s3://rows/m", output_location="s3://rows/l",
            task_type="bounding box", worker_type="private", workteam_arn=made.outputs["workteam_arn"],
            ui_template="s3://rows/ui", title="t", description="d", num_workers_per_object=1, time_limit=60,
        )
        app(region="us-east-1", arn="arn:aws:robomaker:us-east-1:123456789012:simulation-application/a/1")

    run_id, _ = run(server, pipeline, "Failed")
    text = support.why(server, run_id)
    assert "Labeling jobs are not supported here: no people are here to label the data." in text
    assert "DeleteSimulationApplication of robomaker is not served here, and AWS has ended that service." in text
