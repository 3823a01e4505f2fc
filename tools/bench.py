"""Measure xentlib beside its peers and renew ``book/data/bench.json``: ``make bench``.

Each library runs in a process of its own, for their threads disturb each other; the processes take
turns, one sample each, so that a slow moment of the machine meets all alike. A sample repeats
the call for at least `SAMPLE` seconds. Medians are compared. What is not installed is named.
Calls are default calls; what is not says so in its name. How many threads each library has is
stored: none is set but scikit-learn's, whose default is 1. At the end stands who is ahead where.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).parents[1] / "book" / "data" / "bench.json"
SAMPLE = 0.02
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
SHAPES = [(128, 10), (8192, 10), (1_000_000, 10), (4096, 1000), (2048, 32_000), (512, 128_256)]
DTYPES = ["float32", "float64"]
GRADIENT, LOSS = "loss and gradient", "loss"
TASKS = [GRADIENT, LOSS, "logsumexp", "softmax", "log_softmax"]
Call = Callable[[], Any]


# --- The libraries: from a task, logits and labels to a call ------------------------------------------


def xentlib(task: str, z: Any, y: Any, **options: Any) -> Call:
    """This package; the options are those of `mean_cross_entropy_value_and_grad`."""
    import xentlib

    if task == GRADIENT:
        return lambda: xentlib.mean_cross_entropy_value_and_grad(z, y, **options)
    if task == LOSS:
        return lambda: xentlib.mean_cross_entropy(z, y, **options)
    function = getattr(xentlib, task)
    return lambda: function(z)


def xentlib_out(task: str, z: Any, y: Any) -> Call | None:
    """Write into an array that exists."""
    return xentlib(task, z, y, out=np.ones_like(z)) if task == GRADIENT else None


def xentlib_alone(task: str, z: Any, y: Any) -> Call | None:
    """Leave the other cores alone."""
    return xentlib(task, z, y, threads=1) if task in (GRADIENT, LOSS) else None


def textbook(task: str, z: Any, y: Any) -> Call:
    """NumPy as the textbooks have it, with the maximum subtracted."""
    rows = np.arange(len(z))

    def softmax() -> Any:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def logsumexp() -> Any:
        m = z.max(axis=1, keepdims=True)
        return m + np.log(np.exp(z - m).sum(axis=1, keepdims=True))

    def gradient() -> Any:
        p = softmax()
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        return loss, p / len(z)

    return {
        GRADIENT: gradient,
        LOSS: lambda: (logsumexp()[:, 0] - z[rows, y]).mean(),
        "logsumexp": logsumexp,
        "softmax": softmax,
        "log_softmax": lambda: z - logsumexp(),
    }[task]


def scipy(task: str, z: Any, y: Any) -> Call | None:
    """`scipy.special`, along the last axis."""
    from scipy import special

    function = getattr(special, task, None)
    return None if function is None else lambda: function(z, axis=1)


def sklearn(task: str, z: Any, y: Any) -> Call | None:
    """HalfMultinomialLoss, the loss of scikit-learn's own estimators."""
    from sklearn._loss import HalfMultinomialLoss

    loss, target = HalfMultinomialLoss(n_classes=z.shape[1]), y.astype(z.dtype)

    def gradient() -> Any:
        losses, gradients = loss.loss_gradient(target, z, n_threads=CORES)
        gradients /= len(z)
        return losses.mean(), gradients

    calls = {GRADIENT: gradient, LOSS: lambda: loss.loss(target, z, n_threads=CORES).mean()}
    return calls.get(task)


def torch(task: str, z: Any, y: Any) -> Call:
    """PyTorch, eager, with its own derivative."""
    import torch

    x, target = torch.from_numpy(z), torch.from_numpy(y)
    leaf = torch.from_numpy(z).requires_grad_()

    def gradient() -> Any:
        loss = torch.nn.functional.cross_entropy(leaf, target)
        return float(loss), torch.autograd.grad(loss, leaf)[0].numpy()

    return {
        GRADIENT: gradient,
        LOSS: lambda: float(torch.nn.functional.cross_entropy(x, target)),
        "logsumexp": lambda: torch.logsumexp(x, 1).numpy(),
        "softmax": lambda: torch.softmax(x, 1).numpy(),
        "log_softmax": lambda: torch.log_softmax(x, 1).numpy(),
    }[task]


