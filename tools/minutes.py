"""Minutes that the chapters of the built book ask of their readers: .venv/bin/python tools/minutes.py

Counted is what is visible before the exercises; what is folded, and the common questions, may wait for
another day. A minute has 200 words of prose, or five displayed formulas, or thirty lines of code: our
figures, to compare pages by.
"""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup

SITE = Path(__file__).parents[1] / "_build" / "html"
WORDS, FORMULAS, LINES = 200, 5, 30  # a minute
LATER = ("exercises", "common questions")
HEARD = re.compile(r"<math .*?</math>", re.DOTALL)  # beside what is drawn of a formula; it doubles the page
UNREAD = "details, nav, script, svg, footer, .annotation, .prev-next-area"


def taken(html: str) -> float:
    """Return the minutes that a page takes before its exercises."""
    main = BeautifulSoup(HEARD.sub("", html), "html.parser").select_one("main")
    if main is None:
        message = "the page has no <main>: is it a page of the book?"
        raise ValueError(message)
    for head in main.select("section > h2"):
        if head.get_text().lower().startswith(LATER) and head.parent is not None:
            head.parent.decompose()
    for part in main.select(UNREAD):
        part.decompose()
    formulas = main.select(".katex-display")
    for formula in formulas:
        formula.decompose()
    for formula in main.select(".katex"):
        formula.replace_with(" x ")  # read as one word
    code = main.select(".highlight pre")
    lines = sum(len(part.get_text().strip().splitlines()) for part in code)
    for part in main.select(".highlight, .cell_output pre"):
        part.decompose()
    words = len(main.get_text(" ").split())
    return words / WORDS + len(formulas) / FORMULAS + lines / LINES


def said(html: str) -> int:
    """Return the minutes that a page's header names."""
    # The first words in italics below the title are the header, and nothing further on is.
    first = re.search(r"<h1.*?<p><em>(.*?)</em>", html, re.DOTALL)
    header = first and re.match(r"(?:Second reading, )?(\d+) minutes?\. You need ", first[1])
    if header is None:
        message = 'the page has no header "… minutes. You need …"'
        raise ValueError(message)
    return int(header[1])


def chapters(site: Path) -> dict[str, str]:
    """Return the pages of a built site that hold cells, by their names."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in sorted(site.glob("book/*/*.html"))}
    return {name: html for name, html in pages.items() if 'class="cell ' in html}


if __name__ == "__main__":
    for name, html in chapters(SITE).items():
        print(f"{taken(html):5.1f}  {name}")
