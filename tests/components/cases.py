"""The arguments that each component is run with, and what AWS answers. `record.py` runs the originals with them."""

ROLE = "arn:aws:iam::123456789012:role/job"
CHANNELS = (
    '[{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/in", "S3DataType": "S3Prefix", '
    '"S3DataDistributionType": "FullyReplicated"}}, "ContentType": "text/csv", "CompressionType": "None"}]'
)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
INVALID = [400, {"__type": "ValidationException", "message": "Could not assume role."}]


def ok(body):
    return [200, body]


LOGS = {
    "DescribeLogStreams": [ok({"logStreams": [{"logStreamName": "j/algo-1"}, {"logStreamName": "j/algo-2"}]})],
    "GetLogEvents": [ok({"events": [{"message": "first line", "timestamp": 1}]}), ok({"events": []})],
}
NO_LOGS = {"DescribeLogStreams": [[400, {"__type": "ResourceNotFoundException", "message": "no group"}]]}
TRAINED = {
    "TrainingJobStatus": "Completed",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/out/j/output/model.tar.gz"},
    "AlgorithmSpecification": {"TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"},
}


def training(*descriptions, logs=LOGS, **more):
    return {
        "CreateTrainingJob": [ok({"TrainingJobArn": ARN + "training-job/j"})],
        "DescribeTrainingJob": [ok(d) for d in descriptions],
        **logs,
        **more,
    }


def rules(*statuses):
    return {
        **TRAINED,
        "DebugRuleEvaluationStatuses": [
            {"RuleConfigurationName": f"Rule{i}", "RuleEvaluationStatus": status, "StatusDetails": f"details {i} \n"}
            if i % 2
            else {"RuleConfigurationName": f"Rule{i}", "RuleEvaluationStatus": status}
            for i, status in enumerate(statuses)
        ],
    }


IN_PROGRESS = {"TrainingJobStatus": "InProgress"}
TRAIN = {"role": ROLE, "channels": CHANNELS, "model_artifact_path": "s3://b/out", "image": "own:1", "region": "us-east-1"}
CASES = {}

