"""The server dies by SIGKILL at random moments of a run. Started again, it goes on: the run succeeds, no step runs
twice, and nothing half-written is visible."""

import hashlib
import os
import random
import time

import support

KILLS = int(os.environ.get("MILLRACE_KILLS", "6"))
SEED = int(os.environ.get("MILLRACE_SEED", str(time.time_ns() % 1_000_000)))

MADE_BY_ONE_RUN = {
    "processing_jobs": 1,
    "hyper_parameter_tuning_jobs": 1,
    "training_jobs": 4,  # three of the tuning job, one final
    "transform_jobs": 1,
    "models": 1,
    "endpoint_configs": 1,
    "endpoints": 1,
}


def counts(server):
    sagemaker = server.client("sagemaker", attempts=8)
    return {
        name: sum(
            len(next(value for value in page.values() if isinstance(value, list)))
            for page in sagemaker.get_paginator(f"list_{name}").paginate()
        )
        for name in MADE_BY_ONE_RUN
    }


def assert_objects_are_whole(server, bucket):
    s3 = server.client("s3")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            digest, size = hashlib.md5(), 0
            for part in s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].iter_chunks(1 << 20):
                digest.update(part)
                size += len(part)
            assert size == entry["Size"], entry
            tag = entry["ETag"].strip('"')
            assert "-" in tag or tag == digest.hexdigest(), entry


def test_runs_survive_the_server(server, arguments):
    started = time.monotonic()
    first = support.wait_for_run(server, support.start_run(server, arguments))
    assert first["state"] == "SUCCEEDED", support.why(server, first["run_id"])
    usual = time.monotonic() - started
    made = counts(server)
    assert made == MADE_BY_ONE_RUN

    chance = random.Random(SEED)
    print(f"MILLRACE_SEED={SEED}, {KILLS} kills within {usual:.1f} s of a run's start")
    for kill in range(KILLS):
        # One moment in each part of the run, so that no part is left out by chance.
        moment = usual * (kill + chance.random()) / KILLS
        run_id = support.start_run(server, arguments)
        time.sleep(moment)
        server.kill()
        time.sleep(chance.random() * 0.5)  # some children end while no server is there
        server.start()
        where = f"killed after {moment:.2f} s (MILLRACE_SEED={SEED}, kill {kill})"
        run = support.wait_for_run(server, run_id)
        assert run["state"] == "SUCCEEDED", f"{where}: {support.why(server, run_id)}"
        now = counts(server)
        assert {name: now[name] - made[name] for name in now} == MADE_BY_ONE_RUN, where
        made = now
        assert_objects_are_whole(server, arguments["bucket"])


def test_two_deaths_in_one_run(server, arguments):
    chance = random.Random(SEED + 1)
    before = counts(server)
    run_id = support.start_run(server, arguments)
    for _ in range(2):
        time.sleep(0.2 + chance.random())
        server.kill()
        server.start()
    run = support.wait_for_run(server, run_id)
    assert run["state"] == "SUCCEEDED", f"MILLRACE_SEED={SEED}: {support.why(server, run_id)}"
    now = counts(server)
    assert {name: now[name] - before[name] for name in now} == MADE_BY_ONE_RUN


def test_what_was_acknowledged_is_there(server):
    """Objects and users whose creation was answered, just before the server died."""
    s3, iam = server.client("s3"), server.client("iam")
    s3.create_bucket(Bucket="acknowledged")
    for i in range(20):
        s3.put_object(Bucket="acknowledged", Key=f"key-{i}", Body=os.urandom(100_000 + i))
        iam.create_user(UserName=f"user-{i}")
    server.kill()
    server.start()
    names = {u["UserName"] for page in server.client("iam").get_paginator("list_users").paginate() for u in page["Users"]}
    assert {f"user-{i}" for i in range(20)} <= names
    listed = server.client("s3").list_objects_v2(Bucket="acknowledged")
    assert listed["KeyCount"] == 20
    assert_objects_are_whole(server, "acknowledged")