def jax(task: str, z: Any, y: Any) -> Call:
    """JAX, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    x, target = jax.numpy.asarray(z), jax.numpy.asarray(y)

    def loss(x: Any, target: Any) -> Any:
        picked = jax.numpy.take_along_axis(jax.nn.log_softmax(x), target[:, None], axis=1)
        return -picked.mean()

    function = {
        GRADIENT: jax.value_and_grad(loss),
        LOSS: loss,
        "logsumexp": lambda x, _: jax.nn.logsumexp(x, axis=1),
        "softmax": lambda x, _: jax.nn.softmax(x),
        "log_softmax": lambda x, _: jax.nn.log_softmax(x),
    }[task]
    compiled = jax.jit(function)
    return lambda: jax.block_until_ready(compiled(x, target))


OURS, OURS_OUT, OURS_ALONE = "xentlib", "xentlib, out=", "xentlib, threads=1"
LIBRARIES: dict[str, tuple[str, Callable[..., Call | None]]] = {
    OURS: ("numpy", xentlib),
    OURS_OUT: ("numpy", xentlib_out),
    OURS_ALONE: ("numpy", xentlib_alone),
    "textbook NumPy": ("numpy", textbook),
    "SciPy": ("scipy", scipy),
    "scikit-learn": ("scikit-learn", sklearn),
    "PyTorch": ("torch", torch),
    "JAX": ("jax", jax),
}


def threads_of(name: str) -> int:
    """Return how many threads a library may use; XLA cannot be asked, and takes all cores, as we do."""
    if name == "PyTorch":
        import torch

        return torch.get_num_threads()
    return 1 if name in (OURS_ALONE, "textbook NumPy", "SciPy") else CORES


# --- The linear head: loss and gradients of inputs, weights and bias ----------------------------------

HEAD = (2048, 768)  # samples and features, float32
PRODUCTS, TIGHT, ROOMY = "three products alone", "xentlib, 32 MiB", "xentlib, 128 MiB"


def products(x: Any, w: Any, y: Any) -> Call:
    """The matrix products that no method can do without, on logits that are there already."""
    z = np.ones((len(x), len(w)), x.dtype)
    return lambda: (np.matmul(x, w.T, out=z), z @ w, z.T @ x)


def linear(memory: int) -> Callable[..., Call]:
    """This package within a budget."""

    def make(x: Any, w: Any, y: Any) -> Call:
        import xentlib

        return lambda: xentlib.linear_cross_entropy_value_and_grad(x, w, y, memory=memory)

    return make


def linear_textbook(x: Any, w: Any, y: Any) -> Call:
    """NumPy as the textbooks have it."""

    def call() -> Any:
        loss, g = textbook(GRADIENT, x @ w.T, y)()
        return loss, g @ w, g.T @ x

    return call


def linear_torch(x: Any, w: Any, y: Any) -> Call:
    """PyTorch, eager."""
    import torch

    inputs, weight = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    target = torch.from_numpy(y)

    def call() -> Any:
        loss = torch.nn.functional.cross_entropy(inputs @ weight.T, target)
        return float(loss), torch.autograd.grad(loss, (inputs, weight))

    return call


LINEAR: dict[str, tuple[str, Callable[..., Call]]] = {
    PRODUCTS: ("numpy", products),
    ROOMY: ("numpy", linear(2**27)),
    TIGHT: ("numpy", linear(32 * 2**20)),
    "linear, textbook NumPy": ("numpy", linear_textbook),
    "linear, PyTorch": ("torch", linear_torch),
}
LINEAR_CLASSES = [32_000, 128_256]


def head(classes: int) -> tuple[Any, Any, Any]:
    """Return inputs, weights and labels."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(HEAD, np.float32)
    w = rng.standard_normal((classes, HEAD[1]), np.float32)
    w *= np.float32(HEAD[1] ** -0.5)
    return x, w, rng.integers(0, classes, HEAD[0])


