"""Every anchor that stands on one page only, with that page, in ``places.json`` at the root of the site.

The site's script sends a link on whose anchor is no longer on its page: theorems, exercises and sections
move, addresses that somebody noted do not.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sphinx.application import Sphinx

NUMBERED = re.compile(r"id\d+")  # given by docutils, another one after every change


def places(pages: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the page of every anchor that only one page has."""
    found: dict[str, set[str]] = defaultdict(set)
    for page, anchors in pages.items():
        for name in anchors:
            found[name].add(page)
    return {
        name: own.pop()
        for name, own in sorted(found.items())
        if len(own) == 1 and not NUMBERED.fullmatch(name)
    }


def anchors_of(env: Any) -> dict[str, list[str]]:
    """Return the anchors of each page that was read, which Sphinx keeps with what it knows of the pages."""
    if not hasattr(env, "anchors"):
        env.anchors = {}
    kept: dict[str, list[str]] = env.anchors
    return kept


def note(app: Sphinx, document: nodes.document) -> None:
    """Keep the anchors of a page, so that no page need be loaded again for them."""
    found = [name for node in document.findall(nodes.Element) for name in node["ids"]]
    anchors_of(app.env)[app.env.docname] = found


def forget(app: Sphinx, env: Any, page: str) -> None:
    """Forget a page that is read anew or is no more."""
    anchors_of(env).pop(page, None)


def merge(app: Sphinx, env: Any, pages: set[str], other: Any) -> None:
    """Take over the pages that another process has read."""
    anchors_of(env).update({page: anchors_of(other)[page] for page in pages})


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the file beside the pages."""
    if exception is None and app.builder.format == "html":
        pages = {app.builder.get_target_uri(page): found for page, found in anchors_of(app.env).items()}
        path = Path(app.outdir) / "places.json"
        path.write_text(json.dumps(places(pages), indent=0) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", note)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("build-finished", write)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
