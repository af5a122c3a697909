"""Keywords of a topic: whether an article's title or opening has one.

A keyword is found as a whole word or phrase, whatever its case, accents and plural. Scripts that
put no spaces between words, and Korean, whose particles stand at the word, are searched for it as
it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from digest.records import Article

# What an article is about stands in its title and its first paragraph or two; further down a
# keyword is as likely an aside.
_OPENING = 500
_LONGEST = 200

_ACCENTS = re.compile(r"[\u0300-\u036f]")
_WORDS = re.compile(r"\w+|[^\w\s]+")
# Thai to Myanmar, Khmer, Japanese, Chinese, Korean.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
    r"\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Keywords:
    """A topic's keywords, ready to be looked for. Those without a sign are passed over."""

    def __init__(self, keywords: Sequence[str]) -> None:
        patterns = sorted({_pattern(_plain(word)) for word in keywords if word.strip()})
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def in_article(self, article: Article) -> bool:
        """Whether title or opening (of the text, else of the feed's teaser) have a keyword."""
        return self._in(article.title) or self._in(article.text or article.summary)

    def _in(self, text: str) -> bool:
        if self._pattern is None:
            return False
        found = self._pattern.search(_plain(text[: _OPENING + _LONGEST]))
        return found is not None and found.start() < _OPENING


def _plain(text: str) -> str:
    """`text` without case and without the accents of Latin, Greek and Cyrillic."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", apart)).replace("’", "'")


def _pattern(keyword: str) -> str:
    """A regular expression for a plain keyword, its last word in the singular or the plural."""
    parts = _WORDS.findall(keyword)
    # "power plant" stands as "power-plant" too; "C++" and "AT&T" are written together only.
    gaps = re.split(r"\w+|[^\w\s]+", keyword)[1:-1]
    if _UNSPACED.search(keyword):
        return r"\s*".join(map(re.escape, keyword.split()))
    *first, last = parts
    written = "".join(
        re.escape(part) + (r"[\s-]+" if gap else "") for part, gap in zip(first, gaps, strict=True)
    )
    return rf"(?<!\w){written}{_either_number(last)}(?!\w)"


def _either_number(word: str) -> str:
    """A word that is found in the singular and the plural, by the commonest English endings."""
    if not word.isalpha() or len(word) < 3:
        return re.escape(word)
    if word.endswith("ies") and len(word) > 4:
        return re.escape(word[:-3]) + "(?:y|ies?)"
    if word.endswith("y") and word[-2] not in "aeiou":
        return re.escape(word[:-1]) + "(?:y|ies)"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return re.escape(word) + "?"
    return re.escape(word) + "(?:s|es)?"
