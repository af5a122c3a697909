"""Rows of the tables as records, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from digest.records import (
    Article,
    DroppedSentence,
    FeedState,
    Image,
    Rhythm,
    Summary,
    SummarySentence,
    Validators,
)

_KEPT = tuple(
    name for name in Article.__dataclass_fields__ if name not in ("image", "tags", "relative")
)


def article_values(article: Article) -> dict[str, Any]:
    """The columns of an article's row that the article itself fills."""
    image = article.image or Image("")
    return {
        **{name: getattr(article, name) for name in _KEPT},
        "tags": list(article.tags),
        "image": image.url,
        "image_width": image.width,
        "image_height": image.height,
        "image_alt": image.alt,
    }


def article_of(row: RowMapping) -> Article:
    """The article that a row holds."""
    image = None
    if row["image"]:
        image = Image(row["image"], row["image_width"], row["image_height"], row["image_alt"])
    return Article(**{name: row[name] for name in _KEPT}, image=image, tags=tuple(row["tags"]))


def state_values(state: FeedState) -> dict[str, Any]:
    """The columns of a feed's row."""
    values = asdict(state)
    validators = values.pop("validators")
    return {"name": values.pop("feed"), **values, **validators}


def state_of(row: RowMapping) -> FeedState:
    """The state of a feed that a row holds."""
    values = dict(row)
    rhythm = values.pop("rhythm")
    return FeedState(
        feed=values.pop("name"),
        validators=Validators(values.pop("etag"), values.pop("last_modified")),
        rhythm=Rhythm(
            rhythm.get("ttl"),
            tuple(rhythm.get("skip_hours", ())),
            tuple(rhythm.get("skip_days", ())),
        ),
        **values,
    )


def summary_of(row: RowMapping) -> Summary:
    """The summary that a row holds."""
    return Summary(
        tuple(
            SummarySentence(item["text"], tuple(item["source"]), item["support"])
            for item in row["sentences"]
        ),
        row["model"],
        tuple(DroppedSentence(item["text"], tuple(item["reasons"])) for item in row["dropped"]),
        row["instead_of"],
    )
