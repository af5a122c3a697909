"""Which of a pool's two doors summaries are sent through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from digest.pipeline.pool import Pool
from digest.pipeline.summarizing import summarize
from digest.records import Document, Encoded, Summary
from digest.summaries.extractive import Extractive
from digest.text.sentences import make_document

TEXT = "The ferry reached the island at dawn. Nobody was hurt. The company pays for the repairs."


class Door(ThreadPoolExecutor):
    """Counts what is sent through it."""

    sent = 0

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent += 1
        return super().submit(*args, **kwargs)


class Writing(Extractive):
    """As if a model had written it."""

    @property
    def writes(self) -> bool:
        return True

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        return Extractive().summarize(documents, encoded)


@pytest.mark.parametrize(("summarizer", "sent"), [(Extractive(), (1, 0)), (Writing(), (0, 1))])
def test_only_what_a_model_writes_goes_to_where_graphics_cards_are(
    summarizer: Extractive, sent: tuple[int, int]
) -> None:
    document = make_document("a", "Ferry", TEXT)
    rows = np.eye(len(document.sentences) + 1, 8, dtype=np.float32)
    encoded = {"a": Encoded(rows[0], rows[1:])}
    with Door(1) as anybody, Door(1) as writers:
        pool = Pool(anybody, 1, writers=writers)
        found = summarize([document], encoded, summarizer, "encoder", pool=pool)
    assert found.fresh == 1
    assert (anybody.sent, writers.sent) == sent
