"""The tarball: what the wheel has without Python. Unpacked anywhere, `bin/millrace` runs."""

import shutil
import tarfile

import manual
import wheel
from program import run


def make(program, output):
    if program.tarball:
        return program.tarball
    name = f"millrace-{program.version}-linux-{program.machine}"
    tree = program.scratch / name
    unpacked = program.scratch / "unpacked"
    shutil.unpack_archive(program.wheel or wheel.make(program, program.scratch), unpacked, "zip")
    (tree / "bin").mkdir(parents=True)
    shutil.copy(unpacked / "millrace/bin/millrace", tree / "bin")
    shutil.copytree(unpacked / "millrace.libs", tree / "lib")
    shutil.copytree(next(unpacked.glob("*.dist-info")) / "licenses", tree / "share/doc/millrace/licenses")
    (tree / "bin/millrace").chmod(0o755)
    run("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib", tree / "bin/millrace", env=wheel.tools())
    write_shared(program, tree / "share")
    path = output / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        archive.add(tree, name, filter=as_root)
    program.tarball = path
    return path


def write_shared(program, share):
    """The manual page and the completions, where a shell looks for them below /usr/share or ~/.local/share."""
    places = {
        "bash": share / "bash-completion/completions/millrace",
        "zsh": share / "zsh/vendor-completions/_millrace",
        "fish": share / "fish/vendor_completions.d/millrace.fish",
    }
    for shell, place in places.items():
        place.parent.mkdir(parents=True)
        place.write_text(program.completion(shell))
    page = share / "man/man1/millrace.1"
    page.parent.mkdir(parents=True)
    page.write_text(manual.page(program))


def as_root(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
