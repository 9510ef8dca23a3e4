"""SageMaker from boto3, without a pipeline: two clouds of points, the built-in K-Means, an endpoint that tells them apart."""

import json
import random
import time

import boto3
from common import role_for_jobs, wait_for_training

BUCKET = "examples-kmeans"
IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"


def points():
    rng = random.Random(1)
    return [[rng.gauss(centre, 0.1), rng.gauss(centre, 0.1)] for centre in (0, 5) for _ in range(100)]


def as_csv(rows):
    return "\n".join(",".join(f"{value:.4f}" for value in row) for row in rows)


def main():
    s3, sagemaker, runtime = boto3.client("s3"), boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    role = role_for_jobs(boto3.client("iam"))
    name = f"clouds-{int(time.time())}"
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/points.csv", Body=as_csv(points()))

    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={"k": "2", "feature_dim": "2"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "ContentType": "text/csv;label_size=0",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    job = wait_for_training(sagemaker, name)

    model = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, PrimaryContainer=model, ExecutionRoleArn=role)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=as_csv([[0, 0], [5, 5]]))
    clusters = [int(p["closest_cluster"]) for p in json.loads(answer["Body"].read())["predictions"]]
    print("clusters of the two centres:", "different" if clusters[0] != clusters[1] else "the same")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


if __name__ == "__main__":
    main()
