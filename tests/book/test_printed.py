r"""Every statement of the book, every line of its derivations, and every assumption is read back.

The LaTeX that stands in a chapter is turned into numbers by a reader that knows nothing of the printer
(`reading`), and compared at random points with the object that the chapter gives to a verb (`readback`).
Nothing is proved here: of each chapter only the lines run that its statements are made of.
"""

from __future__ import annotations

import ast
import json
import symtable
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ledger
import pytest
import sympy as sp
from readback import fault

from xentlib.proof import to_latex
from xentlib.proof._names import check_names
from xentlib.proof.core.problem import Given, Problem

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ledger.notebooks(ROOT)
VERBS = {"prove", "agree", "refute", "derive"}


class Stated(NamedTuple):
    """What one call of a verb says."""

    claim: str
    """Empty for a derivation, which is no claim."""
    lines: list[Any]
    """The statement, or the lines of a derivation."""
    given: list[Any]


def visit(code: str, look: Callable[[Stated], None]) -> None:
    """Run what the statements of a chapter are made of, and look at each where it stands.

    Later it would be too late: a formula finds the names that it uses when it is asked for.
    """

    def claim(name: str, statement: Any, *, given: Any = ()) -> None:
        one = sp.And(*statement, evaluate=False) if isinstance(statement, list) else statement
        look(Stated(name, [one], _listed(given)))

    def derive(*lines: Any, given: Any = ()) -> None:
        look(Stated("", list(map(sp.sympify, lines)), _listed(given)))

    namespace: dict[str, Any] = dict.fromkeys(VERBS, claim) | {"derive": derive}
    exec(compile(needed(ast.parse(code)), "chapter", "exec"), namespace)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def needed(module: ast.Module) -> ast.Module:
    """Return the statements that call a verb, and those that bind what they use, directly or not."""
    kept: list[ast.stmt] = []
    wanted: set[str] = set()
    for statement in reversed(module.body):
        bare = _Bare().visit(statement)
        bound, used = _names(symtable.symtable(ast.unparse(bare), "chapter", "exec"))
        if bound & wanted or used & VERBS:
            kept.append(bare)
            wanted = wanted - bound | used - VERBS
    return ast.fix_missing_locations(ast.Module(kept[::-1], type_ignores=[]))


def _names(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Return the names that a piece of code binds, and those that it takes from before."""
    symbols = table.get_symbols()
    outer = table.get_type() == "module"
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in symbols if s.is_referenced() and (outer or s.is_global())}
    return bound, used.union(*(_names(inner)[1] for inner in table.get_children()))


class _Bare(ast.NodeTransformer):
    """Leaves of the calls of verbs what they state, not how it is checked, and imports no verb."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in VERBS:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg == "given"]
            node.args = node.args if node.func.id == "derive" else node.args[:2]
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        names = [alias for alias in node.names if alias.name not in VERBS]
        return ast.ImportFrom(node.module, names, node.level) if names else ast.Pass()


def in_the_book(notebook: dict[str, Any]) -> list[Stated]:
    """Return what stands in the outputs of a chapter: LaTeX where `Stated` has objects."""
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/markdown", ""))
            if "claim" in output.get("metadata", {}):
                claim = output["metadata"]["claim"]
                found.append(Stated(claim["id"], [claim["statement"]], claim["assumptions"]))
            elif r"\begin{aligned}" in text:
                body, _ = text.removeprefix("$$\n\\begin{aligned}\n").split("\n\\end{aligned}\n$$")
                found.append(Stated("", [line.lstrip("& ") for line in _lines(body)], []))
    return found


def _lines(body: str) -> list[str]:
    first, rest = body.split(" &= ", 1)
    return [first, *rest.split(" \\\\[0.6em]\n&= ")]


def code_of(notebook: dict[str, Any]) -> str:
    """Return the code of a chapter."""
    return "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_prints_what_it_checks(chapter: str) -> None:
    notebook = json.loads((ROOT / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    printed = iter(in_the_book(notebook))
    faults = []

    def look(stated: Stated) -> None:
        there = next(printed)
        assert there.claim == stated.claim
        assert there.lines == list(map(to_latex, stated.lines))
        given = list(map(to_latex, stated.given))
        # The ranges of indices and what symbols are come first; a derivation has words for its assumptions.
        last = [a.removesuffix(r" \text{ after differentiation}") for a in there.given]
        assert not stated.claim or last[len(last) - len(given) :] == given
        check_names(Problem(sp.Tuple(*stated.lines), Given(tuple(stated.given))))
        for expr, latex in zip([*stated.lines, *stated.given], [*there.lines, *given], strict=True):
            faults.append(fault(expr, latex))

    visit(code_of(notebook), look)
    assert next(printed, None) is None, "the chapter prints more than was read back"
    assert [found for found in faults if found] == []


def test_what_does_no_work_for_a_statement_is_not_run() -> None:
    code = """
from xentlib.proof import prove, i, p
1 / 0
def half(index, unused=None):
    inner = p[index] / 2
    return inner
index = 1 / 0
index = i
prove("one", half(index) > 0, given=[], certificate=1 / 0)
"""
    found: list[Stated] = []
    visit(code, found.append)
    assert [(stated.claim, list(map(str, stated.lines))) for stated in found] == [("one", ["p[i]/2 > 0"])]
