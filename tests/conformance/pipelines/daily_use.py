"""What goes wrong in daily use: it is said at the task, and the input or output, that is at fault."""

from case import case
from kfp import dsl
from parts import read, say, sh


@dsl.container_component
def mode_of_environment(out: dsl.OutputPath(str)):
    return sh('printf %s "${MODE:-unset}" > "$0"', out)


@case("the environment is part of the cache's key", cached=True,
      tasks={"mode-of-environment": {"out": "train"}, "mode-of-environment-2": {"out": "eval"}, "mode-of-environment-3": {"out": "unset"}},
      again={"mode-of-environment": {"out": "train"}, "mode-of-environment-2": {"out": "eval"}, "mode-of-environment-3": {"out": "unset"}})
@dsl.pipeline(name="cache-environment")
def cache_environment():
    first = mode_of_environment().set_env_variable("MODE", "train")
    second = mode_of_environment().set_env_variable("MODE", "eval").after(first)
    mode_of_environment().after(second)


@dsl.container_component
def slow_hello():
    return sh("sleep 0.2; echo hello")


@case("forty like iterations, one of which the others find in the cache while they wait for a slot", cached=True,
      tasks={"for-loop-2": "SUCCEEDED", "for-loop-2/0/slow-hello": "SUCCEEDED", "for-loop-2/39/slow-hello": "SUCCEEDED"})
@dsl.pipeline(name="like-iterations")
def like_iterations():
    with dsl.ParallelFor(list(range(40))):
        slow_hello()


@dsl.component
def raises_after_print():
    print("reading the file")
    print("step 1 done")
    raise ValueError("the cellar is empty")


@case("a task's error is its exception, not what it printed last", state="FAILED",
      error="exit code 1: ValueError: the cellar is empty\"", tasks={"raises-after-print": "FAILED"})
@dsl.pipeline(name="error-after-print")
def error_after_print():
    raises_after_print()


@dsl.component
def raises_from():
    print("step 1 done")
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("no key in the file") from error


@case("a task's error of two exceptions is the one that ended it", state="FAILED",
      error="exit code 1: RuntimeError: no key in the file\"")
@dsl.pipeline(name="error-chained")
def error_chained():
    raises_from()


@dsl.component
def exits_with_words():
    import sys

    print("step 1 done")
    sys.exit("there is no data of today")


@case("a task's error is what it said when it exited", state="FAILED", error="exit code 1: there is no data of today\"")
@dsl.pipeline(name="error-exit")
def error_exit():
    exits_with_words()


@dsl.component
def raises_before_much():
    import sys

    print("x" * 200_000)
    print("Traceback (most recent call last):\n  File 'other.py'\nKeyError: 'printed'")
    raise OSError("the disk is gone")


@case("a task's error is found before much that was printed", state="FAILED", error="exit code 1: OSError: the disk is gone\"")
@dsl.pipeline(name="error-before-output")
def error_before_output():
    raises_before_much()


@dsl.container_component
def says_and_goes_on():
    return sh('echo "the reason" >&2; seq 1 30000; exit 3')


@case("a task's error is of its standard error", state="FAILED", error="exit code 3: the reason\"")
@dsl.pipeline(name="error-of-stderr")
def error_of_stderr():
    says_and_goes_on()


@dsl.component(base_image="registry.example.com/deep/learning:2")
def imports_what_the_image_has():
    import a_package_of_that_image  # noqa: F401


@case("a package that only the image has is named with the way out", state="FAILED",
      error="No module named 'a_package_of_that_image'; the image registry.example.com/deep/learning:2 is not run here")
@dsl.pipeline(name="error-package-of-image")
def error_package_of_image():
    imports_what_the_image_has()


@dsl.container_component
def program_in_script():
    return dsl.ContainerSpec(image="registry.example.com/tools:1", command=["sh", "-c", "a-tool-of-that-image --all"])


@case("a program that only the image has is named with the way out", state="FAILED",
      error="--image registry.example.com/tools:1=DIRECTORY", tasks={"program-in-script": "FAILED"})
@dsl.pipeline(name="error-program-of-image")
def error_program_of_image():
    program_in_script()


@dsl.container_component
def program_of_image():
    return dsl.ContainerSpec(image="registry.example.com/tools:1", command=["a-tool-of-that-image"], args=["--all"])


@case("a program that this machine has not is refused", refused="the program a-tool-of-that-image of the image registry.example.com/tools:1")
@dsl.pipeline(name="program-unknown")
def program_unknown():
    program_of_image()


@dsl.container_component
def only_arguments():
    return dsl.ContainerSpec(image="registry.example.com/tools:1", args=["--all"])


@case("an image's own entry point is refused", refused="the image registry.example.com/tools:1 has no command in the pipeline")
@dsl.pipeline(name="program-of-entry-point")
def program_of_entry_point():
    only_arguments()


@case("a program that this machine has not is no matter in a branch that is not taken", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="program-in-branch")
def program_in_branch(tool: bool = False):
    say(text="x")
    with dsl.If(tool == True):  # noqa: E712
        program_of_image()


@case("accelerators from parameters are refused with their type and count", arguments={"count": "2"}, refused="it asks for 2 nvidia.com/gpu")
@dsl.pipeline(name="accelerator-of-parameter")
def accelerator_of_parameter(count: str, kind: str = "nvidia.com/gpu"):
    say(text="x").set_accelerator_type(kind).set_accelerator_limit(count)


@case("accelerators are no matter in a branch that is not taken", tasks={"say": {"out": "cpu"}})
@dsl.pipeline(name="accelerator-in-branch")
def accelerator_in_branch(gpu: bool = False):
    say(text="cpu")
    with dsl.If(gpu == True):  # noqa: E712
        say(text="gpu").set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)


