"""Images that a directory stands for (`--image NAME=DIRECTORY`): containerised Python components, built by the SDK's own
`kfp component build --no-build-image`, and plain container components, run as processes of this machine."""

import json
import shutil
import subprocess

import pytest
from kfp import compiler, components, dsl

import support

SOURCES = support.ROOT / "tests" / "conformance" / "containerised"
COUNTS = "registry.example.com/here/counts:1"
WORKDIR = "/usr/local/src/kfp/components"


@dsl.container_component
def six_version(image_says: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="plain", command=["python3", "main.py"], args=[image_says])


PLAIN = {
    "Dockerfile": "FROM python:3.11\nWORKDIR /srv/plain\nENV MOOD=good\nRUN pip install -r needs.txt\nCOPY . .\nCMD sleep\n",
    "needs.txt": "six==1.16.0\n",
    "kfp_config.ini": "[Components]\n",
    "said.py": "import os, six\n\ntext = ' '.join([six.__version__, os.environ['MOOD'], os.getcwd()])\n",
    "main.py": "import pathlib, sys\nimport said\n\npath = pathlib.Path(sys.argv[1])\npath.parent.mkdir(parents=True, exist_ok=True)\npath.write_text(said.text)\n",
}


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    here = tmp_path_factory.mktemp("contexts")
    plain = here / "plain"
    plain.mkdir()
    for name, text in PLAIN.items():
        (plain / name).write_text(text)
    return {COUNTS: support.build_context(SOURCES, here / "counts"), "plain": plain}


def arguments(contexts):
    return [word for name, directory in contexts.items() for word in ("--image", f"{name}={directory}")]


@pytest.fixture(scope="module")
def server(tmp_path_factory, contexts):
    with support.running(tmp_path_factory.mktemp("data"), arguments=arguments(contexts)) as running:
        yield running


def package(contexts, path, cached=True):
    """A pipeline of two components as their context describes them, and a plain one."""
    count, shout = (
        components.load_component_from_file(str(contexts[COUNTS] / "component_metadata" / f"{name}.yaml")) for name in ("count", "shout")
    )

    @dsl.pipeline(name="local-images")
    def pipeline(a: int = 2, b: int = 3):
        counted = count(a=a, b=b)
        tasks = [counted, shout(word=counted.outputs["Output"], note=counted.outputs["note"]), six_version()]
        for task in tasks:
            task.set_caching_options(cached)

    compiler.Compiler().compile(pipeline, str(path))
    return path


def run(server, path, **parameters):
    """Each task: its output parameters, and whether the cache spared it."""
    run_id = support.start_run(server, parameters, package=path)
    ended = support.wait_for_run(server, run_id, limit=300)
    assert ended["state"] == "SUCCEEDED", support.why(server, run_id)
    tasks = json.loads(server.request(f"/console/api/runs/{run_id}")[1])["tasks"]
    return {t["name"]: (t["outputs"].get("parameters", {}), t["cached"]) for t in tasks if not t["is_dag"]}


def test_runs_to_the_end(server, contexts, tmp_path):
    path = package(contexts, tmp_path / "p.yaml")
    before = sorted(str(p) for p in contexts[COUNTS].rglob("*"))
    assert run(server, path) == {
        "count": ({"Output": "five"}, False),
        "shout": ({"Output": f"FIVE is five, from {WORKDIR}, False"}, False),
        "six-version": ({"image_says": "1.16.0 good /srv/plain"}, False),
    }
    assert [cached for _, cached in run(server, path).values()] == [True, True, True]
    assert sorted(str(p) for p in contexts[COUNTS].rglob("*")) == before


def test_other_code_is_not_spared_by_the_cache(server, contexts, tmp_path):
    path = package(contexts, tmp_path / "p.yaml")
    run(server, path)
    (contexts[COUNTS] / "numbers.txt").write_text("nul ein zwei drei vier fünf\n")
    again = run(server, path)
    assert again["count"] == ({"Output": "fünf"}, False)
    assert again["shout"][0]["Output"].startswith("FÜNF is fünf")
    assert again["six-version"][1], "its image is as it was"
    assert run(server, path)["count"] == ({"Output": "fünf"}, True)


