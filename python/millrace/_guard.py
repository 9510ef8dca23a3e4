"""Runs a server for as long as the process that started this one holds the other end of standard input.

A process that is killed closes its pipes, so the server ends with its interpreter even where no exit handler runs.

    _guard.py REMOVE LOG COMMAND...    REMOVE: a directory that is removed at the end, or ""
"""

import os
import select
import shutil
import signal
import subprocess
import sys

STOP_LIMIT = 20  # seconds; the server bounds its own stop at 10
SAID_LIMIT = 4096  # bytes of the log that are passed on


def wait(server):
    """Until standard input ends, this process is asked to end, or the server has ended."""
    ended, asked = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    os.set_blocking(asked, False)
    signal.set_wakeup_fd(asked, warn_on_full_buffer=False)
    while server.poll() is None:
        ready, _, _ = select.select([0, ended], [], [])
        if 0 in ready and not os.read(0, 4096):
            return
        if ended in ready and any(number != signal.SIGCHLD for number in os.read(ended, 4096)):
            return


def end(server):
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def pass_on(log):
    """What the server said before it ended by itself, to whoever started it."""
    with open(log, "rb") as errors:
        errors.seek(max(0, os.fstat(errors.fileno()).st_size - SAID_LIMIT))
        sys.stdout.buffer.write(errors.read())
    sys.stdout.flush()


def main(remove, log, *command):
    try:
        with open(log, "ab") as errors:
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
        try:
            wait(server)
            if server.poll():
                pass_on(log)
        finally:
            end(server)
    finally:
        if remove:
            shutil.rmtree(remove, ignore_errors=True)
    return server.returncode


if __name__ == "__main__":
    sys.exit(abs(main(*sys.argv[1:])))
