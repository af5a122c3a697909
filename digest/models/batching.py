"""Which texts go through a model together, so that as little as can be is spent on padding."""

from __future__ import annotations

from collections.abc import Sequence


def batches(lengths: Sequence[int], tokens: int, padding: int) -> list[list[int]]:
    """Indices of `lengths` (tokens a text) in batches; every index is in exactly one.

    Texts of equal length stand together. A batch has at most `tokens` tokens, its padding counted
    (a longer text goes alone), of which at most `padding` are padding.
    """
    found: list[list[int]] = []
    batch: list[int] = []
    padded = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = lengths[index]
        more = (longest - lengths[batch[-1]]) * len(batch) if batch else 0
        if batch and (padded + more > padding or (len(batch) + 1) * longest > tokens):
            found.append(batch)
            batch, padded = [], 0
        else:
            padded += more
        batch.append(index)
    return [*found, batch] if batch else found
