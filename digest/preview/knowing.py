"""Why the edition is as it is: what sentences stand on, how stories rank, how feeds are."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.errors import DigestError, GoneError
from digest.pipeline import editing
from digest.pipeline.checking import Checked, known
from digest.pipeline.drafting import EDITOR
from digest.pipeline.editing import Sheet
from digest.preview.explaining import (
    articles_of,
    claims_of,
    lead_of,
    place_of,
    rank_of,
    title_of,
    topic_of,
)
from digest.preview.reading import base_of, long_date
from digest.preview.room import Room
from digest.records import FeedDay, Story
from digest.text.urls import redact
from digest.words import desk_words

DAYS = 30
"""Days that a feed's picture shows."""


def routes(room: Room) -> list[Route]:
    """What is to be known."""
    knowing = _Knowing(room)
    return [
        Route("/editions/{digest}/{date}/stories/{story}", knowing.story),
        Route("/feeds", knowing.feeds),
        Route("/feeds/{name}", knowing.feed),
    ]


def story_context(
    room: Room,  # noqa: ARG001 - as of an edition, for whoever fills in either
    sheet: Sheet,
    sid: str,
    asked: str = "",
) -> dict[str, object]:
    """What `story.html` is filled in from, for whoever shows a story's page.

    `asked` is the number of the sentence whose support is asked for. Raises GoneError for a story
    that the edition doesn't have.
    """
    printed = next((one for one in sheet.edition.stories if one.id == sid), None)
    whole = sheet.stories.get(sid)
    if whole is None and printed is None:
        raise GoneError(desk_words()("why.gone", edition=sheet.status.name))
    evidence = editing.evidence(sheet, sid) if whole is not None else None
    claims = claims_of(sheet, sid, evidence, printed)
    claim = next((one for one in claims if asked and str(one.number) == asked), None)
    edits = [one for one in sheet.operations if one.story == sid and one.undone is None]
    return {
        "sheet": sheet,
        "sid": sid,
        "base": base_of(sheet),
        "printed": printed,
        "whole": whole,
        "evidence": evidence,
        "claims": claims,
        "asked": claim,
        "total": sum(one.number is not None for one in claims),
        # What comes nearest to a sentence that isn't printed does not support it.
        "supporting": {number for one in claims if one.number is not None for number in one.source},
        "wording": sheet.wordings.get(sid),
        "title": title_of(printed, whole),
        "lead": lead_of(sheet, printed, whole),
        "editor": next((one.who for one in reversed(edits) if one.kind == "summary"), ""),
        "is_edited": printed is not None and printed.model == EDITOR,
        "rank": rank_of(sheet, whole, printed),
        "place": place_of(sheet, sid),
        "topic": topic_of(sheet, whole, printed),
        "articles": articles_of(sheet, whole, printed),
    }


class _Knowing:
    """The request handlers. Not async: Starlette runs them in threads, for they read."""

    def __init__(self, room: Room) -> None:
        self._room = room

    # --- a story -----------------------------------------------------------------------------

    def story(self, request: Request) -> Response:
        """A story's page; with `only=evidence` what a sentence stands on, to be shown beside it."""
        sheet = self._room.sheet(request)
        sid = request.path_params["story"]
        asked = request.query_params.get("sentence", "")
        context = story_context(self._room, sheet, sid, asked)
        if request.query_params.get("only") == "evidence":
            return self._room.page(
                request, "_evidence.html", 200, alone=True, beside=True, **context
            )
        return self._room.page(request, "story.html", 200, **context)

    # --- feeds -------------------------------------------------------------------------------

    def feeds(self, request: Request) -> Response:
        """All feeds of feeds.yaml, and how each is."""
        config = self._room.desk.config()
        feeds = config.records() if config else ()
        now = self._room.desk.clock()
        store = self._room.desk.workshop.store
        sheet = self._newest()
        printed = Counter(
            feed
            for story in (sheet.stories.values() if sheet else ())
            if sheet and story.id in {one.id for one in sheet.edition.stories}
            for feed in {article.feed for article in story.articles}
        )
        return self._room.page(
            request,
            "feeds.html",
            here="feeds",
            usable=config is not None,
            rows=[
                (one, self._days(one.feed.name, now), printed[one.feed.name], self._since(one))
                for one in known(feeds, store, now)
            ],
            newest=sheet.status if sheet else None,
        )

    def feed(self, request: Request) -> Response:
        """How a feed is, what it brought, when it failed, and what of it the edition has."""
        name = request.path_params["name"]
        config = self._room.desk.config()
        feed = next((one for one in (config.records() if config else ()) if one.name == name), None)
        if feed is None:
            return self._room.page(request, "feed_gone.html", 404, here="feeds", wanted=name)
        now = self._room.desk.clock()
        store = self._room.desk.workshop.store
        [checked] = known([feed], store, now)
        sheet = self._newest(feed.name)
        return self._room.page(
            request,
            "feed.html",
            here="feeds",
            checked=checked,
            state=checked.state,
            since=self._since(checked),
            address=redact(feed.url),
            asked_at=redact(checked.state.address),
            days=self._days(name, now),
            failures=store.feed_failures(name),
            newest=sheet.status if sheet else None,
            base=base_of(sheet) if sheet else "",
            long_date=long_date(sheet.edition.date) if sheet else "",
            stories=_of_feed(sheet, name) if sheet else [],
        )

    def _days(self, feed: str, now: datetime) -> list[FeedDay]:
        store = self._room.desk.workshop.store
        return store.feed_days(feed, now - timedelta(days=DAYS - 1), now)

    def _since(self, checked: Checked) -> str:
        since = checked.health.since
        return f"{since.day} {since:%b %Y}" if since else ""

    def _newest(self, feed: str = "") -> Sheet | None:
        """The newest edition that can be read; of a digest that has `feed`, where one is named."""
        config = self._room.desk.config()
        readers = {
            spec.name
            for spec in (config.digests if config else ())
            if config and any(one.name == feed for one in config.feeds_of(spec))
        }
        for folder in self._room.editions():
            if feed and folder.digest not in readers:
                continue
            try:
                return editing.sheet(self._room.desk.workshop, folder.digest, folder.date)
            except DigestError:
                # Its own page says what is wrong with it; here the one before it will do.
                continue
        return None


def _of_feed(sheet: Sheet, feed: str) -> list[tuple[Story, str]]:
    """The stories that a feed tells, by rank, each with what its part in it is."""
    printed = {story.id for story in sheet.edition.stories}
    found = []
    for story in sheet.stories.values():
        if any(article.feed == feed for article in story.articles):
            part = "as_lead" if story.lead.feed == feed else "as_other"
            found.append((story, part if story.id in printed else "left_out"))
    return found
