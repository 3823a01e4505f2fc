"""Another machine is told apart: what hangs on a last bit is named, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import nbformat
import notebooks
import portable
import pytest
import pythons

STABLE = """\
import numpy as np
print(round(float(np.exp(1.0)), 6), np.exp(0.0), 2.0 ** np.arange(3), np.ones(9) @ np.ones(9))"""
CHAOTIC = """\
x = 0.3
for _ in range(200):
    x = float(np.exp(np.log(3.9) + np.log(x) + np.log1p(-x)))
print(round(x, 3))"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a chapter with a cell that bears last bits and one that does not, run on this machine."""
    v4 = nbformat.v4
    path = tmp_path / "page.ipynb"
    cells = [v4.new_code_cell(STABLE, id="stable"), v4.new_code_cell(CHAOTIC, id="chaotic")]
    nbformat.write(v4.new_notebook(cells=cells), path)
    (tmp_path / "conftest.py").write_text("from cells import pytest_make_collect_report\n", encoding="utf-8")
    notebooks.refresh(path)
    return path


def test_a_chaotic_cell_is_named(page: Path) -> None:
    assert portable.failures([str(page)], {}) == []
    (found,) = portable.failures([str(page)], {"XENT_LAST_BIT": "1"})
    assert found.endswith("::chaotic")


def test_the_machines_differ() -> None:
    machines = portable.machines()
    assert len({tuple(sorted(machine.items())) for machine in machines.values()}) == len(machines)
    assert sum("XENT_LAST_BIT" in machine for machine in machines.values()) == 3
    assert {machine["OPENBLAS_NUM_THREADS"] for machine in machines.values()} == {"1", "2"}


LAST_BITS = """\
import numpy as np
draw = np.random.default_rng(0)
with np.errstate(all="raise"):
    for kind in (np.float32, np.float64):
        x, y = draw.uniform(size=(2, 20, 20)).astype(kind)
        out = np.empty((20, 40), kind)[:, ::-2]
        np.exp(x, out=out)
        for got, wide in (
            (out, np.exp(x.astype(np.longdouble))),
            (x @ y[:, 3], x.astype(np.longdouble) @ y[:, 3]),
            (x[::-2] @ y, x[::-2].astype(np.longdouble) @ y),
            (x.sum(axis=1), x.astype(np.longdouble).sum(axis=1)),
        ):
            error = np.abs(got - wide) / np.spacing(np.abs(got))
            print(bool((error > 0.5).any()), bool((error < 50).all()), bool((np.exp(x) == np.exp(x)).all()))
        assert (np.eye(20, dtype=kind) @ x == x).all()
        assert x[0, :2].sum() == x[0, 0] + x[0, 1]
"""


def test_results_are_off_by_little_and_always_the_same_way() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", LAST_BITS],
        env=os.environ | {"XENT_LAST_BIT": "2", "PYTHONPATH": str(portable.ROOT / "tools" / "start")},
        check=True, capture_output=True, encoding="utf-8",
    ).stdout  # fmt: skip
    assert set(printed.splitlines()) == {"True True True"}


def test_each_other_python_is_tried_and_named_where_tests_fail(capsys: pytest.CaptureFixture[str]) -> None:
    own, *others = (f"3.{minor}" for minor in (sys.version_info.minor, 1, 2, 3))
    there = {own: sys.executable, others[0]: "one", others[1]: None, others[2]: "three"}
    with (
        mock.patch.object(pythons, "versions", return_value=[own, *others]),
        mock.patch.object(pythons, "found", there.get),
        mock.patch.object(pythons, "run", lambda version, _: int(version == "3.1")),
    ):
        assert pythons.main() == "The tests fail on Python 3.1."
    assert "== Python 3.2: not on this machine" in capsys.readouterr().out


@pytest.mark.skipif(not (pythons.ROOT / pythons.UV).exists(), reason="the environment was not made by make")
def test_a_python_is_found_where_it_is() -> None:
    assert f"3.{sys.version_info.minor}" in pythons.versions()
    assert pythons.found("3.99") is None
