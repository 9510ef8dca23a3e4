#!/usr/bin/env python3
"""package.py [--program FILE] [--output DIRECTORY] KIND...: what is installed, from a release build.

KIND: wheel, deb, tar, image; local-wheel, for this machine alone. `./dev package` calls it with the tools that each needs. Prints each file with its size.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import deb  # noqa: E402
import image  # noqa: E402
import tarball  # noqa: E402
import wheel  # noqa: E402
from program import ROOT, Program  # noqa: E402

KINDS = {"wheel": wheel.make, "local-wheel": wheel.make_local, "deb": deb.make, "tar": tarball.make, "image": image.make}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "millrace")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "dist")
    parser.add_argument("kinds", nargs="+", choices=KINDS, metavar="KIND")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    with Program(arguments.program, output) as program:
        made = [program.debug_file] if program.debug_file else []
        for kind in arguments.kinds:
            made.append(KINDS[kind](program, output))
            print(f"{made[-1].name}: {made[-1].stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
