#include "pipelines/executors/python_server.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

// What the SDK runs a lightweight component with, blanks put together (kfp.dsl.component_factory).
constexpr std::string_view kProgram =
    "program_path=$(mktemp -d) printf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\" _KFP_RUNTIME=true "
    "python3 -m kfp.dsl.executor_main --component_module_path \"$program_path/ephemeral_component.py\" \"$@\"";

// Asks the server. Arguments: the socket, the environment, the plain command line. Only modules that are part of the
// interpreter: this is to start fast. Bytes: 8 of length, little-endian, then marshal's (version, code, arguments,
// working directory, environment); answers: 4 bytes, the wait status. b"T" asks for SIGTERM.
constexpr std::string_view kAsk = R"py(
import _signal, _socket, _struct, marshal, os, sys
place, environment, *plain = sys.argv[1:]
try:
    directory = os.open(os.path.dirname(place), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    server.connect(f"/proc/self/fd/{directory}/{os.path.basename(place)}")
except OSError:
    os.execvp(plain[0], plain)
def ask(*ignored):
    try:
        server.send(b"T")
    except OSError:
        pass
variables = dict(os.environ)
variables["PATH"] = environment + "/bin:" + variables.get("PATH", "")
variables["VIRTUAL_ENV"] = environment
request = marshal.dumps((1, plain[9], plain[10:], os.getcwd(), variables))
status = b""
try:
    server.sendmsg([_struct.pack("<Q", len(request))], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _struct.pack("2i", 1, 2))])
    server.sendall(request)
    _signal.signal(_signal.SIGTERM, ask)
    while len(status) < 4:
        part = server.recv(4 - len(status))
        if not part:
            break
        status += part
except OSError:
    pass
if len(status) < 4:
    os.write(2, b"The Python server of this run ended before the task did.\n")
    os._exit(1)
status = _struct.unpack("<i", status)[0]
os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
)py";

// The server. Arguments: the socket's directory and name, "sandboxed" or "bare".
constexpr std::string_view kServe = R"py(
import os, sys
os.environ["_KFP_RUNTIME"] = "true"
from kfp.dsl import executor_main
import atexit, ctypes, gc, marshal, select, signal, socket, struct, tempfile, threading, traceback

IDLE_SECONDS, LARGEST = 60, 64 << 20
CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x10000000, 0x1000, 0x4000, 1 << 18
place, name, sandboxed = sys.argv[1], sys.argv[2], sys.argv[3] == "sandboxed"
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def own_tmp(directory):
    # Mounts that come from a namespace with more rights stay locked in the new one: nothing hidden can be uncovered.
    user, group = os.geteuid(), os.getegid()
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open("/proc/self/" + file, "w") as out:
            out.write(text)
    checked(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    checked(libc.mount(os.fsencode(directory), b"/tmp", None, MS_BIND | MS_REC, None))

def drop_capabilities():
    # The new user namespace gave them all, within it; the task needs none of them.
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    checked(libc.capset(header, none))

def work(out, err, code, arguments, directory, variables):
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 4096)
    os.umask(0o22)
    os.environ.clear()
    os.environ.update(variables)
    os.environ["_KFP_RUNTIME"] = "true"
    if sandboxed:
        own_tmp(directory + "/tmp")
        drop_capabilities()
    os.chdir(directory)
    tempfile.tempdir = None
    file = tempfile.mkdtemp() + "/ephemeral_component.py"
    with open(file, "w") as source:
        source.write(code)
    sys.argv = [executor_main.__file__, "--component_module_path", file, *arguments]
    executor_main.executor_main()

def become(*task):
    code = 1
    try:
        work(*task)
        code = 0
    except SystemExit as end:
        if end.code is None:
            code = 0
        elif isinstance(end.code, int):
            code = end.code & 0xFF
        else:
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = code or 120
    finally:
        os._exit(code)

def receive(step):
    step.settimeout(30)
    head, descriptors, _, _ = socket.recv_fds(step, 8, 2)
    try:
        while len(head) < 8:
            part = step.recv(8 - len(head))
            if not part:
                return None
            head += part
        length = struct.unpack("<Q", head)[0]
        if length > LARGEST or len(descriptors) != 2:
            return None
        body = bytearray()
        while len(body) < length:
            part = step.recv(min(1 << 20, length - len(body)))
            if not part:
                return None
            body += part
        version, *rest = marshal.loads(bytes(body))
        return (*descriptors, *rest) if version == 1 else None
    finally:
        step.settimeout(None)

def close(descriptors):
    for number in descriptors:
        os.close(number)

