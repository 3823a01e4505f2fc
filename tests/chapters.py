"""What the chapters of the book state, without the work: only the lines that their statements are made of."""

from __future__ import annotations

import ast
import json
import symtable
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import sympy as sp

VERBS = ("prove", "agree", "refute", "derive")
# The rest says how to check: points and tolerances, two functions, certificates, a place.
KEPT = {"given", "sizes"}


class Stated(NamedTuple):
    """What one call of a verb says."""

    verb: str
    claim: str
    """Empty for a derivation, which is no claim."""
    printed: list[Any]
    """A statement, or the lines of a derivation."""
    given: list[Any]


def visit(notebook: Path, look: Callable[[Stated], None]) -> None:
    """Call a function with each thing that a chapter states, when it does: names change their meaning later."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    namespace: dict[str, Any] = {verb: _recorder(verb, look) for verb in VERBS}
    lines = needed(ast.parse(code))
    # The chapter's own import of the verbs would put them in the place of the recorders.
    exec(compile(_Without(VERBS).visit(lines), notebook.name, "exec"), namespace)


def _recorder(verb: str, look: Callable[[Stated], None]) -> Any:
    def record(*args: Any, given: Any = (), **_: Any) -> None:
        assumptions = list(given) if isinstance(given, list | tuple) else [given]
        if verb == "derive":
            look(Stated(verb, "", list(map(sp.sympify, args)), assumptions))
        else:
            claim, statement = args
            look(Stated(verb, claim, [statement], assumptions))

    return record


def needed(module: ast.Module) -> ast.Module:
    """Return the statements that call a verb, and those that bind what they use, directly or not."""
    kept: list[ast.stmt] = []
    wanted = set(VERBS)
    for statement in reversed(module.body):
        bare = _Bare().visit(statement)
        bound, used = _names(symtable.symtable(ast.unparse(bare), "chapter", "exec"))
        if bound & wanted or used & set(VERBS):
            kept.append(bare)
            wanted = wanted - bound | used
    return ast.Module(kept[::-1], type_ignores=[])


def _names(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Return the names that a piece of code binds, and those that it takes from before."""
    symbols = table.get_symbols()
    outer = table.get_type() == "module"
    bound = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in symbols if s.is_referenced() and (outer or s.is_global())}
    return bound, used.union(*(_names(inner)[1] for inner in table.get_children()))


class _Bare(ast.NodeTransformer):
    """Takes from the calls of verbs what only says how to check."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in VERBS:
            node.keywords = [keyword for keyword in node.keywords if keyword.arg in KEPT]
            if node.func.id != "derive":
                node.args = node.args[:2]
        return self.generic_visit(node)


class _Without(ast.NodeTransformer):
    """Takes names out of the imports."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        node.names = [alias for alias in node.names if alias.name not in self.names]
        return node if node.names else None
