"""Sentences that can't stand alone: they lean on the one before, or are half a quotation."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A verb or a comma tells "The former said" from "The former minister", "Both won" from "Both
# Houses".
_GOES_ON = (
    r"(?=,| (?:said|says|is|was|are|were|has|have|had|will|would|can|could|may|might|must|should|"
    r"do|does|did|won|lost|took|made|went|came|got|gave|told|agreed|denied|died|declined|refused|"
    r"also|then|now|later|still)\b)"
)

# Beginnings that point back: pronouns, demonstratives and connectives, by language. What names a
# time ("This week"), goes on itself ("Those who"), stands for nothing ("There are") or is a
# question word is no such beginning; nor is Dutch "het", which is an article first.
_BEGINNINGS = {
    "en": (
        r"he|she|it|they|him|her|his|hers|its|their|theirs|them|"
        r"(?:this|that|these|those)(?! (?:who|week|weekend|month|year|morning|afternoon|evening|"
        r"night|spring|summer|autumn|fall|winter|season|days?)\b)|such|neither|another|"
        r"but|and|or|nor|so|yet|also|however|meanwhile|moreover|furthermore|still|then|"
        r"instead|therefore|thus|hence|nevertheless|nonetheless|likewise|similarly|otherwise|"
        r"besides|accordingly|consequently|in addition|in contrast|in turn|in response|"
        r"by contrast|on the other hand|for example|for instance|as a result|at the same time|"
        r"after that|because of (?:this|that)|even so|that said|what is more|"
        rf"(?:both|the (?:latter|former)){_GOES_ON}|both of (?:them|these|those)"
    ),
    "de": (
        r"er|sie|es|ihr|ihre|ihren|ihrem|sein|seine|seinen|seinem|dies|"
        r"(?:diese|dieser|dieses|diesen)(?! (?:woche|wochenende|monat|jahr|sommer|herbst|winter|"
        r"frühjahr|\w+tag|mittwoch)\b)|"
        r""
        r"aber|und|oder|doch|jedoch|auch|allerdings|außerdem|zudem|dennoch|trotzdem|deshalb|daher|"
        r"darum|dabei|damit|dagegen|danach|daraufhin|stattdessen|inzwischen|unterdessen|so"
    ),
    "fr": (
        r"il|elle|ils|elles|son|sa|ses|leur|leurs|cela|ceci|ça|"
        r"(?:ce|cet|cette|ces)(?! (?:semaine|année|matin|soir|mois|week-end|nuit|été|hiver|automne|"
        r"printemps|dimanche|\w+di)\b)|"
        r"celui-ci|celle-ci|"
        r"mais|et|ou|or|donc|car|aussi|cependant|toutefois|néanmoins|pourtant|ensuite|puis|ainsi|"
        r"en effet|par exemple|de plus|en outre|en revanche|par ailleurs|c['’]est"
    ),
    "es": (
        r"él|ella|ellos|ellas|su|sus|esto|estos|estas|"
        r"(?:esta|este)(?! (?:semana|año|mes|mañana|tarde|noche|verano|otoño|invierno|primavera|"
        r"lunes|martes|miércoles|jueves|viernes|sábado|domingo)\b)|"
        r"eso|esa|ese|esos|esas|pero|y|o|"
        r"también|además|sin embargo|no obstante|así|entonces|luego|por eso|por ello|por ejemplo|"
        r"por otra parte|en cambio|mientras tanto"
    ),
    "it": (
        r"lui|lei|egli|ella|essi|esse|suo|sua|suoi|sue|"
        r"(?:questo|questa)(?! (?:settimana|anno|mese|mattina|sera|notte|estate|inverno|autunno|"
        r"primavera|weekend)\b)|questi|queste|quello|quella|"
        r"ma|e|o|anche|inoltre|tuttavia|però|quindi|così|poi|infatti|per esempio|invece|intanto"
    ),
    "pt": (
        r"ele|ela|eles|elas|seu|sua|seus|suas|isto|isso|esse|essa|"
        r"(?:este|esta)(?! (?:semana|ano|mês|manhã|tarde|noite|verão|outono|inverno|primavera|"
        r"segunda|terça|quarta|quinta|sexta|sábado|domingo)\b)|"
        r"estes|estas|esses|essas|"
        r"mas|e|ou|também|além disso|no entanto|porém|contudo|então|assim|por isso|por exemplo"
    ),
    "nl": (
        r"hij|zij|ze|haar|hun|die|"
        r"(?:dit|dat|deze)(?! (?:week|weekend|jaar|maand|ochtend|avond|nacht|zomer|herfst|"
        r"winter)\b)|"
        r"maar|en|ook|echter|bovendien|daarom|"
        r"daarna|toch|dus|intussen"
    ),
    "uk": (
        r"він|вона|воно|вони|його|її|їх|їхній|це|цей|ця|ці|(?:той|та|ті)(?!,)|але|і|й|а|або|також|проте|"
        r"однак|тому|отже|потім|крім того|наприклад|водночас|натомість"
    ),
    "ru": (
        r"он|она|оно|они|его|её|ее|их|это|этот|эта|эти|(?:тот|та|те)(?!,)|но|и|а|или|также|однако|поэтому|"
        r"затем|потом|кроме того|например|при этом|вместо этого"
    ),
}
_LEANING = {
    language: re.compile(rf"^[\W_]*(?P<word>{beginnings})(?:\b|(?=,))(?!-\w)", re.IGNORECASE)
    for language, beginnings in _BEGINNINGS.items()
}

# The same marks open in one language and close in another („…“ “…”, «…» »…«), so what stands around
# a mark decides. “ closes only after a word or a stop; the others open only before a word.
_MARK = re.compile(
    r"(?P<opens>[„「『]|(?<![\w.!?,…])“|(?:(?<=[\s(\[—–-])|^)(?:«|[\"”»](?=\S)))|[”»“«」』\"]"
)
# Longer than this a quotation isn't; then its end was lost, or a mark stood for inches.
_LONGEST_QUOTATION = 8


def leans(sentence: str, language: str = "") -> bool:
    """Whether a sentence begins so that it needs the one before it ("But he said", "It also").

    `language` is a BCP 47 tag; unknown ones are read as English.
    """
    code = language.partition("-")[0].lower()
    match = _LEANING.get(code, _LEANING["en"]).match(sentence)
    if match is None:
        return False
    word, rest = match["word"], sentence[match.end() :]
    if len(word) == 1:
        # An initial ("А. Иванов") or a part of a name ("O Globo"), not a conjunction.
        return not (rest.startswith(".") or rest.lstrip()[:1].isupper())
    # "IT firms" has no pronoun, a line all in capitals may.
    return not word.isupper() or sentence.isupper()


def torn_quotations(sentences: Sequence[str], paragraphs: Sequence[int]) -> list[bool]:
    """For each sentence, whether it holds a part of a quotation whose rest stands in another."""
    torn = [False] * len(sentences)
    start: int | None = None
    for index, sentence in enumerate(sentences):
        if index and (not paragraphs or paragraphs[index] != paragraphs[index - 1]):
            start = None
        first = start
        for mark in _MARK.finditer(sentence):
            if not mark["opens"]:
                start = None
            elif start is None:
                start = index
        if first is not None:
            if index - first > _LONGEST_QUOTATION:
                start = None
            elif start is None or start == first:
                torn[index] = True
        if start == index:
            torn[index] = True
    return torn
