"""The table of coverage says what was measured, and a wing below its floor fails."""

from __future__ import annotations

from typing import Any

import covered


def file(lines: int, branches: int, missing: int = 0) -> dict[str, Any]:
    counts = {"covered_lines": lines, "covered_branches": branches}
    return {"summary": counts | {"missing_lines": missing, "missing_branches": 0}}


FILES = {
    "xentlib/__init__.py": file(10, 0),
    "xentlib/_softmax.py": file(90, 20),
    "xentlib\\proof\\_verbs.py": file(98, 0, missing=2),
    "xentlib/figures.py": file(1, 0, missing=1),
}


def test_each_file_counts_for_its_wing() -> None:
    assert covered.by_wing(FILES) == {
        "numerics": [(100, 100), (20, 20)],
        "proof": [(98, 100), (0, 0)],
        "figures": [(1, 2), (0, 0)],
    }


def test_a_wing_below_its_floor_is_named() -> None:
    table, low = covered.report(covered.by_wing(FILES))
    assert low == ["proof"]
    assert "100 of 100" in table
    assert "98.0%" in table


def test_every_wing_is_there() -> None:
    table, _ = covered.report(covered.by_wing(FILES))
    assert [line.split()[0] for line in table.splitlines()[1:]] == list(covered.FLOORS)
