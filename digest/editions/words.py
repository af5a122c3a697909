"""The fixed words of an edition in its language, by gettext catalogs.

English is in the templates; `locale/<language>.po` in a folder of themes has it in another language
(`de.po`, `pt-BR.po`). A catalog needn't be compiled, nor be complete: what it lacks comes from the
catalog of a later folder, then from that of the language without its region, then stays English.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, unescape
from babel.support import NullTranslations, Translations

from digest.errors import TemplateError
from digest.text.language_tags import language_tag
from digest.text.shorten import shorten

Words = NullTranslations
"""The words of one language: `gettext`, `ngettext` and so on. Of no language they are English."""

LOCALE = "locale"
"""The folder of the catalogs, beside the themes."""

SOURCE = "en"
"""The language that the templates are written in."""

# All that a catalog is made of, but for comments: keywords with a text, and texts that go on.
_LINE = re.compile(
    r'(?:(?P<keyword>msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d+\])\s+)?"(?P<text>(?:[^"\\]|\\.)*)"'
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def languages(folders: Sequence[Path]) -> list[str]:
    """The languages that an edition's fixed words can be in, sorted (BCP 47)."""
    found = {
        tag
        for folder in folders
        for path in (folder / LOCALE).glob("*.po")
        if (tag := path.stem.replace("_", "-")) == language_tag(tag)
    }
    return sorted(found | {SOURCE})


def translations(folders: Sequence[Path], language: str) -> NullTranslations:
    """The words of `language` (BCP 47) from the themes' `folders`, an earlier one first.

    `de-AT` is read from `de-AT.po` where there is one, then from `de.po`. Raises TemplateError for
    a language that no folder has, and for a catalog that is broken, with its file and line.
    """
    catalogs = [
        _read(path, stat.st_mtime_ns, stat.st_size)
        for path in _paths(folders, language)
        for stat in (path.stat(),)
    ]
    if not catalogs:
        if _base(language) == SOURCE:
            return NullTranslations()
        places = ", ".join(str(folder / LOCALE) for folder in folders)
        raise TemplateError(
            f"language {language!r}: its words are missing (looked in {places}); set `language:` "
            f"to one of {', '.join(languages(folders))}, or copy de.po to "
            f"{folders[0] / LOCALE / (_base(language) or 'xx')}.po and translate it"
        )
    # Made anew each time: what is in the cache must not remember another's fallback.
    chained = [_opened(*catalog) for catalog in catalogs]
    for first, then in pairwise(chained):
        first.add_fallback(then)
    return chained[0]


def _paths(folders: Sequence[Path], language: str) -> Iterator[Path]:
    if not (tag := language_tag(language)):
        return
    parts = tag.split("-")
    for length in range(len(parts), 0, -1):
        for sign in "-_" if length > 1 else "-":
            for folder in folders:
                path = folder / LOCALE / f"{sign.join(parts[:length])}.po"
                if path.is_file():
                    yield path


def _base(language: str) -> str:
    return language_tag(language).partition("-")[0].lower()


def _opened(compiled: bytes, plural: str) -> Translations:
    opened = Translations(BytesIO(compiled))
    # Babel doesn't write the plural forms of a catalog that names no language.
    opened.plural = gettext.c2py(plural)  # type: ignore[assignment]
    return opened


@lru_cache(maxsize=64)
def _read(path: Path, _modified: int, _size: int) -> tuple[bytes, str]:
    """The catalog in gettext's compiled form, and its plural forms; kept until the file changes."""
    try:
        content = path.read_bytes()
        lines = _lines(content, path)
        catalog = read_po(BytesIO(content), abort_invalid=True)
        _check(catalog, path, lines)
        compiled = BytesIO()
        write_mo(compiled, catalog)
        gettext.c2py(catalog.plural_expr)  # refuses what is no expression
    except PoFileError as error:
        # Babel counts its lines from 0, and says them again.
        told = re.sub(r" on \d+$", "", str(error))
        raise _broken(f"{path}:{error.lineno + 1}", told) from error
    # ValueError: not UTF-8, or plural forms that are no expression.
    except (OSError, ValueError, LookupError) as error:
        raise _broken(str(path), str(error)) from error
    return compiled.getvalue(), catalog.plural_expr


_Lines = dict[tuple[str, str], list[int]]
"""Of each message, by context and English, the lines of `msgid` and then of each `msgstr`."""


def _lines(content: bytes, path: Path) -> _Lines:
    """Where everything stands. Refuses lines that are none of a catalog's.

    Babel takes the last sign of a line for its closing quote, whatever it is, and tells of a
    message no other line than that of its first `msgid`.
    """
    charset = re.search(rb"charset=([\w.-]+)", content)
    text = content.decode(charset[1].decode() if charset else "utf-8").removeprefix("\ufeff")
    found: _Lines = {}
    keyword, context, english, places = "", "", "", list[int]()
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if not line or line.startswith("#"):
            continue
        if not (match := _LINE.fullmatch(line)):
            raise _broken(
                f"{path}:{number}",
                f"{shorten(line, 60)!r} is neither a comment nor a text in quotes, with or without "
                "a keyword (msgid, msgstr)",
            )
        before, keyword = keyword, match["keyword"] or keyword
        if match["keyword"] in ("msgctxt", "msgid") and before != "msgctxt":
            context = ""
        if match["keyword"] == "msgid":
            english, places = "", [number]
        if keyword == "msgctxt":
            context += match["text"]
        elif keyword == "msgid":
            english += match["text"]
        elif keyword.startswith("msgstr") and match["keyword"]:
            places.append(number)
            found.setdefault((_unescaped(context), _unescaped(english)), places)
    return found


def _unescaped(text: str) -> str:
    return unescape(f'"{text}"')


def _check(catalog: Catalog, path: Path, lines: _Lines) -> None:
    """Refuses translations that would fail when an edition is rendered; drops those not made."""
    for message in list(catalog):
        ids, texts = _forms(message.id), _forms(message.string)
        if not message.id or message.fuzzy:
            continue
        if not any(texts):
            catalog.delete(message.id, message.context)  # else its plural would be empty
            continue
        first, *own = lines.get((message.context or "", ids[0]), [message.lineno or 1])
        names = {name for id in ids for name in _PLACEHOLDER.findall(id)}
        for text, line in zip(texts, [*own, *[first] * len(texts)], strict=False):
            if problem := _problem(text, names):
                raise _broken(f"{path}:{line}", f"{text!r} {problem}")
        if not all(texts):
            raise _broken(
                f"{path}:{first}",
                f"{ids[0]!r} has {sum(map(bool, texts))} of the {catalog.num_plurals} plural forms "
                "that its Plural-Forms says",
            )


def _problem(text: str, names: set[str]) -> str:
    """What keeps `text` from being filled in; nothing when it can be."""
    if unknown := set(_PLACEHOLDER.findall(text)) - names:
        return f"has a placeholder that the English has not: %({min(unknown)})s"
    if "%" in _PLACEHOLDER.sub("", text).replace("%%", ""):
        return "has a % that begins no placeholder: write %% for the sign itself"
    return ""


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def _broken(place: str, what: str) -> TemplateError:
    return TemplateError(f"{place}: {what}; correct the catalog")
