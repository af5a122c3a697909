"""Models that are sent to other processes: by name, loaded there once."""

from __future__ import annotations

import pickle

from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator


def test_an_encoder_arrives_as_the_one_that_is_there_already() -> None:
    first, second = (pickle.loads(pickle.dumps(Encoder(None, "cpu"))) for _ in range(2))
    assert first is second
    assert first.key == Encoder(None, "cpu").key


def test_another_encoder_arrives_as_another() -> None:
    packaged, other = (
        pickle.loads(pickle.dumps(encoder)) for encoder in (Encoder(), Encoder("./other"))
    )
    assert packaged is not other


def test_a_generator_arrives_with_all_its_options() -> None:
    sent = TextGenerator("smollm2", device="cpu", rows=3, sentences=1)
    arrived = pickle.loads(pickle.dumps(sent))
    assert arrived is pickle.loads(pickle.dumps(sent))
    assert vars(arrived) == vars(sent)
