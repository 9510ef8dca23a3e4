"""The arguments of version 2's components, and what AWS answers. `record_resources.py` runs the originals with them."""

from cases import ARN, ROLE, ok

GONE = [400, {"__type": "ResourceNotFound", "message": "gone"}]
CREATED, CHANGED = 1767323045.0, 1767323105.5  # 2026-01-02T03:04:05Z, 03:05:05Z
LATER = {"LastModifiedTime": CHANGED + 60}
TIMES = {"CreationTime": CREATED, "LastModifiedTime": CHANGED}


def missing(message):
    return [400, {"__type": "ValidationException", "message": message}]


NO_JOB = missing("Requested resource not found.")
TRAINING = {"TrainingJobName": "job", "TrainingJobArn": ARN + "training-job/job", "TrainingJobStatus": "InProgress", "SecondaryStatus": "Starting", **TIMES}
TRAINED = {**TRAINING, "TrainingJobStatus": "Completed", "SecondaryStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": "s3://b/out/job/output/model.tar.gz"}, "ProfilingStatus": "Disabled"}


def training(*descriptions, **more):
    return {"DescribeTrainingJob": [NO_JOB, *(ok(d) for d in descriptions)], "CreateTrainingJob": [ok({"TrainingJobArn": ARN + "training-job/job"})], **more}


TRAIN = {
    "region": "us-east-1",
    "training_job_name": "job",
    "algorithm_specification": '{"trainingImage": "own:1", "trainingInputMode": "File"}',
    "output_data_config": '{"s3OutputPath": "s3://b/out"}',
    "resource_config": '{"instanceType": "ml.m4.xlarge", "instanceCount": 1, "volumeSizeInGB": 5}',
    "stopping_condition": '{"maxRuntimeInSeconds": 86400}',
    "role_arn": ROLE,
}
CASES = {}
CASES["TrainingJob"] = [
    ("as the sample trains", {**TRAIN, "hyper_parameters": '{"k": "10", "feature_dim": "784"}', "input_data_config": '[{"channelName": "train", "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3URI": "s3://b/in", "s3DataDistributionType": "FullyReplicated"}}, "CompressionType": "None", "RecordWrapperType": "None", "InputMode": "File"}]'}, training(TRAINING, TRAINED)),
    ("everything that can be said", {**TRAIN, "algorithm_specification": '{"algorithmName": "market", "trainingInputMode": "Pipe", "enableSageMakerMetricsTimeSeries": true, "metricDefinitions": [{"name": "loss", "regex": "loss=(.*?);"}]}', "checkpoint_config": '{"localPath": "/opt/ml/checkpoints", "s3URI": "s3://b/c"}', "debug_hook_config": '{"s3OutputPath": "s3://b/debug", "collectionConfigurations": [{"collectionName": "losses", "collectionParameters": {"a": "b"}}], "hookParameters": {"c": "d"}}', "debug_rule_configurations": '[{"ruleConfigurationName": "r", "ruleEvaluatorImage": "i", "ruleParameters": {"e": "f"}}]', "enable_inter_container_traffic_encryption": "True", "enable_managed_spot_training": "True", "enable_network_isolation": "True", "environment": '{"A": "b"}', "experiment_config": '{"experimentName": "e", "trialName": "t", "trialComponentDisplayName": "d"}', "output_data_config": '{"s3OutputPath": "s3://b/out", "kmsKeyID": "k1", "kmsKeyId": "lost"}', "resource_config": '{"instanceType": "ml.m4.xlarge", "instanceCount": 2, "volumeSizeInGB": 5, "volumeKMSKeyID": "k2", "keepAlivePeriodInSeconds": 60}', "profiler_config": '{"s3OutputPath": "s3://b/p", "profilingIntervalInMilliseconds": 500, "profilingParameters": {"g": "h"}}', "retry_strategy": '{"maximumRetryAttempts": 3}', "stopping_condition": '{"maxRuntimeInSeconds": 60, "maxWaitTimeInSeconds": 120}', "tags": '[{"key": "a", "value": "b"}]', "tensor_board_output_config": '{"localPath": "/tb", "s3OutputPath": "s3://b/tb"}', "vpc_config": '{"securityGroupIDs": ["sg-1"], "subnets": ["subnet-1"]}'}, training({**TRAINED, "DebugRuleEvaluationStatuses": [{"RuleConfigurationName": "r", "RuleEvaluationJobArn": ARN + "processing-job/r", "RuleEvaluationStatus": "NoIssuesFound", "LastModifiedTime": CHANGED}], "WarmPoolStatus": {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 60}})),
    ("a name of its own", {**TRAIN, "training_job_name": ""}, training(TRAINED)),
    ("a job that fails", TRAIN, training(TRAINING, {**TRAINING, "TrainingJobStatus": "Failed", "FailureReason": "ClientError: no data"})),
    ("a job that is stopped", TRAIN, training({**TRAINING, "TrainingJobStatus": "Stopped"})),
    ("a rule that found something", TRAIN, training({**TRAINED, "DebugRuleEvaluationStatuses": [{"RuleConfigurationName": "r", "RuleEvaluationStatus": "IssuesFound"}]})),
    ("a rule that is not done yet", TRAIN, training({**TRAINED, "DebugRuleEvaluationStatuses": [{"RuleConfigurationName": "r", "RuleEvaluationStatus": "InProgress"}]}, {**TRAINED, "DebugRuleEvaluationStatuses": [{"RuleConfigurationName": "r", "RuleEvaluationStatus": "NoIssuesFound"}]})),
    ("a request that is refused", TRAIN, {**training(TRAINED), "DescribeTrainingJob": [NO_JOB], "CreateTrainingJob": [missing("Could not assume role.")]}),
    ("a hyperparameter that is a number", {**TRAIN, "hyper_parameters": '{"k": 10}'}, {"DescribeTrainingJob": [NO_JOB]}),
    ("the API's names instead of the resource's", {**TRAIN, "resource_config": '{"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}'}, training(TRAINED)),
    ("no algorithm", {**TRAIN, "algorithm_specification": "{}"}, {"DescribeTrainingJob": [NO_JOB]}),
    ("a list where an object belongs", {**TRAIN, "resource_config": "[]"}, {}),
    ("a required argument left out", {**TRAIN, "role_arn": None}, {}),
]

