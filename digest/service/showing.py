"""The public pages in the words of the digest that they are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from digest.config import Config, DigestSpec
from digest.editions.compiled import COMPILED
from digest.editions.filters import direction, language_tag
from digest.editions.printable import printable
from digest.editions.words import SOURCE, Words
from digest.errors import DigestError

_PAGES = Path(__file__).parent / "pages"

STYLE = _PAGES / "style.css"

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """The digest that a page is about; `spec` is None when feeds.yaml has it no more."""

    name: str
    spec: DigestSpec | None

    @property
    def title(self) -> str:
        return printable(self.spec.label) if self.spec else self.name

    @property
    def postal(self) -> str:
        return printable(self.spec.postal_address) if self.spec else ""


class Pages:
    """Fills in the pages, whose links begin with `home`. For any number of threads."""

    def __init__(
        self, config: Callable[[], Config], words: Callable[[str], Words], home: str
    ) -> None:
        self._config = config
        self._words = words
        self._home = home
        self._templates: dict[str, Jinja2Templates] = {}

    def about(self, digest: str) -> About:
        found = (spec for spec in self._config().digests if spec.name == digest)
        return About(digest, next(found, None))

    def answer(
        self,
        request: Request,
        page: str,
        about: About | None,
        /,
        *,
        status: int = 200,
        wait: float = 0,
        **values: object,
    ) -> Response:
        """A page with its status, and the seconds after which to come again if there are any."""
        language = self._language(about)
        context = {
            "home": self._home,
            "about": about,
            "language": language,
            "direction": direction(language),
            **values,
        }
        headers = {"Retry-After": str(ceil(wait))} if wait else None
        return self._in(language).TemplateResponse(
            request, page, context, status_code=status, headers=headers
        )

    def _language(self, about: About | None) -> str:
        """The digest's; of a page about none that of all digests, where they share one."""
        if about is not None:
            return (language_tag(about.spec.language) if about.spec else "") or SOURCE
        try:
            shared = {language_tag(digest.language) for digest in self._config().digests}
        except DigestError:
            return SOURCE
        return (shared.pop() if len(shared) == 1 else "") or SOURCE

    def _in(self, language: str) -> Jinja2Templates:
        """The pages in a language. A catalog that is broken costs its words, not the page."""
        try:
            words = self._words(language)
        except DigestError as error:
            log.error("no words", language=language, reason=str(error))
            words = Words()
        templates = self._templates.get(language)
        if templates is None:
            templates = self._templates[language] = Jinja2Templates(directory=_PAGES)
            templates.env.add_extension("jinja2.ext.i18n")
            templates.env.policies["ext.i18n.trimmed"] = True
            templates.env.trim_blocks = templates.env.lstrip_blocks = True
            templates.env.bytecode_cache = COMPILED
        # Anew each time: a catalog that was edited is noticed.
        templates.env.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
        return templates
