"""Lines of code that must be right for a proof to be one, and who calls whom in them.

    .venv/bin/python tools/core.py [drawing]

Comments, docstrings and empty lines are not counted. The drawing is for the README of the proofs.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from pathlib import Path

PROOF = Path(__file__).parents[1] / "xentlib" / "proof"
FILES = [*sorted((PROOF / "core").glob("*.py")), PROOF / "_quantities.py"]
SAYS_NOTHING = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def lines(source: str) -> int:
    """Return how many lines of a source have code on them."""
    described = set()
    for node in ast.walk(ast.parse(source)):
        for part in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                described |= set(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SAYS_NOTHING:
            used |= set(range(token.start[0], token.end[0] + 1))
    return len(used - described)


def counted() -> dict[str, int]:
    """Return the lines of each module of the core, and of the names of the book."""
    return {path.relative_to(PROOF).as_posix(): lines(path.read_text(encoding="utf-8")) for path in FILES}


def uses(source: str) -> set[tuple[str, str]]:
    """Return the module and the name of each function of the core that a source uses."""
    tree = ast.parse(source)
    imported = {
        name.asname or name.name: ((node.module or "").removeprefix("xentlib.proof.core."), name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xentlib.proof.core.")
        for name in node.names
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {imported[name] for name in names & imported.keys() if imported[name][1].islower()}


def drawing() -> str:
    """Return who calls whom as a chart in Mermaid: functions of the core, from the module that calls them.

    What is in capitals is no function. The letters of `symbols` are everywhere, and are left out.
    """
    callers = {path.stem: path for path in (PROOF / "_verbs.py", PROOF / "_agreement.py", *FILES[:-1])}
    lines = ["flowchart TD"]
    for caller, path in callers.items():
        called: dict[str, list[str]] = {}
        for module, name in sorted(uses(path.read_text(encoding="utf-8"))):
            if module != "symbols":
                called.setdefault(module, []).append(name)
        lines += [f'  {caller} -- "{", ".join(names)}" --> {module}' for module, names in called.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["drawing"]:
        sys.exit(print(drawing()))
    for name, count in counted().items():
        print(f"{count:5}  {name}")
    print(f"{sum(counted().values()):5}  in all")