NO_MODEL = missing(f'Could not find model "{ARN}model/m".')
DESCRIBED_MODEL = {"ModelName": "m", "ModelArn": ARN + "model/m", "CreationTime": CREATED, "EnableNetworkIsolation": False}
MODELLED = {"DescribeModel": [NO_MODEL, ok(DESCRIBED_MODEL)], "CreateModel": [ok({"ModelArn": ARN + "model/m"})]}
MODEL = {"region": "us-east-1", "model_name": "m", "execution_role_arn": ROLE}
CASES["Modelv2"] = [
    ("an image and its artifact", {**MODEL, "primary_container": '{"image": "own:1", "modelDataURL": "s3://b/model.tar.gz", "containerHostname": "h", "environment": {"A": "b"}, "mode": "SingleModel"}', "tags": '[{"key": "a", "value": "b"}]'}, MODELLED),
    ("containers one after the other", {**MODEL, "model_name": "", "enable_network_isolation": "True", "containers": '[{"image": "a:1", "imageConfig": {"repositoryAccessMode": "Vpc", "repositoryAuthConfig": {"repositoryCredentialsProviderARN": "arn"}}}, {"modelPackageName": "p", "multiModelConfig": {"modelCacheSetting": "Enabled"}}]', "inference_execution_config": '{"mode": "Serial"}', "vpc_config": '{"securityGroupIDs": ["sg-1"], "subnets": ["subnet-1"]}'}, MODELLED),
    ("names of the API", {**MODEL, "primary_container": '{"Image": "own:1", "modelDataUrl": "s3://lost"}'}, MODELLED),
    ("a request that is refused", MODEL, {"DescribeModel": [NO_MODEL], "CreateModel": [missing("Could not find model data at s3://b/model.tar.gz.")]}),
    ("a number for a text", {**MODEL, "primary_container": '{"image": 1}'}, {"DescribeModel": [NO_MODEL]}),
]

