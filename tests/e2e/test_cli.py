"""The commands about runs, as a person types them, against a live server."""

import json
import os
import pty
import re
import select
import struct
import subprocess
import time
import unicodedata

import fcntl
import termios

import pytest
import yaml
from support import MILLRACE, running

PIPELINE = """\
pipelineInfo:
  name: greetings
root:
  dag:
    tasks:
      hello:
        taskInfo: {name: hello}
        componentRef: {name: comp-say}
        inputs:
          parameters:
            text: {componentInputParameter: text}
      work:
        taskInfo: {name: work}
        componentRef: {name: comp-work}
        dependentTasks: [hello]
        inputs:
          parameters:
            code: {componentInputParameter: code}
            pause: {componentInputParameter: pause}
  inputDefinitions:
    parameters:
      text: {parameterType: STRING}
      code: {parameterType: NUMBER_INTEGER, defaultValue: 0.0, isOptional: true}
      pause: {parameterType: NUMBER_DOUBLE, defaultValue: 0.0, isOptional: true}
components:
  comp-say:
    executorLabel: exec-say
    inputDefinitions:
      parameters:
        text: {parameterType: STRING}
  comp-work:
    executorLabel: exec-work
    inputDefinitions:
      parameters:
        code: {parameterType: NUMBER_INTEGER}
        pause: {parameterType: NUMBER_DOUBLE}
deploymentSpec:
  executors:
    exec-say:
      container:
        image: busybox
        command: [sh, -c, 'echo "says $0"', "{{$.inputs.parameters['text']}}"]
    exec-work:
      container:
        image: busybox
        command: [sh, -c, 'echo begins; sleep "$1"; echo "ends with $0"; exit "$0"', "{{$.inputs.parameters['code']}}", "{{$.inputs.parameters['pause']}}"]
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    (folder / "p.yaml").write_text(PIPELINE)
    (folder / "broken.yaml").write_text(
        PIPELINE.replace("comp-say}", "comp-none}").replace("code: {componentInputParameter: code}", "code: {}")
    )
    with running(folder / "data") as server:
        yield folder, server


def cli(place, *arguments, data=True, **environment):
    folder, server = place
    env = {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")} | environment
    if data:
        env.setdefault("MILLRACE_DATA_DIR", str(server.data_dir))
    return subprocess.run([MILLRACE, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_a_run_from_start_to_end(place):
    done = cli(place, "run", "p.yaml", "-p", "text=Hi", "--name", "first", "--watch")
    assert done.returncode == 0, done.stderr
    assert "hello: succeeded in" in done.stdout and "first succeeded in" in done.stdout
    shown = cli(place, "get", "first")
    assert shown.returncode == 0 and "● hello" in shown.stdout and "text" in shown.stdout
    run = json.loads(cli(place, "get", "latest", "--json").stdout)
    assert run["state"] == "SUCCEEDED" and run["runtime_config"]["parameters"] == {"text": "Hi"}
    prefix = run["run_id"][:8]
    assert json.loads(cli(place, "get", prefix, "--json").stdout)["run_id"] == run["run_id"]
    assert cli(place, "logs", "first", "hello").stdout == "says Hi\n"
    assert "work  │ ends with 0" in cli(place, "logs", prefix).stdout
    assert prefix in cli(place, "runs").stdout
    assert run["run_id"] in cli(place, "runs", "-q", "--state", "succeeded").stdout


def test_the_exit_code_is_the_outcome(place):
    failed = cli(place, "run", "p.yaml", "-p", "text=Hi", "-p", "code=3", "--name", "bad", "--watch", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["state"] == "FAILED"
    assert "The last lines of work:" in failed.stderr and "ends with 3" in failed.stderr
    assert cli(place, "logs", "-f", "bad").returncode == 1
    assert cli(place, "get", "bad").returncode == 1
    again = cli(place, "retry", "bad", "--watch")
    assert again.returncode == 1 and "work: failed" in again.stdout, again.stderr

    started = cli(place, "run", "p.yaml", "-p", "text=Hi", "-p", "pause=30", "--name", "slow")
    assert started.returncode == 0 and "slow is run" in started.stdout
    assert cli(place, "stop", "slow", "--watch").returncode == 0
    assert cli(place, "get", "slow", "--watch").returncode == 3


def test_what_cannot_be_run_is_said_before_anything_starts(place):
    before = cli(place, "runs", "-q", "-n", "1000").stdout
    wrong = cli(place, "run", "p.yaml", "-p", "code=x", "-p", "more=1")
    assert wrong.returncode == 2
    for part in ('"x" is not a whole number', "no parameter more", "text (STRING) is missing"):
        assert part in wrong.stderr
    assert cli(place, "run", "broken.yaml").returncode == 2
    assert cli(place, "run", "nowhere.yaml").returncode == 2
    assert cli(place, "run").returncode == 2
    assert cli(place, "runs", "--state", "odd").returncode == 2
    assert cli(place, "runs", "-q", "-n", "1000").stdout == before
    unknown = cli(place, "get", "nobody", "--json")
    assert unknown.returncode == 5 and json.loads(unknown.stdout)["error"]["code"] == "NOT_FOUND"


def test_stopped_runs_are_not_failed_ones(place):
    assert cli(place, "run", "p.yaml", "-p", "text=Hi", "-p", "code=3", "--name", "fails", "--watch").returncode == 1
    assert cli(place, "run", "p.yaml", "-p", "text=Hi", "-p", "pause=30", "--name", "halted").returncode == 0
    assert cli(place, "stop", "halted", "--watch").returncode == 0

    def names(state):
        return {run["display_name"] for run in json.loads(cli(place, "runs", "--state", state, "-n", "100", "--json").stdout)}

    for state in ("stopped", "Canceled"):
        assert "halted" in names(state) and "fails" not in names(state)
    assert "fails" in names("failed") and "halted" not in names("failed")
    assert "■ canceled" in cli(place, "runs", "--state", "stopped").stdout
    assert len(json.loads(cli(place, "runs", "--state", "stopped", "-n", "1", "--json").stdout)) == 1


def test_what_the_server_refuses_is_no_fault_of_the_command_line(place):
    assert cli(place, "run", "p.yaml", "-p", "text=Hi", "--name", "over", "--watch").returncode == 0
    for command in ("stop", "retry"):
        refused = cli(place, command, "over", "--json")
        assert refused.returncode == 6 and json.loads(refused.stdout)["error"]["code"] == "FAILED_PRECONDITION"
        nothing = cli(place, command, "")
        assert nothing.returncode == 2 and "RUN is empty" in nothing.stderr


def test_a_reader_that_goes_away_ends_the_following(place):
    folder, server = place
    (folder / "talks.yaml").write_text(PIPELINE.replace("echo begins; sleep", "while :; do echo on; sleep 0.1; done; sleep"))
    assert cli(place, "run", "talks.yaml", "-p", "text=Hi", "--name", "talks").returncode == 0
    followed = subprocess.Popen(
        [MILLRACE, "logs", "-f", "talks"], cwd=folder, stdout=subprocess.PIPE,
        env=os.environ | {"MILLRACE_DATA_DIR": str(server.data_dir)},
    )  # fmt: skip
    assert followed.stdout.readline()
    followed.stdout.close()  # as of `| head -1`
    assert followed.wait(timeout=20) in (141, -13)
    assert cli(place, "stop", "talks").returncode == 0


def test_a_command_that_is_none(place):
    done = cli(place, "rnu", "p.yaml", "--watch")
    assert done.returncode == 2 and '"rnu" is not a command' in done.stderr and "--help" in done.stderr


def test_check_needs_no_server(place):
    fine = cli(place, "check", "p.yaml", data=False)
    assert fine.returncode == 0 and "greetings with 2 tasks" in fine.stdout
    broken = cli(place, "check", "broken.yaml", data=False)
    assert broken.returncode == 1
    line = 1 + PIPELINE.splitlines().index("            code: {componentInputParameter: code}")
    assert f"broken.yaml:{line}: " in broken.stdout and "comp-none" in broken.stdout and "2 problems" in broken.stdout
    report = json.loads(cli(place, "check", "broken.yaml", "--json", data=False).stdout)
    assert not report["ok"] and line in [p["line"] for p in report["problems"]]
    (folder := place[0]).joinpath("version.yaml").write_text(PIPELINE.replace("2.1.0", "9.9.9"))
    once = cli(place, "check", str(folder / "version.yaml"), data=False)
    assert once.returncode == 1 and "9.9.9" in once.stdout and "1 problem\n" in once.stdout


def test_python_is_compiled_by_the_users_own_sdk(place):
    folder, _ = place
    (folder / "p.py").write_text("x = 1\n")
    without = cli(place, "check", "p.py", PATH="/nonexistent")
    assert without.returncode == 1 and "pip install kfp" in without.stderr


def test_without_a_server_it_says_how_to_start_one(place):
    folder, _ = place
    none = cli(place, "runs", "--data-dir", str(folder / "empty"))
    assert none.returncode == 4 and "millrace serve" in none.stderr
    refused = cli(place, "run", "p.yaml", "-p", "text=x", MILLRACE_URL="http://127.0.0.1:9", data=False)
    assert refused.returncode == 4 and "millrace serve" in refused.stderr


def test_a_run_in_a_server_of_its_own(place):
    done = cli(place, "run", "p.yaml", "-p", "text=Hi", "--local", data=False)
    assert done.returncode == 0, done.stderr
    assert "greetings succeeded in" in done.stdout


def said_to(leader):
    """All that a program writes to its terminal until it ends, or for half a minute."""
    out, deadline = b"", time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([leader], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(leader)
    return out


def test_the_picture_on_a_terminal(place):
    folder, server = place
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [MILLRACE, "run", "p.yaml", "-p", "text=Hi", "-p", "pause=0.5", "-p", "code=1", "--watch"],
        cwd=folder, stdout=follower, stderr=follower, stdin=follower,
        env=os.environ | {"MILLRACE_DATA_DIR": str(server.data_dir), "TERM": "xterm"},
    )  # fmt: skip
    os.close(follower)
    out = said_to(leader)
    assert process.wait(timeout=10) == 1
    text = out.decode()
    assert "◐" in text and "running" in text  # seen while it went on
    last = text[text.rfind("\x1b[3A") :]  # the header and two tasks, drawn over themselves
    assert "✗" in last and "└─" in last and "ends with 1" in last


def test_completion_in_bash(place):
    script = f"""
    PATH="{os.path.dirname(MILLRACE)}:$PATH"; eval "$(millrace completion bash)"
    COMP_WORDS=(millrace ru); COMP_CWORD=1; _millrace; echo "${{COMPREPLY[*]}}"
    COMP_WORDS=(millrace run --wa); COMP_CWORD=2; _millrace; echo "${{COMPREPLY[*]}}"
    COMP_WORDS=(millrace get la); COMP_CWORD=2; _millrace; echo "${{COMPREPLY[*]}}"
    """
    env = os.environ | {"MILLRACE_DATA_DIR": str(place[1].data_dir)}
    done = subprocess.run(["bash", "-uc", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["run runs", "--watch", "latest"], done.stderr
    for shell in ("zsh", "fish"):
        assert "--watch" in cli(place, "completion", shell).stdout or "-l watch" in cli(place, "completion", shell).stdout
    assert cli(place, "completion", "tcsh").returncode == 2


def test_the_beginning_of_an_id_means_one_run_or_none(place):
    """Also among more runs than one page of them has, and never another run than the one that was meant."""
    _, server = place
    spec = yaml.safe_load(PIPELINE)
    for _ in range(40):
        run = {"display_name": "many", "pipeline_spec": spec, "runtime_config": {"parameters": {"text": "x"}}}
        assert server.request("/apis/v2beta1/runs", run)[0] == 200
    ids = cli(place, "runs", "-q", "-n", "10000").stdout.split()
    for first in "0123456789abcdef":
        same = sorted(i for i in ids if i.startswith(first))
        got = cli(place, "get", first, "--json")
        if len(same) == 1:
            assert json.loads(got.stdout)["run_id"] == same[0]
        else:
            error = json.loads(got.stdout)["error"]
            assert got.returncode == (6 if same else 5)
            assert error["code"] == ("FAILED_PRECONDITION" if same else "NOT_FOUND"), error
            if same:
                assert f"may be {len(same)} runs" in error["message"] and same[0] in error["message"], error
    unique = next(n for n in range(1, 37) if len([i for i in ids if i.startswith(ids[0][:n])]) == 1)
    assert json.loads(cli(place, "get", ids[0][:unique].upper(), "--json").stdout)["run_id"] == ids[0]
    none = cli(place, "stop", "%", "--json")
    assert none.returncode == 5 and json.loads(none.stdout)["error"]["code"] == "NOT_FOUND"


def test_a_log_is_asked_for_by_the_task_and_by_the_pod(place):
    _, server = place
    assert cli(place, "run", "p.yaml", "-p", "text=Hi", "--name", "asked", "--watch").returncode == 0
    run = json.loads(cli(place, "get", "asked", "--json").stdout)
    task = next(t for t in run["run_details"]["task_details"] if t["display_name"] == "hello")
    for node in ("root%2Fhello", task["pod_name"]):
        assert server.request(f"/apis/v1alpha1/runs/{run['run_id']}/nodes/{node}/log") == (200, "says Hi\n")
    for node in ("root", "root%2Fnone", task["pod_name"] + ".1", "none"):
        status, text = server.request(f"/apis/v1alpha1/runs/{run['run_id']}/nodes/{node}/log")
        assert status == 404 and json.loads(text)["error_message"], node


def columns(line):
    wide = "WF"
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in wide else 1 for c in line)


@pytest.mark.parametrize("width", [24, 40])
def test_no_line_of_the_picture_is_wider_than_the_terminal(place, width):
    folder, server = place
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [MILLRACE, "run", "p.yaml", "-p", "text=Hi", "-p", "pause=0.3", "--name", "とても長い名前のパイプライン and more", "--watch"],
        cwd=folder, stdout=follower, stderr=follower, stdin=follower,
        env=os.environ | {"MILLRACE_DATA_DIR": str(server.data_dir), "TERM": "xterm", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(follower)
    out = said_to(leader)
    assert process.wait(timeout=10) == 0
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", out.decode())]
    assert any("とて" in line for line in lines)
    assert max(map(columns, lines)) <= width, max(lines, key=columns)


@pytest.mark.parametrize("command", ["run", "runs", "logs", "get", "stop", "retry", "check", "completion"])
def test_every_command_explains_itself(place, command):
    done = cli(place, command, "--help")
    assert done.returncode == 0 and "Example" in done.stdout
