"""The program as it is packaged: stripped, its debug information in a file of its own that a debugger finds by build id."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUMMARY = "Kubeflow Pipelines with SageMaker components, in one program"
# What the program loads at a first call (src/base/lazy_library.h), with Debian's packages: no tool sees these.
LAZY_LIBRARIES = {"libcurl.so.4": "libcurl4", "libarchive.so.13": "libarchive13"}


def run(*command, **options):
    """A command's standard output; a failure ends the packaging with what it said."""
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Program:
    """`path`: stripped, in a temporary directory; `debug_file`: beside what is packaged, None if there was nothing to split."""

    def __init__(self, built, output):
        if not built.is_file():
            raise SystemExit(f"{built} does not exist: run ./dev build")
        self.machine = platform.machine()
        self.wheel = self.tarball = None  # once they are made
        self._place = tempfile.TemporaryDirectory(prefix="millrace-package-")
        self.scratch = pathlib.Path(self._place.name)
        self.path = self.scratch / "millrace"
        shutil.copy(built.resolve(), self.path)
        self.version = run(self.path, "--version").split()[1]
        self.debug_file = self._split(output)

    def _split(self, output):
        if ".debug_info" not in run("readelf", "--sections", "--wide", self.path):
            return None
        debug_file = output / f"millrace-{self.version}-{self.machine}.debug"
        run("objcopy", "--only-keep-debug", self.path, debug_file)
        debug_file.chmod(0o644)
        run("strip", "--strip-all", self.path)
        run("objcopy", f"--add-gnu-debuglink={debug_file}", self.path)
        return debug_file

    def help(self, command=""):
        return run(self.path, *command.split(), "--help")

    def completion(self, shell):
        return run(self.path, "completion", shell)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._place.cleanup()


def walk_commands(path, prefix=()):
    """(name, what it is for) of each command that the help lists below `prefix`."""
    text = run(path, *prefix, "--help")
    section = re.search(r"^(?:Subcommands|SUBCOMMANDS):\n((?:[ \t]+.*\n?)+)", text, re.MULTILINE)
    for line in section.group(1).splitlines() if section else []:
        if match := re.match(r"  (\S+)\s+(.*)", line):
            yield " ".join([*prefix, match.group(1)]), match.group(2)
            yield from walk_commands(path, (*prefix, match.group(1)))


def library_licence(library):
    """The Debian package that a shared library is from, and its copyright file."""
    resolved = os.path.realpath(library)
    for name in (resolved, resolved.removeprefix("/usr")):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if done.returncode == 0:
            package = done.stdout.split(":")[0]
            return package, pathlib.Path("/usr/share/doc", package, "copyright")
    raise SystemExit(f"{library} is from no Debian package, so its licence is unknown")
