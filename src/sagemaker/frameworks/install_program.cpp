#include "sagemaker/frameworks/install_program.h"

namespace millrace::sagemaker::frameworks {
namespace {

constexpr std::string_view kProgram = R"py(
import importlib.metadata, json, os, re, subprocess, sys, tempfile

wanted = json.loads(os.environ["MILLRACE_INSTALL"])
PYTHON = "%d.%d" % sys.version_info[:2]
OUT_OF_REACH = ("NewConnectionError", "Failed to establish a new connection", "Temporary failure in name resolution",
                "Name or service not known", "ConnectTimeoutError", "ConnectionRefusedError", "Connection refused",
                "ReadTimeoutError", "ProxyError", "Network is unreachable", "Max retries exceeded")
os.environ.setdefault("PIP_RETRIES", "2")
os.environ.setdefault("PIP_NO_INPUT", "1")
os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")


def pip(*words, cwd=None, quiet=False):
    done = subprocess.run([sys.executable, "-m", "pip", *words], cwd=cwd, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode and not quiet:
        sys.stderr.write(done.stdout)
    return done.returncode == 0, done.stdout


def give_up(kind, sentence):
    sys.stderr.write("%s: %s\n" % (kind, " ".join(sentence.split())))
    sys.exit(1)


def give_up_if_out_of_reach(said):
    for sign in OUT_OF_REACH:
        if sign in said:
            give_up("unreachable", sign)


def error_of(said):
    errors = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    return errors[-1][len("ERROR: "):] if errors else "pip failed"


def name_of(requirement):
    return re.split("[=<>~! ]", requirement, maxsplit=1)[0]


def key(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


# The versions of a package that are built for this Python, releases only: what pip lists for one that there is not.
def versions(name):
    ok, said = pip("install", "--no-deps", "--only-binary=:all:", name + "===none", quiet=True)
    give_up_if_out_of_reach(said)
    listed = re.search(r"\(from versions: (.*)\)", said)
    return [v for v in listed.group(1).split(", ") if re.fullmatch(r"[\d.]+", v)] if listed else []


# The next higher one, for a package is built for a Python from some version on; else the highest.
def nearest(name, version):
    known = sorted(versions(name), key=key)
    if version in known:
        return version
    above = [v for v in known if key(v) >= key(version)]
    return (above or known or [None])[0 if above else -1]


def install(packages):
    if not packages:
        return True, ""
    ok, said = pip("install", "--only-binary=:all:", *packages)
    if not ok:
        give_up_if_out_of_reach(said)
    return ok, said


def at_nearest_versions(packages):
    out = []
    for index, package in enumerate(packages):
        pinned = re.fullmatch(r"([\w.-]+)(?:==|~=)([\d.]+)", package)
        if not pinned:
            out.append(package)
            continue
        version = nearest(*pinned.groups())
        if version:
            out.append("%s==%s" % (pinned.group(1), version))
        elif index == 0:
            give_up("packages", "%s has no release that is built for Python %s" % (pinned.group(1), PYTHON))
    return out


# NumPy 1 and 2, as any major versions, are not for the same programs.
def within_major(package):
    pinned = re.fullmatch(r"([\w.-]+)==(\d+)[\d.]*", package)
    return "%s>=%s,<%d" % (*pinned.groups(), int(pinned.group(2)) + 1) if pinned else name_of(package)


def install_image(packages):
    ok, said = install(packages)
    if ok:
        return
    packages = at_nearest_versions(packages)
    within = packages[:1] + [within_major(package) for package in packages[1:]]
    # NumPy 1 is built for no Python above 3.12.
    any_numpy = ["numpy" if package == "numpy<2" else package for package in within]
    for attempt in (packages, within, any_numpy):
        ok, said = install(attempt)
        if ok:
            return
    give_up("packages", error_of(said))


def notes(packages):
    lines = ["It runs with Python %s of this machine." % PYTHON]
    others = []
    for index, package in enumerate(packages):
        pinned = re.fullmatch(r"([\w.-]+)==([\d.]+)", package)
        try:
            version = importlib.metadata.version(name_of(package))
        except importlib.metadata.PackageNotFoundError:
            others.append("%s is missing" % name_of(package))
            continue
        if index == 0:
            lines[0] = "It runs with %s %s and Python %s of this machine." % (name_of(package), version, PYTHON)
        below = re.fullmatch(r"[\w.-]+<(\d+)", package)
        if below and key(version) >= (int(below.group(1)),):
            others.append("%s %s for %s" % (name_of(package), version, package))
        if not pinned or key(version) == key(pinned.group(2)):
            continue
        if index == 0:
            lines.append("%s %s has no build for Python %s: %s is used." % (*pinned.groups(), PYTHON, version))
        else:
            others.append("%s %s for %s" % (pinned.group(1), version, pinned.group(2)))
    if others:
        lines.append("Other versions than the image's: %s." % ", ".join(others))
    return lines


def install_requirements(text):
    with tempfile.TemporaryDirectory() as place:
        with open(os.path.join(place, "requirements.txt"), "w") as out:
            out.write(text)
        ok, said = pip("install", "-r", "requirements.txt", cwd=place)
    if not ok:
        give_up_if_out_of_reach(said)
        give_up("requirements", error_of(said))


install_image(wanted["packages"])
for package in wanted["optional"]:
    pip("install", "--prefer-binary", package)
lines = notes(wanted["packages"])
if wanted["requirements"]:
    install_requirements(wanted["requirements"])
with open(os.path.join(sys.prefix, "notes"), "w") as out:
    out.write("".join(line + "\n" for line in lines))
)py";

}  // namespace

std::string_view install_program() { return kProgram; }

}  // namespace millrace::sagemaker::frameworks
