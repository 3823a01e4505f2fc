"""The site's own look and behaviour: what the theme and Jupyter Book leave to us.

- Solutions and hidden code become plain ``<details>``.
- The role ``{count}`kind` `` says how many claims of a kind the ledger holds.
- Pages load what ``templates/layout.html`` names; nothing else stays in ``_static``.
"""

from __future__ import annotations

import gc
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ledger
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole
from sphinx_exercise.nodes import exercise_enumerable_node, solution_node
from sphinx_proof.nodes import theorem_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

STYLES = ("katex/katex.min.css", "site.css")
KEEP = {
    "site.css",
    "site.js",
    "favicon.svg",
    "fonts",
    "katex",
    "search",
}

# By what a page uses them for; in a pattern, for KaTeX names a sign's font by its class.
FONTS = {
    r"": "fonts/source-serif-4-latin-wght-normal.woff2",
    r" ": "fonts/source-sans-3-latin-wght-normal.woff2",
    r"<(em|i)>": "fonts/source-serif-4-latin-wght-italic.woff2",
    r"<(code|pre)\b": "fonts/source-code-pro-latin-wght-normal.woff2",
    r'class="katex"': "katex/fonts/KaTeX_Main-Regular.woff2",
    r"\bmathnormal\b": "katex/fonts/KaTeX_Math-Italic.woff2",
    r"\b(mathbb|amsrm)\b": "katex/fonts/KaTeX_AMS-Regular.woff2",
    r"\b(small-op|size1)\b": "katex/fonts/KaTeX_Size1-Regular.woff2",
    r"\b(large-op|delimsizing size2|op-limits)\b": "katex/fonts/KaTeX_Size2-Regular.woff2",
    r"\bdelimsizing size3\b": "katex/fonts/KaTeX_Size3-Regular.woff2",
    r"\b(delimsizing size4|delim-size4)\b": "katex/fonts/KaTeX_Size4-Regular.woff2",
}


class details(nodes.General, nodes.Element):
    """A part that the reader opens; HTML has an element for it."""


class summary(nodes.TextElement, nodes.General):
    """The line of a ``details`` that is always visible."""


def tag(name: str) -> tuple[Any, Any]:
    """Return the visitors that write a node as an HTML element."""

    def visit(self: Any, node: nodes.Element) -> None:
        self.body.append(self.starttag(node, name))

    def depart(self: Any, node: nodes.Element) -> None:
        self.body.append(f"</{name}>\n")

    return visit, depart


class Fold(SphinxPostTransform):
    """Dropdowns and hidden code as ``<details>``: no script, found by the browser's own search."""

    default_priority = 200  # after titles of solutions (21) and hidden code (199) are there
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(HideCodeCellNode)):
            cell = node.parent
            cell.remove(node)
            # Below its output, in a theorem inside it: what was asked comes first, then how it was made.
            place = next(cell.findall(theorem_node), cell)
            title = node["prompt_show"] if "above-input" in node["classes"] else "Output"
            place.append(self.fold(node, title, node.children))
        for node in list(self.document.findall(self.is_dropdown)):
            title, *rest = node.children
            node.replace_self(self.fold(node, title.astext(), rest))

    @staticmethod
    def is_dropdown(node: nodes.Node) -> bool:
        return isinstance(node, solution_node | nodes.admonition) and "dropdown" in node["classes"]

    @staticmethod
    def fold(node: nodes.Element, title: str, children: list[nodes.Node]) -> nodes.Node:
        return details(
            "",
            summary(title, title),
            *children,
            ids=node["ids"],
            classes=node["classes"],
        )


class NumberFigures(SphinxPostTransform):
    """Links to figures, without loading the page of each figure again, as Sphinx does."""

    default_priority = 5  # before Sphinx resolves references (10)

    def run(self, **kwargs: Any) -> None:
        std = self.env.get_domain("std")
        for link in list(self.document.findall(pending_xref)):
            if link["reftype"] != "numref" or link["refexplicit"]:
                continue
            page, anchor, _ = std.labels.get(link["reftarget"], (None, None, None))  # type: ignore[attr-defined]
            number = self.env.toc_fignumbers.get(page, {}).get("figure", {}).get(anchor)
            if number:  # else Sphinx says what is wrong
                words = self.config.numfig_format["figure"] % ".".join(map(str, number))
                reference = std.build_reference_node(  # type: ignore[attr-defined]
                    self.env.docname, self.app.builder, page, anchor, words, "numref"
                )
                link.replace_self(reference)


class Retitle(SphinxPostTransform):
    """An exercise has its title as a theorem has it: after a dot, not in brackets."""

    default_priority = 30  # after titles of exercises (20) and of solutions (21) are there
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for node in self.document.findall(exercise_enumerable_node):
            title = node.children[0]
            if title.astext().startswith(" ("):
                title[0] = nodes.Text("· ")
                title.pop()


