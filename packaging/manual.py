"""The manual page, millrace(1): what each command's --help says."""

import datetime

from program import SUMMARY, walk_commands


def page(program):
    date = datetime.date.today().isoformat()
    parts = [
        f'.TH MILLRACE 1 "{date}" "millrace {program.version}" "User Commands"',
        ".SH NAME",
        f"millrace \\- {text(SUMMARY)}",
        ".SH SYNOPSIS",
        ".B millrace\n.I COMMAND\n[OPTIONS]",
        ".SH DESCRIPTION",
        literal(program.help()),
        ".SH COMMANDS",
    ]
    for command, _ in walk_commands(program.path):
        parts += [f".SS millrace {text(command)}", literal(program.help(command))]
    parts += [
        ".SH FILES",
        ".TP\n.I ~/.local/share/millrace\nWhat a server keeps, unless $MILLRACE_DATA_DIR or --data-dir names another place.",
        ".TP\n.I /etc/millrace/millrace.conf\nThe options of the system's service, where the Debian package is installed.",
    ]
    return "\n".join(parts) + "\n"


def literal(shown):
    lines = (text(line) for line in shown.strip().splitlines())
    # A line that begins with one of these would be a request to the formatter.
    return "\n".join([".nf", *("\\&" + line if line[:1] in (".", "'") else line for line in lines), ".fi"])


def text(line):
    return line.replace("\\", "\\e").replace("-", "\\-")
