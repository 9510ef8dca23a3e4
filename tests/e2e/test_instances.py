"""Training and processing jobs of several instances: processes that find each other by name, each with its own
/opt/ml; a failure of one ends all; a killed server finds them again."""

import io
import json
import tarfile
import time

import botocore.exceptions
import pytest
import support

LIMIT = 30  # seconds
# The first host listens, as torch's TCPStore does; the others tell it what they have, and all leave something.
MEET = "exec(open('/opt/ml/input/data/code/meet.py').read())"
MEETING = """
import json, os, socket, time
ml = '/opt/ml/'
config = json.load(open(ml + 'input/config/resourceconfig.json'))
me, hosts = config['current_host'], config['hosts']
assert me == os.environ['SM_CURRENT_HOST'] and hosts == json.loads(os.environ['SM_HOSTS'])
mine = sorted(os.listdir(ml + 'input/data/train'))
print(me, mine)
if me == hosts[0]:
    listener = socket.create_server((me, 29500))
    said = sorted(listener.accept()[0].makefile().readline() for _ in hosts[1:])
    open(ml + 'model/said.json', 'w').write(json.dumps(said))
else:
    for attempt in range(200):
        try:
            store = socket.create_connection((hosts[0], 29500))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    store.sendall(json.dumps([me, mine]).encode() + b'\\n')
open(ml + 'model/' + me, 'w').write(me)
"""


def request(role, name, script, count=3, **more):
    channels = [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://many/in/", "S3DataType": "S3Prefix", "S3DataDistributionType": "ShardedByS3Key"}}},
        {"ChannelName": "code", "DataSource": {"S3DataSource": {"S3Uri": "s3://many/code/", "S3DataType": "S3Prefix"}}},
    ]
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": "img", "TrainingInputMode": "File", "ContainerEntrypoint": ["python3", "-c"], "ContainerArguments": [script]},
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": "s3://many/out"},
        "ResourceConfig": {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        **more,
    }


def role_and_data(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="many")
    for letter in "abcdef":
        s3.put_object(Bucket="many", Key=f"in/{letter}.csv", Body=b"1")
    s3.put_object(Bucket="many", Key="code/meet.py", Body=MEETING.encode())
    return support.role_for_jobs(server.client("iam"))


@pytest.fixture(scope="module")
def role(server):
    return role_and_data(server)


def ended(server, name):
    deadline = time.monotonic() + LIMIT
    while True:
        job = server.client("sagemaker").describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def test_hosts_meet_and_share_the_data(server, role):
    server.client("sagemaker").create_training_job(**request(role, "meet", MEET))
    job = ended(server, "meet")
    assert job["TrainingJobStatus"] == "Completed", job
    archive = server.client("s3").get_object(Bucket="many", Key="out/meet/output/model.tar.gz")["Body"].read()
    model = tarfile.open(fileobj=io.BytesIO(archive))
    assert sorted(model.getnames()) == ["algo-1", "algo-2", "algo-3", "said.json"]
    said = [json.loads(line) for line in json.load(model.extractfile("said.json"))]
    assert said == [["algo-2", ["b.csv", "e.csv"]], ["algo-3", ["c.csv", "f.csv"]]]
    logs = server.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="meet/")["logStreams"]
    assert [s["logStreamName"].rsplit("-", 1)[0] for s in streams] == ["meet/algo-1", "meet/algo-2", "meet/algo-3"]
    third = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[2]["logStreamName"])["events"]
    assert third[0]["message"] == "algo-3 ['c.csv', 'f.csv']"


def test_a_failure_of_one_ends_all(server, role):
    script = "import os, sys, time; me = os.environ['SM_CURRENT_HOST']; me == 'algo-2' and (open('/opt/ml/output/failure', 'w').write('no luck'), sys.exit(3)); time.sleep(600)"
    server.client("sagemaker").create_training_job(**request(role, "unlucky", script))
    job = ended(server, "unlucky")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no luck, exit code: 3"


def test_what_cannot_be_is_refused_at_creation(server, role):
    sagemaker = server.client("sagemaker")
    with pytest.raises(botocore.exceptions.ClientError, match="ResourceLimitExceeded.*'ml.m5.large for training job usage' is 20 Instances"):
        sagemaker.create_training_job(**request(role, "crowd", "", count=21))
    with pytest.raises(botocore.exceptions.ClientError, match="EnableNetworkIsolation with several instances"):
        sagemaker.create_training_job(**request(role, "apart", "", EnableNetworkIsolation=True))


def test_processing_hosts(server, role):
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    script = (
        "import json, shutil; shutil.copytree('/opt/ml/processing/in', '/opt/ml/processing/out', dirs_exist_ok=True); "
        "me = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']; "
        "open('/opt/ml/processing/out/' + me, 'w').write(me)"
    )
    sagemaker.create_processing_job(
        ProcessingJobName="split",
        RoleArn=role,
        AppSpecification={"ImageUri": "img", "ContainerEntrypoint": ["python3", "-c"], "ContainerArguments": [script]},
        ProcessingInputs=[{"InputName": "in", "S3Input": {"S3Uri": "s3://many/in/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix", "S3InputMode": "File", "S3DataDistributionType": "ShardedByS3Key"}}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://many/split", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}}]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    deadline = time.monotonic() + LIMIT
    while (job := sagemaker.describe_processing_job(ProcessingJobName="split"))["ProcessingJobStatus"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job["ProcessingJobStatus"] == "Completed", job
    keys = [o["Key"].rsplit("/", 1)[1] for o in s3.list_objects_v2(Bucket="many", Prefix="split/")["Contents"]]
    assert keys == ["a.csv", "algo-1", "algo-2", "b.csv", "c.csv", "d.csv", "e.csv", "f.csv"]


def test_a_killed_server_finds_them_again(tmp_path):
    server = support.Server(tmp_path / "data").start()
    try:
        role = role_and_data(server)
        script = "import os, time; print('here', flush=True); time.sleep(2); open('/opt/ml/model/' + os.environ['SM_CURRENT_HOST'], 'w').write('x')"
        server.client("sagemaker").create_training_job(**request(role, "survivors", script, count=2))
        server.kill()  # before, between or after the launches of the two
        server.start()
        deadline = time.monotonic() + LIMIT
        running = lambda: server.client("sagemaker").describe_training_job(TrainingJobName="survivors")["SecondaryStatus"]
        while running() != "Training":
            assert time.monotonic() < deadline, running()
            time.sleep(0.02)
        server.kill()
        server.start()
        assert ended(server, "survivors")["TrainingJobStatus"] == "Completed"
        archive = server.client("s3").get_object(Bucket="many", Key="out/survivors/output/model.tar.gz")["Body"].read()
        assert sorted(tarfile.open(fileobj=io.BytesIO(archive)).getnames()) == ["algo-1", "algo-2"]
    finally:
        server.stop()
