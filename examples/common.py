"""What the examples share: a client, a run that is waited for, a role for SageMaker's jobs, a policy for
steps, a Secret."""

import base64
import json
import os
import subprocess
import sys
import time

import kfp

TIME_LIMIT = 120  # seconds


def client():
    if "KF_PIPELINES_ENDPOINT" not in os.environ:
        sys.exit('no server is named: run `millrace serve &`, then `eval "$(millrace env)"`')
    return kfp.Client()


def run(pipeline, arguments=None, expect="SUCCEEDED", **options):
    """Starts a run of the function, waits for its end and returns it as the API has it."""
    kfp_client = client()
    started = kfp_client.create_run_from_pipeline_func(pipeline, arguments=arguments or {}, **options)
    return wait(kfp_client, started.run_id, expect)


def wait(kfp_client, run_id, expect="SUCCEEDED"):
    deadline = time.monotonic() + TIME_LIMIT
    while (found := kfp_client.get_run(run_id)).state not in ("SUCCEEDED", "FAILED", "CANCELED"):
        if time.monotonic() > deadline:
            sys.exit(f"the run {run_id} is {found.state} after {TIME_LIMIT} s")
        time.sleep(0.1)
    if found.state != expect:
        sys.exit(f"the run ended {found.state}: millrace get {run_id}")
    return found


def wait_for_training(sagemaker, name):
    """Waits for a training job's end, prints how it ended and returns its description."""
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": TIME_LIMIT}
    )
    job = sagemaker.describe_training_job(TrainingJobName=name)
    print(name, job["TrainingJobStatus"], job.get("FailureReason", ""))
    return job


def role_for_jobs(iam, name="examples-job"):
    """The ARN of a role that SageMaker's jobs may have, with all of S3; made at first use."""
    service = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [service]}))
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    return iam.get_role(RoleName=name)["Role"]["Arn"]


def allow_steps(iam, policy):
    """Attaches AWS's managed policy to the worker node's role, whose rights the steps of pipelines have."""
    roles = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    node = next(name for name in roles if name.startswith("eksctl-") and "NodeInstanceRole" in name)
    iam.attach_role_policy(RoleName=node, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")


def make_secret(name, values):
    """As `kubectl create secret generic`, also where the Secret is there already."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "kubeflow"},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }
    subprocess.run(["kubectl", "apply", "-f", "-"], input=json.dumps(secret), text=True, check=True, stdout=subprocess.DEVNULL)
