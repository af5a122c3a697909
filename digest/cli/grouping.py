"""`digest group`: stories and topics of articles that come as JSON lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import ConfigOption, load_settings, print_json, progress_bar
from digest.cli.jsonlines import finish, json_lines
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.records import Article, DateOrigin


def group(
    jsonl: Annotated[
        str,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help='JSON lines {"id", "title", "text", "published"?, "url"?, "feed"?}; - is standard '
            "input.",
        ),
    ],
    topics: Annotated[
        str | None,
        typer.Option(
            "--topics",
            metavar="NAME,NAME,…",
            help="Topics to choose from, or auto to find them in the articles; the built-in ones "
            "when left out.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[  # noqa: ARG001 - said for symmetry; there is no other form
        bool, typer.Option("--json", help="Print JSON lines (it always does).")
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Group articles into stories and topics.

    Prints a line for each article, in the order of the input: `{"id", "story", "topic",
    "topic_score", "runner_up", "runner_up_score"}`, and where there is something to say
    "why" it is part of its story, and which article it is a "copy_of".
    Articles with the same `story` tell the same event.
    """
    settings = load_settings()
    from digest.config.topics import AUTO, named
    from digest.models.encoder import Encoder
    from digest.pipeline.encoding import RememberingEncoder
    from digest.pipeline.grouping import group as group_articles
    from digest.pipeline.headings import FoundTopics, Headings, ListedTopics
    from digest.pipeline.summarizing import article_documents

    try:
        names = None if topics is None else named(topics)
    except ValueError as error:
        raise UsageError(f"--topics: {error}") from error
    problems: list[str] = []
    given = list(_articles(jsonl, datetime.now(UTC), problems))
    articles = [article for _, article in given]
    with progress_bar() as progress:
        encoder = RememberingEncoder(Encoder(settings.encoder, settings.device), progress=progress)
        encoded = encoder.documents(article_documents(articles))
        headings: Headings = (
            FoundTopics(encoder.texts) if names == AUTO else ListedTopics(names, encoder.texts)
        )
        found = group_articles(articles, encoded, headings, {})
    story_of = {article.id: story for story in found.stories for article in story.articles}
    own = {article.id: id for id, article in given}
    for id, article in given:
        story = story_of[article.id]
        line: dict[str, Any] = {
            "id": id,
            "story": story.id,
            "topic": story.topic,
            "topic_score": round(story.topic_score, 4),
            "runner_up": story.runner_up,
            "runner_up_score": round(story.runner_up_score, 4),
        }
        if article.id in story.why:
            line["why"] = story.why[article.id]
        if article.id in story.copies:
            line["copy_of"] = own[story.copies[article.id]]
        print_json(line)
    raise typer.Exit(finish(problems, len(articles)))


def _articles(name: str, now: datetime, problems: list[str]) -> Iterator[tuple[Any, Article]]:
    from digest.records import Article
    from digest.text.clean import plain_text
    from digest.text.html import one_line
    from digest.text.urls import canonical_url

    seen: set[str] = set()
    for place, data in json_lines([name], problems):
        title, text = data.get("title") or "", data.get("text") or ""
        if not isinstance(title, str) or not isinstance(text, str) or not (title or text):
            problems.append(f'{place}: needs "title" or "text", strings')
            continue
        id = str(data["id"])
        if id in seen:
            problems.append(f"{place}: id {id!r} was there before")
            continue
        try:
            published = _published(data.get("published"))
        except ValueError:
            problems.append(f'{place}: "published" is no ISO 8601 time')
            continue
        seen.add(id)
        title = one_line(title)
        body = plain_text(text, title)
        url, feed = (data.get(key) for key in ("url", "feed"))
        time, origin = _trusted(published, now)
        yield (
            data["id"],
            Article(
                id=id,
                feed=one_line(feed) if isinstance(feed, str) else "",
                title=title,
                text=body,
                published=time,
                date_origin=origin,
                url=canonical_url(url) if isinstance(url, str) else "",
                content_hash=hashlib.sha256(f"{title}\n{body}".encode()).hexdigest(),
            ),
        )


def _trusted(published: datetime | None, now: datetime) -> tuple[datetime, DateOrigin]:
    """A time that can be believed, as with feeds; without one all are of the same time."""
    from digest.feeds.dates import EARLIEST, TOLERANCE

    if published is None:
        return EARLIEST, "missing"
    if published < EARLIEST:
        return EARLIEST, "broken"
    return (published, "feed") if published <= now + TOLERANCE else (EARLIEST, "future")


def _published(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(value)
    time = datetime.fromisoformat(value)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
