"""The scenarios as a user of the SageMaker SDK 3 writes them: ModelTrainer, ModelBuilder and the resources of its core."""

import functools
import importlib.metadata
import json

import numpy
from botocore.exceptions import ClientError
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, IntegerParameter
from sagemaker.core.processing import FrameworkProcessor, Processor, ScriptProcessor
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ModelPackage, TrainingJob
from sagemaker.core.shapes import (
    CheckpointConfig, ContainerDefinition, DataCaptureConfig, HyperbandStrategyConfig, HyperParameterTuningJobStrategyConfig, MetricDefinition,
    HyperParameterTuningJobWarmStartConfig, ParentHyperParameterTuningJob, ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output, ProductionVariant, CaptureOption, StoppingCondition,
)
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.core.transformer import Transformer
from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner, WarmStartTypes

import world
from world import INSTANCE, KMEANS, OWN_IMAGE, PCA, ROLE, SCIKIT_LEARN, TENSORFLOW, XGBOOST

VERSION = importlib.metadata.version("sagemaker")


@functools.cache
def session():
    return Session()


def compute(**more):
    return Compute(**{"instance_type": INSTANCE, "instance_count": 1, "volume_size_in_gb": 1} | more)


def default_bucket():
    assert session().default_bucket() == world.bucket()
    uri = session().upload_data(world.directory(one__txt="text"), key_prefix="uploaded3")
    assert uri == f"s3://{world.bucket()}/uploaded3"
    assert session().read_s3_file(world.bucket(), "uploaded3/one.txt") == "text"


# --- K-Means ---


def csv_data(channel="train", uri=None):
    return InputData(channel_name=channel, data_source=uri or world.points_csv(), content_type="text/csv;label_size=0")


def kmeans_trainer(**hyperparameters):
    given = {"k": 3, "feature_dim": 4, "mini_batch_size": 100} | hyperparameters
    return ModelTrainer(training_image=KMEANS, hyperparameters=given, role=ROLE, compute=compute(), sagemaker_session=session(), base_job_name="k")


@functools.cache
def trained_kmeans():
    trainer = kmeans_trainer()
    trainer.train([csv_data()])
    return trainer._latest_training_job


def kmeans_train():
    assert "model_algo-1" in world.job_artifact(trained_kmeans().training_job_name)


@functools.cache
def kmeans_model():
    container = ContainerDefinition(image=KMEANS, model_data_url=trained_kmeans().model_artifacts.s3_model_artifacts)
    return Model.create(world.unique("kmeans"), primary_container=container, execution_role_arn=ROLE)


def serving(model, **variant):
    """An endpoint of the model, InService."""
    name = world.unique("e")
    capacity = {} if "serverless_config" in variant else {"initial_instance_count": 1, "instance_type": INSTANCE}
    more = {key: variant.pop(key) for key in list(variant) if key in ("data_capture_config", "async_inference_config")}
    one = ProductionVariant(variant_name="AllTraffic", model_name=model.model_name, **capacity | variant)
    EndpointConfig.create(endpoint_config_name=name, production_variants=[one], **more)
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService")
    return endpoint


def ask(endpoint, data, **more):
    return json.loads(endpoint.invoke(body=json.dumps(data), content_type="application/json", accept="application/json", **more).body.read())


def kmeans_endpoint():
    endpoint = serving(kmeans_model())
    answer = endpoint.invoke(body=world.csv(world.points(30)), content_type="text/csv", accept="application/json")
    assert world.apart([p["closest_cluster"] for p in json.loads(answer.body.read())["predictions"]])
    endpoint.delete()
    endpoint.wait_for_delete()


def kmeans_transform():
    output = f"s3://{world.bucket()}/{world.unique('transformed')}"
    transformer = Transformer(
        kmeans_model().model_name, 1, INSTANCE, accept="application/jsonlines", assemble_with="Line", strategy="MultiRecord",
        output_path=output, sagemaker_session=session(),
    )
    transformer.transform(world.points_csv(), content_type="text/csv", split_type="Line")
    lines = world.get(f"{output}/points.csv.out").splitlines()
    assert world.apart([json.loads(line)["closest_cluster"] for line in lines])


