#include "pipelines/executors/python_server_program.h"

namespace millrace::pipelines::executors {
namespace {

// The server. Arguments: the socket's directory and name, "sandboxed" or "bare", where the run's artifacts may be
// written (or nothing), after how many seconds without a task it ends, a worker's filter of system calls
// (proc/system_calls.h). The socket's directory is beside those of the attempts, in a directory that the server may
// know by another name than its run's. What it is asked: python_client/python_client.cpp.
//
// The socket is there before anything is imported: who asks early waits for the answer. One worker is always forked
// ahead of its task, and has its namespaces and its own copies of the pages that any task writes to by then.
constexpr std::string_view kServe = R"py(
import _socket, gc, os, sys
gc.disable()  # what is imported stays
place, name, sandboxed, written, idle_seconds, system_calls = sys.argv[1], sys.argv[2], sys.argv[3] == "sandboxed", sys.argv[4], int(sys.argv[5]), bytes.fromhex(sys.argv[6])

def listen():
    path = f"/proc/self/fd/{os.open(place, os.O_RDONLY | os.O_DIRECTORY)}/{name}"
    for old in (path, path + ".new"):
        try:
            os.unlink(old)
        except OSError:
            pass
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    listener.bind(path + ".new")
    os.chmod(path + ".new", 0o600)
    listener.listen(64)
    os.rename(path + ".new", path)
    return path, listener.detach()

path, listening = listen()
import ctypes, struct
CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x10000000, 0x1000, 0x4000, 1 << 18
MS_NOSUID_NODEV, AT_FDCWD, SYS_mount_setattr, MOUNT_ATTR_RDONLY, PR_SET_PDEATHSIG = 6, -100, 442, 1, 1
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
of_run = os.path.dirname(place)
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def mount(source, target, kind=None, flags=MS_BIND | MS_REC, options=None):
    checked(libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, options))

def read_only(target):
    attributes = struct.pack("=4Q", MOUNT_ATTR_RDONLY, 0, 0, 0)
    checked(libc.syscall(SYS_mount_setattr, AT_FDCWD, os.fsencode(target), 0, attributes, len(attributes)))

def seen_below_tmp():
    # What the sandbox has put into its /tmp: a /tmp of a worker's own would cover it. The runs' is another matter.
    with open("/proc/self/mountinfo", "rb") as file:
        targets = [os.fsdecode(line.split()[4].decode("unicode_escape").encode("latin-1")) for line in file]
    return [one for one in targets if one.startswith("/tmp/") and not one.startswith(os.path.dirname(of_run) + "/")]

def enter_namespaces():
    # Mounts that come from a namespace with more rights stay locked in the new one: nothing hidden can be uncovered.
    user, group = os.geteuid(), os.getegid()
    checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
    for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open("/proc/self/" + file, "w") as out:
            out.write(text)
    checked(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    mount("tmpfs", "/dev/shm", b"tmpfs", MS_NOSUID_NODEV, b"mode=1777")

def own_view(directory, run_artifacts, artifacts):
    # As in a sandbox of its own: of the run's attempts it sees its own, and it writes there, to its /tmp and where its
    # artifacts go.
    run, attempt = os.path.split(directory)
    runs = os.path.dirname(run)
    own = os.open(of_run + "/" + attempt, os.O_PATH)
    all_written = os.open(written, os.O_PATH) if written else None
    goes_to = os.open(written + artifacts[len(run_artifacts):], os.O_PATH) if artifacts else None
    kept = [(one, os.open(one, os.O_PATH)) for one in below_tmp]
    mount(f"/proc/self/fd/{own}/tmp", "/tmp")
    for one, number in kept:
        if os.path.isdir(f"/proc/self/fd/{number}"):
            os.makedirs(one, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(one), exist_ok=True)
            open(one, "a").close()
        mount(f"/proc/self/fd/{number}", one)
        os.close(number)
    others = runs
    if runs.startswith("/tmp/"):  # of which there is nothing any more
        others = run
        os.makedirs(run, exist_ok=True)
    mount("tmpfs", others, b"tmpfs", MS_NOSUID_NODEV, b"mode=755")
    os.makedirs(directory)
    mount(f"/proc/self/fd/{own}", directory)
    os.close(own)
    read_only(others)
    if written and run_artifacts and written != run_artifacts:  # a server that was ready before its run knew of none
        os.makedirs(run_artifacts, exist_ok=True)
        mount(f"/proc/self/fd/{all_written}", run_artifacts)
        read_only(run_artifacts)
    if artifacts:
        mount(f"/proc/self/fd/{goes_to}", artifacts)
        os.close(goes_to)
    if written:
        read_only(f"/proc/self/fd/{all_written}")
        os.close(all_written)

def drop_capabilities():
    # The new user namespace gave them all, within it; the task needs none of them.
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    checked(libc.capset(header, none))
    # And it makes no namespaces: its filter comes over the server's, which may.
    filter = ctypes.create_string_buffer(system_calls, len(system_calls))
    program = struct.pack("@HP", len(system_calls) // 8, ctypes.addressof(filter))
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0))

below_tmp = seen_below_tmp() if sandboxed else []

def try_out():
    # May a worker have a view of its own? Found out while the rest is imported.
    trial = os.fork()
    if trial != 0:
        return trial
    try:
        enter_namespaces()
        own_view(place, "", "")
        drop_capabilities()
        os._exit(0)
    except BaseException as error:
        print("no Python server here:", error, file=sys.stderr, flush=True)
        os._exit(1)

trial = try_out() if sandboxed else None
os.environ["_KFP_RUNTIME"] = "true"
from kfp.dsl import executor_main
import argparse, atexit, inspect, json, select, signal, socket, tempfile, threading, traceback, types

LARGEST, VERSION = 64 << 20, 3

def rehearse():
    # What the SDK's program does for any component: what that compiles, imports and keeps is there afterwards.
    parser = argparse.ArgumentParser()
    for name in ("--component_module_path", "--function_to_execute", "--executor_input"):
        parser.add_argument(name, type=str, required=True, help=name)
    arguments, _ = parser.parse_known_args(["--component_module_path", "x.py", "--function_to_execute", "x", "--executor_input", "{}"])
    json.dumps(json.loads('{"a": [1, 2.5, "b", null, {}]}'), indent=4)
    code = compile("import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\ndef f(a: int, b: str = '') -> int:\n    return a\n", "x.py", "exec")
    names = {}
    exec(code, names)
    inspect.signature(names["f"])

def prepare(hand):
    # A worker that has no task yet.
    os.closerange(3, hand.fileno())
    os.closerange(hand.fileno() + 1, 4096)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if sandboxed:
        enter_namespaces()
    else:  # with the server's end a pid namespace ends, but there is none
        checked(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))

