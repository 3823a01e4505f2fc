"""Each function of the package is compared with a formula of the book, or the reason why not stands here."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path

import ledger
import pytest

import xentlib

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = {name for name in xentlib.__all__ if callable(getattr(xentlib, name))} - {"InvalidLogitsError"}

WITHOUT = {
    "chance_calibration_error": "it draws at random",
    "equal_mass_edges": "it is a definition, and no formula says it in other words",
    "logit_adjusted_cross_entropy_hess": "it is the Hessian of cross-entropy, at logits plus a constant",
    "maximum_calibration_error": "it is the largest of the gaps that the mean is taken of",
    "one_hot": "it is a definition, and no formula says it in other words",
}


def compared(code: str) -> set[str]:
    """Return the functions of `xl` that the two sides of an agreement call, directly or not."""
    module = ast.parse(code)
    own = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}

    def reached(node: ast.AST, seen: frozenset[str]) -> set[str]:
        found = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "xl":
                found.add(part.attr)
            if isinstance(part, ast.Name) and part.id in own.keys() - seen:
                found |= reached(own[part.id], seen | {part.id})
        return found

    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    agreements = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "agree"]
    return set().union(*(reached(side, frozenset()) for call in agreements for side in call.args[2:4]))


def test_each_function_is_compared_with_a_formula_or_says_why_not() -> None:
    found = set()
    for chapter in ledger.notebooks(ROOT):
        cells = json.loads((ROOT / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
        found |= compared("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    assert FUNCTIONS - found == WITHOUT.keys()
    assert inspect.isfunction(xentlib.softmax)
    assert "softmax" in FUNCTIONS


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("agree('a', s, xl.softmax, lambda z: xl.sigmoid(z), points=xl.one_hot(p))", {"softmax", "sigmoid"}),
        (
            "def f(z):\n return g(z)\ndef g(z):\n return f(z) + xl.entropy(z)\nagree('a', s, f, h)",
            {"entropy"},
        ),
        ("xl.softmax(z)\nprove('a', s)", set()),
    ],
)
def test_what_an_agreement_compares(code: str, found: set[str]) -> None:
    assert compared(code) == found
