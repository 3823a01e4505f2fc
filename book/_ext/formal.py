"""Theorems in Coq: from the files in ``book/formal`` to the claims that they prove.

The theorem ``softmax_sum`` proves the claim ``softmax-sum``. Its statement is the one that ``xentlib.proof``
printed from the object which the chapter proves; a test compares them. Where none can be printed, a remark
says why.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

THEOREM = re.compile(
    r"(?:^\(\* Not printed: (?P<why>[^*]+) \*\)\n)?"
    r"^Theorem (?P<name>\w+) :\n(?P<statement>.*?)\.\nProof\.\n.*?^Qed\.$",
    re.MULTILINE | re.DOTALL,
)


class Theorem(NamedTuple):
    """A theorem with its proof."""

    file: str
    name: str
    statement: str
    text: str
    why: str | None
    """Why its statement is not printed from that of a chapter, if it is not."""


def files(root: Path) -> list[Path]:
    """Return the files of the proofs in the order in which they need each other."""
    folder = root / "book" / "formal"
    project = (folder / "_CoqProject").read_text(encoding="utf-8")
    return [folder / name for name in re.findall(r"^\w+\.v$", project, re.MULTILINE)]


def theorems(root: Path) -> dict[str, Theorem]:
    """Return the theorems by the names of the claims that they prove."""
    found: dict[str, Theorem] = {}
    for file in files(root):
        text = file.read_text(encoding="utf-8")
        for match in THEOREM.finditer(text):
            start = match.start() if match["why"] is None else text.index("Theorem", match.start())
            theorem = Theorem(
                file.name, match["name"], match["statement"], text[start : match.end()], match["why"]
            )
            found[match["name"].replace("_", "-")] = theorem
    return found


def plain(statement: str) -> str:
    """Return a statement in one line, so that those which differ in line breaks are equal."""
    return " ".join(statement.split())
