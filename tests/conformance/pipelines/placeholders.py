import re
from typing import List

from case import case
from kfp import dsl
from kfp.dsl import ConcatPlaceholder, Dataset, IfPresentPlaceholder, Input, Output
from parts import say, sh, write

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def of_run(name, placeholder, pattern):
    @case(f"dsl.{placeholder}", tasks={"say": {"out": re.compile(pattern)}})
    @dsl.pipeline(name=name)
    def pipeline():
        say(text=getattr(dsl, placeholder))


of_run("job-name", "PIPELINE_JOB_NAME_PLACEHOLDER", "run of job-name")
of_run("job-id", "PIPELINE_JOB_ID_PLACEHOLDER", UUID)
of_run("job-resource-name", "PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER", "job-resource-name-[a-z0-9]{5}")
of_run("job-create-time", "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER", TIME)
of_run("job-schedule-time", "PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER", TIME)
of_run("task-name", "PIPELINE_TASK_NAME_PLACEHOLDER", "say")
of_run("task-id", "PIPELINE_TASK_ID_PLACEHOLDER", ".+")
of_run("pipeline-root", "PIPELINE_ROOT_PLACEHOLDER", "minio://.*")


@dsl.container_component
def concat(a: str, b: int, out: dsl.OutputPath(str)):
    return sh('printf %s "$0" > "$1"', ConcatPlaceholder(["--a=", a, ",b=", b, ConcatPlaceholder([";", a])]), out)


@case("ConcatPlaceholder, nested", tasks={"concat": {"out": "--a=x,b=2;x"}})
@dsl.pipeline(name="concat")
def concat_pipeline():
    concat(a="x", b=2)


@dsl.container_component
def present(out: dsl.OutputPath(str), a: str = None, b: int = None):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'out=$0; printf "%s " "$@" > "$out"'], args=[
        out, IfPresentPlaceholder("a", then=["--a", a], else_=["no-a"]),
        IfPresentPlaceholder("b", then=[ConcatPlaceholder(["b=", b])]), "end"])


@case("IfPresentPlaceholder, present and absent, with Concat within",
      tasks={"present": {"out": "no-a end "}, "present-2": {"out": "--a x b=2 end "}})
@dsl.pipeline(name="if-present")
def if_present():
    present()
    present(a="x", b=2)


@dsl.container_component
def about(data: Input[Dataset], made: Output[Dataset], out: dsl.OutputPath(str)):
    return sh('printf "%s\n" "$0" "$1" "$2" "$3" "$4" > "$5"; touch "$3"', data.uri, data.path, made.uri, made.path,
              data.metadata["display_name"], out)


@case("uri, path and metadata of artifacts",
      tasks={"about": {"out": re.compile(r"(?s)minio://\S+/data\n/minio/\S+/data\nminio://\S+/made\n/minio/\S+/made\n.*")}})
@dsl.pipeline(name="artifact-placeholders")
def artifact_placeholders():
    about(data=write(text="x").outputs["data"])


@dsl.container_component
def whole(word: str, out: dsl.OutputPath(str)):
    return sh("""printf '%s' "$(printf %s "$0" | grep -o '"word": *"w"' | tr -d ' ')" > "$1" """, "{{$}}", out)


@case("{{$}}, the whole executor input", tasks={"whole": {"out": '"word":"w"'}})
@dsl.pipeline(name="executor-input")
def executor_input():
    whole(word="w")


@dsl.container_component
def template(out: dsl.OutputPath(str)):
    return sh("""printf %s '{{ $x := 1 }}{{$x}}' > "$0" """, out)


@case("what other languages put between braces stays", tasks={"template": {"out": "{{ $x := 1 }}{{$x}}"}})
@dsl.pipeline(name="other-braces")
def other_braces():
    template()


@dsl.container_component
def names(data: Input[List[Dataset]], out: dsl.OutputPath(str)):
    return sh("""printf %s "$0" | tr , '\\n' | grep -c '"uri":"minio://' > "$1" """, data, out)


@case("a list of artifacts, as JSON", tasks={"names": {"out": "2\n"}})
@dsl.pipeline(name="artifact-list-placeholder")
def artifact_list_placeholder():
    with dsl.ParallelFor(["a", "b"]) as item:
        made = write(text=item)
    names(data=dsl.Collected(made.outputs["data"]))