CASES["train"] = [
    ("a built-in algorithm by its title", {**TRAIN, "image": "", "algorithm_name": "K-Means", "hyperparameters": '{"k": "10"}'}, training(IN_PROGRESS, IN_PROGRESS, TRAINED)),
    ("everything that can be said", {**TRAIN, "job_name": "my-job", "algorithm_name": "both", "metric_definitions": '{"loss": "loss=(.*?);", "acc": "acc=(.*?);"}', "training_input_mode": "Pipe", "instance_type": "ml.p3.2xlarge", "instance_count": "2", "volume_size": "50", "resource_encryption_key": "key-1", "output_encryption_key": "key-2", "vpc_security_group_ids": "sg-1,sg-2", "vpc_subnets": "subnet-1", "network_isolation": "False", "traffic_encryption": "yes", "max_run_time": "3600", "spot_instance": "True", "max_wait_time": "7200", "checkpoint_config": '{"S3Uri": "s3://b/checkpoints", "LocalPath": "/opt/ml/checkpoints"}', "tags": '{"team": "a", "cost": "b"}', "debug_hook_config": '{"S3OutputPath": "s3://b/debug"}', "debug_rule_config": '[{"RuleConfigurationName": "Rule0", "RuleEvaluatorImage": "image"}]'}, training(IN_PROGRESS, rules("InProgress", "InProgress"), rules("NoIssuesFound", "IssuesFound"))),
    ("a marketplace algorithm", {**TRAIN, "image": "", "algorithm_name": "Scikit-Decision-Trees"}, training({**TRAINED, "AlgorithmSpecification": {"AlgorithmName": "Scikit-Decision-Trees"}}, DescribeAlgorithm=[ok({"TrainingSpecification": {"TrainingImage": "market:3"}})])),
    ("a repository's name in another region", {**TRAIN, "region": "eu-west-1", "image": "", "algorithm_name": " BlazingText "}, training(TRAINED, logs=NO_LOGS)),
    ("channels as YAML", {**TRAIN, "channels": "[{ChannelName: train, DataSource: {S3DataSource: {S3Uri: 's3://b/in', S3DataType: S3Prefix}}}]", "instance_count": "0", "volume_size": "0", "max_run_time": "0"}, training(TRAINED)),
    ("a job that fails", TRAIN, training(IN_PROGRESS, {"TrainingJobStatus": "Failed", "FailureReason": "ClientError: no data"})),
    ("a job that is stopped", TRAIN, training({"TrainingJobStatus": "Stopped"})),
    ("a rule that could not be evaluated", TRAIN, training(rules("Error", "InProgress"), rules("Error", "InProgress"), rules("Error", "NoIssuesFound"), rules("Error", "NoIssuesFound"))),
    ("a request that is refused", TRAIN, {"CreateTrainingJob": [INVALID]}),
    ("a description that is refused", TRAIN, {**training(TRAINED), "DescribeTrainingJob": [INVALID]}),
    ("no algorithm", {**TRAIN, "image": ""}, {}),
    ("no channel", {**TRAIN, "channels": "[]"}, {}),
    ("a hyperparameter that is a number", {**TRAIN, "hyperparameters": '{"k": 10}'}, {}),
    ("spot without a checkpoint", {**TRAIN, "spot_instance": "1"}, {}),
    ("spot that waits too short", {**TRAIN, "spot_instance": "on", "max_wait_time": "10", "checkpoint_config": '{"S3Uri": "s3://b/c"}'}, {}),
    ("a channel with a member that there is not", {**TRAIN, "channels": '[{"ChannelName": "train", "Data": "s3://b/in"}]'}, {}),
    ("tags that are empty text", {**TRAIN, "tags": ""}, {}),
    ("a whole number that is none", {**TRAIN, "instance_count": "many"}, {}),
    ("a boolean that is none", {**TRAIN, "spot_instance": "perhaps"}, {}),
    ("a list where an object belongs", {**TRAIN, "hyperparameters": "[1]"}, {}),
    ("an object where a list belongs", {**TRAIN, "channels": "{}"}, {}),
    ("text that is neither JSON nor YAML", {**TRAIN, "channels": "[{a: ]"}, {}),
    ("a choice that there is not", {**TRAIN, "training_input_mode": "Ftp"}, {}),
    ("an argument that there is not", {**TRAIN, "colour": "red"}, {}),
    ("a required argument left out", {**TRAIN, "role": None}, {}),
]

HPO = {"role": ROLE, "channels": CHANNELS, "region": "us-east-1", "output_location": "s3://b/out", "image": "own:1", "metric_name": "test:msd", "metric_type": "Minimize", "max_num_jobs": "4", "max_parallel_jobs": "2"}
BEST = {**TRAINED, "HyperParameters": {"k": "10", "feature_dim": "784", "_tuning_objective_metric": "test:msd"}}
TUNED = {"HyperParameterTuningJobStatus": "Completed", "BestTrainingJob": {"TrainingJobName": "best-003"}}


def tuning(*descriptions, best=BEST):
    return {
        "CreateHyperParameterTuningJob": [ok({"HyperParameterTuningJobArn": ARN + "hyper-parameter-tuning-job/j"})],
        "DescribeHyperParameterTuningJob": [ok(d) for d in descriptions],
        "DescribeTrainingJob": [ok(best)],
    }