NO_CONFIG = missing(f'Could not find endpoint configuration "{ARN}endpoint-config/c".')
CONFIGURED = {"DescribeEndpointConfig": [NO_CONFIG, ok({"EndpointConfigName": "c", "EndpointConfigArn": ARN + "endpoint-config/c", "CreationTime": CREATED})], "CreateEndpointConfig": [ok({"EndpointConfigArn": ARN + "endpoint-config/c"})]}
CONFIG = {"region": "us-east-1", "endpoint_config_name": "c", "production_variants": '[{"variantName": "v", "modelName": "m", "instanceType": "ml.m4.xlarge", "initialInstanceCount": 1, "initialVariantWeight": 1}]'}
CASES["EndpointConfig"] = [
    ("one variant", CONFIG, CONFIGURED),
    ("everything that can be said", {**CONFIG, "endpoint_config_name": "", "kms_key_id": "lost", "production_variants": '[{"variantName": "v", "modelName": "m", "initialVariantWeight": 0.5, "serverlessConfig": {"maxConcurrency": 5, "memorySizeInMB": 2048}, "coreDumpConfig": {"destinationS3URI": "s3://b/core", "kmsKeyID": "k"}}]', "data_capture_config": '{"enableCapture": true, "initialSamplingPercentage": 50, "destinationS3URI": "s3://b/capture", "kmsKeyID": "k", "captureOptions": [{"captureMode": "Input"}], "captureContentTypeHeader": {"csvContentTypes": ["text/csv"]}}', "async_inference_config": '{"clientConfig": {"maxConcurrentInvocationsPerInstance": 4}, "outputConfig": {"s3OutputPath": "s3://b/async", "kmsKeyID": "k", "notificationConfig": {"errorTopic": "e", "successTopic": "s"}}}', "tags": '[{"key": "a", "value": "b"}]'}, CONFIGURED),
    ("keys in wrong case", {**CONFIG, "production_variants": '[{"variantName": "v", "modelName": "m", "InstanceType": "lost"}]'}, CONFIGURED),
    ("a request that is refused", CONFIG, {"DescribeEndpointConfig": [NO_CONFIG], "CreateEndpointConfig": [missing('Could not find model "arn".')]}),
]

NO_ENDPOINT = missing(f'Could not find endpoint "{ARN}endpoint/e".')
ENDPOINT = {"EndpointName": "e", "EndpointArn": ARN + "endpoint/e", "EndpointConfigName": "c", **TIMES}
SERVING = {**ENDPOINT, "EndpointStatus": "InService", "ProductionVariants": [{"VariantName": "v", "CurrentWeight": 1.0, "DesiredWeight": 0.5, "CurrentInstanceCount": 1, "DesiredInstanceCount": 1, "DeployedImages": [{"SpecifiedImage": "own:1", "ResolvedImage": "own@sha256:0", "ResolutionTime": CREATED}]}]}
CREATING, UPDATING = {**ENDPOINT, "EndpointStatus": "Creating"}, {**SERVING, "EndpointStatus": "Updating"}


def deployed(*descriptions, **more):
    return {"DescribeEndpoint": [d if isinstance(d, list) else ok(d) for d in descriptions], "CreateEndpoint": [ok({"EndpointArn": ENDPOINT["EndpointArn"]})], "UpdateEndpoint": [ok({"EndpointArn": ENDPOINT["EndpointArn"]})], **more}


AFTER = "DescribeEndpoint after UpdateEndpoint"
THERE = {"spec": {"endpointName": "e", "endpointConfigName": "c"}}
DEPLOY = {"region": "us-east-1", "endpoint_name": "e", "endpoint_config_name": "c"}
CASES["Endpoint"] = [
    ("a new endpoint", {**DEPLOY, "tags": '[{"key": "a", "value": "b"}]'}, deployed(NO_ENDPOINT, CREATING, SERVING)),
    ("a name of its own and a deployment", {**DEPLOY, "endpoint_name": "", "deployment_config": '{"blueGreenUpdatePolicy": {"trafficRoutingConfiguration": {"type_": "CANARY", "waitIntervalInSeconds": 60, "canarySize": {"type_": "CAPACITY_PERCENT", "value": 30}}, "terminationWaitInSeconds": 60, "maximumExecutionTimeoutInSeconds": 1800}, "autoRollbackConfiguration": {"alarms": [{"alarmName": "a"}]}}'}, deployed(NO_ENDPOINT, SERVING)),
    ("an endpoint that fails", DEPLOY, deployed(NO_ENDPOINT, CREATING, {**ENDPOINT, "EndpointStatus": "Failed", "FailureReason": "did not pass the ping health check"})),
    ("an endpoint out of service", DEPLOY, deployed(NO_ENDPOINT, {**ENDPOINT, "EndpointStatus": "OutOfService"})),
    ("a new configuration", {**DEPLOY, "endpoint_config_name": "c2"}, deployed(SERVING, **{AFTER: [ok(UPDATING), ok({**SERVING, **LATER, "EndpointConfigName": "c2"})]}), THERE),
    ("a new configuration that fails", {**DEPLOY, "endpoint_config_name": "c2"}, deployed(SERVING, **{AFTER: [ok(UPDATING), ok({**SERVING, **LATER, "FailureReason": "did not pass the ping health check"})]}), THERE),
    ("a request that is refused", DEPLOY, deployed(NO_ENDPOINT, CreateEndpoint=[missing('Could not find endpoint configuration "arn".')])),
]

