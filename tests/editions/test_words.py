"""The fixed words of the e-mail: all of them in every language, in catalogs to be trusted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from babel.support import NullTranslations

import digest
from digest.editions.render import packaged_themes
from digest.editions.words import languages, translations
from digest.errors import TemplateError
from digest.stories.built_in import DESCRIPTIONS
from digest.stories.topics import MORE

THEMES = packaged_themes()
PACKAGE = Path(digest.__file__).parent
LANGUAGES = ("de", "es", "fr", "uk")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

Words = dict[tuple[str | None, str], tuple[str, ...]]


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.fixture(scope="module")
def wanted() -> Words:
    """Every text that templates, public pages and letters ask for, by context and singular."""
    found: Words = {}
    options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    ours = [("service/pages/**.html", "jinja2"), ("editions/letters.py", "python")]
    for _, _, message, _, context in chain(
        extract_from_dir(THEMES, [("**.j2", "jinja2")], {"**.j2": options}, KEYWORDS),
        extract_from_dir(PACKAGE, ours, {"service/pages/**.html": options}, KEYWORDS),
    ):
        if (context, message) != (None, "topic"):  # a topic's name is a variable
            found[context, _forms(message)[0]] = _forms(message)
    for name in (*DESCRIPTIONS, MORE):
        found["topic", name] = (name,)
    return found


def catalog(language: str) -> Catalog:
    with (THEMES / "locale" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalog(language) if message.id)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def test_the_templates_have_words_at_all(wanted: Words) -> None:
    assert (None, "Unsubscribe") in wanted
    assert wanted[None, "%(num)s story"] == ("%(num)s story", "%(num)s stories")
    assert ("made from", "%(num)s article") in wanted
    assert ("topic", "Local life") in wanted
    assert len(wanted) > 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_translated_and_none_is_left_over(language: str, wanted: Words) -> None:
    there = {(message.context, _forms(message.id)[0]) for message in messages(language)}

    assert there == set(wanted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_empty_or_unsure(language: str) -> None:
    known = catalog(language)
    assert not known.fuzzy
    assert not known.obsolete
    for message in messages(language):
        assert not message.fuzzy, message.id
        forms = _forms(message.string)
        assert all(form.strip() for form in forms), message.id
        assert len(forms) == (known.num_plurals if message.pluralizable else 1), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_those_of_the_english(language: str) -> None:
    for message in messages(language):
        for form in _forms(message.string):
            assert placeholders(form) == placeholders(_forms(message.id)[0]), message.id


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("en", {1: "1 story", 2: "2 stories", 5: "5 stories", 21: "21 stories"}),
        ("de", {1: "1 Meldung", 2: "2 Meldungen", 21: "21 Meldungen"}),
        ("fr", {0: "0 sujet", 1: "1 sujet", 2: "2 sujets"}),
        ("es", {1: "1 noticia", 2: "2 noticias"}),
        (
            "uk",
            {
                1: "1 новина",
                2: "2 новини",
                5: "5 новин",
                11: "11 новин",
                12: "12 новин",
                21: "21 новина",
                22: "22 новини",
                111: "111 новин",
            },
        ),
    ],
)
def test_plural_forms_are_those_of_the_language(language: str, forms: dict[int, str]) -> None:
    words = translations([THEMES], language)
    for count, form in forms.items():
        text = words.ngettext("%(num)s story", "%(num)s stories", count)
        assert text % {"num": count} == form


def test_topics_of_our_own_are_known_by_their_names_in_other_languages() -> None:
    words = translations([THEMES], "de")

    assert words.pgettext("topic", "Business") == "Wirtschaft"
    assert words.pgettext("topic", "Hafen & Meer") == "Hafen & Meer"
    assert words.gettext("Business") == "Business"  # as a word it may mean something else


def test_a_country_s_language_is_read_from_the_language() -> None:
    assert translations([THEMES], "de-AT").gettext("Unsubscribe") == "Abbestellen"
    assert translations([THEMES], "de_AT").gettext("Unsubscribe") == "Abbestellen"


@pytest.mark.parametrize("language", ["en", "en-GB", "en_US", "EN"])
def test_english_needs_no_catalog(language: str) -> None:
    assert isinstance(translations([THEMES], language), NullTranslations)
    assert translations([THEMES], language).gettext("Unsubscribe") == "Unsubscribe"


def test_languages_are_those_with_a_catalog_and_english(tmp_path: Path) -> None:
    write(tmp_path, "pt_BR", "")
    write(tmp_path, "not a language!", "")

    assert languages([THEMES]) == ["de", "en", "es", "fr", "uk"]
    assert languages([tmp_path, THEMES]) == ["de", "en", "es", "fr", "pt-BR", "uk"]
    assert languages([]) == ["en"]


# --- catalogs of the user's -------------------------------------------------------------------

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'


def write(folder: Path, language: str, body: str, header: str = HEADER) -> Path:
    (folder / "locale").mkdir(exist_ok=True)
    path = folder / "locale" / f"{language}.po"
    path.write_text(header + body, "utf-8")
    return path


def entry(english: str, translated: str) -> str:
    return f'msgid "{english}"\nmsgstr "{translated}"\n\n'


def test_a_catalog_of_the_user_s_wins_and_may_lack_what_ours_has(tmp_path: Path) -> None:
    write(tmp_path, "de", entry("Unsubscribe", "Abmelden"))
    words = translations([tmp_path, THEMES], "de-CH")

    assert words.gettext("Unsubscribe") == "Abmelden"
    assert words.gettext("All editions") == "Alle Ausgaben"
    assert words.ngettext("%(num)s story", "%(num)s stories", 2) == "%(num)s Meldungen"
    assert words.pgettext("topic", "World") == "Welt"
    # Ours alone is as it was.
    assert translations([THEMES], "de").gettext("Unsubscribe") == "Abbestellen"


def test_a_country_s_own_catalog_goes_before_the_language_s(tmp_path: Path) -> None:
    write(tmp_path, "de-AT", entry("Unsubscribe", "Abbestellen, bitte"))

    assert translations([tmp_path, THEMES], "de-AT").gettext("Unsubscribe") == "Abbestellen, bitte"
    assert translations([tmp_path, THEMES], "de").gettext("Unsubscribe") == "Abbestellen"


def test_a_language_of_six_plural_forms_counts_by_them(tmp_path: Path) -> None:
    forms = "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5"
    header = f'msgid ""\nmsgstr "Plural-Forms: nplurals=6; plural=({forms});\\n"\n\n'
    plurals = "".join(f'msgstr[{n}] "form {n}"\n' for n in range(6))
    body = f'msgid "%(num)s story"\nmsgid_plural "%(num)s stories"\n{plurals}'
    # Also for a language that Babel has no data of.
    for language in ("ar", "tlh"):
        write(tmp_path, language, body, header)
        words = translations([tmp_path], language)
        found = [
            words.ngettext("%(num)s story", "%(num)s stories", n) for n in (0, 1, 2, 8, 11, 100)
        ]
        assert found == [f"form {n}" for n in range(6)]


def test_an_edited_catalog_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, "it", entry("Unsubscribe", "Annulla"))
    before = translations([tmp_path], "it").gettext("Unsubscribe")
    write(tmp_path, "it", entry("Unsubscribe", "Annulla l’iscrizione"))

    assert before == "Annulla"
    assert translations([tmp_path], "it").gettext("Unsubscribe") == "Annulla l’iscrizione"


@pytest.mark.parametrize("language", ["it", "xx-YY", "../de", "", "de/../fr", "'><b>"])
def test_a_language_without_words_names_those_there_are(tmp_path: Path, language: str) -> None:
    with pytest.raises(
        TemplateError, match=r"words are missing.*one of de, en, es, fr, uk"
    ) as told:
        translations([tmp_path, THEMES], language)

    assert repr(language) in str(told.value)
    assert str(tmp_path / "locale") in str(told.value)


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        (entry("All editions", "Tutte") + 'msgid "alone"\n', 7, "missing msgstr"),
        (entry("x", "y") + entry("%(num)s min read", "%(minuti)s min"), 8, r"%\(minuti\)s"),
        (entry("%(num)s min read", "al 100 %"), 5, "write %% for the sign"),
        (entry("Unsubscribe", "100% s"), 5, "write %% for the sign"),
        # Of a message that is there twice the first counts.
        (entry("a", "b") + entry("x", "%(z)s") + entry("x", "y"), 8, r"%\(z\)s"),
        ('msgctxt "topic"\nmsgid ""\n"Wor"\n"ld"\nmsgstr ""\n"Mon%(d)s"\n', 8, r"%\(d\)s"),
        (
            'msgid "%(num)s story"\nmsgid_plural "%(num)s stories"\n'
            'msgstr[0] "a"\nmsgstr[1] "%(b)s"\n',
            7,
            r"%\(b\)s",
        ),
        # What Babel would read as `Weg dami`, and more that is no line of a catalog.
        ('msgid "Unsubscribe"\nmsgstr "Weg damit\n', 5, "'msgstr \"Weg damit' is neither"),
        ('msgid "Unsubscribe"\nmsgstr "Weg"damit"\n', 5, "is neither"),
        ('msgid "Unsubscribe"\nmsgstr Weg damit"\n', 5, "is neither"),
        ('msgid "Unsubscribe"\nmsgstr "Weg \\\\" damit"\n', 5, "is neither"),
        ('msgid "Unsubscribe"\nmsgstr "Weg \\"\n', 5, "is neither"),
        ('msgid "Unsubscribe"\nmsgstr ""\n"Weg "\ndamit\n', 7, "is neither"),
        ("msgid nonsense\n", 4, "is neither"),
        ('msgids "Unsubscribe"\n', 4, "is neither"),
        (
            'msgid "%(num)s story"\nmsgid_plural "%(num)s stories"\n'
            'msgstr[0] "a"\nmsgstr[1] "b"\nmsgstr[2] "c"\n',
            4,
            "more translations than num_plurals",
        ),
        (
            'msgid "%(num)s story"\nmsgid_plural "%(num)s stories"\nmsgstr[0] "a"\n',
            4,
            "has 1 of the 2 plural forms",
        ),
    ],
)
def test_a_broken_catalog_is_named_with_its_line(
    tmp_path: Path, body: str, line: int, told: str
) -> None:
    path = write(tmp_path, "it", body)

    with pytest.raises(
        TemplateError, match=rf"it\.po:{line}: .*{told}.*; correct the catalog"
    ) as e:
        translations([tmp_path], "it")

    assert str(path) in str(e.value)


@pytest.mark.parametrize(
    "header",
    [
        'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=import os;\\n"\n\n',
        'msgid ""\nmsgstr "Plural-Forms: nplurals=two; plural=n;\\n"\n\n',
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=klingon\\n"\n\n',
    ],
)
def test_a_broken_header_is_named_with_its_file(tmp_path: Path, header: str) -> None:
    path = write(tmp_path, "it", entry("Unsubscribe", "Annulla"), header)

    with pytest.raises(TemplateError, match=re.escape(str(path))):
        translations([tmp_path], "it")


def test_comments_old_messages_and_escapes_are_read_as_ever(tmp_path: Path) -> None:
    body = (
        "# of a translator\n#. of a program\n#: file.j2:1\n"
        '  msgid "Say \\"x\\""  \r\n\tmsgstr "Di\\\\ \\"x\\" # no comment"\n'
        '#~ msgid "gone"\n#~ msgstr "via"\n#| msgid "before\n'
    )
    write(tmp_path, "it", body)

    assert translations([tmp_path], "it").gettext('Say "x"') == 'Di\\ "x" # no comment'


def test_a_catalog_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "it", "")
    path.write_bytes(HEADER.encode() + b'msgid "Unsubscribe"\nmsgstr "\xe9\xff"\n')

    with pytest.raises(TemplateError, match=re.escape(str(path))):
        translations([tmp_path], "it")


def test_what_is_not_translated_stays_english(tmp_path: Path) -> None:
    plural = 'msgid "%(num)s story"\nmsgid_plural "%(num)s stories"\nmsgstr[0] ""\nmsgstr[1] ""\n\n'
    write(tmp_path, "it", entry("Unsubscribe", "") + plural)
    words = translations([tmp_path], "it")

    assert words.gettext("Unsubscribe") == "Unsubscribe"
    assert words.ngettext("%(num)s story", "%(num)s stories", 2) == "%(num)s stories"


def test_what_a_translator_is_not_sure_of_stays_english(tmp_path: Path) -> None:
    write(tmp_path, "it", "#, fuzzy\n" + entry("Unsubscribe", "%(broken)s"))

    assert translations([tmp_path], "it").gettext("Unsubscribe") == "Unsubscribe"
