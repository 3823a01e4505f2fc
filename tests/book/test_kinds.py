"""A name in a chapter stands for a formula or for numbers, never for both in turn.

A reader runs cells anew, in the order that suits him. Where p is the probabilities in a proof and an array
ten cells on, the proof fails when it is run again.
"""

import ast

import nbformat
import pytest
from anchors import PAGES

FORMULAS = {"sympy", "xentlib.proof"}
BLOCKS = ast.For | ast.With | ast.If | ast.Try


def bindings(body):
    """Yield each name that statements bind in the notebook itself, with what it is bound to."""
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name, node
            case ast.FunctionDef():
                yield node.name, None
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for name, value in zip(names, values, strict=True):
                    yield from pairs(name, value)
            case ast.Assign():
                for target in node.targets:
                    yield from pairs(target, node.value)
            case ast.For():
                yield from pairs(node.target, node.iter)
        if isinstance(node, BLOCKS):
            yield from bindings(node.body)


def pairs(target, value):
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id != "_":
            yield node.id, value


def is_formula(value, formulas):
    """Tell whether a value has a formula in it, or a function that makes one."""
    if isinstance(value, ast.ImportFrom):
        return value.module in FORMULAS
    nodes = list(ast.walk(value)) if value is not None else []
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {
        name for node in nodes if isinstance(node, ast.comprehension) for name, _ in pairs(node.target, None)
    }
    return any(
        isinstance(node, ast.Name) and node.id not in own and formulas.get(node.id, False) for node in nodes
    )


def of_two_kinds(cells):
    """Return the names that cells bind to a formula and to something else, each with the cell's number."""
    formulas: dict[str, bool] = {}
    found = []
    for number, source in enumerate(cells):
        for name, value in bindings(ast.parse(source).body):
            kind = is_formula(value, formulas)
            if formulas.setdefault(name, kind) != kind:
                found.append((number, name))
    return found


CHAPTERS = [path for path in PAGES if path.suffix == ".ipynb"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_name_keeps_its_kind(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not of_two_kinds(cell.source if cell.cell_type == "code" else "" for cell in cells)


HEAD = "import numpy as np\nfrom xentlib.proof import k, p"


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ([HEAD, "p = np.exp(1)"], "p"),
        ([HEAD, "share = p[k]", "share = 0.5"], "share"),
        ([HEAD, "share = 0.5", "share = 2 * p[k]"], "share"),
        ([HEAD, "for k in range(3):\n    print(k)"], "k"),
        ([HEAD, "for _ in range(3):\n    a, (p, b) = 1, (2, 3)"], "p"),
        ([HEAD, "a, p = np.ones(2)"], "p"),
        ([HEAD, "def p(x):\n    return x"], "p"),
        ([HEAD, "import math as p"], "p"),
    ],
)
def test_a_name_of_two_kinds_is_found(cells, name):
    assert of_two_kinds(cells) == [(len(cells) - 1, name)]


def test_other_names_are_left_alone():
    cells = [
        HEAD,
        "a = 1",
        "a = [k for k in range(3)]\na[0] = 2",
        "a = lambda p: p",
        "b = p[k]\nb = b + 1",
        "_, a = 1, 2",
    ]
    assert of_two_kinds(cells) == []
