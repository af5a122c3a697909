"""How good digest is, on labelled data: prints tables, and writes them to docs/quality.md.

    python benchmarks/quality.py [--data DIR] [summaries] [verification] [stories] [topics] [mail]

In `docs/quality.md` the parts that were measured are written anew, the others stay. Exits 1 when a
bar is missed.
"""

from __future__ import annotations

import argparse
import io
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import grouping
import mail
import summaries
import verification
from speed import Bar

from digest.models.encoder import Encoder

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
INTRODUCTION = """\
# How good it is

`make eval` measures all of this and writes this page; the data lie beside the checkout (`--data`
names another place) and are not part of the project. Scores are in hundredths. Where weights were
learned from the data they are measured on, the line says "by cross-validation": five parts, each
measured with weights learned from the other four.
"""
ABOUT = {
    "summaries": (
        "Two sentences of the article against human summaries, beside what else would do. "
        "`invented` is the share of summaries with a number, name or quotation that the text "
        "lacks, by a check of its own (`benchmarks/second_check.py`); other falsehoods it can't "
        "see."
    ),
    "verification": "Does `verify` tell true summaries from false ones?",
    "stories": (
        "Do articles of one event come together, and no others? B-cubed precision, recall and F1, "
        "normalised mutual information and adjusted Rand index. Ours has one set of parameters for "
        "all; the others are flattered: each threshold is the best for that very set, and k-means "
        "is told the number of stories. `embeddings` are those that ours works on, `plain` those "
        "of title and text in one piece; `half and half` is the mean of plain embeddings' and "
        "TF-IDF's similarity. Seconds are without encoding."
    ),
    "topics": (
        "Is a story under the right heading? F1 of each topic, their mean, and the share of "
        "articles under the right one; nothing was trained on them. k-means is flattered: its "
        "clusters have the names that fit the labels best."
    ),
    "mail": (
        "What mail clients support of what our themes use (the sample edition, with one of "
        "everything), by the tests of caniemail.com: the newest version of each client that was "
        "tested. Beside each lack stands what readers see then; `digest lint` warns of those that "
        "cost words or their order. Below: mails of ordinary stories, their size and their time."
    ),
}
Part = Callable[[Path, Encoder], Sequence[Bar]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(ABOUT))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    wanted = parser.parse_args()
    parts: Mapping[str, Part] = {
        "summaries": without_bars(summaries.summaries),
        "verification": without_bars(verification.verification),
        "stories": grouping.stories,
        "topics": grouping.topics,
        "mail": mail.mail,
    }
    if unknown := set(wanted.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not wanted.data.is_dir():
        parser.error(f"{wanted.data}: no such folder; name the data with --data")
    encoder = Encoder()
    sections = _sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    bars: list[Bar] = []
    for name, measure in parts.items():
        if not wanted.parts or name in wanted.parts:
            start = time.perf_counter()
            with redirect_stdout(Both()) as both:
                bars += measure(wanted.data, encoder)
            print(f"({name}: {time.perf_counter() - start:.0f} s)", file=sys.stderr)
            table = both.getvalue().strip("\n")
            sections[name] = f"## {name.capitalize()}\n\n{ABOUT[name]}\n\n```\n{table}\n```\n"
    machine = f"Times are of {platform.machine()}, processor only, as `make eval` found it.\n"
    written = [sections[name] for name in parts if name in sections]
    PAGE.write_text("\n".join([INTRODUCTION, machine, *written]), encoding="utf-8")
    print(f"{PAGE} written", file=sys.stderr)
    if missed := [bar for bar in bars if not bar.met]:
        print("\n".join(["Bars that were missed", *map(str, missed)]), file=sys.stderr)
        sys.exit(1)


def _sections(page: str) -> dict[str, str]:
    """The parts of the page as it is, by name."""
    _, *parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    return {part[3:].partition("\n")[0].lower(): part.rstrip("\n") + "\n" for part in parts}


def without_bars(measure: Callable[[Path, Encoder], None]) -> Part:
    """A part that only prints."""

    def measured(data: Path, encoder: Encoder) -> Sequence[Bar]:
        measure(data, encoder)
        return ()

    return measured


class Both(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text) if sys.__stdout__ else None
        return super().write(text)


if __name__ == "__main__":
    main()