class Unlabel(SphinxPostTransform):
    """Bodies of theorems and exercises all get one same ID from their extensions; an ID is for one."""

    default_priority = 200
    formats = ("html",)
    same = ("proof-content", "exercise-content", "solution-content")

    def run(self, **kwargs: Any) -> None:
        for node in self.document.findall(nodes.section):
            node["ids"] = [name for name in node["ids"] if name not in self.same]


class CountRole(SphinxRole):
    """How many claims of a kind the ledger holds, in any chapter."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        claims = self.env.claims.values()  # type: ignore[attr-defined]
        for chapter in ledger.notebooks(Path(self.env.srcdir)):
            self.env.note_dependency(f"{chapter}.ipynb")
        return [nodes.Text(str(sum(claim["kind"] == self.text for claim in claims)))], []


def sized(body: str, folder: Path, files: dict[str, str]) -> str:
    """Give each picture the size of its file, so that nothing moves when it arrives."""
    paths = {name: folder / path for path, name in files.items()}

    def with_size(match: re.Match[str]) -> str:
        head = paths[match[2]].read_text(encoding="utf-8")[:1000]
        width, height = (
            round(float(points) * 4 / 3) for points in re.findall(r' (?:width|height)="([\d.]+)pt"', head)
        )
        return f'{match[1]} width="{width}" height="{height}"'

    return re.sub(r'(<img [^>]*src="[^"]*/_images/([^"]+\.svg)")', with_size, body)


def dress(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: Any,
) -> None:
    """Give a page what the layout asks for and no more."""
    # The layout has one for all pages.
    context["metatags"] = re.sub(r'<meta [^>]*name="viewport"[^>]*>', "", context.get("metatags", ""))
    context["css_files"] = [css for css in context["css_files"] if css.filename.endswith(STYLES)]
    context["script_files"] = [js for js in context["script_files"] if js.filename == "_static/site.js"]
    context["site_url"] = app.config.html_baseurl
    context["site_path"] = urlsplit(app.config.html_baseurl).path
    body = context.get("body", "")
    # Thebe runs cells on a server elsewhere; Jupyter Book leaves its settings in every page.
    body = re.sub(
        r'<script type="text/x-thebe-config">.*?</script>\s*<script>.*?</script>',
        "",
        body,
        flags=re.DOTALL,
    )
    body = sized(body, Path(app.srcdir), app.builder.images)
    context["fonts"] = [font for pattern, font in FONTS.items() if re.search(pattern, body)]
    # The bibliography is a list; docutils gives its entries a role that ARIA has withdrawn.
    context["body"] = body.replace('role="doc-biblioentry"', 'role="listitem"')


def extra_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The site's root leads to the landing page; a wrong address is answered in the book's own look."""
    if app.builder.name == "html":
        yield "index", {}, "redirect.html"
        body = "<h1>No such page</h1><p>It may have moved: the contents list and the search know where.</p>"
        yield "search", {"title": "Search"}, "search.html"
        yield "404", {"title": "No such page", "body": body}, "page.html"


def prune(app: Sphinx, exception: Exception | None) -> None:
    """Remove the 2 MB of theme and extension files that no page loads."""
    if exception is None and app.builder.format == "html":
        for path in (Path(app.outdir) / "_static").iterdir():
            if path.name not in KEEP:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def search_itself(app: Sphinx) -> None:
    """Let Sphinx make neither its index nor its page of the search: `finding` has better ones."""
    app.builder.search = False  # type: ignore[attr-defined]


def write_by_two(app: Sphinx, env: Any) -> None:
    """Let two processes write the pages, which Jupyter Book has no option for.

    Only one reads them: theorems are numbered while they are read.
    """
    app.parallel = 2


def setup(app: Sphinx) -> dict[str, bool]:
    for node in (details, summary):
        app.add_node(node, html=tag(node.__name__))
    app.add_post_transform(Fold)
    app.add_post_transform(NumberFigures)
    app.add_post_transform(Retitle)
    app.add_post_transform(Unlabel)
    app.add_role("count", CountRole())
    app.add_css_file("site.css", priority=900)
    app.add_js_file("site.js", loading_method="defer")
    gc.disable()  # a quarter of the time went there, to free nothing: 1.2 GB are used instead of 0.5
    app.connect("builder-inited", search_itself)
    app.connect("env-updated", write_by_two)
    app.connect("html-collect-pages", extra_pages)
    app.connect("html-page-context", dress, priority=900)  # after the theme
    app.connect("build-finished", prune, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
