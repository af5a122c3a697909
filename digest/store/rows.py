"""Rows of the tables as records, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from digest.records import Article, DroppedSentence, Summary, SummarySentence


def article_values(article: Article) -> dict[str, Any]:
    """The columns of an article's row, less `first_seen`."""
    return {**asdict(article), "tags": list(article.tags)}


def article_of(row: RowMapping) -> Article:
    """The article that a row holds."""
    values = {name: row[name] for name in Article.__dataclass_fields__}
    return Article(**{**values, "tags": tuple(row["tags"])})


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
