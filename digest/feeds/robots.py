"""Whether a site wants its pages to be fetched by programs: robots.txt (RFC 9309)."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from http import HTTPStatus

from protego import Protego
from yarl import URL

from digest.feeds.http import Refused, Web

# RFC 9309, section 2.5: at least so much must be read. Real ones end at 50 KiB.
_MAX_BYTES = 500 * 1024
_ACCEPT = "text/plain, */*;q=0.5"
# As generous as protego. The name goes up to its version (section 2.2.1).
_AGENT = re.compile(r"\s*user[-\s]*agent\s*[:\s]\s*(\*|[a-z_-]*)", re.IGNORECASE)


class Robots:
    """The rules of all sites that were asked about; each site's are fetched once.

    For pages only: a feed that the user named is fetched because he said so.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._token = web.options.user_agent.partition("/")[0]
        self._rules: dict[str, Protego | bool | None] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def allows(self, url: str) -> bool | None:
        """Whether the site of `url` lets us fetch it; False for what is no address.

        A site without robots.txt (4xx) allows everything. One whose robots.txt can't be had now
        (5xx, no connection, asked too often) allows nothing (section 2.3.1.4): None.
        """
        try:
            page = URL(url.strip())
            site = str(page.origin())
        except ValueError:
            return False
        async with self._asking[site]:
            if site not in self._rules:
                self._rules[site] = await self._fetch(site)
        rules = self._rules[site]
        if isinstance(rules, Protego):
            return bool(rules.can_fetch(str(page), self._token))
        return rules

    async def _fetch(self, site: str) -> Protego | bool | None:
        try:
            answer = await self._web.get(
                f"{site}/robots.txt", accept=_ACCEPT, max_bytes=_MAX_BYTES, cut=True
            )
        except Refused as refused:
            status = refused.status or HTTPStatus.SERVICE_UNAVAILABLE
            return True if 400 <= status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS else None
        text = answer.body.decode("utf-8-sig", "replace")
        return Protego.parse("\n".join(self._without_others(line) for line in text.splitlines()))

    def _without_others(self, line: str) -> str:
        """`line`, but where it names a program, with one name for all others.

        Protego keeps the rules of every program apart; ten thousand programs with ten thousand
        rules, which fit in 500 KiB, would take all memory.
        """
        match = _AGENT.match(line)
        if match is None:
            return line
        name = match[1].lower()
        return f"User-agent: {name if name in ('*', self._token.lower()) else 'another'}"
