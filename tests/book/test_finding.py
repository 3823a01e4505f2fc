"""What the search finds is taken from the pages: sections, questions, claims; no code, no pictures."""

from __future__ import annotations

import json
from pathlib import Path

import finding
import ledger
from docutils import nodes

ROOT = Path(__file__).parents[2]


def page() -> nodes.document:
    """Return a page with a section, code, a formula, a claim and a question that two paragraphs answer."""
    document = nodes.document(None, None)
    section = nodes.section(ids=["shift"])
    section += nodes.title("", "Shifts")
    section += nodes.paragraph("", "17 minutes. You need softmax.")
    section += nodes.paragraph("", "Only differences count.")
    code = nodes.container(classes=["cell_input"])
    code += nodes.literal_block("", "import numpy")
    section += code
    claim = nodes.container(ids=["claim-softmax-shift"], classes=["claim"])
    claim += nodes.math_block("", r"\frac{e^{z_i}}{S}")
    section += claim
    asked = nodes.paragraph()
    asked += nodes.strong("", "Is the sum of logits 0?")
    asked += nodes.Text(" No.")
    section += [asked, nodes.paragraph("", "It is free.")]
    inner = nodes.section(ids=["frame"])
    inner += nodes.title("", "Inside")
    inner += nodes.paragraph("", "A section of its own.")
    section += inner
    document += section
    return document


def test_entries_are_sections_and_questions() -> None:
    document = page()
    shifts, asked, inner = finding.collect(document)
    assert (shifts["at"], shifts["section"], shifts["names"]) == ("shift", "Shifts", "softmax-shift")
    assert shifts["body"] == "Only differences count.\ne z i S"
    assert {"shift", "claim-softmax-shift"} <= set(shifts["anchors"])
    assert asked["at"] == "q-is-the-sum-of-logits-0"
    assert asked["body"] == "Is the sum of logits 0? No.\nIt is free."
    assert (inner["at"], inner["body"]) == ("frame", "A section of its own.")
    (strong,) = document.findall(nodes.strong)
    assert strong.parent["ids"] == [asked["at"]]


def test_keywords_name_pages_that_are_there() -> None:
    words = json.loads((ROOT / "book" / "data" / "search.json").read_text(encoding="utf-8"))
    for name in words["pages"]:
        assert any((ROOT / "book" / f"{name}{suffix}").exists() for suffix in (".ipynb", ".md")), name
    assert set(ledger.notebooks(ROOT)) <= {f"book/{name}" for name in words["pages"]}
    for name in words["synonyms"]:
        assert name == name.lower(), name