SCHEDULE = {"region": "us-east-1", "monitoring_schedule_name": "s", "monitoring_schedule_config": '{"monitoringType": "DataQuality", "monitoringJobDefinitionName": "d", "scheduleConfig": {"scheduleExpression": "cron(0 * ? * * *)"}}'}
SCHEDULED = {"MonitoringScheduleName": "s", "MonitoringScheduleArn": ARN + "monitoring-schedule/s", "MonitoringScheduleStatus": "Scheduled", "MonitoringScheduleConfig": {"MonitoringType": "DataQuality", "MonitoringJobDefinitionName": "d", "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"}}, **TIMES}


def scheduled(*descriptions, **more):
    return {"DescribeMonitoringSchedule": [d if isinstance(d, list) else ok(d) for d in descriptions], "CreateMonitoringSchedule": [ok({"MonitoringScheduleArn": SCHEDULED["MonitoringScheduleArn"]})], "UpdateMonitoringSchedule": [ok({"MonitoringScheduleArn": SCHEDULED["MonitoringScheduleArn"]})], **more}


CASES["MonitoringSchedule"] = [
    ("a schedule of a definition", SCHEDULE, scheduled(GONE, {**SCHEDULED, "MonitoringScheduleStatus": "Pending"}, {**SCHEDULED, "LastMonitoringExecutionSummary": {"MonitoringScheduleName": "s", "ScheduledTime": CREATED, "CreationTime": CREATED, "LastModifiedTime": CHANGED, "MonitoringExecutionStatus": "CompletedWithViolations", "ProcessingJobArn": ARN + "processing-job/p"}})),
    ("a definition of its own", {**SCHEDULE, "monitoring_schedule_name": "", "monitoring_schedule_config": '{"monitoringJobDefinition": {"baselineConfig": {"constraintsResource": {"s3URI": "s3://b/c.json"}, "statisticsResource": {"s3URI": "s3://b/s.json"}}, "environment": {"A": "b"}, "monitoringAppSpecification": {"imageURI": "m:1", "postAnalyticsProcessorSourceURI": "s3://b/post.py", "recordPreprocessorSourceURI": "s3://b/pre.py"}, "monitoringInputs": [{"endpointInput": {"endpointName": "e", "localPath": "/in"}}], "monitoringOutputConfig": {"kmsKeyID": "k", "monitoringOutputs": [{"s3Output": {"localPath": "/out", "s3URI": "s3://b/out", "s3UploadMode": "EndOfJob"}}]}, "monitoringResources": {"clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 5, "volumeKMSKeyID": "k"}}, "networkConfig": {"enableNetworkIsolation": true, "vpcConfig": {"securityGroupIDs": ["sg-1"], "subnets": ["subnet-1"]}}, "roleARN": "arn:aws:iam::123456789012:role/job", "stoppingCondition": {"maxRuntimeInSeconds": 600}}}', "tags": '[{"key": "a", "value": "b"}]'}, scheduled(GONE, SCHEDULED)),
    ("a schedule that fails", SCHEDULE, scheduled(GONE, {**SCHEDULED, "MonitoringScheduleStatus": "Failed", "FailureReason": "no image"})),
    ("a schedule that is stopped", SCHEDULE, scheduled(GONE, {**SCHEDULED, "MonitoringScheduleStatus": "Stopped"})),
    ("a new expression", {**SCHEDULE, "monitoring_schedule_config": '{"monitoringType": "DataQuality", "monitoringJobDefinitionName": "d", "scheduleConfig": {"scheduleExpression": "cron(0 0 ? * * *)"}}'}, scheduled(SCHEDULED, **{"DescribeMonitoringSchedule after UpdateMonitoringSchedule": [ok({**SCHEDULED, "MonitoringScheduleStatus": "Pending"}), ok({**SCHEDULED, **LATER, "MonitoringScheduleConfig": {**SCHEDULED["MonitoringScheduleConfig"], "ScheduleConfig": {"ScheduleExpression": "cron(0 0 ? * * *)"}}})]}), {"spec": {"monitoringScheduleName": "s", "monitoringScheduleConfig": {}}}),
    ("a name that is taken meanwhile", SCHEDULE, scheduled(GONE, CreateMonitoringSchedule=[[400, {"__type": "ResourceInUse", "message": "taken"}]])),
]