CASES["hyperparameter_tuning"] = [
    ("as the lab tunes", {**HPO, "image": "", "algorithm_name": "K-Means", "static_parameters": '{"k": "10", "feature_dim": "784"}', "integer_parameters": '[{"Name": "mini_batch_size", "MinValue": "450", "MaxValue": "550"}, {"Name": "extra_center_factor", "MinValue": "10", "MaxValue": "20"}]', "categorical_parameters": '[{"Name": "init_method", "Values": ["random", "kmeans++"]}]'}, tuning({"HyperParameterTuningJobStatus": "InProgress"}, TUNED)),
    ("everything that can be said", {**HPO, "job_name": "tune", "strategy": "Random", "early_stopping_type": "Auto", "metric_definitions": '{"test:msd": "msd=(.*?);"}', "continuous_parameters": '[{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Logarithmic"}]', "warm_start_type": "TransferLearning", "parent_hpo_jobs": "first, second", "vpc_security_group_ids": "sg-1", "vpc_subnets": "subnet-1,subnet-2", "instance_count": "3", "volume_size": "9", "spot_instance": "t", "max_wait_time": "90000", "checkpoint_config": '{"S3Uri": "s3://b/c"}', "resource_encryption_key": "key-1", "output_encryption_key": "key-2", "network_isolation": "n", "tags": '{"a": "b"}'}, tuning(TUNED)),
    ("a job that fails", HPO, tuning({"HyperParameterTuningJobStatus": "Failed", "FailureReason": "No training job succeeded after 5 attempts."})),
    ("a job that is stopped", HPO, tuning({"HyperParameterTuningJobStatus": "Stopping"}, {"HyperParameterTuningJobStatus": "Stopped"})),
    ("a warm start without parents", {**HPO, "warm_start_type": "TransferLearning"}, {}),
    ("parents without a warm start", {**HPO, "parent_hpo_jobs": "first"}, {}),
    ("a best job without its objective", HPO, tuning(TUNED, best={**TRAINED, "HyperParameters": {"k": "10"}})),
    ("a strategy that there is not", {**HPO, "strategy": "Grid"}, {}),
]

MODEL = {"role": ROLE, "region": "us-east-1", "model_name": "m", "image": "own:1", "model_artifact_url": "s3://b/model.tar.gz"}
MODELLED = {"CreateModel": [ok({"ModelArn": ARN + "model/m"})]}
CASES["model"] = [
    ("an image and its artifact", {**MODEL, "environment": '{"A": "b"}', "container_host_name": "first", "tags": '{"a": "b"}'}, MODELLED),
    ("an image without an artifact", {**MODEL, "model_artifact_url": "", "network_isolation": "False"}, MODELLED),
    ("a model package", {**MODEL, "image": "", "model_artifact_url": "", "model_package": "package-1", "vpc_security_group_ids": "sg-1", "vpc_subnets": "subnet-1"}, MODELLED),
    ("containers one after the other", {**MODEL, "secondary_containers": '[{"Image": "a:1", "ModelDataUrl": "s3://b/a.tar.gz"}, {"Image": "b:1"}]'}, MODELLED),
    ("neither image nor package", {**MODEL, "image": ""}, {}),
    ("a name that there is already", MODEL, {"CreateModel": [[400, {"__type": "ValidationException", "message": 'Cannot create already existing model "arn".'}]], "DescribeModel": [[400, {"__type": "ValidationException", "message": "none"}]]}),
]

DEPLOY = {"region": "us-east-1", "model_name_1": "m"}
CONFIGURED = {"CreateEndpointConfig": [ok({"EndpointConfigArn": ARN + "endpoint-config/c"})]}
MISSING_ENDPOINT = [400, {"__type": "ValidationException", "message": 'Could not find endpoint "arn".'}]


def deployed(*descriptions, **more):
    return {
        **CONFIGURED,
        "CreateEndpoint": [ok({"EndpointArn": ARN + "endpoint/e"})],
        "UpdateEndpoint": [ok({"EndpointArn": ARN + "endpoint/e"})],
        "DeleteEndpointConfig": [ok({})],
        "DescribeEndpoint": [ok(d) for d in descriptions],
        **more,
    }


