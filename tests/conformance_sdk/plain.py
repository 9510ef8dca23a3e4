"""The scenarios of boto3 and the AWS CLI: the same requests, since each has the operations and nothing beside them.

`aws` is what asks: aws("sagemaker", "create_training_job", TrainingJobName=…) gives the operation's output.
"""

import json

import numpy

import world
from world import INSTANCE, KMEANS, OWN_IMAGE, PCA, ROLE, SCIKIT_LEARN, TENSORFLOW, XGBOOST

CLUSTER = {"InstanceCount": 1, "InstanceType": INSTANCE, "VolumeSizeInGB": 1}
KMEANS_PARAMETERS = {"k": "3", "feature_dim": "4", "mini_batch_size": "100"}
DATA = "/opt/ml/processing/input/data"
OUTPUT = "/opt/ml/processing/output"


def channel(name, uri, **more):
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}
    return {"ChannelName": name, "DataSource": source} | more


def csv_channel(name="train", uri=None):
    return channel(name, uri or world.points_csv(), ContentType="text/csv;label_size=0")


class Scenarios:
    def __init__(self, aws):
        self.aws = aws
        self.made = {}

    def once(self, name, make):
        """What several scenarios begin with is made by the first of them."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def ask(self, operation, **request):
        return self.aws("sagemaker", operation, **request)

    # --- parts ---

    def training_request(self, image, hyperparameters=None, channels=(), algorithm=(), **more):
        request = {
            "TrainingJobName": world.unique("p"),
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"} | dict(algorithm),
            "OutputDataConfig": {"S3OutputPath": f"s3://{world.bucket()}/models"},
            "ResourceConfig": CLUSTER,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        if hyperparameters:
            request["HyperParameters"] = hyperparameters
        if channels:
            request["InputDataConfig"] = list(channels)
        return request | more

    def start(self, image, *arguments, **more):
        request = self.training_request(image, *arguments, **more)
        self.ask("create_training_job", **request)
        return request["TrainingJobName"]

    def ended(self, name):
        found = world.until(lambda: world.sagemaker().describe_training_job(TrainingJobName=name), "TrainingJobStatus", "Completed", "Failed", "Stopped", limit=300)
        return self.ask("describe_training_job", TrainingJobName=found["TrainingJobName"])

    def trained(self, *arguments, **more):
        job = self.ended(self.start(*arguments, **more))
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        return job

    def script(self, image, files, hyperparameters=(), channels=(), algorithm=(), **more):
        """A script-mode request, as the training toolkit reads it."""
        key = f"conformance/{world.unique('source')}/sourcedir.tar.gz"
        given = {"sagemaker_submit_directory": world.put(key, world.archive(files)), "sagemaker_program": "train.py"} | dict(hyperparameters)
        return image, {name: json.dumps(value) for name, value in given.items()}, channels, algorithm

    def model(self, container):
        name = world.unique("m")
        self.ask("create_model", ModelName=name, ExecutionRoleArn=ROLE, **container)
        return name

    def factor(self, factor, script=world.DOUBLING_INFERENCE):
        return {"Image": OWN_IMAGE, "ModelDataUrl": world.factor_model(factor, script)}

    def config(self, model, variant=(), **more):
        name = world.unique("c")
        one = {"VariantName": "AllTraffic", "ModelName": model}
        one |= dict(variant) or {"InitialInstanceCount": 1, "InstanceType": INSTANCE}
        self.ask("create_endpoint_config", EndpointConfigName=name, ProductionVariants=[one], **more)
        return name

    def serving(self, model, variant=(), **more):
        name = world.unique("e")
        self.ask("create_endpoint", EndpointName=name, EndpointConfigName=self.config(model, variant, **more))
        self.in_service(name)
        return name

    def in_service(self, name):
        found = world.until(lambda: world.sagemaker().describe_endpoint(EndpointName=name), "EndpointStatus", "InService", "Failed")
        assert found["EndpointStatus"] == "InService", found

    def invoke(self, endpoint, body, content_type="application/json", accept="application/json", **more):
        data = body if isinstance(body, bytes) else body.encode()
        request = {"EndpointName": endpoint, "Body": data, "ContentType": content_type, "Accept": accept} | more
        return self.aws("sagemaker-runtime", "invoke_endpoint", **request)["Body"]

    def predict(self, endpoint, data, **more):
        return json.loads(self.invoke(endpoint, json.dumps(data), **more))

    def delete(self, endpoint):
        self.ask("delete_endpoint", EndpointName=endpoint)
        world.gone(endpoint)

    # --- the session ---

    def default_bucket(self):
        account = self.aws("sts", "get_caller_identity")["Account"]
        assert world.bucket() == f"sagemaker-us-east-1-{account}"
        self.aws("s3api" if self.aws.is_cli else "s3", "put_object", Bucket=world.bucket(), Key="uploaded/one", Body=b"text")
        assert world.get(f"s3://{world.bucket()}/uploaded/one") == b"text"

    # --- K-Means ---

    def kmeans(self):
        return self.once("kmeans", lambda: self.trained(KMEANS, KMEANS_PARAMETERS, [csv_channel()]))

    def kmeans_train(self):
        assert "model_algo-1" in world.job_artifact(self.kmeans()["TrainingJobName"])

    def kmeans_model(self):
        data = self.kmeans()["ModelArtifacts"]["S3ModelArtifacts"]
        return self.once("model", lambda: self.model({"PrimaryContainer": {"Image": KMEANS, "ModelDataUrl": data}}))

    def kmeans_endpoint(self):
        endpoint = self.serving(self.kmeans_model())
        answer = self.invoke(endpoint, world.csv(world.points(30)), "text/csv")
        assert world.apart([p["closest_cluster"] for p in json.loads(answer)["predictions"]])
        self.delete(endpoint)

    def transformed(self, model, accept):
        name = world.unique("t")
        output = f"s3://{world.bucket()}/{name}"
        self.ask(
            "create_transform_job", TransformJobName=name, ModelName=model, TransformResources={"InstanceCount": 1, "InstanceType": INSTANCE},
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": world.points_csv()}}, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": output, "Accept": accept, "AssembleWith": "Line"}, BatchStrategy="MultiRecord",
        )
        world.until(lambda: world.sagemaker().describe_transform_job(TransformJobName=name), "TransformJobStatus", "Completed")
        return world.get(f"{output}/points.csv.out")

    def kmeans_transform(self):
        lines = self.transformed(self.kmeans_model(), "application/jsonlines").splitlines()
        assert world.apart([json.loads(line)["closest_cluster"] for line in lines])

    def missing_data(self):
        missing = csv_channel(uri=f"s3://{world.bucket()}/nothing/")
        sentence = self.aws.refusal(lambda: self.start(KMEANS, KMEANS_PARAMETERS, [missing]))
        assert "No S3 objects found under S3 URL" in sentence, sentence

    def other_algorithms(self):
        given = {"feature_dim": "4", "num_components": "2", "mini_batch_size": "100"}
        return self.aws.refusal(lambda: self.start(PCA, given, [csv_channel()]))

    # --- scripts that train ---

    def sklearn(self):
        files = {"train.py": world.SKLEARN_TRAIN, "helper.py": world.HELPER}
        labelled = [channel("train", world.training_csv())]
        metrics = {"MetricDefinitions": [world.ACCURACY]}
        return self.once("sklearn", lambda: self.trained(*self.script(SCIKIT_LEARN, files, world.SKLEARN_HYPERPARAMETERS, labelled, metrics)))

    def sklearn_train(self):
        world.check_sklearn(self.sklearn()["TrainingJobName"])

    def script_model(self, image, job, files):
        source = world.put(f"conformance/{world.unique('source')}/sourcedir.tar.gz", world.archive(files))
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
        return self.model({"PrimaryContainer": {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"], "Environment": environment}})

    def sklearn_model(self):
        files = {"inference.py": world.SKLEARN_TRAIN, "helper.py": world.HELPER}
        return self.script_model(SCIKIT_LEARN, self.sklearn(), files)

    def sklearn_endpoint(self):
        endpoint = self.serving(self.sklearn_model())
        assert json.loads(self.invoke(endpoint, world.csv(world.points(6)), "text/csv")) == [0, 1, 0, 0, 1, 0]
        self.delete(endpoint)

    def sklearn_transform(self):
        assert [float(line) for line in self.transformed(self.sklearn_model(), "text/csv").split()] == [0, 1, 0] * 100

    def xgboost_script(self):
        labelled = [channel("train", world.training_csv())]
        job = self.trained(*self.script(XGBOOST, {"train.py": world.XGBOOST_TRAIN}, {"num_round": 5}, labelled))
        endpoint = self.serving(self.script_model(XGBOOST, job, {"inference.py": world.XGBOOST_TRAIN}))
        answer = self.invoke(endpoint, world.csv(world.points(3)), "text/csv", "text/csv").decode()
        assert [float(value) > 0.5 for value in answer.replace(",", "\n").split()] == [False, True, False], answer
        self.delete(endpoint)

    def tensorflow_script(self):
        metrics = {"MetricDefinitions": [{"Name": "sum", "Regex": "sum=([0-9.]+);"}]}
        job = self.trained(*self.script(TENSORFLOW, {"train.py": world.TENSORFLOW_TRAIN}, algorithm=metrics))
        assert world.job_artifact(job["TrainingJobName"])["version"]
        assert world.metrics(job["TrainingJobName"]) == {"sum": 3}

    def own(self, script, hyperparameters=(), **more):
        return self.start(*self.script(OWN_IMAGE, {"train.py": script}, hyperparameters), **more)

    def requiring(self, image):
        job = self.trained(*self.script(image, {"train.py": world.REQUIRING_TRAIN, "requirements.txt": world.REQUIREMENTS}))
        assert world.job_artifact(job["TrainingJobName"])["v"] == b"b"

    def own_image(self):
        self.requiring(OWN_IMAGE)

    def requirements(self):
        self.requiring(SCIKIT_LEARN)

    def checkpoints(self):
        uri = f"s3://{world.bucket()}/{world.unique('checkpoints')}"
        stopping = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1200}
        name = self.own(world.CHECKPOINT_TRAIN, EnableManagedSpotTraining=True, StoppingCondition=stopping, CheckpointConfig={"S3Uri": uri})
        assert self.ended(name)["TrainingJobStatus"] == "Completed"
        assert world.get(f"{uri}/epoch-1") == b"saved"

    def failing_script(self):
        job = self.ended(self.own(world.FAILING_TRAIN))
        assert job["TrainingJobStatus"] == "Failed" and "there are no rows in it" in job["FailureReason"], job

    def stop_and_attach(self):
        name = self.own(world.WAITING_TRAIN)
        world.until_training(name)
        self.ask("stop_training_job", TrainingJobName=name)
        assert self.ended(name)["TrainingJobStatus"] == "Stopped"

    # --- processing ---

    def processed(self, entrypoint, image=OWN_IMAGE, arguments=(), inputs=None, outputs=None, count=1):
        """The S3 URI of the outputs."""
        name = world.unique("p")
        uri = f"s3://{world.bucket()}/{name}"
        app = {"ImageUri": image, "ContainerEntrypoint": entrypoint} | ({"ContainerArguments": list(arguments)} if arguments else {})
        each = inputs if inputs is not None else [self.source(world.points_csv())]
        self.ask(
            "create_processing_job", ProcessingJobName=name, RoleArn=ROLE, AppSpecification=app, ProcessingInputs=each,
            ProcessingResources={"ClusterConfig": CLUSTER | {"InstanceCount": count}},
            ProcessingOutputConfig={"Outputs": [
                {"OutputName": f"o{i}", "S3Output": {"S3Uri": uri + place, "LocalPath": local, "S3UploadMode": "EndOfJob"}}
                for i, (place, local) in enumerate((outputs or {"": OUTPUT}).items())
            ]},
        )
        describe = lambda: world.sagemaker().describe_processing_job(ProcessingJobName=name)  # noqa: E731
        job = world.until(describe, "ProcessingJobStatus", "Completed", "Failed", limit=300)
        assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
        return uri

    def source(self, uri, place=DATA, name="data", sharing="FullyReplicated"):
        given = {"S3Uri": uri, "LocalPath": place, "S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": sharing}
        return {"InputName": name, "S3Input": given}

    def code(self, **files):
        prefix = f"conformance/{world.unique('code')}"
        for name, text in files.items():
            world.put(f"{prefix}/{name}.py", text)
        return self.source(f"s3://{world.bucket()}/{prefix}/", "/opt/ml/processing/input/code", "code")

    def run_script(self, script, image, **more):
        inputs = [self.source(world.points_csv()), self.code(s=script, helper=world.HELPER)]
        uri = self.processed(["python3", "/opt/ml/processing/input/code/s.py"], image, ["--x", "1"], inputs, **more)
        assert world.get(f"{uri}/seen").decode() == "--x 1 points.csv"

    def processor(self):
        uri = self.processed(["python3", "-c", world.PROCESS_LINE], arguments=["one two", "3"])
        assert world.get(f"{uri}/seen").decode() == "one two 3 points.csv"

    def script_processor(self):
        self.run_script(world.PROCESS, OWN_IMAGE)

    def sklearn_processor(self):
        self.run_script("import sklearn\n" + world.PROCESS, SCIKIT_LEARN)

    def two_instances(self):
        sharded = self.source(world.parts(), sharing="ShardedByS3Key")
        uri = self.processed(["python3", "/opt/ml/processing/input/code/s.py"], inputs=[sharded, self.code(s=world.EACH_PART)], count=2)
        world.check_parts(uri)

    def published_preprocessing(self):
        data = world.put("conformance/pickled/data.pkl.gz", world.pickled_points())
        inputs = [self.source(data, "/opt/ml/processing/input/"), self.code(kmeans_preprocessing=world.PUBLISHED_PREPROCESSING)]
        outputs = {f"/{name}": f"/opt/ml/processing/output_{name}" for name in ("train", "valid")}
        uri = self.processed(["python3", "/opt/ml/processing/input/code/kmeans_preprocessing.py"], world.PYTORCH, inputs=inputs, outputs=outputs)
        assert len(world.get(f"{uri}/valid/valid-data.csv").splitlines()) == 300
        self.trained(KMEANS, KMEANS_PARAMETERS, [channel("train", f"{uri}/train/")])

    # --- tuning ---

    def tuned(self, config, definition=None, **more):
        """The description of a tuning job that has completed."""
        name = world.unique("t")
        if definition is None:
            request = self.training_request(KMEANS, channels=[csv_channel(), csv_channel("test")])
            definition = {key: request[key] for key in request if key != "TrainingJobName"} | {"StaticHyperParameters": KMEANS_PARAMETERS}
            objective = {"Type": "Minimize", "MetricName": "test:msd"}
        else:
            objective = {"Type": "Minimize", "MetricName": "loss"}
        limits = {"ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2}}
        given = {"Strategy": "Bayesian", "HyperParameterTuningJobObjective": objective} | limits | config
        self.ask("create_hyper_parameter_tuning_job", HyperParameterTuningJobName=name, HyperParameterTuningJobConfig=given, TrainingJobDefinition=definition, **more)
        describe = lambda: world.sagemaker().describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)  # noqa: E731
        world.until(describe, "HyperParameterTuningJobStatus", "Completed", "Failed")
        found = self.ask("describe_hyper_parameter_tuning_job", HyperParameterTuningJobName=name)
        assert found["HyperParameterTuningJobStatus"] == "Completed", found
        assert found["BestTrainingJob"]["TunedHyperParameters"], found
        return found

    def integer(self, name, low, high):
        return {"ParameterRanges": {"IntegerParameterRanges": [{"Name": name, "MinValue": str(low), "MaxValue": str(high)}]}}

    def bayesian(self):
        return self.once("bayesian", lambda: self.tuned(self.integer("extra_center_factor", 4, 10)))

    def tuning_bayesian(self):
        best = self.ask("describe_training_job", TrainingJobName=self.bayesian()["BestTrainingJob"]["TrainingJobName"])
        data = best["ModelArtifacts"]["S3ModelArtifacts"]
        endpoint = self.serving(self.model({"PrimaryContainer": {"Image": KMEANS, "ModelDataUrl": data}}))
        answer = self.invoke(endpoint, world.csv(world.points(9)), "text/csv")
        assert world.apart([p["closest_cluster"] for p in json.loads(answer)["predictions"]])
        self.delete(endpoint)

    def tuning_random(self):
        found = self.tuned(self.integer("extra_center_factor", 4, 10) | {"Strategy": "Random", "RandomSeed": 3})
        jobs = self.ask("list_training_jobs_for_hyper_parameter_tuning_job", HyperParameterTuningJobName=found["HyperParameterTuningJobName"])
        values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs["TrainingJobSummaries"]]
        assert len(values) == 3, values

    def tuning_grid(self):
        ranges = {"ParameterRanges": {"CategoricalParameterRanges": [{"Name": "init_method", "Values": ["random", "kmeans++"]}]}}
        found = self.tuned(ranges | {"Strategy": "Grid", "ResourceLimits": {"MaxParallelTrainingJobs": 2}})
        assert found["TrainingJobStatusCounters"]["Completed"] == 2, found

    def by_epochs(self, config):
        image, given, _, _ = self.script(OWN_IMAGE, {"train.py": world.EPOCHS_TRAIN}, {"epochs": 3})
        request = self.training_request(image, algorithm={"MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]})
        del request["TrainingJobName"]
        self.tuned(self.integer("slope", 1, 9) | config, request | {"StaticHyperParameters": given})

    def tuning_hyperband(self):
        bounds = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
        limits = {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2}
        self.by_epochs({"Strategy": "Hyperband", "StrategyConfig": bounds, "ResourceLimits": limits})

    def tuning_early_stopping(self):
        self.by_epochs({"Strategy": "Random", "TrainingJobEarlyStoppingType": "Auto"})

    def tuning_warm_start(self):
        parents = [{"HyperParameterTuningJobName": self.bayesian()["HyperParameterTuningJobName"]}]
        for kind in ("IdenticalDataAndAlgorithm", "TransferLearning"):
            warm = {"ParentHyperParameterTuningJobs": parents, "WarmStartType": kind}
            self.tuned(self.integer("extra_center_factor", 4, 10), WarmStartConfig=warm)

    def tuning_autotune(self):
        automatic = {"ParameterRanges": {"AutoParameters": [{"Name": "extra_center_factor", "ValueHint": "5"}]}}
        self.tuned(automatic, Autotune={"Mode": "Enabled"})

    # --- hosting ---

    def formats(self):
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}))
        assert self.predict(endpoint, [[1, 2], [3, 4]]) == [[2, 4], [6, 8]]
        answer = self.invoke(endpoint, "1,2\n3,4\n", "text/csv", "text/csv").decode()
        assert [float(n) for line in answer.split() for n in line.split(",")] == [2, 4, 6, 8]
        npy = self.invoke(endpoint, world.npy(numpy.array([[1.0, 2], [3, 4]])), "application/x-npy", "application/x-npy")
        assert world.from_npy(npy).tolist() == [[2, 4], [6, 8]]
        self.delete(endpoint)
        endpoint = self.serving(self.kmeans_model())
        lines = [{"data": {"features": {"values": row.tolist()}}} for row in world.points(6)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        answer = self.invoke(endpoint, text, "application/jsonlines", "application/jsonlines")
        assert world.apart([json.loads(line)["closest_cluster"] for line in answer.splitlines()])
        assert world.apart([p["closest_cluster"] for p in self.predict(endpoint, {"instances": lines})["predictions"]])
        self.delete(endpoint)

    def update_endpoint(self):
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}))
        other = self.config(self.model({"PrimaryContainer": self.factor(3)}))
        self.ask("update_endpoint", EndpointName=endpoint, EndpointConfigName=other)
        self.in_service(endpoint)
        assert self.predict(endpoint, [1, 2]) == [3, 6]
        self.delete(endpoint)

    def serverless(self):
        variant = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}), variant)
        assert self.predict(endpoint, [1, 2]) == [2, 4]
        self.delete(endpoint)

    def asynchronous(self):
        uri = f"s3://{world.bucket()}/{world.unique('async')}"
        config = {"OutputConfig": {"S3OutputPath": f"{uri}/out", "S3FailurePath": f"{uri}/failed"}}
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}), AsyncInferenceConfig=config)
        ask = lambda body: self.aws(  # noqa: E731
            "sagemaker-runtime", "invoke_endpoint_async", EndpointName=endpoint, ContentType="application/json",
            InputLocation=world.put(f"conformance/{world.unique('in')}", body),
        )
        assert json.loads(world.arrives(ask("[1, 2]")["OutputLocation"])) == [2, 4]
        assert world.arrives(ask('{"no": "array"}')["FailureLocation"])
        self.delete(endpoint)

    def data_capture(self):
        uri = f"s3://{world.bucket()}/{world.unique('captured')}"
        config = {
            "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": uri,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        }
        endpoint = self.serving(self.model({"PrimaryContainer": self.factor(2)}), DataCaptureConfig=config)
        assert self.predict(endpoint, [1, 2], InferenceId="first") == [2, 4]
        world.check_captured(uri, endpoint)
        self.delete(endpoint)

    def multi_model(self):
        prefix = f"{world.unique('mme')}/"
        container = {"Image": OWN_IMAGE, "ModelDataUrl": f"s3://{world.bucket()}/{prefix}", "Mode": "MultiModel"}
        endpoint = self.serving(self.model({"PrimaryContainer": container}))
        for factor in (2, 3):
            world.put(f"{prefix}times-{factor}.tar.gz", world.factor_archive(factor, world.DOUBLING_INFERENCE))
            assert self.predict(endpoint, [1, 2], TargetModel=f"times-{factor}.tar.gz") == [factor, 2 * factor]
        self.delete(endpoint)

    def pipeline_model(self):
        endpoint = self.serving(self.model({"Containers": [self.factor(2), self.factor(5)]}))
        assert self.predict(endpoint, [1, 2]) == [10, 20]
        self.delete(endpoint)

    # --- registry and records ---

    def register(self):
        group = world.unique("group")
        self.ask("create_model_package_group", ModelPackageGroupName=group)
        specification = {
            "Containers": [self.factor(4)], "SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [INSTANCE], "SupportedTransformInstanceTypes": [INSTANCE],
        }
        arn = self.ask("create_model_package", ModelPackageGroupName=group, InferenceSpecification=specification)["ModelPackageArn"]
        self.ask("update_model_package", ModelPackageArn=arn, ModelApprovalStatus="Approved")
        described = self.ask("describe_model_package", ModelPackageName=arn)
        assert described["ModelApprovalStatus"] == "Approved" and described["ModelPackageVersion"] == 1, described
        endpoint = self.serving(self.model({"Containers": [{"ModelPackageName": arn}]}))
        assert self.predict(endpoint, [1, 2]) == [4, 8]
        self.delete(endpoint)

    def lists(self):
        word = world.unique("listed")
        self.ended(self.own("print('x')\n", TrainingJobName=word, Tags=[{"Key": "owner", "Value": word}]))
        filters = {"Filters": [{"Name": "Tags.owner", "Operator": "Equals", "Value": word}]}
        found = self.ask("search", Resource="TrainingJob", SearchExpression=filters)["Results"]
        assert [one["TrainingJob"]["TrainingJobName"] for one in found] == [word], found
        assert len(self.ask("list_training_jobs", NameContains=word, StatusEquals="Completed")["TrainingJobSummaries"]) == 1

    def delete_job(self):
        name = self.own("print('x')\n")
        self.ended(name)
        self.ask("delete_training_job", TrainingJobName=name)
        sentence = self.aws.refusal(lambda: self.ask("describe_training_job", TrainingJobName=name))
        assert "Requested resource not found" in sentence, sentence
