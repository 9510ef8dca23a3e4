from typing import List

from case import case
from kfp import dsl
from parts import double, number, say, say_list, sh


@dsl.container_component
def numbers(out: dsl.OutputPath(List[int])):
    return sh("echo '[1, 2, 3]' > \"$0\"", out)


@dsl.container_component
def objects(out: dsl.OutputPath(list)):
    return sh("""echo '[{"a": "x", "n": {"m": 1}}, {"a": "y", "n": {"m": 2}}]' > "$0" """, out)


@case("loops over literals", tasks={"for-loop-2/0/say": {"out": "a"}, "for-loop-2/1/say": {"out": "b"}, "for-loop-2/2": None})
@dsl.pipeline(name="loop-literals")
def literals():
    with dsl.ParallelFor(["a", "b"]) as item:
        say(text=item)


def looped(name, feature, source, **case_options):
    @case(feature, tasks={"say-list": {"out": "[2,4,6]"}}, **case_options)
    @dsl.pipeline(name=name)
    def pipeline(items: List[int] = [1, 2, 3]):
        with dsl.ParallelFor(source(items)) as item:
            doubled = double(value=item)
        say_list(value=dsl.Collected(doubled.output))


looped("loop-parameter", "loops over a parameter, collected", lambda items: items)
looped("loop-output", "loops over a task's output", lambda items: numbers().output)


@case("a parallelism limit", tasks={"say-list": {"out": "[2,4,6,8]"}})
@dsl.pipeline(name="loop-limit")
def limit():
    with dsl.ParallelFor([1, 2, 3, 4], parallelism=1) as item:
        doubled = double(value=item)
    say_list(value=dsl.Collected(doubled.output))


@case("loops over objects, with a member of each", tasks={"say-list": {"out": '["x","y"]'}})
@dsl.pipeline(name="loop-members")
def members():
    with dsl.ParallelFor([{"a": "x", "b": 1}, {"a": "y", "b": 2}]) as item:
        said = say(text=item.a)
    say_list(value=dsl.Collected(said.output))


@case("loops over objects of a task's output, with a member of each", tasks={"say-list": {"out": '["x","y"]'}})
@dsl.pipeline(name="loop-output-members")
def output_members():
    with dsl.ParallelFor(objects().output) as item:
        said = say(text=item.a)
    say_list(value=dsl.Collected(said.output))


@case("a loop over nothing", arguments={"items": []}, tasks={"say-list": {"out": "[]"}})
@dsl.pipeline(name="loop-empty")
def empty(items: List[int]):
    with dsl.ParallelFor(items) as item:
        doubled = double(value=item)
    say_list(value=dsl.Collected(doubled.output))


@dsl.container_component
def pair(a: str, b: str, out: dsl.OutputPath(str)):
    return sh('printf %s "$0$1" > "$2"', a, b, out)


@case("nested loops, collected as lists of lists", tasks={"say-list": {"out": '[["13","14"],["23","24"]]'}})
@dsl.pipeline(name="loop-nested")
def nested():
    with dsl.ParallelFor(["1", "2"]) as a:
        with dsl.ParallelFor(["3", "4"]) as b:
            said = pair(a=a, b=b)
    say_list(value=dsl.Collected(said.output))


@case("conditions within loops", tasks={"for-loop-2/0/condition-3": "SKIPPED", "for-loop-2/1/condition-3/say": {"out": "two"}, "for-loop-2/2/condition-3": "SKIPPED"})
@dsl.pipeline(name="loop-condition")
def condition():
    with dsl.ParallelFor([1, 2, 3]) as item:
        with dsl.If(item == 2):
            say(text="two")


@case("loops within conditions", tasks={"condition-1": "SUCCEEDED"})
@dsl.pipeline(name="loop-in-condition")
def in_condition(on: bool = True):
    with dsl.If(on == True):
        with dsl.ParallelFor([1, 2]) as item:
            double(value=item)


@dsl.container_component
def inverse(value: int, out: dsl.OutputPath(int)):
    return sh('echo $((1 / $0)) > "$1"', value, out)


@case("a failed iteration fails the run", state="FAILED", tasks={"for-loop-2": "FAILED", "for-loop-2/0/inverse": {"out": 1}})
@dsl.pipeline(name="loop-failing")
def failing():
    with dsl.ParallelFor([1, 0]) as item:
        inverse(value=item)



@case("a loop's items used beside outer values", tasks={"say-list": {"out": '["p-1-q","p-2-q"]'}})
@dsl.pipeline(name="loop-outer")
def outer(p: str = "p"):
    q = say(text="q")
    with dsl.ParallelFor([1, 2]) as item:
        said = say(text=f"{p}-{item}-{q.output}")
    say_list(value=dsl.Collected(said.output))


@dsl.container_component
def leaves(a: str, b: str, data: dsl.Output[dsl.Dataset]):
    return sh('printf %s "$0$1" > "$2"', a, b, data.path)


@dsl.component(packages_to_install=[])
def joined(data: dsl.Input[List[dsl.Dataset]]) -> str:
    return " ".join(open(one.path).read() for one in data)


@case("artifacts of nested loops, collected as one list", tasks={"joined": {"Output": "13 14 23 24"}})
@dsl.pipeline(name="loop-nested-artifacts")
def nested_artifacts():
    with dsl.ParallelFor(["1", "2"]) as a:
        with dsl.ParallelFor(["3", "4"]) as b:
            left = leaves(a=a, b=b)
    joined(data=dsl.Collected(left.outputs["data"]))
