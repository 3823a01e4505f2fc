"""Execute notebooks in place, each from a fresh kernel, and store them in one clean form.

Without arguments: every notebook of the table of contents, in its order. The outputs stored here
are what the book shows and what `make test` compares with.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]

# The same wherever it was executed; what an author adds for the page (`myst`) stays.
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def of_the_book(root: Path) -> list[Path]:
    """Return the notebooks of the table of contents, in its order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [root / f"{chapter['file']}.ipynb" for part in toc["parts"] for chapter in part["chapters"]]
    return [file for file in files if file.exists()]


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in a fresh kernel, in `folder`, and keep nothing that depends on the run."""
    NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        timeout=120,
        record_timing=False,  # no time stamps
        coalesce_streams=True,  # one stream, however often it was flushed
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # the kernel need not tell how it is reached
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A count would change in every cell below one that is new.
            for counted in (cell, *cell.outputs):
                if "execution_count" in counted:
                    counted.execution_count = None
        if any("theorem" in output.get("metadata", {}) for output in cell.get("outputs", [])):
            # Its words stand in the code and in the output; Jupyter shows the output and folds the code.
            cell.metadata["jupyter"] = {"source_hidden": True}
    author = {key: notebook.metadata[key] for key in ("myst", "mystnb") if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict(METADATA | author)


def told(outputs: list[Any]) -> list[Any]:
    """Return what does not depend on the machine: all that nbval compares, and more of the metadata."""
    said = copy.deepcopy(outputs)
    for output in said:
        output.pop("traceback", None)
        output.get("metadata", {}).get("claim", {}).pop("error", None)
    return said


def refresh(path: Path) -> bool:
    """Execute the notebook at `path`; return whether that changed the file.

    Where a cell tells the same as before, what is stored stays.
    """
    old = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(old, as_version=4)
    before = {cell.id: copy.deepcopy(cell.get("outputs", [])) for cell in notebook.cells}
    for output in (output for outputs in before.values() for output in outputs):
        if "execution_count" in output:
            output.execution_count = None
    execute(notebook, path.parent)
    for cell in notebook.cells:
        if "outputs" in cell and told(cell.outputs) == told(before[cell.id]):
            cell.outputs = before[cell.id]
    nbformat.validate(notebook)
    new = nbformat.writes(notebook) + "\n"
    if new != old:
        path.write_text(new, encoding="utf-8", newline="\n")
    return new != old


def figure(notebook: nbformat.NotebookNode, name: str) -> str:
    """Return the SVG of the figure that a chapter gives this name."""
    for cell in notebook.cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            return next(o.data["image/svg+xml"] for o in cell.outputs if "image/svg+xml" in o.data)
    message = f"no cell has a figure named {name!r}"
    raise LookupError(message)


def main(names: list[str]) -> None:
    for path in [Path(name).resolve() for name in names] or of_the_book(ROOT):
        try:
            changed = refresh(path)
        except CellExecutionError as error:
            sys.exit(f"{path}: unchanged, for a cell failed\n{error}")
        print(
            f"{path}: {'written' if changed else 'the same as before'}",
            flush=True,
        )
    chapter = nbformat.read(ROOT / "book/loss/question.ipynb", as_version=4)
    picture = figure(chapter, "fig-pipeline")  # the README shows it
    (ROOT / "book/_assets/pipeline.svg").write_text(picture, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
