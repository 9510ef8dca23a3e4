"""Every block of commands and of Python in README.md and docs/ is run by a test as it stands, or its page is named here with the
reason why not. Those that no other test runs are run here, each page in one shell, on a server at the default address: in a
network of its own, so that the port is free and nothing is reached."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import support
from test_command_line import HELLO

PAGES = ["README.md", "CONTRIBUTING.md", "examples/README.md", "python/README.md", *sorted(f"docs/{p.name}" for p in (support.ROOT / "docs").glob("*.md"))]
PIPELINE = json.loads(json.dumps(HELLO))  # also without arguments
PIPELINE["root"]["inputDefinitions"]["parameters"]["text"] |= {"defaultValue": "Hello", "isOptional": True}
LANGUAGES = ("sh", "shell", "python", "bash", "console")

# (page, heading or None for all, language): the test that runs them.
RUN_BY = {
    ("README.md", "Millrace", "sh"): "tests/nightly/packages.sh",
    ("README.md", "Millrace", "shell"): "tests/nightly/readme_commands.sh",
    ("README.md", "Use it", "shell"): "tests/e2e/test_pages.py",
    ("README.md", "Use it", "python"): "tests/e2e/test_pages.py",
    ("python/README.md", "millrace", "python"): "tests/e2e/test_pages.py",
    ("docs/kfp-api.md", None, "python"): "tests/e2e/test_pages.py",
    ("docs/command-line.md", None, "shell"): "tests/e2e/test_command_line.py",
    ("docs/install.md", "The wheel", "sh"): "tests/nightly/packages.sh",
    ("docs/install.md", "The wheel", "python"): "tests/e2e/test_pages.py",
    ("docs/install.md", "The Debian package", "sh"): "tests/nightly/packages.sh",
    ("docs/install.md", "The tarball", "sh"): "tests/nightly/packages.sh",
    ("docs/install.md", "The image", "sh"): "tests/nightly/image.sh",
    ("docs/install.md", None, "shell"): "tests/e2e/test_operating.py",
    ("docs/lab.md", None, "shell"): "tests/e2e/test_page.py",
    ("docs/operate.md", None, "shell"): "tests/e2e/test_operating.py",
    ("docs/sagemaker.md", "With SageMaker's SDKs", "shell"): "tests/e2e/test_sagemaker_sdk.py",
    ("docs/sagemaker.md", "With SageMaker's SDKs", "python"): "tests/e2e/test_sagemaker_sdk.py",
    ("docs/troubleshooting.md", None, "shell"): "tests/e2e/test_operating.py",
}
# The same: why nothing runs them.
NOT_RUN = {
    ("CONTRIBUTING.md", "The short loop", "shell"): "they build this checkout, which CI does by ./dev test and ./dev lint",
    ("python/README.md", "millrace", "shell"): "the wheel is on no index yet; packages.sh installs it from dist/",
    ("docs/install.md", "As a service", "sh"): "systemd is no process of a test's; packages.sh installs the service",
    ("examples/README.md", "Examples", "shell"): "steps of 01_hello.py install packages; test_examples.py runs each example",
    ("docs/operate.md", "As a service", "sh"): "systemd is no process of a test's; packages.sh installs the service",
    ("docs/operate.md", "From other machines", "sh"): "it needs another machine",
    ("docs/kubernetes-api.md", None, "shell"): "test_custom_resources.py does the same to jobs that it has files of",
}


def blocks():
    """(page, heading, language, text) of each block."""
    for page in PAGES:
        heading, language, lines = "", None, []
        for line in (support.ROOT / page).read_text().splitlines():
            if language is not None and line.startswith("```"):
                yield page, heading, language, "\n".join(lines) + "\n"
                language = None
            elif language is not None:
                lines.append(line)
            elif line.startswith("```"):
                language, lines = line.strip("` "), []
            elif line.startswith("#"):
                heading = line.lstrip("# ")


def block(page, heading, language, number=0):
    return [text for p, h, l, text in blocks() if (p, h, l) == (page, heading, language)][number]


def test_each_block_is_run_or_has_a_reason():
    named = RUN_BY | NOT_RUN
    seen, unknown = set(), []
    for page, heading, language, text in blocks():
        if language not in LANGUAGES:
            continue
        keys = [key for key in ((page, heading, language), (page, None, language)) if key in named]
        seen.update(keys[:1])
        if not keys:
            unknown.append(f"{page}, below {heading!r}: {text.splitlines()[0]}")
    assert not unknown, "say which test runs it, or why none does"
    assert set(named) == seen, "these are no longer there"
    for (page, heading, _), test in RUN_BY.items():
        source = (support.ROOT / test).read_text()
        assert pathlib.Path(page).stem in source and (heading or "") in source, f"{test} does not speak of {page}, {heading}"


# --- those that are run here --------------------------------------------------------------------------------------------

LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:  # up, see netdevice(7)
    fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
ALONE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-current-user", "--keep-caps", "--net"]
JUPYTER = '#!/bin/sh\n[ "$2" = --version ] || echo "jupyter $*"\n'


@pytest.fixture
def shell(tmp_path):
    """Runs commands as a person's shell would: the program on PATH, a home of its own, nothing of this one's environment."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "jupyter").write_text(JUPYTER)
    (tools / "jupyter").chmod(0o755)
    (tools / "millrace").symlink_to(support.MILLRACE.resolve())
    here = pathlib.Path(sys.executable).parent
    environment = {
        "PATH": f"{tools}:{here}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": str(support.ROOT / "python"),
        "MILLRACE": str(support.MILLRACE.resolve()),
    }
    work = tmp_path / "work"
    work.mkdir()
    (work / "pipeline.yaml").write_text(json.dumps(PIPELINE))

    def run(script):
        script = f"set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n{script}"
        command = [*ALONE, sys.executable, "-c", LOOPBACK, "bash", "-c", script]
        done = subprocess.run(command, env=environment, cwd=work, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.work = work
    yield run
    support.Server(tmp_path / ".local/share/millrace").end_children()


def as_python(text):
    return f"python3 - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON\n"


# So that there is something to explain.
DENIED = """
aws iam create-user --user-name nobody >nobody.json
aws iam create-access-key --user-name nobody --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text >keys
(read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY <keys; export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; ! aws s3api list-buckets)
"""


def test_the_readme(shell):
    support.need("kubectl"), support.need("aws")
    said = shell(
        block("README.md", "Use it", "shell")
        + as_python(block("README.md", "Use it", "python"))
        + DENIED
        + block("README.md", "Use it", "shell", 1)
    )
    assert "jupyter lab" in said and '"Account"' in said and "s3:ListAllMyBuckets" in said
    assert (shell.work / "results" / "greet" / "greeting").read_text() == "Hi"


def test_the_package(shell):
    texts = {block("docs/install.md", "The wheel", "python"), block("python/README.md", "millrace", "python")}
    for text in texts:
        assert "millrace.up()" in text
        shell(as_python(text))


def test_the_api_page(shell):
    before = """
import kfp
client = kfp.Client()
experiment_id = client.create_experiment("e").experiment_id
pipeline = client.upload_pipeline("pipeline.yaml", "p").pipeline_id
version = client.list_pipeline_versions(pipeline).pipeline_versions[0].pipeline_version_id
"""
    heading = next(h for p, h, l, _ in blocks() if (p, l) == ("docs/kfp-api.md", "python"))
    start = "millrace serve &\neval \"$(millrace env)\"\n"
    text = block("docs/kfp-api.md", heading, "python")
    (parameter,) = re.findall(r'params=\{"(\w+)"', text)
    spec = json.loads(json.dumps(HELLO).replace('"text"', f'"{parameter}"'))
    (shell.work / "pipeline.yaml").write_text(json.dumps(spec))
    shell(start + as_python(before + text) + "millrace recurring list | grep -q nightly\n")