def missing_data():
    sentence = world.refusal(lambda: kmeans_trainer().train([csv_data(uri=f"s3://{world.bucket()}/nothing/")]))
    assert "No S3 objects found under S3 URL" in sentence, sentence


def other_algorithms():
    trainer = ModelTrainer(
        training_image=PCA, hyperparameters={"feature_dim": 4, "num_components": 2, "mini_batch_size": 100}, role=ROLE,
        compute=compute(), sagemaker_session=session(), base_job_name="p",
    )
    return world.refusal(lambda: trainer.train([csv_data()]))


# --- scripts that train ---


def trainer(image, files, entry="train.py", **more):
    """A ModelTrainer of a source directory."""
    requirements = "requirements.txt" if "requirements__txt" in files else None
    source = SourceCode(source_dir=world.directory(**files), entry_script=entry, requirements=requirements)
    options = {"training_image": image, "source_code": source, "role": ROLE, "compute": compute(), "sagemaker_session": session()}
    return ModelTrainer(**options | {"base_job_name": world.unique("s")} | more)


def done(one, inputs=None, **more):
    one.train(inputs, **more)
    return one._latest_training_job


@functools.cache
def trained_sklearn():
    files = {"train__py": world.SKLEARN_TRAIN, "helper__py": world.HELPER}
    one = trainer(SCIKIT_LEARN, files, hyperparameters=world.SKLEARN_HYPERPARAMETERS)
    one.with_metric_definitions([MetricDefinition(name="accuracy", regex=world.ACCURACY["Regex"])])
    done(one, [InputData(channel_name="train", data_source=world.training_csv())])
    return one


def sklearn_train():
    world.check_sklearn(trained_sklearn()._latest_training_job.training_job_name)


def sklearn_builder():
    source = SourceCode(source_dir=world.directory(inference__py=world.SKLEARN_TRAIN, helper__py=world.HELPER), entry_script="inference.py")
    return ModelBuilder(
        s3_model_data_url=trained_sklearn()._latest_training_job.model_artifacts.s3_model_artifacts, image_uri=SCIKIT_LEARN,
        source_code=source, role_arn=ROLE, sagemaker_session=session(), instance_type=INSTANCE,
    )


def sklearn_endpoint():
    builder = sklearn_builder()
    builder.build(model_name=world.unique("m"))
    endpoint = builder.deploy(endpoint_name=world.unique("e"), initial_instance_count=1, instance_type=INSTANCE)
    answer = endpoint.invoke(body=world.csv(world.points(6)), content_type="text/csv", accept="application/json")
    assert json.loads(answer.body.read()) == [0, 1, 0, 0, 1, 0]
    endpoint.delete()


def sklearn_transform():
    builder = sklearn_builder()
    model = builder.build(model_name=world.unique("m"))
    output = f"s3://{world.bucket()}/{world.unique('transformed')}"
    transformer = Transformer(model.model_name, 1, INSTANCE, accept="text/csv", assemble_with="Line", output_path=output, sagemaker_session=session())
    transformer.transform(world.points_csv(), content_type="text/csv", split_type="Line")
    assert [float(line) for line in world.get(f"{output}/points.csv.out").split()] == [0, 1, 0] * 100


def xgboost_script():
    one = trainer(XGBOOST, {"train__py": world.XGBOOST_TRAIN}, hyperparameters={"num_round": 5})
    job = done(one, [InputData(channel_name="train", data_source=world.training_csv())])
    source = SourceCode(source_dir=world.directory(inference__py=world.XGBOOST_TRAIN), entry_script="inference.py")
    builder = ModelBuilder(
        s3_model_data_url=job.model_artifacts.s3_model_artifacts, image_uri=XGBOOST, source_code=source, role_arn=ROLE,
        sagemaker_session=session(), instance_type=INSTANCE,
    )
    builder.build(model_name=world.unique("m"))
    endpoint = builder.deploy(endpoint_name=world.unique("e"), initial_instance_count=1, instance_type=INSTANCE)
    answer = endpoint.invoke(body=world.csv(world.points(3)), content_type="text/csv", accept="text/csv").body.read().decode()
    assert [float(value) > 0.5 for value in answer.replace(",", "\n").split()] == [False, True, False], answer
    endpoint.delete()


