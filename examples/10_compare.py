"""Three runs of one pipeline with other parameters in one experiment, and their metrics side by side."""

import json
import subprocess

from common import client, wait
from kfp import dsl
from kfp.dsl import Metrics, Output


@dsl.component
def descend(rate: float, metrics: Output[Metrics]):
    """Ten steps of gradient descent on x squared, from 1."""
    x = 1.0
    for _ in range(10):
        x -= rate * 2 * x
    metrics.log_metric("rate", rate)
    metrics.log_metric("loss", x * x)


@dsl.pipeline
def compare(rate: float):
    descend(rate=rate)


def loss_of(run_id):
    """The metric, as the command line shows it."""
    shown = subprocess.run(["millrace", "get", run_id, "--json"], check=True, capture_output=True, text=True).stdout
    return find(json.loads(shown), "loss")


def find(value, name):
    if isinstance(value, dict):
        if isinstance(value.get(name), (int, float)):
            return value[name]
        value = list(value.values())
    for one in value if isinstance(value, list) else []:
        if (found := find(one, name)) is not None:
            return found
    return None


if __name__ == "__main__":
    kfp_client = client()
    started = {
        rate: kfp_client.create_run_from_pipeline_func(compare, arguments={"rate": rate}, experiment_name="compare").run_id
        for rate in (0.01, 0.1, 0.4)
    }
    losses = {}
    for rate, run_id in started.items():
        wait(kfp_client, run_id)
        losses[rate] = loss_of(run_id)
        print(f"rate {rate}: loss {losses[rate]:.2e}")
    print("best rate:", min(losses, key=losses.get))
