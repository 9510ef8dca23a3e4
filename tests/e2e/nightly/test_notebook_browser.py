"""The lab's notebook as `millrace notebook` opens it, on a fresh server, in a real browser: "Run All Cells", every cell executed,
ten digits shown. Pictures of what it shows go to $MILLRACE_PICTURES."""

import base64
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import support  # noqa: E402
from test_console import BROWSER, playwright  # noqa: E402

NOTEBOOK = "01_Kubeflow_Pipeline_SageMaker.ipynb"
START_LIMIT = 60  # seconds for JupyterLab


def jupyter_address(process, home, said):
    """Where JupyterLab has the notebook, which it writes down for whoever wants to know."""
    deadline = time.monotonic() + START_LIMIT
    while not (found := list(home.glob(".local/share/jupyter/runtime/jpserver-*.json"))):
        assert time.monotonic() < deadline and process.poll() is None, said.read_text()
        time.sleep(0.2)
    jupyter = json.loads(found[0].read_text())
    return f"http://127.0.0.1:{jupyter['port']}/lab/tree/{NOTEBOOK}?token={jupyter['token']}"


def test_run_all_cells(tmp_path):
    chromium = playwright()
    directory, said = tmp_path / "lab", tmp_path / "jupyter.log"
    environment = os.environ | {"PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    with support.running(tmp_path / "data") as server:
        support.wait_for_sample_data(server.client("s3"))
        command = [support.MILLRACE, "notebook", "--data-dir", server.data_dir, "--directory", directory, "--no-browser"]
        with open(said, "w") as output:
            jupyter = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            address = jupyter_address(jupyter, tmp_path, said)
            file = directory / NOTEBOOK
            code_cells = sum(cell["cell_type"] == "code" for cell in json.loads(file.read_text())["cells"])
            pictures = pathlib.Path(os.environ.get("MILLRACE_PICTURES", tmp_path))
            browser = ["node", "notebook.mjs", chromium, address, str(code_cells), str(pictures)]
            done = subprocess.run(browser, cwd=BROWSER, capture_output=True, text=True, timeout=400)
            assert done.returncode == 0, done.stdout + done.stderr
            report = json.loads(done.stdout)
        finally:
            jupyter.send_signal(signal.SIGTERM)
            jupyter.wait(30)
        assert report["prompts"] == [f"[{i}]:" for i in range(1, code_cells + 1)]
        assert len(report["shown"]) == 2 and all(one["seen"] and one["width"] > 600 for one in report["shown"])
        check_saved(json.loads(file.read_text()), report["shown"][0])


def check_saved(notebook, shown):
    """What the browser saved: every cell ran, in order, and one of them shows the ten digits with what the endpoint says of each."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    digits = next(cell for cell in cells if "t10k-images" in "".join(cell["source"]))
    picture = next(o["data"]["image/png"] for o in digits["outputs"] if "image/png" in o.get("data", {}))
    content = base64.b64decode(picture)
    assert struct.unpack(">II", content[16:24]) == (shown["width"], shown["height"])
    assert drawn_in(content) == 10


def drawn_in(png):
    """How many figures stand side by side, with white between them: below the titles, which are the upper third."""
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(png))[:, :, :3].min(axis=2)
    dark = (pixels[len(pixels) * 2 // 5 :] < 0.5).any(axis=0)
    gap = 8  # pixels; within a digit less
    count, white = 0, gap
    for column in dark:
        count += bool(column) and white >= gap
        white = 0 if column else white + 1
    return count
