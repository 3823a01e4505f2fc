"""From the Markdown that Jupyter shows to the blocks, folds and links of the site."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chapters
import pytest
from sphinx.errors import ExtensionError

KL = "Kullback\N{EN DASH}Leibler divergence"
TERMS = {"kullback-leibler-divergence": KL, "batch": "batch"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("see [the theorem *Shifts*](../loss/softmax.ipynb#thm-shift).", "see {prf:ref}`thm-shift`."),
        ("[the definition *Softmax*](#def-softmax)", "{prf:ref}`def-softmax`"),
        ("[Gibbs' inequality](#thm-gibbs) says", "{prf:ref}`Gibbs' inequality <thm-gibbs>` says"),
        ("[The figure below](#fig-coin) shows", "{numref}`fig-coin` shows"),
        ("[the exercise *A shift*](#ex-shift)", "{ref}`ex-shift`"),
        ("[The first exercises](loss/question.ipynb#ex-index)", "{ref}`The first exercises <ex-index>`"),
        ("[`softmax-sum`](softmax.ipynb#claim-softmax-sum)", "{claim}`softmax-sum`"),
        ("[the sum](softmax.ipynb#claim-softmax-sum)", "[the sum](#claim-softmax-sum)"),
        ("**[batches](../glossary.md#term-batch)**", "**{term}`batches <batch>`**"),
        (
            "[KL](glossary.md#term-kullback-leibler-divergence)",
            f"{{term}}`KL <{KL}>`",
        ),
        ("[Good (1952)](../bibliography.md#src-good1952rational)", "{cite:t}`good1952rational`"),
        ("see ([Good, 1952](../bibliography.md#src-good1952rational)).", "see {cite:p}`good1952rational`."),
        ("[softmax](softmax.ipynb), [below](#here), [a](b.md#c)", None),
        ("`[a](#thm-a)` and\n\n```markdown\n[a](#thm-a)\n```\n", None),
    ],
)
def test_links_become_roles(written: str, read: str | None) -> None:
    assert chapters.linked(written, TERMS) == (written if read is None else read)


def test_an_unknown_term_is_left_for_sphinx_to_refuse() -> None:
    assert chapters.linked("[x](#term-no-such)", TERMS) == "{term}`x <no-such>`"


def test_the_terms_of_a_glossary() -> None:
    text = f":::{{glossary}}\nbatch\n  Samples.\n\n{KL}\n  A mean.\n:::\n"
    assert chapters.terms_of(text) == TERMS


PROVED = "proved for every $K$"


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "x", "metadata": {}, "source": [text]}


def code(*outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "id": "x", "metadata": metadata, "source": [], "outputs": list(outputs)}


def claim(name: str, line: str = PROVED, kind: str = "proof") -> Any:
    text = ["$$\n", "x = 1\n", "$$\n", "\n", f"✓ `{name}`: {line}"]
    return {"data": {"text/markdown": text}, "metadata": {"claim": {"id": name, "kind": kind}}}


def shown(text: str, **metadata: Any) -> dict[str, Any]:
    return {"data": {"text/markdown": [text]}, "metadata": metadata}


WORDS = "For all [batches](#term-batch),"
HEAD = shown(f"**Theorem: T.** {WORDS}", theorem={"id": "t", "title": "T", "words": WORDS})
STREAM = {"output_type": "stream", "name": "stdout", "text": ["words\n"]}


def read(*cells: dict[str, Any]) -> list[Any]:
    """Return the sources of what Markdown became, and the cells of what code became."""
    new = chapters.translated({"cells": list(cells)}, TERMS)["cells"]
    return [cell["source"] if cell["cell_type"] == "markdown" else cell for cell in new]


def test_a_definition_becomes_a_block() -> None:
    (text,) = read(markdown('<a id="def-d"></a>**Definition: A *D*.** A [batch](#term-batch)\n\n$$\nx\n$$\n'))
    assert text == ":::::{prf:definition} A *D*\n:label: def-d\n\nA {term}`batch <batch>`\n\n$$\nx\n$$\n:::::"


def test_a_solution_is_folded_up_to_the_next_exercise_or_heading() -> None:
    one = '<a id="ex-one"></a>**Exercise: One.** Why?'
    two = '<a id="ex-two"></a>**Exercise: Two.** How?'
    found = read(
        markdown(one), markdown("**Solution.** So."), code(STREAM), markdown("And so."),
        markdown(two), markdown("**Solution.**"), code(STREAM), markdown("## What you can now say"),
        markdown(one), markdown("**Solution.** So."),
    )  # fmt: skip
    end = ":::{solution-end}\n:::"
    start = ":::{{solution-start}} ex-{}\n:class: dropdown\n:::\n\n{}"
    first = ":::::{exercise} One\n:label: ex-one\n\nWhy?\n:::::"
    second = ":::::{exercise} Two\n:label: ex-two\n\nHow?\n:::::"
    solved = start.format("one", "So.")
    assert [part if isinstance(part, str) else "code" for part in found] == [
        first, solved, "code", "And so.", end,
        second, start.format("two", ""), "code", end, "## What you can now say",
        first, solved, end,
    ]  # fmt: skip


def test_other_text_and_other_code_stay() -> None:
    cells = [code(STREAM), code()]
    assert read(markdown("**Bold.** Words."), *cells) == ["**Bold.** Words.", *cells]


def test_a_claim_becomes_a_block_and_its_code_is_folded() -> None:
    (cell,) = read(code(claim("a"), claim("b"), tags=["other"]))
    first, _ = cell["outputs"]
    assert first["data"]["text/markdown"] == (
        "::::{claim-block} a\n$$\nx = 1\n$$\n\n✓ {ledger-row}`a`: proved for every $K$\n::::"
    )
    assert cell["metadata"]["tags"] == ["other", "hide-input"]
    assert cell["metadata"]["mystnb"] == {"code_prompt_show": "How it is proved"}


def test_an_agreement_names_the_claim_that_shows_its_statement() -> None:
    (cell,) = read(code(claim("b", "agrees; the statement is that of `a`", "agreement")))
    assert (
        "✓ {ledger-row}`b`: agrees; the statement is that of {claim}`a`\n"
        in (cell["outputs"][0]["data"]["text/markdown"])
    )
    assert cell["metadata"]["mystnb"] == {"code_prompt_show": "How it is compared"}


@pytest.mark.parametrize("cell", [code(claim("a"), STREAM), code(claim("a"), tags=["show-input"])])
def test_code_that_shows_more_than_claims_is_not_folded(cell: dict[str, Any]) -> None:
    (new,) = read(cell)
    assert new["metadata"] == cell["metadata"]
    assert new["outputs"][1:] == cell["outputs"][1:]
    assert "{claim-block} a" in new["outputs"][0]["data"]["text/markdown"]


def test_a_theorem_is_one_output() -> None:
    line = "proved for every $K$, where $x > 0$ and $y > 0$"
    (cell,) = read(code(HEAD, claim("a", line), shown("and [so](#claim-a)", words=True), claim("b")))
    (output,) = cell["outputs"]
    assert output["data"]["text/markdown"] == (
        ":::::{prf:theorem} T\n:label: thm-t\n\nFor all {term}`batches <batch>`,\n\n"
        "::::{claim-block} a\n$$\nx = 1\n$$\n\n"
        "✓ {ledger-row}`a`: proved for every $K$, where $x > 0$ and $y > 0$\n"
        "::::\n\nand [so](#claim-a)\n\n"
        "::::{claim-block} b\n$$\nx = 1\n$$\n\n"
        "✓ {ledger-row}`b`: proved for every $K$\n::::\n\n:::::"
    )
    assert cell["metadata"]["mystnb"] == {"code_prompt_show": "How it is proved"}


def test_a_theorem_stands_alone_in_its_cell() -> None:
    with pytest.raises(ExtensionError, match="the theorem 't' shows something else"):
        read(code(HEAD, claim("a"), STREAM))


def test_pages_are_translated_as_well(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "glossary.md").write_text("batch\n  Samples.\n", encoding="utf-8")
    env = SimpleNamespace(doc2path=lambda name: name)
    app: Any = SimpleNamespace(env=env, srcdir=str(tmp_path), connect=lambda *_: None)
    text = ["a [batch](glossary.md#term-batch)"]
    chapters.translate(app, "index.md", text)
    assert text == ["a {term}`batch <batch>`"]
    notebook = [json.dumps({"cells": [markdown("a [batch](#term-batch)")]})]
    chapters.translate(app, "one.ipynb", notebook)
    assert json.loads(notebook[0])["cells"][0]["source"] == "a {term}`batch <batch>`"
    assert chapters.setup(app) == {"parallel_read_safe": True, "parallel_write_safe": True}
