"""Every row of docs/sagemaker-conformance.md by every client, and that the page says what they gave."""

import os
import sys

import pytest

import support

sys.path.insert(0, str(support.ROOT / "tests" / "conformance_sdk"))
import harness  # noqa: E402
from rows import CLIENTS  # noqa: E402
from script_jobs import keep_environments, take_environments  # noqa: E402

ONLY = os.environ.get("MILLRACE_CONFORMANCE_ONLY", "")  # one client
RUN = [client for client in CLIENTS if ONLY in ("", client)]
CASES = [(client, row) for client, rows in harness.columns().items() if client in RUN for row in rows]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with support.running(data) as server:
        take_environments(data)
        done = harness.Run(server, tmp_path_factory.mktemp("clients"))
        done.results = done.clients(RUN)
        if os.environ.get("MILLRACE_CONFORMANCE") == "write" and not ONLY:
            harness.write(done.results)
        yield done
        keep_environments(data)


@pytest.mark.parametrize("client, row", CASES)
def test_row(run, client, row):
    """As recorded: what is refused is refused in the same words; what fails is known, and stands in the page."""
    problem = harness.difference(run.results, client, row)
    assert not problem, f"{problem}\n{run.log(client)[-3000:]}"


def test_the_page_names_the_versions(run):
    assert harness.recorded()["versions"] | {client: run.results[client]["version"] for client in RUN} == harness.recorded()["versions"]


@pytest.mark.skipif("sdk3" not in RUN, reason="another client was asked for")
def test_the_page_about_the_sdks(run, tmp_path):
    """Its shell commands, then the SDK 3's program. The quick test has the SDK 2's."""
    (shell, commands), _, (language, program) = harness.blocks("shell", "python")[:3]
    run.type(shell, commands, "sdk3", tmp_path)
    run.type(language, program, "sdk3", tmp_path)
