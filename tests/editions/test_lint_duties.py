"""A theme may look as it likes; a way out, the postal address and the note must be there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from digest.editions.lint import lint
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import READER, sample_edition
from digest.records import Edition, Finding, Reader

PAGE = "{% extends 'base/layout.html.j2' %}\n"
Found = Callable[..., list[Finding]]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """What is said of a mail in a theme with these files, of the rules that are tried here."""

    def look(
        html: str = PAGE,
        text: str | None = None,
        edition: Edition | None = None,
        reader: Reader | None = None,
    ) -> list[Finding]:
        theme = tmp_path / "mine"
        theme.mkdir()
        for name in ("style.css", "adaptive.css"):
            (theme / name).write_text("", "utf-8")
        (theme / "digest.html.j2").write_text(html, "utf-8")
        if text is not None:
            (theme / "digest.txt.j2").write_text(text, "utf-8")
        renderer = Renderer([tmp_path, packaged_themes()])
        edition = edition or sample_edition("mine")
        rendered = renderer.render(edition, mail=True, reader=reader)
        findings = lint(edition, rendered, renderer.sources("mine"), reader=reader)
        return [
            replace(one, where=one.where.removeprefix(f"{theme}/"))
            for one in findings
            if one.rule == "footer" or "note" in one.message
        ]

    return look


@pytest.mark.parametrize("reader", [None, READER, Reader("b@example.org")])
def test_the_layout_has_all_of_it(found: Found, reader: Reader | None) -> None:
    sample = sample_edition("mine")
    note = (*sample.note, "See www.example.org/a, (https://example.org/b) or ask desk@example.org.")
    assert found(edition=replace(sample, note=note), reader=reader) == []


def test_an_empty_footer_loses_the_way_out_and_the_address(found: Found) -> None:
    findings = found(f"{PAGE}\n{{%- block footer -%}}{{% endblock %}}")
    assert [(one.severity, one.where) for one in findings] == [("error", "digest.html.j2:3")] * 2
    assert findings[0].message.startswith("the HTML has no way to unsubscribe")
    assert findings[1].message.startswith("the HTML lacks the postal address")


def test_a_theme_without_blocks_is_named_by_its_file(found: Found) -> None:
    findings = found("<p>{{ edition.title }}</p>")
    assert {one.where for one in findings} == {"digest.html.j2"}
    assert [one.rule for one in findings] == ["footer", "footer", "content"]


def test_an_empty_note_loses_the_note(found: Found) -> None:
    (finding,) = found(f"{PAGE}{{% block note %}}{{% endblock %}}")
    assert (finding.rule, finding.severity, finding.where) == (
        "content",
        "error",
        "digest.html.j2:2",
    )
    assert "lacks the editors' note" in finding.message


def test_the_plain_text_owes_the_same(found: Found) -> None:
    findings = found(text="{{ edition.title }}")
    assert [(one.rule, one.where) for one in findings] == [
        ("footer", "digest.txt.j2"),
        ("footer", "digest.txt.j2"),
        ("content", "digest.txt.j2"),
    ]
    assert all(one.message.startswith("the plain text ") for one in findings)


WAYS = [
    ("mailto:courier@example.org?subject=unsubscribe%20sample", None, True),
    ("mailto:courier@example.org?subject=Please+UNSUBSCRIBE+me", None, True),
    ("mailto:courier@example.org?subject=hello", None, False),
    ("mailto:other@example.org?subject=unsubscribe", None, False),
    ("https://example.org/", None, False),
    (READER.unsubscribe, READER, True),
    (READER.unsubscribe, None, False),
    (READER.preferences, READER, False),
]


@pytest.mark.parametrize(("href", "reader", "leads_out"), WAYS)
def test_only_what_leads_out_counts(
    found: Found, href: str, reader: Reader | None, leads_out: bool
) -> None:
    footer = f"<tr><td>{{{{ edition.postal }}}} <a href='{href}'>Unsubscribe</a></td></tr>"
    findings = found(f"{PAGE}{{% block footer %}}{footer}{{% endblock %}}", reader=reader)
    assert (findings == []) == leads_out


def test_a_text_may_say_in_words_whom_to_write_to(found: Found) -> None:
    told = "{{ edition.postal }}\n{{ edition.note | join('\n') }}\nWrite to courier@example.org"
    assert found(text=f"{told} to unsubscribe") == []


def test_what_an_edition_does_not_have_is_not_asked_for(found: Found) -> None:
    edition = replace(sample_edition("mine"), postal="", note=())
    (finding,) = found("<p>{{ edition.title }}</p>", edition=edition)
    assert "unsubscribe" in finding.message
