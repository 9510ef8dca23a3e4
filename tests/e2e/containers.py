"""podman for tests: a configuration and a storage of its own, and an image made of a static busybox. No registry.

What podman needs on a machine (a runtime, limits) is its own configuration's matter; this one also works on a machine
without systemd, and inside another container.
"""

import contextlib
import os
import shutil
import subprocess
import tarfile

import support

CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
{runtime}
"""
STORAGE = """
[storage]
driver = "vfs"
graphroot = "{directory}/graph"
runroot = "{directory}/run"
"""
COMMANDS = ("sh", "cat", "cp", "cut", "dirname", "echo", "env", "expr", "grep", "head", "id", "kill", "ls", "mkdir", "nc", "printf", "rm", "sleep", "sort", "test", "touch", "tr", "wc", "wget")


@contextlib.contextmanager
def engine(directory, image, entrypoint, files=()):
    """The podman command, with `image` imported from a root file system that holds `files` (name, text) too. The variables
    of its configuration are this process's until the end, and so those of the servers that it starts."""
    podman, busybox = support.need("podman"), support.need("busybox")
    runtime = 'runtime = "runc"' if shutil.which("runc") else ""
    mine = {"CONTAINERS_CONF": directory / "containers.conf", "CONTAINERS_STORAGE_CONF": directory / "storage.conf"}
    mine["CONTAINERS_CONF"].write_text(CONFIGURATION.format(runtime=runtime))
    mine["CONTAINERS_STORAGE_CONF"].write_text(STORAGE.format(directory=directory))
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update({name: str(file) for name, file in mine.items()})
    try:
        archive = root_file_system(directory, busybox, files)
        subprocess.run([podman, "import", "--change", f"ENTRYPOINT {entrypoint}", archive, image], check=True, capture_output=True)
        yield podman
        subprocess.run([podman, "rmi", "--force", image], capture_output=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def root_file_system(directory, busybox, files):
    root = directory / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    for name in COMMANDS:
        (root / "bin" / name).symlink_to("busybox")
    (root / "tmp").mkdir()
    for name, text in {"made-for-the-test": "", **dict(files)}.items():
        (root / name).write_text(text)
    archive = directory / "root.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".")
    return archive


def of_ours(podman):
    """The names of the containers that a server has started."""
    done = subprocess.run([podman, "ps", "--all", "--filter", "name=millrace-", "--format", "{{.Names}}"], check=True, capture_output=True, text=True)
    return done.stdout.split()
