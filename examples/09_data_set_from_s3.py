"""A data set that lies in S3: uploaded by boto3, imported into a run as an artifact, read by a step. The second run has the
same inputs, so its step is answered from the cache."""

import boto3
from common import allow_steps, run
from kfp import dsl
from kfp.dsl import Dataset, Input

BUCKET = "examples-data"


@dsl.component
def total(data: Input[Dataset]) -> int:
    with open(data.path) as file:
        return sum(int(line.split(",")[1]) for line in file)


@dsl.pipeline
def sums(uri: str) -> int:
    data = dsl.importer(artifact_uri=uri, artifact_class=Dataset)
    return total(data=data.output).output


if __name__ == "__main__":
    allow_steps(boto3.client("iam"), "AmazonS3ReadOnlyAccess")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="sales.csv", Body="monday,3\ntuesday,4\n")
    for _ in range(2):
        done = run(sums, {"uri": f"s3://{BUCKET}/sales.csv"}, enable_caching=True)
        print(f"{done.state}: millrace get {done.run_id} total")
