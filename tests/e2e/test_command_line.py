"""docs/command-line.md, every command of it; what a run shows and what is fetched of it, also of hostile tasks."""

import json
import os
import re
import subprocess
import time

import pytest
import support
from support import MILLRACE, ROOT, running

PAGE = (ROOT / "docs" / "command-line.md").read_text()
GREET = 'mkdir -p "$(dirname "$1")"; printf "%s" "$0" > "$1"; mkdir -p "$2/sub"; printf abc > "$2/sub/file"; printf "$0" > "$3"'


def step(name, script, arguments=(), outputs=(), parameters=None, after=(), display=None, more=None, cached=False):
    """(task, component, executor) of a shell step; outputs are artifacts."""
    parameters = parameters or {}
    component = {"executorLabel": f"exec-{name}"}
    if parameters:
        component["inputDefinitions"] = {"parameters": {p: {"parameterType": t} for p, (t, _) in parameters.items()}}
    definitions = {}
    if outputs:
        artifact = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
        definitions["artifacts"] = {o: artifact for o in outputs}
    definitions |= more or {}
    if definitions:
        component["outputDefinitions"] = definitions
    task = {
        "taskInfo": {"name": display or name}, "componentRef": {"name": f"comp-{name}"}, "dependentTasks": list(after),
        "inputs": {"parameters": {p: source for p, (_, source) in parameters.items()}},
        "cachingOptions": {"enableCache": True} if cached else {},
    }  # fmt: skip
    executor = {"container": {"image": "busybox", "command": ["sh", "-c", script], "args": list(arguments)}}
    return name, task, component, executor


def pipeline(name, steps, parameters=None):
    return {
        "pipelineInfo": {"name": name},
        "root": {
            "dag": {"tasks": {n: task for n, task, _, _ in steps}},
            **({"inputDefinitions": {"parameters": parameters}} if parameters else {}),
        },
        "components": {f"comp-{n}": component for n, _, component, _ in steps},
        "deploymentSpec": {"executors": {f"exec-{n}": executor for n, _, _, executor in steps}},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.17.0",
    }


def from_run(name, kind="STRING"):
    return kind, {"componentInputParameter": name}


