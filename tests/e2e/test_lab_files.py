"""The lab's pipeline stands in three places, as a file, in the notebook and compiled: they must say the same."""

import pathlib
import subprocess
import sys

import support

COMPILED = support.LAB / "mnist_classification.yaml"


def test_the_compiled_pipeline_is_current(tmp_path):
    out = tmp_path / "pipeline.yaml"
    subprocess.run([sys.executable, support.LAB / "pipeline.py", out], check=True)
    assert out.read_text() == COMPILED.read_text(), "run: python lab/pipeline.py lab/mnist_classification.yaml"


def test_the_notebook_defines_the_same_pipeline(tmp_path, monkeypatch):
    import nbformat

    monkeypatch.chdir(support.LAB)
    notebook = nbformat.read(support.LAB / "01_Kubeflow_Pipeline_SageMaker.ipynb", as_version=4)
    cells = [c.source for c in notebook.cells if c.cell_type == "code"]
    marks = ("from kfp import compiler", "SAMPLE_DATA =", "def as_kf_smuser", "@dsl.pipeline")
    names = {"pathlib": pathlib}
    for mark in marks:
        (cell,) = [c for c in cells if mark in c]
        exec(compile(cell, mark, "exec"), names)
    out = tmp_path / "notebook.yaml"
    names["compiler"].Compiler().compile(names["mnist_classification"], str(out))
    assert out.read_text() == COMPILED.read_text()


def test_the_notebook_is_clean():
    import nbformat

    notebook = nbformat.read(support.LAB / "01_Kubeflow_Pipeline_SageMaker.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(c.get("outputs") or c.get("execution_count") for c in notebook.cells)
