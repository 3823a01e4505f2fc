"""Measure the memory of a linear head against the number of classes and renew ``book/data/memory.json``.

``make memory``. Each call runs in a process of its own: what counts is by how much its peak rises above
the inputs that were there before, as the system reports it; of that, the results (the loss and the
gradients of inputs and weights) are told apart. Nothing is timed, so that other work on the machine does
not matter; `bench` times the same calls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bench

RESULT = Path(__file__).parents[1] / "book" / "data" / "memory.json"
CLASSES = [4000, 8000, 16_000, 32_000, 64_000, 128_256]
CALLS = ["linear, textbook NumPy", bench.ROOMY, bench.TIGHT]


def measured(name: str, classes: int) -> float:
    """Return by how many MiB one call raises the peak of a fresh process."""
    worker = bench.Worker(name)
    try:
        return float(worker.ask(classes=classes))
    finally:
        worker.close()


def records() -> list[dict[str, Any]]:
    """Return a record for each number of classes and call."""
    samples, features = bench.HEAD
    found = []
    for classes in CLASSES:
        for name in CALLS:
            found.append(
                {
                    "classes": classes,
                    "library": name,
                    "peak_MiB_above_inputs": round(measured(name, classes)),
                    "MiB_of_results": round((samples + classes) * features * 4 / 2**20),
                    "MiB_of_logits": round(samples * classes * 4 / 2**20),
                }
            )
            print(found[-1], flush=True)
    return found


def main() -> None:
    """Measure, and write the results."""
    samples, features = bench.HEAD
    about = {
        "machine": bench.machine(),
        "versions": {name: version for name, version in bench.installed().items() if name == "numpy"},
        "head": {"samples": samples, "features": features, "dtype": "float32"},
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in about.items()]
    rows = ",\n".join(json.dumps(record) for record in records())
    lines.append(f'"memory": [\n{rows}\n]')
    RESULT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"written: {RESULT}")


if __name__ == "__main__":
    main()
