"""What a child process wrote is opened through base/untrusted_tree.h only.

A step, a job or a model server can leave a link to the key file, a FIFO or a device where the program looks next. In the
folders that touch such files every other way to open, read, copy, walk, change or delete a file is refused (a question
such as exists() is not). A line whose path no child can write to says so:

    ::open(path.c_str(), O_RDONLY)  // trusted-path: made by this program, above what steps see

on the same line or in a comment right above it. What is not yet done stands in untrusted_files_allowed.txt, a number a
file, which may only get smaller. Exit code 1 and a line per offence.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = pathlib.Path(__file__).with_name("untrusted_files_allowed.txt")
PLACES = ("src/pipelines/executors", "src/pipelines/runner", "src/pipelines/api", "src/sagemaker/jobs", "src/sagemaker/serving",
          "src/kube", "src/console", "src/app/artifact_transfer.cpp")
MIN_REASON = 10  # characters

HELPERS = ("read_file", "write_file", "write_file_atomic", "copy_file", "make_directories")
STREAMS = ("ifstream", "ofstream", "fstream", "filebuf", "basic_ifstream", "basic_ofstream", "basic_fstream", "basic_filebuf")
FILESYSTEM = ("copy", "copy_file", "copy_symlink", "remove", "remove_all", "rename", "resize_file", "permissions", "last_write_time",
              "create_directory", "create_directories", "create_symlink", "create_directory_symlink", "create_hard_link",
              "directory_iterator", "recursive_directory_iterator", "directory_entry", "read_symlink", "canonical", "weakly_canonical")
# Plain names that a class of ours may have too: with `::` before them.
CALLS = ("open", "creat", "remove", "rename", "unlink", "rmdir", "mkdir", "mknod", "mkfifo", "link", "symlink", "readlink",
         "truncate", "chmod", "chown", "lchown", "utimes", "mount")
# Names that only the C library and libarchive have.
NAMES = ("openat", "openat2", "open64", "fopen", "fopen64", "freopen", "opendir", "scandir", "ftw", "nftw", "fts_open", "realpath",
         "canonicalize_file_name", "mkdirat", "mknodat", "unlinkat", "renameat", "renameat2", "linkat", "symlinkat", "readlinkat",
         "fchmodat", "fchownat", "utimensat", "open_tree", "move_mount", "open_by_handle_at", "sendfile", "copy_file_range",
         "archive_read_open_filename", "archive_read_open_filenames", "archive_read_open_file", "archive_write_open_filename",
         "archive_write_open_file", "archive_read_disk_open", "archive_read_disk_new", "archive_write_disk_new",
         "archive_read_extract", "archive_read_extract2")
SYSTEM_CALLS = ("open", "openat", "openat2", "creat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "readlink", "readlinkat")

WITHOUT_OWN_SCOPE = r"(?<![\w:.>])"  # neither a member nor a name of another class or namespace


def words(names):
    return "(?:" + "|".join(sorted(names, key=len, reverse=True)) + ")"


def refused_forms(text):
    """One expression for all forms, given the names by which this file calls std::filesystem."""
    aliases = ["std::filesystem"] + re.findall(r"namespace\s+(\w+)\s*=\s*(?:::)?std::filesystem\s*;", text)
    forms = [
        WITHOUT_OWN_SCOPE + r"(?:::)?(?:millrace::)?" + words(HELPERS) + r"\s*\(",
        r"\bstd::" + words(STREAMS) + r"\b",
        r"\b" + words(aliases) + "::" + words(FILESYSTEM) + r"\b",
        r"using\s+namespace\s+(?:::)?std::filesystem\b",
        r"(?<![\w>])::" + words(CALLS) + r"\s*\(",
        r"\bstd::rename\s*\(",
        WITHOUT_OWN_SCOPE + r"(?:::|std::)?" + words(NAMES) + r"\s*\(",
        r"\b(?:SYS|__NR)_" + words(SYSTEM_CALLS) + r"\b",
    ]
    return re.compile("|".join(f"(?:{form})" for form in forms))


TOKEN = re.compile(
    r'R"(?P<mark>[^\s()\\"]*)\(.*?\)(?P=mark)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''  # string, character (1'000 is a number)
    r"|//[^\n]*|/\*.*?\*/", re.S)


def split(text):
    """(code, comments): the text's lines with only the one or the other in them; strings are in neither."""
    code, comments, at = [], [], 0
    for token in TOKEN.finditer(text):
        found = token.group()
        blank = re.sub(r"[^\n]", " ", found)
        between = text[at:token.start()]
        code += [between, blank]
        comments += [re.sub(r"[^\n]", " ", between), found if found.startswith(("//", "/*")) else blank]
        at = token.end()
    code.append(text[at:])
    comments.append(re.sub(r"[^\n]", " ", text[at:]))
    return "".join(code).split("\n"), "".join(comments).split("\n")


def check_text(text):
    """(offences, exempted, faults): [(line number, form)], the same, [(line number, sentence)]."""
    code, comments = split(text)
    forms = refused_forms("\n".join(code))
    offences, exempted, faults, used = [], [], [], set()
    for number, line in enumerate(code):
        found = forms.search(line)
        if not found:
            continue
        at = number
        while at >= 0 and "trusted-path:" not in comments[at]:
            at -= 1
            if at < 0 or code[at].strip() or not comments[at].strip():  # only a comment that ends right above
                at = -1
        if at < 0:
            offences.append((number + 1, found.group().strip()))
        else:
            used.add(at)
            exempted.append((number + 1, found.group().strip()))
    for number, comment in enumerate(comments):
        if "trusted-path:" not in comment:
            continue
        if len(comment.split("trusted-path:", 1)[1].strip()) < MIN_REASON:
            faults.append((number + 1, "trusted-path: needs a reason"))
        if number not in used:
            faults.append((number + 1, "trusted-path: without a use of a file's path in that line or the next"))
    return offences, exempted, faults


def is_checked(path):
    return path.suffix in (".h", ".cpp") and not re.search(r"_(test|fuzz|bench|for_tests)$", path.stem)


def files():
    for place in PLACES:
        found = ROOT / place
        if not found.exists():
            sys.exit(f"{place} is not there any more: correct PLACES in tools/check_untrusted_files.py")
        yield from sorted(p for p in (found.rglob("*") if found.is_dir() else [found]) if is_checked(p))


def allowances():
    lines = (line.split("#")[0].split() for line in ALLOWED.read_text().splitlines())
    return {name: int(count) for name, count in filter(None, lines)}


def main():
    allowed, wrong, exempt, left = allowances(), 0, 0, 0
    for path in files():
        name = str(path.relative_to(ROOT))
        offences, exempted, faults = check_text(path.read_text())
        exempt += len(exempted)
        left += len(offences)
        may = allowed.pop(name, 0)
        if len(offences) > may:
            for number, form in offences:
                print(f"{name}:{number}: `{form}` takes a path: use base/untrusted_tree.h, or say why no child can write there"
                      " (// trusted-path: …)")
            wrong += len(offences) - may
        elif len(offences) < may:
            print(f"{name}: {len(offences)} left of {may}: lower it in {ALLOWED.name}")
        for number, sentence in faults:
            print(f"{name}:{number}: {sentence}")
        wrong += len(faults)
    for name in allowed:
        print(f"{name}: nothing to allow any more: remove it from {ALLOWED.name}")
    print(f"untrusted files: {wrong} offences, {exempt} exempted by a reason, {left} allowed until they are changed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
