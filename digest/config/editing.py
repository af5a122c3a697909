"""Feeds into `feeds.yaml` and out of it, without disturbing anything else in the file.

Every edit is checked before it is kept: the new text must parse to the old data, more or less
exactly the feeds that were asked for.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from pydantic import ValidationError

from digest.config.feeds_yaml import FeedSpec
from digest.config.fields import SLUG
from digest.config.messages import plain
from digest.config.nearest import suggestion
from digest.config.splicing import layout, spliced, with_items, without_item
from digest.config.yaml_lines import MAX_BYTES, YamlData, YamlFile, YamlPath, parse_yaml
from digest.errors import ConfigError, Problem, UsageError
from digest.text.addresses import same_address, without_user
from digest.text.urls import redact

_LOCK_SECONDS = 60.0
"""An import of 10,000 feeds holds the file for half of that."""

_NAME_LENGTH = 40
"""Names are typed by people; 64 are allowed."""

# What NFKD leaves whole.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_DRESS = re.compile(r"^(?:www\d?|feeds?|rss)\.(?=[^.]+\.)")


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A feed to be written. `url` is an address, or a path relative to the file.

    Without a `name` one is made from title or host.
    """

    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    topic: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a feed: written as `name`, or `there` already under a name, or a `reason`."""

    feed: NewFeed
    name: str = ""
    there: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A feed that was taken out; `words` went with it from digests' lists (digest, word)."""

    name: str
    url: str
    words: tuple[tuple[str, str], ...] = ()


def add_feeds(path: Path, feeds: Sequence[NewFeed]) -> tuple[Added, ...]:
    """Write `feeds` behind those of the file, in one go; an outcome a feed, in order.

    Nothing is written when there is nothing to add. Raises ConfigError when the file can't be
    read, edited or written.
    """
    with _opened(path) as (file, text):
        outcomes = _plan(file, path, feeds)
        entries = [_entry(outcome) for outcome in outcomes if outcome.name]
        if entries:
            root = file.data if isinstance(file.data, dict) else {}
            before = root.get("feeds")
            known = before if isinstance(before, tuple) else ()
            written: tuple[YamlData, ...] = tuple(dict(entry.items()) for entry in entries)
            data = {**root, "feeds": known + written}
            new = spliced(text, with_items(text, layout(text), "feeds", entries))
            _replace(path, file, text, new, data)
    return outcomes


def remove_feed(path: Path, name: str) -> Removed:
    """Take the feed out, and out of the lists of digests that name it.

    Raises UsageError when there is no such feed or it is the last one; ConfigError, with the
    line, when a digest would be left without feeds, or the file can't be edited.
    """
    with _opened(path) as (file, text):
        feeds = _feeds(file)
        names = [_text(feed, "name") for feed in feeds]
        if name not in names:
            raise UsageError(
                f"there is no feed {redact(name)!r} in {path}{suggestion(name, names)}"
            )
        if len(feeds) == 1:
            raise UsageError(
                f"{name!r} is the only feed of {path}, and a digest needs one; "
                "add another first (digest feeds add ADDRESS)"
            )
        index = names.index(name)
        left = feeds[:index] + feeds[index + 1 :]
        known = {word for feed in left for word in (_text(feed, "name"), *_words(feed, "tags"))}
        root = dict(file.data) if isinstance(file.data, dict) else {}
        digests, dropped, places = _digests_without(file, known, name)
        new = _without(text, ("feeds",), index)
        # From the back, so that the places of the others stay.
        for digest, item in reversed(places):
            new = _without(new, ("digests", digest, "feeds"), item)
        root |= {"digests": digests} if places else {}
        _replace(path, file, text, new, {**root, "feeds": left})
    return Removed(name, _text(feeds[index], "url"), dropped)


def name_for(title: str, url: str, taken: set[str]) -> str:
    """A short name that is not `taken`: from the title, else from the host or file."""
    parts = urlsplit(url)
    host = _DRESS.sub("", parts.hostname or "")
    base = _slug(title) or _slug(_readable(host) or Path(parts.path).stem) or "feed"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: 63 - len(str(number))]}-{number}"
    return name


# --- what is there, what is to be done -----------------------------------------------------


def _plan(file: YamlFile, path: Path, feeds: Sequence[NewFeed]) -> tuple[Added, ...]:
    folder = path.absolute().parent
    # A list that was exported has no passwords: without its own, an address is there already.
    present = {
        _place(url, folder): _text(feed, "name")
        for feed in _feeds(file)
        for url in (without_user(_text(feed, "url")), _text(feed, "url"))
    }
    names = {_text(feed, "name") for feed in _feeds(file)}
    # A feed called like a tag would be read by the digests that ask for the tag.
    words = {word for feed in _feeds(file) for word in _words(feed, "tags")}
    words |= {word for digest in _section(file, "digests") for word in _words(digest, "feeds")}
    words |= {tag for feed in feeds for tag in feed.tags}
    outcomes: list[Added] = []
    for feed in feeds:
        place = _place(feed.url, folder)
        if place in present:
            outcomes.append(Added(feed, there=present[place]))
            continue
        if feed.name in names:
            outcomes.append(Added(feed, reason=f"there is a feed {feed.name!r} already"))
            continue
        name = feed.name or name_for(feed.title, feed.url, names | words)
        outcome = Added(feed, name)
        if reason := _invalid(outcome):
            outcomes.append(Added(feed, reason=reason))
            continue
        outcomes.append(outcome)
        names.add(name)
        present[place] = name
    return tuple(outcomes)


def _place(url: str, folder: Path) -> str:
    return same_address(url if "://" in url else str(folder / url))


