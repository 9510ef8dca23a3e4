"""Recurring runs by the SDK, in real time: a run each second, macros, catching up, and a server that is killed meanwhile."""

import datetime
import json
import random
import subprocess
import time

import pytest
from kfp import compiler, dsl

import support


@dsl.container_component
def say(text: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", 'printf %s "$0" > "$1"'], args=[text, out])


@dsl.pipeline(name="says")
def says(text: str = "nothing"):
    say(text=text)


@dsl.container_component
def sleep(seconds: str):
    return dsl.ContainerSpec(image="busybox", command=["sleep"], args=[seconds])


@dsl.pipeline(name="slow")
def slow(seconds: str = "0.5"):
    sleep(seconds=seconds)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    made = {}
    for pipeline in (says, slow):
        made[pipeline.name] = str(tmp_path_factory.mktemp("package") / f"{pipeline.name}.yaml")
        compiler.Compiler().compile(pipeline, made[pipeline.name])
    return made


@pytest.fixture(scope="module")
def client(server):
    return server.kfp()


@pytest.fixture(scope="module")
def experiment(client):
    return client.create_experiment("recurring").experiment_id


def runs_of(client, recurring, ended=True):
    """Its runs, the first first."""
    by_parent = {"predicates": [{"operation": "EQUALS", "key": "recurring_run_id", "stringValue": recurring}]}
    runs = client.list_runs(page_size=200, sort_by="scheduled_at", filter=json.dumps(by_parent)).runs or []
    return [run for run in runs if not ended or run.state in support.FINAL]


def wait_for_runs(client, recurring, count, limit=30):
    deadline = time.monotonic() + limit
    while len(found := runs_of(client, recurring)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} runs: {client.get_recurring_run(recurring)}"
        time.sleep(0.05)
    return found


def before_now(**ago):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)).replace(microsecond=0)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_run_each_second(client, experiment, packages):
    made = client.create_recurring_run(
        experiment, "Each Second", interval_second=1, max_concurrency=5, pipeline_package_path=packages["says"],
        params={"text": "[[Index]] [[ScheduledTime]] [[RunUUID]] {{$.scheduledTime.strftime('%s')}}"},
    )
    runs = wait_for_runs(client, made.recurring_run_id, 3)[:3]
    client.disable_recurring_run(made.recurring_run_id)
    for index, run in enumerate(runs, 1):
        at = made.created_at.replace(microsecond=0) + datetime.timedelta(seconds=index)
        assert (run.state, run.scheduled_at, run.recurring_run_id) == ("SUCCEEDED", at, made.recurring_run_id)
        # It is punctual, as far as a busy machine can be.
        assert datetime.timedelta(0) <= run.created_at - at <= datetime.timedelta(seconds=10)
        said = f"{index} {at.strftime('%Y%m%d%H%M%S')} {run.run_id} {int(at.timestamp())}"
        assert run.runtime_config.parameters == {"text": said}
        assert run.display_name.startswith("eachsecond") and f"-{index}-" in run.display_name
        assert run.experiment_id == experiment
    time.sleep(0.3)  # one that was being started
    count = len(runs_of(client, made.recurring_run_id, ended=False))
    time.sleep(1.2)
    assert len(runs_of(client, made.recurring_run_id, ended=False)) == count, "it was disabled"


def test_catching_up_or_not(client, experiment, packages):
    begin = before_now(hours=5, minutes=1)
    make = lambda name, **options: client.create_recurring_run(
        experiment, name, start_time=text(begin), pipeline_package_path=packages["says"], **options
    ).recurring_run_id
    each = make("each", interval_second=3600)
    newest = make("newest", cron_expression="@every 1h", no_catchup=True)
    hours = [begin + datetime.timedelta(hours=n) for n in range(1, 6)]
    assert [r.scheduled_at for r in wait_for_runs(client, each, 5)] == hours
    assert [r.scheduled_at for r in wait_for_runs(client, newest, 1)] == hours[-1:]
    for recurring in (each, newest):
        client.delete_recurring_run(recurring)
    assert len(runs_of(client, each)) == 5, "its runs stay"


