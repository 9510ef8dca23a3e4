"""The rows of docs/sagemaker-conformance.md: what each shows. How a client does it stands in the module of the client."""

import dataclasses

CLIENTS = {"sdk2": "SDK 2", "sdk3": "SDK 3", "boto3": "boto3", "cli": "AWS CLI"}


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    group: str
    shows: str


def rows(group, **shown):
    return [Row(name.replace("_", "-"), group, text) for name, text in shown.items()]


ROWS = [
    *rows(
        "The session",
        default_bucket="the default bucket: files sent there and read back; nothing goes to an address of AWS",
    ),
    *rows(
        "K-Means",
        kmeans_train="training on recordio-protobuf, waiting with logs",
        kmeans_endpoint="deploying, predicting, deleting endpoint and model",
        kmeans_transform="a batch transform of CSV, a line of JSON each",
        missing_data="training on a prefix without objects is refused at once",
        other_algorithms="another built-in algorithm is refused, and why",
    ),
    *rows(
        "Scripts that train",
        sklearn_train="scikit-learn: a source directory, hyperparameters of each type, metrics, the artifact",
        sklearn_endpoint="its endpoint, by the training script's own model_fn",
        sklearn_transform="its batch transform",
        xgboost_script="XGBoost: a script that trains, and its endpoint",
        tensorflow_script="TensorFlow: a script that trains",
        own_image="an image that nobody has here: requirements.txt and script run with this machine's Python",
        requirements="requirements.txt of a framework's script",
        checkpoints="a spot job with checkpoints",
        failing_script="a script that fails: the error that the client raises has the script's own",
        stop_and_attach="a job that is stopped, and found again by its name",
    ),
    *rows(
        "Processing",
        processor="an entry point and arguments, inputs and outputs",
        script_processor="a script",
        sklearn_processor="a script in scikit-learn's image",
        framework_processor="a source directory, run by the SDK's runproc.sh",
        two_instances="two instances, inputs sharded over them",
        published_preprocessing="a script that imports sagemaker.amazon.common, as the published sample's does",
    ),
    *rows(
        "Tuning",
        tuning_bayesian="Bayesian, and the best job's model deployed",
        tuning_random="random, and every job's row in the analytics",
        tuning_grid="grid",
        tuning_hyperband="Hyperband",
        tuning_early_stopping="early stopping Auto",
        tuning_warm_start="warm start from another tuning job",
        tuning_autotune="autotune",
    ),
    *rows(
        "Hosting",
        formats="CSV, JSON, JSON Lines and NPY, there and back",
        update_endpoint="an endpoint moved to another model",
        serverless="a serverless endpoint",
        asynchronous="an asynchronous endpoint: the answer, and a failure, in S3",
        data_capture="data capture",
        multi_model="a multi-model endpoint: a model added while it serves",
        pipeline_model="a pipeline of two models",
        response_stream="an answer as a stream",
    ),
    *rows(
        "Registry and records",
        register="a model registered, approved and deployed by its package",
        lists="jobs by name, status and tag; Search",
        delete_job="a training job deleted",
    ),
]
