"""An edition through a theme: HTML with inlined CSS, and plain text.

The only door to jinja2 and premailer.

A theme is a folder with `digest.html.j2` and `digest.txt.j2`; what they include lies beside them.
A theme of the user's may hold only the files it changes: the others come from the packaged theme
of the same name. Whatever is in the edition, and nothing else, decides the bytes.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from premailer import Premailer  # type: ignore[import-untyped]

from digest.editions.filters import FILTERS, TESTS, printable_record
from digest.errors import TemplateError
from digest.records import Edition, Rendered

HTML_TEMPLATE = "digest.html.j2"
TEXT_TEMPLATE = "digest.txt.j2"

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
        self._environments: dict[str, ImmutableSandboxedEnvironment] = {}

    def themes(self) -> list[str]:
        """The names that `template:` in feeds.yaml may have, sorted."""
        return sorted(
            {
                found.parent.name
                for folder in self._folders
                for found in folder.glob(f"*/{HTML_TEMPLATE}")
            }
        )

    def render(self, edition: Edition, *, mail: bool = False, editors: bool = False) -> Rendered:
        """The edition in the theme it names. Equal editions give equal bytes.

        `mail`: for a message, in which links to the folders beside the edition's lead nowhere and
        are left out; `editors`: with what only they are told. Templates know both by these names.
        Raises TemplateError, with file and line where there is one, for a theme that is unknown or
        broken.
        """
        if not (editors or edition.show_failed):
            edition = replace(edition, failed=())  # whatever a theme makes of it
        edition = printable_record(edition)
        theme = edition.template
        html = self._fill(theme, HTML_TEMPLATE, edition, mail=mail, editors=editors)
        text = self._fill(theme, TEXT_TEMPLATE, edition, mail=mail, editors=editors)
        try:
            inlined = _inline_css(html)
        # premailer, cssutils, cssselect and lxml each raise their own errors for a broken sheet.
        except Exception as error:
            place = self._path(theme, HTML_TEMPLATE)
            raise TemplateError(
                f"{place}: its CSS can't be inlined ({error}); correct the style sheet"
            ) from error
        return Rendered(html=inlined, text=_tidy(text))

    def _environment(self, theme: str) -> ImmutableSandboxedEnvironment:
        if theme not in self._environments:
            known = self.themes()
            if theme not in known:
                raise TemplateError(
                    f"theme {theme!r} is unknown; `template:` may be one of: {', '.join(known)} "
                    f"(looked in {', '.join(str(folder) for folder in self._folders)})"
                )
            environment = ImmutableSandboxedEnvironment(
                loader=FileSystemLoader([folder / theme for folder in self._folders]),
                autoescape=_is_markup,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
            )
            environment.filters.update(FILTERS)
            environment.tests.update(TESTS)
            self._environments[theme] = environment
        return self._environments[theme]

    def _fill(self, theme: str, name: str, edition: Edition, *, mail: bool, editors: bool) -> str:
        environment = self._environment(theme)
        try:
            return environment.get_template(name).render(
                edition=edition, mail=mail, editors=editors
            )
        except TemplateSyntaxError as error:
            place = f"{error.filename or self._path(theme, name)}:{error.lineno}"
            raise TemplateError(f"{place}: {error.message}; correct the template") from error
        except TemplateNotFound as error:
            place = self._place(theme, name, error)
            raise TemplateError(
                f"{place}: file {error.name!r} is missing from theme {theme!r}; add it there"
            ) from error
        # A template is a program of its own: it can raise anything, and the user needs the line.
        except Exception as error:
            kind = "" if isinstance(error, UndefinedError) else f"{type(error).__name__}: "
            place = self._place(theme, name, error)
            raise TemplateError(f"{place}: {kind}{error}; correct the template") from error

    def _place(self, theme: str, name: str, error: Exception) -> str:
        """File and line of the innermost template in the traceback (Jinja maps frames to them)."""
        themes = [folder / theme for folder in self._folders]
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if any(Path(frame.filename).is_relative_to(folder) for folder in themes):
                return f"{frame.filename}:{frame.lineno}"
        return str(self._path(theme, name))

    def _path(self, theme: str, name: str) -> Path:
        paths = [folder / theme / name for folder in self._folders]
        return next((path for path in paths if path.is_file()), paths[-1])


def _is_markup(name: str | None) -> bool:
    return name is None or not name.endswith((".txt", ".txt.j2"))


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
