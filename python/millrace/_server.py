"""`up()` and `down()`: a server of this process, and the environment that points clients at it."""

import atexit
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from millrace._program import program

_GUARD = pathlib.Path(__file__).with_name("_guard.py")
_LISTENING = re.compile(r"listening on (http://\S+)")


class StartError(RuntimeError):
    """The server did not start; the message is what it said."""


class Server:
    """A running server: `endpoint`, `data_dir`, and `environment`, the variables that this process was given."""

    def __init__(self, data_dir, arguments):
        own = tempfile.mkdtemp(prefix="millrace-")
        self.data_dir = pathlib.Path(data_dir).expanduser().resolve() if data_dir else pathlib.Path(own, "data")
        self._owner = os.getpid()
        self._saved = None
        serve = [program(), "serve", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0", "--stop-children"]
        command = [sys.executable, "-I", _GUARD, own, pathlib.Path(own, "log"), *serve, *arguments]
        # A session of its own: an interrupted notebook cell sends SIGINT to the kernel's whole process group.
        self._guard = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self.endpoint = self._read_endpoint()
            self.environment = self._read_environment()
        except BaseException:
            self.stop()
            raise

    def _read_endpoint(self):
        said = []
        for line in self._guard.stdout:
            if match := _LISTENING.match(line):
                return match.group(1)
            said.append(line)
        raise StartError("".join(said).strip() or "the server ended before it listened")

    def _read_environment(self):
        command = [str(program()), "env", "--json", "--data-dir", str(self.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise StartError(done.stderr.strip())
        return json.loads(done.stdout)["environment"]

    def apply(self):
        """Points this process, and those that it starts, at the server. A variable without a value is removed."""
        variables = dict(self.environment)
        path = variables.pop("PATH", None)
        if path:
            directories = [d for d in os.environ.get("PATH", os.defpath).split(os.pathsep) if d != path]
            variables["PATH"] = os.pathsep.join([path, *directories])
        self._saved = {name: os.environ.get(name) for name in variables}
        for name, value in variables.items():
            _set(name, value)
        _forget_boto3_session()

    def restore(self):
        """Gives the variables that apply() set the values they had."""
        saved, self._saved = self._saved, None
        for name, value in (saved or {}).items():
            _set(name, value)
        if saved is not None:
            _forget_boto3_session()

    @property
    def running(self):
        return self._guard.poll() is None

    def stop(self):
        """Ends the server with its steps and jobs; removes the data directory unless it was given. Returns when done."""
        if os.getpid() != self._owner:
            return  # a fork of the process that started it
        self.restore()
        self._guard.stdin.close()
        self._guard.wait()
        self._guard.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _stop(self)

    def __repr__(self):
        return f"<Millrace at {self.endpoint}, data in {self.data_dir}>"


_lock = threading.RLock()
_servers = []  # of this process; the last one has the environment


def up(data_dir=None, arguments=()):
    """Starts a server and points this process at it; returns it. Called again without a directory, it returns the one
    that runs. `data_dir` is kept at the end; without it the data go with the server. `arguments` are further options of
    `millrace serve`, such as ["--max-running-tasks", "4"]. Error: StartError, with what the server said."""
    with _lock:
        for server in [server for server in _servers if not server.running]:
            _stop(server)
        wanted = pathlib.Path(data_dir).expanduser().resolve() if data_dir else None
        for server in _servers:
            if wanted in (None, server.data_dir) and not arguments:
                return server
        server = Server(data_dir, list(arguments))
        server.apply()
        _servers.append(server)
        return server


def down():
    """Ends every server that up() started in this process, and gives the environment back."""
    with _lock:
        while _servers:
            _stop(_servers[-1])


def _stop(server):
    with _lock:
        # Those that were started later took the environment over from this one: theirs is undone first, then redone.
        later = _servers[_servers.index(server) + 1 :] if server in _servers else []
        for other in reversed(later):
            other.restore()
        server.stop()
        if server in _servers:
            _servers.remove(server)
        for other in later:
            other.apply()


def _set(name, value):
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _forget_boto3_session():
    """boto3 keeps the credentials of its first client; the next one is to read the environment again."""
    if boto3 := sys.modules.get("boto3"):
        boto3.DEFAULT_SESSION = None


@atexit.register
def _at_exit():
    if not _servers or os.getpid() == _servers[0]._owner:
        down()