def _entry(outcome: Added) -> dict[str, str | tuple[str, ...]]:
    feed = outcome.feed
    entry: dict[str, str | tuple[str, ...]] = {"name": outcome.name}
    if feed.title:
        entry["title"] = feed.title
    entry["url"] = feed.url
    if feed.tags:
        entry["tags"] = feed.tags
    if feed.topic:
        entry["topic"] = feed.topic
    return entry


def _invalid(outcome: Added) -> str:
    """Why the feed would not be allowed in the file; "" when it would."""
    try:
        FeedSpec.model_validate(_entry(outcome))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{first['loc'][0]}: {plain(first)}"
    return ""


def _digests_without(
    file: YamlFile, known: set[str], name: str
) -> tuple[tuple[YamlData, ...], tuple[tuple[str, str], ...], list[tuple[int, int]]]:
    """The digests less the words that no feed is called by any more, which, and where those are."""
    digests: list[YamlData] = []
    dropped: list[tuple[str, str]] = []
    places: list[tuple[int, int]] = []
    for index, digest in enumerate(_section(file, "digests")):
        wanted = digest.get("feeds")
        if not isinstance(wanted, tuple):
            digests.append(digest)
            continue
        lost = [at for at, word in enumerate(wanted) if _stripped(word) not in known]
        if lost and len(lost) == len(wanted):
            line = file.line(("digests", index, "feeds", lost[0]))
            message = (
                f"the digest {_text(digest, 'name')!r} has no other feed than {name!r}; name "
                "another there, or leave out its 'feeds:' so that it reads all"
            )
            raise ConfigError([Problem(file.name, line, f"digests[{index}].feeds", message)])
        dropped += [(_text(digest, "name"), _stripped(wanted[at])) for at in lost]
        places += [(index, at) for at in lost]
        kept = tuple(word for at, word in enumerate(wanted) if at not in lost)
        digests.append({**digest, "feeds": kept})
    return tuple(digests), tuple(dropped), places


def _section(file: YamlFile, key: str) -> tuple[dict[str, YamlData], ...]:
    listed = file.data.get(key) if isinstance(file.data, dict) else None
    if not isinstance(listed, tuple):
        return ()
    # What is no mapping stands for nothing, but keeps the others' places.
    return tuple(item if isinstance(item, dict) else {} for item in listed)


def _feeds(file: YamlFile) -> tuple[dict[str, YamlData], ...]:
    return _section(file, "feeds")


def _text(item: dict[str, YamlData], key: str) -> str:
    return _stripped(item.get(key))


def _stripped(value: YamlData) -> str:
    return value.strip() if isinstance(value, str) else ""


def _words(item: dict[str, YamlData], key: str) -> tuple[str, ...]:
    listed = item.get(key)
    return tuple(_stripped(word) for word in listed) if isinstance(listed, tuple) else ()


def _without(text: str, path: YamlPath, index: int) -> str:
    return spliced(text, without_item(text, layout(text).lists[path], index))


# --- names ---------------------------------------------------------------------------------


def _slug(text: str) -> str:
    plain_text = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
    plain_text = "".join(c for c in plain_text if not unicodedata.combining(c))
    slug = re.sub(r"[^a-z0-9]+", "-", plain_text).strip("-")
    if len(slug) > _NAME_LENGTH:
        slug = slug[: _NAME_LENGTH + 1].rpartition("-")[0] or slug[:_NAME_LENGTH]
    return slug if re.fullmatch(SLUG, slug) else ""


def _readable(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return host


# --- the file ------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[tuple[YamlFile, str]]:
    """The file's data and its exact text (less a byte order mark), held against other edits."""
    try:
        with _held(path) as file:
            content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise _problem(path, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise _problem(path, "is not UTF-8; save it as UTF-8") from error
            yield parse_yaml(text, str(path)), text
    except FileNotFoundError as error:
        raise _problem(path, "there is no such file; `digest init` makes one") from error
    except OSError as error:
        raise _problem(path, f"can't be edited: {error.strerror or error}") from error


@contextmanager
def _held(path: Path) -> Iterator[IO[bytes]]:
    """The file, locked. A lock file beside it would stay behind in the user's folder."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        with path.open("rb") as file:
            if _locked(file) and _is_same(file, path):
                yield file
                return
        if time.monotonic() > deadline:
            raise _problem(path, "is being edited by another command; try again when it is done")
        time.sleep(0.05)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(file: IO[bytes], path: Path) -> bool:
    """Whether the file is the one at `path` still: whoever held it before may have replaced it."""
    ours, there = os.fstat(file.fileno()), path.stat()
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _replace(path: Path, file: YamlFile, text: str, new: str, wanted: dict[str, YamlData]) -> None:
    message = "can't be edited here without harm; write the feed's lines by hand"
    try:
        found = parse_yaml(new, str(path)).data
    except ConfigError as error:
        raise _problem(path, message, file.line(("feeds",))) from error
    if found != wanted:
        raise _problem(path, message, file.line(("feeds",)))
    target = path.resolve()
    old = target.read_bytes()
    mark = "\ufeff" if old.startswith(b"\xef\xbb\xbf") else ""
    content = (mark + new).encode("utf-8")
    if len(content) > MAX_BYTES:
        raise _problem(path, f"would be larger than {MAX_BYTES // 1024 // 1024} MiB")
    if old != (mark + text).encode("utf-8"):
        raise _problem(path, "was changed by somebody else just now; try again")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(handle, "wb") as temporary:  # noqa: PTH123 (a descriptor, not a path)
            os.fchmod(temporary.fileno(), stat.S_IMODE(target.stat().st_mode))
            temporary.write(content)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _problem(path: Path, message: str, line: int | None = None) -> ConfigError:
    return ConfigError([Problem(str(path), line, "", message)])
