"""Lines of code that must be right for a proof to be one: .venv/bin/python tools/core.py

Comments, docstrings and empty lines are not counted.
"""

from __future__ import annotations

import ast
import io
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


if __name__ == "__main__":
    for name, count in counted().items():
        print(f"{count:5}  {name}")
    print(f"{sum(counted().values()):5}  in all")
