"""The ledger's way from the outputs of notebooks to pages and to ``ledger.json``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import core
import ledger
import pytest
from sphinx.errors import ExtensionError

from xentlib.proof._claims import Claim

PROOF = Path(__file__).resolve().parents[2] / "xentlib" / "proof"
TOC = """
parts:
- chapters: [{file: b/two}, {file: b/one}]
- chapters: [{file: page}]
"""


def record(name: str, **facts: Any) -> dict[str, Any]:
    return asdict(Claim(name, "proof", "every K", r"\alpha = 1", ["K > 1"], **{"points": 20, **facts}))


def output(name: str) -> dict[str, Any]:
    claim = record(name, refuted=3)
    data = {"text/plain": "plain", "text/markdown": ["$$\n\\alpha = 1\n$$\n\n", f"✓ `{name}`: proved"]}
    return {"output_type": "display_data", "data": data, "metadata": {"claim": claim}}


def notebook(*names: str) -> dict[str, Any]:
    stream = {"output_type": "stream", "name": "stdout", "text": ["words\n"]}
    picture = {"output_type": "display_data", "data": {"image/png": ""}, "metadata": {}}
    return {
        "cells": [
            {"cell_type": "markdown", "source": ["text"]},
            {"cell_type": "code", "source": [], "outputs": [stream, picture]},
            {"cell_type": "code", "source": [], "outputs": [stream, *map(output, names)]},
        ]
    }


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.ipynb").write_text(json.dumps(notebook("first", "second")), encoding="utf-8")
    (tmp_path / "b" / "two.ipynb").write_text(json.dumps(notebook("third")), encoding="utf-8")
    (tmp_path / "page.md").write_text("# Page\n", encoding="utf-8")
    return tmp_path


def test_notebooks_come_in_the_order_of_the_contents(book: Path) -> None:
    assert ledger.notebooks(book) == ["b/two", "b/one"]


def test_claims_in_a_notebook() -> None:
    assert ledger.claims_in(notebook("a", "b")) == [record("a", refuted=3), record("b", refuted=3)]
    assert ledger.claims_in(notebook()) == []
    assert ledger.claims_in({"cells": []}) == []


def test_collect_adds_chapter_and_anchor(book: Path) -> None:
    rows = ledger.collect(book)
    assert list(rows) == ["third", "first", "second"]
    assert rows["first"] == {
        **record("first", refuted=3), "formal": None, "chapter": "b/one", "anchor": "claim-first",
    }  # fmt: skip


@pytest.mark.parametrize(("names", "other"), [(["third"], "b/one"), (["x", "x"], "b/one")])
def test_an_id_that_stands_twice_stops_the_build(book: Path, names: list[str], other: str) -> None:
    (book / "b" / "one.ipynb").write_text(json.dumps(notebook(*names)), encoding="utf-8")
    with pytest.raises(ExtensionError, match=f"claim '{names[0]}' stands twice: .* and {other}"):
        ledger.collect(book)


def test_the_published_fields_are_those_of_a_claim_but_what_depends_on_the_machine() -> None:
    ours = [field.name for field in fields(Claim) if field.name not in ("error", "coq")]
    assert list(ledger.FIELDS) == [*ours, "formal", "chapter", "anchor"]


def written(book: Path, exception: Exception | None, output_format: str) -> Path:
    builder = SimpleNamespace(format=output_format, get_target_uri=lambda name: f"{name}.html")
    env = SimpleNamespace(claims=ledger.collect(book))
    app: Any = SimpleNamespace(builder=builder, env=env, outdir=str(book))
    ledger.write_json(app, exception)
    return book / "ledger.json"


def test_ledger_json(book: Path) -> None:
    text = written(book, None, "html").read_text(encoding="utf-8")
    rows = json.loads(text)
    assert text.endswith("]\n")
    assert [row["id"] for row in rows] == ["third", "first", "second"]
    assert all(list(row) == list(ledger.FIELDS) for row in rows)
    assert rows[1]["chapter"] == "b/one.html"
    assert rows[1]["anchor"] == "claim-first"
    assert rows[1]["assumptions"] == ["K > 1"]


@pytest.mark.parametrize(("exception", "output_format"), [(ValueError("failed"), "html"), (None, "latex")])
def test_no_ledger_json(book: Path, exception: Exception | None, output_format: str) -> None:
    assert not written(book, exception, output_format).exists()


def test_the_ledger_says_how_many_lines_a_proof_rests_on() -> None:
    page = (PROOF.parents[1] / "book" / "ledger.md").read_text(encoding="utf-8")
    (paragraph,) = re.findall(r"(?m)^\*\*What a proof rests on\..*$", page)
    (said,) = re.findall(r"about (\d+) lines of ours", paragraph)
    modules = {path.stem for path in core.FILES} - {"__init__"}
    assert set(re.findall(r"`(\w+)`", paragraph)) >= modules
    assert abs(sum(core.counted().values()) - int(said)) <= 50


def test_what_the_extension_adds_to_sphinx(book: Path) -> None:
    added: list[str] = []
    app: Any = SimpleNamespace(
        add_directive=lambda name, _: added.append(name),
        add_role=lambda name, _: added.append(name),
        connect=lambda event, _: added.append(event),
        env=SimpleNamespace(),
        srcdir=str(book),
    )
    assert ledger.setup(app) == {"parallel_read_safe": True, "parallel_write_safe": True}
    assert {"claim-block", "ledger", "claim", "ledger-row"} <= set(added)
    ledger.load(app)
    assert list(app.env.claims) == ["third", "first", "second"]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("a = 1\n", 1),
        ("# why\n\na = 1  # why\n", 1),
        ('"""What it is.\n\nMore.\n"""\n\na = """text\nthat is used"""\n', 2),
        ('def f():\n    """Return 1.\n\n    Always.\n    """\n    return (\n        1\n    )\n', 4),
    ],
)
def test_lines_of_code_are_counted(source: str, count: int) -> None:
    assert core.lines(source) == count
