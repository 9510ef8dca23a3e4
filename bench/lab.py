"""The lab's numbers: time of the whole lab, of its steps, from start to the first answer, and idle memory.

Each figure is taken several times; the median and the spread are printed beside the bar it is held against.
Peers (AWS, Kubeflow on a cluster) cannot run here: what they take is said with its source in docs/performance.md.

    python3 bench/lab.py [ROUNDS]
"""

import json
import os
import pathlib
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MILLRACE = ROOT / "build" / "millrace"


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def warm_up(seconds=5):
    """A core that has slept gives half its speed for a while: keep all of them busy first."""
    spin = [
        subprocess.Popen([sys.executable, "-c", f"import time\nend=time.time()+{seconds}\nwhile time.time()<end: pass"])
        for _ in range(os.cpu_count())
    ]
    for process in spin:
        process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_answer(data_dir):
    """Seconds from exec to the first 200 of /apis/v2beta1/healthz, then the idle resident memory in MB."""
    port = free_port()
    start = time.perf_counter()
    server = subprocess.Popen(
        [MILLRACE, "serve", "--data-dir", data_dir, "--listen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL
    )
    try:
        # A bare socket: an HTTP library would add more than the server takes.
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                    connection.sendall(b"GET /apis/v2beta1/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if connection.recv(65536).startswith(b"HTTP/1.1 200"):
                        break
            except ConnectionRefusedError:
                if server.poll() is not None:
                    raise SystemExit(f"the server ended with {server.returncode}")
                time.sleep(0.0005)
        seconds = time.perf_counter() - start
        time.sleep(3)  # the first start makes the sample data set; idle is after that
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
        return seconds, resident
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def show(name, values, unit, bar, scale=1.0):
    values = [value * scale for value in values]
    median = statistics.median(values)
    verdict = "holds" if median <= bar else "MISSED"
    print(f"{name:<42} {median:9.2f} {unit:<3} ({min(values):.2f} to {max(values):.2f})   bar {bar:g} {unit}: {verdict}")
    return median <= bar


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(machine())
    warm_up()
    labs, walls = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        run = subprocess.run([MILLRACE, "lab", "--exit", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        walls.append(time.perf_counter() - start)
        if run.returncode != 0:
            raise SystemExit(f"the lab failed: {run.stderr.decode()[-2000:]}")
        labs.append(json.loads(run.stdout))
    fresh, again, memory = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as data_dir:
            seconds, after_first = first_answer(data_dir)
            fresh.append(seconds)
            seconds, after_second = first_answer(data_dir)
            again.append(seconds)
            memory.append(max(after_first, after_second))

    print(f"\nmedian of {rounds} rounds (spread)")
    good = [
        show("whole lab, server start included", [lab["seconds"] for lab in labs], "s", 10),
        show("  the same, by the clock on the wall", walls, "s", 10),
        show("first answer, fresh data directory", fresh, "ms", 50, 1000),
        show("first answer, existing data directory", again, "ms", 50, 1000),
        show("resident memory, idle", memory, "MB", 25),
        show("test:msd of the lab's model", [lab["test_msd"] for lab in labs], "", 39.55),
    ]
    purities = [lab["purity"] for lab in labs]
    print(f"{'purity of the lab model':<42} {statistics.median(purities):9.3f}     ({min(purities):.3f} to {max(purities):.3f})   bar 0.55")
    print("\nseconds a step (median)")
    for index, step in enumerate(labs[0]["steps"]):
        print(f"  {step['name']:<40} {statistics.median(lab['steps'][index]['seconds'] for lab in labs):7.2f}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
