"""The notebooks as a reader has them: in the JupyterLab of `make lab`, and in a viewer without MyST.

``make lab-test`` makes that JupyterLab and opens every notebook in Chromium as stored. Those whose code has
changed in the last day it runs by Run All, and looks again. It runs every one if the packages of JupyterLab
have changed, if there is no older commit, or if XENT_LAB=all says so, as a daily run on main does.
The plain viewer needs neither, and is part of ``make test``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import browser
import lab
import nbformat
import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import v4
from notebooks import METADATA, ROOT, of_the_book
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, Request

BOOK = ROOT / "book"
ALL = of_the_book(ROOT)
PYTHON = ROOT / ".venv-lab" / "bin" / "python"
TOKEN = "of-this-test"

in_jupyterlab = [pytest.mark.lab, pytest.mark.timeout(600)]

# What the extension does not know: a directive is named in a box, a role leaves a span without a class, and
# what leads nowhere or cannot be set has a title that says so.
LOOK = r"""() => {
  const found = [];
  for (const shown of document.querySelectorAll(".jp-Notebook .myst")) {
    const walk = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode;
      const parent = text.parentElement;
      if (/Unknown Directive/.test(text.data)) found.push(["directive", parent.textContent]);
      if (parent.closest("code, pre, .katex")) continue;
      if (/:::|```|\{[a-z][\w:-]*\}`?/.test(text.data)) found.push(["raw", text.data.trim()]);
      if (parent.tagName === "SPAN" && !parent.attributes.length) found.push(["role", text.data]);
    }
    for (const failed of shown.querySelectorAll("pre[title], .text-yellow-600[title]")) {
      const kind = / Not Found$/.test(failed.title) ? "reference" : "formula";
      found.push([kind, `${failed.textContent}: ${failed.title}`]);
    }
  }
  for (const output of document.querySelectorAll(".jp-Notebook .jp-OutputArea-output")) {
    if (output.textContent.trim() === "<figure>") found.push(["figure", "not shown before its cell has run"]);
  }
  return found;
}"""
# The formulas that one sees, cell by cell, by their LaTeX.
FORMULAS = r"""() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")].map((cell) =>
  [...cell.querySelectorAll(".jp-OutputArea-output .katex")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.getBoundingClientRect().height > 0)
    .map((one) => one.querySelector("annotation")?.textContent))"""
IS_SHOWN = r"""(size) => {
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
  const prose = cells.filter((one) => one.matches(".jp-MarkdownCell"));
  const texts = prose.map((one) => one.querySelector(".myst"));
  const outputs = [...document.querySelectorAll(".jp-Notebook .jp-RenderedMySTMarkdown")];
  return cells.length === size && [...texts, ...outputs].every((one) => one?.childElementCount);
}"""
IDLE = ".jp-Notebook-ExecutionIndicator[data-status='idle']"
# A cell whose code is folded shows no number, only its outputs, which were cleared before.
PROMPT = r"""(cell) => cell.querySelector(".jp-InputPrompt").textContent
  || (cell.querySelector(".jp-OutputArea-child") ? "[0]:" : "")"""
# Run All leaves a number at each cell, or an error and the rest without numbers.
HAS_RUN = rf"""() => {{
  const prompt = {PROMPT};
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")];
  const counts = cells.map(prompt);
  const failed = document.querySelector(".jp-Notebook [data-mime-type='application/vnd.jupyter.stderr']");
  return !counts.includes("[*]:") && (failed || counts.every((one) => /\d/.test(one)));
}}"""
RAN = rf"""() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].map((cell) => [
  ({PROMPT})(cell),
  cell.querySelector("[data-mime-type='application/vnd.jupyter.stderr']")?.textContent ?? "",
])"""
FIRST_CODE = r"""() => [...document.querySelector(".jp-Notebook .jp-CodeCell").querySelectorAll(".cm-line")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height > 0)
  .map((one) => one.textContent)"""


CLAIM = {"claim": {"id": "sum", "statement": "a_{1} = b \\\\\n{} + c"}}
SHOW = (
    "from IPython.display import display\n"
    "display({{'text/markdown': {markdown!r}}}, raw=True, metadata={metadata!r})"
)


def claim(markdown: str, **metadata: Any) -> nbformat.NotebookNode:
    """Return a cell that shows a claim as a text."""
    output = v4.new_output("display_data", data={"text/markdown": markdown}, metadata=CLAIM)
    source = SHOW.format(markdown=markdown, metadata=CLAIM)
    return v4.new_code_cell(source, execution_count=1, outputs=[output], metadata=metadata)


NAMES = re.compile(r"; the statement is that of `[\w-]+`$")
STATEMENT = CLAIM["claim"]["statement"]
GOOD = [
    v4.new_markdown_cell("# Title\n\n**Theorem.** With `:::` in code, $x_1 * y * z$, [a link](none.ipynb)."),
    v4.new_code_cell("a = 1\n\n\n\n\n\n\na", execution_count=1),
    claim(f"$$\n{STATEMENT}\n$$\n\n✓ `sum`"),
    claim("✓ `again`: agrees; the statement is that of `sum`"),
    claim(f"$$\n{STATEMENT}\n$$", jupyter={"source_hidden": True}),
    v4.new_markdown_cell("```text\n:::\n```\n\n| a | b |\n| --- | --- |\n| $c$ | d |\n\n$$\na\n$$"),
]
BAD = {
    "directive": [v4.new_markdown_cell(":::{statement} sum\n:::")],
    "role": [v4.new_markdown_cell("See {claim}`sum`.")],
    "raw": [v4.new_markdown_cell("- text :::{note}")],
    "formula": [v4.new_markdown_cell("$$\n\\frac{1}{\n$$")],
    "reference": [v4.new_markdown_cell("See {numref}`fig-nowhere`.")],
    "error": [v4.new_code_cell("1 / 0"), v4.new_code_cell("2")],
    "statement": [claim("✓ `sum`")],
    "host": [v4.new_markdown_cell("![far away](https://other.invalid/a.png)")],
}


def statements(notebook: nbformat.NotebookNode) -> list[tuple[int, str]]:
    """Return the statement of each claim, with the number of its cell.

    An agreement may name the claim that shows its statement (`test_claims` asks whether it does).
    """
    return [
        (number, output.metadata["claim"]["statement"])
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if "claim" in output.get("metadata", {}) and not NAMES.search(output.data["text/markdown"])
    ]


def git(*order: str) -> str | None:
    """Return what git prints, None if it fails."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), *order], capture_output=True, encoding="utf-8", check=False
    )
    return done.stdout if done.returncode == 0 else None


