import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import support  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE (tests/CMakeLists.txt)


def pytest_configure(config):
    # The tests' own Python may be a venv's whose bin is not on PATH: its tools are meant to be found.
    here = str(pathlib.Path(sys.executable).parent)
    os.environ["PATH"] = here + os.pathsep + os.environ["PATH"]


def pytest_sessionstart(session):
    if not support.MILLRACE.exists():
        pytest.exit(f"{support.MILLRACE} does not exist: run ./dev build", returncode=1)


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2]}")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter else {}
    if exitstatus == 0 and stats.get("skipped") and not stats.get("passed"):
        session.exitstatus = SKIPPED


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with support.running(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def arguments(server):
    """The pipeline's arguments, after everything that the lab's page sets up."""
    return support.set_up(server)
