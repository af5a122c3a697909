"""What the benchmarks share: rows of JSON, and documents encoded as a run would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.records import Document, Encoded

Row = dict[str, Any]


def rows(path: Path) -> Iterator[Row]:
    """The objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def encode(documents: Sequence[Document], encoder: Encoder) -> dict[str, Encoded]:
    """The embeddings by document id, made the way a run makes them, and kept nowhere."""
    named = [replace(document, content_hash=document.id) for document in documents]
    return RememberingEncoder(encoder).documents(named)
