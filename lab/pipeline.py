"""The lab's pipeline: MNIST digits sorted into ten clusters by SageMaker's K-Means, from raw data to an endpoint.

    process -> hyperparameter tuning -> training -> model -> endpoint
                                                         -> batch transform

Compile it with the kfp SDK and kfp-kubernetes (requirements.txt):

    python pipeline.py mnist_classification.yaml
"""

import pathlib
import sys

from kfp import compiler, components, dsl, kubernetes

COMPONENTS = pathlib.Path(__file__).resolve().parent / "components"
process_op = components.load_component_from_file(str(COMPONENTS / "process.yaml"))
tune_op = components.load_component_from_file(str(COMPONENTS / "hyperparameter_tuning.yaml"))
train_op = components.load_component_from_file(str(COMPONENTS / "train.yaml"))
model_op = components.load_component_from_file(str(COMPONENTS / "model.yaml"))
deploy_op = components.load_component_from_file(str(COMPONENTS / "deploy.yaml"))
transform_op = components.load_component_from_file(str(COMPONENTS / "batch_transform.yaml"))

SAMPLE_DATA = "s3://sagemaker-sample-files/datasets/image/MNIST/mnist.pkl.gz"
KMEANS_IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
PYTHON_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1.5.0-cpu-py36-ubuntu16.04"


def processing_input(name, uri, folder):
    """An object that SageMaker downloads into `folder` before the job starts."""
    return {
        "InputName": name,
        "S3Input": {"S3Uri": uri, "LocalPath": folder, "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }


def processing_output(name, uri, folder):
    """A folder whose files SageMaker uploads below `uri` when the job ends."""
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": folder, "S3UploadMode": "EndOfJob"},
    }


def channel(name, uri):
    """A training channel: every instance gets all objects below `uri`."""
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
        },
        "CompressionType": "None",
        "RecordWrapperType": "None",
        "InputMode": "File",
    }


def as_kf_smuser(task, title):
    """Gives the task its name in the graph and the AWS keys of the Secret `aws-secret`. Its results are not cached:
    a run makes its own jobs."""
    kubernetes.use_secret_as_env(
        task,
        secret_name="aws-secret",
        secret_key_to_env={
            "AWS_ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY",
        },
    )
    return task.set_display_name(title).set_caching_options(False)


@dsl.pipeline(
    name="mnist-classification",
    display_name="MNIST Classification",
    description="Sorts the MNIST digits into ten clusters with SageMaker's K-Means and puts the model behind an endpoint.",
)
def mnist_classification(
    role_arn: str,
    bucket: str,
    region: str = "us-east-1",
    instance_type: str = "ml.m5.2xlarge",
):
    """MNIST Classification.

    Args:
        role_arn: ARN of the role that SageMaker's jobs act as.
        bucket: Name of the bucket that holds the processing script and takes all results.
        region: AWS region of the SageMaker resources.
        instance_type: Machine type of every job.
    """
    base = f"s3://{bucket}/mnist_kmeans_example"
    code, data = "/opt/ml/processing/code", "/opt/ml/processing"

    process = as_kf_smuser(
        process_op(
            region=region,
            role=role_arn,
            image=PYTHON_IMAGE,
            instance_type=instance_type,
            container_entrypoint=["python3", f"{code}/kmeans_preprocessing.py"],
            input_config=[
                processing_input("mnist", SAMPLE_DATA, f"{data}/input"),
                processing_input("source_code", f"{base}/processing_code/kmeans_preprocessing.py", code),
            ],
            output_config=[
                processing_output("train_data", f"{base}/", f"{data}/output_train"),
                processing_output("test_data", f"{base}/", f"{data}/output_test"),
                processing_output("valid_data", f"{base}/input/", f"{data}/output_valid"),
            ],
        ),
        "Prepare data",
    )

    tune = as_kf_smuser(
        tune_op(
            region=region,
            role=role_arn,
            image=KMEANS_IMAGE,
            strategy="Bayesian",
            metric_name="test:msd",
            metric_type="Minimize",
            static_parameters={"k": "10", "feature_dim": "784"},
            integer_parameters=[
                {"Name": "mini_batch_size", "MinValue": "500", "MaxValue": "600"},
                {"Name": "extra_center_factor", "MinValue": "10", "MaxValue": "20"},
            ],
            categorical_parameters=[{"Name": "init_method", "Values": ["random", "kmeans++"]}],
            channels=[channel("train", f"{base}/train_data"), channel("test", f"{base}/test_data")],
            output_location=f"{base}/output",
            instance_type=instance_type,
            max_num_jobs=3,
            max_parallel_jobs=2,
        ).after(process),
        "Tune hyperparameters",
    )

    train = as_kf_smuser(
        train_op(
            region=region,
            role=role_arn,
            image=KMEANS_IMAGE,
            hyperparameters=tune.outputs["best_hyperparameters"],
            channels=[channel("train", f"{base}/train_data"), channel("test", f"{base}/test_data")],
            model_artifact_path=f"{base}/output",
            instance_type=instance_type,
        ),
        "Train",
    )

    model = as_kf_smuser(
        model_op(
            region=region,
            role=role_arn,
            model_name=train.outputs["job_name"],
            image=train.outputs["training_image"],
            model_artifact_url=train.outputs["model_artifact_url"],
        ),
        "Create model",
    )

    as_kf_smuser(
        deploy_op(region=region, model_name_1=model.outputs["model_name"], instance_type_1=instance_type),
        "Deploy endpoint",
    )

    as_kf_smuser(
        transform_op(
            region=region,
            model_name=model.outputs["model_name"],
            instance_type=instance_type,
            batch_strategy="MultiRecord",
            input_location=f"{base}/input",
            content_type="text/csv",
            split_type="Line",
            output_location=f"{base}/output",
        ),
        "Batch transform",
    )


if __name__ == "__main__":
    compiler.Compiler().compile(mnist_classification, sys.argv[1])
