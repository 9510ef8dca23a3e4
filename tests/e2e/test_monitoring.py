"""Monitoring of endpoints through boto3: the four job definitions, schedules and their executions; work teams, and the
labeling jobs that are refused. And the same as custom resources and as components of version 2."""

import datetime
import json
import time

import botocore.exceptions
import pytest
import support

KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
TYPES = {
    "DataQuality": "data_quality",
    "ModelBias": "model_bias",
    "ModelExplainability": "model_explainability",
    "ModelQuality": "model_quality",
}
LIMIT = 30  # seconds
HOUR = datetime.timedelta(hours=1)
# What a monitor of one's own does: says what it was given, and that it found something.
MONITOR = (  # one line, as AWS has it
    'cp -r /opt/ml/processing/input/endpoint "$output_path/seen" && '
    'echo "$sagemaker_endpoint_name $sagemaker_monitoring_schedule_name" > "$output_path/names" && '
    'echo "CompletedWithViolations: 1 violation" > /opt/ml/output/message'
)


def wait_until(holds, what):
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def refused(code, text):
    return pytest.raises(botocore.exceptions.ClientError, match=f"{code}.*{text}")


@pytest.fixture(scope="module")
def sagemaker(server):
    return server.client("sagemaker")


@pytest.fixture(scope="module")
def role(server, sagemaker):
    """The jobs' role; an endpoint whose data is captured, and what was captured of the last two hours."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="watched")
    s3.put_object(Bucket="watched", Key="in/rows.csv", Body="\n".join(f"{i % 2 * 9},{i % 2 * 9}" for i in range(200)).encode())
    arn = support.role_for_jobs(server.client("iam"))
    source = {"S3DataSource": {"S3Uri": "s3://watched/in", "S3DataType": "S3Prefix"}}
    sagemaker.create_training_job(
        TrainingJobName="watched",
        RoleArn=arn,
        AlgorithmSpecification={"TrainingImage": KMEANS, "TrainingInputMode": "File"},
        HyperParameters={"k": "2", "feature_dim": "2"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv;label_size=0", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://watched/models"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    trained = lambda: sagemaker.describe_training_job(TrainingJobName="watched")
    wait_until(lambda: trained()["TrainingJobStatus"] not in ("InProgress",), "trained")
    model = trained()["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker.create_model(ModelName="watched", ExecutionRoleArn=arn, PrimaryContainer={"Image": KMEANS, "ModelDataUrl": model})
    variant = {"VariantName": "all", "ModelName": "watched", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://watched/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    sagemaker.create_endpoint_config(EndpointConfigName="watched", ProductionVariants=[variant], DataCaptureConfig=capture)
    sagemaker.create_endpoint(EndpointName="watched", EndpointConfigName="watched")
    state = lambda: sagemaker.describe_endpoint(EndpointName="watched")["EndpointStatus"]
    wait_until(lambda: state() == "InService", "in service")
    now = datetime.datetime.now(datetime.timezone.utc)
    for hour in (now, now - HOUR):
        s3.put_object(Bucket="watched", Key=f"captured/watched/all/{hour:%Y/%m/%d/%H}/00-00-000-a.jsonl", Body=b"{}\n")
    return arn


def definition(type_name, name, role, app=None, endpoint="watched"):
    app = app or {"ImageUri": ANALYZER}
    if type_name in ("ModelBias", "ModelExplainability"):
        app = {"ConfigUri": "s3://watched/config/analysis_config.json", **app}
    job_input = {"EndpointInput": {"EndpointName": endpoint, "LocalPath": "/opt/ml/processing/input/endpoint"}}
    if type_name in ("ModelBias", "ModelQuality"):
        job_input["GroundTruthS3Input"] = {"S3Uri": "s3://watched/truth"}
    output = {"S3Uri": "s3://watched/reports", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "Continuous"}
    return {
        "JobDefinitionName": name,
        f"{type_name}AppSpecification": app,
        f"{type_name}JobInput": job_input,
        f"{type_name}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "JobResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
        "RoleArn": role,
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }


def now_and(name, hours=1, kind="DataQuality"):
    """One execution, over the last full hours and the one under way."""
    schedule = {"ScheduleExpression": "NOW", "DataAnalysisStartTime": f"-PT{hours}H", "DataAnalysisEndTime": "PT0H"}
    return {"ScheduleConfig": schedule, "MonitoringJobDefinitionName": name, "MonitoringType": kind}


def only_execution(sagemaker, schedule):
    listed = lambda: sagemaker.list_monitoring_executions(MonitoringScheduleName=schedule)["MonitoringExecutionSummaries"]
    wait_until(lambda: listed() and listed()[0]["MonitoringExecutionStatus"] not in ("Pending", "InProgress"), schedule)
    [execution] = listed()
    last = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=schedule)["LastMonitoringExecutionSummary"]
    assert last == execution
    return execution


@pytest.mark.parametrize("type_name", TYPES)
def test_definitions(sagemaker, role, type_name):
    call = lambda verb, plural="", **members: getattr(sagemaker, f"{verb}_{TYPES[type_name]}_job_definition{plural}")(**members)
    name = f"{type_name}-Def"
    request = definition(type_name, name, role)
    arn = call("create", **request, Tags=[{"Key": "team", "Value": "a"}])["JobDefinitionArn"]
    words = TYPES[type_name].replace("_", "-")
    assert arn == f"arn:aws:sagemaker:us-east-1:123456789012:{words}-job-definition/{name.lower()}"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    described = call("describe", JobDefinitionName=name)
    assert {key: described[key] for key in request} == request
    [listed] = call("list", "s", EndpointName="watched")["JobDefinitionSummaries"]
    assert (listed["MonitoringJobDefinitionName"], listed["MonitoringJobDefinitionArn"], listed["EndpointName"]) == (name, arn, "watched")
    assert not call("list", "s", EndpointName="other")["JobDefinitionSummaries"]
    with refused("ResourceInUse", "already exists"):
        call("create", **request)
    with refused("ValidationException", "Could not assume role"):
        call("create", **{**request, "JobDefinitionName": "x", "RoleArn": "arn:aws:iam::123456789012:role/nobody"})
    call("delete", JobDefinitionName=name)
    for verb in ("describe", "delete"):
        with refused("ResourceNotFound", "Could not find"):
            call(verb, JobDefinitionName=name)


def test_a_schedule_is_made_changed_stopped_and_deleted(sagemaker, role):
    sagemaker.create_data_quality_job_definition(**definition("DataQuality", "hourly", role))
    config = {"ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"}, "MonitoringJobDefinitionName": "hourly", "MonitoringType": "DataQuality"}
    make = lambda name="Hourly", **more: sagemaker.create_monitoring_schedule(MonitoringScheduleName=name, MonitoringScheduleConfig={**config, **more})
    describe = lambda: sagemaker.describe_monitoring_schedule(MonitoringScheduleName="Hourly")
    arn = make()["MonitoringScheduleArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:monitoring-schedule/hourly"
    described = describe()
    assert (described["MonitoringScheduleStatus"], described["EndpointName"], described["MonitoringType"]) == ("Scheduled", "watched", "DataQuality")
    assert described["MonitoringScheduleConfig"] == config
    assert "LastMonitoringExecutionSummary" not in described
    with refused("ResourceInUse", "already exists"):
        make()
    with refused("ResourceNotFound", "Could not find data quality job definition"):
        make("other", MonitoringJobDefinitionName="nowhere")
    for more, text in [
        ({"ScheduleConfig": {"ScheduleExpression": "rate(1 hour)"}}, "ScheduleExpression"),
        ({"ScheduleConfig": {"ScheduleExpression": "cron(*/5 * ? * * *)"}}, "ScheduleExpression"),
        ({"ScheduleConfig": {"ScheduleExpression": "NOW"}}, "DataAnalysisStartTime"),
    ]:
        with refused("ValidationException", text):
            make("other", **more)
    for filters, count in [({"EndpointName": "watched"}, 1), ({"EndpointName": "x"}, 0), ({"MonitoringTypeEquals": "ModelBias"}, 0),
                           ({"MonitoringJobDefinitionName": "hourly", "StatusEquals": "Scheduled"}, 1)]:
        assert len(sagemaker.list_monitoring_schedules(NameContains="Hourly", **filters)["MonitoringScheduleSummaries"]) == count, filters
    changed = {**config, "ScheduleConfig": {"ScheduleExpression": "cron(0 3/6 ? * * *)"}}
    sagemaker.update_monitoring_schedule(MonitoringScheduleName="Hourly", MonitoringScheduleConfig=changed)
    assert describe()["MonitoringScheduleConfig"] == changed
    sagemaker.stop_monitoring_schedule(MonitoringScheduleName="Hourly")
    assert describe()["MonitoringScheduleStatus"] == "Stopped"
    sagemaker.start_monitoring_schedule(MonitoringScheduleName="Hourly")
    assert describe()["MonitoringScheduleStatus"] == "Scheduled"
    sagemaker.delete_monitoring_schedule(MonitoringScheduleName="Hourly")
    missing = lambda: refused("ResourceNotFound", "not found")
    for verb in ("describe", "start", "stop", "delete"):
        with missing():
            getattr(sagemaker, f"{verb}_monitoring_schedule")(MonitoringScheduleName="Hourly")
    with missing():
        sagemaker.update_monitoring_schedule(MonitoringScheduleName="Hourly", MonitoringScheduleConfig=config)


def test_an_execution_is_a_processing_job(server, sagemaker, role):
    app = {"ImageUri": "monitor", "ContainerEntrypoint": ["/bin/sh", "-ec"], "ContainerArguments": [MONITOR]}
    sagemaker.create_data_quality_job_definition(**definition("DataQuality", "mine", role, app))
    sagemaker.create_monitoring_schedule(MonitoringScheduleName="mine", MonitoringScheduleConfig=now_and("mine"))
    execution = only_execution(sagemaker, "mine")
    assert execution["MonitoringExecutionStatus"] == "CompletedWithViolations", execution
    name = execution["ProcessingJobArn"].split("/")[1]
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["MonitoringScheduleArn"].endswith(":monitoring-schedule/mine")
    s3 = server.client("s3")
    reports = {o["Key"]: o["Key"] for o in s3.list_objects_v2(Bucket="watched", Prefix="reports/watched/mine/")["Contents"]}
    assert any(key.endswith("00-00-000-a.jsonl") and "/seen/watched/all/" in key for key in reports), reports
    [names] = [key for key in reports if key.endswith("/names")]
    assert s3.get_object(Bucket="watched", Key=names)["Body"].read() == b"watched mine\n"
    assert sagemaker.describe_monitoring_schedule(MonitoringScheduleName="mine")["MonitoringScheduleStatus"] == "Scheduled"
    # What has been done is done again when it is started anew.
    sagemaker.stop_monitoring_schedule(MonitoringScheduleName="mine")
    sagemaker.start_monitoring_schedule(MonitoringScheduleName="mine")
    listed = lambda **more: sagemaker.list_monitoring_executions(MonitoringScheduleName="mine", **more)
    wait_until(lambda: len(listed()["MonitoringExecutionSummaries"]) == 2, "the second execution")
    page = listed(MaxResults=1)
    rest = listed(MaxResults=1, NextToken=page["NextToken"])
    assert page["MonitoringExecutionSummaries"][0]["ScheduledTime"] > rest["MonitoringExecutionSummaries"][0]["ScheduledTime"]
    assert "NextToken" not in rest


def test_what_cannot_be_executed_says_why(sagemaker, role):
    sagemaker.create_data_quality_job_definition(**definition("DataQuality", "analyzer", role))
    sagemaker.create_data_quality_job_definition(**definition("DataQuality", "elsewhere", role, endpoint="nowhere"))
    for schedule, config, text in [
        ("analyzer", now_and("analyzer"), "cannot run here"),
        ("elsewhere", now_and("elsewhere"), "Could not find endpoint"),
        ("quiet", {**now_and("analyzer"), "ScheduleConfig": {"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-PT30H", "DataAnalysisEndTime": "-PT28H"}}, "Job inputs had no data"),
    ]:
        sagemaker.create_monitoring_schedule(MonitoringScheduleName=schedule, MonitoringScheduleConfig=config)
        execution = only_execution(sagemaker, schedule)
        assert execution["MonitoringExecutionStatus"] == "Failed", execution
        assert text in execution["FailureReason"], execution


def test_teams_are_records_and_labeling_needs_people(sagemaker, role):
    member = {"CognitoMemberDefinition": {"UserPool": "us-east-1_abc", "UserGroup": "g", "ClientId": "c"}}
    arn = sagemaker.create_workteam(WorkteamName="team", Description="d", MemberDefinitions=[member])["WorkteamArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team"
    team = sagemaker.describe_workteam(WorkteamName="team")["Workteam"]
    assert team["MemberDefinitions"] == [member] and team["SubDomain"] and team["CreateDate"]
    assert [t["WorkteamName"] for t in sagemaker.list_workteams()["Workteams"]] == ["team"]
    task = {
        "WorkteamArn": arn, "UiConfig": {"UiTemplateS3Uri": "s3://watched/ui"}, "TaskTitle": "t", "TaskDescription": "d",
        "PreHumanTaskLambdaArn": "arn:aws:lambda:us-east-1:432418664414:function:PRE-BoundingBox",
        "NumberOfHumanWorkersPerDataObject": 1, "TaskTimeLimitInSeconds": 60,
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": "arn:aws:lambda:us-east-1:432418664414:function:ACS-BoundingBox"},
    }
    with refused("ValidationException", "no people are here to label the data"):
        sagemaker.create_labeling_job(
            LabelingJobName="l", LabelAttributeName="l", RoleArn=role, HumanTaskConfig=task,
            InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://watched/m"}}}, OutputConfig={"S3OutputPath": "s3://watched/l"},
        )
    assert sagemaker.delete_workteam(WorkteamName="team")["Success"] is True
    with refused("ValidationException", "does not exist"):
        sagemaker.describe_workteam(WorkteamName="team")
