from case import case
from kfp import dsl, kubernetes
from parts import fail, number, run, say, sh


@dsl.component
def report(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.state} {status.pipeline_task_name}"


@case("exit handler after a success, with the final status", tasks={"report": {"Output": "COMPLETE exit-handler-1"}})
@dsl.pipeline(name="exit-success")
def exit_success():
    with dsl.ExitHandler(report()):
        say(text="x")


@case("exit handler after a failure: it runs, and the run stays failed", state="FAILED",
      tasks={"report": {"Output": "FAILED exit-handler-1"}, "exit-handler-1": "FAILED", "exit-handler-1/fail": "FAILED"})
@dsl.pipeline(name="exit-failure")
def exit_failure():
    with dsl.ExitHandler(report()):
        fail()


@case("ignore_upstream_failure", state="FAILED", tasks={"fail": "FAILED", "say": {"out": "still"}})
@dsl.pipeline(name="ignore-failure")
def ignore_failure():
    failed = fail()
    say(text="still").after(failed).ignore_upstream_failure()


@dsl.container_component
def broken(out: dsl.OutputPath(str)):
    return sh("exit 1; echo $0", out)


@dsl.container_component
def say_or(out: dsl.OutputPath(str), text: str = "default"):
    return sh('printf %s "$0" > "$1"', text, out)


@case("ignore_upstream_failure: a default in the place of a failed task's output", state="FAILED",
      tasks={"broken": "FAILED", "say-or": {"out": "default"}})
@dsl.pipeline(name="ignore-failure-default")
def ignore_failure_default():
    say_or(text=broken().output).ignore_upstream_failure()


@case("a failed task: what needs it does not run, the rest does", state="FAILED",
      tasks={"fail": "FAILED", "say": {"out": "apart"}})
@dsl.pipeline(name="failure")
def failure():
    failed = fail()
    say(text="apart")
    say(text="never").after(failed)


@case("order by after()", tasks={"run": {"out": "1"}, "say": {"out": "2"}})
@dsl.pipeline(name="after")
def after():
    first = run(script="sleep 0.1; printf 1 > $out")
    say(text="2").after(first)


@case("retries of a task, with backoff", tasks={"run": {"out": "2"}})
@dsl.pipeline(name="retry-task")
def retry_task():
    run(script='test "$KFP_RETRY_INDEX" -ge 2; printf %s "$KFP_RETRY_INDEX" > $out').set_retry(
        num_retries=3, backoff_duration="1s", backoff_factor=1.5, backoff_max_duration="1s")


@case("retries that are used up", state="FAILED", tasks={"fail": "FAILED"})
@dsl.pipeline(name="retry-exhausted")
def retry_exhausted():
    fail().set_retry(num_retries=1, backoff_duration="0s")


@dsl.pipeline
def inner_tries() -> str:
    task = run(script="test -e /tries/first || { touch /tries/first; exit 1; }; printf again > $out")
    kubernetes.mount_pvc(task, pvc_name="group-tries", mount_path="/tries")
    return task.output


@case("retries of a group", tasks={"": {"Output": "again"}})
@dsl.pipeline(name="retry-group")
def retry_group() -> str:
    claim = kubernetes.CreatePVC(pvc_name="group-tries", access_modes=["ReadWriteOnce"], size="1Mi", storage_class_name="standard")
    return inner_tries().after(claim).set_retry(num_retries=2, backoff_duration="0s").output


@case("caching: the second run takes the first one's outputs", cached=True, tasks={"run": "SUCCEEDED"}, again={"run": "as before"})
@dsl.pipeline(name="cache-on")
def cache_on():
    run(script="date +%N > $out")


@case("caching switched off for a task", cached=True, tasks={"run": "SUCCEEDED"}, again={"run": "anew"})
@dsl.pipeline(name="cache-off")
def cache_off():
    run(script="date +%N > $out").set_caching_options(False)


@case("caching: a task that is told its run is another in the next", cached=True, tasks={"say": "SUCCEEDED"}, again={"say": "anew"})
@dsl.pipeline(name="caching-run")
def caching_run():
    say(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)


@case("caching with a key of the task's own", cached=True, tasks={"run": "SUCCEEDED"}, again={"run": "as before"})
@dsl.pipeline(name="cache-key")
def cache_key():
    run(script="date +%N > $out").set_caching_options(True, cache_key="mine")


@dsl.pipeline
def inner(text: str = "inner default", n: int = 2) -> str:
    return say(text=f"{text} {n}").output


@case("nested pipelines with defaults and outputs", tasks={"": {"Output": "inner default 2"}, "inner-2": {"Output": "given 3"}})
@dsl.pipeline(name="nested")
def nested() -> str:
    first = inner()
    inner(text="given", n=3)
    return first.output


@dsl.pipeline
def middle(text: str) -> str:
    return inner(text=text).output


@case("pipelines nested twice, in a loop", tasks={"for-loop-2/0/middle": {"Output": "a 2"}, "for-loop-2/1/middle": {"Output": "b 2"}})
@dsl.pipeline(name="nested-loop")
def nested_loop():
    with dsl.ParallelFor(["a", "b"]) as item:
        middle(text=item)


@case("display names and descriptions of tasks", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="display-name", description="A description")
def display_name():
    say(text="x").set_display_name("Say it")