def enter_layer(layer):
    # As an interpreter that was started in it: what the task installs goes there, and not to the environment of all.
    kept = "%s/lib/python%d.%d/site-packages" % (sys.prefix, *sys.version_info[:2])
    sys.path.insert(sys.path.index(kept) if kept in sys.path else len(sys.path), layer + kept[len(sys.prefix):])
    sys.prefix = sys.exec_prefix = layer
    sys.executable = layer + "/bin/python3"
    site = sys.modules.get("site")
    if site:
        site.PREFIXES = [layer]

def work(out, err, body):
    _, count, of_variables = struct.unpack_from("=3I", body)
    code, *strings = body[12:].split(b"\0")
    directory, run_artifacts, artifacts, *strings = map(os.fsdecode, strings)
    arguments, variables = strings[:count], strings[count:count + of_variables]
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 4096)
    os.umask(0o22)
    os.environ.clear()
    os.environ.update(variable.split("=", 1) for variable in variables)
    os.environ["_KFP_RUNTIME"] = "true"
    if "VIRTUAL_ENV" in os.environ:
        enter_layer(os.environ["VIRTUAL_ENV"])
    if sandboxed:
        own_view(directory, run_artifacts, artifacts)
        drop_capabilities()
    os.chdir(directory)
    tempfile.tempdir = None
    file = tempfile.mkdtemp() + "/ephemeral_component.py"
    with open(file, "wb") as source:
        source.write(code)
    # As after python3 -m kfp.dsl.executor_main.
    sys.path[0] = directory
    sys.argv = [executor_main.__file__, "--component_module_path", file, *arguments]
    sys.orig_argv = ["python3", "-m", executor_main.__name__, *sys.argv[1:]]
    sys.modules["__main__"] = program = types.ModuleType("__main__")
    vars(program).update(vars(executor_main), __name__="__main__")
    executor_main.executor_main()

def explain(error):
    trace = error.__traceback__
    while trace and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    trace = trace or error.__traceback__  # of ours alone
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:
        traceback.print_exception(error)

def become(hand, ahead):
    try:
        prepare(hand)
        if ahead:
            rehearse()
        task = receive(hand)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    if task is None:  # the server ended
        os._exit(0)
    code, interrupted = 1, False
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
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        explain(error)
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception as error:
                code = 120
                print(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}", file=sys.stderr)
    except BaseException:
        code = code or 120
    finally:
        if interrupted:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(code)

