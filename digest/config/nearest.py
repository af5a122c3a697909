"""The nearest known word to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word closest to `word`, case aside; None when nothing is close."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    # 0.6 is difflib's own default: 'tittle' finds 'title', 'colour' finds nothing of ours.
    matches = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'title'?)`, or a list of what is known when nothing is close."""
    names = list(known)
    guess = nearest(word, names)
    if guess is not None:
        return f" (did you mean {guess!r}?)"
    return f"; known: {', '.join(names)}" if names else ""
