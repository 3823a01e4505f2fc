"""What stands in two places says the same in both, and every link of the sources leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml

import xentlib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
REPOSITORY, SITE = CONFIG["repository"]["url"], CONFIG["html"]["baseurl"]  # every other place repeats these
# For contributors: what belongs to one task stands beside the files that it changes.
BESIDE_FILES = [
    file for folder in ("book", "tests", "tools", "xentlib") for file in (ROOT / folder).rglob("README.md")
]
GUIDES = [*ROOT.glob("*.md"), *BESIDE_FILES]
CHAPTERS = [
    file
    for pattern in ("*.md", "*.ipynb")
    for file in (ROOT / "book").rglob(pattern)
    if file not in BESIDE_FILES
]
TEXTS = [*GUIDES, *(file for file in CHAPTERS if ".ipynb_checkpoints" not in file.parts)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def markdown(path):
    """Return the Markdown of a page or of a notebook, without its code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"(?ms)^(```+)[a-z]*\n.*?^\1$|`[^`\n]+`", "", text)


def anchors_of(text):
    """Return what a link to a section of a Markdown text ends in."""
    headings = re.findall("^#+ (.*)", text, re.M)
    return {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in headings}


def dead_links(text, folder, guide=True):
    """Return the links of a Markdown text that cannot lead anywhere, asking no other host.

    In a page of the book a link without a file may lead to a label, which is the build's to resolve.
    """
    found = re.findall(
        r"\]\(<?([^)\s>]+)>?(?: +\"[^\"]*\")?\)|<(https?:[^>]*)>|(?:src|href)=\"([^\"]*)\"", text
    )
    for link in map("".join, found):
        url = urlsplit(link)
        if url.scheme or url.netloc:
            good = (
                url.scheme == "https"
                and re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", url.netloc)
                and " " not in link
            )
        elif url.path:
            file = folder / unquote(url.path)  # pages refer to pages without the ending
            good = any(file.with_name(file.name + ending).exists() for ending in ("", ".md", ".ipynb"))
            if good and url.fragment and file.resolve() in [one.resolve() for one in GUIDES]:
                good = url.fragment in anchors_of(markdown(file))
        else:
            good = url.fragment in anchors_of(text) or not guide
        if not good:
            yield link


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    assert not list(dead_links(markdown(path), path.parent, guide=path in GUIDES))


@pytest.mark.parametrize(
    "text",
    [
        "[a](no-such-file.md)",
        "![a](no-such-figure.svg)",
        '<img src="no-such-figure.svg">',
        "[a](#no-such-heading)\n# Heading",
        "[a](book/README.md#no-such-heading)",
        "[a](http://example.org)",
        "[a](https://example)",
        "[a](https:/example.org)",
        "<https://example.org and more>",
    ],
)
def test_dead_links_are_found(text):
    assert list(dead_links(text, ROOT))


def test_links_that_lead_somewhere_are_accepted():
    text = "# A heading, here\n[a](Makefile) [b](#a-heading-here) [c](https://example.org/a#b) <https://example.org>"
    assert not list(dead_links(text, ROOT))
    assert not list(dead_links("[a](book/README.md#add-a-claim)", ROOT))
    assert not list(dead_links("[a](#a-label-of-the-build)", ROOT / "book", guide=False))


def test_the_first_page_for_contributors_is_short_and_leads_to_all_others():
    text = read("CONTRIBUTING.md")
    assert len(text.encode()) <= 10_000, "what belongs to one task goes beside the files that it changes"
    links = {urlsplit(link).path for link in re.findall(r"\]\(([^)\s]+)\)", text)}
    assert {file.relative_to(ROOT).as_posix() for file in BESIDE_FILES} <= links


def test_the_addresses_are_the_same_everywhere():
    changelog = f"{REPOSITORY}/blob/main/CHANGELOG.md"
    assert PROJECT["project"]["urls"] == {"Book": SITE, "Repository": REPOSITORY, "Changelog": changelog}
    assert (CITATION["url"], CITATION["repository-code"]) == (SITE, REPOSITORY)
    assert SITE in read("README.md")
    assert f"git clone {REPOSITORY}" in read("README.md")
    for path in GUIDES:
        for link in re.findall(
            r"https://[\w.-]*github\.(?:com|io)/[\w./-]*", path.read_text(encoding="utf-8")
        ):
            assert link.startswith((SITE, REPOSITORY)), path


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert CITATION["version"] == version
    assert f"\n## [{version}] - {CITATION['date-released']}\n" in read("CHANGELOG.md")
    assert f"\n[Unreleased]: {REPOSITORY}/compare/v{version}...main\n" in read("CHANGELOG.md")


def direct_dependencies():
    """Return the names of what pyproject.toml asks for, but for what its packages need in turn."""
    asked = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    named = [item for items in asked for item in items if isinstance(item, str)]  # else: another group
    return {re.split(r"[^\w-]", item)[0].lower() for item in named}


def pins(name):
    """Return the lines of a file of requirements that pin a package."""
    return [line for line in read(name).splitlines() if line and not line.lstrip().startswith("#")]


def test_every_requirement_is_pinned():
    pinned, of_lab = pins("requirements.txt"), pins("tools/lab-requirements.txt")
    for line in pinned + of_lab:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .*)?", line)
    assert direct_dependencies() <= {line.split("==")[0] for line in pinned + of_lab}


