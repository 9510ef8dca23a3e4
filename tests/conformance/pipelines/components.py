import pathlib
import sys

from case import case
from kfp import components, dsl
from parts import read, run, say

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "containerised"))
from counts import count, shout  # noqa: E402

V1 = components.load_component_from_text("""
name: Greet
inputs:
- {name: who, type: String, default: you}
- {name: loud, type: Boolean, optional: true}
outputs: [{name: greeting, type: String}]
implementation:
  container:
    image: alpine
    command: [sh, -ec, 'mkdir -p "$(dirname "$0")"; out=$0; shift 0; printf "%s " "$@" > "$out"', {outputPath: greeting}]
    args:
    - {concat: ['hello-', {inputValue: who}]}
    - if: {cond: {isPresent: loud}, then: [loud], else: [quiet]}
""")


@case("component.yaml of version 1: defaults, concat, if", tasks={"greet": {"greeting": "hello-you quiet "}, "greet-2": {"greeting": "hello-me loud "}})
@dsl.pipeline(name="component-v1")
def component_v1():
    V1()
    V1(who="me", loud=True)


@dsl.component(packages_to_install=[])
def plain(a: int) -> int:
    return a + 1


@case("lightweight Python components", tasks={"plain": {"Output": 2}, "plain-2": {"Output": 3}})
@dsl.pipeline(name="python-component")
def python_component():
    plain(a=plain(a=1).output)


@case("environment variables of a task", tasks={"run": {"out": "one two"}})
@dsl.pipeline(name="environment")
def environment():
    run(script='printf "%s %s" "$A" "$B" > $out').set_env_variable("A", "one").set_env_variable("B", "two")


@case("resource limits and requests", tasks={"run": {"out": "ok"}})
@dsl.pipeline(name="resources")
def resources():
    task = run(script="printf ok > $out")
    task.set_cpu_limit("1").set_cpu_request("500m").set_memory_limit("512Mi").set_memory_request("64Mi")


@case("resource limits from parameters", tasks={"run": {"out": "ok"}})
@dsl.pipeline(name="resources-dynamic")
def resources_dynamic(cpu: str = "1", memory: str = "256Mi"):
    run(script="printf ok > $out").set_cpu_limit(cpu).set_memory_limit(memory)


@case("accelerators that this machine has not are refused", refused="nvidia.com/gpu")
@dsl.pipeline(name="accelerator")
def accelerator():
    say(text="x").set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)


@dsl.container_component
def uri_of(data: dsl.Input[dsl.Dataset], out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'printf "%s %s" "$0" "$1" > "$2"'],
                             args=[data.uri, data.metadata["kind"], out])


# A URI of no store is passed on as it is; one of a store has to name something.
@case("importer of a constant URI, with metadata", tasks={"uri-of": {"out": "https://example.com/a.csv raw"}},
      artifacts={"importer.artifact": [{"uri": "https://example.com/a.csv", "metadata": {"kind": "raw"}, "type": "Dataset"}]})
@dsl.pipeline(name="importer")
def importer():
    imported = dsl.importer(artifact_uri="https://example.com/a.csv", artifact_class=dsl.Dataset, reimport=False, metadata={"kind": "raw"})
    uri_of(data=imported.output)


@case("importer of a URI from a parameter, reimported", arguments={"place": "https://example.com/b"},
      tasks={"uri-of": {"out": "https://example.com/b p"}})
@dsl.pipeline(name="importer-dynamic")
def importer_dynamic(place: str, kind: str = "p"):
    uri_of(data=dsl.importer(artifact_uri=place, artifact_class=dsl.Dataset, reimport=True, metadata={"kind": kind}).output)


def unreachable(name, uri, says):
    """An importer of an object that cannot be had: it fails, and says why; what needs it does not run."""
    @case(f"importer of an object that cannot be had ({uri.partition('/')[0]})", state="FAILED", error=says,
          tasks={"importer": "FAILED", "read": "SKIPPED"}, arguments={"uri": uri})
    @dsl.pipeline(name=name)
    def pipeline(uri: str):
        read(data=dsl.importer(artifact_uri=uri, artifact_class=dsl.Dataset, reimport=True).output)


unreachable("importer-gs", "gs://a-bucket-elsewhere/data.csv", "this machine cannot fetch gs://")
unreachable("importer-oci", "oci://registry.example.com/models/a:1", "this machine cannot fetch oci://")
unreachable("importer-s3", "s3://no-such-bucket-here/data.csv", "s3://no-such-bucket-here/data.csv cannot be imported")
unreachable("importer-minio", "minio://mlpipeline/none/data.csv", "minio://mlpipeline/none/data.csv cannot be imported")


@dsl.container_component
def write_uri(text: str, data: dsl.Output[dsl.Dataset], uri: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="alpine", command=["sh", "-ec", 'printf %s "$0" > "$1"; printf %s "$2" > "$3"'],
                             args=[text, data.path, data.uri, uri])


@case("importer of what another task has written", tasks={"read": {"out": "bytes"}})
@dsl.pipeline(name="importer-of-output")
def importer_of_output():
    written = write_uri(text="bytes")
    read(data=dsl.importer(artifact_uri=written.outputs["uri"], artifact_class=dsl.Dataset).output)


@dsl.component(target_image="registry.example.com/here/adds:1", base_image="python:3.11")
def adds(a: int) -> int:
    return a + 1


@case("containerised Python components whose image nothing stands for are refused", refused="start the server with --image registry.example.com/here/adds:1=DIRECTORY")
@dsl.pipeline(name="containerised-component-elsewhere")
def containerised_component_elsewhere():
    adds(a=1)


# What `kfp component build` makes of containerised/ stands for their image.
@case("containerised Python components, with modules and files beside them", "their packages, from the image's requirements",
      tasks={"count": {"Output": "five"}, "shout": {"Output": "FIVE is five, from /usr/local/src/kfp/components, False"}},
      artifacts={"count.note": [{"text": "2 and 3, by six 1.16.0", "type": "Dataset"}]})
@dsl.pipeline(name="containerised-component")
def containerised_component():
    counted = count(a=2, b=3)
    shout(word=counted.outputs["Output"], note=counted.outputs["note"])


@case("accelerators from parameters, none of them", tasks={"say": {"out": "x"}})
@dsl.pipeline(name="accelerator-dynamic")
def accelerator_dynamic(kind: str = "nvidia.com/gpu", count: str = "0"):
    say(text="x").set_accelerator_type(kind).set_accelerator_limit(count)
