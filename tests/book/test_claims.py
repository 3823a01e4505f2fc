"""What the book displays as a result is a claim of the ledger, and no claim gets lost."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import chapters
import ledger
import pytest
from anchors import PAGES, cells_of, homes

ROOT = Path(__file__).resolve().parents[2]

RESULT = re.compile(r"\{prf:\w+\}|\*\*(?:Theorem|Lemma|Proposition|Corollary|Conjecture)\b")
NAMED = re.compile(
    r"\[(?:the )?(theorem|definition|exercise) \*(?P<title>[^\]]+)\*\]\([^)#]*#(?P<name>[\w-]+)\)", re.I
)
PLACE = re.compile(r"\]\((?P<page>[^()\s#]*)#(?P<name>(?:thm|def|ex|fig|claim)-[^()\s]+)\)")
LEVEL = re.compile(r" \((?:warm-up|medium|hard)\)$")
YEAR = re.compile(r"\[[^\]]*?(?P<year>\d{4})\)?\]\([^)#]*#src-[a-z]+(?P<same>\d{4})\w*\)")


def unfounded(cells: list[dict[str, Any]]) -> list[str]:
    """Return the results that a page displays and no claim stands behind."""
    faults = []
    for cell in cells:
        records = [output.get("metadata", {}) for output in cell.get("outputs", [])]
        heads = [record["theorem"]["title"] for record in records if "theorem" in record]
        if cell["cell_type"] == "markdown":
            faults += [f"{found!r} shows no claim" for found in RESULT.findall("".join(cell["source"]))]
        elif heads and not any(record.get("claim", {}).get("kind") == "proof" for record in records):
            faults.append(f"theorem {heads[0]!r} shows no claim")
        elif len(heads) > 1 or (heads and "theorem" not in records[0]):
            faults.append(f"theorem {heads[-1]!r} does not start its cell")
    return faults


def hidden(notebook: dict[str, Any]) -> list[str]:
    """Return the claims whose output does not show their statement, nor names the claim that does."""
    faults, shown = [], {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            claim = output.get("metadata", {}).get("claim")
            if claim:
                text = "".join(output["data"]["text/markdown"])
                if f"$$\n{claim['statement']}\n$$" in text:
                    shown[claim["id"]] = claim["statement"]
                elif shown.get(text.rsplit("`", 2)[1]) != claim["statement"]:
                    faults.append(claim["id"])
    return faults


def differently_levelled(notebook: dict[str, Any]) -> list[str]:
    """Return the proofs of which the ledger would say another level than the line that readers see."""
    faults = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            claim = output.get("metadata", {}).get("claim")
            if claim and claim["kind"] == "proof":
                line = "".join(output["data"]["text/markdown"]).rpartition("`: proved")[2]
                every, fixed = line.startswith(" for every"), line.startswith(" for")
                level = "every K" if every else "fixed K" if fixed else "exact"
                faults += [claim["id"]] if level != claim["level"] else []
    return faults


@functools.cache
def titles() -> dict[str, str]:
    """Return what the parts of the book are called, by the anchors that links have for them."""
    found = {}
    for path in PAGES:
        for cell in cells_of(path):
            box = chapters.BOX.match("".join(cell["source"]))
            if cell["cell_type"] == "markdown" and box:
                found[box["label"]] = LEVEL.sub("", box["title"])
            for output in cell.get("outputs", []):
                if head := output.get("metadata", {}).get("theorem"):
                    found[f"thm-{head['id']}"] = head["title"]
    return found


def misnamed(text: str, names: dict[str, str]) -> list[str]:
    """Return the links whose words are not those of the place that they lead to."""
    wrong = [found[0] for found in NAMED.finditer(text) if names.get(found["name"]) != found["title"]]
    return wrong + [found[0] for found in YEAR.finditer(text) if found["year"] != found["same"]]


def misled(text: str, page: Path, homes: dict[str, Path]) -> list[str]:
    """Return the links to parts of the book that name another page than the one with that part.

    The site finds them all the same, by their anchors; Jupyter opens the page that is named.
    """
    return [
        found[0]
        for found in PLACE.finditer(text)
        if homes.get(found["name"]) != ((page.parent / found["page"]).resolve() if found["page"] else page)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_displayed_result_is_a_claim(page: Path) -> None:
    assert unfounded(cells_of(page)) == []


@pytest.mark.parametrize("chapter", ledger.notebooks(ROOT))
def test_every_claim_shows_its_statement_and_level(chapter: str) -> None:
    notebook = json.loads((ROOT / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    assert hidden(notebook) == []
    assert differently_levelled(notebook) == []


@pytest.mark.parametrize("line", ["proved for every $K$", "proved for $K = 2$", "proved, where $t > 0$"])
def test_another_level_than_the_line_says_is_seen(line: str) -> None:
    def levelled(level: str) -> list[str]:
        claim = {"id": "a", "kind": "proof", "level": level}
        output = {"metadata": {"claim": claim}, "data": {"text/markdown": f"$$\nx\n$$\n\n✓ `a`: {line}"}}
        return differently_levelled({"cells": [{"outputs": [output]}]})

    assert sorted(map(len, map(levelled, ["every K", "fixed K", "exact"]))) == [0, 1, 1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_have_the_names_of_what_they_lead_to(page: Path) -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells_of(page) if cell["cell_type"] == "markdown")
    assert misnamed(text, titles()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_name_the_page_that_has_what_they_lead_to(page: Path) -> None:
    text = "\n".join("".join(cell["source"]) for cell in cells_of(page) if cell["cell_type"] == "markdown")
    assert misled(text, page, homes()) == []


def test_a_link_to_the_wrong_page_is_seen(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "one.ipynb", tmp_path / "b" / "two.ipynb"
    where = {"thm-x": one, "fig-y": two}
    good = "[the theorem *X*](#thm-x) and [the figure](../b/two.ipynb#fig-y), [more](two.ipynb#here)"
    assert misled(good, one, where) == []
    assert misled("[x](two.ipynb#thm-x)", two, where) == ["](two.ipynb#thm-x)"]
    assert misled("[x](#thm-none)", two, where) == ["](#thm-none)"]


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": [text]}


def spoken(*records: dict[str, Any], text: str = "") -> dict[str, Any]:
    outputs = [{"metadata": record, "data": {"text/markdown": [text]}} for record in records]
    return {"cell_type": "code", "source": [], "outputs": outputs}


HEAD = {"theorem": {"id": "t", "title": "T", "words": ""}}
PROOF = {"claim": {"id": "one", "kind": "proof", "statement": "x = 1"}}


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (markdown(":::{prf:theorem} T\n$x = x$\n:::"), "shows no claim"),
        (markdown("Words.\n\n**Lemma.** $x = x$"), "shows no claim"),
        (spoken(HEAD), "'T' shows no claim"),
        (spoken(HEAD, {"claim": {"kind": "agreement"}}), "'T' shows no claim"),
        (spoken(PROOF, HEAD), "'T' does not start its cell"),
        (spoken(HEAD, PROOF, HEAD, PROOF), "'T' does not start its cell"),
    ],
)
def test_unfounded_results_are_seen(cell: dict[str, Any], fault: str) -> None:
    (found,) = unfounded([cell])
    assert fault in found


def test_founded_results_pass() -> None:
    definition = markdown('<a id="def-d"></a>**Definition: D.** $x = 1$, for the theorem below.')
    assert unfounded([definition, spoken(HEAD, PROOF), spoken(PROOF), spoken()]) == []


def test_a_claim_without_its_statement_is_seen() -> None:
    other = {"claim": {"id": "two", "kind": "agreement", "statement": "x = 2"}}
    same = {"claim": {"id": "three", "kind": "agreement", "statement": "x = 1"}}
    shown = spoken(PROOF, text="$$\nx = 1\n$$\n\n✓ `one`: proved")
    named = "✓ `three`: agrees; the statement is that of `one`"
    assert hidden({"cells": [shown, spoken(same, text=named), markdown("")]}) == []
    assert hidden({"cells": [spoken(same, text=named), shown]}) == ["three"]
    assert hidden({"cells": [shown, spoken(other, text=named)]}) == ["two"]
    assert hidden({"cells": [spoken(PROOF, text="✓ `one`: proved")]}) == ["one"]


def test_wrong_names_in_links_are_seen() -> None:
    names = {"thm-shift": "Shifts"}
    good = "[The theorem *Shifts*](a.ipynb#thm-shift), [Good (1952)](b.md#src-good1952rational)"
    assert misnamed(good, names) == []
    assert len(misnamed("[the theorem *Shift*](#thm-shift) [the exercise *E*](#ex-e)", names)) == 2
    assert len(misnamed("([Good, 1953](b.md#src-good1952rational))", names)) == 1


def test_claim_ids_are_permanent() -> None:
    """A claim that vanishes breaks links; a new one is entered in claims.txt by hand, for good."""
    registered = (ROOT / "tests" / "book" / "claims.txt").read_text(encoding="utf-8").split()
    claims = ledger.collect(ROOT)
    new, gone = sorted(claims.keys() - set(registered)), sorted(set(registered) - claims.keys())
    assert not new, f"enter at the end of tests/book/claims.txt, if the names are final: {' '.join(new)}"
    assert not gone, f"readers link to these, which no chapter states any more: {' '.join(gone)}"
    assert len(registered) == len(claims), "a name stands twice in tests/book/claims.txt"


def test_each_claim_says_what_it_must() -> None:
    for claim in ledger.collect(ROOT).values():
        assert claim["statement"], claim["id"]
        if claim["kind"] == "proof":
            assert claim["level"] in {"every K", "fixed K", "exact"}, claim["id"]
            assert claim["refuted"] > 0, claim["id"]
            assert claim["points"] >= 20, claim["id"]
            assert claim["digits"] >= 15, claim["id"]
        elif claim["kind"] == "agreement":
            assert claim["level"] == "numeric", claim["id"]
            assert claim["points"] >= 20, claim["id"]
            assert claim["tolerance"], claim["id"]
            assert 0 <= claim["error"] <= 1, claim["id"]
        else:
            assert claim["kind"] == "refutation", claim["id"]
            assert claim["points"] == 1, claim["id"]  # enough to refute
            assert claim["witness"], claim["id"]