SERVING = {"EndpointName": "e", "EndpointConfigName": "old-config", "EndpointStatus": "InService"}
CASES["deploy"] = [
    ("names of its own", DEPLOY, deployed({"EndpointStatus": "Creating"}, SERVING)),
    ("three variants", {**DEPLOY, "endpoint_name": "e", "endpoint_config_name": "c", "endpoint_config_tags": '{"a": "b"}', "resource_encryption_key": "key", "variant_name_1": "one", "initial_instance_count_1": "2", "instance_type_1": "ml.c5.large", "initial_variant_weight_1": "0.5", "accelerator_type_1": "ml.eia1.large", "model_name_2": "m2", "initial_variant_weight_2": "0", "model_name_3": "m3", "instance_type_3": ""}, deployed(SERVING)),
    ("the first and the third", {**DEPLOY, "model_name_3": "m3"}, deployed(SERVING)),
    ("an endpoint that is there", {**DEPLOY, "endpoint_name": "e", "endpoint_config_name": "ignored", "update_endpoint": "True"}, deployed(SERVING, SERVING, {**SERVING, "EndpointStatus": "Updating"}, {**SERVING, "EndpointConfigName": "new"})),
    ("an endpoint to update that is not there", {**DEPLOY, "endpoint_name": "e", "update_endpoint": "True"}, {**deployed(SERVING), "DescribeEndpoint": [MISSING_ENDPOINT, ok(SERVING)]}),
    ("an update without a name", {**DEPLOY, "update_endpoint": "True"}, {**deployed(SERVING), "DescribeEndpoint": [MISSING_ENDPOINT, ok(SERVING)]}),
    ("an old configuration that is gone", {**DEPLOY, "endpoint_name": "e", "update_endpoint": "True"}, deployed(SERVING, DeleteEndpointConfig=[[400, {"__type": "ValidationException", "message": "Could not find endpoint configuration."}]])),
    ("an endpoint that fails", {**DEPLOY, "endpoint_name": "e"}, deployed({"EndpointStatus": "Failed", "FailureReason": "did not pass the ping health check"})),
    ("tags, which its original cannot take", {**DEPLOY, "tags": '{"a": "b"}'}, deployed(SERVING)),
    ("no model", {**DEPLOY, "model_name_1": ""}, deployed(SERVING)),
    ("an accelerator that there is not", {**DEPLOY, "accelerator_type_1": "ml.eia2.medium"}, {}),
    ("a weight that is no number", {**DEPLOY, "initial_variant_weight_1": "heavy"}, {}),
]

TRANSFORM = {"region": "us-east-1", "model_name": "m", "input_location": "s3://b/in", "output_location": "s3://b/out", "content_type": "text/csv"}


def transformed(*descriptions):
    return {"CreateTransformJob": [ok({"TransformJobArn": ARN + "transform-job/j"})], "DescribeTransformJob": [ok(d) for d in descriptions], **LOGS}


CASES["batch_transform"] = [
    ("as the lab transforms", {**TRANSFORM, "split_type": "Line", "instance_type": "ml.m5.xlarge"}, transformed({"TransformJobStatus": "InProgress"}, {"TransformJobStatus": "Completed"})),
    ("everything that can be said", {**TRANSFORM, "job_name": "j", "max_concurrent": "4", "max_payload": "0", "batch_strategy": "SingleRecord", "environment": '{"A": "b"}', "data_type": "ManifestFile", "split_type": "RecordIO", "compression_type": "Gzip", "accept": "text/csv", "assemble_with": "Line", "output_encryption_key": "k1", "resource_encryption_key": "k2", "input_filter": "$[1:]", "output_filter": "$[0]", "join_source": "Input", "instance_count": "2", "tags": '{"a": "b"}'}, transformed({"TransformJobStatus": "Completed"})),
    ("empty choices", {**TRANSFORM, "data_type": "", "split_type": "", "compression_type": "", "join_source": ""}, transformed({"TransformJobStatus": "Completed"})),
    ("a job that fails", TRANSFORM, transformed({"TransformJobStatus": "Failed", "FailureReason": "ClientError: See job logs"})),
    ("without an answer's type", {**TRANSFORM, "accept": None}, transformed({"TransformJobStatus": "Completed"})),
]

PROCESS = {"region": "us-east-1", "role": ROLE, "image": "own:1", "output_config": '[{"OutputName": "out", "S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}}]'}
PROCESSED = {"ProcessingJobStatus": "Completed", "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://b/out"}}, {"OutputName": "more", "S3Output": {"S3Uri": "s3://b/more"}}]}}


