"""The scenarios as a user of the SageMaker SDK 2 writes them."""

import functools
import importlib.metadata
import json

import numpy
import sagemaker
import sagemaker.tensorflow
import sagemaker.xgboost
from botocore.exceptions import ClientError
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer, JSONLinesDeserializer, NumpyDeserializer, StringDeserializer
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer, NumpySerializer
from sagemaker.sklearn import SKLearn, SKLearnProcessor
from sagemaker.tuner import (
    CategoricalParameter, HyperbandStrategyConfig, HyperparameterTuner, IntegerParameter, StrategyConfig, WarmStartConfig, WarmStartTypes,
)

import world
from world import INSTANCE, KMEANS, OWN_IMAGE, PCA, ROLE

VERSION = importlib.metadata.version("sagemaker")
ONE = {"instance_count": 1, "instance_type": INSTANCE, "role": ROLE}


@functools.cache
def session():
    return sagemaker.Session()


def default_bucket():
    assert session().default_bucket() == world.bucket()
    uri = session().upload_data(world.directory(one__txt="text"), key_prefix="uploaded")
    assert uri == f"s3://{world.bucket()}/uploaded"
    assert sagemaker.s3.S3Downloader.read_file(f"{uri}/one.txt") == "text"


# --- K-Means ---


@functools.cache
def trained_kmeans():
    kmeans = sagemaker.KMeans(k=3, sagemaker_session=session(), **ONE)
    kmeans.fit(kmeans.record_set(world.points()), mini_batch_size=100)
    return kmeans


def clusters(records):
    return [int(record.label["closest_cluster"].float32_tensor.values[0]) for record in records]


def kmeans_train():
    assert "model_algo-1" in world.job_artifact(trained_kmeans().latest_training_job.name)


def kmeans_endpoint():
    predictor = trained_kmeans().deploy(1, INSTANCE)
    assert world.apart(clusters(predictor.predict(world.points(30))))
    predictor.delete_model()
    predictor.delete_endpoint()
    world.gone(predictor.endpoint_name)


def kmeans_transform():
    transformer = trained_kmeans().transformer(1, INSTANCE, accept="application/jsonlines", assemble_with="Line", strategy="MultiRecord")
    transformer.transform(world.points_csv(), content_type="text/csv", split_type="Line")
    transformer.wait()
    lines = world.get(f"{transformer.output_path}/points.csv.out").splitlines()
    assert world.apart([json.loads(line)["closest_cluster"] for line in lines])
    transformer.delete_model()


def kmeans_estimator(**hyperparameters):
    given = {"k": 3, "feature_dim": 4, "mini_batch_size": 100, **hyperparameters}
    return Estimator(KMEANS, hyperparameters=given, sagemaker_session=session(), **ONE)


def csv_channel(uri=None):
    return sagemaker.inputs.TrainingInput(uri or world.points_csv(), content_type="text/csv;label_size=0")


def missing_data():
    try:
        kmeans_estimator().fit({"train": csv_channel(f"s3://{world.bucket()}/nothing/")})
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException" and "No S3 objects found under S3 URL" in str(error), error
    else:
        raise AssertionError("the job was accepted")


def other_algorithms():
    estimator = Estimator(PCA, hyperparameters={"feature_dim": 4, "num_components": 2, "mini_batch_size": 100}, sagemaker_session=session(), **ONE)
    return world.refusal(lambda: estimator.fit({"train": csv_channel()}))


# --- scripts that train ---


@functools.cache
def trained_sklearn():
    estimator = SKLearn(
        "train.py", framework_version="1.2-1", source_dir=world.sklearn_source(), hyperparameters=world.SKLEARN_HYPERPARAMETERS,
        metric_definitions=[world.ACCURACY], sagemaker_session=session(), **ONE,
    )
    estimator.fit({"train": world.training_csv()})
    return estimator


def sklearn_train():
    world.check_sklearn(trained_sklearn().latest_training_job.name)


def sklearn_endpoint():
    predictor = trained_sklearn().deploy(1, INSTANCE)
    assert predictor.predict(world.points(6)).tolist() == [0, 1, 0, 0, 1, 0]
    predictor.delete_endpoint()


