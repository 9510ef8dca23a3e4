"""A run every second, until it is switched off."""

import tempfile
import time

from common import client
from kfp import compiler, dsl


@dsl.component
def tick(at: str):
    print("tick at", at)


@dsl.pipeline
def clock(at: str):
    tick(at=at)


if __name__ == "__main__":
    kfp_client = client()
    experiment = kfp_client.create_experiment("examples")
    with tempfile.NamedTemporaryFile(suffix=".yaml") as package:
        compiler.Compiler().compile(clock, package.name)
        recurring = kfp_client.create_recurring_run(
            experiment_id=experiment.experiment_id,
            job_name="clock",
            interval_second=1,
            max_concurrency=1,
            no_catchup=True,
            pipeline_package_path=package.name,
            params={"at": "[[ScheduledTime]]"},
        )
    deadline = time.monotonic() + 60
    while True:
        runs = kfp_client.list_runs(experiment_id=experiment.experiment_id, page_size=50).runs or []
        ended = [r for r in runs if r.recurring_run_id == recurring.recurring_run_id and r.state == "SUCCEEDED"]
        if len(ended) >= 2 or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    kfp_client.disable_recurring_run(recurring.recurring_run_id)
    kfp_client.delete_recurring_run(recurring.recurring_run_id)
    print(f"{len(ended)} runs by the schedule")
