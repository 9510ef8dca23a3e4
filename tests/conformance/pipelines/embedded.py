import pathlib

from case import case
from kfp import dsl

HERE = pathlib.Path(__file__).resolve().parents[1] / "embedded"


@dsl.component(embedded_artifact_path=str(HERE / "greeting"))
def read_directory(artifact: dsl.EmbeddedInput[dsl.Dataset]) -> str:
    import os

    return open(os.path.join(artifact.path, "log.txt")).read()


@dsl.component(embedded_artifact_path=str(HERE / "greeting" / "log.txt"))
def read_file(artifact: dsl.EmbeddedInput[dsl.Dataset]) -> str:
    return open(artifact.path).read()


@case("embedded artifacts: a directory, a file", tasks={"read-directory": {"Output": "Hello, world!"}, "read-file": {"Output": "Hello, world!"}})
@dsl.pipeline(name="embedded-artifact")
def embedded_artifact():
    read_directory()
    read_file()


@dsl.notebook_component(notebook_path=str(HERE / "notebook.ipynb"))
def from_notebook(text: str) -> str:
    import os
    import tempfile

    place = os.path.join(tempfile.mkdtemp(), "out")
    dsl.run_notebook(text=text, place=place)
    return open(place).read()


@case("notebook components: parameters injected, outputs read", tasks={"from-notebook": {"Output": "SHOUTED"}})
@dsl.pipeline(name="notebook-component")
def notebook_component():
    from_notebook(text="shouted")
