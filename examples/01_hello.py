"""A function as a step of a pipeline: a parameter goes in, its value comes out."""

from common import run
from kfp import dsl


@dsl.component
def greet(name: str) -> str:
    return f"Hello, {name}!"


@dsl.pipeline
def hello(name: str = "world") -> str:
    return greet(name=name).output


if __name__ == "__main__":
    done = run(hello, {"name": "Millrace"})
    print(f"{done.display_name}: {done.state}; millrace get {done.run_id} shows its output")
