"""K-Means on MNIST: a whole training job beside scikit-learn's fits of the same data.

    python3 bench/kmeans.py [--rounds N] [--millrace PATH]

Millrace: one `millrace worker train` process, from start to exit: it reads 159 MB of RecordIO-protobuf, trains with its
defaults (k = 10, mini-batches of 500, the polish), evaluates on the test images and writes the model.
scikit-learn: KMeans (k-means++, one initialisation) and MiniBatchKMeans (batches of 500), fit() alone, on the same rows
already in memory. Same threads. The contestants take turns; a ratio is of one round, and the median of the rounds
counts. Quality is the mean squared distance of the 10,000 test images, pixels in [0, 1].
"""

import argparse
import gzip
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CPU = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "")
if "avx512f" in CPU:  # Debian's OpenBLAS knows no newer processor than its age; this is the peer's best setting
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

try:
    import numpy
    import sklearn
    from sklearn.cluster import KMeans, MiniBatchKMeans
except ImportError as missing:
    sys.exit(f"bench/kmeans.py needs scikit-learn (Debian: python3-sklearn): {missing}")

sys.path.insert(0, str(ROOT / "lab"))
import kmeans_preprocessing  # noqa: E402


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    widest = next((flag for flag in ("avx512f", "avx2") if flag in CPU), "baseline")
    return f"{model} ({widest}), {os.cpu_count()} cores, Linux {platform.release()}"


def images(name):
    data = gzip.open(ROOT / "lab" / "data" / name).read()
    return (numpy.frombuffer(data, numpy.uint8, offset=16).reshape(-1, 784) / numpy.float32(255)).astype("<f4")


def warm_up(seconds=5):
    """Busies every core: one that has slept gives half its speed for a while. Says how well two cores scale."""
    spin = f"import time\nn=0\nend=time.time()+{seconds}\nwhile time.time()<end: n+=1\nprint(n)"

    def counted(processes):
        running = [subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE) for _ in range(processes)]
        return sum(int(process.communicate()[0]) for process in running)

    counted(os.cpu_count())
    return counted(os.cpu_count()) / counted(1)


def msd(centres, rows):
    distances = (rows**2).sum(1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(1)
    return float(distances.min(1).mean())


def prepare(directory, train, test):
    ml = pathlib.Path(directory)
    for part in ("input/config", "input/data/train", "input/data/test", "model", "output"):
        (ml / part).mkdir(parents=True)
    labels = numpy.zeros(len(train), dtype=numpy.int64)
    kmeans_preprocessing.write_records(ml / "input/data/train/data", train, labels)
    kmeans_preprocessing.write_records(ml / "input/data/test/data", test, labels[: len(test)])
    channel = {"TrainingInputMode": "File"}
    (ml / "input/config/inputdataconfig.json").write_text(json.dumps({"train": channel, "test": channel}))
    return ml


def millrace(program, ml, seed):
    (ml / "input/config/hyperparameters.json").write_text(
        json.dumps({"k": "10", "feature_dim": "784", "mini_batch_size": "500", "seed": str(seed)})
    )
    start = time.perf_counter()
    log = subprocess.run([program, "worker", "train", ml, "kmeans"], check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - start
    return seconds, float(re.search(r"test msd <loss>=(\S+)", log)[1])


def scikit(estimator, train, test):
    start = time.perf_counter()
    estimator.fit(train)
    return time.perf_counter() - start, msd(estimator.cluster_centers_, test)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--millrace", default=ROOT / "build" / "millrace")
    given = arguments.parse_args()

    train, test = images("train-images-idx3-ubyte.gz")[:50000], images("t10k-images-idx3-ubyte.gz")
    print(f"{machine()}; scikit-learn {sklearn.__version__}, NumPy {numpy.__version__}")
    print(f"all cores together do {warm_up():.2f} times the work of one (1.8 or more for 2: trust the times)")
    with tempfile.TemporaryDirectory(prefix="millrace-bench") as directory:
        ml = prepare(directory, train, test)
        contestants = {
            "millrace training job": lambda seed: millrace(given.millrace, ml, seed),
            "scikit-learn KMeans": lambda seed: scikit(
                KMeans(10, n_init=1, random_state=seed), train, test),
            "scikit-learn MiniBatchKMeans": lambda seed: scikit(
                MiniBatchKMeans(10, batch_size=500, n_init=1, random_state=seed), train, test),
        }
        results = {name: [] for name in contestants}
        for seed in range(given.rounds):
            for name, run in contestants.items():
                results[name].append(run(seed))

    ours = [seconds for seconds, _ in results["millrace training job"]]
    print(f"{'':30} {'seconds: median':>16} {'spread':>15} {'test msd: median':>17} {'worst':>8} {'times ours':>11}")
    for name, rounds in results.items():
        seconds = [round[0] for round in rounds]
        quality = sorted(round[1] for round in rounds)
        ratio = statistics.median(s / o for s, o in zip(seconds, ours))
        print(f"{name:30} {statistics.median(seconds):16.3f} {f'{min(seconds):.3f}-{max(seconds):.3f}':>15} "
              f"{statistics.median(quality):17.3f} {quality[-1]:8.3f} {ratio:11.2f}")


if __name__ == "__main__":
    main()