def test_how_many_run_side_by_side(client, experiment, packages):
    begin = before_now(hours=6, minutes=1)
    recurring = client.create_recurring_run(
        experiment, "two", start_time=text(begin), interval_second=3600, max_concurrency=2,
        pipeline_package_path=packages["slow"], params={"seconds": "0.3"}, enable_caching=False,
    ).recurring_run_id
    most = 0
    while len(runs_of(client, recurring)) < 6:
        under_way = [r for r in runs_of(client, recurring, ended=False) if r.state not in support.FINAL]
        most = max(most, len(under_way))
    assert most == 2
    client.delete_recurring_run(recurring)


def test_each_time_once_though_the_server_is_killed(server, client, experiment, packages):
    seed = time.time_ns() % 1_000_000
    chance = random.Random(seed)
    recurring = client.create_recurring_run(
        experiment, "killed", interval_second=1, max_concurrency=10, pipeline_package_path=packages["says"],
        params={"text": "[[Index]]"},
    )
    for _ in range(6):
        time.sleep(0.3 + chance.random())
        server.kill()
        time.sleep(chance.random())
        server.start()
    wait_for_runs(client, recurring.recurring_run_id, 6)
    client.disable_recurring_run(recurring.recurring_run_id)
    time.sleep(0.3)
    runs = runs_of(client, recurring.recurring_run_id, ended=False)
    begin = recurring.created_at.replace(microsecond=0)
    for index, run in enumerate(runs, 1):
        run = support.wait_for_run(server, run.run_id)
        at = text(begin + datetime.timedelta(seconds=index))
        where = f"run {index}, seed {seed}"
        assert (run["scheduled_at"], run["state"]) == (at, "SUCCEEDED"), where
        assert run["runtime_config"]["parameters"]["text"] == str(index), where


def test_what_is_wrong_is_said(client, experiment, packages):
    def refused(**options):
        with pytest.raises(Exception) as error:
            client.create_recurring_run(experiment, "bad", pipeline_package_path=packages["says"], **options)
        assert error.value.status == 400
        return json.loads(error.value.body)["message"]

    assert "found 4: 1 * * *" in refused(cron_expression="1 * * *")
    assert "Max concurrency" in refused(cron_expression="@daily", max_concurrency=11)
    assert "interval -1" in refused(interval_second=-1)
    assert "start_time" in refused(cron_expression="@daily", start_time="tomorrow")
    assert "nobody" in refused(cron_expression="@daily", params={"nobody": 1})


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_servers_time_zone(how, tmp_path, packages):
    """A cron that names no zone goes by the server's; with another one at the next start, by that."""
    option = ["--cron-time-zone", "Asia/Tokyo"] if how == "option" else []
    prefix = [] if how == "option" else ["env", "CRON_SCHEDULE_TIMEZONE=Asia/Tokyo"]
    server = support.Server(tmp_path / "data", arguments=option, prefix=prefix)

    def due():
        command = [support.MILLRACE, "recurring", "list", "--data-dir", server.data_dir]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[1:]
        return {line.split()[1]: line.split()[-1] for line in lines}

    try:
        server.start()
        client = server.kfp()
        experiment = client.create_experiment("zones").experiment_id
        for name, cron in (("plain", "0 0 9 * * *"), ("named", "CRON_TZ=Asia/Tokyo 0 0 9 * * *"), ("utc", "TZ=UTC 0 0 9 * * *")):
            client.create_recurring_run(experiment, name, cron_expression=cron, pipeline_package_path=packages["says"], params={"text": "x"})
        assert due()["plain"] == due()["named"] != due()["utc"] and due()["plain"].endswith("T00:00:00Z")
        server.stop()
        server.arguments, server.prefix = [], []
        server.start()
        assert due()["plain"] == due()["utc"] != due()["named"]
    finally:
        server.stop()
        server.end_children()


def test_a_time_zone_that_there_is_not(tmp_path):
    command = [support.MILLRACE, "serve", "--data-dir", tmp_path / "data", "--cron-time-zone", "Mars/Base"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "Mars/Base" in done.stderr, done
