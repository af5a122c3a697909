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
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations

from digest.errors import TemplateError

LOCALE = "locale"
"""The folder of the catalogs, beside the themes."""

SOURCE = "en"
"""The language that the templates are written in."""

_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def languages(folders: Sequence[Path]) -> list[str]:
    """The languages that an edition's fixed words can be in, sorted (BCP 47)."""
    found = {
        path.stem.replace("_", "-")
        for folder in folders
        for path in (folder / LOCALE).glob("*.po")
        if _TAG.fullmatch(path.stem)
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
    # Each rendering chains anew: a catalog in the cache must not remember another's fallback.
    chained = [Translations(BytesIO(data)) for data in catalogs]
    for first, then in zip(chained, chained[1:], strict=False):
        first.add_fallback(then)
    return chained[0]


def _paths(folders: Sequence[Path], language: str) -> Iterator[Path]:
    if not _TAG.fullmatch(language):
        return
    parts = language.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        for sign in "-_" if length > 1 else "-":
            for folder in folders:
                path = folder / LOCALE / f"{sign.join(parts[:length])}.po"
                if path.is_file():
                    yield path


def _base(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower() if _TAG.fullmatch(language) else ""


@lru_cache(maxsize=64)
def _read(path: Path, _modified: int, _size: int) -> bytes:
    """The catalog in gettext's compiled form; kept until the file changes."""
    try:
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        _check(catalog, path)
        compiled = BytesIO()
        write_mo(compiled, catalog)
        gettext.GNUTranslations(BytesIO(compiled.getvalue()))  # refuses a bad Plural-Forms
    except PoFileError as error:
        raise _broken(f"{path}:{error.lineno}", str(error)) from error
    # ValueError: not UTF-8, or plural forms that are no expression.
    except (OSError, ValueError, LookupError) as error:
        raise _broken(str(path), str(error)) from error
    return compiled.getvalue()


def _check(catalog: Catalog, path: Path) -> None:
    """Refuses translations that would fail when an edition is rendered."""
    for message in catalog:
        if not message.id or message.fuzzy:
            continue
        ids, texts = _forms(message.id), _forms(message.string)
        names = {name for id in ids for name in _PLACEHOLDER.findall(id)}
        for text in texts:
            if problem := _problem(text, names):
                raise _broken(f"{path}:{_line(message)}", f"{text!r} {problem}")
        if len(ids) > 1 and any(texts) and len(texts) != catalog.num_plurals:
            raise _broken(
                f"{path}:{_line(message)}",
                f"{ids[0]!r} has {len(texts)} plural forms, Plural-Forms says "
                f"{catalog.num_plurals}",
            )


def _problem(text: str, names: set[str]) -> str:
    """What keeps `text` from being filled in; nothing when it can be."""
    try:
        text % dict.fromkeys(names, "")
    except KeyError as error:
        return f"has a placeholder that the English has not: %({error.args[0]})s"
    except (TypeError, ValueError):
        return "has a % that begins no placeholder: write %% for the sign itself"
    return ""


def _forms(text: str | Sequence[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _line(message: Message) -> int:
    return message.lineno or 1


def _broken(place: str, what: str) -> TemplateError:
    return TemplateError(f"{place}: {what}; correct the catalog")
