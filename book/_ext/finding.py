"""What the search finds: every section, question, term and function of the book, an entry each.

Entries are kept page by page as Sphinx reads them. At the end Node.js makes the index of them, with the
same script that the reader's browser asks (``_assets/site/search/engine.js``); it goes to
``_static/search/index.js``, a script, so that the search works in a folder that is opened without a server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import questions
from docutils import nodes
from formulas import node_binary
from sphinx import addnodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

Entry = dict[str, Any]

SCRIPT = Path(__file__).with_suffix(".js")
ENGINE = Path(__file__).parents[1] / "_assets" / "site" / "search" / "engine.js"
# They hold every word of the book. The ledger's rows are found as claims in their chapters.
LISTS = {"glossary", "notation", "bibliography", "ledger", "questions", "api"}
# Frames of theorems and exercises, which docutils takes for sections.
FRAMES = {"proof-content", "exercise-content", "solution-content"}
PASSED_OVER = ("cell_input", "ledger-row", "toctree-wrapper")


def is_question(node: nodes.Node) -> bool:
    """Return whether a paragraph begins with a question in bold, as the answers of a chapter do."""
    first = node.children[0] if node.children else None
    return (
        isinstance(node, nodes.paragraph) and isinstance(first, nodes.strong) and first.astext().endswith("?")
    )


def begins(node: nodes.Node) -> str | None:
    """Return the title of the entry that begins with a node, None if none does."""
    if isinstance(node, nodes.section) and not FRAMES & set(node["ids"]):
        return node.children[0].astext() if node.children else ""
    if is_question(node):
        return node.children[0].astext()
    if isinstance(node, nodes.definition_list_item) and node.children[0]["ids"]:
        return node.children[0].astext()
    if isinstance(node, addnodes.desc):
        return node.children[0]["fullname"] if node.children[0].get("fullname") else node.children[0].astext()
    return None


def plain(tex: str) -> str:
    """Return the letters and numbers of a formula."""
    return re.sub(r"\s+", " ", re.sub(r"\\[A-Za-z]+|\\.|[{}^_&$]", " ", tex))


def collect(document: nodes.document) -> list[Entry]:
    """Return the entries of a page; a question that has no anchor is given one."""
    entries: list[Entry] = []

    def begin(node: nodes.Element, title: str) -> Entry:
        if is_question(node) and not node["ids"]:
            node["ids"].append(f"q-{nodes.make_id(title)[:60].strip('-')}")
        ids = node["ids"] or node.children[0]["ids"]
        entry: Entry = {"at": ids[0] if ids else "", "section": title, "names": [], "anchors": [], "text": []}
        entries.append(entry)
        return entry

    def walk(node: nodes.Node, entry: Entry) -> None:
        for child in node.children:
            here = entry
            if isinstance(child, nodes.Text):
                entry["text"].append(child.astext())
                continue
            if isinstance(child, nodes.math | nodes.math_block):
                entry["text"].append(plain(child.astext()))
                continue
            if isinstance(
                child, nodes.literal_block | nodes.raw | nodes.image | nodes.comment | nodes.Invisible
            ):
                continue
            if isinstance(child, nodes.paragraph) and re.match(
                r"(Second reading, )?\d+ minutes\.", child.astext()
            ):
                continue
            if set(child.get("classes", ())) & set(PASSED_OVER):
                continue
            title = begins(child)
            if title is not None:
                here = begin(child, title)
                if is_question(child):
                    # Until the next one all that follows answers it.
                    entry = here
            here["anchors"] += child["ids"]
            if isinstance(child, nodes.title):
                if begins(node) is None:
                    here["names"].append(child.astext())
                continue
            here["names"] += [
                name.removeprefix("claim-") for name in child["ids"] if name.startswith("claim-")
            ]
            walk(child, here)
            if isinstance(child, nodes.TextElement) and not isinstance(child, nodes.Inline):
                here["text"].append("\n")

    walk(document, {"section": "", "names": [], "anchors": [], "text": []})
    for entry in entries:
        text = re.sub(r" +", " ", "".join(entry.pop("text")))
        entry["body"] = re.sub(r"\s*\n\s*", "\n", text).strip()
        entry["names"] = " ".join(entry["names"])
    return entries


def kept(env: Any) -> dict[str, list[Entry]]:
    """Return the entries of each page that was read, which Sphinx keeps with what it knows of the pages."""
    if not hasattr(env, "found"):
        env.found = {}
    found: dict[str, list[Entry]] = env.found
    return found


def note(app: Sphinx, document: nodes.document) -> None:
    """Keep the entries of a page."""
    kept(app.env)[app.env.docname] = collect(document)


def forget(app: Sphinx, env: Any, page: str) -> None:
    """Forget a page that is read anew or is no more."""
    kept(env).pop(page, None)


def merge(app: Sphinx, env: Any, pages: set[str], other: Any) -> None:
    """Take over the pages that another process has read."""
    kept(env).update({page: kept(other)[page] for page in pages})


def asked(root: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield the page and the anchor that answers each question, with the question and the answer."""
    for entry in questions.load(root):
        if "answer" in entry:
            page, _, anchor = entry["where"].partition("#")
            yield f"book/{page}", anchor, entry["question"], plain(entry["answer"])


def gathered(env: Any, uri: Any) -> dict[str, Any]:
    """Return all pages and entries, with the questions beside the entries that answer them."""
    pages: list[Entry] = []
    entries: list[Entry] = []
    places: dict[tuple[str, str], Entry] = {}
    words = json.loads((Path(env.srcdir) / "book" / "data" / "search.json").read_text(encoding="utf-8"))
    for docname, own in kept(env).items():
        title = env.titles[docname].astext()
        pages.append(
            {"title": title, "address": uri(docname), "list": docname.removeprefix("book/") in LISTS}
        )
        for number, entry in enumerate(own):
            anchors = entry["anchors"]
            new = {key: entry[key] for key in ("at", "section", "names", "body")}
            new |= {"page": len(pages) - 1, "first": number == 0, "asked": "", "answers": ""}
            new["keys"] = words["pages"].get(docname.removeprefix("book/"), "") if number == 0 else ""
            entries.append(new)
            places |= {(docname, anchor): new for anchor in anchors}
            places.setdefault((docname, ""), new)
    for docname, anchor, question, answer in asked(Path(env.srcdir)):
        entry = places.get((docname, anchor)) or places[docname, ""]
        entry["asked"] += f" {question}"
        entry["answers"] += f" {answer}"
    return {"pages": pages, "entries": entries, "synonyms": words["synonyms"]}


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the index, as a script."""
    if exception is None and app.builder.format == "html":
        found = gathered(app.env, app.builder.get_target_uri)
        answer = subprocess.run(
            [node_binary(), SCRIPT],
            input=json.dumps(found),
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        folder = Path(app.outdir) / "_static" / "search"
        (folder / "index.js").write_text(answer.stdout, encoding="utf-8")
        # Where no page has changed Sphinx copies no script, and the two must fit.
        shutil.copy(ENGINE, folder)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", note, priority=400)  # before the anchors are noted
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
