"""The lab's notebook, from top to bottom in a real Jupyter kernel: after the page's set-up, and on a fresh server, where its
second cell does what the page would have done."""

import os
import re
import shutil
import subprocess

import pytest
import support


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    with support.running(tmp_path_factory.mktemp("fresh")) as running:
        support.wait_for_sample_data(running.client("s3"))
        yield running


def test_the_notebook_runs(server, arguments, tmp_path):
    text = run_all(server, tmp_path)
    assert arguments["role_arn"] in text
    assert text.count("there:  ") == 4 and "done:  " not in text


def test_run_all_on_a_fresh_server(fresh, tmp_path):
    text = run_all(fresh, tmp_path)
    assert text.count("done:  ") == 4 and "there:  " not in text


def run_all(server, tmp_path):
    """What its cells printed, after every one has run and shown what it is to show."""
    import nbformat
    from nbclient import NotebookClient

    lab = tmp_path / "lab"
    shutil.copytree(support.LAB, lab)
    notebook = nbformat.read(lab / "01_Kubeflow_Pipeline_SageMaker.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(lab)}})
    client.execute(env=server.environment())

    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    text = "".join(o.get("text", "") for o in outputs if o.output_type == "stream")
    html = "".join(o.data.get("text/html", "") for o in outputs if "data" in o)
    pictures = [o for o in outputs if "data" in o and "image/png" in o.data]

    assert "the run: SUCCEEDED" in text
    assert html.count("SUCCEEDED") >= 6, "the table of steps"
    assert "InService" in html and html.count("Completed") >= 4, "training jobs and the endpoint"
    assert len(pictures) == 2, "ten digits; the mean of each cluster"
    assert "valid_data.csv.out: 10000 lines" in text
    assert float(re.search(r"purity: ([0-9.]+)", text).group(1)) >= 0.55
    return text


def test_the_command_makes_its_environment_once(server, tmp_path):
    lab, tools = tmp_path / "lab", tmp_path / "tools"
    lab.mkdir()
    tools.mkdir()
    (lab / "requirements.txt").write_text("")  # what is there already is the user's own
    jupyter = tools / "jupyter"
    jupyter.write_text('#!/bin/sh\n[ "$2" = --version ] && exit 1\necho "$*; $(command -v python3); $KF_PIPELINES_ENDPOINT"\n')
    jupyter.chmod(0o755)
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": f"{tools}:/usr/bin:/bin"}
    command = [support.MILLRACE, "notebook", "--data-dir", server.data_dir, "--directory", lab, "--no-browser"]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "once" in first.stderr and second.stderr == ""
    made = tmp_path / "cache/millrace/notebook/bin/python3"
    assert f"01_Kubeflow_Pipeline_SageMaker.ipynb; {made}; {server.endpoint}" in second.stdout
    assert (lab / "pipeline.py").exists()