def peak() -> float:
    """Return the most memory that this process has held so far, in MiB (0 where unknown)."""
    try:
        import resource
    except ImportError:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def linear_records(versions: dict[str, str], rounds: int) -> list[dict[str, Any]]:
    """Return a record for each number of classes and library: seconds and MiB beside inputs and results."""
    records = []
    for classes in LINEAR_CLASSES:
        results = (HEAD[0] + classes) * HEAD[1] * 4 / 2**20
        workers = {name: Worker(name) for name, (package, _) in LINEAR.items() if package in versions}
        memory = {name: worker.ask(classes=classes) for name, worker in workers.items()}
        times: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                times[name].append(worker.ask())
        for name, worker in workers.items():
            worker.close()
            records.append(
                {
                    "classes": classes,
                    "library": name,
                    "seconds": round(statistics.median(times[name]), 3),
                    "peak_MiB_above_inputs": round(memory[name]),
                    "MiB_of_results": round(results),
                }
            )
            print(
                f"linear head, {classes} classes, {name:<24} {records[-1]['seconds']:6.2f} s, "
                f"peak {memory[name]:6.0f} MiB above the inputs, {results:.0f} of them results",
                flush=True,
            )
    return records


# --- A process for each library ------------------------------------------------------------------------


def data(shape: tuple[int, int], dtype: str) -> tuple[Any, Any]:
    """Return normal logits and labels, the same in each process."""
    rng = np.random.default_rng(0)
    z = np.empty(shape, dtype)
    for part in range(0, len(z), 4096):  # else the normal numbers of float64 take more memory than all
        z[part : part + 4096] = rng.standard_normal(z[part : part + 4096].shape, dtype="float32")
    return z, rng.integers(0, shape[1], shape[0])


def sample(call: Call, repeats: int) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def serve(name: str) -> None:
    """Answer the requests on standard input: set up a task, or time it."""
    make: Any = (LIBRARIES | LINEAR)[name][1]
    call, repeats, known = None, 1, None
    arrays: Any = ()
    for line in sys.stdin:
        order = json.loads(line)
        answer: Any = None
        if "threads" in order:
            answer = threads_of(name)
        elif "classes" in order:
            data_of_head = head(order["classes"])
            make(*(a[:300] for a in head(300)))()  # what is loaded once
            call = make(*data_of_head)
            before = peak()
            call()
            answer = peak() - before
        elif "task" in order:
            call = None
            if known != (order["shape"], order["dtype"]):
                arrays = ()  # not both at a time
                arrays, known = data(tuple(order["shape"]), order["dtype"]), (order["shape"], order["dtype"])
            call = make(order["task"], *arrays)
            if call is not None:
                call()
                repeats = max(1, math.ceil(SAMPLE / sample(call, 1)))
                answer = repeats
        else:
            assert call is not None
            answer = sample(call, repeats)
        print(json.dumps(answer), flush=True)


