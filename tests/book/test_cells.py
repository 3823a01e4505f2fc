"""Cells of the chapters are called by their IDs, and all are compared, though none has a count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


def compare(folder: Path, **said: str) -> str:
    """Return what pytest says of a notebook with one cell, `1 + 1`, and what is stored of it."""
    v4 = nbformat.v4
    outputs = [v4.new_output("execute_result", data={"text/plain": text}) for text in said.values()]
    cell = v4.new_code_cell("1 + 1", id="sum-of-two", outputs=outputs)
    nbformat.write(v4.new_notebook(cells=[cell]), folder / "page.ipynb")
    (folder / "conftest.py").write_text("from cells import pytest_make_collect_report\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-v", "page.ipynb"],
        cwd=folder,
        # What measures the coverage would look for xentlib in the folder.
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests"), "SLIPCOVER_ENABLED": ""},
        check=False,
        capture_output=True,
        encoding="utf-8",
    ).stdout


def test_a_cell_without_a_count_is_compared(tmp_path: Path) -> None:
    assert "1 passed" in compare(tmp_path, stored="2")


@pytest.mark.parametrize("said", [{"stored": "3"}, {}])
def test_another_output_is_seen_and_the_cell_named(tmp_path: Path, said: dict[str, str]) -> None:
    printed = compare(tmp_path, **said)
    assert "1 failed" in printed
    assert "page.ipynb::sum-of-two" in printed
    assert "page.ipynb, cell sum-of-two: Cell outputs differ" in printed
