"""The core of the proofs: how long it is, and that the way through it goes down."""

from __future__ import annotations

import re
from pathlib import Path

import core
import pytest

README = Path(__file__).resolve().parents[2] / "xentlib" / "proof" / "README.md"
ORDER = [
    "_verbs",
    "_agreement",
    "decide",
    "induction",
    "signs",
    "algebra",
    "kinks",
    "problem",
    "subject",
    "unfold",
]


def arrows(drawing: str) -> list[tuple[str, str]]:
    return re.findall(r"^  (\w+) -- .* --> (\w+)$", drawing, re.MULTILINE)


def goes_down(drawing: str) -> bool:
    return all(ORDER.index(caller) < ORDER.index(called) for caller, called in arrows(drawing))


def test_the_drawing_in_the_readme_is_of_today() -> None:
    """If not: python tools/core.py drawing."""
    assert f"```mermaid\n{core.drawing()}\n```" in README.read_text(encoding="utf-8")


def test_the_way_of_a_statement_goes_down() -> None:
    drawing = core.drawing()
    modules = {path.stem for path in core.FILES} - {"__init__", "symbols", "_quantities"}
    assert {module for arrow in arrows(drawing) for module in arrow} == {*modules, "_verbs", "_agreement"}
    assert goes_down(drawing)


def test_a_way_back_up_is_seen() -> None:
    assert not goes_down(f'{core.drawing()}\n  unfold -- "residual" --> algebra')


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("from xentlib.proof.core.algebra import residual\nresidual(1)", {("algebra", "residual")}),
        ("from xentlib.proof.core.algebra import residual as left\nmap(left, [])", {("algebra", "residual")}),
        ("from xentlib.proof.core.algebra import residual", set()),
        ("from xentlib.proof._claims import plain\nplain(1)", set()),
    ],
    ids=["called", "handed on under another name", "imported alone", "not of the core"],
)
def test_who_calls_what_is_read(source: str, used: set[tuple[str, str]]) -> None:
    assert core.uses(source) == used