def receive(step, seconds=None):
    # A task: two descriptors, and what is said of it; or nothing, the descriptors are closed then.
    step.settimeout(seconds)
    head, descriptors, _, _ = socket.recv_fds(step, 8, 2)
    task = None
    try:
        while len(head) < 8:
            part = step.recv(8 - len(head))
            if not part:
                return None
            head += part
        length = struct.unpack("<Q", head)[0]
        if not 12 <= length <= LARGEST or len(descriptors) != 2:
            return None
        body = bytearray()
        while len(body) < length:
            part = step.recv(min(1 << 20, length - len(body)))
            if not part:
                return None
            body += part
        if struct.unpack_from("=I", body)[0] == VERSION:
            task = (*descriptors, bytes(body))
        step.settimeout(None)
        return task
    finally:
        if task is None:
            close(descriptors)

def hand_over(worker, task):
    # false: it is not there any more.
    out, err, body = task
    try:
        worker.settimeout(30)
        socket.send_fds(worker, [struct.pack("<Q", len(body))], [out, err])
        worker.sendall(body)
        return True
    except OSError:
        return False

def close(descriptors):
    for number in descriptors:
        os.close(number)

def send(step, answer):
    try:
        step.sendall(answer)
    except OSError:
        pass

def kill(pid, number, how=os.killpg):
    try:
        how(pid, number)
    except OSError:
        return False
    return True

def space_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return None

def end_rest_of(pid):
    # What a worker that has ended, and was not waited for yet, left behind: in its group, and in its user namespace.
    kill(pid, signal.SIGKILL)
    space = space_of(pid)
    if space is None or space == space_of("self"):
        return
    seen, more = {str(pid)}, True
    while more:
        more = False
        for entry in os.listdir("/proc"):
            if entry.isdigit() and entry not in seen and space_of(entry) == space:
                seen.add(entry)
                more = True
                kill(int(entry), signal.SIGKILL, os.kill)

def main():
    rehearse()
    if trial and os.waitpid(trial, 0)[1] != 0:
        sys.exit(1)
    gc.freeze()
    gc.enable()
    listener = socket.socket(fileno=listening)
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
    def fork(ahead):
        ours, its = socket.socketpair()
        # Signalled to end before it can be signalled, it is signalled then.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, signal.SIGTERM))
        try:
            pid = os.fork()
            if pid == 0:
                ours.close()
                become(its, ahead)
            return pid, ours
        except OSError:
            ours.close()
            return None
        finally:
            its.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, ())

    # The worker that waits for a task: its pid and a socket. The first task may be here already.
    spare = None if poll.poll(0) else fork(True)
    while True:
        ready = poll.poll(None if workers else idle_seconds * 1000)
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
                        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                    except ChildProcessError:
                        break
                    if ended is None:
                        break
                    if ended.si_pid in workers:
                        end_rest_of(ended.si_pid)
                    pid, status = os.waitpid(ended.si_pid, 0)
                    if spare and pid == spare[0]:  # the next task sees to another one
                        spare[1].close()
                        spare = None
                    if pid not in workers:
                        continue
                    step, _ = steps.pop(workers.pop(pid))
                    try:
                        poll.unregister(step)
                    except KeyError:  # nobody waits for it any more
                        pass
                    send(step, struct.pack("<i", status))
                    step.close()
            elif number == listener.fileno():
                step, _ = listener.accept()
                try:
                    task = receive(step, 30)
                except Exception:
                    task = None
                if task is None:
                    step.close()
                    continue
                pid, worker = spare or fork(False) or (None, None)
                begun = pid is not None and hand_over(worker, task)
                close(task[:2])
                if worker is not None:
                    worker.close()
                spare = None
                if begun:
                    send(step, b"S")
                    steps[step.fileno()] = (step, pid)
                    workers[pid] = step.fileno()
                    poll.register(step, select.POLLIN)
                    spare = fork(True)
                else:
                    step.close()
            elif number in steps:
                step, pid = steps[number]
                try:
                    said = step.recv(16)
                except OSError:
                    said = b""
                word = signal.SIGTERM if said else signal.SIGKILL
                kill(pid, word) or kill(pid, word, os.kill)  # it may not have come so far as to lead a group
                if not said:  # the attempt is dead; the worker's end is seen above
                    poll.unregister(step)

main()
)py";

}  // namespace

std::string_view python_server_program() { return kServe; }

}  // namespace millrace::pipelines::executors
