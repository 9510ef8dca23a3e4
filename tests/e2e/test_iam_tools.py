"""`millrace iam`: what a run would be denied, why a call was denied, and the smallest policies that are enough."""

import json
import subprocess

import kubernetes
import pytest

import support

PIPELINE = support.LAB / "mnist_classification.yaml"
AWS_POLICY = "arn:aws:iam::aws:policy/"
ONLY_EC2 = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def iam_tool(server, *arguments, code=0):
    command = [support.MILLRACE, "iam", *arguments, "--data-dir", server.data_dir]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def preflight(server, arguments, code, **changed):
    given = [word for name, value in {**arguments, **changed}.items() for word in ("-p", f"{name}={value}")]
    answer = iam_tool(server, "preflight", str(PIPELINE), *given, "--json", code=code)
    return {step["task"]: [c for c in step["calls"] if not c["allowed"]] for step in answer["steps"]}


@pytest.fixture(scope="module")
def run_id(server, arguments):
    run = support.start_run(server, arguments)
    assert support.wait_for_run(server, run)["state"] == "SUCCEEDED", support.why(server, run)
    return run


def test_preflight_of_what_passes(server, arguments, run_id):
    denied = preflight(server, arguments, 0)
    assert list(denied) == ["Prepare data", "Tune hyperparameters", "Train", "Create model", "Batch transform", "Deploy endpoint"]
    assert not any(denied.values()), denied
    # What was foreseen is what was then asked: the calls of the run are among those of the preflight, but for the logs.
    answer = iam_tool(server, "least-privilege", "--run", run_id, "--json")
    asked = {call["action"] for one in answer["principals"] for call in one["calls"] if not call["action"].startswith("logs:")}
    given = [word for name, value in arguments.items() for word in ("-p", f"{name}={value}")]
    steps = iam_tool(server, "preflight", str(PIPELINE), *given, "--json")["steps"]
    assert asked == {call["action"] for step in steps for call in step["calls"]}


def test_preflight_names_what_is_missing(server, arguments, run_id):
    """The same that tests/e2e/test_lab_iam.py shows of real runs."""
    iam = server.client("iam")
    role, role_arn = support.worker_role(iam)

    arn = AWS_POLICY + "AmazonSageMakerFullAccess"
    iam.detach_user_policy(UserName="kf-smuser", PolicyArn=arn)
    denied = preflight(server, arguments, 1)
    assert ("sagemaker:CreateProcessingJob", "no identity-based policy allows it") in [
        (call["action"], call["because"]) for call in denied["Prepare data"]
    ]
    assert "iam:PassRole" in [call["action"] for call in denied["Train"]]
    iam.attach_user_policy(UserName="kf-smuser", PolicyArn=arn)

    for name in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.detach_role_policy(RoleName=role, PolicyArn=AWS_POLICY + name)
    denied = preflight(server, arguments, 1)
    assert [(c["action"], c["as"].split("/")[-1]) for c in denied["Prepare data"]][0] == ("s3:ListBucket", "SageMaker")
    assert {c["action"] for calls in denied.values() for c in calls} == {"s3:ListBucket", "s3:GetObject", "s3:PutObject"}
    for name in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.attach_role_policy(RoleName=role, PolicyArn=AWS_POLICY + name)

    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(ONLY_EC2))
    denied = preflight(server, arguments, 1)
    assert [(c["action"], c["resource"]) for c in denied["Train"]] == [("sts:AssumeRole", role_arn)]
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(support.TRUST))

    denied = preflight(server, arguments, 1, role_arn="arn:aws:iam::123456789012:role/nobody")
    assert "nobody" in denied["Prepare data"][0]["because"]

    secrets = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(config_file=server.environment()["KUBECONFIG"]))
    kept = secrets.read_namespaced_secret("aws-secret", "kubeflow").data
    secrets.delete_namespaced_secret("aws-secret", "kubeflow")
    denied = preflight(server, arguments, 1)
    assert all('"aws-secret" not found' in calls[0]["because"] for calls in denied.values()), denied
    metadata = kubernetes.client.V1ObjectMeta(name="aws-secret")
    secrets.create_namespaced_secret("kubeflow", kubernetes.client.V1Secret(metadata=metadata, data=kept))
    assert not any(preflight(server, arguments, 0).values())


