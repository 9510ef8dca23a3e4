"""Arrows go down only: every #include of one of our folders must be allowed by the including folder's MAY_USE line.

Reads the layers from src/CMakeLists.txt, so that there is one list. Exit code 1 and a line per offence.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def libraries():
    """name -> (folders, what it may use), from the millrace_library calls."""
    text = re.sub(r"#.*", "", (SRC / "CMakeLists.txt").read_text())
    found = {}
    for call in re.findall(r"millrace_library\(([^)]*)\)", text):
        words = call.replace("${here}/", "").split()
        name, keyword, parts = words[0], None, {}
        for word in words[1:]:
            if word in ("DIR", "SUBDIRS", "MAY_USE", "LINKS", "TEST_LINKS", "OWN_FLAGS", "THREADS"):
                keyword = word
            else:
                parts.setdefault(keyword, []).append(word)
        folder = parts["DIR"][0]
        folders = [folder] + [f"{folder}/{sub}" for sub in parts.get("SUBDIRS", [])]
        found[name] = (folders, set(parts.get("MAY_USE", [])))
    return found


def main():
    known = libraries()
    owner = {folder: name for name, (folders, _) in known.items() for folder in folders}
    offences = []
    for path in sorted(SRC.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        folder = str(path.parent.relative_to(SRC))
        if folder == "app" or folder.startswith("app/"):
            continue  # the only place that knows everything
        if folder not in owner:
            offences.append(f"{path.relative_to(ROOT)}: the folder belongs to no library of src/CMakeLists.txt")
            continue
        name = owner[folder]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#include "([^"]+)"', line)
            if not match:
                continue
            target = str(pathlib.PurePosixPath(match.group(1)).parent)
            if target not in owner:
                if (SRC / target).is_dir():
                    offences.append(f"{path.relative_to(ROOT)}:{number}: {target}/ belongs to no library")
                continue
            if owner[target] != name and owner[target] not in known[name][1]:
                offences.append(f"{path.relative_to(ROOT)}:{number}: {name} may not use {owner[target]}")
    for offence in offences:
        print(offence)
    print(f"layers: {len(known)} libraries, {len(offences)} offences")
    return 1 if offences else 0


sys.exit(main())
