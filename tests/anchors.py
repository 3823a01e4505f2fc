"""The pages of the book, their cells, and what in them a link can lead to."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import chapters

ROOT = Path(__file__).resolve().parents[1]

PAGES = sorted(
    path
    for path in (ROOT / "book").rglob("*")
    if path.suffix in {".md", ".ipynb"} and "_" not in path.parts and path.name != "README.md"
)


@functools.cache
def cells_of(path: Path) -> list[dict[str, Any]]:
    """Return the cells of a chapter; another page is one cell of Markdown."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [{"cell_type": "markdown", "source": [text]}]
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return cells


@functools.cache
def homes() -> dict[str, Path]:
    """Return the page of every anchor that links to parts of the book name."""
    found = {}
    for path in PAGES:
        for cell in cells_of(path):
            box = chapters.BOX.match("".join(cell["source"]))
            if cell["cell_type"] == "markdown" and box:
                found[box["label"]] = path
            if figure := cell.get("metadata", {}).get("mystnb", {}).get("figure"):
                found[figure["name"]] = path
            for output in cell.get("outputs", []):
                for kind, name in (("theorem", "thm"), ("claim", "claim")):
                    if record := output.get("metadata", {}).get(kind):
                        found[f"{name}-{record['id']}"] = path
    return found