def tensorflow_script():
    one = trainer(TENSORFLOW, {"train__py": world.TENSORFLOW_TRAIN})
    one.with_metric_definitions([MetricDefinition(name="sum", regex="sum=([0-9.]+);")])
    name = done(one).training_job_name
    assert world.job_artifact(name)["version"]
    assert world.metrics(name) == {"sum": 3}


def own(script, **more):
    return trainer(OWN_IMAGE, {"train__py": script}, **more)


def own_image():
    one = trainer(OWN_IMAGE, {"train__py": world.REQUIRING_TRAIN, "requirements__txt": world.REQUIREMENTS})
    assert world.job_artifact(done(one).training_job_name)["v"] == b"b"


def requirements():
    one = trainer(SCIKIT_LEARN, {"train__py": world.REQUIRING_TRAIN, "requirements__txt": world.REQUIREMENTS})
    assert world.job_artifact(done(one).training_job_name)["v"] == b"b"


def checkpoints():
    uri = f"s3://{world.bucket()}/{world.unique('checkpoints')}"
    done(own(
        world.CHECKPOINT_TRAIN, compute=compute(enable_managed_spot_training=True), checkpoint_config=CheckpointConfig(s3_uri=uri),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=1200),
    ))
    assert world.get(f"{uri}/epoch-1") == b"saved"


def failing_script():
    one = own(world.FAILING_TRAIN)
    try:
        done(one)
    except FailedStatusError as error:
        # What the SDK's own driver leaves as the failure; the script's words are in the log.
        assert "returned non-zero exit status 1" in str(error), error
        name = one._latest_training_job.training_job_name
        assert "there are no rows in it" in world.log("/aws/sagemaker/TrainingJobs", name)
    else:
        raise AssertionError("the job did not fail")


def stop_and_attach():
    job = done(own(world.WAITING_TRAIN), wait=False)
    world.until_training(job.training_job_name)
    job.stop()
    again = TrainingJob.get(job.training_job_name)
    again.wait()
    assert again.training_job_status == "Stopped"


# --- processing ---

DATA = "/opt/ml/processing/input/data"
OUTPUT = "/opt/ml/processing/output"


def source(uri, place=DATA, name="data", **more):
    given = {"s3_uri": uri, "local_path": place, "s3_data_type": "S3Prefix", "s3_input_mode": "File"} | more
    return ProcessingInput(input_name=name, s3_input=ProcessingS3Input(**given))


def output(uri, place=OUTPUT, name="o"):
    return ProcessingOutput(output_name=name, s3_output=ProcessingS3Output(s3_uri=uri, local_path=place, s3_upload_mode="EndOfJob"))


def in_and_out(**more):
    uri = f"s3://{world.bucket()}/{world.unique('processed')}"
    return uri, {"inputs": [source(world.points_csv())], "outputs": [output(uri)]} | more


def seen(uri):
    return world.get(f"{uri}/seen").decode()


ONE = {"instance_count": 1, "instance_type": INSTANCE, "role": ROLE}


def processor():
    uri, given = in_and_out(arguments=["one two", "3"])
    Processor(image_uri=OWN_IMAGE, entrypoint=["python3", "-c", world.PROCESS_LINE], sagemaker_session=session(), **ONE).run(**given)
    assert seen(uri) == "one two 3 points.csv"


