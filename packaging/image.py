"""The OCI image, made by podman of local files: a root file system by debootstrap, the tarball in /usr/local. No registry of
images is asked, and nothing stays in podman's storage: `podman load --input` takes the archive."""

import os
import pathlib
import platform
import shutil
import subprocess

import tarball
from program import run

CONTAINERFILE = pathlib.Path(__file__).with_name("Containerfile")
PACKAGES = ["ca-certificates", "python3", "python3-numpy", "python3-venv", "tzdata"]
LEFT_OUT = [  # of the root file system: what apt and dpkg make again, and what is read by nobody in a container
    *("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/man", "usr/share/info", "usr/share/locale"),
]
USER, USER_ID, DATA = "millrace", 999, "data"


def make(program, output):
    if os.geteuid() != 0:
        raise SystemExit("the image needs root: debootstrap makes its root file system")
    for command in ("debootstrap", "podman"):
        if not shutil.which(command):
            raise SystemExit(f"the image needs {command}")
    place = program.scratch / "image"
    place.mkdir()
    root_file_system(program, place / "root")
    run("tar", "--create", "--numeric-owner", "--file", place / "root.tar", "--directory", place / "root", ".")
    shutil.rmtree(place / "root")
    name = f"localhost/millrace:{program.version}"
    path = output / f"millrace-{program.version}-oci-{program.machine}.tar"
    path.unlink(missing_ok=True)
    podman = ["podman", "--root", place / "storage", "--runroot", place / "run", "--storage-driver", "vfs"]
    try:
        run(*podman, "build", "--quiet", "--tag", name, "--file", CONTAINERFILE, place)
        run(*podman, "save", "--quiet", "--format", "oci-archive", "--output", path, name)
    finally:
        subprocess.run([*map(str, podman), "system", "reset", "--force"], capture_output=True)
    return path


def root_file_system(program, root):
    release = platform.freedesktop_os_release()
    include = f"--include={','.join(PACKAGES)}"
    suite = release["VERSION_CODENAME"]
    run("debootstrap", "--variant=minbase", include, suite, root, *mirror(suite))
    for left_out in LEFT_OUT:
        for entry in (root / left_out).iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for text in (root / "usr/share/doc").glob("*/*"):
        if text.name != "copyright" and text.is_file():
            text.unlink()
    unpack_tarball(program, root / "usr/local")
    run(
        *("useradd", "--root", root, "--uid", USER_ID, "--user-group", "--home-dir", f"/{DATA}"),
        *("--no-create-home", "--shell", "/usr/sbin/nologin", USER),
    )
    (root / DATA).mkdir(mode=0o700)
    os.chown(root / DATA, USER_ID, USER_ID)


def unpack_tarball(program, place):
    archive = tarball.make(program, program.scratch)
    run("tar", "--extract", "--file", archive, "--strip-components=1", "--directory", place)


def mirror(suite):
    """Where this machine's own packages come from; without one, debootstrap has its own."""
    form = ["--format", "$(REPO_URI)", f"Codename: {suite}", "Created-By: Packages"]
    found = subprocess.run(["apt-get", "indextargets", *form], capture_output=True, text=True)
    return found.stdout.split()[:1]
