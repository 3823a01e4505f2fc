"""What has moved is found by its anchor."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import places
from docutils.core import publish_doctree

FIRST = "A title\n=======\n\n.. _thm-one:\n\nOne.\n\nHere\n----\n\nText.\n"
SECOND = "Another\n=======\n\n.. _thm-two:\n\nTwo.\n\nHere\n----\n\nText.\n"


def test_an_anchor_of_one_page_has_that_page() -> None:
    found = places.places([("a.html", publish_doctree(FIRST)), ("b.html", publish_doctree(SECOND))])
    assert found["thm-one"] == "a.html"
    assert found["thm-two"] == "b.html"
    assert "here" not in found


def test_numbers_are_no_anchors() -> None:
    document = publish_doctree("Text.\n")
    document[0]["ids"] = ["id7", "identity"]
    assert places.places([("a.html", document)]) == {"identity": "a.html"}


def test_the_file_is_written_for_a_site_that_was_built(tmp_path: Path) -> None:
    env = SimpleNamespace(all_docs={"a": 0}, get_doctree=lambda _: publish_doctree(FIRST))
    builder = SimpleNamespace(format="html", get_target_uri=lambda name: f"{name}.html")
    app: Any = SimpleNamespace(env=env, builder=builder, outdir=str(tmp_path), connect=lambda *_: None)
    places.write(app, RuntimeError())
    assert not list(tmp_path.iterdir())
    places.write(app, None)
    assert json.loads((tmp_path / "places.json").read_text(encoding="utf-8"))["thm-one"] == "a.html"
    assert places.setup(app) == {"parallel_read_safe": True, "parallel_write_safe": True}
