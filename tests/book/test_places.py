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


def reading(tmp_path: Path, **pages: str) -> Any:
    """Return what Sphinx's application looks like after it has read these pages."""
    builder = SimpleNamespace(format="html", get_target_uri=lambda name: f"{name}.html")
    env = SimpleNamespace()
    app: Any = SimpleNamespace(env=env, builder=builder, outdir=str(tmp_path), connect=lambda *_: None)
    for env.docname, text in pages.items():
        places.note(app, publish_doctree(text))
    return app


def written(app: Any) -> dict[str, str]:
    places.write(app, None)
    found: dict[str, str] = json.loads((Path(app.outdir) / "places.json").read_text(encoding="utf-8"))
    return found


def test_an_anchor_of_one_page_has_that_page(tmp_path: Path) -> None:
    found = written(reading(tmp_path, a=FIRST, b=SECOND))
    assert found["thm-one"] == "a.html"
    assert found["thm-two"] == "b.html"
    assert "here" not in found


def test_numbers_are_no_anchors() -> None:
    assert places.places({"a.html": ["id7", "identity"]}) == {"identity": "a.html"}


def test_what_was_read_again_counts_once(tmp_path: Path) -> None:
    app = reading(tmp_path, a=FIRST, b=SECOND)
    places.forget(app, app.env, "b")
    assert written(app)["here"] == "a.html"
    places.merge(app, app.env, {"b"}, reading(tmp_path, b=SECOND, c=FIRST).env)
    assert "here" not in written(app)
    assert written(app)["thm-two"] == "b.html"


def test_no_file_is_written_for_a_site_that_was_not_built(tmp_path: Path) -> None:
    app = reading(tmp_path, a=FIRST)
    places.write(app, RuntimeError())
    assert not list(tmp_path.iterdir())
    assert places.setup(app)["parallel_write_safe"]
