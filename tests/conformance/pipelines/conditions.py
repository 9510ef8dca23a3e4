from case import case
from kfp import dsl
from parts import number, say


def compared(name, kind, value, comparisons, features):
    """A pipeline with an If for each comparison; the ones that hold run their task."""

    def body(given):
        for _, compare in comparisons:
            with dsl.If(compare(given)):
                say(text="so")

    body.__annotations__ = {"given": kind}
    tasks = {}
    for at, (holds, _) in enumerate(comparisons, 1):
        tasks[f"condition-{at}"] = "SUCCEEDED" if holds else "SKIPPED"
        tasks[f"condition-{at}/say" + ("" if at == 1 else f"-{at}")] = {"out": "so"} if holds else None
    body.__module__ = __name__
    case(features, arguments={"given": value}, tasks=tasks)(dsl.pipeline(name=name)(body))


def six(*pairs):
    smaller, larger = pairs
    return [
        (False, lambda x: x == larger),
        (True, lambda x: x != larger),
        (True, lambda x: x < larger),
        (True, lambda x: x <= larger),
        (True, lambda x: x > smaller),
        (False, lambda x: x >= larger),
    ]


compared("if-string", str, "m", six("a", "z"), "conditions: every operator on strings")
compared("if-integer", int, 10, six(9, 11), "conditions: every operator on integers")
compared("if-double", float, 2.5, six(2.25, 2.75), "conditions: every operator on doubles")
compared("if-boolean", bool, True, [(True, lambda x: x == True), (False, lambda x: x == False), (True, lambda x: x != False)],
         "conditions: == and != on booleans")


@case("conditions on another task's output", "tasks that need a skipped one are skipped, and the run succeeds",
      tasks={"condition-1": "SUCCEEDED", "condition-2": "SKIPPED", "condition-1/say": {"out": "five"}})
@dsl.pipeline(name="if-of-an-output")
def if_of_an_output():
    five = number(value=5)
    with dsl.If(five.output == 5):
        say(text="five")
    with dsl.If(five.output > 5):
        say(text="more")


@case("conditions of two parameters", tasks={"condition-1": "SKIPPED", "condition-2/say-2": {"out": "less"}})
@dsl.pipeline(name="if-of-two-parameters")
def if_of_two(a: int = 1, b: int = 2):
    with dsl.If(a == b):
        say(text="same")
    with dsl.If(a < b):
        say(text="less")


@case("nested conditions", tasks={"condition-1/condition-2/say": {"out": "both"}, "condition-1/condition-3": "SKIPPED"})
@dsl.pipeline(name="if-nested")
def if_nested(a: str = "x", b: str = "y"):
    with dsl.If(a == "x"):
        with dsl.If(b == "y"):
            say(text="both")
        with dsl.If(b == "z"):
            say(text="one")


def one_of(name, given, said):
    @case(f"if, elif, else with OneOf: {name}", arguments={"given": given}, tasks={"": {"Output": said}, "say-4": {"out": said}})
    @dsl.pipeline(name=f"one-of-{name}")
    def pipeline(given: int) -> str:
        with dsl.If(given == 1):
            first = say(text="one")
        with dsl.Elif(given == 2):
            second = say(text="two")
        with dsl.Else():
            third = say(text="many")
        chosen = dsl.OneOf(first.output, second.output, third.output)
        say(text=chosen)
        return chosen


one_of("if", 1, "one")
one_of("elif", 2, "two")
one_of("else", 3, "many")
