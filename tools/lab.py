"""Open the book's notebooks in JupyterLab, at the first chapter: `make lab`, with the Python of .venv-lab.

Nothing is asked of another host. What JupyterLab keeps goes into .venv-lab: into the repository goes only
what the reader saves.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary
from notebooks import ROOT, of_the_book

BOOK = ROOT / "book"

# Settings of JupyterLab, which the reader may change in its menus.
SETTINGS = {
    # To run a cell changes its notebook; git need not see that unless it is saved.
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def environment(home: Path) -> dict[str, str]:
    """Return the environment in which JupyterLab and its kernels keep what they keep in a folder."""
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",  # settings and workspaces too
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "MPLCONFIGDIR": home / "matplotlib",
    }
    return os.environ | {name: str(folder) for name, folder in folders.items()}


def trust(home: Path, book: Path) -> None:
    """Sign the notebooks as they are, or JupyterLab would not show a figure before its cell has run."""
    (home / "data").mkdir(parents=True, exist_ok=True)
    with NotebookNotary(data_dir=str(home / "data")) as notary:
        for file in book.rglob("*.ipynb"):
            notary.sign(nbformat.read(file, as_version=4))


def options(home: Path, book: Path) -> list[str]:
    """Return the options that show a folder of notebooks; write what they need."""
    settings = home / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")
    # Where a folder has none beside it for its checkpoints, they go to the system's temporary files.
    for folder in {file.parent for file in book.rglob("*.ipynb")}:
        (home / "checkpoints" / folder.relative_to(book)).mkdir(parents=True, exist_ok=True)
    return [
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={book}",
        f"--FileCheckpoints.root_dir={home / 'checkpoints'}",
        f"--LabApp.app_settings_dir={settings}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",  # the other asks PyPI what there is
        "--ServerApp.ip=127.0.0.1",
        "--allow-root",  # in a container the reader often is
    ]


def main(arguments: list[str]) -> None:
    home = Path(sys.prefix) / "home"
    trust(home, BOOK)
    first = of_the_book(ROOT)[0]
    os.execve(
        sys.executable, [sys.executable, *options(home, BOOK), *arguments, str(first)], environment(home)
    )


if __name__ == "__main__":
    main(sys.argv[1:])