@dsl.component
def half(report: dsl.Output[dsl.Dataset], m: dsl.Output[dsl.Metrics], never: dsl.Output[dsl.Dataset]):
    with open(report.path, "w") as f:
        f.write("rows until the fault")
    report.metadata["rows"] = 3
    m.log_metric("loss", 0.5)
    raise RuntimeError("then it failed")


@case("what a task left before it failed is kept: artifacts with metadata", state="FAILED", tasks={"half": "FAILED"},
      error="RuntimeError: then it failed\"",
      artifacts={"half.report": [{"text": "rows until the fault", "metadata": {"rows": 3}}], "half.m": [{"metadata": {"loss": 0.5}}],
                 "half.never": []})
@dsl.pipeline(name="failed-task-artifact")
def failed_task_artifact():
    half()


@dsl.container_component
def half_in_shell(data: dsl.Output[dsl.Dataset], out: dsl.OutputPath(str)):
    return sh('printf bytes > "$0"; printf said > "$1"; exit 4', data.path, out)


@case("what a container left before it failed is kept, and nothing takes it for a result", state="FAILED",
      tasks={"half-in-shell": "FAILED", "read": "SKIPPED"}, artifacts={"half-in-shell.data": [{"text": "bytes"}]})
@dsl.pipeline(name="failed-container-artifact")
def failed_container_artifact():
    read(data=half_in_shell().outputs["data"])


@dsl.container_component
def lazy(out: dsl.OutputPath(str)):
    return sh("true", out)


@case("an output that is not written fails its task by name", state="FAILED", error="the output out was not written",
      tasks={"lazy": "FAILED", "say": "SKIPPED"})
@dsl.pipeline(name="output-not-written")
def output_not_written():
    say(text=lazy().outputs["out"])


@case("an output that is not written is nothing for the cache", state="FAILED", cached=True, error="the output out was not written",
      tasks={"lazy": "FAILED"}, again={"lazy": "FAILED"})
@dsl.pipeline(name="output-not-cached")
def output_not_cached():
    lazy()


@dsl.component
def none() -> int:
    return None


@case("a component that returns nothing for its output fails by name", state="FAILED", error="the output Output was not written")
@dsl.pipeline(name="output-none")
def output_none():
    none()


@dsl.component
def diverged(m: dsl.Output[dsl.Metrics]):
    m.log_metric("loss", float("nan"))
    m.log_metric("best", float("inf"))
    m.log_metric("least", float("-inf"))
    m.log_metric("ok", 0.25)


@dsl.component
def looks_at(m: dsl.Input[dsl.Metrics]) -> str:
    import math

    assert math.isnan(m.metadata["loss"]) and m.metadata["ok"] == 0.25, m.metadata
    return f"{m.metadata['best']} {m.metadata['least']}"


@case("metrics that are no number or infinite", tasks={"looks-at": {"Output": "inf -inf"}},
      artifacts={"diverged.m": [{"metadata": {"loss": "NaN", "best": "Infinity", "least": "-Infinity", "ok": 0.25}}]})
@dsl.pipeline(name="metrics-nan")
def metrics_nan():
    looks_at(m=diverged().outputs["m"])


@dsl.component
def returns_nan() -> float:
    return float("nan")


@case("an output parameter that is no number fails its task by name", state="FAILED", error="the output Output is or holds NaN")
@dsl.pipeline(name="output-nan")
def output_nan():
    returns_nan()


@dsl.container_component
def make_text(size: int, out: dsl.OutputPath(str)):
    return sh('head -c "$0" /dev/zero | tr "\\0" x > "$1"', size, out)


@dsl.component
def size_of(text: str, items: list) -> int:
    assert items[-1] == 19999
    return len(text)


@dsl.component
def many() -> list:
    return list(range(20000))


@case("values of 300 KB go from task to task", tasks={"size-of": {"Output": 300000}})
@dsl.pipeline(name="value-large")
def value_large():
    size_of(text=make_text(size=300000).output, items=many().output)


@dsl.component
def length(text: str) -> int:
    return len(text)


@case("values of 300 KB as a run's own parameter", arguments={"text": "x" * 300000}, tasks={"length": {"Output": 300000}})
@dsl.pipeline(name="value-large-given")
def value_large_given(text: str):
    length(text=text)


@dsl.container_component
def on_line(text: str):
    return sh('test "${#0}" -gt 100', text)


@case("a value of 300 KB on a container's command line is refused by name", state="FAILED",
      error="the input text, in an argument, is too long for a command line: 300000 bytes, where Linux passes at most 131071",
      tasks={"make-text": "SUCCEEDED", "on-line": "FAILED"})
@dsl.pipeline(name="value-large-on-line")
def value_large_on_line():
    on_line(text=make_text(size=300000).output)


@case("a value of 100 KB on a container's command line", tasks={"on-line": "SUCCEEDED"})
@dsl.pipeline(name="value-on-line")
def value_on_line():
    on_line(text=make_text(size=100000).output)


@case("a pipeline that needs an artifact of its own is refused", refused="needs the input artifact data, which no run can be given")
@dsl.pipeline(name="root-artifact-input")
def root_artifact_input(data: dsl.Input[dsl.Dataset]):
    read(data=data)


@dsl.container_component
def of_busybox(text: str):
    return dsl.ContainerSpec(image="busybox:1.36", command=["sh", "-ec"], args=['[[ "$0" == "x" ]] && echo same', text])


@case("a script for another shell than this machine's is named with the way out", state="FAILED", error="the image busybox:1.36 is not run here")
@dsl.pipeline(name="busybox-shell")
def busybox_shell():
    of_busybox(text="x")
