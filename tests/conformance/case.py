"""A case of the conformance table: a pipeline, and what a run of it must have done, as data."""

import dataclasses
import importlib
import pathlib
import typing

FINAL = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")


@dataclasses.dataclass
class Case:
    name: str
    group: str
    features: typing.Sequence[str]
    pipeline: typing.Any
    arguments: dict = dataclasses.field(default_factory=dict)
    state: str = "SUCCEEDED"
    # Task, as its path below the root ("loop/0/say"; "" is the run itself) → its state, or its output parameters (then
    # it has succeeded). A compiled pattern stands for every text that it matches whole.
    tasks: dict = dataclasses.field(default_factory=dict)
    # "task.output" → list of {"text", "type", "metadata", "uri"}, each member optional.
    artifacts: dict = dataclasses.field(default_factory=dict)
    # The same, of a second run after the first; "as before" and "anew" compare its outputs with the first run's.
    again: typing.Optional[dict] = None
    # A piece of the sentence that refuses the run at submission.
    refused: str = ""
    error: str = ""  # a piece of what a failed run says
    cached: bool = False  # whether the SDK's caching is left on
    root: typing.Optional[str] = None  # pipeline_root


CASES: typing.List[Case] = []


def case(*features, **options):
    """Decorates a compiled-to-be pipeline: its features in words, then what is expected of it."""

    def add(pipeline):
        function = getattr(pipeline, "pipeline_func", pipeline)
        CASES.append(Case(pipeline.name, function.__module__.rsplit(".", 1)[-1], features, pipeline, **options))
        return pipeline

    return add


def load():
    """Every case below pipelines/, in the order of file and line."""
    if not CASES:
        for file in sorted((pathlib.Path(__file__).parent / "pipelines").glob("*.py")):
            if file.stem != "__init__":
                importlib.import_module(f"pipelines.{file.stem}")
        names = [case.name for case in CASES]
        assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    return CASES
