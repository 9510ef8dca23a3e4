"""Identity's numbers: a request's signature check and decision, and signed requests a second beside moto's server.

    python3 bench/iam.py [--rounds N] [--seconds S] [--millrace PATH] [--bench PATH] [--moto PYTHON]

Check: signature check and decision of s3:GetObject for a user with 20 attached policies of 5 statements, of which only
the last allows; one thread, no network (src/iam/iam_bench.cpp). Load: sts:GetCallerIdentity, every request signed and
every signature checked, 64 keep-alive connections from one thread of a C++ generator on the same cores. The same
generator asks moto's server (its pip package, as it ships) in turn with ours; a ratio is of one round, and the median
of the rounds counts.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from lab import free_port, machine, warm_up  # noqa: E402

CONNECTIONS = 64


def figures(*command):
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def wait_for(port, path, seconds=60):
    """Until something answers HTTP, whatever it says."""
    end = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > end:
                sys.exit(f"bench/iam.py: nothing answers on port {port}")
            time.sleep(0.1)


def keys_of(millrace, data):
    text = subprocess.run([millrace, "env", "--data-dir", data], check=True, capture_output=True, text=True).stdout
    words = dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines() if "=" in line)
    return words["AWS_ACCESS_KEY_ID"].strip("'"), words["AWS_SECRET_ACCESS_KEY"].strip("'")


def spread(values, form="{:,.0f}"):
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--millrace", default=ROOT / "build" / "millrace")
    arguments.add_argument("--bench", default=ROOT / "build" / "release" / "src" / "iam_bench")
    arguments.add_argument("--moto", default=ROOT / "build" / "venv-moto" / "bin" / "python")
    given = arguments.parse_args()

    print(f"{machine()}; load {os.getloadavg()[0]:.1f} before the start")
    warm_up()
    checks = [figures(given.bench, "check") for _ in range(given.rounds)]

    with tempfile.TemporaryDirectory(prefix="millrace-bench") as data:
        ours, theirs = free_port(), free_port()
        servers = [
            subprocess.Popen(
                [given.millrace, "serve", "--data-dir", data, "--listen", f"127.0.0.1:{ours}"],
                stdout=subprocess.DEVNULL,
            )
        ]
        has_moto = pathlib.Path(given.moto).exists()
        if has_moto:
            servers.append(
                subprocess.Popen(
                    [given.moto, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(theirs)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        try:
            wait_for(ours, "/apis/v2beta1/healthz")
            key = keys_of(given.millrace, data)
            if has_moto:
                wait_for(theirs, "/moto-api/")
                # It loads a service at the first request for it, and fails on others that come meanwhile.
                figures(given.bench, "load", f"127.0.0.1:{theirs}", "test", "test", 1, 0.5)
            millrace, moto = [], []
            for _ in range(given.rounds):
                millrace.append(figures(given.bench, "load", f"127.0.0.1:{ours}", *key, CONNECTIONS, given.seconds))
                if has_moto:
                    moto.append(
                        figures(given.bench, "load", f"127.0.0.1:{theirs}", "test", "test", CONNECTIONS, given.seconds)
                    )
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()

    print(f"one request, median of {given.rounds} rounds (spread), microseconds")
    for name, label, bar in (
        ("whole_us", "signature check and decision, 20 policies of 5 statements", "40"),
        ("signature_us", "  the signature check", ""),
        ("decision_us", "  the decision: the last statement allows", ""),
        ("denial_us", "  the decision: none does, with its sentence", ""),
    ):
        print(f"{label:62} {spread([c[name] for c in checks], '{:.1f}'):28} {'bar ' + bar if bar else ''}")
    rate = [m["requests_per_second"] for m in millrace]
    print(f"signed GetCallerIdentity, {CONNECTIONS} connections, requests a second")
    print(f"{'Millrace':62} {spread(rate):28} bar 20,000")
    print(f"{'  latency, median of a round (99 of 100), ms':62} "
          f"{statistics.median(m['latency_us'] for m in millrace) / 1000:.2f} "
          f"({statistics.median(m['latency_us_p99'] for m in millrace) / 1000:.2f})")
    if moto:
        print(f"{'moto (moto_server, the same generator)':62} {spread([m['requests_per_second'] for m in moto])}")
        ratios = [a / b["requests_per_second"] for a, b in zip(rate, moto)]
        print(f"{'ratio of a round, median':62} {spread(ratios, '{:.0f}')}")
    else:
        print("moto is not installed (./dev bench iam does it): no peer in this run")


if __name__ == "__main__":
    main()
