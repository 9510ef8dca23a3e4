"""Where the program is: in the wheel, beside this file; otherwise the one of $MILLRACE."""

import importlib.metadata
import os
import pathlib

_INSIDE = pathlib.Path(__file__).resolve().parent / "bin" / "millrace"


def program():
    """The program's path. FileNotFoundError where the package was installed without it."""
    chosen = os.environ.get("MILLRACE")
    path = pathlib.Path(chosen) if chosen else _INSIDE
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: install the millrace wheel, or name a program with $MILLRACE")
    return path


def version():
    try:
        return importlib.metadata.version("millrace")
    except importlib.metadata.PackageNotFoundError:
        return "0"  # a source tree
