"""Claims: from the notebooks' output metadata to the chapters, the ledger page and ``ledger.json``.

A verb of ``xentlib.proof`` leaves a record under ``claim`` in the metadata of its output. Here

- the directive ``{claim-block} ID``, which `chapters` puts around that output, gives it an anchor;
- the role ``{claim}`ID` `` links to the claim, where it is checked, and ``{ledger-row}`ID` `` to its row;
- the directive ``{ledger}`` lists all claims;
- the same records go to ``ledger.json`` at the root of the site.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import formal
import yaml
from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.osutil import relative_uri

if TYPE_CHECKING:
    from sphinx.application import Sphinx

Record = dict[str, Any]

# What ledger.json promises to other programs.
FIELDS = (
    "id", "kind", "level", "statement", "assumptions",
    "points", "digits", "tolerance", "refuted", "witness", "formal", "chapter", "anchor",
)  # fmt: skip


def notebooks(root: Path) -> list[str]:
    """Return the notebooks of the table of contents, in its order, as document names."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [file for file in files if (root / f"{file}.ipynb").exists()]


def claims_in(notebook: Record) -> list[Record]:
    """Return the claim records of one notebook, in the order of its cells."""
    return [
        output["metadata"]["claim"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "claim" in output.get("metadata", {})
    ]


def collect(root: Path) -> dict[str, Record]:
    """Return every claim of the book by its ID, with its chapter and anchor."""
    rows: dict[str, Record] = {}
    proved = formal.theorems(root) if (root / "book" / "formal").exists() else {}
    for chapter in notebooks(root):
        notebook = json.loads((root / f"{chapter}.ipynb").read_text(encoding="utf-8"))
        for claim in claims_in(notebook):
            name = claim["id"]
            if name in rows:
                message = f"claim {name!r} stands twice: {rows[name]['chapter']} and {chapter}"
                raise ExtensionError(message)
            rows[name] = {
                **claim,
                "formal": proved.get(name),
                "chapter": chapter,
                "anchor": f"claim-{name}",
            }
    return rows


def claims_of(env: Any) -> dict[str, Record]:
    """Return the claims that `load` left in Sphinx's environment, whose class does not declare them."""
    rows: dict[str, Record] = env.claims
    return rows


def link(env: Any, kind: str, name: str, text: str) -> nodes.Node:
    """Return a link to a claim (kind ``claim``) or to its row (kind ``ledger``)."""
    reference = pending_xref(
        "", refdomain="std", reftype="ref", reftarget=f"{kind}-{name}",
        refexplicit=True, refwarn=True, refdoc=env.docname,
    )  # fmt: skip
    reference += nodes.literal(text, text)
    return nodes.inline("", "", reference, classes=["claim-id"])


def label(env: Any, node: nodes.Element, kind: str, name: str) -> None:
    """Make a node the place that links of this kind and name lead to."""
    target = f"{kind}-{name}"
    node["ids"].append(target)
    env.get_domain("std").anonlabels[target] = env.docname, target
    env.get_domain("std").labels[target] = env.docname, target, name


class ClaimBlock(SphinxDirective):
    """The output of a verb, in its chapter."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        record = claims_of(self.env)[self.arguments[0]]
        block = nodes.container(classes=["claim", record["kind"]])
        label(self.env, block, "claim", record["id"])
        self.state.nested_parse(self.content, self.content_offset, block)
        if record["formal"]:
            self.env.note_dependency(f"book/formal/{record['formal'].file}")
            block += self.fold(record["formal"])
        return [block]

    @staticmethod
    def fold(theorem: formal.Theorem) -> nodes.Node:
        fold = nodes.admonition(classes=["dropdown"])
        fold += nodes.title("", "Proved in Coq")
        fold += nodes.literal_block(theorem.text, theorem.text, language="coq")
        whole = nodes.paragraph("", "The whole file: ")
        link = download_reference("", "", reftarget=f"/book/formal/{theorem.file}", refdoc="")
        link += nodes.literal(theorem.file, theorem.file)
        whole += link
        fold += whole
        return fold


class ClaimRole(SphinxRole):
    """A link to a claim in its chapter."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [link(self.env, "claim", self.text, self.text)], []


class RowRole(SphinxRole):
    """A link to a claim's row in the ledger."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [link(self.env, "ledger", self.text, self.text)], []


class Ledger(SphinxDirective):
    """All claims, chapter by chapter."""

    def run(self) -> list[nodes.Node]:
        rows = claims_of(self.env)
        self.env.note_dependency("_toc.yml")
        for chapter in notebooks(Path(self.env.srcdir)):
            self.env.note_dependency(f"{chapter}.ipynb")
        count = Counter(row["kind"] for row in rows.values())
        summary = nodes.paragraph()
        summary += nodes.Text(
            f"{count['proof']} proofs, {count['agreement']} numeric agreements and "
            f"{count['refutation']} refutations. While proving, the machine refuted "
            f"{sum(row['refuted'] or 0 for row in rows.values())} altered statements. "
            f"{sum(row['formal'] is not None for row in rows.values())} of the proofs are made again in Coq. "
            "Other programs find the same records in "
        )
        here = self.env.app.builder.get_target_uri(self.env.docname)
        summary += nodes.reference("", "ledger.json", refuri=relative_uri(here, "ledger.json"))
        summary += nodes.Text(".")
        result: list[nodes.Node] = [summary]
        for chapter in dict.fromkeys(row["chapter"] for row in rows.values()):
            own = [row for row in rows.values() if row["chapter"] == chapter]
            result += [self.heading(chapter), *map(self.row, own)]
        return result

    def heading(self, chapter: str) -> nodes.Node:
        paragraph = nodes.paragraph(classes=["ledger-chapter"])
        reference = pending_xref(
            "", refdomain="std", reftype="doc", reftarget=f"/{chapter}",
            refexplicit=False, refwarn=True, refdoc=self.env.docname,
        )  # fmt: skip
        reference += nodes.inline(chapter, chapter)
        paragraph += reference
        return paragraph

    def row(self, row: Record) -> nodes.Node:
        block = nodes.container(classes=["ledger-row", row["kind"]])
        label(self.env, block, "ledger", row["id"])
        head = nodes.paragraph(classes=["ledger-head"])
        head += link(self.env, "claim", row["id"], row["id"])
        for text in (row["kind"], *(["formal"] if row["formal"] else []), row["level"]):
            head += nodes.inline(text, text, classes=["tag"])
        block += head
        block += nodes.math_block(row["statement"], row["statement"], nowrap=False, number=None)
        facts = nodes.field_list()
        for name in (
            "assumptions",
            "points",
            "digits",
            "tolerance",
            "refuted",
            "witness",
        ):
            if row[name]:
                facts += self.fact(name, row[name])
        block += facts
        return block

    def fact(self, name: str, value: Any) -> nodes.Node:
        body = nodes.paragraph()
        if name == "assumptions":
            for n, assumption in enumerate(value):
                body += nodes.Text(", " if n else "")
                body += nodes.math(assumption, assumption)
        elif name == "witness":
            for n, part in enumerate(value.split("$")):
                body += nodes.math(part, part) if n % 2 else nodes.Text(part)
        else:
            body += nodes.Text(str(value))
        title = {"refuted": "alterations refuted"}.get(name, name)
        return nodes.field("", nodes.field_name(title, title), nodes.field_body("", body))


def load(app: Sphinx) -> None:
    """Collect the claims before any page is read."""
    app.env.claims = collect(Path(app.srcdir))  # type: ignore[attr-defined]


def write_json(app: Sphinx, exception: Exception | None) -> None:
    """Write ``ledger.json`` beside the pages."""
    if exception is None and app.builder.format == "html":
        rows = [
            {field: row[field] for field in FIELDS}
            | {
                "chapter": app.builder.get_target_uri(row["chapter"]),
                "formal": row["formal"] and {"file": row["formal"].file, "theorem": row["formal"].name},
            }
            for row in claims_of(app.env).values()
        ]
        path = Path(app.outdir) / "ledger.json"
        path.write_text(
            json.dumps(rows, indent=1, ensure_ascii=False) + "\n",
            encoding="utf-8",
        )


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("claim-block", ClaimBlock)
    app.add_directive("ledger", Ledger)
    app.add_role("claim", ClaimRole())
    app.add_role("ledger-row", RowRole())
    app.connect("builder-inited", load)
    app.connect("build-finished", write_json)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
