"""Lists of blogs in RDF: what LiveJournal and Yandex gave out (xmlns.com/foaf/0.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from digest.feeds.markup import scan

_OWNERS = ("group", "agent", "person", "organization")
_NAMES = (*_OWNERS, "name", "member_name", "nick", "document", "channel", "feed")


@dataclass(slots=True)
class FoafFeed:
    """A feed as the list has it, unchecked. `at` is its place in the text."""

    at: int
    url: str
    title: str = ""
    site: str = ""
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Owner:
    kind: str
    name: str = ""
    feeds: list[FoafFeed] = field(default_factory=list)


def read_foaf(text: str) -> Iterator[FoafFeed]:
    """The feeds of a FOAF document: `rss:channel` with `rdf:about`, `ya:feed` with `rdf:resource`.

    A feed is called like the innermost one it belongs to, and tagged with the groups around.
    """
    found: list[FoafFeed] = []
    owners = [_Owner("")]
    site = ""
    for tag in scan(text, _NAMES):
        if tag.name in _OWNERS:
            if not tag.closing and not tag.empty:
                owners.append(_Owner(tag.name))
            elif tag.closing and len(owners) > 1:
                _settle(owners.pop())
        elif tag.closing:
            continue
        elif tag.name == "document":
            site = tag.attributes.get("about", "")
        elif tag.name in ("channel", "feed"):
            url = tag.attributes.get("about") or tag.attributes.get("resource") or ""
            if url.strip():
                found.append(FoafFeed(tag.start, url, tag.attributes.get("title", ""), site))
                # Twenty groups in one another are enough for everybody.
                for owner in owners[-20:]:
                    owner.feeds.append(found[-1])
        elif not owners[-1].name:
            owners[-1].name = text[tag.end : tag.end + 200].partition("<")[0].strip()
    for owner in reversed(owners):
        _settle(owner)
    yield from found


def _settle(owner: _Owner) -> None:
    """Names may stand behind the feeds that they belong to."""
    for feed in owner.feeds:
        if owner.kind == "group":
            feed.tags.insert(0, owner.name)
        elif not feed.title:
            feed.title = owner.name