def sklearn_transform():
    transformer = trained_sklearn().transformer(1, INSTANCE, accept="text/csv", assemble_with="Line")
    transformer.transform(world.points_csv(), content_type="text/csv", split_type="Line")
    transformer.wait()
    assert [float(line) for line in world.get(f"{transformer.output_path}/points.csv.out").split()] == [0, 1, 0] * 100


def xgboost_script():
    estimator = sagemaker.xgboost.XGBoost(
        "train.py", framework_version="1.7-1", source_dir=world.directory(train__py=world.XGBOOST_TRAIN),
        hyperparameters={"num_round": 5}, sagemaker_session=session(), **ONE,
    )
    estimator.fit({"train": world.training_csv()})
    predictor = estimator.deploy(1, INSTANCE, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    answer = numpy.array(predictor.predict(world.csv(world.points(3))), dtype=float).ravel()
    assert [value > 0.5 for value in answer] == [False, True, False], answer
    predictor.delete_endpoint()


def tensorflow_script():
    estimator = sagemaker.tensorflow.TensorFlow(
        entry_point="train.py", framework_version="2.16", py_version="py310", model_dir=False, sagemaker_session=session(),
        source_dir=world.directory(train__py=world.TENSORFLOW_TRAIN), metric_definitions=[{"Name": "sum", "Regex": "sum=([0-9.]+);"}], **ONE,
    )
    estimator.fit()
    assert world.job_artifact(estimator.latest_training_job.name)["version"]
    assert world.metrics(estimator.latest_training_job.name) == {"sum": 3}


def own(script, **more):
    options = {"entry_point": "train.py", "source_dir": world.directory(train__py=script), "sagemaker_session": session()}
    return Estimator(OWN_IMAGE, **options | ONE | more)


def own_image():
    source = world.directory(train__py=world.REQUIRING_TRAIN, requirements__txt=world.REQUIREMENTS)
    estimator = own("", source_dir=source)
    estimator.fit()
    assert world.job_artifact(estimator.latest_training_job.name)["v"] == b"b"


def requirements():
    source = world.directory(train__py=world.REQUIRING_TRAIN, requirements__txt=world.REQUIREMENTS)
    estimator = SKLearn("train.py", framework_version="1.2-1", source_dir=source, sagemaker_session=session(), **ONE)
    estimator.fit()
    assert world.job_artifact(estimator.latest_training_job.name)["v"] == b"b"


def checkpoints():
    uri = f"s3://{world.bucket()}/{world.unique('checkpoints')}"
    estimator = own(world.CHECKPOINT_TRAIN, use_spot_instances=True, max_run=600, max_wait=1200, checkpoint_s3_uri=uri)
    estimator.fit()
    assert world.get(f"{uri}/epoch-1") == b"saved"


def failing_script():
    try:
        own(world.FAILING_TRAIN).fit()
    except UnexpectedStatusException as error:
        assert "there are no rows in it" in str(error) and error.actual_status == "Failed", error
    else:
        raise AssertionError("the job did not fail")


def stop_and_attach():
    estimator = own(world.WAITING_TRAIN)
    estimator.fit(wait=False)
    name = estimator.latest_training_job.name
    world.until_training(name)
    estimator.latest_training_job.stop()
    again = Estimator.attach(name, sagemaker_session=session())
    assert again.latest_training_job.describe()["TrainingJobStatus"] == "Stopped"


# --- processing ---

DATA = "/opt/ml/processing/input/data"
OUTPUT = "/opt/ml/processing/output"


def in_and_out(**more):
    uri = f"s3://{world.bucket()}/{world.unique('processed')}"
    given = {"inputs": [ProcessingInput(source=world.points_csv(), destination=DATA)]}
    given["outputs"] = [ProcessingOutput(output_name="o", source=OUTPUT, destination=uri)]
    return uri, given | more


def seen(uri):
    return world.get(f"{uri}/seen").decode()


def processor():
    uri, given = in_and_out(arguments=["one two", "3"])
    Processor(ROLE, OWN_IMAGE, 1, INSTANCE, entrypoint=["python3", "-c", world.PROCESS_LINE], sagemaker_session=session()).run(**given)
    assert seen(uri) == "one two 3 points.csv"


def script_processor():
    uri, given = in_and_out(arguments=["--x", "1"], code=world.directory(s__py=world.PROCESS) + "/s.py")
    ScriptProcessor(ROLE, OWN_IMAGE, ["python3"], 1, INSTANCE, sagemaker_session=session()).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def sklearn_processor():
    script = "import sklearn\n" + world.PROCESS
    uri, given = in_and_out(arguments=["--x", "1"], code=world.directory(s__py=script) + "/s.py")
    SKLearnProcessor("1.2-1", ROLE, instance_type=INSTANCE, instance_count=1, sagemaker_session=session()).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def framework_processor():
    source = world.directory(s__py=world.SKLEARN_PROCESS, helper__py=world.HELPER, requirements__txt=world.REQUIREMENTS)
    uri, given = in_and_out(arguments=["--x", "1"], code="s.py", source_dir=source)
    FrameworkProcessor(SKLearn, "1.2-1", ROLE, 1, INSTANCE, sagemaker_session=session()).run(**given)
    assert seen(uri) == "--x 1 points.csv"


def two_instances():
    uri = f"s3://{world.bucket()}/{world.unique('parts')}"
    source = ProcessingInput(world.parts(), DATA, s3_data_distribution_type="ShardedByS3Key")
    script = world.directory(s__py=world.EACH_PART) + "/s.py"
    processor = ScriptProcessor(ROLE, OWN_IMAGE, ["python3"], 2, INSTANCE, sagemaker_session=session())
    processor.run(script, inputs=[source], outputs=[ProcessingOutput(output_name="o", source=OUTPUT, destination=uri)])
    world.check_parts(uri)


def published_preprocessing():
    data = world.put("conformance/pickled/data.pkl.gz", world.pickled_points())
    uri = f"s3://{world.bucket()}/{world.unique('preprocessed')}"
    outputs = [ProcessingOutput(output_name=n, source=f"/opt/ml/processing/output_{n}", destination=f"{uri}/{n}") for n in ("train", "valid")]
    script = world.directory(kmeans_preprocessing__py=world.PUBLISHED_PREPROCESSING) + "/kmeans_preprocessing.py"
    processor = ScriptProcessor(ROLE, world.PYTORCH, ["python3"], 1, INSTANCE, sagemaker_session=session())
    processor.run(script, inputs=[ProcessingInput(data, "/opt/ml/processing/input")], outputs=outputs)
    assert len(world.get(f"{uri}/valid/valid-data.csv").splitlines()) == 300
    kmeans = kmeans_estimator()
    kmeans.fit({"train": f"{uri}/train/"})


# --- tuning ---


def tuner(estimator=None, ranges=None, jobs=3, **more):
    ranges = ranges or {"extra_center_factor": IntegerParameter(4, 10)}
    options = {"objective_type": "Minimize", "max_jobs": jobs, "max_parallel_jobs": 2, "base_tuning_job_name": world.unique("t")}
    return HyperparameterTuner(estimator or kmeans_estimator(), "test:msd", ranges, **options | more)


def fitted(one, **more):
    one.fit({"train": csv_channel(), "test": csv_channel()}, **more)
    one.wait()
    assert one.best_training_job()
    return one


@functools.cache
def bayesian():
    return fitted(tuner())


def tuning_bayesian():
    assert bayesian().best_estimator().hyperparameters()["k"] == "3"
    predictor = bayesian().deploy(1, INSTANCE, serializer=CSVSerializer(), deserializer=JSONDeserializer())
    answer = predictor.predict(world.points(9))
    assert world.apart([p["closest_cluster"] for p in answer["predictions"]])
    predictor.delete_endpoint()


def tuning_random():
    one = fitted(tuner(strategy="Random", random_seed=3))
    table = one.analytics().dataframe()
    assert len(table) == 3 and table["FinalObjectiveValue"].notna().all(), table


def tuning_grid():
    one = fitted(tuner(ranges={"init_method": CategoricalParameter(["random", "kmeans++"])}, strategy="Grid", jobs=2))
    assert len(one.analytics().dataframe()) == 2


def by_epochs(**more):
    """A script that gives its objective epoch by epoch, as many as it is asked for."""
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    ranges = {"slope": IntegerParameter(1, 9)}
    options = {"objective_metric_name": "loss", "hyperparameter_ranges": ranges, "metric_definitions": metrics, "objective_type": "Minimize"}
    one = HyperparameterTuner(own(world.EPOCHS_TRAIN, hyperparameters={"epochs": 3}), **options | {"max_parallel_jobs": 2, "base_tuning_job_name": world.unique("t")} | more)
    one.fit()
    one.wait()
    assert one.best_training_job()
    return one


def tuning_hyperband():
    strategy = StrategyConfig(hyperband_strategy_config=HyperbandStrategyConfig(max_resource=9, min_resource=1))
    by_epochs(strategy="Hyperband", strategy_config=strategy, max_jobs=6)


def tuning_early_stopping():
    by_epochs(strategy="Random", early_stopping_type="Auto", max_jobs=4)


def tuning_warm_start():
    parents = {bayesian().latest_tuning_job.name}
    warm = WarmStartConfig(WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM, parents)
    fitted(tuner(jobs=2, warm_start_config=warm))
    fitted(bayesian().transfer_learning_tuner())


def tuning_autotune():
    keep = ["k", "feature_dim", "mini_batch_size"]
    fitted(tuner(kmeans_estimator(extra_center_factor=5), autotune=True, hyperparameters_to_keep_static=keep))


# --- hosting ---


def model(factor=2, script=world.DOUBLING_INFERENCE, **more):
    options = {"image_uri": OWN_IMAGE, "model_data": world.factor_model(factor), "role": ROLE, "sagemaker_session": session(), "predictor_cls": Predictor}
    if script:
        options |= {"entry_point": "inference.py", "source_dir": world.directory(inference__py=script)}
    return Model(**options | more)


def as_json(predictor):
    predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
    return predictor


def formats():
    predictor = model(2).deploy(1, INSTANCE)
    each = [
        (JSONSerializer(), JSONDeserializer(), [[1, 2], [3, 4]]),
        (CSVSerializer(), CSVDeserializer(), [[1, 2], [3, 4]]),
        (NumpySerializer(), NumpyDeserializer(), numpy.array([[1.0, 2], [3, 4]])),
        (NumpySerializer(), JSONDeserializer(), numpy.array([[1.0, 2], [3, 4]])),
    ]
    for serializer, deserializer, data in each:
        predictor.serializer, predictor.deserializer = serializer, deserializer
        answer = numpy.array(predictor.predict(data), dtype=float)
        assert answer.tolist() == [[2, 4], [6, 8]], (serializer, answer)
    predictor.delete_endpoint()
    predictor = trained_kmeans().deploy(1, INSTANCE)
    rows = world.points(6)
    lines = [{"data": {"features": {"values": row.tolist()}}} for row in rows]
    for serializer, deserializer, data in [
        (JSONLinesSerializer(), JSONLinesDeserializer(), lines),
        (JSONSerializer(), JSONDeserializer(), {"instances": lines}),
        (CSVSerializer(), JSONDeserializer(), rows),
    ]:
        predictor.serializer, predictor.deserializer = serializer, deserializer
        answer = predictor.predict(data)
        assert world.apart([p["closest_cluster"] for p in (answer["predictions"] if isinstance(answer, dict) else answer)]), answer
    predictor.delete_endpoint()


def update_endpoint():
    predictor = as_json(model(2).deploy(1, INSTANCE))
    other = model(3)
    other.create(INSTANCE)
    predictor.update_endpoint(initial_instance_count=1, instance_type=INSTANCE, model_name=other.name)
    assert predictor.predict([1, 2]) == [3, 6]
    predictor.delete_endpoint()


def serverless():
    from sagemaker.serverless import ServerlessInferenceConfig

    predictor = as_json(model(2).deploy(serverless_inference_config=ServerlessInferenceConfig(memory_size_in_mb=2048, max_concurrency=5)))
    assert predictor.predict([1, 2]) == [2, 4]
    predictor.delete_endpoint()


def asynchronous():
    from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
    from sagemaker.exceptions import AsyncInferenceModelError

    uri = f"s3://{world.bucket()}/{world.unique('async')}"
    config = AsyncInferenceConfig(output_path=f"{uri}/out", failure_path=f"{uri}/failed", max_concurrent_invocations_per_instance=2)
    predictor = model(2).deploy(1, INSTANCE, async_inference_config=config)
    predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
    as_json(predictor.predictor)
    waiter = WaiterConfig(max_attempts=60, delay=1)
    assert predictor.predict([1, 2], waiter_config=waiter) == [2, 4]
    answer = predictor.predict_async([3, 4])
    assert answer.get_result(waiter) == [6, 8]
    predictor.predictor.deserializer = StringDeserializer()  # the failure is the model's own text
    wrong = predictor.predict_async({"no": "array"})
    try:
        wrong.get_result(waiter)
    except AsyncInferenceModelError:
        pass
    else:
        raise AssertionError("the failure was not reported")
    predictor.delete_endpoint()


def data_capture():
    from sagemaker.model_monitor import DataCaptureConfig

    uri = f"s3://{world.bucket()}/{world.unique('captured')}"
    config = DataCaptureConfig(True, sampling_percentage=100, destination_s3_uri=uri, json_content_types=["application/json"])
    predictor = as_json(model(2).deploy(1, INSTANCE, data_capture_config=config))
    assert predictor.predict([1, 2], inference_id="first") == [2, 4]
    world.check_captured(uri, predictor.endpoint_name)
    predictor.delete_endpoint()


def multi_model():
    from sagemaker.multidatamodel import MultiDataModel

    prefix = f"s3://{world.bucket()}/{world.unique('mme')}/"
    many = MultiDataModel(world.unique("mme"), prefix, image_uri=OWN_IMAGE, role=ROLE, sagemaker_session=session(), predictor_cls=Predictor)
    predictor = many.deploy(1, INSTANCE, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    for factor in (2, 3):
        source = f"{world.directory()}/{factor}.tar.gz"
        with open(source, "wb") as file:
            file.write(world.factor_archive(factor, world.DOUBLING_INFERENCE))
        many.add_model(source, f"times-{factor}.tar.gz")
        assert predictor.predict([1, 2], target_model=f"times-{factor}.tar.gz") == [factor, 2 * factor]
    assert sorted(many.list_models()) == ["times-2.tar.gz", "times-3.tar.gz"]
    predictor.delete_endpoint()


def pipeline_model():
    from sagemaker.pipeline import PipelineModel

    both = PipelineModel([model(2), model(5)], ROLE, sagemaker_session=session(), predictor_cls=Predictor)
    predictor = as_json(both.deploy(1, INSTANCE))
    assert predictor.predict([1, 2]) == [10, 20]
    predictor.delete_endpoint()


def response_stream():
    from sagemaker.iterators import LineIterator

    predictor = as_json(model(2).deploy(1, INSTANCE))
    lines = list(predictor.predict_stream([1, 2], iterator=LineIterator))
    assert json.loads(b"".join(line if isinstance(line, bytes) else line.encode() for line in lines)) == [2, 4]
    predictor.delete_endpoint()


# --- registry and records ---


def register():
    group = world.unique("group")
    package = model(4).register(
        content_types=["application/json"], response_types=["application/json"], inference_instances=[INSTANCE],
        transform_instances=[INSTANCE], model_package_group_name=group, description="times four",
    )
    package.update_approval_status("Approved")
    described = session().sagemaker_client.describe_model_package(ModelPackageName=package.model_package_arn)
    assert described["ModelApprovalStatus"] == "Approved" and described["ModelPackageVersion"] == 1
    again = sagemaker.ModelPackage(ROLE, model_package_arn=package.model_package_arn, sagemaker_session=session())
    again.predictor_cls = Predictor
    predictor = as_json(again.deploy(1, INSTANCE))
    assert predictor.predict([1, 2]) == [4, 8]
    predictor.delete_endpoint()


def lists():
    word = world.unique("listed")
    estimator = own("print('x')\n", base_job_name=word, tags=[{"Key": "owner", "Value": word}])
    estimator.fit()
    found = list(session().search(
        resource="TrainingJob", search_expression={"Filters": [{"Name": "Tags.owner", "Operator": "Equals", "Value": word}]})["Results"])
    assert [one["TrainingJob"]["TrainingJobName"] for one in found] == [estimator.latest_training_job.name]
    listed = session().sagemaker_client.list_training_jobs(NameContains=word, StatusEquals="Completed")["TrainingJobSummaries"]
    assert len(listed) == 1