class Worker:
    """The process of one library."""

    def __init__(self, name: str) -> None:
        # Not for the peers' sake: settings of one machine would slow NumPy's linear algebra down.
        env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        env["PYTHONPATH"] = str(Path(__file__).parents[1])
        command = [sys.executable, "-W", "ignore", __file__, "--serve", name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def ask(self, **order: Any) -> Any:
        """Return the answer to an order."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def installed() -> dict[str, str]:
    """Return the versions of the packages that are there."""
    found = {}
    for package in dict.fromkeys(package for package, _ in LIBRARIES.values()):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"not installed, so not measured: {package}")
    return found


def threads(names: list[str]) -> dict[str, int]:
    """Return how many threads each library may use."""
    found = {}
    for name in names:
        worker = Worker(name)
        found[name] = worker.ask(threads=True)
        worker.close()
    return found


def measure(
    names: list[str], shapes: list[tuple[int, int]], dtypes: list[str], tasks: list[str], rounds: int
) -> list[dict[str, Any]]:
    """Return a record for each task, dtype, shape and library: nanoseconds a logit, the median."""
    records = []
    workers = {name: Worker(name) for name in names}
    for dtype in dtypes:
        for shape in shapes:
            for task in tasks:
                ready = {
                    n: w for n, w in workers.items() if w.ask(task=task, shape=shape, dtype=dtype) is not None
                }
                times: dict[str, list[float]] = {name: [] for name in ready}
                for turn in range(rounds):
                    order = list(ready)
                    for name in order[turn % len(order) :] + order[: turn % len(order)]:
                        times[name].append(ready[name].ask())
                for name, found in times.items():
                    median = statistics.median(found)
                    records.append(
                        {
                            "task": task,
                            "dtype": dtype,
                            "shape": list(shape),
                            "library": name,
                            "microseconds": round(median * 1e6, 2),
                            "nanoseconds_a_logit": round(median * 1e9 / math.prod(shape), 4),
                        }
                    )
                mine = statistics.median(times[OURS])
                line = ", ".join(
                    f"{n} {statistics.median(t) / mine:.2f}" for n, t in times.items() if n != OURS
                )
                size = f"{shape[0]}x{shape[1]}"
                print(
                    f"{dtype} {size:>10} {task:<17} {mine * 1e9 / math.prod(shape):7.3f} ns; ratios: {line}",
                    flush=True,
                )
    for worker in workers.values():
        worker.close()
    return records


# --- Who is ahead ---------------------------------------------------------------------------------------


def ratios(records: list[dict[str, Any]]) -> dict[tuple[str, str, tuple[int, ...]], dict[str, float]]:
    """Return, by task, dtype and shape, how many times as long as the default call each peer takes."""
    times: dict[Any, dict[str, float]] = {}
    for r in records:
        times.setdefault((r["task"], r["dtype"], tuple(r["shape"])), {})[r["library"]] = r["microseconds"]
    return {
        key: {name: time / found[OURS] for name, time in found.items() if not name.startswith(OURS)}
        for key, found in times.items()
    }


def show(records: list[dict[str, Any]]) -> None:
    """Print the table of the default calls, and where a peer is ahead."""
    peers = [name for name in LIBRARIES if not name.startswith(OURS)]
    times = {(r["task"], r["dtype"], tuple(r["shape"]), r["library"]): r["microseconds"] for r in records}
    behind = []
    print("\nDefault calls: microseconds of xentlib, and how many times as long each peer takes")
    print(f"{'':39}{OURS:>12}" + "".join(f"{name:>16}" for name in peers))
    for (task, dtype, shape), found in ratios(records).items():
        size = "x".join(map(str, shape))
        cells = "".join(f"{f'{found[name]:.2f}' if name in found else '-':>16}" for name in peers)
        print(f"{task:18}{dtype:8}{size:>13}{times[task, dtype, shape, OURS]:12.0f}{cells}")
        behind += [(ratio, name, task, dtype, size) for name, ratio in found.items() if ratio < 1]
    for ratio, name, task, dtype, size in behind:
        print(f"behind {name}: {ratio:.2f} of its speed, {task}, {dtype} {size}")


# --- All of it ---------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        cpu = models[0] if models else cpu
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "blas": f"{blas.get('name')} {blas.get('version')}",
    }


def main() -> None:
    """Measure what is asked for, and write the results if that is everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=9, help="samples of each library")
    parser.add_argument("--shapes", help="such as 128x10,8192x10; then nothing is written")
    parser.add_argument("--dtypes", help="float32 or float64; then nothing is written")
    parser.add_argument("--tasks", help="such as 'softmax,log_softmax,linear'; then nothing is written")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    shapes = [s for s in SHAPES if not options.shapes or f"{s[0]}x{s[1]}" in options.shapes.split(",")]
    dtypes = [d for d in DTYPES if not options.dtypes or d in options.dtypes.split(",")]
    tasks = [t for t in TASKS if not options.tasks or t in options.tasks.split(",")]
    about, versions = machine(), installed()
    names = [name for name, (package, _) in LIBRARIES.items() if package in versions]
    about["threads"] = threads(names)
    print(json.dumps(about | {"versions": versions}))
    records = measure(names, shapes, dtypes, tasks, options.rounds)
    show(records)
    heads = []
    if "linear" in options.tasks.split(",") if options.tasks else True:
        heads = linear_records(versions, 3)
    if (shapes, dtypes, tasks) == (SHAPES, DTYPES, TASKS):
        RESULT.parent.mkdir(exist_ok=True)
        found = {
            "machine": about,
            "versions": versions,
            "times": records,
            "linear": heads,
        }
        lines = [
            f'"{key}": {json.dumps(value)}' for key, value in found.items() if not isinstance(value, list)
        ]
        for key, value in found.items():
            if isinstance(value, list):
                rows = ",\n".join(json.dumps(record) for record in value)
                lines.append(f'"{key}": [\n{rows}\n]')
        RESULT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        print(f"written: {RESULT.relative_to(Path.cwd()) if RESULT.is_relative_to(Path.cwd()) else RESULT}")


if __name__ == "__main__":
    main()
