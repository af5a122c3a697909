"""What an operation's values hold; what they don't is empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from digest.records import NewOperation, Operation

Change = Operation | NewOperation


def paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of `text`, which empty lines part, each on one line."""
    parts = re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    return tuple(joined for part in parts if (joined := " ".join(part.split())))


def text_of(operation: Change, name: str) -> str:
    return str(operation.values.get(name, ""))


def texts_of(operation: Change, name: str) -> list[str]:
    found = operation.values.get(name)
    return list(dict.fromkeys(map(str, found))) if isinstance(found, list | tuple) else []


def others_of(operation: Change) -> list[tuple[str, str]]:
    """Id and article of the stories that a merge names."""
    found: Any = operation.values.get("others")
    others = found if isinstance(found, list | tuple) else []
    return [
        (str(other.get("story", "")), str(other.get("article", "")))
        for other in others
        if isinstance(other, Mapping)
    ]


def length_of(operation: Change) -> tuple[int, str]:
    sentences = operation.values.get("sentences")
    return sentences if isinstance(sentences, int) else 2, text_of(operation, "model")