def test_both_environments_have_the_same_versions():
    """What a chapter shows in JupyterLab is what the book shows."""
    version = dict(line.split(" ;")[0].split("==") for line in pins("requirements.txt"))
    of_lab = dict(line.split(" ;")[0].split("==") for line in pins("tools/lab-requirements.txt"))
    assert {name: version[name] for name in of_lab if name in version}.items() <= of_lab.items()
    groups = PROJECT["dependency-groups"]
    assert {re.split(r"[^\w-]", item)[0] for item in groups["chapters"]} <= of_lab.keys() & version.keys()


def test_every_dependency_has_its_reason():
    """It stands behind it, on a line that names nothing else."""
    reasons = re.findall(r'(?m)^  "([\w-]+)[^"\n]*", # \S', read("pyproject.toml").partition("[tool.")[0])
    assert {name.lower() for name in reasons} == direct_dependencies()


def test_every_module_is_listed_in_its_layer():
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    layers = [layer for contract in contracts for layer in contract.get("layers", [])]
    folders = {contract["containers"][0] for contract in contracts if "containers" in contract}
    texts = [read(f"{folder}/README.md") for folder in ("xentlib", "xentlib/proof")]
    lists = "".join(text.partition("\n## Layers\n")[2].partition("\n## ")[0] for text in texts).replace(
        "\n  ", " "
    )
    listed = [re.findall(r"(?:^- |; )`(\w+)`", line) for line in lists.splitlines() if line.startswith("- ")]
    assert listed == [layer.split(" | ") for layer in layers]
    assert folders == {"xentlib", "xentlib.proof", "xentlib.proof.core"}


def test_what_the_numbers_may_not_need_is_asked_of_all_of_them():
    contracts = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    layers = contracts["layers of the numbers"]["layers"]
    modules = {f"xentlib.{name}" for layer in layers for name in layer.split(" | ")}
    assert set(contracts["numbers need no proofs and nothing that draws"]["source_modules"]) == modules


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("proof/core/signs.py", "xentlib.proof._sampling", "the core of the proofs needs no numbers"),
        ("proof/core/decide.py", "numpy", "the core of the proofs needs no numbers"),
        ("proof/core/algebra.py", "xentlib.proof.core.decide", "layers of the core of the proofs"),
        ("_ordinal.py", "sympy", "numbers need no proofs"),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(tmp_path, module, imported, contract):
    shutil.copytree(ROOT / "xentlib", tmp_path / "xentlib")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "xentlib" / module
    path.write_text(path.read_text(encoding="utf-8") + f"\nimport {imported}\n", encoding="utf-8")
    linter = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode == 1
    broken = [line for line in found.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), found.stdout


def test_what_a_review_may_not_ask_for_has_its_reason():
    """It stands on the line above, and says what is asked for, a colon, and why not."""
    section = read("pyproject.toml").partition("[tool.repo-review]")[2].partition("\n[")[0]
    lines = re.findall(r'(?m)^  # \S.*: \S.*\n  ((?:"[A-Z]+\d+",? ?)+)$', section)
    assert re.findall(r'"(\w+)"', "".join(lines)) == PROJECT["tool"]["repo-review"]["ignore"]


def test_the_pythons_are_the_same_everywhere():
    pythons = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    oldest, newest = pythons[0], pythons[-1]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    assert workflow["jobs"]["ci"]["strategy"]["matrix"]["python"] == pythons
    assert f"You need Python {', '.join(pythons[:-1])} or {newest} " in read("README.md")
    makefile = read("Makefile")
    assert re.findall(r"python(3\.\d+)", makefile[makefile.index("CANDIDATES :=") :]) == pythons[::-1]
    bounds = [tuple(map(int, version.split("."))) for version in (oldest, newest)]
    assert f"TESTED := {bounds[0]} <= sys.version_info < (3, {bounds[1][1] + 1})" in makefile
    assert f"NEWER := sys.version_info >= (3, {bounds[1][1] + 1})" in makefile
    assert f"--universal --python-version {oldest}" in makefile
    for sentence in (f"Python {oldest} or newer", f"Python {newest} at most"):
        assert sentence in makefile


def test_every_chapter_is_in_the_table_of_contents():
    toc = yaml.safe_load(read("_toc.yml"))
    listed = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    pages = [
        file.relative_to(ROOT).with_suffix("").as_posix()
        for file in CHAPTERS
        if not any(part.startswith(("_", ".")) for part in file.relative_to(ROOT).parts)
    ]
    assert sorted(listed) == sorted(pages)


def test_the_table_of_formulas_leads_somewhere():
    """Each claim stands in one cell, which its verb names; the function is public, and the tests call it."""
    code = "\n".join(
        cell.source
        for path in CHAPTERS
        if path.suffix == ".ipynb"
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    )
    row = r"^\| .+ \| (`[a-z].*`) \| `(\w+)` \| (.*`test_.*`) \|$"
    rows = re.findall(row, read("xentlib/README.md"), re.MULTILINE)
    assert len(rows) == 16
    for claims, function, tests in rows:
        for claim in re.findall(r"`([\w-]+)`", claims):
            assert code.count(f'"{claim}"') == 1, claim
        assert function in xentlib.__all__
        for test in re.findall(r"`(\w+\.py)`", tests):
            assert f"{function}(" in read(f"tests/numerics/{test}"), (function, test)


def test_the_front_page_leads_to_every_chapter() -> None:
    listed = read("book/index.md")
    chapters = [str(path.relative_to(ROOT / "book")) for path in (ROOT / "book").glob("*/*.ipynb")]
    assert chapters
    assert [chapter for chapter in chapters if f"({chapter}" not in listed] == []
