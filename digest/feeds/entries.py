"""Entries as any feed format gives them, and how they become articles."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest.feeds.dates import DateReader, RawDate, is_relative
from digest.feeds.images import Picture, best_image, pictures_in
from digest.records import Article, Image
from digest.text import language_tags
from digest.text.clean import article_text, plain_text
from digest.text.content import content_hash
from digest.text.html import one_line, printable
from digest.text.urls import canonical_url, is_http

# Real guids are addresses or UUIDs; a tag URI with a title in it reaches 500.
MAX_GUID = 2000
MAX_TITLE = 300
"""Characters of a title. The longest of 3,100 real ones has 282; what is longer is a text."""

MAX_TEXT = 500_000
"""Characters of markup that are read of one entry. The longest of 3,100 real texts has 22,430."""

_MAX_TAGS = 12  # tags serve as hints to the topic; stock-photo and SEO lists run to hundreds
_MAX_NAME = 120  # authors and tags; longer ones are texts in the wrong element
_TITLE_WORDS = 12  # about one line of a headline
_MAIL_AND_NAME = re.compile(r"^\S+@\S+\s*\((.+)\)$|^(.+?)\s*[<(]\S+@\S+[>)]$")
_MAIL = re.compile(r"\S+@\S+")


@dataclass(frozen=True, slots=True)
class Body:
    """A text of an entry: markup, or plain where `&` and `<` stand for themselves."""

    value: str
    plain: bool = False

    def text(self, title: str) -> str:
        clean = plain_text if self.plain else article_text
        return clean(self.value[:MAX_TEXT], title)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry before cleaning. Addresses are as given; `base` is what they are relative to.

    `links` and `images` are candidates, best first, `images` those of one picture together;
    `title`, `authors` and `tags` may hold markup.
    """

    guid: str = ""
    links: tuple[str, ...] = ()
    base: str = ""
    title: str = ""
    summary: Body | None = None
    contents: tuple[Body, ...] = ()
    dates: tuple[RawDate, ...] = ()
    authors: tuple[str, ...] = ()
    language: str = ""
    images: tuple[tuple[Picture, ...], ...] = ()
    tags: tuple[str, ...] = ()


def build_articles(
    feed: str, entries: Iterable[Entry], language: str, now: datetime
) -> tuple[tuple[Article, ...], tuple[str, ...]]:
    """Articles in the feed's order with unique ids, and notes on what was odd.

    `language` is the feed's, for entries that name none. Only entries without title, text and
    link are left out.
    """
    dates = DateReader(now)
    drafts: list[Article] = []
    odd: Counter[str] = Counter()
    for entry in entries:
        article, cut = _article(feed, entry, language, dates)
        if not article.title:
            odd["without title, text and link left out"] += 1
            continue
        odd[f"with a title over {MAX_TITLE} characters, cut"] += cut
        odd[f"with a {article.date_origin} date, dated by this fetch"] += (
            article.date_origin != "feed"
        )
        drafts.append(article)
    keys = list(_keys(drafts))
    articles = tuple(
        replace(draft, id="a" + _digest(feed, *key)[:20])
        for draft, key in zip(drafts, keys, strict=True)
    )
    repeated = sum(key[0] == "again" for key in keys)
    odd["identical to another of the feed"] += repeated
    notes = tuple(
        f"{count} {'entry' if count == 1 else 'entries'} {what}"
        for what, count in odd.items()
        if count
    )
    return articles, notes


def language_tag(given: str) -> str:
    """A lower-case BCP 47 tag (`en-gb`), or "" for what is none."""
    return language_tags.language_tag(given).lower()