def script_processor():
    uri, given = in_and_out(arguments=["--x", "1"], code=world.directory(s__py=world.PROCESS) + "/s.py")
    ScriptProcessor(image_uri=OWN_IMAGE, command=["python3"], sagemaker_session=session(), **ONE).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def sklearn_processor():
    uri, given = in_and_out(arguments=["--x", "1"], code=world.directory(s__py="import sklearn\n" + world.PROCESS) + "/s.py")
    ScriptProcessor(image_uri=SCIKIT_LEARN, command=["python3"], sagemaker_session=session(), **ONE).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def framework_processor():
    files = world.directory(s__py=world.SKLEARN_PROCESS, helper__py=world.HELPER, requirements__txt=world.REQUIREMENTS)
    uri, given = in_and_out(arguments=["--x", "1"], code="s.py", source_dir=files)
    FrameworkProcessor(SCIKIT_LEARN, command=["python3"], sagemaker_session=session(), **ONE).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def two_instances():
    uri = f"s3://{world.bucket()}/{world.unique('parts')}"
    sharded = source(world.parts(), s3_data_distribution_type="ShardedByS3Key")
    two = ScriptProcessor(image_uri=OWN_IMAGE, command=["python3"], sagemaker_session=session(), **ONE | {"instance_count": 2})
    two.run(world.directory(s__py=world.EACH_PART) + "/s.py", inputs=[sharded], outputs=[output(uri)])
    world.check_parts(uri)


def published_preprocessing():
    data = world.put("conformance/pickled/data.pkl.gz", world.pickled_points())
    uri = f"s3://{world.bucket()}/{world.unique('preprocessed')}"
    outputs = [output(f"{uri}/{n}", f"/opt/ml/processing/output_{n}", n) for n in ("train", "valid")]
    script = world.directory(kmeans_preprocessing__py=world.PUBLISHED_PREPROCESSING) + "/kmeans_preprocessing.py"
    one = ScriptProcessor(image_uri=world.PYTORCH, command=["python3"], sagemaker_session=session(), **ONE)
    one.run(script, inputs=[source(data, "/opt/ml/processing/input")], outputs=outputs)
    assert len(world.get(f"{uri}/valid/valid-data.csv").splitlines()) == 300
    kmeans_trainer().train([InputData(channel_name="train", data_source=f"{uri}/train/")])


# --- tuning ---


def tuner(one=None, ranges=None, jobs=3, **more):
    options = {"objective_type": "Minimize", "max_jobs": jobs, "max_parallel_jobs": 2, "base_tuning_job_name": world.unique("t")}
    return HyperparameterTuner(one or kmeans_trainer(), "test:msd", ranges or {"extra_center_factor": IntegerParameter(4, 10)}, **options | more)


def tuned(one):
    one.tune([csv_data(), csv_data("test")])
    assert one.best_training_job()
    return one


@functools.cache
def bayesian():
    return tuned(tuner())


def tuning_bayesian():
    best = TrainingJob.get(bayesian().best_training_job())
    container = ContainerDefinition(image=KMEANS, model_data_url=best.model_artifacts.s3_model_artifacts)
    model = Model.create(world.unique("best"), primary_container=container, execution_role_arn=ROLE)
    endpoint = serving(model)
    answer = endpoint.invoke(body=world.csv(world.points(9)), content_type="text/csv", accept="application/json")
    assert world.apart([p["closest_cluster"] for p in json.loads(answer.body.read())["predictions"]])
    endpoint.delete()


def tuning_random():
    table = tuned(tuner(strategy="Random", random_seed=3)).analytics().dataframe()
    assert len(table) == 3 and table["FinalObjectiveValue"].notna().all(), table


def tuning_grid():
    one = tuned(tuner(ranges={"init_method": CategoricalParameter(["random", "kmeans++"])}, strategy="Grid", jobs=2))
    assert len(one.analytics().dataframe()) == 2


def by_epochs(**more):
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    options = {"metric_definitions": metrics, "objective_type": "Minimize", "max_parallel_jobs": 2, "base_tuning_job_name": world.unique("t")}
    one = HyperparameterTuner(own(world.EPOCHS_TRAIN, hyperparameters={"epochs": 3}), "loss", {"slope": IntegerParameter(1, 9)}, **options | more)
    one.tune()
    assert one.best_training_job()