def processed(*descriptions):
    return {"CreateProcessingJob": [ok({"ProcessingJobArn": ARN + "processing-job/j"})], "DescribeProcessingJob": [ok(d) for d in descriptions], **LOGS}


CASES["process"] = [
    ("as the lab processes", {**PROCESS, "container_entrypoint": '["python", "/opt/ml/processing/input/code/p.py"]', "container_arguments": '["--a", "b"]', "input_config": '[{"InputName": "code", "S3Input": {"S3Uri": "s3://b/p.py", "S3DataType": "S3Prefix", "S3InputMode": "File", "LocalPath": "/opt/ml/processing/input/code"}}]'}, processed({"ProcessingJobStatus": "InProgress"}, PROCESSED)),
    ("everything that can be said", {**PROCESS, "job_name": "j", "instance_type": "ml.c5.large", "instance_count": "2", "volume_size": "8", "resource_encryption_key": "k1", "output_encryption_key": "k2", "max_run_time": "60", "environment": '{"A": "b"}', "vpc_security_group_ids": "sg-1", "vpc_subnets": "subnet-1,subnet-2", "network_isolation": "off", "traffic_encryption": "on", "tags": '{"a": "b"}'}, processed(PROCESSED)),
    ("only one half of a VPC", {**PROCESS, "vpc_subnets": "subnet-1"}, processed(PROCESSED)),
    ("a job that fails", PROCESS, processed({"ProcessingJobStatus": "Failed", "FailureReason": "exit code 1"})),
    ("no output", {**PROCESS, "output_config": "[]"}, {}),
    ("no time to run", {**PROCESS, "max_run_time": "0"}, {}),
]

LABEL = {"region": "us-west-2", "role": ROLE, "job_name": "label", "manifest_location": "s3://b/m.json", "output_location": "s3://b/out", "task_type": "bounding box", "worker_type": "private", "workteam_arn": "arn:aws:sagemaker:us-west-2:123456789012:workteam/private-crowd/t", "ui_template": "s3://b/ui.html", "title": "Draw", "description": "Draw a box", "num_workers_per_object": "1", "time_limit": "60"}
LABELLED = {"LabelingJobStatus": "Completed", "LabelingJobOutput": {"OutputDatasetS3Uri": "s3://b/out/label/manifests/output/output.manifest", "FinalActiveLearningModelArn": ARN + "model/active"}}


def labelled(*descriptions):
    return {"CreateLabelingJob": [ok({"LabelingJobArn": ARN + "labeling-job/label"})], "DescribeLabelingJob": [ok(d) for d in descriptions]}


CASES["ground_truth"] = [
    ("a private team", {**LABEL, "label_category_config": "s3://b/c.json", "max_human_labeled_objects": "5", "task_keywords": "image, box ,draw", "task_availibility": "3600", "max_concurrent_tasks": "10", "tags": '{"a": "b"}'}, labelled({"LabelingJobStatus": "InProgress"}, LABELLED)),
    ("a public team with a price", {**LABEL, "region": "us-east-1", "task_type": "Image Classification", "worker_type": "Public", "no_adult_content": "True", "no_ppi": "True", "workforce_task_price": "1.234", "label_attribute_name": "class", "enable_auto_labeling": "True", "initial_model_arn": ARN + "model/a", "resource_encryption_key": "key", "max_percent_objects": "50", "max_human_labeled_objects": "7"}, labelled(LABELLED)),
    ("a public team for little", {**LABEL, "worker_type": "public", "workforce_task_price": "0.036", "task_type": "text classification", "enable_auto_labeling": "y"}, labelled(LABELLED)),
    ("segments", {**LABEL, "task_type": "semantic segmentation", "label_attribute_name": "seg-ref", "max_percent_objects": "10", "output_encryption_key": "key"}, labelled(LABELLED)),
    ("functions of one's own", {**LABEL, "task_type": "custom", "pre_human_task_function": "arn:aws:lambda:us-west-2:123456789012:function:pre", "post_human_task_function": "arn:aws:lambda:us-west-2:123456789012:function:post", "label_attribute_name": "wrong-ref"}, labelled(LABELLED)),
    ("a custom task without functions", {**LABEL, "task_type": "", "worker_type": "vendor"}, labelled(LABELLED)),
    ("automatic labels of segments", {**LABEL, "task_type": "semantic segmentation", "enable_auto_labeling": "True"}, labelled(LABELLED)),
    ("a region without functions", {**LABEL, "region": "eu-north-1"}, {}),
    ("no name", {**LABEL, "job_name": ""}, labelled(LABELLED)),
    ("a job that fails", LABEL, labelled({"LabelingJobStatus": "Failed", "FailureReason": "ClientError: no manifest"})),
    ("a job that is stopped", LABEL, labelled({"LabelingJobStatus": "Stopped"})),
]

