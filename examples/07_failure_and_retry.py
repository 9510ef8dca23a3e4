"""A step that is tried three times and fails, an exit handler that runs in any case; then the cause is removed, and the
failed run is retried: what succeeded stays."""

import subprocess

from common import client, make_secret, run, wait
from kfp import dsl, kubernetes


@dsl.component
def prepare() -> str:
    return "prepared once"


@dsl.component
def publish(what: str):
    import os

    if os.environ["SERVICE"] != "up":
        raise SystemExit("the service is down")
    print("published:", what)


@dsl.component
def tidy(status: dsl.PipelineTaskFinalStatus):
    print(f"the steps ended {status.state}: {status.error_message}")


@dsl.pipeline
def publishing():
    with dsl.ExitHandler(tidy()):
        task = publish(what=prepare().output)
        task.set_retry(num_retries=2)
        kubernetes.use_secret_as_env(task, secret_name="examples-service", secret_key_to_env={"state": "SERVICE"})


if __name__ == "__main__":
    make_secret("examples-service", {"state": "down"})
    done = run(publishing, expect="FAILED", enable_caching=False)
    print(f"the run ended {done.state} after three attempts")
    make_secret("examples-service", {"state": "up"})
    subprocess.run(["millrace", "retry", done.run_id], check=True, stdout=subprocess.DEVNULL)
    print(f"retried: {wait(client(), done.run_id).state}")
