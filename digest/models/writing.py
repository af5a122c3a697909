"""What a model wrote, made fit to be read: one line of plain text, without loops or stumps.

Nothing is added and no word is changed; whether the words are true is not decided here.
"""

from __future__ import annotations

import re
import unicodedata

from digest.text.sentences import split_sentences

# PEGASUS writes <n> for a line's end. Reasoning models think aloud between these marks.
_NEWLINE = re.compile(r"<n>")
_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
# "Here is a summary of the article:", "**Summary:**": a label, not a sentence of the summary.
_LABEL = re.compile(
    r"^\W*(?:(?:sure|certainly|of course)\b[^:\n]{0,20})?"
    r"(?:(?:here(?:['’]s| is| are)|the following is|this is|below is)\b[^:.\n]{0,60}"
    r"\b(?:summary|summaries|sentences)\b[^:.\n]{0,60}"
    r"|(?:(?:article|news|short|brief|concise|two-sentence) )?summary[^:.\n]{0,40})"
    r":\W*?(?=[\w\"“‘'(])",
    re.IGNORECASE,
)
_BULLET = re.compile(r"(?m)^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_MARKUP = re.compile(r"\*\*|__|^#{1,6}\s+", re.MULTILINE)
_END = re.compile(r"[.!?…。！？।؟۔][\"'”’»)\]]*$")
# Words, and single characters of scripts that don't part them.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)

# A phrase of up to this many words that follows itself is a loop; prose says a word twice ("had
# had", "very, very") and a name three times, so short phrases must come three times in a row.
_LONGEST_PHRASE = 40
_SHORT_PHRASE = 4


def tidy(written: str, finished: bool, sentences: int) -> str:
    """A model's output as one line of at most `sentences` sentences; empty when nothing is left.

    `finished` is whether the model ended by itself. Where it was cut off, the last sentence goes if
    it has no end and is not the only one. Repetition is cut: of a phrase that follows itself and
    of a sentence that came before the first is kept.
    """
    text = _THINKING.sub(" ", _NEWLINE.sub("\n", written))
    # Half a character, where a token's bytes were not all of it.
    text = without_controls(text).replace("\ufffd", "")
    text = _LABEL.sub("", text.strip())
    text = _MARKUP.sub("", _BULLET.sub("", text))
    text = " ".join(text.split())
    text, looped = without_loop(text)
    found: list[str] = []
    seen: set[str] = set()
    for sentence in split_sentences(text):
        known = " ".join(re.findall(r"\w+", sentence.casefold()))
        if known and known not in seen:
            seen.add(known)
            found.append(sentence)
    if (looped or not finished) and len(found) > 1 and not _END.search(found[-1]):
        found.pop()
    return " ".join(found[:sentences])


def without_controls(text: str) -> str:
    """`text` without control characters, surrogates and what is not assigned; spaces stay."""
    return "".join(
        character
        for character in text
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs", "Cn", "Co"}
    )


def without_loop(text: str) -> tuple[str, bool]:
    """`text` up to where a phrase begins to repeat itself, and whether one did.

    The first occurrence stays; what follows the loop goes with it, since a model that loops does so
    until it is stopped.
    """
    spans = [(match.start(), match.end()) for match in _WORD.finditer(text)]
    words = [text[start:end].casefold() for start, end in spans]
    for start in range(len(words)):
        for length in range(1, min(_LONGEST_PHRASE, (len(words) - start) // 2) + 1):
            times = 3 if length < _SHORT_PHRASE else 2
            phrase = words[start : start + length]
            if words[start : start + times * length] == phrase * times:
                return text[: spans[start + length - 1][1]].rstrip(" ,;:-–—"), True
    return text, False
