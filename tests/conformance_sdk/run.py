"""Runs the scenarios of one client and writes what each gave, a line of JSON each: run.py CLIENT FILE [ROW...]

It runs in the client's own Python (the SDKs 2 and 3 cannot stand beside each other), in the environment of
`eval "$(millrace env)"`. The clients are as published; only their waits are shorter: a sleep of 30 s takes 0.2 s, and
the clock that they read says that 30 s have passed.
"""

import importlib
import json
import signal
import sys
import time
import traceback

import rows

LIMIT = 600  # seconds for a row: the first job of a framework makes its environment
LONGEST_SLEEP = 0.2


def shorten_sleeps():
    sleep, clock, skipped = time.sleep, time.time, [0.0]

    def short(seconds):
        taken = min(seconds, LONGEST_SLEEP)
        sleep(taken)
        skipped[0] += seconds - taken

    time.sleep, time.time = short, lambda: clock() + skipped[0]


def late(*_):
    raise TimeoutError(f"not done within {LIMIT} s")


def outcome(scenario):
    """pass, refused (the scenario gives the sentence, which it has compared), or fail; a note with each."""
    try:
        sentence = scenario()
    except (Exception, SystemExit) as error:  # whatever a client raises is what its user sees
        traceback.print_exc()
        lines = str(error).strip().splitlines() or [""]
        return "fail", f"{type(error).__name__}: {lines[0]}"[:300]
    return ("refused", sentence) if sentence else ("pass", "")


def main(client, file, *only):
    module = importlib.import_module(f"with_{client}")
    shorten_sleeps()
    signal.signal(signal.SIGALRM, late)
    with open(file, "w") as out:
        print(json.dumps({"version": module.VERSION}), file=out, flush=True)
        for row in rows.ROWS:
            scenario = getattr(getattr(module, "SCENARIOS", module), row.name.replace("-", "_"), None)
            if scenario is None or (only and row.name not in only):
                continue
            print(f"===== {row.name}", flush=True)
            print(f"===== {row.name}", file=sys.stderr, flush=True)
            began = time.monotonic()
            signal.alarm(LIMIT)
            result, note = outcome(scenario)
            signal.alarm(0)
            line = {"row": row.name, "outcome": result, "note": note, "seconds": round(time.monotonic() - began, 1)}
            print(json.dumps(line), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
