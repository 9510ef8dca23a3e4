"""A loop over a list, a condition within it, and a step that gets what all rounds gave."""

from typing import List

from common import run
from kfp import dsl


@dsl.component
def square(number: int) -> int:
    return number * number


@dsl.component
def announce(number: int):
    print(f"{number} is large")


@dsl.component
def add(numbers: list) -> int:
    print("sum:", sum(numbers))
    return sum(numbers)


@dsl.pipeline
def loops(numbers: List[int]):
    with dsl.ParallelFor(numbers, parallelism=2) as number:
        squared = square(number=number)
        with dsl.If(squared.output > 4):
            announce(number=squared.output)
    add(numbers=dsl.Collected(squared.output))


if __name__ == "__main__":
    done = run(loops, {"numbers": [1, 2, 3]})
    print(f"{done.state}: millrace logs {done.run_id}")
