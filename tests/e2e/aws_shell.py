"""The AWS CLI, unmodified, for many commands in one process: a start of it costs more than what it does.

Run by the interpreter that has the `awscli` to be driven. Reads a JSON list of arguments a line; answers each with
a JSON line {"code", "out", "err"}.
"""

import json
import os
import sys
import tempfile


def main():
    from awscli.clidriver import create_clidriver

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        files = [tempfile.TemporaryFile("w+") for _ in range(2)]
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        try:
            code = create_clidriver().main(json.loads(line))
        except SystemExit as end:
            code = end.code
        texts = []
        for stream, file in zip((sys.stdout, sys.stderr), files):
            stream.flush()
            file.seek(0)
            texts.append(file.read())
            file.close()
        answers.write(json.dumps({"code": code or 0, "out": texts[0], "err": texts[1]}) + "\n")
        answers.flush()


main()
