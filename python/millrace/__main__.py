"""The command `millrace`: becomes the program. The Python that it was installed for comes first on PATH, so that the steps
of pipelines run with the packages beside it."""

import os
import pathlib
import sys

from millrace._program import program


def main():
    here = str(pathlib.Path(sys.executable).parent)
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if here not in directories:
        os.environ["PATH"] = os.pathsep.join([here, *directories])
    try:
        path = str(program())
    except FileNotFoundError as error:
        sys.exit(f"millrace: {error}")
    os.execv(path, ["millrace", *sys.argv[1:]])


if __name__ == "__main__":
    main()
