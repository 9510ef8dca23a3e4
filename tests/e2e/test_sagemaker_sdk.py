"""The SageMaker SDK 2, as it is published: a part of the rows of tests/conformance_sdk. All of them, by every client, run
nightly; what they gave is recorded, and docs/sagemaker-conformance.md is made of it."""

import sys

import pytest

import support

sys.path.insert(0, str(support.ROOT / "tests" / "conformance_sdk"))
import harness  # noqa: E402
from rows import ROWS  # noqa: E402

# No environment of a framework among them: those are made with the package index.
QUICK = [
    "default-bucket", "kmeans-train", "kmeans-endpoint", "kmeans-transform", "missing-data", "other-algorithms", "failing-script",
    "script-processor", "tuning-random", "formats", "register", "lists",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with support.running(tmp_path_factory.mktemp("data")) as server:
        done = harness.Run(server, tmp_path_factory.mktemp("client"))
        done.results = {"sdk2": done.client("sdk2", *QUICK)}
        yield done


@pytest.mark.parametrize("row", QUICK)
def test_row(run, row):
    problem = harness.difference(run.results, "sdk2", row)
    assert not problem, f"{problem}\n{run.log('sdk2')[-3000:]}"


def test_the_page_about_the_sdks(run, tmp_path):
    """"With SageMaker's SDKs": its shell commands, then the SDK 2's program. The nightly test has the SDK 3's."""
    for language, text in harness.blocks("shell", "python")[:2]:
        run.type(language, text, "sdk2", tmp_path)


def test_the_page_is_what_was_recorded():
    assert harness.PAGE.read_text() == harness.page(harness.recorded()), "write it anew: tests/conformance_sdk/README.md"


def test_every_scenario_was_recorded():
    recorded = harness.recorded()["rows"]
    assert list(recorded) == [row.name for row in ROWS]
    assert {client: [row for row in recorded if client in recorded[row]] for client in harness.CLIENTS} == harness.columns()
