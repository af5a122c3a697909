"""Embeddings of an English encoder, made fit to compare articles in other languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digest.records import Article, Vectors
from digest.text.language import detect_language

# An English encoder puts all texts of another language close together, whatever they tell. What
# they have in common is taken off (the mean of the language's articles); with fewer articles than
# this the mean would be of their events, and the shared words alone decide. `make eval` shows
# nothing of it, its data are English: before, 94 French articles of a hundred real feeds were one
# story.
ENCODER_LANGUAGE = "en"
_ENOUGH = 8
# A language shows in a few lines, and every article is asked.
_SAMPLE = 200
_LONGER_SAMPLE = 400
# Words that together no other language has. Where three of them stand nobody needs to be asked,
# which was a third of the time that the stories of 20,000 articles took.
_ENGLISH = frozenset("the and of with from that which this his her their was were has have".split())


def language_of(article: Article) -> str:
    """What the article's text says, else what its feed says (labels are copied from templates)."""
    sample = f"{article.title} {article.text[:_SAMPLE]}"
    if len(_ENGLISH.intersection(article.text[:_LONGER_SAMPLE].lower().split())) >= 3:
        return ENCODER_LANGUAGE
    return detect_language(sample) or article.language.partition("-")[0]


def level_languages(vectors: Vectors, languages: Sequence[str]) -> Vectors:
    """`vectors` less what the articles of a language share for being in it.

    Shape (n, d) in and out, unit length, or zero where too few articles share a language. The
    encoder's own language and the unknown one (`""`) are left as they are.
    """
    levelled = vectors.copy()
    for language in set(languages) - {ENCODER_LANGUAGE, ""}:
        rows = np.array([other == language for other in languages])
        enough = int(rows.sum()) >= _ENOUGH
        levelled[rows] = vectors[rows] - vectors[rows].mean(axis=0) if enough else 0.0
    lengths = np.linalg.norm(levelled, axis=1, keepdims=True)
    return np.asarray(levelled / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)