def code_of(text: str) -> list[str]:
    """Return the code of a stored notebook."""
    cells = nbformat.reads(text, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


@functools.cache
def before() -> str | None:
    """Return the commit up to which the daily run has run all notebooks, None if all are to be run now."""
    found = (git("rev-list", "-1", "--before=1 day ago", "HEAD") or "").strip()
    if os.environ.get("XENT_LAB") == "all" or not found:
        return None
    pins = git("diff", "--name-only", found, "--", "tools/lab-requirements.txt", "tools/lab.py")
    return found if pins == "" else None


def is_to_run(path: Path) -> bool:
    """Say whether the code of a notebook is not that of the last daily run."""
    commit = before()
    stored = commit and git("show", f"{commit}:{path.relative_to(ROOT).as_posix()}")
    return not stored or code_of(stored) != code_of(path.read_text(encoding="utf-8"))


def packed(latex: str) -> str:
    """Return a formula without white space."""
    return re.sub(r"\s", "", latex)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(address: str) -> bool:
    """Say whether somebody serves an address."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.URLError:
        return False


@contextlib.contextmanager
def jupyterlab(home: Path, book: Path) -> Iterator[str]:
    """Serve a folder as `make lab` does; yield the address."""
    port = free_port()
    lab.trust(home, book)
    order = [*lab.options(home, book), "--no-browser", f"--port={port}", "--ServerApp.port_retries=0"]
    environment = lab.environment(home) | {"JUPYTER_TOKEN": TOKEN}
    with (
        (home / "log").open("w", encoding="utf-8") as log,
        subprocess.Popen([str(PYTHON), *order], env=environment, stdout=log, stderr=log) as server,
    ):
        base = f"http://127.0.0.1:{port}"
        try:
            end = time.monotonic() + 60
            while not answers(f"{base}/api/status?token={TOKEN}"):
                if server.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"JupyterLab does not start:\n{(home / 'log').read_text(encoding='utf-8')}")
                time.sleep(0.2)
            yield base
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the book, with notebooks that have one fault each in `bad`."""
    book = tmp_path_factory.mktemp("lab") / "book"
    shutil.copytree(BOOK, book, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (book / "bad").mkdir()
    for kind, cells in {**BAD, "none": []}.items():
        nbformat.write(
            v4.new_notebook(cells=[*GOOD, *cells], metadata=METADATA), book / "bad" / f"{kind}.ipynb"
        )
    return book


@pytest.fixture(scope="session")
def served(folder: Path) -> Iterator[tuple[str, Any]]:
    """The address of that folder in JupyterLab, and a browser."""
    if not PYTHON.exists():
        pytest.fail(f"there is no {PYTHON.relative_to(ROOT)}: `make lab-test` makes it")
    home = folder.parent / "home"
    with jupyterlab(home, folder) as base, sync_playwright() as playwright:
        window = playwright.chromium.launch(**browser.how_to_launch())
        yield base, window
        window.close()


def choose(page: Page, menu: str, entry: str) -> None:
    """Choose an entry of a menu."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def look(page: Page, notebook: nbformat.NotebookNode) -> list[str]:
    """Return what is wrong with a notebook as it is shown."""
    page.wait_for_function(IS_SHOWN, arg=len(notebook.cells), timeout=60_000)
    faults = [f"{kind}: {text}" for kind, text in page.evaluate(LOOK)]
    seen = page.evaluate(FORMULAS)
    for number, statement in statements(notebook):
        if packed(statement) not in map(packed, seen[number]):
            faults.append(f"statement: {statement}")
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    if page.evaluate(FIRST_CODE) != first.source.split("\n"):
        faults.append("code: the first cell is not shown as it is")
    return faults


def run_all(page: Page, notebook: nbformat.NotebookNode) -> list[str]:
    """Run all cells by the menu, and return which of them failed or did not run."""
    # Before the kernel is there, Run All does nothing.
    page.wait_for_selector(IDLE)
    # Else the numbers of the last run would look like those of this one.
    choose(page, "Edit", "Clear Outputs of All Cells")
    choose(page, "Run", "Run All Cells")
    page.wait_for_function(HAS_RUN, timeout=400_000)
    page.wait_for_selector(IDLE)  # the last output may come after the last number
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    faults = []
    for cell, (count, error) in zip(code, page.evaluate(RAN), strict=True):
        if error and "raises-exception" not in cell.metadata.get("tags", []):
            faults.append(f"error: {error}")
        if not re.search(r"\d", count):
            faults.append(f"not run: {cell.source}")
    return faults


def contents(folder: Path) -> dict[Path, bytes]:
    """Return all files of a folder."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def visit(served: tuple[str, Any], folder: Path, path: str, *, run: bool = True) -> list[str]:
    """Open a notebook, look, run all if it is to be run, look again; return what is wrong."""
    base, window = served
    notebook = nbformat.read(folder / path, as_version=4)
    before = contents(folder)
    faults = []

    def asked(request: Request) -> None:
        if not request.url.startswith((base, "data:", "blob:")):
            faults.append(f"host: {request.url}")

    page = window.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    page.on("request", asked)
    # A workspace of its own, or the notebooks before it would open too.
    page.goto(f"{base}/lab/workspaces/{Path(path).stem}/tree/{path}?token={TOKEN}")
    faults += look(page, notebook)
    errors = run_all(page, notebook) if run else []
    faults += errors
    if run and not errors:
        faults += look(page, notebook)
    for session in page.request.get(f"{base}/api/sessions").json():
        token = {"Authorization": f"token {TOKEN}"}
        page.request.delete(f"{base}/api/sessions/{session['id']}", headers=token)
    page.close()
    if contents(folder) != before:
        faults.append("written: the folder has changed, though nothing was saved")
    return sorted(set(faults))


def kinds(faults: list[str]) -> set[str]:
    """Return the kinds of faults."""
    return {fault.split(":", 1)[0] for fault in faults}


def test_make_lab_opens_the_first_chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # for .venv-lab
    monkeypatch.setattr(os, "execve", lambda *order: started.append(order))
    lab.main(["--port=8000"])
    ((_, order, environment),) = started
    assert order[-2:] == ["--port=8000", str(BOOK / "loss" / "question.ipynb")]
    changed = {name for name, value in environment.items() if os.environ.get(name) != value}
    assert {"JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"} <= changed
    assert all(Path(environment[name]).is_relative_to(tmp_path) for name in changed)


def test_a_notebook_whose_code_has_changed_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = nbformat.writes(v4.new_notebook(cells=GOOD, metadata=METADATA))
    words = nbformat.writes(v4.new_notebook(cells=[*GOOD, v4.new_markdown_cell("More.")], metadata=METADATA))
    code = nbformat.writes(v4.new_notebook(cells=[*GOOD, v4.new_code_cell("2")], metadata=METADATA))
    path = tmp_path / "one.ipynb"
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "before", lambda: "commit")
    for old, new, runs in ((stored, words, False), (stored, code, True), (None, stored, True)):
        path.write_text(new, encoding="utf-8")
        monkeypatch.setattr(module, "git", lambda *_, old=old: old)
        assert is_to_run(path) == runs
    monkeypatch.setattr(module, "before", lambda: None)
    assert is_to_run(path)


class TestJupyterLab:
    pytestmark = in_jupyterlab

    @pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
    def test_chapter(self, served: tuple[str, Any], folder: Path, path: Path) -> None:
        faults = visit(served, folder, path.relative_to(BOOK).as_posix(), run=is_to_run(path))
        # A figure's name or a source, which only the whole book knows, shows as it is written.
        faults = [fault for fault in faults if not fault.startswith("reference: ")]
        assert not faults, "\n".join(faults)

    def test_nothing_is_asked_of_another_host(self, served: tuple[str, Any]) -> None:
        base, _ = served
        for address, nothing in {"news": {"news": []}, "update": {"notification": None}}.items():
            with urllib.request.urlopen(f"{base}/lab/api/{address}?token={TOKEN}") as answer:
                assert json.load(answer) == nothing

    @pytest.mark.parametrize("kind", BAD)
    def test_fault_is_noticed(self, served: tuple[str, Any], folder: Path, kind: str) -> None:
        assert kind in kinds(visit(served, folder, f"bad/{kind}.ipynb"))

    def test_good_notebook_has_none(self, served: tuple[str, Any], folder: Path) -> None:
        assert visit(served, folder, "bad/none.ipynb") == []


PLAIN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)


