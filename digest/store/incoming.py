"""What a fetch brings into the articles' table: which entries are new, and what they change.

Feeds don't keep their promises. Some give every entry a new guid each time, some set all dates to
now, some say "updated" without a change; none of that makes an article new.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from digest.records import Article, Image
from digest.store.rows import article_of, article_values
from digest.store.schema import ArticleRow

_Key = TypeVar("_Key", str, int)

# SQLite takes at most 32,766 bound values a statement, older ones 999: keys are asked for in parts.
_KEYS_AT_ONCE = 900
# A feed that changes its guids changes all of them. Fewer entries than this may be a new one that
# has the title and the link of an old one by accident ("Weather").
_CHURN = 2
_PAGE_ANEW = {"page_asked": None, "page_after": None, "page_tries": 0}


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored article, and what its entry said: the content's hash, the link, the picture."""

    article: Article
    entry_hash: str
    entry_url: str
    entry_image: str


def save_entries(
    connection: Connection, feed: str, articles: Sequence[Article], now: datetime
) -> tuple[int, int]:
    """Stores a feed's articles; gives (new, updated).

    Updated are those whose content changed; corrections of link, image and the like are taken
    too, and so is an earlier time. A later one is taken only with changed content, or where the
    feed's time is relative to the fetch; one that we set ourselves, for want of the feed's, is
    never moved. What came from an article's page stays while the entry says the same.
    """
    known = _known(connection, [article.id for article in articles])
    articles = _renamed(connection, feed, articles, known)
    fresh: dict[str, dict[str, Any]] = {}
    changed: list[dict[str, Any]] = []
    updated = 0
    for article in articles:
        before = known.get(article.id)
        if before is None:
            fresh[article.id] = {
                **article_values(article),
                **_entry(article),
                "first_seen": now,
            }
            continue
        is_other = article.content_hash != before.entry_hash
        updated += is_other
        values = article_values(_merged(article, before, is_other))
        entry = _entry(article)
        moved = (entry["entry_url"], entry["entry_image"]) != (before.entry_url, before.entry_image)
        if is_other or moved or values != article_values(before.article):
            asked = _PAGE_ANEW if is_other else {}
            changed.append({**values, **entry, **asked})
    if fresh:
        connection.execute(insert(ArticleRow), list(fresh.values()))
    _update(connection, changed)
    return len(fresh), updated


def _merged(article: Article, known: _Known, is_other: bool) -> Article:
    """`article` as it is stored in the place of `known`; `is_other` says its content changed."""
    before = known.article
    if article.date_origin != "feed":
        article = replace(article, published=before.published, date_origin=before.date_origin)
    elif (
        not is_other
        and not article.relative
        and before.date_origin == "feed"
        and article.published > before.published
    ):
        article = replace(article, published=before.published)
    if is_other:
        return article
    # What the page gave stays: the feed's word goes before it only where the feed has one.
    article = replace(
        article,
        url=before.url if article.url == known.entry_url else article.url,
        image=_merged_image(article.image, before.image, known.entry_image),
        author=article.author or before.author,
        language=article.language or before.language,
        paywall=before.paywall,
    )
    if before.text_from == "feed":
        return article
    return replace(article, text=before.text, text_from="page", content_hash=before.content_hash)


def _merged_image(given: Image | None, before: Image | None, entry_image: str) -> Image | None:
    if given is None or before is None:
        return given or before
    if given.url != before.url and given.url == entry_image:
        return before
    return given.completed(before)


def _entry(article: Article) -> dict[str, str]:
    """The columns of an article's row that tell what its entry said."""
    return {
        "entry_hash": article.content_hash,
        "entry_url": article.url,
        "entry_image": article.image.url if article.image else "",
    }


def _renamed(
    connection: Connection, feed: str, articles: Sequence[Article], known: dict[str, _Known]
) -> list[Article]:
    """`articles`, with the old id of those that are there under another guid (added to `known`).

    The same are two entries of one link and one title, where the old one left the feed as the new
    one came, and either the text or the time is the same too, or the whole feed has new guids.
    """
    ids = {article.id for article in articles}
    unknown = [article for article in articles if article.id not in known and article.url]
    if not unknown:
        return list(articles)
    old: dict[tuple[str, str], _Known] = {}
    for part in parts(sorted({article.url for article in unknown})):
        # By the address alone: with the feed in it, SQLite would go through all of the feed's.
        query = select(ArticleRow).where(ArticleRow.entry_url.in_(part), ArticleRow.entry_url != "")
        for row in connection.execute(query.order_by(ArticleRow.first_seen)).mappings():
            if row["feed"] == feed and row["id"] not in ids:
                old.setdefault((row["entry_url"], row["title"]), _of(row))
    alike = [article for article in unknown if (article.url, article.title) in old]
    churns = not known and len(alike) >= _CHURN and 2 * len(alike) >= len(articles)
    renamed: dict[str, str] = {}
    for article in alike:
        there = old.get((article.url, article.title))
        if there is None:
            continue
        same = article.content_hash == there.entry_hash or (
            article.date_origin == "feed" and article.published == there.article.published
        )
        if same or churns:
            del old[(article.url, article.title)]  # each stands for one entry only
            renamed[article.id] = there.article.id
            known[there.article.id] = there
    return [
        replace(article, id=renamed[article.id]) if article.id in renamed else article
        for article in articles
    ]


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, _Known]:
    """The articles that are there already, by id."""
    found: dict[str, _Known] = {}
    for part in parts(ids):
        query = select(ArticleRow).where(ArticleRow.id.in_(part))
        found.update((row["id"], _of(row)) for row in connection.execute(query).mappings())
    return found


def _of(row: RowMapping) -> _Known:
    return _Known(article_of(row), row["entry_hash"], row["entry_url"], row["entry_image"])


def _update(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Writes `rows`, of which those with the same columns go together."""
    for with_page in (False, True):
        alike = [row for row in rows if ("page_tries" in row) is with_page]
        if alike:
            statement = update(ArticleRow).where(ArticleRow.id == bindparam("key"))
            names = [name for name in alike[0] if name != "id"]
            connection.execute(
                statement.values({name: bindparam(f"new_{name}") for name in names}),
                [
                    {"key": row["id"], **{f"new_{name}": row[name] for name in names}}
                    for row in alike
                ],
            )


def parts(items: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    """`items`, so many at a time as a statement takes values."""
    for start in range(0, len(items), _KEYS_AT_ONCE):
        yield items[start : start + _KEYS_AT_ONCE]
