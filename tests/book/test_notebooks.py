"""The stored notebooks are clean: what readers see was run, in order, and can be compared.

nbval re-executes every notebook and compares the outputs. What it does not look at, these rules do.
Each rule yields what is wrong with a notebook; below, each is shown a notebook that breaks it.
"""

import functools
import pkgutil
import re
from pathlib import Path

import chapters
import nbformat
import notebooks
import pytest

MYST = re.compile(r"^(?::::|```)\S*|\{[a-z][\w:-]*\}`|^\([\w-]+\)=|\$\$ *\([\w-]+\)", re.MULTILINE)

BOOK = Path(__file__).parents[2] / "book"
ALL = sorted(file for file in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [(cell, output) for cell in code(notebook) for output in cell.outputs]


def was_run_in_order(notebook):
    """Who runs cells by hand, in whatever order, leaves counts; `make notebooks` runs all from above."""
    counted = [cell.id for cell in code(notebook) if cell.execution_count is not None]
    counted += [cell.id for cell, output in outputs(notebook) if output.get("execution_count") is not None]
    if counted:
        yield f"the cells {counted} have execution counts: run `make notebooks`"


def shows_something(notebook):
    if not outputs(notebook):
        yield "no cell has an output"


def has_no_stderr(notebook):
    for cell, output in outputs(notebook):
        if output.get("name") == "stderr":
            yield f"cell {cell.id} warns: {output.text[:200]}"


def fails_only_where_tagged(notebook):
    for cell in code(notebook):
        fails = any(output.output_type == "error" for output in cell.outputs)
        if fails != ("raises-exception" in cell.metadata.get("tags", [])):
            yield f"cell {cell.id}: an error and the tag raises-exception go together"


def is_compared_everywhere(notebook):
    for cell in notebook.cells:
        tags = " ".join(cell.metadata.get("tags", []))
        if re.search("nbval[-_]", f"{cell.source} {tags}", re.IGNORECASE):
            yield f"cell {cell.id} tells nbval to look away"


def has_vector_figures(notebook):
    for cell, output in outputs(notebook):
        if bitmaps := [kind for kind in output.get("data", {}) if re.match(r"image/(?!svg)", kind)]:
            yield f"cell {cell.id} shows {bitmaps}, which nbval does not compare: make it SVG"


def describes_figures(notebook):
    for cell, output in outputs(notebook):
        if "image/svg+xml" in output.get("data", {}):
            page = cell.metadata.get("mystnb", {})
            if len(page.get("image", {}).get("alt", "")) <= 20:
                yield f"cell {cell.id}: mystnb.image.alt says what the figure shows"
            if not {"caption", "name"} <= page.get("figure", {}).keys():
                yield f"cell {cell.id}: mystnb.figure has a caption and a name"


def has_clean_metadata(notebook):
    found = {key: value for key, value in notebook.metadata.items() if key not in ("myst", "mystnb")}
    if found != notebooks.METADATA:
        yield f"notebook metadata is {found}, not {notebooks.METADATA}"
    for cell in notebook.cells:
        proves = any("theorem" in output.get("metadata", {}) for output in cell.get("outputs", []))
        hidden = {"jupyter": {"source_hidden": True}} if proves else {}
        extra = {key: value for key, value in cell.metadata.items() if key not in ("mystnb", "tags")}
        if extra != hidden:
            yield f"cell {cell.id} has metadata {extra}, not {hidden}"


def starts_with_few_lines(notebook):
    lines = code(notebook)[0].source.splitlines()
    if len(lines) > 12:
        yield f"the first code cell has {len(lines)} lines, more than twelve"


def leaves_layout_to_ruff(notebook):
    """What ruff may not format may be longer than the page is wide."""
    for cell in code(notebook):
        if re.search(r"# *fmt:", cell.source):
            yield f"cell {cell.id} switches ruff off"


def describes_itself(notebook):
    """Search engines show that."""
    if not notebook.metadata.get("myst", {}).get("html_meta", {}).get("description lang=en"):
        yield "the metadata myst.html_meta has no 'description lang=en'"


def names_what_exists(notebook):
    for cell in notebook.cells:
        for name in re.findall(r"`(xentlib[.\w]*)`", cell.source if cell.cell_type == "markdown" else ""):
            try:
                pkgutil.resolve_name(name)
            except (AttributeError, ImportError):
                yield f"cell {cell.id} speaks of {name}, which does not exist"


def has_solutions(notebook):
    parts = []
    for cell in notebook.cells:
        text = cell.source if cell.cell_type == "markdown" else ""
        if "**Exercise" in text or "**Solution" in text:
            box = chapters.BOX.match(text)
            parts.append("exercise" if box else "solution" if text.startswith(chapters.SOLUTION) else "?")
        if "**Exercise" in text and not text.startswith('<a id="ex-'):
            yield f"cell {cell.id}: an exercise starts its cell, with an anchor ex-…"
    if parts != ["exercise", "solution"] * (len(parts) // 2):
        yield f"exercises and solutions do not take turns: {parts}"


LEVELS = ["warm-up", "medium", "hard"]


def has_rising_exercises(notebook):
    boxes = [chapters.BOX.match(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    exercises = [box for box in boxes if box and box["kind"] == "Exercise"]
    found = [box["title"].rpartition(" (")[2].removesuffix(")") for box in exercises]
    if not set(found) <= set(LEVELS) or found != sorted(found, key=LEVELS.index):
        yield f"the levels of the exercises are {found}"
    if found and found[:2] != ["warm-up"] * 2:
        yield "there are not two warm-ups first"
    for box, level in zip(exercises, found, strict=True):
        if level == "warm-up" and not re.search(r"\n\n\*Hint\.\* [^\n]+\n*$", box["body"]):
            yield f"{box['label']} has no hint at its end"


def is_plain_markdown(notebook):
    """Without extensions: a directive, a role or a label would show as it is written."""
    for cell in notebook.cells:
        text = cell.source if cell.cell_type == "markdown" else spoken(cell)
        text = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
        for found in MYST.findall(text):
            yield f"cell {cell.id} has {found!r}"


def names_theorems_inside_links(notebook):
    """On the site "Theorem 5" stands for such a link: "theorem" before it would be said twice."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for found in re.findall(r"\b(?:theorem|definition)\s+\[\*", cell.source, re.IGNORECASE):
                yield f"cell {cell.id} has {found!r}: write [the theorem *…*](…)"


def spoken(cell):
    """Return the Markdown of a cell's outputs."""
    return "\n".join(output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", []))


RULES = [
    was_run_in_order,
    shows_something,
    has_no_stderr,
    fails_only_where_tagged,
    is_compared_everywhere,
    has_vector_figures,
    describes_figures,
    has_clean_metadata,
    starts_with_few_lines,
    leaves_layout_to_ruff,
    describes_itself,
    names_what_exists,
    has_solutions,
    has_rising_exercises,
    is_plain_markdown,
    names_theorems_inside_links,
]


def broken(notebook):
    """Return the names of the rules that a notebook breaks."""
    nbformat.validate(notebook)
    return [rule.__name__ for rule in RULES if list(rule(notebook))]


def test_there_are_notebooks():
    assert ALL


@functools.lru_cache(maxsize=1)
def read(path):
    """Return a notebook, which all rules look at in turn."""
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_notebook_keeps(rule, path):
    assert not list(rule(read(path)))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_notebook_is_stored_in_one_form(path):
    stored = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(stored, as_version=4)
    nbformat.validate(notebook)
    assert notebook.nbformat_minor == 5
    assert stored == nbformat.writes(notebook) + "\n"


EXERCISE = '<a id="ex-a"></a>**Exercise: A title (warm-up).**'


def good():
    """Return a notebook that keeps every rule."""
    v4 = nbformat.v4
    figure = v4.new_output("display_data", data={"image/svg+xml": "<svg/>", "text/plain": "<Figure>"})
    described = {
        "image": {"alt": "A curve that falls from upper left to lower right."},
        "figure": {"caption": "The loss.", "name": "fig-loss"},
    }
    cells = [
        v4.new_markdown_cell("# Title\nSee `xentlib.proof`, [the theorem *Shifts*](#thm-shift)."),
        v4.new_code_cell("figure", outputs=[figure], metadata={"mystnb": described}),
        v4.new_code_cell(
            "1 / 0",
            outputs=[v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero")],
            metadata={"tags": ["raises-exception"]},
        ),
        v4.new_markdown_cell(f"{EXERCISE} Why?\n\n```python\n{{a}}`b`\n```\n\n*Hint.* Look."),
        v4.new_markdown_cell("**Solution.** So."),
        v4.new_markdown_cell(EXERCISE.replace("ex-a", "ex-b") + " How?\n\n*Hint.* Try."),
        v4.new_markdown_cell("**Solution.** So, see [softmax](../glossary.md#term-softmax)."),
        v4.new_code_cell(
            "theorem",
            outputs=[v4.new_output("display_data", data={}, metadata={"theorem": {}})],
            metadata={"jupyter": {"source_hidden": True}},
        ),
    ]
    told = {"description lang=en": "What softmax does.", "keywords lang=en": "softmax"}
    return v4.new_notebook(cells=cells, metadata=notebooks.METADATA | {"myst": {"html_meta": told}})


def test_rules_accept_a_good_notebook():
    assert broken(good()) == []


def stream(name):
    return nbformat.v4.new_output("stream", name=name, text="text")


def replace(cell, old, new):
    assert old in cell.source
    cell.source = cell.source.replace(old, new)


BAD = {
    "run by hand": (was_run_in_order, lambda nb: nb.cells[2].update(execution_count=4)),
    "result of a run by hand": (
        was_run_in_order,
        lambda nb: nb.cells[1].outputs.append(
            nbformat.v4.new_output("execute_result", data={"text/plain": "1"}, execution_count=1)
        ),
    ),
    "empty": (shows_something, lambda nb: [cell.update(outputs=[]) for cell in code(nb)]),
    "stderr": (has_no_stderr, lambda nb: nb.cells[1].outputs.append(stream("stderr"))),
    "error without tag": (fails_only_where_tagged, lambda nb: nb.cells[2].metadata.clear()),
    "tag without error": (fails_only_where_tagged, lambda nb: nb.cells[2].update(outputs=[stream("stdout")])),
    "marker": (is_compared_everywhere, lambda nb: nb.cells[1].update(source="# NBVAL_IGNORE_OUTPUT\n1")),
    "tag": (is_compared_everywhere, lambda nb: nb.cells[2].metadata.tags.append("nbval-skip")),
    "png": (has_vector_figures, lambda nb: nb.cells[1].outputs[0].data.update({"image/png": "aGk="})),
    "no alt text": (describes_figures, lambda nb: nb.cells[1].metadata.mystnb.pop("image")),
    "short alt text": (describes_figures, lambda nb: nb.cells[1].metadata.mystnb.image.update(alt="Loss")),
    "no caption": (describes_figures, lambda nb: nb.cells[1].metadata.mystnb.figure.pop("caption")),
    "no name": (describes_figures, lambda nb: nb.cells[1].metadata.mystnb.figure.pop("name")),
    "kernel version": (has_clean_metadata, lambda nb: nb.metadata.language_info.update(version="3.11")),
    "own kernel": (has_clean_metadata, lambda nb: nb.metadata.kernelspec.update(name="mine")),
    "widgets": (has_clean_metadata, lambda nb: nb.metadata.update(widgets={})),
    "time stamps": (has_clean_metadata, lambda nb: nb.cells[1].metadata.update(execution={})),
    "13 lines": (starts_with_few_lines, lambda nb: nb.cells[1].update(source="1\n" * 13)),
    "long import": (
        leaves_layout_to_ruff,
        lambda nb: nb.cells[1].update(source="from sympy import Eq  # fmt: skip"),
    ),
    "no description": (
        describes_itself,
        lambda nb: nb.metadata.myst.html_meta.pop("description lang=en"),
    ),
    "no such name": (names_what_exists, lambda nb: nb.cells[0].update(source="# `xentlib.prove`")),
    "no solution": (has_solutions, lambda nb: nb.cells.pop(4)),
    "no exercise": (has_solutions, lambda nb: nb.cells.pop(5)),
    "no label": (has_solutions, lambda nb: nb.cells[3].update(source=nb.cells[3].source[17:])),
    "exercise inside": (has_solutions, lambda nb: nb.cells[3].update(source=f"Words. {nb.cells[3].source}")),
    "no level": (has_rising_exercises, lambda nb: replace(nb.cells[3], " (warm-up)", "")),
    "one warm-up": (has_rising_exercises, lambda nb: replace(nb.cells[5], "warm-up", "hard")),
    "falling": (has_rising_exercises, lambda nb: replace(nb.cells[3], "warm-up", "hard")),
    "no hint": (has_rising_exercises, lambda nb: replace(nb.cells[5], "*Hint.* ", "")),
    "directive": (is_plain_markdown, lambda nb: nb.cells[0].update(source=":::{note}\nWords.\n:::")),
    "fence": (is_plain_markdown, lambda nb: nb.cells[0].update(source="```{note}\nWords.\n```")),
    "role": (is_plain_markdown, lambda nb: nb.cells[0].update(source="See {term}`batch`.")),
    "target": (is_plain_markdown, lambda nb: nb.cells[0].update(source="(here)=\n# Title")),
    "equation": (is_plain_markdown, lambda nb: nb.cells[0].update(source="$$\nx\n$$ (eq-x)")),
    "theorem twice": (
        names_theorems_inside_links,
        lambda nb: nb.cells[0].update(source="See the theorem\n[*Shifts*](#thm-shift)."),
    ),
    "role in words": (
        is_plain_markdown,
        lambda nb: nb.cells[7].outputs[0].data.update({"text/markdown": "**Theorem: T.** {term}`batch`"}),
    ),
    "code of a theorem shown": (has_clean_metadata, lambda nb: nb.cells[7].metadata.clear()),
    "other code hidden": (
        has_clean_metadata,
        lambda nb: nb.cells[1].metadata.update(jupyter={"source_hidden": True}),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_rules_refuse_a_bad_notebook(name):
    rule, spoil = BAD[name]
    notebook = good()
    spoil(notebook)
    assert rule.__name__ in broken(notebook)


def test_every_rule_is_seen_to_fail():
    assert {rule for rule, _ in BAD.values()} == set(RULES)


@pytest.fixture
def stored(tmp_path):
    """Return how to store a notebook made of the given code, never run and full of traces."""

    def store(*sources):
        cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["hide-input"]}) for source in sources]
        metadata = {
            "myst": {"html_meta": {"description lang=en": "kept", "keywords lang=en": "too"}},
            "widgets": {},
            "language_info": {"name": "x"},
        }
        path = tmp_path / "notebook.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
        return path

    return store


def test_execution_is_clean_and_repeatable(stored):
    path = stored(
        "from pathlib import Path\n[f.name for f in Path().iterdir()]", "print(1)\nprint(2, flush=True)"
    )
    before = nbformat.read(path, as_version=4)
    assert notebooks.refresh(path)
    assert not notebooks.refresh(path)
    after = nbformat.read(path, as_version=4)
    assert broken(after) == []
    assert after.metadata.myst == before.metadata.myst
    assert [(cell.id, cell.source) for cell in after.cells] == [
        (cell.id, cell.source) for cell in before.cells
    ]
    assert after.cells[0].outputs[0].data["text/plain"] == "['notebook.ipynb']"  # it ran in its own folder
    assert [output.text for output in after.cells[1].outputs] == ["1\n2\n"]


def test_the_code_of_a_theorem_is_hidden_in_jupyter(stored):
    head = 'from xentlib.proof import k, p, prove, sum_over, theorem\ntheorem("t", "T", "For all logits,")\n'
    path = stored("1", f'{head}prove("sum", sum_over(k, p[k]) > 0)')
    assert notebooks.refresh(path)
    other, theorem = nbformat.read(path, as_version=4).cells
    assert "jupyter" not in other.metadata
    assert theorem.metadata.jupyter == {"source_hidden": True}
    assert broken(nbformat.read(path, as_version=4)) == []


def test_a_failing_cell_leaves_the_notebook_alone(stored):
    path = stored("1", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"(?s)unchanged.*ZeroDivisionError"):
        notebooks.main([str(path)])
    assert path.read_bytes() == before
