"""An edition through a theme: HTML with inlined CSS, plain text, Markdown.

The only door to premailer, and with `sandbox`, `compiled` and `outline` to jinja2.

A theme is a folder with `digest.html.j2`. What it doesn't bring itself is looked for in the
packaged theme of the same name, then in `base`, which all themes share. Whatever is in the edition,
and nothing else, decides the bytes.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jinja2 import FileSystemLoader, Template, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from premailer import Premailer  # type: ignore[import-untyped]

from digest.editions.filters import FILTERS, TESTS
from digest.editions.outline import Outline, outline
from digest.editions.printable import printable_record
from digest.editions.sandbox import Environment
from digest.editions.words import SOURCE, Words, languages, translations
from digest.errors import TemplateError
from digest.records import DigestArchive, Edition, Reader, Rendered

HTML_TEMPLATE = "digest.html.j2"
TEXT_TEMPLATE = "digest.txt.j2"
MARKDOWN_TEMPLATE = "digest.md.j2"
ARCHIVE_TEMPLATE = "archive.html.j2"

BASE = "base"
"""The folder of what themes share; no theme itself, for it has no `digest.html.j2`."""

_SOURCES = (".css", ".html", ".j2", ".md", ".txt")

# cssutils keeps state while it parses, and premailer caches what it parsed: one page at a time.
_INLINING = threading.Lock()


def packaged_themes() -> Path:
    """The folder of the themes that come with digest, in a wheel or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


