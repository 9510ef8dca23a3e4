from typing import Dict, List, NamedTuple, Optional

from case import case
from kfp import dsl
from parts import say, say_list, sh


@dsl.container_component
def six(s: str, i: int, f: float, b: bool, l: list, d: dict, out: dsl.OutputPath(str)):
    return sh('printf "%s|" "$0" "$1" "$2" "$3" "$4" "$5" > "$6"', s, i, f, b, l, d, out)


@case("parameters of every type with defaults", tasks={"six": {"out": 'text|3|2.5|true|[1,"b"]|{"k":{"x":1}}|'}})
@dsl.pipeline(name="parameter-defaults")
def defaults(s: str = "text", i: int = 3, f: float = 2.5, b: bool = True, l: list = [1, "b"], d: dict = {"k": {"x": 1}}):
    six(s=s, i=i, f=f, b=b, l=l, d=d)


@case("parameters of every type given at the start",
      arguments={"s": "given", "i": -7, "f": 1e-3, "b": False, "l": [], "d": {}},
      tasks={"six": {"out": "given|-7|0.001|false|[]|{}|"}})
@dsl.pipeline(name="parameter-given")
def given(s: str, i: int, f: float, b: bool, l: list, d: dict):
    six(s=s, i=i, f=f, b=b, l=l, d=d)


@case("parameters of every type as constants of a task", tasks={"six": {"out": 'c|0|-1.5|false|[[1],[2]]|{"a":"b"}|'}})
@dsl.pipeline(name="parameter-constants")
def constants():
    six(s="c", i=0, f=-1.5, b=False, l=[[1], [2]], d={"a": "b"})


@dsl.container_component
def make(s: dsl.OutputPath(str), i: dsl.OutputPath(int), f: dsl.OutputPath(float), b: dsl.OutputPath(bool), l: dsl.OutputPath(list),
         d: dsl.OutputPath(dict)):
    return sh("""printf made > "$0"; echo 12 > "$1"; echo 0.25 > "$2"; echo true > "$3"; echo '[1, 2]' > "$4"; echo '{"a": 1}' > "$5" """,
              s, i, f, b, l, d)


@case("output parameters of every type, from a container's files",
      tasks={"make": {"s": "made", "i": 12, "f": 0.25, "b": True, "l": [1, 2], "d": {"a": 1}},
             "six": {"out": 'made|12|0.25|true|[1,2]|{"a":1}|'}})
@dsl.pipeline(name="parameter-outputs")
def outputs():
    made = make().outputs
    six(s=made["s"], i=made["i"], f=made["f"], b=made["b"], l=made["l"], d=made["d"])


@dsl.component
def typed(s: str, i: int, f: float, b: bool, l: List[int], d: Dict[str, int]) -> NamedTuple(
        "Out", [("kinds", list), ("s", str), ("i", int), ("f", float), ("b", bool), ("l", list), ("d", dict)]):
    kinds = [type(v).__name__ for v in (s, i, f, b, l, d)] + [type(l[0]).__name__]
    return kinds, s, i, f, b, l, d


@case("parameters of every type into and out of a Python component",
      tasks={"typed": {"kinds": ["str", "int", "float", "bool", "list", "dict", "int"], "s": "ü\n'\"", "i": 2, "f": 2.5, "b": True,
                       "l": [1, 2], "d": {"a": 1}}})
@dsl.pipeline(name="parameter-python")
def python():
    typed(s="ü\n'\"", i=2, f=2.5, b=True, l=[1, 2], d={"a": 1})


@dsl.component
def maybe(a: str = "default", b: Optional[int] = None, c: Optional[str] = "else") -> str:
    return f"{a} {b} {c}"


@case("optional inputs and defaults of a component",
      tasks={"maybe": {"Output": "default None else"}, "maybe-2": {"Output": "x 1 y"}})
@dsl.pipeline(name="parameter-optional")
def optional():
    maybe()
    maybe(a="x", b=1, c="y")


@case("optional inputs of a pipeline, not given", tasks={"maybe": {"Output": "default None else"}})
@dsl.pipeline(name="parameter-optional-of-pipeline")
def optional_of_pipeline(n: Optional[int] = None):
    maybe(b=n)