def test_other_requirements_make_another_environment(server, contexts, tmp_path):
    path = package(contexts, tmp_path / "p.yaml")
    run(server, path)
    (contexts["plain"] / "needs.txt").write_text("six==1.17.0\n")
    again = run(server, path)
    assert again["six-version"] == ({"image_says": "1.17.0 good /srv/plain"}, False)
    assert again["count"][1], "its image is as it was"


def lend_environments_of_kfp(server, data):
    """What takes longest to make, the SDK's own environment, is copied; the small ones are made anew."""
    kept = server.data_dir / "pipelines" / "python"
    for large in {package.parents[3] for package in kept.glob("*/lib/python3*/site-packages/kfp")}:
        shutil.copytree(large, data / "pipelines" / "python" / large.name, symlinks=True)


def test_without_a_sandbox(server, contexts, tmp_path):
    path = package(contexts, tmp_path / "p.yaml", cached=False)
    run(server, path)
    lend_environments_of_kfp(server, tmp_path / "data")
    given = ["--no-sandbox", *arguments(contexts)]
    with support.running(tmp_path / "data", arguments=given) as server:
        said = run(server, path)
        assert said["shout"][0]["Output"].endswith(f"from {contexts[COUNTS]}, True")
        assert said["six-version"][0]["image_says"].endswith(f"good {contexts['plain']}")
        assert not list(contexts["plain"].rglob("__pycache__")), "nothing is left in it"


def test_run_local(contexts, tmp_path):
    @dsl.pipeline(name="plain-alone")
    def alone():
        six_version()

    path = tmp_path / "p.yaml"
    compiler.Compiler().compile(alone, str(path))
    command = [support.MILLRACE, "run", path, "--local", "--json", "--data-dir", tmp_path / "data"]
    # Relative to where the command is given.
    given = ["--image", f"plain={contexts['plain'].name}"]
    done = subprocess.run([*command, *given], cwd=contexts["plain"].parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*command[:3], *given], capture_output=True, text=True)
    assert done.returncode == 2 and "--image requires --local" in done.stderr, done.stderr


def test_an_image_that_is_not_given_is_refused(server, tmp_path):
    @dsl.component(base_image="python:3.11", target_image="example.com/other:1")
    def other() -> str:
        return ""

    @dsl.pipeline(name="other")
    def pipeline():
        other()

    path = tmp_path / "p.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    with pytest.raises(Exception) as refused:
        support.start_run(server, {}, package=path)
    assert "start the server with --image example.com/other:1=DIRECTORY" in str(refused.value)


def test_check_is_given_what_the_server_is(contexts, tmp_path):
    command = [support.MILLRACE, "check", package(contexts, tmp_path / "p.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "--image" in done.stdout, done.stdout + done.stderr
    for more in (arguments(contexts), ["--executor", "container"]):
        done = subprocess.run([*command, *more], capture_output=True, text=True)
        assert done.returncode == 0 and "is fine" in done.stdout, done.stdout + done.stderr
    done = subprocess.run([*command, "--node-label", "plain"], capture_output=True, text=True)
    assert done.returncode == 2 and "is not key=value" in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize(
    "given, said",
    [
        (["plain"], "--image plain is not NAME=DIRECTORY"),
        (["plain=/no/such/place"], "--image plain=/no/such/place: there is no such directory"),
        (["plain=/var"], "it has no kfp_config.ini; `kfp component build /var --no-build-image` makes it"),
        (["plain={plain}", "plain={plain}"], "the image is given twice"),
        (["plain={plain}", "--executor", "container"], "leave out one of them"),
        (["plain={data}"], "which no step may see"),
    ],
)
def test_what_is_wrong_is_said_at_start(contexts, tmp_path, given, said):
    data = tmp_path / "data"
    data.mkdir()
    (data / "kfp_config.ini").write_text("")
    words = []
    for word in given:
        words += [word] if word.startswith("--") or word == "container" else ["--image", word.format(plain=contexts["plain"], data=data)]
    command = [support.MILLRACE, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and said in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
