"""Chapters: from what Jupyter shows to what Sphinx numbers, frames, folds and links.

A chapter is written in Markdown that any viewer shows. Before Sphinx reads it, here

- a link to a part of the book, ``[words](page#thm-shift)`` say, becomes the role for its kind;
- a cell that starts with ``**Definition: …**`` or ``**Exercise: …**`` becomes a numbered block, and what
  stands between ``**Solution.**`` and the next exercise or heading is folded;
- the output of a verb becomes a block with an anchor, and all that a cell with `theorem` shows one theorem;
- the code of a cell that shows nothing but claims is folded.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sphinx.application import Sphinx

Cell = dict[str, Any]

# Code is passed over; in a link, what precedes the anchor is for viewers: labels are known in the whole book.
LINK = re.compile(
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)$"
    r"|`[^`\n]+`"
    r"|\[(?P<words>[^\]]*)\]\((?P<page>[^()\s#]*)#(?P<kind>thm|def|ex|fig|claim|term|src)-(?P<name>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
BOX = re.compile(
    r'<a id="(?P<label>[\w-]+)"></a>'
    r"\*\*(?P<kind>Definition|Exercise): (?P<title>[^\n]+?)\.\*\*\s*(?P<body>.*)",
    re.DOTALL,
)
DIRECTIVES = {"Definition": "prf:definition", "Exercise": "exercise"}
SOLUTION = "**Solution.**"
# What the folded code of a cell is, by the kind of its first claim.
FOLDS = {"proof": "How it is proved", "agreement": "How it is compared", "refutation": "How it is refuted"}
SAID = ("claim", "theorem", "words")  # what the verbs leave in the metadata of their outputs


def terms_of(glossary: str) -> dict[str, str]:
    """Return the terms of the glossary by the names that links have for them."""
    terms = re.findall(r"^(\S.*)\n +\S", glossary, re.MULTILINE)
    return {nodes.make_id(term.replace("\N{EN DASH}", "-")): term for term in terms}


def linked(text: str, terms: Mapping[str, str]) -> str:
    """Return a text with its links to parts of the book as roles, which Sphinx numbers and checks."""

    def role(match: re.Match[str]) -> str:
        words, kind, name = match["words"], match["kind"], match["name"]
        if kind in ("thm", "def"):
            # Where it is named, its number stands for the name; other words are part of their sentence.
            return f"{{prf:ref}}`{kind}-{name}`" if "*" in words else f"{{prf:ref}}`{words} <{kind}-{name}>`"
        if kind == "fig":
            return f"{{numref}}`fig-{name}`"
        if kind == "ex":
            return f"{{ref}}`ex-{name}`" if "*" in words else f"{{ref}}`{words} <ex-{name}>`"
        if kind == "claim":
            return f"{{claim}}`{name}`" if words == f"`{name}`" else f"[{words}](#claim-{name})"
        if kind == "term":
            return f"{{term}}`{words} <{terms.get(name, name)}>`"
        if kind == "src":
            # "Good (1952)" names who wrote, "Good, 1952" stands beside what is said.
            return f"{{cite:t}}`{name}`" if words.endswith(")") else f"{{cite:p}}`{name}`"
        return match[0]

    # The bibliography has brackets of its own.
    text = re.sub(r"\((\[[^\]]*, \d{4}\]\([^()\s]*#src-[^()\s]*\))\)", r"\1", text)
    return LINK.sub(role, text)


def framed(box: re.Match[str]) -> str:
    """Return a definition or an exercise as the directive that numbers and frames it."""
    head = f":::::{{{DIRECTIVES[box['kind']]}}} {box['title']}\n:label: {box['label']}"
    return f"{head}\n\n{box['body'].rstrip()}\n:::::"


def prose(cells: list[Cell], terms: Mapping[str, str]) -> Iterator[Cell]:
    """Yield the cells with the Markdown that Sphinx understands; solutions get their ends."""
    exercise, solving = "", False
    for cell in cells:
        if cell["cell_type"] != "markdown":
            yield cell
            continue
        text = "".join(cell["source"])
        box = BOX.match(text)
        if solving and (box or text.startswith("#")):
            yield _end(exercise)
            solving = False
        if box:
            exercise = box["label"]
            text = framed(box)
        elif text.startswith(SOLUTION):
            solving = True
            start = f":::{{solution-start}} {exercise}\n:class: dropdown\n:::"
            text = f"{start}\n\n{text.removeprefix(SOLUTION).lstrip()}"
        yield {**cell, "source": linked(text, terms)}
    if solving:
        yield _end(exercise)


def _end(exercise: str) -> Cell:
    return {
        "cell_type": "markdown", "id": f"end-of-{exercise}", "metadata": {},
        "source": ":::{solution-end}\n:::",
    }  # fmt: skip


def block(output: Cell, terms: Mapping[str, str]) -> str:
    """Return the Markdown of what a verb said, a claim as a block with an anchor."""
    text = linked("".join(output["data"]["text/markdown"]), terms)
    claim = output["metadata"].get("claim")
    if not claim:
        return text
    *formula, line = text.split("\n")
    line = re.sub(r"`([\w-]+)`", r"{claim}`\1`", line)
    line = line.replace(f"{{claim}}`{claim['id']}`", f"{{ledger-row}}`{claim['id']}`")
    return "\n".join([f"::::{{claim-block}} {claim['id']}", *formula, line, "::::"])


def stated(theorem: Cell, blocks: list[str]) -> str:
    """Return the Markdown of a theorem: its head, then what was said in its cell."""
    head = f":::::{{prf:theorem}} {theorem['title']}\n:label: thm-{theorem['id']}"
    return "\n\n".join([head, *blocks, ":::::"])


def said(cell: Cell, terms: Mapping[str, str]) -> Cell:
    """Return a code cell with what the verbs said as blocks, and its code folded if there is nothing else."""
    outputs = cell.get("outputs", [])
    spoken = [any(key in output.get("metadata", {}) for key in SAID) for output in outputs]
    if not any(spoken):
        return cell
    new = [
        {**output, "data": {"text/markdown": block(output, terms)}} if mine else output
        for output, mine in zip(outputs, spoken, strict=True)
    ]
    theorem = outputs[0].get("metadata", {}).get("theorem")
    if theorem:
        if not all(spoken):
            message = f"the cell of the theorem {theorem['id']!r} shows something else: move that out"
            raise ExtensionError(message)
        blocks = [linked(theorem["words"], terms), *(output["data"]["text/markdown"] for output in new[1:])]
        whole = {"text/markdown": stated(theorem, blocks)}
        new = [{"output_type": "display_data", "metadata": {}, "data": whole}]
    return {**(folded(cell) if all(spoken) else cell), "outputs": new}


def folded(cell: Cell) -> Cell:
    """Return a cell that shows nothing but claims with its code hidden, unless its author keeps it open."""
    metadata = cell.get("metadata", {})
    tags, page = metadata.get("tags", []), metadata.get("mystnb", {})
    if "show-input" in tags:
        return cell
    claims = [output["metadata"]["claim"] for output in cell["outputs"] if "claim" in output["metadata"]]
    if claims:
        page = {**page, "code_prompt_show": FOLDS[claims[0]["kind"]]}
    return {**cell, "metadata": {**metadata, "tags": [*tags, "hide-input"], "mystnb": page}}


def translated(notebook: Cell, terms: Mapping[str, str]) -> Cell:
    """Return a chapter with what Sphinx numbers, frames, folds and links."""
    cells = [said(cell, terms) if cell["cell_type"] == "code" else cell for cell in notebook["cells"]]
    return {**notebook, "cells": list(prose(cells, terms))}


def translate(app: Sphinx, docname: str, source: list[str]) -> None:
    """Translate a page before it is read."""
    glossary = Path(app.srcdir) / "book" / "glossary.md"
    terms = terms_of(glossary.read_text(encoding="utf-8"))
    if app.env.doc2path(docname).endswith(".ipynb"):
        source[0] = json.dumps(translated(json.loads(source[0]), terms))
    else:
        source[0] = linked(source[0], terms)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", translate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