@case("numbers, lists and structs as text", arguments={"i": 1000000, "f": 2.0},
      tasks={"say": {"out": "1000000"}, "say-2": {"out": "2"}, "say-3": {"out": "1000000/2/true/[1]"}})
@dsl.pipeline(name="parameter-text")
def text(i: int, f: float, b: bool = True, l: list = [1]):
    say(text=f"{i}")
    say(text=f"{f}")
    say(text=f"{i}/{f}/{b}/{l}")


@case("text that looks like a placeholder or a shell's, unchanged", arguments={"t": "$(id) `id` {{x}} %s \\ 'q'"},
      tasks={"say": {"out": "$(id) `id` {{x}} %s \\ 'q'"}})
@dsl.pipeline(name="parameter-raw-text")
def raw_text(t: str):
    say(text=t)


@case("outputs of a pipeline", tasks={"": {"a": "one", "b": 12}})
@dsl.pipeline(name="parameter-pipeline-outputs")
def pipeline_outputs() -> NamedTuple("Out", [("a", str), ("b", int)]):
    return NamedTuple("Out", [("a", str), ("b", int)])(say(text="one").output, make().outputs["i"])


@case("a required parameter that is missing is refused", refused="needed")
@dsl.pipeline(name="parameter-missing")
def missing(needed: str):
    say(text=needed)


@case("a parameter of the wrong type is refused", arguments={"n": "three"}, refused="n")
@dsl.pipeline(name="parameter-wrong-type")
def wrong_type(n: int):
    say(text=f"{n}")


@dsl.container_component
def bad(n: dsl.OutputPath(int)):
    return sh('echo many > "$0"', n)


@case("an output of the wrong type fails its task", state="FAILED", tasks={"bad": "FAILED"})
@dsl.pipeline(name="parameter-wrong-output")
def wrong_output():
    bad()


@dsl.container_component
def given(out: dsl.OutputPath(str), text: Optional[str] = None):
    return dsl.ContainerSpec(
        image="alpine",
        command=["sh", "-ec", 'if [ "$1" = --text ]; then printf %s "$2" > "$0"; else printf nothing > "$0"; fi'],
        args=[out, dsl.IfPresentPlaceholder(input_name="text", then=["--text", text])],
    )


@dsl.pipeline(name="passes-on")
def passes_on(text: Optional[str] = None):
    given(text=text)


@case("an optional input that was not given, passed on to an inner pipeline",
      tasks={"passes-on/given": {"out": "nothing"}, "passes-on-2/given": {"out": "something"}})
@dsl.pipeline(name="optional-passed-on")
def optional_passed_on(text: Optional[str] = None):
    passes_on(text=text)
    passes_on(text="something")


@dsl.pipeline(name="tell")
def tell(text: str, parts: list):
    say(text=text)
    say_list(value=parts)


@case("text put together from parameters and outputs, handed to a nested pipeline",
      tasks={"tell/say": {"out": "up-Ann-x"}, "tell/say-list": {"out": '["Ann!","up",{"k":"Ann"}]'}})
@dsl.pipeline(name="parameter-text-nested")
def text_nested(who: str = "Ann"):
    made = say(text="up").output
    tell(text=f"{made}-{who}-x", parts=[f"{who}!", made, {"k": who}])


@case("text put together from a loop's item, handed to a nested pipeline",
      tasks={"for-loop-2/0/tell/say": {"out": "a-Ann"}, "for-loop-2/1/tell/say": {"out": "b-Ann"}})
@dsl.pipeline(name="parameter-text-loop")
def text_loop(who: str = "Ann"):
    with dsl.ParallelFor(["a", "b"]) as item:
        tell(text=f"{item}-{who}", parts=[])


@case("text that looks like a placeholder is data",
      tasks={"say": {"out": "{{$.nothing}} {{$x}} {{$}}"}, "say-2": {"out": "{{$.nothing}} {{$x}} {{$}}"}})
@dsl.pipeline(name="parameter-looks")
def looks(text: str = "{{$.nothing}} {{$x}} {{$}}"):
    say(text=say(text=text).output)