def plain_faults(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what a viewer makes raw or loses that knows Markdown and formulas but no directives."""
    faults = []
    for cell in notebook.cells:
        for token in PLAIN.parse(cell.source) if cell.cell_type == "markdown" else []:
            texts = [child.content for child in token.children or [] if child.type == "text"]
            if token.type == "fence" and token.info.startswith("{"):
                faults.append(f"fence: {token.info}")
            faults += [f"fence: {text}" for text in texts if ":::" in text or "```" in text]
    for number, statement in statements(notebook):
        texts = [output.get("data", {}).get("text/markdown", "") for output in notebook.cells[number].outputs]
        blocks = [block for text in texts for block in PLAIN.parse(text) if block.type == "math_block"]
        if packed(statement) not in [packed(block.content) for block in blocks]:
            faults.append(f"statement: {statement}")
    return faults


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_plain_viewer_loses_no_statement(path: Path) -> None:
    faults = plain_faults(nbformat.read(path, as_version=4))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("fence", v4.new_markdown_cell(":::{statement} sum\n:::")),
        ("fence", v4.new_markdown_cell("```{prf:theorem} Sum\n$$\na\n$$\n```")),
        ("statement", claim("✓ `sum`")),
    ],
)
def test_a_plain_viewer_is_seen_to_fail(kind: str, cell: nbformat.NotebookNode) -> None:
    assert kinds(plain_faults(v4.new_notebook(cells=[*GOOD, cell]))) == {kind}


def test_a_plain_viewer_accepts_a_good_notebook() -> None:
    assert plain_faults(v4.new_notebook(cells=GOOD)) == []