class Renderer:
    """Renders editions by the themes in `folders`; a folder named earlier wins over a later one.

    A template that was edited is noticed at the next `render`.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        # What themes share is there for all, also where no packaged theme is wanted.
        packaged = packaged_themes()
        self._shared = self._folders if packaged in self._folders else (*self._folders, packaged)
        self._environments: dict[tuple[str, str], Environment] = {}

    def anew(self) -> Renderer:
        """Another one over the same folders: it sees a theme file that now hides a packaged one."""
        return Renderer(self._folders)

    def themes(self) -> list[str]:
        """The names that `template:` in feeds.yaml may have, sorted."""
        return sorted(
            {
                found.parent.name
                for folder in self._folders
                for found in folder.glob(f"*/{HTML_TEMPLATE}")
            }
        )

    def words(self, language: str) -> Words:
        """The fixed words of `language`. Raises TemplateError."""
        return translations(self._shared, language)

    def languages(self) -> list[str]:
        """The languages that an edition's fixed words can be in (BCP 47), sorted."""
        return languages(self._shared)

    def sources(self, theme: str) -> dict[str, str]:
        """The templates and sheets that `theme` is made of, path to text: its own, then `base`'s.

        A file that is hidden by another of the same name is left out, and so is what is no text of
        a page (a picture that lies beside). Raises TemplateError.
        """
        self._check_known(theme)
        found: dict[str, str] = {}
        for name, folders in ((theme, self._folders), (BASE, self._shared)):
            seen: set[str] = set()
            for folder in folders:
                for path in sorted((folder / name).glob("*.*")):
                    if path.suffix not in _SOURCES or not path.is_file():
                        continue
                    if path.name not in seen:
                        seen.add(path.name)
                        found[str(path)] = _read(path)
        return found

    def render(
        self,
        edition: Edition,
        *,
        mail: bool = False,
        editors: bool = False,
        reader: Reader | None = None,
    ) -> Rendered:
        """The edition in the theme it names. Equal editions give equal bytes.

        `mail`: for a message, in which links to the folders beside the edition's lead nowhere and
        are left out; `editors`: with what only they are told; `reader`: whose copy it is, with
        links of their own. Templates know all three by these names. Raises TemplateError, with file
        and line where there is one, for a theme or language that is unknown or broken.
        """
        values = _values(edition, mail, editors, reader)
        of = (edition.template, edition.language)
        html = self._fill(*of, HTML_TEMPLATE, values)
        return Rendered(
            html=self._inlined(edition.template, HTML_TEMPLATE, html),
            text=_tidy(self._fill(*of, TEXT_TEMPLATE, values)),
            markdown=_tidy(self._fill(*of, MARKDOWN_TEMPLATE, values)),
        )

    def html(self, edition: Edition, *, mail: bool = False, reader: Reader | None = None) -> str:
        """The HTML of `render` alone."""
        values = _values(edition, mail, False, reader)
        html = self._fill(edition.template, edition.language, HTML_TEMPLATE, values)
        return self._inlined(edition.template, HTML_TEMPLATE, html)

    def text(self, edition: Edition, *, mail: bool = False, reader: Reader | None = None) -> str:
        """The plain text of `render` alone."""
        values = _values(edition, mail, False, reader)
        return _tidy(self._fill(edition.template, edition.language, TEXT_TEMPLATE, values))

    def as_written(self, edition: Edition, *, mail: bool = False) -> str:
        """The HTML as the templates write it, before a parser mends it. Raises TemplateError."""
        values = _values(edition, mail, False, None)
        return self._fill(edition.template, edition.language, HTML_TEMPLATE, values)

    def outline(self, theme: str) -> tuple[Outline, ...]:
        """Those of the theme's own templates that extend another. Raises TemplateError."""
        environment = self._environment(theme, SOURCE)
        found = []
        for name in (HTML_TEMPLATE, TEXT_TEMPLATE, MARKDOWN_TEMPLATE, ARCHIVE_TEMPLATE):
            own = (folder / theme / name for folder in self._folders)
            path = next((str(path) for path in own if path.is_file()), None)
            if path is None:
                continue
            try:
                found.append(outline(environment, name, path))
            except (TemplateSyntaxError, TemplateNotFound) as error:
                raise TemplateError(f"{path}: {error}; correct the template") from error
        return tuple(one for one in found if one is not None)

    def render_archive(self, archive: DigestArchive) -> str:
        """The page that lists a digest's editions, in the theme of the newest.

        Raises TemplateError as `render` does.
        """
        archive = printable_record(archive)
        html = self._fill(
            archive.template, archive.language, ARCHIVE_TEMPLATE, {"archive": archive}
        )
        return self._inlined(archive.template, ARCHIVE_TEMPLATE, html)

    def _inlined(self, theme: str, name: str, html: str) -> str:
        try:
            return _inline_css(html)
        # premailer, cssutils, cssselect and lxml each raise their own errors for a broken sheet.
        except Exception as error:
            raise TemplateError(
                f"{self._path(theme, name)}: its CSS can't be inlined ({error}); correct the style "
                "sheet"
            ) from error

    def _check_known(self, theme: str) -> None:
        known = self.themes()
        if theme not in known:
            raise TemplateError(
                f"theme {theme!r} is unknown; `template:` may be one of: {', '.join(known)} "
                f"(looked in {', '.join(str(folder) for folder in self._folders)})"
            )

    def _environment(self, theme: str, language: str) -> Environment:
        if (theme, language) not in self._environments:
            self._check_known(theme)
            environment = Environment(
                FileSystemLoader([*(folder / theme for folder in self._folders), *self._shared]),
                _is_markup,
                extensions=["jinja2.ext.i18n"],
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
            )
            environment.policies["ext.i18n.trimmed"] = True
            environment.filters.update(FILTERS)
            environment.count_filters()
            environment.tests.update(TESTS)
            self._environments[theme, language] = environment
        return self._environments[theme, language]

    def _fill(self, theme: str, language: str, name: str, values: Mapping[str, object]) -> str:
        environment = self._environment(theme, language)
        # Anew each time: a catalog that was edited is noticed like a template.
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            translations(self._shared, language), newstyle=True
        )
        try:
            template: Template = environment.select_template([name, f"{BASE}/{name}"])
            return environment.fill(template, values)
        except TemplateSyntaxError as error:
            place = f"{error.filename or self._path(theme, name)}:{error.lineno}"
            raise TemplateError(f"{place}: {error.message}; correct the template") from error
        except TemplateNotFound as error:
            place = self._place(theme, name, error)
            raise TemplateError(
                f"{place}: file {error.name!r} is missing from theme {theme!r}; add it there"
            ) from error
        except RecursionError as error:
            place = self._place(theme, name, error)
            raise TemplateError(
                f"{place}: it calls or includes itself without end; correct the template"
            ) from error
        # A template is a program of its own: it can raise anything, and the user needs the line.
        except Exception as error:
            plain = isinstance(error, UndefinedError | SecurityError)
            kind = "" if plain else f"{type(error).__name__}: "
            place = self._place(theme, name, error)
            raise TemplateError(f"{place}: {kind}{error}; correct the template") from error

    def _place(self, theme: str, name: str, error: Exception) -> str:
        """File and line of the innermost template in the traceback (Jinja maps frames to them)."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if any(Path(frame.filename).is_relative_to(folder) for folder in self._shared):
                return f"{frame.filename}:{frame.lineno}"
        return str(self._path(theme, name))

    def _path(self, theme: str, name: str) -> Path:
        paths = [folder / place / name for place in (theme, BASE) for folder in self._shared]
        there = (path for path in paths if path.is_file())
        return next(there, self._folders[-1] / theme / name)


def _values(
    edition: Edition, mail: bool, editors: bool, reader: Reader | None
) -> dict[str, object]:
    """What templates get, fit for print."""
    if not (editors or edition.show_failed):
        edition = replace(edition, failed=())  # whatever a theme makes of it
    return {
        "edition": printable_record(edition),
        "mail": mail,
        "editors": editors,
        "reader": printable_record(reader) if reader else None,
    }


def _is_markup(name: str | None) -> bool:
    return name is None or not name.endswith((".txt", ".txt.j2", ".md", ".md.j2"))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{path}: can't be read ({error}); save it as UTF-8") from error


def _inline_css(html: str) -> str:
    """The page with its rules as `style` attributes.

    Media queries and pseudo-classes stay in `<style>`, and classes too, by which those select. Of
    the HTML attributes that premailer derives from CSS only `bgcolor` is wanted: the others repeat
    what the style says.
    """
    with _INLINING:
        inlined: str = Premailer(
            html,
            allow_network=False,
            allow_loading_external_files=False,
            strip_important=False,
            disable_validation=True,
            disable_basic_attributes=["align", "valign", "width", "height"],
            cssutils_logging_level=logging.CRITICAL + 1,
        ).transform()
    return inlined.rstrip() + "\n"


def _tidy(text: str) -> str:
    """Plain text without trailing blanks and with at most two empty lines in a row."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"
