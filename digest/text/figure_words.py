"""How numbers, amounts, dates and times are written: the words, and one pattern for all of them."""

from __future__ import annotations

import re

ONES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen
""".split()
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
WORDS = {word: value for value, word in enumerate(ONES)}
WORDS |= {word: 10 * value for value, word in enumerate(TENS, start=2)}
WORDS["dozen"] = 12
SCALES = {
    "hundred": 100.0,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
SHORT = {
    "k": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "mln": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "tn": 1e12,
    "trn": 1e12,
}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
}
ORDINALS |= {word + "th": value for word, value in WORDS.items() if word not in TENS}
ORDINALS |= {word[:-1] + "ieth": WORDS[word] for word in TENS}
ORDINALS |= {"hundredth": 100, "thousandth": 1000, "millionth": 1_000_000}

MONTHS = """
    january february march april may june july august september october november december
""".split()
MONTH_NUMBER = {name: number for number, name in enumerate(MONTHS, start=1)}
MONTH_NUMBER |= {name[:3]: number for name, number in MONTH_NUMBER.items()} | {"sept": 9}
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

CURRENCY = {
    "$": "$",
    "£": "£",
    "€": "€",
    "¥": "¥",
    "₹": "₹",
    "₽": "₽",
    "₩": "₩",
    "usd": "$",
    "gbp": "£",
    "eur": "€",
    "rs": "₹",
    "dollar": "$",
    "dollars": "$",
    "pound": "£",
    "pounds": "£",
    "euro": "€",
    "euros": "€",
    "yen": "¥",
    "yuan": "yuan",
    "renminbi": "yuan",
    "rupee": "₹",
    "rupees": "₹",
    "rouble": "₽",
    "roubles": "₽",
    "ruble": "₽",
    "rubles": "₽",
    "franc": "franc",
    "francs": "franc",
    "krona": "krona",
    "kronor": "krona",
    "kroner": "krona",
    "won": "₩",
}

# --- the grammar -----------------------------------------------------------------------------

_MONTH = rf"(?:{'|'.join(MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\b\.?)"
# Groups of three digits parted by commas, points, spaces or apostrophes; or a decimal fraction.
_DIGITS = r"\d{1,3}(?:[,. \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,·]\d+)?"
_SMALL = (
    rf"(?:(?:{'|'.join(TENS)})(?:[\s-](?:{'|'.join(ONES[1:10])}))?\b|"
    rf"(?:{'|'.join(sorted(ONES, key=len)[::-1])})\b)"
)
_LARGE = rf"(?:dozen|{'|'.join(SCALES)})\b"
_GROUP = rf"(?:{_SMALL}|an?\b)(?:[\s-]+{_LARGE})+"
_SPELT_RUN = (
    rf"\b(?:{_GROUP}(?:\s+(?:and\s+)?{_SMALL}(?:[\s-]+{_LARGE})+)*"
    rf"(?:(?:\s+and)?\s+{_SMALL})?|{_SMALL})"
)
_SCALE = r"hundred|thousand|million|billion|trillion|mln|mn|bn|trn|tn|k|m|b"
# No number begins within a word or number; but in scripts that write no spaces it may.
_CASED = r"[\dA-Za-z_\u00c0-\u024f\u0370-\u052f]"
_PERCENT = (
    r"%|per\s?cent\b|percent\b|pct\b|percentage\s+points?\b|prozent\b|pour\s?cent\b|"
    r"por\s?ciento\b|por\s?cento\b|procent\b"
)
_SIGN = r"[$£€¥₹₽₩]|\b(?:usd|gbp|eur|rs)\b\.?"
_MONEY_WORD = (
    r"(?:(?:us|u\.s\.|american|australian|canadian|hong\s+kong|singapore)\s+)?"
    r"(?:dollars?|pounds?|euros?|yen|yuan|renminbi|rupees?|roubles?|rubles?|francs?|krona|kronor|"
    r"kroner|usd|gbp|eur|won(?=\s*$|\s*[,.;)]))\b|[€£$](?!\s?\d)"
)

TOKEN = re.compile(
    rf"""
      (?P<iso>\b(\d{{4}})-(\d\d)-(\d\d)\b)
    | (?P<slashed>(?<!\d)\d{{1,2}}[/.]\d{{1,2}}[/.](?:19|20)\d\d\b)
    | (?P<daymonth>\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?[\s-]+{_MONTH}(?:,?[\s-]+(?:\d{{4}})\b)?)
    | (?P<monthday>\b{_MONTH}\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s*[:%]|[.,]\d)
        (?:,?\s+(?:\d{{4}})\b)?)
    | (?P<monthyear>\b{_MONTH},?\s+(?:of\s+)?\d{{4}}\b)
    | (?P<month>\b{_MONTH}(?!\w))
    | (?P<weekday>\b(?:{"|".join(DAYS)})s?\b)
    | (?P<clock>(?<![\d:.])\d{{1,2}}(?:[:.]\d\d)?\s?[ap](?:m\b|\.\s?m\.|\.m\b)
        |(?<![\d:.])[01]?\d[:]\d\d(?![\d:])|(?<![\d:.])2[0-4][:]\d\d(?![\d:])
        |(?<![\d:.])\d{{1,2}}\s?o['’]\s?clock\b|\b(?:{"|".join(ONES)})\s+o['’]\s?clock\b
        |\bnoon\b|\bmidday\b|\bmidnight\b)
    | (?P<decade>(?<!\w)(?:(?:19|20)\d0|['’]\d0)['’]?s\b)
    | (?P<nth>(?<![\w.,])\d+(?:,\d{{3}})*(?:st|nd|rd|th)\b)
    | (?:(?P<money>{_SIGN})\s?)?(?P<digits>(?<!{_CASED})(?:{_DIGITS}))
        (?:(?P<gap>\s?-\s?|\s)?(?P<scale>{_SCALE})(?![\w]))?
        (?:\s?-?\s?(?P<unit>{_PERCENT}|{_MONEY_WORD}))?
    | (?P<ordinal>\b(?:(?:{"|".join(TENS)})-)?(?:{"|".join(sorted(ORDINALS, key=len)[::-1])})\b)
    | (?P<spelt>{_SPELT_RUN})(?:\s?-?\s?(?P<unit2>{_PERCENT}|{_MONEY_WORD}))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