def tuning_hyperband():
    bounds = HyperbandStrategyConfig(min_resource=1, max_resource=9)
    by_epochs(strategy="Hyperband", strategy_config=HyperParameterTuningJobStrategyConfig(hyperband_strategy_config=bounds), max_jobs=6)


def tuning_early_stopping():
    by_epochs(strategy="Random", early_stopping_type="Auto", max_jobs=4)


def tuning_warm_start():
    parent = ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=bayesian().latest_tuning_job.hyper_parameter_tuning_job_name)
    warm = HyperParameterTuningJobWarmStartConfig(
        warm_start_type=WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM.value, parent_hyper_parameter_tuning_jobs=[parent]
    )
    tuned(tuner(jobs=2, warm_start_config=warm))  # transfer_learning_tuner() of 3.27 fails in the SDK itself


def tuning_autotune():
    keep = ["k", "feature_dim", "mini_batch_size"]
    tuned(tuner(kmeans_trainer(extra_center_factor=5), autotune=True, hyperparameters_to_keep_static=keep))


# --- hosting ---


def builder(factor=2, script=world.DOUBLING_INFERENCE, **more):
    source = SourceCode(source_dir=world.directory(inference__py=script), entry_script="inference.py")
    options = {"s3_model_data_url": world.factor_model(factor), "image_uri": OWN_IMAGE, "source_code": source, "role_arn": ROLE}
    return ModelBuilder(**options | {"sagemaker_session": session(), "instance_type": INSTANCE} | more)


def deployed(one, **more):
    one.build(model_name=world.unique("m"))
    options = {"endpoint_name": world.unique("e"), "initial_instance_count": 1, "instance_type": INSTANCE}
    return one.deploy(**options | more)


def formats():
    endpoint = deployed(builder(2))
    assert ask(endpoint, [[1, 2], [3, 4]]) == [[2, 4], [6, 8]]
    answer = endpoint.invoke(body="1,2\n3,4\n", content_type="text/csv", accept="text/csv").body.read()
    assert [float(n) for line in answer.decode().split() for n in line.split(",")] == [2, 4, 6, 8]
    body = world.npy(numpy.array([[1.0, 2], [3, 4]]))
    answer = endpoint.invoke(body=body, content_type="application/x-npy", accept="application/x-npy").body.read()
    assert world.from_npy(answer).tolist() == [[2, 4], [6, 8]]
    endpoint.delete()
    endpoint = serving(kmeans_model())
    lines = [{"data": {"features": {"values": row.tolist()}}} for row in world.points(6)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    answer = endpoint.invoke(body=text, content_type="application/jsonlines", accept="application/jsonlines").body.read()
    assert world.apart([json.loads(line)["closest_cluster"] for line in answer.splitlines()])
    assert world.apart([p["closest_cluster"] for p in ask(endpoint, {"instances": lines})["predictions"]])
    endpoint.delete()


def update_endpoint():
    endpoint = deployed(builder(2))
    name = endpoint.endpoint_name
    other = builder(3).build(model_name=world.unique("m"))
    config = world.unique("c")
    one = ProductionVariant(variant_name="AllTraffic", model_name=other.model_name, initial_instance_count=1, instance_type=INSTANCE)
    EndpointConfig.create(endpoint_config_name=config, production_variants=[one])
    endpoint.endpoint_config_name = config
    endpoint.update()
    endpoint.wait_for_status("InService")
    assert ask(Endpoint.get(name), [1, 2]) == [3, 6]
    endpoint.delete()


def serverless():
    from sagemaker.core.inference_config import ServerlessInferenceConfig

    one = builder(2)
    one.build(model_name=world.unique("m"))
    endpoint = one.deploy(endpoint_name=world.unique("e"), inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5))
    assert ask(endpoint, [1, 2]) == [2, 4]
    endpoint.delete()