TEAM = {"region": "us-east-1", "team_name": "t", "description": "a team", "user_pool": "us-east-1_pool", "client_id": "client"}
TEAMED = {"CreateWorkteam": [ok({"WorkteamArn": ARN + "workteam/private-crowd/t"})], "DescribeWorkteam": [ok({"Workteam": {"WorkteamName": "t", "SubDomain": "abc.labeling.us-east-1.sagemaker.aws"}})]}
CASES["workteam"] = [
    ("one group", {**TEAM, "user_groups": "one"}, TEAMED),
    ("groups, a topic and tags", {**TEAM, "user_groups": "one, two,three", "sns_topic": "arn:aws:sns:us-east-1:123456789012:topic", "tags": '{"a": "b"}'}, TEAMED),
    ("no group", TEAM, TEAMED),
    ("a team that is refused", {**TEAM, "user_groups": "one"}, {"CreateWorkteam": [INVALID]}),
    ("a team that cannot be described", {**TEAM, "user_groups": "one"}, {**TEAMED, "DescribeWorkteam": [INVALID]}),
    ("no pool", {**TEAM, "user_pool": None, "user_groups": "one"}, TEAMED),
]

RL = {"region": "us-east-1", "role": ROLE, "entry_point": "train.py", "source_dir": "s3://b/code/sourcedir.tar.gz", "toolkit": "coach", "toolkit_version": "0.11.0", "framework": "tensorflow", "model_artifact_path": "s3://b/out", "job_name": "rl"}
CASES["rlestimator"] = [
    ("coach", {**RL, "hyperparameters": '{"RLCOACH_PRESET": "preset", "n": "3"}'}, training(IN_PROGRESS, TRAINED)),
    ("ray on a GPU with a VPC and metrics", {**RL, "job_name": "", "toolkit": "ray", "toolkit_version": "1.6.0", "framework": "pytorch", "instance_type": "ml.p3.2xlarge", "instance_count": "2", "metric_definitions": '[{"Name": "reward", "Regex": "reward=(.*?);"}]', "vpc_security_group_ids": '["sg-1"]', "vpc_subnets": '["subnet-1", "subnet-2"]', "network_isolation": "True", "traffic_encryption": "True", "max_run": "600", "training_input_mode": "Pipe", "tags": '{"a": "b"}'}, training(TRAINED)),
    ("an image of one's own", {**RL, "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/rl:1", "toolkit": "", "toolkit_version": "", "framework": "", "spot_instance": "True", "max_wait_time": "90000"}, training(TRAINED)),
    ("an image and a toolkit", {**RL, "image": "own:1", "debug_hook_config": '{"S3OutputPath": "s3://b/debug"}'}, training(TRAINED)),
    ("ray with TensorFlow", {**RL, "toolkit": "ray", "toolkit_version": "0.8.5", "region": "eu-west-1"}, training(TRAINED)),
    ("an old ray", {**RL, "toolkit": "ray", "toolkit_version": "0.6", "instance_type": "ml.c5.2xlarge"}, training(TRAINED)),
    ("a job that is stopped, which counts as done", RL, training({**TRAINED, "TrainingJobStatus": "Stopped"})),
    ("a job that fails", RL, training({"TrainingJobStatus": "Failed", "FailureReason": "exit code 1"})),
    ("debug rules, which its original cannot take", {**RL, "debug_rule_config": '[{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}]'}, training(TRAINED)),
    ("no source directory", {**RL, "source_dir": ""}, training(TRAINED)),
    ("a hyperparameter that is a number", {**RL, "hyperparameters": '{"n": 3}'}, {}),
    ("neither image nor toolkit", {**RL, "toolkit": "", "toolkit_version": None, "framework": ""}, {}),
    ("a version that there is not", {**RL, "toolkit_version": "9.9"}, {}),
    ("spot that waits too short", {**RL, "spot_instance": "True", "max_wait_time": "10"}, training(TRAINED)),
]