RESOURCES = '{"clusterConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGB": 20}}'
INPUT = '{"endpointInput": {"endpointName": "e", "localPath": "/in", "s3DataDistributionType": "FullyReplicated", "s3InputMode": "File"'
OUTPUT = '{"monitoringOutputs": [{"s3Output": {"localPath": "/out", "s3URI": "s3://b/out", "s3UploadMode": "Continuous"}}], "kmsKeyID": "k"}'
LABELS = '}, "groundTruthS3Input": {"s3URI": "s3://b/labels"}}'
DEFINITIONS = {
    "DataQuality": ("data_quality", '{"imageURI": "m:1", "containerEntrypoint": ["run"], "containerArguments": ["a"], "environment": {"A": "b"}, "recordPreprocessorSourceURI": "s3://b/pre.py", "postAnalyticsProcessorSourceURI": "s3://b/post.py"}', INPUT + "}}", '{"baseliningJobName": "b", "constraintsResource": {"s3URI": "s3://b/c"}, "statisticsResource": {"s3URI": "s3://b/s"}}'),
    "ModelBias": ("model_bias", '{"configURI": "s3://b/config.json", "imageURI": "m:1", "environment": {"A": "b"}}', INPUT + ', "featuresAttribute": "f", "inferenceAttribute": "i", "probabilityAttribute": "p", "probabilityThresholdAttribute": 0.5, "startTimeOffset": "-PT1H", "endTimeOffset": "-PT0H"' + LABELS, '{"baseliningJobName": "b", "constraintsResource": {"s3URI": "s3://b/c"}}'),
    "ModelQuality": ("model_quality", '{"imageURI": "m:1", "problemType": "BinaryClassification", "environment": {"A": "b"}}', INPUT + ', "inferenceAttribute": "i"' + LABELS, '{"baseliningJobName": "b", "constraintsResource": {"s3URI": "s3://b/c"}}'),
    "ModelExplainability": ("model_explainability", '{"configURI": "s3://b/config.json", "imageURI": "m:1"}', INPUT + ', "featuresAttribute": "f"}}', '{"baseliningJobName": "b", "constraintsResource": {"s3URI": "s3://b/c"}}'),
}
for kind, (prefix, application, job_input, baseline) in DEFINITIONS.items():
    definition = f"{kind}JobDefinition"
    described = {"JobDefinitionArn": ARN + f"{prefix.replace('_', '-')}-job-definition/d", "JobDefinitionName": "d", "CreationTime": CREATED}
    answers = {f"Describe{definition}": [GONE, ok(described)], f"Create{definition}": [ok({"JobDefinitionArn": described["JobDefinitionArn"]})]}
    given = {"region": "us-east-1", "job_definition_name": "d", "job_resources": RESOURCES, "role_arn": ROLE, f"{prefix}_app_specification": application, f"{prefix}_job_input": job_input, f"{prefix}_job_output_config": OUTPUT}
    network = '{"enableInterContainerTrafficEncryption": false, "enableNetworkIsolation": true, "vpcConfig": {"securityGroupIDs": ["sg-1"], "subnets": ["subnet-1"]}}'
    CASES[definition] = [
        ("what is needed", given, answers),
        ("everything that can be said", {**given, "job_definition_name": "", f"{prefix}_baseline_config": baseline, "network_config": network, "stopping_condition": '{"maxRuntimeInSeconds": 600}', "tags": '[{"key": "a", "value": "b"}]'}, answers),
        ("keys in wrong case", {**given, f"{prefix}_baseline_config": '{"BaseliningJobName": "lost"}', "job_resources": RESOURCES[:-1] + ', "ClusterConfig": {}}'}, answers),
        ("a request that is refused", given, {**answers, f"Describe{definition}": [GONE], f"Create{definition}": [missing("Could not assume role.")]}),
        ("no output", {**given, f"{prefix}_job_output_config": "{}"}, answers),
    ]
