"""Which source files are compiled as one unit (unity builds): groups within a folder whose private names do not clash.

Two files may both have a `parse` in their anonymous namespace, or one may call the `parse` of a header that the other's
hides; as one unit they would not compile. So each file goes into the first group of its folder that is not full, none of
its names, and no use of them. Run by cmake/MillraceUnity.cmake:

    unity_groups.py SRC OUTPUT      writes one set_property() a group of two or more files

Names are read by layout: clang-format keeps what an anonymous namespace holds at column 0. What this does not see is a
compile error of the unit; give one of the two another name.
"""

import pathlib
import re
import sys

# A unit is compiled again when one of its files changes, so it is bounded; what small files cost is their headers.
GROUP_LINES = 2500
GROUP_FILES = 24

KINDS = ("_test", "_fuzz", "_bench")
PROGRAMS = ("_fuzz", "_bench")  # each file of these is a program
TYPE = re.compile(r"(?:class|struct|union|enum(?: class| struct)?)\s+(?:\[\[\w+\]\]\s*)?(\w+)")
ALIAS = re.compile(r"(?:using|namespace)\s+(\w+)\s*=|using\s+(?:\w+::)+(\w+);")
MACRO = re.compile(r"#\s*define\s+(\w+)")
# The name before the first bracket, `=`, `{` or `;` outside template arguments.
VALUE = re.compile(r"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?:\(|=|\{|;)")
NOT_NAMES = {"if", "for", "while", "switch", "return", "decltype", "alignas", "noexcept", "sizeof", "requires", "operator", "template",
             "__attribute__", "explicit", "extern", "static_assert", "TEST", "TEST_F", "TEST_P", "FUZZ_TEST", "INSTANTIATE_TEST_SUITE_P"}


def without_templates(line):
    """`std::map<A, B> f(` as `std::map f(`."""
    while True:
        shorter = re.sub(r"<[^<>()]*>", "", line)
        if shorter == line:
            return line
        line = shorter


def private_names(text):
    """What a file defines for itself: names of its anonymous namespaces, its statics, its macros."""
    names, hidden = set(), False
    for line in text.splitlines():
        macro = MACRO.match(line)
        if macro:
            names.add(macro.group(1))
        if re.match(r"namespace \{", line):
            hidden = True
        elif re.match(r"\}\s*// namespace$", line):
            hidden = False
        if not line or line[0] in " \t#}/)" or line.startswith("namespace "):
            continue
        statement = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        alias = ALIAS.match(statement)
        if alias:
            names.add(alias.group(1) or alias.group(2))
            continue
        if not hidden and not re.match(r"(?:static|constexpr|const|inline constexpr)\b", statement):
            continue
        statement = re.sub(r"^template\s*<.*>\s*(?=\w)", "", statement)
        kind = TYPE.match(statement)
        if kind and not statement.rstrip().endswith(")"):
            names.add(kind.group(1))
            continue
        value = VALUE.search(without_templates(statement))
        if value and value.group(1) not in NOT_NAMES:
            names.add(value.group(1))
    return names


# A function that is called, or a type, without a scope or an object before it.
USE = re.compile(r"(?<![\w.>:~])(?:([a-z_]\w*)(?=\()|([A-Z]\w*))")


def used_names(text):
    return {call or kind for call, kind in USE.findall(text)}


def kind_of(path):
    return next((kind for kind in KINDS if path.stem.endswith(kind)), "")


def groups(root):
    """{group: [path]}: for each folder and kind of file, in the order of their names."""
    by_folder = {}
    for path in sorted(root.rglob("*.cpp")):
        if kind_of(path) not in PROGRAMS:
            by_folder.setdefault((path.parent, kind_of(path)), []).append(path)
    found = {}
    for (folder, kind), paths in sorted(by_folder.items()):
        units = []
        for path in paths:
            place_in_unit(units, path)
        place = str(folder.relative_to(root)).replace("/", "_")
        found |= {f"{place}{kind}_{i}": unit["paths"] for i, unit in enumerate(units)}
    return found


def place_in_unit(units, path):
    text = path.read_text(errors="replace")
    names, uses, lines = private_names(text), used_names(text), text.count("\n")
    for unit in units:
        has_room = unit["lines"] + lines <= GROUP_LINES and len(unit["paths"]) < GROUP_FILES
        if has_room and not unit["names"] & (names | uses) and not unit["uses"] & names:
            break
    else:
        unit = {"names": set(), "uses": set(), "lines": 0, "paths": []}
        units.append(unit)
    unit["names"] |= names
    unit["uses"] |= uses
    unit["lines"] += lines
    unit["paths"].append(path)


def main():
    root, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    text = ""
    for group, paths in groups(root).items():
        if len(paths) > 1:
            files = "\n  ".join(f'"{path}"' for path in paths)
            text += f"set_property(SOURCE\n  {files}\n  PROPERTY UNITY_GROUP {group})\n"
    if not output.exists() or output.read_text() != text:
        output.write_text(text)


if __name__ == "__main__":
    main()
