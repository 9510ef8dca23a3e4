"""Runs every client's scenarios against one server, keeps what they gave, and writes the page of it."""

import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

import support
from rows import CLIENTS, ROWS

HERE = pathlib.Path(__file__).parent
RECORDED = HERE / "recorded.json"  # {"versions": {client: version}, "rows": {row: {client: [outcome, note]}}}
PAGE = support.ROOT / "docs" / "sagemaker-conformance.md"
LIMIT = 3600  # seconds for all rows of a client
SHOWN = {"pass": "pass", "refused": "refused", "fail": "**fail**"}


def python_of(client):
    """The interpreter that has the client: ./dev made it."""
    if client in ("boto3", "cli"):
        return sys.executable
    venv = support.ROOT / "build" / f"venv-sagemaker{client[-1]}"
    return str(venv / "bin" / "python") if (venv / ".installed").exists() else support.missing(f"SageMaker's SDK {client[-1]}")


def columns():
    """Client → the rows that it has, as its module says: imported nowhere, since each needs its own Python."""
    plain = methods("plain.py")
    found = {client: methods(f"with_{client}.py") for client in CLIENTS}
    found["boto3"] |= plain
    found["cli"] |= plain
    return {client: [row.name for row in ROWS if row.name.replace("-", "_") in found[client]] for client in CLIENTS}


def methods(file):
    return set(re.findall(r"^(?:    )?def (\w+)\((?:self)?\):", (HERE / file).read_text(), re.M))


def role(server):
    """The ARN of a role that the clients take for their jobs: SDK 3 asks IAM first whether it may do what jobs do."""
    iam = server.client("iam")
    arn = support.role_for_jobs(iam)
    for policy in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.attach_role_policy(RoleName="job", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return arn


def blocks(*languages):
    """The page's blocks of these languages, in their order: [(language, text)]."""
    page = (support.ROOT / "docs" / "sagemaker.md").read_text()
    return [found for found in re.findall(r"```(\w+)\n(.*?)```", page, re.S) if found[0] in languages]


class Run:
    """One server's scenarios."""

    def __init__(self, server, directory):
        self.directory = directory
        self.environment = server.environment() | {
            "CONFORMANCE_ROLE": role(server), "SAGEMAKER_SUPPRESS_V2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(directory),
        }

    def client(self, client, *rows):
        """Row → (outcome, note), and under "version" the client's."""
        file = self.directory / f"{client}.jsonl"
        with open(self.directory / f"{client}.log", "w") as log:
            command = [python_of(client), HERE / "run.py", client, file, *rows]
            subprocess.run(command, env=self.environment, stdout=log, stderr=log, timeout=LIMIT)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        return {line["row"]: (line["outcome"], line["note"]) for line in lines[1:]} | {"version": lines[0]["version"]}

    def clients(self, clients=CLIENTS):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return dict(zip(clients, pool.map(self.client, clients)))

    def type(self, language, text, client, directory):
        """What docs/sagemaker.md says, as its reader types it."""
        start = {"shell": ["bash", "-e", "-c"], "python": [python_of(client), "-c"]}[language]
        aws = directory / "tools" / "aws"  # the CLI of this environment, wherever that was made
        aws.parent.mkdir(exist_ok=True)
        aws.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m awscli "$@"\n')
        aws.chmod(0o755)
        path = f"{aws.parent}:{support.MILLRACE.parent}:{self.environment['PATH']}"
        done = subprocess.run([*start, text], env=self.environment | {"PATH": path}, cwd=directory, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    def log(self, client):
        return (self.directory / f"{client}.log").read_text(errors="replace")


def recorded():
    return json.loads(RECORDED.read_text())


def recorded_of(results):
    rows = {row.name: {client: list(found[row.name]) for client, found in results.items() if row.name in found} for row in ROWS}
    return {"versions": {client: found["version"] for client, found in results.items()}, "rows": rows}


def difference(results, client, row):
    """How a row differs from what is recorded of it. A refusal has the same words; a failure's have names and times."""
    outcome, note = results[client].get(row, ("fail", "it was not run"))
    expected, words = recorded()["rows"][row][client]
    if outcome != expected:
        return f"{outcome}, not {expected}: {note}"
    return f"{note!r}, not {words!r}" if outcome == "refused" and note != words else ""


def write(results):
    RECORDED.write_text(json.dumps(recorded_of(results), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(recorded_of(results)))


def page(recorded):
    """The page's text: nothing in it but the rows and what was recorded of them."""
    versions, rows = recorded["versions"], recorded["rows"]
    outcomes = [outcome for found in rows.values() for outcome, _ in found.values()]
    lines = [
        "# Conformance to SageMaker's clients",
        "",
        "Each row was run by each client, as it is published, against a live server: the SageMaker SDK "
        f"{versions['sdk2']} and {versions['sdk3']}, boto3 {versions['boto3']},",
        f"the AWS CLI {versions['cli']}. `tests/conformance_sdk/` has the scenarios; the nightly test",
        "`tests/e2e/nightly/test_sagemaker_clients.py` writes this page (with `MILLRACE_CONFORMANCE=write`) and fails where it is",
        "not true. A dash: the client has nothing for it.",
        "",
        f"{len(rows)} rows, {len(outcomes)} scenarios: " + ", ".join(f"{outcomes.count(one)} {SHOWN[one].strip('*')}" for one in SHOWN) + ".",
    ]
    for group in dict.fromkeys(row.group for row in ROWS):
        lines += ["", f"## {group}", "", "| what | " + " | ".join(CLIENTS.values()) + " |", "| --- |" + " --- |" * len(CLIENTS)]
        for row in ROWS:
            if row.group == group:
                cells = [SHOWN[rows[row.name][client][0]] if client in rows[row.name] else "—" for client in CLIENTS]
                lines.append(f"| {row.shows} | " + " | ".join(cells) + " |")
    sentences = [(row, client, note) for row in ROWS for client, (outcome, note) in rows[row.name].items() if outcome != "pass"]
    if sentences:
        lines += ["", "## What is refused, and what fails", "", "| what | client | in its words |", "| --- | --- | --- |"]
        for row, client, note in sentences:
            lines.append(f"| {row.shows} | {CLIENTS[client]} | {note.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"