def test_the_smallest_policies_are_enough_and_smallest(server, arguments, run_id):
    answer = iam_tool(server, "least-privilege", "--run", run_id, "--verify", "--json")
    assert answer["verified"] is True and answer["complete"] is True
    iam = server.client("iam")
    role, role_arn = support.worker_role(iam)
    documents = {one["principal"]: one["document"] for one in answer["principals"]}
    user_arn = "arn:aws:iam::123456789012:user/kf-smuser"
    assert set(documents) == {role_arn, user_arn}
    assert all(one["bytes"] <= 6144 for one in answer["principals"])

    # Without any one of its actions, or any one of its resources, a policy denies a call that the run made.
    calls = {one["principal"]: one["calls"] for one in answer["principals"]}
    for principal, document in documents.items():
        assert not denied_by(iam, document, calls[principal])
        for at, statement in enumerate(document["Statement"]):
            for member in ("Action", "Resource"):
                texts = statement[member] if isinstance(statement[member], list) else [statement[member]]
                for text in texts:
                    less = json.loads(json.dumps(document))
                    rest = [t for t in texts if t != text]
                    if rest:
                        less["Statement"][at][member] = rest
                    else:
                        del less["Statement"][at]
                    less = less if less["Statement"] else None
                    assert less is None or denied_by(iam, less, calls[principal]), f"{principal} needs no {text}"

    # And with nothing but them, really attached, the pipeline passes.
    for name in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.detach_role_policy(RoleName=role, PolicyArn=AWS_POLICY + name)
    iam.detach_user_policy(UserName="kf-smuser", PolicyArn=AWS_POLICY + "AmazonSageMakerFullAccess")
    for kind, principal, attach in (
        ("role", role_arn, lambda arn: iam.attach_role_policy(RoleName=role, PolicyArn=arn)),
        ("user", user_arn, lambda arn: iam.attach_user_policy(UserName="kf-smuser", PolicyArn=arn)),
    ):
        made = iam.create_policy(PolicyName=f"smallest-{kind}", PolicyDocument=json.dumps(documents[principal]))
        attach(made["Policy"]["Arn"])
    others = [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    assert not [arn for arn in others if "S3" in arn or "SageMaker" in arn], others
    again = support.start_run(server, arguments)
    assert support.wait_for_run(server, again)["state"] == "SUCCEEDED", support.why(server, again)


def denied_by(iam, document, calls):
    """Those of the calls that the policy denies, by the simulator."""
    denied = []
    for call in calls:
        entries = []
        if "passed_to" in call:
            entries = [{"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string", "ContextKeyValues": [call["passed_to"]]}]
        answer = iam.simulate_custom_policy(
            PolicyInputList=[json.dumps(document)], ActionNames=[call["action"]], ResourceArns=[call["resource"]], ContextEntries=entries
        )
        denied += [call for result in answer["EvaluationResults"] if result["EvalDecision"] != "allowed"]
    return denied


def test_explain(server, arguments, run_id):
    """After the test above: with the smallest policies and without one of their statements."""
    iam = server.client("iam")
    arn = "arn:aws:iam::123456789012:policy/smallest-role"
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    document["Statement"] = [s for s in document["Statement"] if "s3:GetObject" not in s["Action"]]
    document["Statement"].append({"Sid": "Elsewhere", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::elsewhere/*"})
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    document["Statement"].append({"Sid": "Abroad", "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    run = support.start_run(server, arguments)
    assert support.wait_for_run(server, run)["state"] == "FAILED"

    (decision,) = iam_tool(server, "explain", "--run", run, "--json")["decisions"]
    assert (decision["action"], decision["allowed"], decision["rule"]) == ("s3:GetObject", False, "no_identity_policy")
    assert decision["run"] == run and decision["role"] == support.worker_role(iam)[1]
    of_policy = {s["sid"]: s for s in decision["statements"] if s["policy"] == arn}
    elsewhere, abroad = of_policy["Elsewhere"], of_policy["Abroad"]
    assert (elsewhere["action_matches"], elsewhere["resource_matches"], elsewhere["applies"]) == (True, False, False)
    assert (abroad["action_matches"], abroad["resource_matches"], abroad["conditions_hold"]) == (True, True, False)
    assert abroad["conditions"][0]["wanted"] == ["eu-west-1"]

    text = iam_tool(server, "explain", "--run", run)
    for wanted in ("✗ denied s3:GetObject on arn:aws:s3:::", "no identity-based policy allows it", arn,
                   "Allow Elsewhere: does not apply", "✗ resource arn:aws:s3:::elsewhere/*", "StringEquals aws:RequestedRegion eu-west-1"):
        assert wanted in text, text

    # A request of one's own, by the id that its answer carried.
    answer = iam.list_users(MaxItems=1)
    request = answer["ResponseMetadata"]["RequestId"]
    (decision,) = iam_tool(server, "explain", request, "--json")["decisions"]
    assert (decision["action"], decision["allowed"], decision["rule"]) == ("iam:ListUsers", True, "root_of_account")
    assert f"request {request}" in iam_tool(server, "explain", request)
    assert "iam:ListUsers" in iam_tool(server, "explain", "--allowed", "--list", "-n", "5")
    iam_tool(server, "explain", "no-such-request", code=5)


def test_the_door_is_its_owners(server):
    for path, method in (("decisions", "GET"), ("runs/x/policies", "GET"), ("runs/x/verify", "POST"), ("preflight", "POST")):
        for headers in ((), [("Authorization", "Bearer x")]):
            status, text = server.request(f"/millrace/identity/{path}", {} if method == "POST" else None, method, headers)
            assert status == 401 and "millrace iam" in text, (path, text)
    command = [support.MILLRACE, "iam", "explain", "--data-dir", f"{server.data_dir}-none"]
    assert subprocess.run(command, capture_output=True).returncode == 4


def test_each_session_policy_is_told_apart(server):
    """A session may have several; the statement that decided is shown as it stands in its own."""
    iam = server.client("iam")
    user = iam.create_user(UserName="limited")["User"]["Arn"]
    key = iam.create_access_key(UserName="limited")["AccessKey"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="limited", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="limited", PolicyArn=AWS_POLICY + "AmazonS3FullAccess")
    denies = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}]}
    arn = iam.create_policy(PolicyName="denies", PolicyDocument=json.dumps(denies))["Policy"]["Arn"]
    reads = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    sts = server.client("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    given = sts.assume_role(RoleArn=role, RoleSessionName="limited", Policy=json.dumps(reads), PolicyArns=[{"arn": arn}])["Credentials"]
    import boto3

    s3 = boto3.session.Session().client(
        "s3", region_name="us-east-1", endpoint_url=server.endpoint, aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"], aws_session_token=given["SessionToken"])
    with pytest.raises(s3.exceptions.ClientError) as denied:
        s3.list_buckets()
    request = denied.value.response["ResponseMetadata"]["RequestId"]
    (decision,) = iam_tool(server, "explain", request, "--json")["decisions"]
    told = [(s["policy"], s.get("action"), s.get("not_action"), s["decided"]) for s in decision["statements"] if s["kind"] == "session policy"]
    assert told == [("session policy", ["s3:*"], None, False), ("session policy 2", None, ["s3:Get*"], True)], told
    text = iam_tool(server, "explain", request)
    assert "session policy 2" in text and "✓ action other than s3:Get*" in text, text
