"""Components whose code is in an image (target_image), built by `kfp component build`."""

from kfp import dsl
from words import spelled

IMAGE = "registry.example.com/here/counts:1"


@dsl.component(base_image="python:3.11", target_image=IMAGE, packages_to_install=["six==1.16.0"])
def count(a: int, b: int, note: dsl.Output[dsl.Dataset]) -> str:
    import six

    with open(note.path, "w") as file:
        file.write(f"{a} and {b}, by six {six.__version__}")
    note.metadata["sum"] = a + b
    return spelled(a + b)


@dsl.component(base_image="python:3.11", target_image=IMAGE)
def shout(word: str, note: dsl.Input[dsl.Dataset]) -> str:
    import os

    return f"{word.upper()} is {spelled(note.metadata['sum'])}, from {os.getcwd()}, {os.access('.', os.W_OK)}"