def asynchronous():
    from sagemaker.serve.async_inference import AsyncInferenceConfig

    uri = f"s3://{world.bucket()}/{world.unique('async')}"
    config = AsyncInferenceConfig(output_path=f"{uri}/out", failure_path=f"{uri}/failed", max_concurrent_invocations_per_instance=2)
    endpoint = deployed(builder(2), inference_config=config)
    for body, expected in (("[1, 2]", [2, 4]), ("[3, 4]", [6, 8])):
        answer = endpoint.invoke_async(input_location=world.put(f"conformance/{world.unique('in')}", body), content_type="application/json")
        assert json.loads(world.arrives(answer.output_location)) == expected
    wrong = endpoint.invoke_async(input_location=world.put(f"conformance/{world.unique('in')}", '{"no": "array"}'), content_type="application/json")
    assert world.arrives(wrong.failure_location)
    endpoint.delete()


def data_capture():
    uri = f"s3://{world.bucket()}/{world.unique('captured')}"
    config = DataCaptureConfig(
        enable_capture=True, initial_sampling_percentage=100, destination_s3_uri=uri,
        capture_options=[CaptureOption(capture_mode="Input"), CaptureOption(capture_mode="Output")],
        capture_content_type_header={"json_content_types": ["application/json"]},
    )
    endpoint = serving(builder(2).build(model_name=world.unique("m")), data_capture_config=config)
    assert ask(endpoint, [1, 2], inference_id="first") == [2, 4]
    world.check_captured(uri, endpoint.endpoint_name)
    endpoint.delete()


def multi_model():
    prefix = f"s3://{world.bucket()}/{world.unique('mme')}/"
    container = ContainerDefinition(image=OWN_IMAGE, model_data_url=prefix, mode="MultiModel")
    model = Model.create(world.unique("mme"), primary_container=container, execution_role_arn=ROLE)
    endpoint = serving(model)
    for factor in (2, 3):
        world.put(prefix.partition("//")[2].partition("/")[2] + f"times-{factor}.tar.gz", world.factor_archive(factor, world.DOUBLING_INFERENCE))
        assert ask(endpoint, [1, 2], target_model=f"times-{factor}.tar.gz") == [factor, 2 * factor]
    endpoint.delete()


def pipeline_model():
    both = [builder(2).build(model_name=world.unique("m")), builder(5).build(model_name=world.unique("m"))]
    one = ModelBuilder(model=both, role_arn=ROLE, sagemaker_session=session(), instance_type=INSTANCE)
    endpoint = deployed(one)
    assert ask(endpoint, [1, 2]) == [10, 20]
    endpoint.delete()


def response_stream():
    endpoint = deployed(builder(2))
    answer = endpoint.invoke_with_response_stream(body="[1, 2]", content_type="application/json", accept="application/json")
    assert json.loads(b"".join(event["PayloadPart"]["Bytes"] for event in answer.body)) == [2, 4]
    endpoint.delete()


# --- registry and records ---


def register():
    one = builder(4)
    one.build(model_name=world.unique("m"))
    package = one.register(
        content_types=["application/json"], response_types=["application/json"], inference_instances=[INSTANCE],
        transform_instances=[INSTANCE], model_package_group_name=world.unique("group"), description="times four",
    )
    # ModelPackage.update() asks for the group's name afterwards, which is no package's (sagemaker-python-sdk#5606).
    session().sagemaker_client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    assert ModelPackage.get(package).model_approval_status == "Approved"
    container = ContainerDefinition(model_package_name=package)
    endpoint = serving(Model.create(world.unique("m"), containers=[container], execution_role_arn=ROLE))
    assert ask(endpoint, [1, 2]) == [4, 8]
    endpoint.delete()


def lists():
    word = world.unique("listed")
    job = done(own("print('x')\n", base_job_name=word))
    assert [one.training_job_name for one in TrainingJob.get_all(name_contains=word, status_equals="Completed")] == [job.training_job_name]


def delete_job():
    job = done(own("print('x')\n"))
    job.delete()
    try:
        TrainingJob.get(job.training_job_name)
    except ClientError:
        return
    raise AssertionError("the job is still there")
