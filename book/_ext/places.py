"""Every anchor that stands on one page only, with that page, in ``places.json`` at the root of the site.

The site's script sends a link on whose anchor is no longer on its page: theorems, exercises and sections
move, addresses that somebody noted do not.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx

NUMBERED = re.compile(r"id\d+")  # given by docutils, another one after every change


def places(pages: Iterable[tuple[str, nodes.document]]) -> dict[str, str]:
    """Return the page of every anchor that only one page has."""
    found: dict[str, set[str]] = defaultdict(set)
    for page, document in pages:
        for node in document.findall(nodes.Element):
            for name in node["ids"]:
                found[name].add(page)
    return {
        name: own.pop()
        for name, own in sorted(found.items())
        if len(own) == 1 and not NUMBERED.fullmatch(name)
    }


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the file beside the pages."""
    if exception is None and app.builder.format == "html":
        pages = ((app.builder.get_target_uri(name), app.env.get_doctree(name)) for name in app.env.all_docs)
        path = Path(app.outdir) / "places.json"
        path.write_text(json.dumps(places(pages), indent=0) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
