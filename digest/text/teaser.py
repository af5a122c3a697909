"""Whether a text is an article or only its beginning."""

from __future__ import annotations

import re

TEASER_WORDS = 80
"""Below this a feed gave only a teaser. WordPress cuts its excerpts at 55 words; of 38 articles of
newspapers and blogs one has fewer than 90."""

# Scripts without spaces between words: about two and a half characters stand for a word.
_TEASER_CHARACTERS = 200
_LETTERS_A_WORD = 15  # on average; more means that there are no spaces

_END = 60  # characters; the pointers below have under 30, with arrows and brackets round them
_POINTERS = (
    "(?:read|continue|learn|see|view) (?:more|on|reading)|read the (?:full|rest|whole)[^.!?]{0,25}"
    "|keep reading|full (?:story|article)|(?:weiter|mehr)[ -]?lesen|mehr erfahren|zum artikel"
    "|lire (?:la suite|plus|l['’]article)|en savoir plus|(?:leer|saber) m[áa]s"
    "|(?:seguir|contin[úu]a|continuar) leyendo|(?:leia|ler|saiba) mais"
    "|continu(?:e|ar) (?:lendo|a ler)|leggi (?:tutto|di più|ancora|l['’]articolo)"
    "|continua a leggere|lees (?:meer|verder)|verder lezen|czytaj (?:więcej|dalej)"
    "|(?:читать|читайте) (?:далее|дальше|полностью)|подробнее|читати (?:далі|більше)"
    "|läs mer|læs mere?|les mer|lue lisää|číst (?:dále?|více)|celý článek|devamını oku"
    "|citește mai (?:mult|departe)|続きを読む|阅读(?:全文|更多)|繼續閱讀|閱讀全文|더 ?보기"
)
_BROKEN_OFF = re.compile(
    rf"(?:…|\.\.\.|[\[(]\s*(?:…|\.\.\.|&hellip;)\s*[\])]|(?:^|\W)(?:{_POINTERS})\W*)\s*$",
    re.IGNORECASE,
)


def is_broken_off(text: str) -> bool:
    """Whether `text` ends as excerpts do: "…", "[...]", "Read more", in the common languages."""
    return _BROKEN_OFF.search(text[-_END:]) is not None


def is_teaser(text: str) -> bool:
    """Whether `text` (a cleaned one) is too short for an article, or broken off."""
    words = len(text.split())
    if words and len(text) / words > _LETTERS_A_WORD:
        short = len(text) < _TEASER_CHARACTERS
    else:
        short = words < TEASER_WORDS
    return short or is_broken_off(text)
