"""A Kubernetes Secret as a step's environment: the pipeline names it and never contains it."""

from common import make_secret, run
from kfp import dsl, kubernetes


@dsl.component
def log_in() -> str:
    import os

    return f"logged in with a password of {len(os.environ['PASSWORD'])} characters"


@dsl.pipeline
def secrets() -> str:
    task = log_in()
    task.set_caching_options(False)
    kubernetes.use_secret_as_env(task, secret_name="examples-login", secret_key_to_env={"password": "PASSWORD"})
    return task.output


if __name__ == "__main__":
    make_secret("examples-login", {"password": "correct horse"})
    done = run(secrets)
    print(f"{done.state}: millrace get {done.run_id} shows how long the password is")
