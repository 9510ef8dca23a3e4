"""Small components that the pipelines are put together from: a shell each, since starting Python costs much more."""

from typing import List

from kfp import dsl


def sh(script, *args):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", script], args=list(args))


@dsl.container_component
def say(text: str, out: dsl.OutputPath(str)):
    return sh('printf %s "$0" > "$1"', text, out)


@dsl.container_component
def say_list(value: list, out: dsl.OutputPath(str)):
    return sh('printf %s "$0" > "$1"', value, out)


@dsl.container_component
def number(value: int, out: dsl.OutputPath(int)):
    return sh('printf %s "$0" > "$1"', value, out)


@dsl.container_component
def double(value: int, out: dsl.OutputPath(int)):
    return sh('echo $(($0 * 2)) > "$1"', value, out)


@dsl.container_component
def count(items: list, out: dsl.OutputPath(list)):
    return sh('printf %s "$0" > "$1"', items, out)


@dsl.container_component
def fail():
    return sh('echo "on purpose" >&2; exit 3')


@dsl.container_component
def run(script: str, out: dsl.OutputPath(str)):
    return sh('out=$1; eval "$0"', script, out)


@dsl.container_component
def write(text: str, data: dsl.Output[dsl.Dataset]):
    return sh('printf %s "$0" > "$1"', text, data.path)


@dsl.container_component
def read(data: dsl.Input[dsl.Dataset], out: dsl.OutputPath(str)):
    return sh('cat "$0" > "$1"', data.path, out)
