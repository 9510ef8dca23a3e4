"""The Debian package: libraries from Debian (dpkg-shlibdeps names them), a service that is off until it is enabled, its
user, the manual page and completions. What is the package's own text is in debian/."""

import gzip
import pathlib
import shutil

import tarball
from program import LAZY_LIBRARIES, SUMMARY, run

TEXTS = pathlib.Path(__file__).with_name("debian")
DEPENDS = ["adduser", "python3 (>= 3.9)", "python3-numpy", "python3-venv", "tzdata"]
RECOMMENDS = ["uidmap"]
SUGGESTS = ["awscli", "podman | docker.io"]
SCRIPTS = ["postinst", "prerm", "postrm"]
FILES = {
    "millrace.service": "usr/lib/systemd/system/millrace.service",
    "millrace.conf": "etc/millrace/millrace.conf",
}


def make(program, output):
    architecture = run("dpkg", "--print-architecture").strip()
    tree = program.scratch / "deb"
    (tree / "usr/bin").mkdir(parents=True)
    shutil.copy(program.path, tree / "usr/bin/millrace")
    (tree / "usr/bin/millrace").chmod(0o755)
    tarball.write_shared(program, tree / "usr/share")
    compress(tree / "usr/share/man/man1/millrace.1")
    for name, place in FILES.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEXTS / name, tree / place)
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "conffiles").write_text("/etc/millrace/millrace.conf\n")
    for name in SCRIPTS:
        shutil.copy(TEXTS / name, control / name)
        (control / name).chmod(0o755)
    (control / "control").write_text(control_file(program, tree, architecture))
    path = output / f"millrace_{program.version}_{architecture}.deb"
    # zstd is not read by Debian's dpkg before 12; xz is small and read everywhere.
    run("dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", tree, path)
    return path


def control_file(program, tree, architecture):
    size = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file()) // 1024
    fields = {
        "Package": "millrace",
        "Version": program.version,
        "Architecture": architecture,
        "Maintainer": "Millrace <millrace@localhost>",
        "Installed-Size": size,
        "Depends": ", ".join([*libraries(program, tree), *DEPENDS]),
        "Recommends": ", ".join(RECOMMENDS),
        "Suggests": ", ".join(SUGGESTS),
        "Section": "science",
        "Priority": "optional",
        "Description": f"{SUMMARY}\n The pipelines, SageMaker jobs, S3, IAM and Kubernetes API that a cluster and an AWS account would\n"
        " have, behind one port. The service is off until it is enabled:\n .\n  systemctl enable --now millrace",
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def libraries(program, tree):
    """The packages of the program's shared libraries, each with the version that has its symbols."""
    source = program.scratch / "shlibdeps"
    (source / "debian").mkdir(parents=True)
    (source / "debian/control").write_text("Source: millrace\n\nPackage: millrace\nArchitecture: any\n")
    said = run("dpkg-shlibdeps", "-O", "-e", tree / "usr/bin/millrace", cwd=source)
    return [*said.strip().removeprefix("shlibs:Depends=").split(", "), *LAZY_LIBRARIES.values()]


def compress(path):
    with open(path.with_name(path.name + ".gz"), "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        packed.write(path.read_bytes())
    path.unlink()
