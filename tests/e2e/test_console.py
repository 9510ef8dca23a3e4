"""The console in a real browser: a run's graph while it runs, each task's data and log, SageMaker's pages."""

import json
import os
import pathlib
import subprocess

import support

BROWSER = pathlib.Path(__file__).parent / "browser"


def playwright():
    support.need("node"), support.need("npm")
    chromium = os.environ.get("CHROMIUM") or support.need("chromium")
    if not (BROWSER / "node_modules" / "playwright-core").exists():
        done = subprocess.run(["npm", "ci", "--loglevel=error"], cwd=BROWSER, capture_output=True, text=True)
        if done.returncode != 0:
            support.missing(f"playwright-core (npm: {done.stderr.strip()[-300:]})")
    return chromium


def test_the_console(server, arguments, tmp_path):
    chromium = playwright()
    run_id = support.start_run(server, arguments)
    pictures = pathlib.Path(os.environ.get("MILLRACE_PICTURES", tmp_path))
    done = subprocess.run(
        ["node", "console.mjs", chromium, server.endpoint, run_id, str(pictures)],
        cwd=BROWSER, capture_output=True, text=True, timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["seenRunning"], "the graph showed a running task"
    assert report["tasks"] == 6


def test_headers(server):
    import urllib.request

    with urllib.request.urlopen(server.endpoint + "/") as page:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        tag = page.headers["ETag"]
    again = urllib.request.Request(server.endpoint + "/", headers={"If-None-Match": tag})
    try:
        urllib.request.urlopen(again)
        raise AssertionError("the page was sent again")
    except urllib.error.HTTPError as error:
        assert error.code == 304
    # A page from elsewhere that resolved its own name to this machine is not let in.
    status, _ = server.request("/console/api/runs", headers={"Host": "evil.example"})
    assert status in (403, 421)
