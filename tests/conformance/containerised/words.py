"""What the components of this image share."""

import pathlib


def spelled(n: int) -> str:
    return pathlib.Path("numbers.txt").read_text().split()[n]
