"""The scenarios by the AWS CLI, as a shell calls it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import plain

CLI = [sys.executable, "-m", "awscli"]  # the one of this Python's environment
VERSION = re.match(r"aws-cli/(\S+)", subprocess.run([*CLI, "--version"], capture_output=True, text=True, check=True).stdout).group(1)
STREAMING = {"invoke_endpoint": "fileb://", "put_object": ""}  # the body is a file, and how it is named


class Refused(Exception):
    """What the CLI writes to the standard error."""


class Aws:
    is_cli = True

    def __call__(self, service, operation, **request):
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            command = [*CLI, service, operation.replace("_", "-"), "--output", "json"]
            if operation in STREAMING:
                (place / "body").write_bytes(request.pop("Body"))
                command += ["--body", f"{STREAMING[operation]}{place / 'body'}"]
                for name, value in request.items():
                    command += ["--" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower(), value]
            else:
                (place / "request.json").write_text(json.dumps(request))
                command += ["--cli-input-json", f"file://{place / 'request.json'}"]
            files = [str(place / "answer")] if operation == "invoke_endpoint" else []
            done = subprocess.run([*command, *files], capture_output=True, text=True)
            if done.returncode != 0:
                raise Refused(done.stderr.strip())
            answer = json.loads(done.stdout or "{}")
            if files:
                answer["Body"] = pathlib.Path(files[0]).read_bytes()
            return answer

    def refusal(self, act):
        try:
            act()
        except Refused as error:
            return re.sub(r"^.*?operation: ", "", str(error), flags=re.S)
        raise AssertionError("it was not refused")


SCENARIOS = plain.Scenarios(Aws())
