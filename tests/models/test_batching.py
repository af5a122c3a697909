from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.models.batching import batches


@given(st.lists(st.integers(1, 256)), st.integers(1, 4096), st.integers(0, 200))
def test_every_text_is_in_one_batch_that_keeps_to_its_bounds(
    lengths: list[int], tokens: int, padding: int
) -> None:
    found = batches(lengths, tokens, padding)
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= tokens
        assert longest * len(batch) - sum(lengths[index] for index in batch) <= padding


def test_texts_of_equal_length_stand_together_and_rare_lengths_are_padded() -> None:
    lengths = [9, 20, 9, 9, 21, 60]
    assert batches(lengths, tokens=1000, padding=0) == [[0, 2, 3], [1], [4], [5]]
    assert batches(lengths, tokens=1000, padding=8) == [[0, 2, 3], [1, 4], [5]]
    assert batches(lengths, tokens=18, padding=8) == [[0, 2], [3], [1], [4], [5]]
