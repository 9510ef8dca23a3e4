import re
from typing import List, NamedTuple

from case import case
from kfp import dsl
from kfp.dsl import Artifact, Dataset, HTML, Input, Markdown, Metrics, Model, ClassificationMetrics, SlicedClassificationMetrics, Output
from parts import read, sh, write


@case("artifacts passed between tasks by path", tasks={"read": {"out": "kept bytes"}},
      artifacts={"write.data": [{"text": "kept bytes", "uri": re.compile(r".*/write/.*data")}]})
@dsl.pipeline(name="artifact-passed")
def artifact_passed():
    read(data=write(text="kept bytes").outputs["data"])


@dsl.component
def each_schema(thing: Output[Artifact], rows: Output[Dataset], model: Output[Model], page: Output[HTML], notes: Output[Markdown],
                metrics: Output[Metrics]):
    for artifact, text in ((thing, "t"), (rows, "r"), (model, "m"), (page, "<b>p</b>"), (notes, "*n*")):
        with open(artifact.path, "w") as file:
            file.write(text)
    rows.metadata["rows"] = 3
    model.metadata.update({"framework": "none", "good": True, "nested": {"a": [1, 2]}})
    metrics.log_metric("accuracy", 0.5)


@case("artifacts of system.Artifact, Dataset, Model, HTML, Markdown and Metrics", "metadata that a component sets",
      artifacts={"each-schema.thing": [{"type": "Artifact", "text": "t"}],
                 "each-schema.rows": [{"type": "Dataset", "text": "r", "metadata": {"rows": 3}}],
                 "each-schema.model": [{"type": "Model", "text": "m", "metadata": {"framework": "none", "good": True, "nested": {"a": [1, 2]}}}],
                 "each-schema.page": [{"type": "HTML", "text": "<b>p</b>"}],
                 "each-schema.notes": [{"type": "Markdown", "text": "*n*"}],
                 "each-schema.metrics": [{"type": "Metric", "metadata": {"accuracy": 0.5}}]})
@dsl.pipeline(name="artifact-schemas")
def artifact_schemas():
    each_schema()


@dsl.component
def classify(curve: Output[ClassificationMetrics], slices: Output[SlicedClassificationMetrics]):
    curve.log_roc_curve([0.0, 1.0], [0.0, 1.0], [0.5, 0.0])
    curve.log_confusion_matrix(["a", "b"], [[1, 2], [3, 4]])
    slices.metadata["evaluationSlices"] = [{"slice": "one"}]


@case("artifacts of ClassificationMetrics and SlicedClassificationMetrics",
      artifacts={"classify.curve": [{"type": "ClassificationMetric",
                                     "metadata": {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}, {"displayName": "b"}],
                                                                      "rows": [{"row": [1, 2]}, {"row": [3, 4]}]}}}],
                 "classify.slices": [{"type": "SlicedClassificationMetric", "metadata": {"evaluationSlices": [{"slice": "one"}]}}]})
@dsl.pipeline(name="artifact-classification")
def artifact_classification():
    classify()


@dsl.container_component
def tree(out: Output[Dataset]):
    return sh('mkdir -p "$0/deep"; echo 1 > "$0/a"; echo 2 > "$0/deep/b"', out.path)


@dsl.container_component
def walk(data: Input[Dataset], out: dsl.OutputPath(str)):
    return sh('cd "$0"; printf "%s" "$(find . -type f | sed s,^./,, | sort | paste -sd " ")" > "$1"', data.path, out)


@case("a directory as an artifact", tasks={"walk": {"out": "a deep/b"}})
@dsl.pipeline(name="artifact-directory")
def artifact_directory():
    walk(data=tree().outputs["out"])



@dsl.component
def metadata_of(data: Input[Dataset]) -> dict:
    return {"rows": data.metadata["rows"], "name": data.name, "type": type(data).__name__, "text": open(data.path).read()}


@case("metadata read by the next component", tasks={"metadata-of": {"Output": {"rows": 3, "name": "rows", "type": "Dataset", "text": "r"}}})
@dsl.pipeline(name="artifact-metadata")
def artifact_metadata():
    metadata_of(data=each_schema().outputs["rows"])


@dsl.component
def at_own_uri(data: Output[Dataset]):
    data.custom_path = "/tmp/own-place"
    with open("/tmp/own-place", "w") as file:
        file.write("own")


@case("an output artifact written at a custom path", tasks={"read": {"out": "own"}})
@dsl.pipeline(name="artifact-custom-path")
def artifact_custom_path():
    read(data=at_own_uri().outputs["data"])


@dsl.component
def join(parts: Input[List[Dataset]]) -> str:
    return "+".join(open(p.path).read() for p in parts)


@case("a list of artifacts as an input, collected from a loop", tasks={"join": {"Output": "a+b+c"}})
@dsl.pipeline(name="artifact-list")
def artifact_list():
    with dsl.ParallelFor(["a", "b", "c"]) as item:
        made = write(text=item)
    join(parts=dsl.Collected(made.outputs["data"]))


@dsl.container_component
def copy(data: Input[Dataset], copied: Output[Dataset]):
    return sh('cp "$0" "$1"', data.path, copied.path)


@dsl.pipeline
def two_parts() -> List[Dataset]:
    with dsl.ParallelFor(["a", "b"]) as item:
        made = write(text=item)
    return dsl.Collected(made.outputs["data"])


@case("a list of artifacts as a pipeline's output, looped over (an artifact iterator)", tasks={"join": {"Output": "a+b"}})
@dsl.pipeline(name="artifact-loop")
def artifact_loop():
    with dsl.ParallelFor(two_parts().output) as part:
        again = copy(data=part)
    join(parts=dsl.Collected(again.outputs["copied"]))


@case("OneOf of artifacts", tasks={"read": {"out": "else"}})
@dsl.pipeline(name="artifact-one-of")
def artifact_one_of(given: str = "b"):
    with dsl.If(given == "a"):
        one = write(text="if")
    with dsl.Else():
        two = write(text="else")
    read(data=dsl.OneOf(one.outputs["data"], two.outputs["data"]))


@case("pipeline root of a run", root="minio://elsewhere/here", tasks={"read": {"out": "x"}},
      artifacts={"write.data": [{"uri": re.compile("minio://elsewhere/here/artifact-root/.*/data"), "text": "x"}]})
@dsl.pipeline(name="artifact-root")
def artifact_root():
    read(data=write(text="x").outputs["data"])


@case("a pipeline's own output artifact", artifacts={".made": [{"text": "out", "type": "Dataset"}]})
@dsl.pipeline(name="artifact-of-pipeline")
def artifact_of_pipeline() -> NamedTuple("Out", [("made", Dataset)]):
    return NamedTuple("Out", [("made", Dataset)])(write(text="out").outputs["data"])


@dsl.component
def at_uri(text: str) -> dsl.Dataset:
    made = dsl.Dataset(uri=dsl.get_uri(), metadata={"by": "hand"})
    with open(made.path, "w") as file:
        file.write(text)
    return made


@case("an artifact that a Python component makes at dsl.get_uri() and returns", tasks={"read": {"out": "bytes"}},
      artifacts={"at-uri.Output": [{"text": "bytes", "metadata": {"by": "hand"}}]})
@dsl.pipeline(name="artifact-get-uri")
def get_uri():
    read(data=at_uri(text="bytes").output)