def _article(feed: str, entry: Entry, language: str, dates: DateReader) -> tuple[Article, bool]:
    """The article (its id still empty), and whether its title was cut."""
    link = next(filter(is_http, (canonical_url(link, entry.base) for link in entry.links)), "")
    title, cut = _title(entry.title)
    # feedparser gives a content as the summary too where there is none: each is cleaned once.
    bodies = (*((entry.summary,) if entry.summary else ()), *entry.contents)
    texts = {body: body.text(title) for body in dict.fromkeys(bodies)}
    summary = texts[entry.summary] if entry.summary else ""
    text = max(["", *texts.values()], key=len)
    if not title:
        title = _opening(text) or link or entry.guid.strip()[:MAX_TITLE]
    published, origin = dates.read(entry.dates)
    article = Article(
        id="",
        feed=feed,
        title=title,
        text=text,
        published=published,
        date_origin=origin,
        url=link,
        guid=printable(entry.guid).strip()[:MAX_GUID],
        author=author_names(entry.authors),
        summary=summary,
        language=language_tag(entry.language) or language_tag(language),
        image=_image(entry, title),
        tags=_tags(entry.tags),
        content_hash=content_hash(title, text),
        relative=origin == "feed" and is_relative(entry.dates),
    )
    return article, cut


def _title(markup: str) -> tuple[str, bool]:
    title = one_line(markup[: MAX_TITLE * 20])
    if len(title) <= MAX_TITLE:
        return title, len(markup) > MAX_TITLE * 20
    return title[:MAX_TITLE].rpartition(" ")[0].rstrip(" ,;:-–—") or title[:MAX_TITLE], True


def _opening(text: str) -> str:
    """The first words of a text, for entries without a title (microblogs)."""
    words = text.partition("\n")[0].split()
    opening = " ".join(words[:_TITLE_WORDS])
    if len(opening) > MAX_TITLE // 3:  # scripts that write without spaces
        return opening[: MAX_TITLE // 3] + "…"
    return opening + ("…" if len(words) > _TITLE_WORDS else "")


def author_names(given: Iterable[str]) -> str:
    """Names as readers see them, parted by commas: no markup, no addresses, none twice."""
    names: dict[str, None] = {}
    for author in given:
        name = one_line(author[:2000])
        if match := _MAIL_AND_NAME.match(name):
            name = (match[1] or match[2]).strip()
        if name and not _MAIL.fullmatch(name):  # an address alone is nobody's name
            names.setdefault(name)
    joined = ", ".join(names)
    return joined if len(joined) <= _MAX_NAME else joined[:_MAX_NAME].rstrip() + "…"


def _tags(given: Iterable[str]) -> tuple[str, ...]:
    tags: dict[str, str] = {}
    for tag in given:
        name = one_line(tag[:2000])
        if name and len(name) <= _MAX_NAME:
            tags.setdefault(name.casefold(), name)
    return tuple(tags.values())[:_MAX_TAGS]


def _image(entry: Entry, title: str) -> Image | None:
    bodies = (*entry.contents, *((entry.summary,) if entry.summary else ()))
    inside = (
        (picture,)
        for body in dict.fromkeys(bodies)
        if not body.plain
        for picture in pictures_in(body.value[:MAX_TEXT])
    )
    return best_image((*entry.images, *inside), entry.base, title)


def _keys(drafts: Sequence[Article]) -> Iterator[tuple[str, ...]]:
    """What each article's id is made from: the first key that no other entry of the feed shares.

    The guid alone would do if all feeds kept their promise; some give every entry the site's
    address. Then all that share it go by guid and link, so that a new entry doesn't take the
    place of an old one. Entries equal in everything are numbered, and the first of them goes by
    the key that it would have alone.
    """
    choices = [_choices(draft) for draft in drafts]
    counts = Counter(key for keys in {tuple(keys) for keys in choices} for key in keys)
    seen: Counter[tuple[str, ...]] = Counter()
    for keys in choices:
        unique = next((key for key in keys if counts[key] == 1), keys[-1])
        seen[unique] += 1
        number = seen[unique]
        yield unique if number == 1 else ("again", str(number), *unique)


def _choices(draft: Article) -> list[tuple[str, ...]]:
    if draft.guid:
        return [
            ("guid", draft.guid),
            ("guid+link", draft.guid, draft.url),
            ("guid+link+text", draft.guid, draft.url, draft.content_hash),
        ]
    if draft.url:
        return [("link", draft.url), ("link+text", draft.url, draft.content_hash)]
    return [("text", draft.content_hash)]


def _digest(*parts: str) -> str:
    joined = "\0".join(part.replace("\0", "") for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()