def main():
    if sandboxed:  # may a worker have a /tmp of its own?
        trial = os.fork()
        if trial == 0:
            try:
                own_tmp("/tmp")
                drop_capabilities()
                os._exit(0)
            except BaseException as error:
                print("no Python server here:", error, file=sys.stderr, flush=True)
                os._exit(1)
        if os.waitpid(trial, 0)[1] != 0:
            return
    gc.collect()
    gc.freeze()
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    path = f"/proc/self/fd/{directory}/{name}"
    for old in (path, path + ".new"):
        try:
            os.unlink(old)
        except OSError:
            pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path + ".new")
    os.chmod(path + ".new", 0o600)
    listener.listen(64)
    os.rename(path + ".new", path)
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *ignored: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(0))
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(awake, select.POLLIN)
    steps, workers = {}, {}  # descriptor -> (socket, pid); pid -> descriptor

    def kill(pid, number):
        try:
            os.killpg(pid, number)
        except OSError:
            pass

    while True:
        ready = poll.poll(None if workers else IDLE_SECONDS * 1000)
        if not ready and not workers:
            os.unlink(path)
            return
        for number, _ in ready:
            if number == awake:
                try:
                    os.read(awake, 4096)
                except OSError:
                    pass
                while True:
                    try:
                        pid, status = os.waitpid(-1, os.WNOHANG)
                    except ChildProcessError:
                        break
                    if pid == 0:
                        break
                    if pid not in workers:
                        continue
                    kill(pid, signal.SIGKILL)  # what it left behind
                    step, _ = steps.pop(workers.pop(pid))
                    poll.unregister(step)
                    try:
                        step.sendall(struct.pack("<i", status))
                    except OSError:
                        pass
                    step.close()
            elif number == listener.fileno():
                step, _ = listener.accept()
                try:
                    task = receive(step)
                except Exception:
                    task = None
                if task is None:
                    step.close()
                    continue
                pid = os.fork()
                if pid == 0:
                    become(*task)
                close(task[:2])
                steps[step.fileno()] = (step, pid)
                workers[pid] = step.fileno()
                poll.register(step, select.POLLIN)
            elif number in steps:
                step, pid = steps[number]
                try:
                    said = step.recv(16)
                except OSError:
                    said = b""
                if said:
                    kill(pid, signal.SIGTERM)
                else:  # the attempt is dead; the worker's end is seen above
                    kill(pid, signal.SIGKILL)
                    poll.modify(step, 0)

main()
)py";

std::string with_single_blanks(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const bool blank = c == ' ' || c == '\n' || c == '\t';
    if (!blank) out += c;
    if (blank && !out.ends_with(' ')) out += ' ';
  }
  return out;
}

bool is_program(const std::string& text) { return with_single_blanks(text) == kProgram; }

}  // namespace

bool is_python_component(const Executor& executor) {
  return std::any_of(executor.command.begin(), executor.command.end(), is_program);
}

std::vector<std::string> python_servers_of(const Options& options, const std::string& run_id) {
  // Each has a socket of its name.
  std::vector<std::string> keys;
  std::error_code error;
  const std::filesystem::path place = options.directory / "runs" / run_id / "python";
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    if (entry.is_socket(error)) keys.push_back(python_server_keys_of(run_id) + "/" + entry.path().filename().native());
  }
  return keys;
}

std::string python_server_keys_of(const std::string& run_id) { return "python/" + run_id; }

std::optional<proc::LaunchSpec> use_python_server(const Options& options, const RunContext& run,
                                                  const Executor& executor, proc::LaunchSpec& step) {
  const auto environment = kept_environment(step.argv);
  // sh -c <making the environment> <environment> <script> <after> sh -ec <program> <code> <arguments…>
  constexpr std::size_t kShell = 6;
  if (run.python_tasks < 2 || !environment || step.argv.size() < kShell + 4 || step.argv[kShell] != "sh" ||
      step.argv[kShell + 1] != "-ec" || !is_program(step.argv[kShell + 2]))
    return std::nullopt;
  // What a shared sandbox cannot give, and secrets: the workers of a server are the same user in the same pid
  // namespace.
  if (executor.needs_mounts() || !executor.env_from_keys.empty() || step.memory_limit_bytes != 0 ||
      step.cpu_limit_seconds != 0 || step.cpus != 0)
    return std::nullopt;
  std::error_code error;
  if (!std::filesystem::exists(*environment / "ready", error)) return std::nullopt;

  const std::filesystem::path of_run = options.directory / "runs" / run.run_id, place = of_run / "python";
  const std::string name = environment->filename().native();
  const std::string python = (*environment / "bin/python").native();
  const bool sandboxed = step.sandbox.has_value();
  proc::LaunchSpec server;
  server.key = python_server_keys_of(run.run_id) + "/" + name;
  server.synced = false;
  server.argv = {python, "-c", std::string(kServe), place.native(), name, sandboxed ? "sandboxed" : "bare"};
  server.working_directory = place;
  server.stdout_path = server.stderr_path = place / "log.txt";
  for (const auto& [variable, value] : step.environment) {
    if (variable == "PATH" || variable == "LANG") server.environment.emplace_back(variable, value);
  }
  server.environment.emplace_back("HOME", place.native());
  server.environment.emplace_back("PYTHONDONTWRITEBYTECODE", "1");
  std::vector<std::filesystem::path> needed = {place / "tmp"};
  const auto artifacts = artifact_file(options, run_artifacts_uri(run));
  if (artifacts) needed.push_back(*artifacts);
  // Seen as they are filled later.
  for (const char* scheme : {"minio", "s3", "gcs"}) needed.push_back(options.directory / "artifacts" / scheme);
  for (const auto& directory : needed) {
    if (const Status made = make_directories(directory, 0700); !made) {
      log::warn("run {}: no Python server: {}", run.run_id, made.error().message);
      return std::nullopt;
    }
  }
  if (sandboxed) {
    using Kind = proc::Mount::Kind;
    server.sandbox = task_sandbox(options, run, place, artifacts.value_or(""));
    server.sandbox->mounts.push_back({Kind::writable, of_run, of_run.native(), 0, {}});
    server.sandbox->mounts.push_back(
        {Kind::writable, environment->parent_path(), environment->parent_path().native(), 0, {}});
    step.sandbox->mounts.push_back({Kind::writable, place, place.native(), 0, {}});
  }
  std::vector<std::string> asking = {
      python, "-I", "-S", "-c", std::string(kAsk), (place / name).native(), environment->native()};
  asking.insert(asking.end(), step.argv.begin(), step.argv.end());
  step.argv = std::move(asking);
  return server;
}

}  // namespace millrace::pipelines::executors
