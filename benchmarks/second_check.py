"""A second opinion on summaries: numbers, names and quotations that the source does not have.

It shares no code with `digest.summaries`, so that a fault of verification is not hidden by the
same fault in what measures it. Numbers are compared with their percent or currency sign, names
word by word (the people of a country count for the country, initials for a name), quotations by
their words. It is simple: it doesn't see numbers and names of the source that changed places.

    python benchmarks/second_check.py SUMMARY SOURCE
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_ORDINAL_UNITS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {word: number for number, word in enumerate(_UNITS)}
_VALUES |= {word: number for number, word in enumerate(_ORDINAL_UNITS)}
_VALUES |= {word: 10 * number for number, word in enumerate(_TENS) if number > 1}
_VALUES |= {word[:-1] + "ieth": 10 * number for number, word in enumerate(_TENS) if number > 1}
_FACTORS = {
    "dozen": 12.0,
    "hundred": 100.0,
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "billion": 1e9,
    "tn": 1e12,
    "trillion": 1e12,
}
_NUMBER = re.compile(
    r"(?<![\w.,])[$£€]?(?P<digits>\d[\d,]*(?:\.\d+)?)(?:st|nd|rd|th|s)?(?P<tail>[a-z]*)", re.I
)
_TOKEN = re.compile(r"[^\W_]+(?:['’.&][^\W_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]['\"”’)]*\s|\n|[\"“‘(]\s?)$")
_DAYS_AND_MONTHS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april june "
    "july august september october november december".split()
)
_PASSED_OVER = frozenset(
    "i a an the and or but of in on at to for from by with as is it its he she they we you his her "
    "their our my this that these those there here when while where who what how why if so not no "
    "yes after before since during despite although however meanwhile according mr mrs ms dr sir "
    "may am pm one also both some many most all each every another other such then now".split()
)
_SAME = (
    {"us", "usa", "america", "american", "americans", "states"},
    {"uk", "britain", "british", "briton", "britons", "kingdom"},
    {"france", "french"},
    {"netherlands", "dutch", "holland"},
    {"switzerland", "swiss"},
    {"wales", "welsh"},
    {"spain", "spanish", "spaniard"},
    {"greece", "greek"},
    {"ireland", "irish", "irishman", "irishwoman"},
    {"england", "english", "englishman", "englishwoman"},
    {"italy", "italian", "italians"},
    {"hungary", "hungarian", "hungarians"},
    {"turkey", "turkish", "turk", "turks"},
    {"germany", "german", "germans"},
    {"denmark", "danish", "dane"},
    {"thailand", "thai"},
    {"philippines", "filipino"},
    {"europe", "european"},
)
# Countries whose people are called by the name and an "n", or with these endings.
_PEOPLE_IN_N = (
    "albania algeria armenia australia austria bolivia bosnia bulgaria cambodia colombia croatia "
    "cuba estonia ethiopia georgia india indonesia jamaica kenya korea latvia libya lithuania "
    "malaysia mongolia nigeria romania russia rwanda serbia slovakia slovenia syria tanzania "
    "tunisia uganda venezuela zambia africa asia"
).split()
_PEOPLE_OTHERWISE = (
    "afghanistan afghan|argentina argentine argentinian|bangladesh bangladeshi|belarus belarusian|"
    "belgium belgian|bosnia bosniak|brazil brazilian|canada canadian|chile chilean|china chinese|"
    "croatia croat|cyprus cypriot|czechia czech|egypt egyptian|finland finnish finn|ghana ghanaian|"
    "iceland icelandic|iran iranian|iraq iraqi|israel israeli|japan japanese|jordan jordanian|"
    "kuwait kuwaiti|lebanon lebanese|mexico mexican|morocco moroccan|nepal nepalese nepali|"
    "norway norwegian|pakistan pakistani|palestinen|peru peruvian|poland polish pole|"
    "portugal portuguese|saudi saudis|scotland scottish scot|serbia serb|singapore singaporean|"
    "slovakia slovak|slovenia slovene|somalia somali|sudan sudanese|sweden swedish swede|"
    "taiwan taiwanese|ukraine ukrainian|vietnam vietnamese|yemen yemeni|zimbabwe zimbabwean"
)
_COUNTRY = {
    word + plural: group.split()[0]
    for group in [*(f"{name} {name}n" for name in _PEOPLE_IN_N), *_PEOPLE_OTHERWISE.split("|")]
    for word in group.split()
    for plural in ("", "s")
}
_QUOTATION = re.compile(
    r'"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“”]+)[“”]|(?<!\w)‘([^’]+)’(?!\w)', re.DOTALL
)


def unsupported(summary: str, source: str, common: Collection[str] = ()) -> list[str]:
    """The numbers, names and quotations of `summary` that `source` does not have, as written.

    `common` are words in lower case that are no names: a sentence may begin with one of them.
    """
    return [
        *_numbers_without(summary, source),
        *_names_without(summary, source, frozenset(common)),
        *_quotations_without(summary, source),
    ]


# --- numbers ---------------------------------------------------------------------------------


def _numbers_without(summary: str, source: str) -> list[str]:
    with_unit = {(value, unit) for value, _, unit in _numbers(source)}
    there = {value for value, _ in with_unit}
    found = []
    for value, written, unit in _numbers(summary):
        if ((value, unit) not in with_unit) if unit else (value not in there):
            found.append(f"{written}%" if unit == "%" else unit + written)
    low = source.lower()
    for token in _TOKEN.finditer(summary):
        word = token[0].lower()
        if word in _DAYS_AND_MONTHS and token[0][0].isupper() and word[:3] not in low:
            iso = [f"-{month:02}-" for month in range(1, 13)]
            if not any(part in source for part in iso):
                found.append(token[0])
    return found


_MONEY = {"dollar": "$", "pound": "£", "euro": "€", "yen": "¥"}


def _numbers(text: str) -> list[tuple[float, str, str]]:
    """Value, spelling, and "%", a currency's sign or nothing; words and digits alike."""
    low = unicodedata.normalize("NFKC", text).lower()
    low = re.sub(r"(?<=[£$€])\s+|(?<=\d)-(?=\d)|(?<=\w)\s*-\s*(?=[a-z])", " ", low)
    found: list[tuple[float, str, str]] = []
    tokens = re.findall(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+|[%$£€¥]|[.,;:!?]", low)
    place = 0
    while place < len(tokens):
        start = place
        value, used = _one_number(tokens, place)
        if not used:
            place += 1
            continue
        place += used
        written = " ".join(tokens[start:place])
        following = tokens[place : place + 2]
        if following[:1] in (["%"], ["percent"]) or following == ["per", "cent"]:
            unit = "%"
        elif start and tokens[start - 1] in "$£€¥":
            unit = tokens[start - 1]
        else:
            if following[:1] in (["us"], ["american"], ["australian"], ["canadian"]):
                following = following[1:]
            unit = _MONEY.get(following[0].removesuffix("s"), "") if following else ""
        if written not in {"one", "zero", "second", "first"}:
            found.append((value, written, unit))
    return found


def _one_number(tokens: list[str], place: int) -> tuple[float, int]:
    """The number that begins at `place`, and how many tokens it has; (0, 0) for none."""
    total, part, used, scaled = 0.0, 0.0, 0, False
    last = ""
    while place + used < len(tokens):
        token = tokens[place + used]
        ahead = tokens[place + used + 1] if place + used + 1 < len(tokens) else ""
        if token[0].isdigit() and not used:
            digits = token.replace(",", "")
            if re.fullmatch(r"\d+,\d{1,2}", token):
                digits = token.replace(",", ".")
            part = float(re.sub(r"[^\d.]", "", digits))
        elif token in _FACTORS and (used or ahead == ""):
            factor = _FACTORS[token]
            if factor >= 1000:
                total, part = total + (part or 1) * factor, 0.0
            else:
                part = (part or 1) * factor
            scaled = True
        elif (
            token in {"a", "an"}
            and not used
            and ahead in {"dozen", "hundred", "thousand", "million", "billion"}
        ):
            part = 1.0
        elif token in _VALUES and (
            not used or scaled or (last in _TENS and 0 < _VALUES[token] < 10)
        ):
            part += _VALUES[token]
            scaled = False
        elif token == "and" and scaled and ahead in _VALUES:
            pass
        else:
            break
        last = token
        used += 1
    return round(total + part, 6), used


# --- names -----------------------------------------------------------------------------------


def _names_without(summary: str, source: str, common: frozenset[str]) -> list[str]:
    there = {_plain(word) for word in _parts(source)}
    capitals = [_plain(word) for word in _parts(source) if word[0].isupper()]
    countries = {_COUNTRY[word] for word in capitals if word in _COUNTRY}
    initials = _initials(source)
    spelt_out = {
        word
        for short, run in _initials(summary).items()
        if len(short) > 2 and short in there
        for word in run
    }
    found = []
    tokens = list(_TOKEN.finditer(summary))
    for place, token in enumerate(tokens):
        word, plain = token[0], _plain(token[0])
        if not word[0].isupper() or plain in _PASSED_OVER | _DAYS_AND_MONTHS or plain in _VALUES:
            continue
        if _SENTENCE_START.search(summary[max(0, token.start() - 3) : token.start()]):
            following = tokens[place + 1][0] if place + 1 < len(tokens) else ""
            alone = not following[:1].isupper()
            if plain in common or (alone and not common):
                continue
        if plain in spelt_out or _known(plain, there, capitals, initials, countries):
            continue
        found.append(word)
    return found


def _known(
    plain: str,
    there: set[str],
    capitals: list[str],
    initials: Collection[str],
    countries: set[str],
) -> bool:
    forms = {plain, plain.rstrip("s"), plain + "s", plain.removesuffix("es")}
    if forms & there or plain in initials:
        return True
    if any(forms & same and same & there for same in _SAME):
        return True
    if len(plain) == 1:
        return any(word.startswith(plain) for word in capitals)
    return _COUNTRY.get(plain) in countries


def _parts(text: str) -> list[str]:
    return _TOKEN.findall(text)


@lru_cache(maxsize=65536)
def _plain(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.replace("’", "'"))
    plain = "".join(c for c in letters if not unicodedata.combining(c)).casefold()
    return plain.removesuffix("'s").replace("'", "").replace(".", "")


_LONGEST_INITIALS = 8


def _initials(text: str) -> dict[str, list[str]]:
    """Initials of the runs of capitalised words, with and without the small words between."""
    found: dict[str, list[str]] = {}
    small = r"(?:of|the|and|for|de|la|&)"
    for run in re.findall(rf"\b[A-Z][\w’'.]*(?:[\s-]+(?:{small}\s+)*[A-Z][\w’'.]*)+", text):
        tokens = re.findall(r"[\w’'.&]+", run)
        for start in range(len(tokens)):
            for end in range(start + 2, min(len(tokens), start + _LONGEST_INITIALS) + 1):
                part = tokens[start:end]
                words = [_plain(word) for word in part]
                for chosen in (part, [word for word in part if word[0].isupper()]):
                    found.setdefault("".join(word[0] for word in chosen).lower(), words)
    return found


# --- quotations ------------------------------------------------------------------------------


def _quotations_without(summary: str, source: str) -> list[str]:
    running = f" {_words_only(source)} "
    found = []
    for match in _QUOTATION.finditer(summary):
        quoted = next(filter(None, match.groups()))
        parts = [_words_only(part) for part in re.split(r"…|\.\.\.|\[[^\]]*\]", quoted)]
        if any(part and f" {part} " not in running for part in parts):
            found.append(f"“{quoted}”")
    return found


def _words_only(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.replace("’", "'").lower().replace("'", "")))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("summary", type=Path)
    parser.add_argument("source", type=Path)
    wanted = parser.parse_args()
    for fact in unsupported(wanted.summary.read_text(), wanted.source.read_text()):
        print(fact)


if __name__ == "__main__":
    main()
