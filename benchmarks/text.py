"""How well articles are found in pages and texts are split into sentences; prints tables.

    python benchmarks/text.py [--data DIR] [pages] [sentences] [speed]

`pages` needs the shared data: 38 web pages with the hand-made text of their article. `sentences`
uses the cases in tests/data/sentences.jsonl, and compares what is installed of pysbd, syntok,
segtok, blingfire and nltk (`pip install pysbd syntok segtok blingfire nltk`).
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import logging
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sentencex
import trafilatura

from digest.feeds.extract import extract_page
from digest.text.clean import clean_blocks, file_text, plain_text
from digest.text.html import blocks
from digest.text.page import decoded
from digest.text.sentences import make_document, split_sentences

CASES = Path(__file__).parents[1] / "tests" / "data" / "sentences.jsonl"
Split = Callable[[str, str], list[str]]
Extract = Callable[[bytes, str], str]  # a page's bytes and address


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="pages, sentences, speed")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    wanted = parser.parse_args()
    parts: Mapping[str, Callable[[Path], None]] = {
        "pages": pages,
        "sentences": sentences,
        "speed": speed,
    }
    if unknown := set(wanted.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    logging.disable(logging.CRITICAL)  # trafilatura warns of each page that it finds nothing in
    for name, measure in parts.items():
        if not wanted.parts or name in wanted.parts:
            print(f"\n## {name}\n")
            measure(wanted.data)


# --- pages ---------------------------------------------------------------------------------


def pages(data: Path) -> None:
    """Token precision, recall and F1 (means over pages) against the hand-made text."""
    folder = data / "articles"
    if not folder.is_dir():
        print(f"{folder}: not here")
        return
    rows = [
        json.loads(line) for line in (folder / "articles.jsonl").read_text("utf-8").splitlines()
    ]
    bodies = [gzip.decompress((folder / row["html"]).read_bytes()) for row in rows]
    now = datetime.now(UTC)

    def decoding(extract: Callable[[str], str]) -> Extract:
        return lambda body, _: extract(decoded(body))

    def extracted(**options: Any) -> Extract:
        return decoding(
            lambda markup: trafilatura.extract(markup, include_comments=False, **options) or ""
        )

    extractors: dict[str, Extract] = {
        "all blocks but menus, forms, footers": decoding(
            lambda markup: "\n\n".join(clean_blocks(blocks(markup)))
        ),
        "trafilatura": extracted(),
        "trafilatura, favour precision": extracted(favor_precision=True),
        "trafilatura, favour recall": extracted(favor_recall=True),
        "ours (`file_text`)": decoding(lambda markup: file_text(markup)[1]),
        # With the page's metadata, and refusing what is no article.
        "ours (`extract_page`)": lambda body, url: (
            extract_page("", body, "text/html", url, now=now).text
        ),
    }
    worst: dict[str, list[tuple[float, str, str]]] = {}
    print("| method | precision | recall | F1 | sentences not in the page | ms a page |")
    print("|---|---|---|---|---|---|")
    for name, extract in extractors.items():
        scores, foreign, total, started = [], 0, 0, time.perf_counter()
        texts = [extract(body, row["url"]) for body, row in zip(bodies, rows, strict=True)]
        seconds = time.perf_counter() - started
        for body, text, row in zip(bodies, texts, rows, strict=True):
            scores.append(_overlap(text, row["text"]))
            page = _squeezed(
                " ".join(block.text for block in blocks(decoded(body), furniture=True))
            )
            for sentence in make_document("", "", text, max_sentences=9999).sentences:
                total += 1
                foreign += _squeezed(sentence) not in page
        p, r, f = (sum(values) / len(rows) for values in zip(*scores, strict=True))
        print(
            f"| {name} | {p:.3f} | {r:.3f} | {f:.3f} | {foreign} of {total} "
            f"| {1000 * seconds / len(rows):.0f} |"
        )
        worst[name] = sorted(
            (score, row["html"][:6], urlsplit(row["url"]).hostname or "")
            for (_, _, score), row in zip(scores, rows, strict=True)
        )
    print("\nThe worst pages:\n")
    for name, found in worst.items():
        print(f"- {name}: " + ", ".join(f"{s:.3f} {page} {host}" for s, page, host in found[:6]))


def _overlap(text: str, gold: str) -> tuple[float, float, float]:
    found, wanted = (Counter(re.findall(r"\w+", t.lower())) for t in (text, gold))
    both = (found & wanted).total()
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / found.total(), both / wanted.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


# --- sentences -----------------------------------------------------------------------------


def sentences(_: Path) -> None:
    """Cases right, F1 of the boundaries within them, errors raised, and speed."""
    cases = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    languages = len({case["language"] for case in cases})
    print(f"{len(cases)} cases, {languages} languages\n")
    print("| splitter | cases right | English | other | F1 of boundaries | errors | MB/s |")
    print("|---|---|---|---|---|---|---|")
    prose = " ".join(case["text"] for case in cases if case["language"] == "en")
    prose = "\n".join([prose] * 30)
    for name, split in _splitters():
        right: Counter[str] = Counter()
        hits = found = wanted = errors = 0
        for case in cases:
            gold = _ends(case["sentences"])
            try:
                ends = _ends(split(case["text"], case["language"]))
            except Exception:
                ends, errors = set(), errors + 1
            right["en" if case["language"] == "en" else "other"] += ends == gold
            last = max(gold)
            hits += len((ends & gold) - {last})
            found += len(ends - {last})
            wanted += len(gold - {last})
        started = time.perf_counter()
        for paragraph in prose.split("\n"):
            split(paragraph, "en")
        speed = len(prose) / 1e6 / (time.perf_counter() - started)
        english = sum(case["language"] == "en" for case in cases)
        print(
            f"| {name} | {right.total() / len(cases):.0%} | {right['en'] / english:.0%} "
            f"| {right['other'] / (len(cases) - english):.0%} "
            f"| {2 * hits / max(1, found + wanted):.3f} | {errors} | {speed:.1f} |"
        )
    wrong = [
        case
        for case in cases
        if split_sentences(case["text"], case["language"]) != case["sentences"]
    ]
    for case in wrong:
        print(
            f"\n{case['language']}, {case['about']}: "
            f"{split_sentences(case['text'], case['language'])}"
        )


def _ends(found: list[str]) -> set[int]:
    """Where sentences end, counted in characters that are no white space."""
    ends, place = set(), 0
    for sentence in found:
        place += len("".join(sentence.split()))
        ends.add(place)
    return ends


def _splitters() -> Iterator[tuple[str, Split]]:
    yield "ours (`split_sentences`)", split_sentences
    yield "sentencex", lambda text, language: sentencex.segment(language, text)
    for name, make in (
        ("pysbd", _pysbd),
        ("syntok", _syntok),
        ("segtok", _segtok),
        ("blingfire", _blingfire),
        ("nltk Punkt, untrained", _punkt),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield name, make()
        except ModuleNotFoundError as error:
            print(f"| {name} | not installed: {error.name} | | | | | |")


def _pysbd() -> Split:
    pysbd = importlib.import_module("pysbd")
    return lambda text, language: list(pysbd.Segmenter(language, clean=False).segment(text))


def _syntok() -> Split:
    segmenter = importlib.import_module("syntok.segmenter")

    def split(text: str, _: str) -> list[str]:
        return [
            "".join(token.spacing + token.value for token in sentence)
            for paragraph in segmenter.process(text)
            for sentence in paragraph
        ]

    return split


def _segtok() -> Split:
    segmenter = importlib.import_module("segtok.segmenter")
    return lambda text, _: list(segmenter.split_single(text))


def _blingfire() -> Split:
    blingfire = importlib.import_module("blingfire")
    return lambda text, _: str(blingfire.text_to_sentences(text)).split("\n")


def _punkt() -> Split:
    punkt = importlib.import_module("nltk.tokenize.punkt")
    tokenizer = punkt.PunktSentenceTokenizer()
    return lambda text, _: list(tokenizer.tokenize(text))


# --- speed ---------------------------------------------------------------------------------


def speed(data: Path) -> None:
    """Milliseconds of cleaning and splitting for usual articles, and of hostile texts."""
    source = data / "stories" / "multinews_dev.jsonl"
    if source.is_file():
        texts = [json.loads(line)["text"] for line in source.read_text("utf-8").splitlines()]
        times = sorted(map(_milliseconds, texts))
        letters = sum(map(len, texts)) // len(texts)
        print(
            f"{len(texts)} news articles of {letters} characters on average: median "
            f"{times[len(times) // 2]:.1f} ms, 95 % under {times[len(times) * 95 // 100]:.1f} ms\n"
        )
    print("| 200 kB of | ms |")
    print("|---|---|")
    units = [
        " ",
        "-",
        "—",
        '"',
        "“",
        "'",
        "(",
        "[",
        "A",
        "A ",
        "A. ",
        "a",
        "…",
        "中",
        "。",
        "🙂",
        "ا ",
        "\x01",
        "| ",
    ]
    for unit in units:
        print(f"| `{unit!r}` | {_milliseconds(unit * (200_000 // len(unit))):.0f} |")


def _milliseconds(text: str) -> float:
    started = time.perf_counter()
    make_document("", "", plain_text(text), language="en")
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
