"""What the book displays as a result is a claim of the ledger, and no claim gets lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ledger
import pytest

ROOT = Path(__file__).resolve().parents[2]

BLOCK = re.compile(r"^(:{3,}|`{3,})\{prf:(\w+)\}(.*?)^\1$", re.MULTILINE | re.DOTALL)
STATEMENT = re.compile(r"\{statement\} (\S+)")
LABELLED = re.compile(r"^\$\$ ?\((\S+)\)|^:label: (eq-\S+)", re.MULTILINE)
RESULTS = {"theorem", "lemma", "proposition", "corollary", "conjecture"}


def text_of(path: Path) -> str:
    """Return the prose of a page, cell by cell for a notebook."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def unfounded(text: str, claims: set[str]) -> list[str]:
    """Return the results that a text displays and no claim stands behind."""
    faults = []
    for block in BLOCK.finditer(text):
        names = STATEMENT.findall(block[3])
        title = block[3].splitlines()[0].strip()
        if block[2] in RESULTS and not names:
            faults.append(f"{block[2]} {title!r} shows no claim")
        faults += [f"{block[2]} {title!r} shows {name!r}, no claim" for name in names if name not in claims]
    outside = BLOCK.sub(lambda block: "" if block[2] == "definition" else block[0], text)
    faults += [f"equation {a or b!r} is labelled but no definition" for a, b in LABELLED.findall(outside)]
    return faults


PAGES = sorted(
    path for path in (ROOT / "book").rglob("*") if path.suffix in {".md", ".ipynb"} and "_" not in path.parts
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_displayed_result_is_a_claim(page: Path) -> None:
    assert unfounded(text_of(page), set(ledger.collect(ROOT))) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (":::{prf:theorem} T\n$x = x$\n:::", "shows no claim"),
        ("```{prf:lemma} L\n$x = x$\n```", "shows no claim"),
        ("::::{prf:theorem} T\n:::{statement} gone\n:::\n::::", "'gone', no claim"),
        ("$$\nx = 1\n$$ (eq-x)", "labelled but no definition"),
        ("```{math}\n:label: eq-x\nx = 1\n```", "labelled but no definition"),
    ],
)
def test_unfounded_results_are_seen(text: str, fault: str) -> None:
    (found,) = unfounded(text, {"there"})
    assert fault in found


@pytest.mark.parametrize(
    "text",
    [
        "::::{prf:theorem} T\n:::{statement} there\n:::\n::::",
        ":::{prf:definition} D\n$$\nx = 1\n$$ (eq-x)\n:::",
        "$$\nx = 1\n$$",
    ],
)
def test_founded_results_pass(text: str) -> None:
    assert unfounded(text, {"there"}) == []


def test_claim_ids_are_permanent() -> None:
    """A claim that vanishes breaks links; a new one is entered in claims.txt by hand, for good."""
    registered = (ROOT / "tests" / "book" / "claims.txt").read_text(encoding="utf-8").split()
    assert sorted(ledger.collect(ROOT)) == sorted(registered)


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
