"""An ordinary edition and the people who get it, laid out to be sent; for measuring."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from newsroom import Newsroom

from digest.editions.frozen import dump_edition
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import sample_edition
from digest.outbox.outbox import EDITION, Outbox
from digest.pipeline.delivering import fingerprint
from digest.records import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    NewSubscriber,
    SummarySentence,
)
from digest.store.store import Store

STORIES = 30
TOPICS = ("World", "Business", "Science", "Culture", "Sport")
DIGEST, DATE = "morning", "2026-03-02"


def lay_out(folder: Path, people: int) -> int:
    """An approved edition in a new database and outbox, its time come; the bytes of its HTML."""
    now = datetime.now(UTC)
    edition = ordinary(now)
    data = dump_edition(edition)
    Outbox(folder / "outbox").write(DIGEST, DATE, {EDITION: data})
    store = Store(f"sqlite:///{folder / 'state' / 'digest.db'}")
    store.subscribers.subscribe(DIGEST, list(_readers(people)), now)
    store.editions.adopt(DIGEST, DATE, now, fingerprint=fingerprint(data), built=now, review=False)
    store.editions.move(DIGEST, DATE, ("approved",), now, send_at=now)
    store.close()
    return len(Renderer([packaged_themes()]).html(edition, mail=True).encode())


def ordinary(now: datetime) -> Edition:
    """Thirty stories of invented words, in five topics; some have another telling."""

    stories = []
    written = [(title, text) for title, text in Newsroom().write(120)[0] if text][:STORIES]
    for number, (title, text) in enumerate(written):
        address = f"https://news{number}.example.org/2026/03/02/story-{number}"
        other = EditionSource("The Northern Post", title, f"{address}/other", now)
        sentences = text.split(". ")[:2]
        stories.append(
            EditionStory(
                id=f"{number:016x}",
                article=f"a{number:015x}",
                headline=title,
                url=address,
                source=f"The Example {number}",
                published=now,
                date_origin="feed",
                summary=tuple(
                    SummarySentence(f"{each.rstrip('.')}.", (at,), 1.0)
                    for at, each in enumerate(sentences)
                ),
                model="extractive",
                minutes=3,
                language="en",
                also=(other,) if number % 3 == 0 else (),
            )
        )
    topics = [
        EditionTopic(name, tuple(stories[at :: len(TOPICS)])) for at, name in enumerate(TOPICS)
    ]
    return replace(
        sample_edition("classic"),
        digest=DIGEST,
        date=DATE,
        built=now,
        topics=tuple(topics),
        failed=(),
        subject=f"The Sample Courier: {stories[0].headline}",
        preheader=stories[1].headline,
    )


def _readers(people: int) -> Iterator[NewSubscriber]:
    """Addresses of many lengths; two in three have a name, one in twenty topics of their own."""
    dice = random.Random(7)
    names = ("Ann", "Bo Lindqvist", "Zoë Ó Brien", "J. O'Neil-Smith", "渡辺 真由", "Marie-Claire")
    for number in range(people):
        local = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(1, 24)))
        host = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 20)))
        yield NewSubscriber(
            f"{local}{number}@{host}.example",
            name=dice.choice(names) if dice.random() < 2 / 3 else "",
            topics=tuple(dice.sample(TOPICS, 2)) if dice.random() < 0.05 else (),
        )