HELLO = pipeline(
    "hello",
    [
        step(
            "greet", GREET,
            ["{{$.inputs.parameters['text']}}", "{{$.outputs.artifacts['greeting'].path}}", "{{$.outputs.artifacts['folder'].path}}",
             "{{$.outputs.parameters['said'].output_file}}"],
            outputs=["greeting", "folder"], parameters={"text": from_run("text")}, cached=True,
            more={"parameters": {"said": {"parameterType": "STRING"}}},
        ),
        step(
            "wait", 'sleep "$1"; exit "$0"', ["{{$.inputs.parameters['code']}}", "{{$.inputs.parameters['pause']}}"],
            parameters={"code": from_run("code", "NUMBER_INTEGER"), "pause": from_run("pause", "NUMBER_DOUBLE")}, after=["greet"],
        ),
    ],
    {
        "text": {"parameterType": "STRING"},
        "code": {"parameterType": "NUMBER_INTEGER", "defaultValue": 0.0, "isOptional": True},
        "pause": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.0, "isOptional": True},
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command-line")
    (folder / "hello.yaml").write_text(json.dumps(HELLO))
    with running(folder / "data") as server:
        yield folder, server


def environment(server):
    base = {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")}
    return base | {"MILLRACE_DATA_DIR": str(server.data_dir), "PATH": f"{MILLRACE.parent}:{os.environ['PATH']}"}


def cli(place, *arguments, code=0, **options):
    folder, server = place
    done = subprocess.run(
        [MILLRACE, *map(str, arguments)], cwd=folder, env=environment(server), capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, **options
    )
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def as_json(place, *arguments, code=0):
    return json.loads(cli(place, *arguments, "--json", code=code).stdout)


def run_of(place, spec, name, code=0, *more):
    (place[0] / f"{name}.yaml").write_text(json.dumps(spec))
    return cli(place, "run", f"{name}.yaml", "--name", name, "--watch", *more, code=code)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_every_command_of_the_page(tmp_path):
    (tmp_path / "hello.yaml").write_text(json.dumps(HELLO))
    lines = [line for block in re.findall(r"```shell\n(.*?)```", PAGE, re.S) for line in block.splitlines() if line.strip()]
    assert len(lines) >= 40
    with running(tmp_path / "data") as server:
        for line in lines:
            expected = re.search(r"# exit code (\d+)$", line)
            done = subprocess.run(
                ["bash", "-c", line], env=environment(server), cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == int(expected[1] if expected else 0), (line, done.stdout, done.stderr)
    assert (tmp_path / "results" / "greet" / "greeting").read_text() == "Hi"


def commands_of(text):
    """The names in the list of subcommands of a --help."""
    found = re.search(r"Subcommands:\n(.*?)(\n\n|\n\S|\Z)", text, re.S)
    return re.findall(r"^  (\S+)", found[1], re.M) if found else []


def test_every_command_is_on_a_page_and_explains_itself(place):
    top = cli(place, "--help").stdout
    pages = PAGE + "".join((ROOT / p).read_text() for p in ("README.md", "docs/iam.md", "docs/operate.md"))
    names = commands_of(top)
    assert {"run", "get", "clone", "delete", "archive", "upload", "recurring"} <= set(names)
    for name in names:
        below = commands_of(cli(place, name, "--help").stdout)
        for command in [f"{name} {b}" for b in below] or [name]:
            assert f"millrace {command}" in pages, command
            told = cli(place, *command.split(), "--help").stdout
            assert "Example" in told, command


def test_the_table_of_exit_codes_is_that_of_the_help(place):
    table = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.M)
    told = re.findall(r"^  (\d+) +(.*)$", cli(place, "get", "--help").stdout.split("Exit code:")[1], re.M)
    assert table and table == told


# --- get --------------------------------------------------------------------------------------------------------------


def test_get_shows_inputs_outputs_and_artifacts(place):
    cli(place, "run", "hello.yaml", "-p", "text=Shown", "--name", "shown", "--watch")
    text = cli(place, "get", "shown").stdout
    assert re.search(r"input +text +Shown", text) and re.search(r"output +said +Shown", text), text
    assert re.search(r"output +greeting +system\.Artifact +minio://\S+ +artifact \d+", text), text
    only = cli(place, "get", "shown", "wait").stdout
    assert re.search(r"input +pause +0", only) and "greeting" not in only
    run = as_json(place, "get", "shown")
    greet = next(t for t in run["run_details"]["task_details"] if t["display_name"] == "greet")
    assert greet["values"]["inputs"]["parameters"] == {"text": "Shown"} and not greet["cached"]
    assert greet["values"]["outputs"]["parameters"] == {"said": "Shown"}
    artifact = greet["values"]["outputs"]["artifacts"]["greeting"][0]
    assert artifact["artifact_id"] == greet["outputs"]["greeting"]["artifact_ids"][0] and artifact["uri"].startswith("minio://")
    wait = next(t for t in run["run_details"]["task_details"] if t["display_name"] == "wait")
    assert wait["depends_on"] == [greet["task_id"]]
    missing = cli(place, "get", "shown", "none", code=5)
    assert "greet, wait" in missing.stderr


def test_cached_tasks_are_told_from_those_that_ran(place):
    cli(place, "run", "hello.yaml", "-p", "text=Kept", "--name", "kept", "--watch")
    again = cli(place, "run", "hello.yaml", "-p", "text=Kept", "--name", "kept-2", "--watch").stdout
    assert "greet: cached\n" in again and "wait: succeeded in" in again
    assert re.search(r"● greet +cached", cli(place, "get", "kept-2").stdout)
    tasks = {t["display_name"]: t["cached"] for t in as_json(place, "get", "kept-2")["run_details"]["task_details"]}
    assert tasks["greet"] is True and tasks["wait"] is False
    for command in (["run", "hello.yaml", "-p", "text=Kept"], ["clone", "kept"]):
        assert "greet: succeeded in" in cli(place, *command, "--no-cache", "--watch").stdout, command


def test_what_is_fetched(place):
    cli(place, "run", "hello.yaml", "-p", "text=Bytes", "--name", "bytes", "--watch")
    said = cli(place, "get", "bytes", "--output", "out").stdout
    out = place[0] / "out"
    assert "2 files" in said and (out / "greet" / "greeting").read_text() == "Bytes"
    assert (out / "greet" / "folder" / "sub" / "file").read_text() == "abc"
    run = json.loads((out / "run.json").read_text())
    greet = next(t for t in run["run_details"]["task_details"] if t["display_name"] == "greet")
    assert greet["values"]["outputs"]["artifacts"]["greeting"][0]["file"] == "greet/greeting"
    assert all(p.stat().st_mode & 0o111 == 0 for p in out.rglob("*") if p.is_file())
    cli(place, "get", "bytes", "wait", "-o", "none")
    assert [p.name for p in (place[0] / "none").iterdir()] == ["run.json"]
    cli(place, "get", "bytes", "--output", "hello.yaml", code=2)


EVIL = 'd="$0"; mkdir -p "$d/a"; echo in > "$d/a/file"; ln -s /etc/passwd "$d/link"; ln -s .. "$d/up"; mkfifo "$d/fifo"; ' \
    'echo x > "$d/-rf"; echo x > "$d/.hidden"; printf x > "$d/$(printf \'new\\nline\')"; printf x > "$d/$(printf \'esc\\033[31m\')"; ' \
    'p="$d/deep"; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36; ' \
    'do p="$p/$(printf \'n%.0s\' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)"; done; mkdir -p "$p"; echo deep > "$p/file"'  # fmt: skip


def test_hostile_artifacts_stay_beneath_the_directory(place):
    folder, _ = place
    names = ["../../../escape", "/etc/cron.d/x", "..", "run.json", "n" * 300, "a\n\x1b]0;title\x07b"]
    steps = [
        step(f"t{i}", EVIL if i == 0 else 'echo "$0" > "$0"', ["{{$.outputs.artifacts['out'].path}}"], outputs=["out"], display=name)
        for i, name in enumerate(names)
    ]
    run_of(place, pipeline("evil", steps), "evil")
    target = folder / "safe" / "below"
    before = {p for p in folder.rglob("*") if "data" not in p.parts and target not in [p, *p.parents]}
    done = subprocess.run(
        [MILLRACE, "get", "evil", "--output", str(target)], env=environment(place[1]), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 6 and "neither files nor directories" in done.stderr, (done.returncode, done.stderr)
    assert "\x1b" not in done.stdout + done.stderr
    after = {p for p in folder.rglob("*") if "data" not in p.parts and target not in [p, *p.parents]}
    assert after - before <= {target.parent}
    found = list(target.rglob("*"))
    assert not any(p.is_symlink() or not (p.is_file() or p.is_dir()) for p in found)
    for path in found:
        assert len(path.name.encode()) <= 100 and path.name[0] not in ".-" and path.name.isprintable(), path
    assert any(p.read_text() == "deep\n" for p in found if p.is_file())
    assert not any("root:" in p.read_text() for p in found if p.is_file())
    assert len([p for p in target.iterdir() if p.is_dir()]) >= len(names)


@pytest.mark.parametrize("at", ["greet", "greet/folder", "greet/folder/sub", "run.json", "greet/greeting"])
def test_links_in_the_directory_are_not_followed(place, at, tmp_path):
    if not any(r["display_name"] == "linked" for r in as_json(place, "runs", "-n", "1000")):
        cli(place, "run", "hello.yaml", "-p", "text=Linked", "--name", "linked", "--watch")
    victim, out = tmp_path / "victim", tmp_path / "out"
    is_file = at in ("run.json", "greet/greeting")
    victim.write_text("mine") if is_file else victim.mkdir()
    (out / at).parent.mkdir(parents=True)
    (out / at).symlink_to(victim)
    # A link in the place of a file is replaced; one in the place of a directory is refused.
    done = cli(place, "get", "linked", "--output", out, code=0 if is_file else 6)
    if is_file:
        assert victim.read_text() == "mine" and not (out / at).is_symlink()
    else:
        assert list(victim.iterdir()) == [] and "link" in done.stderr


def test_what_a_task_wrote_cannot_steer_the_terminal(place):
    script = "printf '\\033]0;title\\007\\033[2J\\033[31mred\\n'; exit 1"
    done = run_of(place, pipeline("loud", [step("loud", script, display="lo\x1b[31mud")]), "loud", 1)
    for text in (done.stdout, done.stderr, cli(place, "get", "loud", code=1).stdout, cli(place, "logs", "loud").stdout):
        assert "\x1b" not in text and "\x07" not in text, text
    assert "red" in done.stdout


# --- watching ---------------------------------------------------------------------------------------------------------


def test_watching_tells_nothing_before_what_it_depends_on(place):
    """Many short steps, of which each depends on one whose name, and row, comes after its own."""
    count = 30
    steps = [step(f"s{i:02}", "true", after=[f"s{i + 1:02}"] if i + 1 < count else []) for i in range(count)]
    out = run_of(place, pipeline("chain", steps), "chain").stdout.splitlines()
    ended = [line.split(":")[0] for line in out if ": succeeded" in line]
    assert ended == [f"s{i:02}" for i in reversed(range(count))]
    for line in out:
        if ": running" in line and line[:3] != f"s{count - 1:02}":
            earlier = f"s{int(line[1:3]) + 1:02}: succeeded"
            assert any(o.startswith(earlier) for o in out[: out.index(line)]), line


def test_watching_tells_of_retries(place):
    name, task, component, executor = step("flaky", "echo trying; exit 7")
    task["retryPolicy"] = {"maxRetryCount": 2, "backoffDuration": "0s", "backoffFactor": 1.0}
    out = run_of(place, pipeline("flaky", [(name, task, component, executor)]), "flaky", 1).stdout
    assert re.search(r"flaky: attempt 1 failed.*\n(.*\n)*?flaky: attempt 2 failed.*\n(.*\n)*?flaky: failed", out), out
    assert re.search(r"✗ flaky +failed.*attempt 3", cli(place, "get", "flaky", code=1).stdout)


def test_what_is_done_before_a_task_runs_is_said(tmp_path):
    """A server with one place, which another run has: the task waits, and the watching says so."""
    (tmp_path / "hello.yaml").write_text(json.dumps(HELLO))
    with running(tmp_path / "data", arguments=["--max-running-tasks", "1"]) as server:
        where = (tmp_path, server)
        cli(where, "run", "hello.yaml", "-p", "text=a", "-p", "pause=30", "--name", "first")
        while "◐ wait" not in cli(where, "get", "first").stdout:
            time.sleep(0.1)
        watching = subprocess.Popen(
            [MILLRACE, "run", "hello.yaml", "-p", "text=b", "--name", "second", "--watch"],
            cwd=tmp_path, env=environment(server), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert watching.stdout.readline().startswith("greet: waits")
        cli(where, "stop", "first")
        assert "second succeeded" in watching.stdout.read()
        assert watching.wait(30) == 0


def test_the_making_of_an_environment_is_said(place):
    """A component that installs packages: its environment is made before it starts, which takes some seconds."""
    install = 'echo "pip install: Collecting something large" >&2; sleep 6; "$0" "$@"'
    out = run_of(place, pipeline("packages", [step("uses", install, ["true"])]), "packages").stdout
    lines = out.splitlines()
    said = [line for line in lines if line.startswith("uses: is prepared: ")]
    assert any("Collecting something large" in line for line in said), out
    assert lines.index(said[-1]) < next(i for i, line in enumerate(lines) if line.startswith("uses: succeeded")), out


# --- pipelines on the server, clones ------------------------------------------------------------------------------------


def test_uploaded_pipelines_and_versions(place):
    made = as_json(place, "upload", "hello.yaml", "--name", "kept-here", "--description", "d")
    assert (made["display_name"], made["description"]) == ("kept-here", "d")
    assert "--pipeline kept-here" in cli(place, "upload", "hello.yaml", "--name", "kept-here", code=6).stderr
    assert "--name" in cli(place, "upload", "hello.yaml", "--pipeline", "kept-here", code=2).stderr
    version = as_json(place, "upload", "hello.yaml", "--pipeline", "kept-here", "--name", "v2")
    assert {v["display_name"] for v in as_json(place, "pipelines", "kept-here")} == {"kept-here", "v2"}
    for chosen in ([], ["--pipeline-version", "v2"], ["--pipeline-version", version["pipeline_version_id"]]):
        run = as_json(place, "run", "--pipeline", made["pipeline_id"], *chosen, "-p", "text=Hi", "--watch")
        assert run["state"] == "SUCCEEDED"
        assert run["pipeline_version_reference"]["pipeline_version_id"] == version["pipeline_version_id"]
    assert "text (STRING) is missing" in cli(place, "run", "--pipeline", "kept-here", code=2).stderr
    assert "millrace pipelines" in cli(place, "run", "--pipeline", "nothing", code=5).stderr
    cli(place, "run", "--pipeline", "kept-here", "--pipeline-version", "v9", code=5)
    cli(place, "run", "hello.yaml", "--pipeline", "kept-here", code=2)
    clone = as_json(place, "clone", run["run_id"], "-p", "text=Bye", "--watch")
    assert clone["pipeline_version_reference"] == run["pipeline_version_reference"]
    assert clone["runtime_config"]["parameters"] == {"text": "Bye"}
    cli(place, "delete", "--pipeline", "kept-here", "--pipeline-version", "v2", "--yes")
    assert "deleted" in cli(place, "clone", run["run_id"], code=5).stderr
    cli(place, "delete", "--pipeline", "kept-here")
    cli(place, "pipelines", "kept-here", code=5)


def test_settings_of_a_run_and_its_clone(place):
    settings = ["--experiment", "set-up", "--pipeline-root", "minio://mlpipeline/elsewhere", "--service-account", "trainer"]
    run = as_json(place, "run", "hello.yaml", "-p", "text=Hi", "--name", "settings", *settings, "--watch")
    experiments = json.loads(place[1].request("/apis/v2beta1/experiments?page_size=200")[1])["experiments"]
    assert [e["experiment_id"] for e in experiments if e["display_name"] == "set-up"] == [run["experiment_id"]]
    assert run["runtime_config"]["pipeline_root"] == "minio://mlpipeline/elsewhere" and run["service_account"] == "trainer"
    clone = as_json(place, "clone", "settings")
    for member in ("experiment_id", "service_account", "runtime_config"):
        assert clone[member] == run[member], member
    assert clone["display_name"] == "Clone of settings"
    assert "greeting" in cli(place, "get", "settings").stdout
    cli(place, "run", "hello.yaml", "-p", "text=Hi", "--pipeline-root", "ftp://x/y", code=2)


def test_archived_and_deleted_runs(place):
    cli(place, "run", "hello.yaml", "-p", "text=Hi", "--name", "put-away", "--watch")
    names = lambda *more: {r["display_name"] for r in as_json(place, "runs", "-n", "1000", *more)}
    assert as_json(place, "archive", "put-away")["storage_state"] == "ARCHIVED"
    assert "put-away" not in names() and "put-away" in names("--archived")
    cli(place, "get", "put-away")
    cli(place, "unarchive", "put-away")
    assert "put-away" in names() and "put-away" not in names("--archived")
    cli(place, "delete", "put-away")
    cli(place, "delete", "put-away", code=5)
    cli(place, "archive", code=2)
    cli(place, "delete", code=2)
    cli(place, "run", "hello.yaml", "-p", "text=Hi", "-p", "pause=60", "--name", "under-way")
    cli(place, "delete", "under-way")
    cli(place, "get", "under-way", code=5)


# --- recurring runs -----------------------------------------------------------------------------------------------------


def test_recurring_runs(place):
    made = as_json(
        place, "recurring", "create", "hello.yaml", "--name", "each-second", "--every", "1s", "--max-concurrency", "2", "--no-catchup",
        "-p", "text=[[Index]]",
    )  # fmt: skip
    recurring = made["recurring_run_id"]
    assert (made["max_concurrency"], made["no_catchup"], made["status"]) == ("2", True, "ENABLED")
    deadline = time.monotonic() + 30
    while not (started := [r for r in as_json(place, "runs", "-n", "1000") if r.get("recurring_run_id") == recurring]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert started[-1]["runtime_config"]["parameters"] == {"text": "1"}
    assert as_json(place, "recurring", "disable", "each-second")["status"] == "DISABLED"
    assert re.search(r"each-second +disabled +every 1\.00 s", cli(place, "recurring", "list").stdout)
    assert as_json(place, "recurring", "enable", recurring)["status"] == "ENABLED"
    cli(place, "recurring", "delete", "each-second")
    cli(place, "recurring", "delete", "each-second", code=5)


def test_recurring_runs_of_a_pipeline_take_its_newest_version(place):
    cli(place, "upload", "hello.yaml", "--name", "scheduled")
    made = as_json(place, "recurring", "create", "--pipeline", "scheduled", "--cron", "0 30 2 * * *", "--disabled", "-p", "text=Hi")
    assert "pipeline_version_id" not in made["pipeline_version_reference"]
    assert (made["status"], made["trigger"]["cron_schedule"]["cron"]) == ("DISABLED", "0 30 2 * * *")
    said = cli(place, "recurring", "create", "--pipeline", "scheduled", "--cron", "0 0 12 * * *", "-p", "text=Hi").stdout
    assert re.search(r"next +\d{4}-\d\d-\d\dT12:00:00Z, ", said), said


@pytest.mark.parametrize(
    "wrong", [[], ["--cron", "soon"], ["--every", "never"], ["--cron", "@daily", "--every", "1h"], ["--every", "1h", "--time-zone", "UTC"],
              ["--every", "1h", "--max-concurrency", "11"], ["--every", "1h", "--start", "tomorrow"]],
)  # fmt: skip
def test_schedules_that_are_none(place, wrong):
    cli(place, "recurring", "create", "hello.yaml", "-p", "text=Hi", *wrong, code=2)


# --- exit codes and words -------------------------------------------------------------------------------------------------


def test_not_found_is_told_from_failed(place):
    cli(place, "run", "hello.yaml", "-p", "text=Hi", "-p", "code=3", "--name", "fails", "--watch", code=1)
    cli(place, "get", "fails", code=1)
    for command in (["get"], ["logs"], ["stop"], ["retry"], ["clone"], ["archive"], ["delete"]):
        done = cli(place, *command, "nobody", "--json", code=5)
        assert json.loads(done.stdout)["error"]["code"] == "NOT_FOUND" and "millrace runs" in done.stderr
    assert as_json(place, "stop", "fails", code=6)["error"]["code"] == "FAILED_PRECONDITION"
    gone = [MILLRACE, "get", "latest", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(gone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4 and "millrace serve" in done.stderr


def test_words_are_those_of_the_api(place):
    cli(place, "run", "hello.yaml", "-p", "text=Hi", "-p", "pause=60", "--name", "halts")
    out = cli(place, "stop", "halts", "--watch").stdout
    assert "halts canceled in" in out
    assert cli(place, "get", "halts", code=3).stdout.startswith("■ halts  canceled")
    assert "■ canceled" in cli(place, "runs", "--state", "CANCELED").stdout
