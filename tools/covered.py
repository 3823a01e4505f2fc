"""Run pytest, and say how much of each wing of `xentlib` the tests reach: `make test`.

SlipCover measures, for it costs nothing that can be noticed: coverage.py takes as long as the tests
themselves before Python 3.14, for they run in SymPy and mpmath, which it must watch as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "_build" / "coverage.json"

# In per cent of lines and branches, just below what was measured. Figures are drawn by the notebooks,
# each in a process of its own that nothing measures.
FLOORS: dict[str, float | None] = {"numerics": 99.0, "proof": 99.0, "figures": None}


def wing(file: str) -> str:
    """Return the wing of `xentlib` that a file is of."""
    parts = file.replace("\\", "/").split("/")
    return "proof" if "proof" in parts else "figures" if parts[-1] == "figures.py" else "numerics"


def by_wing(files: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """Return how many lines and how many branches each wing has, and how many were reached."""
    return {
        name: [
            (
                sum(file["summary"][f"covered_{what}"] for file in own),
                sum(file["summary"][f"{kind}_{what}"] for file in own for kind in ("covered", "missing")),
            )
            for what in ("lines", "branches")
        ]
        for name in FLOORS
        if (own := [file for path, file in files.items() if wing(path) == name])
    }


def report(wings: dict[str, list[tuple[int, int]]]) -> tuple[str, list[str]]:
    """Return a table of the wings, and those that fell below their floor."""
    table, low = [f"{'coverage':10}{'lines':>15}{'branches':>15}{'both':>9}{'at least':>10}"], []
    for name, counts in wings.items():
        reached, there = (sum(column) for column in zip(*counts, strict=True))
        percent = 100 * reached / there
        cells = "".join(f"{f'{n} of {of}':>15}" for n, of in counts)
        floor = FLOORS[name]
        table.append(f"{name:10}{cells}{percent:8.1f}%{'' if floor is None else f'{floor:9.0f}%'}")
        if floor is not None and percent < floor:
            low.append(name)
    return "\n".join(table), low


def main(arguments: list[str]) -> int | str:
    # Two processes of tests share the cores: threads of the linear algebra would only wait for each other.
    for library in ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_THREADS", "1")
    if not find_spec("slipcover"):
        print("Coverage is not measured: SlipCover is not for this Python.")
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode
    RESULT.parent.mkdir(exist_ok=True)
    measure = ["slipcover", "--branch", "--source", "xentlib", "--json", "--out", str(RESULT)]
    # It would wrap pytest too, in vain: pytest does not rewrite what is measured.
    run = [sys.executable, "-m", *measure, "--dont-wrap-pytest", "-m", "pytest", *arguments]
    if code := subprocess.run(run, cwd=ROOT, check=False).returncode:
        return code
    table, low = report(by_wing(json.loads(RESULT.read_text(encoding="utf-8"))["files"]))
    print(table)
    return (
        f"Fewer are reached than before: {', '.join(low)}. _build/coverage.json has the lines." if low else 0
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
