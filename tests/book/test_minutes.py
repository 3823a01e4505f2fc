"""The minutes of a page: what they count, and what they pass over."""

from __future__ import annotations

from pathlib import Path

import minutes
import pytest


def page(*parts: str) -> str:
    return f"<html><body><main><section><h1>T</h1>{''.join(parts)}</section></main></body></html>"


NOTHING = minutes.taken(page())
PROSE = f"<p>{'word ' * 400}</p>"
FORMULA = '<div class="katex-display"><span class="katex">many words in here</span></div>'
CODE = f'<div class="highlight"><pre>{"a = 1" + chr(10) * 2}{"b = 2" + chr(10)}</pre></div>'


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PROSE, 2),
        (FORMULA * 10, 2),
        (f'<p><span class="katex">{"x " * 90}</span></p>' * 20, 0.1),
        (CODE * 10, 1),
        ('<div class="cell_output"><pre>1 2 3</pre></div>', 0),
        (f"<details>{PROSE}</details>", 0),
        (f"<section><h2>Exercises</h2>{PROSE}{FORMULA}</section>", 0),
        (f"<section><h2>Common questions</h2>{PROSE}</section>", 0),
        (f"<section><h2>x</h2>{PROSE}</section>", 2 + 1 / 200),
    ],
)
def test_what_is_counted(part: str, expected: float) -> None:
    assert minutes.taken(page(part)) - NOTHING == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize("start", ["18 minutes. ", "Second reading, 18 minutes. "])
def test_what_a_header_says(start: str) -> None:
    assert minutes.said(page(f"<p><em>{start}You need sums. Afterwards</em></p>")) == 18


HEADER = "<p><em>18 minutes. You need sums.</em></p>"


@pytest.mark.parametrize(
    "text",
    [
        "<p>18 minutes. You need</p>",
        "<p><em>Quick. You need</em></p>",
        f"<p><em>A word.</em></p>{HEADER}",
        "",
    ],
)
def test_no_header(text: str) -> None:
    with pytest.raises(ValueError, match="no header"):
        minutes.said(page(text))


def test_no_page() -> None:
    with pytest.raises(ValueError, match="no <main>"):
        minutes.taken("<p>words</p>")


def test_chapters_are_pages_with_cells(tmp_path: Path) -> None:
    (tmp_path / "book" / "part").mkdir(parents=True)
    (tmp_path / "book" / "part" / "a.html").write_text('<div class="cell docutils">', encoding="utf-8")
    (tmp_path / "book" / "part" / "b.html").write_text("<p>none</p>", encoding="utf-8")
    assert list(minutes.chapters(tmp_path)) == ["a"]
