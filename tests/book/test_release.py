"""A tag is released only if everything that names the version agrees, and the files hold what they must."""

from __future__ import annotations

import pytest
import release

VERSION = release.version()
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-01-31\n"
CITATION = f"title: x\nversion: {VERSION}\ndate-released: 2026-01-31\nurl: y\n"


def test_a_good_tag_has_no_faults() -> None:
    assert release.faults_of_tag(f"v{VERSION}", CHANGELOG, CITATION) == []


@pytest.mark.parametrize(
    ("tag", "changelog", "citation", "fault"),
    [
        (VERSION, CHANGELOG, CITATION, "the tag is"),
        ("v99.0.0", CHANGELOG, CITATION, "the tag is v99.0.0, but"),
        (f"v{VERSION}", CHANGELOG.replace(" - 2026-01-31", ""), CITATION, "no dated heading"),
        (f"v{VERSION}", CHANGELOG.replace(VERSION, "99.0.0"), CITATION, "no dated heading"),
        (f"v{VERSION}", CHANGELOG.replace("01-31", "02-01"), CITATION, "of 2026-02-01"),
        (f"v{VERSION}", CHANGELOG, CITATION.replace(VERSION, "99.0.0"), "CITATION.cff does not have version"),
    ],
)
def test_a_bad_tag_is_refused(tag: str, changelog: str, citation: str, fault: str) -> None:
    assert fault in "\n".join(release.faults_of_tag(tag, changelog, citation))


def test_files_that_are_missing_or_too_many_are_named() -> None:
    wheel = [*release.WHEEL, "xentlib-1.0.dist-info/METADATA"]
    source = [f"xentlib-1.0/{name}" for name in release.SOURCE]
    assert release.faults_of_files(wheel, source) == []
    assert release.faults_of_files(wheel[1:], source) == [f"the wheel lacks {release.WHEEL[0]}"]
    assert release.faults_of_files(wheel, source[1:]) == [
        f"the source distribution lacks {release.SOURCE[0]}"
    ]
    assert release.faults_of_files([*wheel, "tests/x.py"], source) == ["the wheel has tests/x.py"]
