"""docs/threads.md lists every thread, pool of threads, mutex and condition variable of src/, and nothing else.

A declaration is known by its folder (the first below src/) and its name with its class: `net`, `AsyncClient::Impl::mutex`.
Rows of the page's tables begin with a folder and then name one or more of them. Exit code 1 and a line per offence;
with --list the declarations that there are.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/threads.md"
SKIPPED = re.compile(r"_(test|bench|fuzz|for_tests)\.(cpp|h)$")
# base/mutex.h defines what the others declare.
DEFINES = {"base/mutex.h"}

TYPES = r"(?:std::(?:thread|jthread|mutex|shared_mutex|recursive_mutex|timed_mutex|condition_variable(?:_any)?)|Mutex|CondVar|WorkerPool|KeyedQueue|Timers)"
# `std::thread thread_;`, `mutable std::mutex mutex_;`, `static std::mutex one;`, `std::vector<std::thread> threads …;`,
# `WorkerPool pool_{…};`, two of them after one another; not a function's parameter or return type.
DECLARED = re.compile(
    rf"^\s*(?:mutable\s+|static\s+|const\s+)*(?:std::(?:vector|deque|list|optional|unique_ptr|shared_ptr)<)?{TYPES}>?\s+"
    r"(\w+(?:\s*,\s*\w+)*)\s*(?:MR_GUARDED_BY\(\w+\)\s*)?(?:;|\{|=)"
)
ASYNC = re.compile(r"std::async\(")
SCOPE = re.compile(r"^(\s*)(?:class|struct)\s+(?:MR_\w+\([^)]*\)\s+|\[\[\w+\]\]\s+)?([\w:]+)[^;()]*\{\s*(?://.*)?$")
FUNCTION = re.compile(r"^(\s*)[\w:<>,&*\s\[\]]*?([\w:~]+)\([^;]*\{\s*(?://.*)?$")


def indent(line):
    return len(line) - len(line.lstrip())


def scope_of(lines, index):
    """The classes around a line, outermost first; in a function of none, the function."""
    names, depth = [], indent(lines[index])
    for line in reversed(lines[:index]):
        if not line.strip() or indent(line) >= depth:
            continue
        found = SCOPE.match(line)
        if not found and not names:
            found = FUNCTION.match(line)
            if found and found.group(2) in ("if", "for", "while", "switch", "catch"):
                found = None
        if found:
            names.insert(0, found.group(2))
        if line.startswith("}"):
            break
        depth = indent(line)
        if depth == 0:
            break
    return "::".join(names)


def declarations(root):
    """(folder, qualified name) -> file:line, of all of src."""
    found = {}
    for path in sorted((root / "src").rglob("*")):
        relative = path.relative_to(root / "src")
        if path.suffix not in (".h", ".cpp") or SKIPPED.search(path.name) or str(relative) in DEFINES:
            continue
        lines = path.read_text().splitlines()
        for index, line in enumerate(lines):
            code = line.split("//")[0]
            names = []
            if match := DECLARED.match(code):
                names = [name.strip() for name in match.group(1).split(",")]
            elif ASYNC.search(code):
                names = ["std::async"]
            for name in names:
                scope = scope_of(lines, index)
                full = f"{scope}::{name}" if scope else name
                found.setdefault((relative.parts[0], full), f"src/{relative}:{index + 1}")
    return found


def listed(text):
    """(folder, qualified name) -> lines of the page, from rows such as | `net` | `A::mutex_`, `A::changed_` | …"""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\|\s*`(\w+)`\s*\|([^|]*)\|", line)
        if not match:
            continue
        for name in re.findall(r"`([^`]+)`", match.group(2)):
            rows.setdefault((match.group(1), name), []).append(number)
    return rows


def offences(root):
    there, said = declarations(root), listed((root / PAGE).read_text())
    out = [f"{where}: {folder}: `{name}` is not in {PAGE}" for (folder, name), where in there.items() if (folder, name) not in said]
    for (folder, name), lines in said.items():
        if (folder, name) not in there:
            out.append(f"{PAGE}:{lines[0]}: {folder}: `{name}` is not in src")
        out += [f"{PAGE}:{line}: {folder}: `{name}` is listed twice" for line in lines[1:]]
    return out, len(there)


def main():
    if "--list" in sys.argv:
        for (folder, name), where in declarations(ROOT).items():
            print(f"{folder:12} {name:50} {where}")
        return 0
    found, count = offences(ROOT)
    for offence in found:
        print(offence)
    print(f"threads: {count} threads, pools, mutexes and condition variables, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
