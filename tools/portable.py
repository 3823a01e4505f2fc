"""Run the chapters and the tests of the numbers as on other machines: `make portable`.

One machine stands for others where NumPy does without some features of its processor, where linear algebra
has one thread or two, and where inexact functions are off by a random last bit (`tools/start`). What changes
there is named, by page and cell. Paths narrow the run: `.venv/bin/python tools/portable.py book/loss`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

ROOT = Path(__file__).resolve().parents[1]
PATHS = ["book", "tests/numerics"]
SEEDS = (1, 2, 3)


def machines() -> dict[str, dict[str, str]]:
    """Return what stands for a machine: what is set in the environment, by a name."""
    there = [name for name in _multiarray_umath.__cpu_dispatch__ if _multiarray_umath.__cpu_features__[name]]
    one, two = ({"OPENBLAS_NUM_THREADS": threads} for threads in "12")
    found = {"all features, one thread": one, "all features, two threads": two}
    for without in dict.fromkeys((" ".join(there[1:]), " ".join(there))):
        if without:
            found[f"without {without}"] = {"NPY_DISABLE_CPU_FEATURES": without, **one}
    for seed in SEEDS:
        found[f"last bits, seed {seed}"] = {"XENT_LAST_BIT": str(seed), **one}
    return found


def failures(paths: list[str], machine: dict[str, str]) -> list[str]:
    """Return the cells and tests that fail on a machine; a run that ends otherwise is an error."""
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("XENT_LAST_BIT", "PYTHONPATH")
    }
    start = {"PYTHONPATH": str(ROOT / "tools" / "start")} if "XENT_LAST_BIT" in machine else {}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", "-p", "no:cacheprovider", *paths],
        cwd=ROOT, env=inherited | start | machine, check=False, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    if done.returncode not in (0, 1):
        sys.exit(done.stdout + done.stderr)
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)


def main(paths: list[str]) -> int | str:
    red: dict[str, list[str]] = {}
    for name, machine in machines().items():
        began = time.monotonic()
        for found in failures(paths or PATHS, machine):
            red.setdefault(found, []).append(name)
            print(f"  {found}")
        count = sum(name in names for names in red.values())
        print(f"{name:42}{time.monotonic() - began:6.0f} s{count:6} red", flush=True)
    return "Something hangs on the machine; what is named above tells where." if red else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