APP = "arn:aws:robomaker:us-east-1:123456789012:simulation-application/app/1"
CREATE_APP = {"region": "us-east-1", "app_name": "app", "sources": '[{"s3Bucket": "bucket", "s3Key": "app.tar.gz", "architecture": "X86_64"}]', "simulation_software_name": "Gazebo", "simulation_software_version": "9", "robot_software_name": "ROS", "robot_software_version": "Melodic"}
CREATED_APP = {"POST /createSimulationApplication": [ok({"arn": APP, "name": "app", "version": "$LATEST", "revisionId": "r1"})], "POST /describeSimulationApplication": [ok({"arn": APP, "name": "app"})]}
CASES["create_simulation_app"] = [
    ("as published", {**CREATE_APP, "rendering_engine_name": "OGRE", "rendering_engine_version": "1.x"}, CREATED_APP),
    ("no rendering engine, tags that are not sent", {**CREATE_APP, "tags": '{"a": "b"}'}, CREATED_APP),
    ("a name of its own", {**CREATE_APP, "app_name": ""}, CREATED_APP),
    ("an application that cannot be described", CREATE_APP, {**CREATED_APP, "POST /describeSimulationApplication": [[404, {"__type": "ResourceNotFoundException", "message": "gone"}]]}),
    ("a bucket's name that is too short", {**CREATE_APP, "sources": '[{"s3Bucket": "b", "s3Key": "k"}]'}, {}),
    ("a request that is refused", CREATE_APP, {"POST /createSimulationApplication": [[400, {"__type": "InvalidParameterException", "message": "bad source"}]]}),
]
DELETED_APP = {"POST /deleteSimulationApplication": [ok({})], "POST /describeSimulationApplication": [ok({"arn": APP}), [404, {"__type": "ResourceNotFoundException", "message": "gone"}]]}
CASES["delete_simulation_app"] = [
    ("as published", {"region": "us-east-1", "arn": APP}, DELETED_APP),
    ("a version", {"region": "us-east-1", "arn": APP, "version": "2"}, DELETED_APP),
    ("a request that is refused", {"region": "us-east-1", "arn": APP}, {"POST /deleteSimulationApplication": [[400, {"__type": "InvalidParameterException", "message": "in use"}]]}),
]
JOB = "arn:aws:robomaker:us-east-1:123456789012:simulation-job/sim-1"
SIMULATION = {"region": "us-east-1", "role": ROLE, "output_bucket": "bucket", "output_path": "out", "sim_app_arn": APP, "sim_app_launch_config": '{"packageName": "p", "launchFile": "f.launch", "environmentVariables": {"A": "b"}}'}
OUTPUT = {"outputLocation": {"s3Bucket": "bucket", "s3Prefix": "out"}}


def simulated(*descriptions):
    logs = {"DescribeLogStreams": [ok({"logStreams": [{"logStreamName": "sim-1/x"}]})], "GetLogEvents": [ok({"events": [{"message": "ros"}]})]}
    return {"POST /createSimulationJob": [ok({"arn": JOB})], "POST /describeSimulationJob": [ok({**OUTPUT, **d}) for d in descriptions], **logs}


