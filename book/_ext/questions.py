"""Questions that people ask: from ``book/data/questions.json`` to the page of answers.

An entry has a ``question``, its ``subject``, and where it was asked (``source``; without one it is from a
chapter). What the book answers has an ``answer`` and the place that supports it, ``where``: page and anchor.
What it does not yet has the ``chapter`` to come. The directive ``{questions}`` lists what is answered.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

Entry = dict[str, str]

# In the order of the book.
SUBJECTS = (
    "theory", "likelihood", "information", "gradients", "curvature", "training", "numerics", "frameworks",
    "binary and multilabel", "imbalance", "smoothing", "calibration", "alternatives", "language models",
)  # fmt: skip


def load(root: Path) -> list[Entry]:
    """Return all entries, in the order of the file."""
    text = (root / "book" / "data" / "questions.json").read_text(encoding="utf-8")
    entries: list[Entry] = json.loads(text)
    return entries


def title(root: Path, page: str) -> str:
    """Return what a chapter is called, without what follows a colon."""
    notebook: Any = json.loads((root / "book" / f"{page}.ipynb").read_text(encoding="utf-8"))
    first = "".join(notebook["cells"][0]["source"]).splitlines()[0]
    return first.removeprefix("# ").partition(":")[0]


class Questions(SphinxDirective):
    """All answered questions, subject by subject."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        self.env.note_dependency("book/data/questions.json")
        answered = [entry for entry in load(root) if "answer" in entry]
        sections: list[nodes.Node] = []
        for subject in SUBJECTS:
            own = [entry for entry in answered if entry["subject"] == subject]
            if own:
                section = nodes.section(ids=[nodes.make_id(subject)], names=[subject])
                section += nodes.title("", subject.capitalize())
                for entry in own:
                    section += self.entry(root, entry)
                sections.append(section)
        return sections

    def entry(self, root: Path, entry: Entry) -> nodes.Node:
        block = nodes.container(classes=["question"])
        text = [f"**{entry['question']}**", "", entry["answer"]]
        self.state.nested_parse(StringList(text, "questions.json"), 0, block)
        page, _, anchor = entry["where"].partition("#")
        target = self.env.app.builder.get_relative_uri(self.env.docname, f"book/{page}")
        more = nodes.paragraph(classes=["more"])
        more += nodes.reference("", title(root, page), refuri=f"{target}#{anchor}", internal=True)
        if source := entry.get("source"):
            more += nodes.Text(" · asked on ")
            more += nodes.reference("", str(urlsplit(source).hostname).removeprefix("www."), refuri=source)
        block += more
        return block


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("questions", Questions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
