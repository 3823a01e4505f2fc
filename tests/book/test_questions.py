"""The questions that people ask have sources, and answers that lead somewhere."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from pathlib import Path

import ledger
import pytest
import questions
from anchors import homes
from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = questions.load(ROOT)
ANSWERED = [entry for entry in ENTRIES if "answer" in entry]
CHAPTERS = [name.removeprefix("book/") for name in ledger.notebooks(ROOT) if name.count("/") == 2]


@functools.cache
def source_of(page: str) -> list[str]:
    """Return the sources of a chapter's cells."""
    cells = json.loads((ROOT / "book" / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells]


@functools.cache
def headings(page: str) -> set[str]:
    """Return the anchors of a chapter's headings."""
    text = "\n".join(source for source in source_of(page) if source.startswith("#"))
    found = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    return {nodes.make_id(re.sub(r"[$`*]|\]\([^)]*\)|\[", "", heading)) for heading in found}


def faults(entry: questions.Entry) -> list[str]:
    """Return what is wrong with an entry."""
    wrong = []
    question, answer = entry["question"], entry.get("answer")
    if not question.endswith("?") or len(question) > 120 or "\n" in question:
        wrong.append("the question is not one line that ends with a question mark")
    if entry["subject"] not in questions.SUBJECTS:
        wrong.append(f"subject {entry['subject']!r}")
    if not entry.get("source", "https://").startswith("https://"):
        wrong.append("the source is no address")
    if answer is None:
        if entry["chapter"] in {Path(page).name for page in CHAPTERS} or not entry.get("source"):
            wrong.append("not answered, though its chapter is there")
        return wrong
    if not re.search(r"\d|\$", answer):
        wrong.append("an answer without a number or a formula")
    prose = re.sub(r"\$[^$]*\$|`[^`]*`", "x", answer)
    if len(re.findall(r"[.!?](?=\s|$)", prose)) > 3:
        wrong.append("more than three sentences")
    page, _, anchor = entry["where"].partition("#")
    if page not in CHAPTERS or not anchor:
        wrong.append(f"leads to {entry['where']}")
    elif anchor not in headings(page) and homes().get(anchor) != ROOT / "book" / f"{page}.ipynb":
        wrong.append(f"there is no {entry['where']}")
    return wrong


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["question"])
def test_an_entry_is_whole(entry: questions.Entry) -> None:
    assert faults(entry) == []


def test_there_are_enough_of_many_kinds() -> None:
    sourced = [entry for entry in ENTRIES if entry.get("source")]
    assert len(sourced) >= 150
    assert set(questions.SUBJECTS) == {entry["subject"] for entry in sourced}
    assert max(Counter(entry["subject"] for entry in sourced).values()) <= len(sourced) / 3


def test_no_question_is_asked_twice() -> None:
    count = Counter(entry["question"].lower() for entry in ENTRIES)
    assert [question for question, times in count.items() if times > 1] == []


@pytest.mark.parametrize("page", CHAPTERS)
def test_a_chapter_leads_to_the_questions_and_answers_some(page: str) -> None:
    lacking = []
    if "[questions people ask](../questions.md)" not in source_of(page)[-1]:
        lacking.append("a link [questions people ask](../questions.md) in the last cell")
    if not any(entry["where"].startswith(f"{page}#") for entry in ANSWERED):
        lacking.append("an entry of book/data/questions.json that it answers")
    assert not lacking


GOOD = {
    "question": "Why?",
    "subject": "theory",
    "source": "https://example.org/1",
    "answer": "Because $1. 2$ is so. It is 3.",
    "where": "loss/softmax#thm-shift",
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"where": "loss/softmax#common-questions"}, None),
        ({"question": "Why"}, "question mark"),
        ({"question": "Why?\nHow?"}, "one line"),
        ({"subject": "weather"}, "weather"),
        ({"source": "http://example.org"}, "no address"),
        ({"answer": "Because."}, "without a number"),
        ({"answer": "1. 2. 3. 4."}, "more than three"),
        ({"where": "loss/softmax#no-such-place"}, "there is no"),
        ({"where": "loss/likelihood#thm-shift"}, "there is no"),
        ({"where": "loss/softmax"}, "leads to"),
        ({"where": "loss/nowhere#a"}, "leads to"),
        ({"answer": None, "chapter": "softmax"}, "though its chapter"),
        ({"answer": None, "chapter": "museum"}, None),
    ],
)
def test_a_bad_entry_is_seen(change: dict[str, str | None], fault: str | None) -> None:
    entry: dict[str, str] = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    found = faults(entry)
    assert (found == []) if fault is None else (fault in "\n".join(found))


def test_the_title_of_a_page() -> None:
    assert questions.title(ROOT, "loss/softmax") == "Softmax"