CASES["simulation_job"] = [
    ("a simulation", SIMULATION, simulated({"status": "Running"}, {"status": "Completed"})),
    ("everything that can be said", {**SIMULATION, "max_run": "300", "failure_behavior": "Continue", "sim_app_version": "1", "sim_app_world_config": '[{"world": "w"}]', "robot_app_arn": "arn:aws:robomaker:us-east-1:123456789012:robot-application/r/1", "robot_app_version": "2", "robot_app_launch_config": '{"packageName": "q", "launchFile": "g.launch"}', "data_sources": '[{"name": "d", "s3Bucket": "bucket", "s3Keys": ["k"]}]', "vpc_security_group_ids": '["sg-1"]', "vpc_subnets": '["subnet-1"]', "use_public_ip": "False", "sim_unit_limit": "4", "record_ros_topics": "False"}, simulated({"status": "Completed"})),
    ("a robot alone", {**SIMULATION, "sim_app_arn": "", "robot_app_arn": APP, "robot_app_launch_config": '{"packageName": "q", "launchFile": "g.launch"}', "failure_behavior": "", "use_public_ip": "", "record_ros_topics": "", "sim_unit_limit": "0"}, simulated({"status": "Completed"})),
    ("a job that is terminated", SIMULATION, simulated({"status": "Terminated", "failureReason": "asked to"})),
    ("a job that is cancelled with a code", SIMULATION, simulated({"status": "Canceled", "failureCode": "SimulationApplicationCrash"})),
    ("a job that fails", SIMULATION, simulated({"status": "RunningFailed", "failureReason": "crash", "failureCode": "Crash"})),
    ("no application", {**SIMULATION, "sim_app_arn": ""}, {}),
    ("no launch configuration", {**SIMULATION, "sim_app_launch_config": "{}"}, {}),
    ("tags, which its original cannot take", {**SIMULATION, "tags": '{"a": "b"}'}, {}),
]
BATCH_ARN = "arn:aws:robomaker:us-east-1:123456789012:simulation-job-batch/batch-1"
BATCH = {"region": "us-east-1", "role": ROLE, "simulation_job_requests": '[{"outputLocation": {"s3Bucket": "bucket", "s3Prefix": "out"}, "iamRole": "arn:aws:iam::123456789012:role/sim", "maxJobDurationInSeconds": 300, "simulationApplications": [{"application": "a", "launchConfig": {"packageName": "p", "launchFile": "f.launch"}}]}]'}
STARTED = {"arn": BATCH_ARN, "createdRequests": [{"arn": JOB}], "pendingRequests": [{"iamRole": "arn:aws:iam::123456789012:role/sim", "maxJobDurationInSeconds": 1}], "failedRequests": []}


def batched(*descriptions, jobs=({"arn": JOB, "status": "Completed"},)):
    logs = {"DescribeLogStreams": [ok({"logStreams": []})]}
    return {"POST /startSimulationJobBatch": [ok(STARTED)], "POST /describeSimulationJobBatch": [ok(d) for d in descriptions], "POST /describeSimulationJob": [ok(j) for j in jobs], **logs}


CASES["simulation_job_batch"] = [
    ("as published", {**BATCH, "timeout_in_secs": "600", "max_concurrency": "2", "sim_app_arn": APP}, batched({"status": "InProgress"}, {"status": "Completed"})),
    ("no policy", BATCH, batched({"status": "Completed"})),
    ("a batch out of time", {**BATCH, "max_concurrency": "1"}, batched({"status": "TimedOut", "createdRequests": [{"arn": JOB}]}, jobs=({"arn": JOB, "status": "Failed", "failureCode": "Crash"},))),
    ("a batch that is cancelled", {**BATCH, "timeout_in_secs": "5", "tags": '{"a": "b"}'}, batched({"status": "Canceled", "createdRequests": [{"arn": JOB}]})),
    ("a batch that fails", BATCH, batched({"status": "Failed", "failureReason": "all of them", "failureCode": "InternalServiceError"})),
]
