"""How fast the default summariser is, beside its bars; prints tables, exits 1 when a bar is missed.

    python benchmarks/speed.py [--data DIR] [--articles N] [--rounds N] [--written N]

Everything is timed in one run, in rounds, one thing after the other in each: what else the machine
does meanwhile hits all of them alike, and ratios are medians over the rounds. Loading a model is
never counted. The first and the second run with a store are processes of their own, which tell how
much memory they took and what they imported.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from digest.errors import ModelError
from digest.feeds.parse import parse_feed
from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.summarizing import Summarized, summarize, text_document
from digest.records import Document, Feed, Fetched
from digest.store.store import Store
from digest.summaries.extractive import Extractive
from digest.text.clean import plain_text

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from digest.models.generator import TextGenerator

EXAMPLES = Path(__file__).parents[1] / "examples" / "feeds"
# The example that is no feed, on purpose.
BROKEN = "offline"
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """A number, and what it must be: at least `bar`, or at most when `ceiling`."""

    name: str
    value: float
    bar: float
    ceiling: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.bar if self.ceiling else self.value >= self.bar

    def __str__(self) -> str:
        side = "at most" if self.ceiling else "at least"
        verdict = "met" if self.met else "MISSED"
        return f"  {self.name:<58}{self.value:9.2f}   {side:<8} {self.bar:g}   {verdict}"


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round. `rate` is in floating-point operations a second."""

    rate: float
    plain: float
    encode: float
    whole: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    parser.add_argument("--articles", type=_positive, default=60, metavar="N")
    parser.add_argument("--rounds", type=_positive, default=ROUNDS, metavar="N")
    parser.add_argument("--written", type=_positive, default=3, metavar="N", help="by SmolLM2")
    parser.add_argument("--run-with-store", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.run_with_store:
        run_with_store(*map(Path, wanted.run_with_store))
        return
    texts = articles(wanted.data, wanted.articles)
    if not measure(texts, wanted.rounds, wanted.written):
        sys.exit(1)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


# --- texts ---------------------------------------------------------------------------------


def articles(data: Path, count: int) -> list[str]:
    """Plain texts: the first of the CNN articles, or, where they are not, the examples' entries."""
    path = data / "summaries" / "cnndm_dev.jsonl"
    if path.is_file():
        with path.open(encoding="utf-8") as lines:
            texts = [plain_text(json.loads(line)["source"], "") for line in islice(lines, count)]
        print(f"{len(texts)} articles of {path.name}")
        return texts
    entries = example_texts()
    # Each entry once: a sentence that came again would cost the plain loop only.
    together = ["\n\n".join(entries[n : n + 4]) for n in range(0, len(entries), 4)]
    texts = together[:count]
    print(f"{path} is not there: {len(texts)} texts, each of four entries of the example feeds")
    return texts


def example_texts() -> list[str]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found: list[str] = []
    for path in sorted(EXAMPLES.iterdir()):
        if path.stem == BROKEN:
            continue
        feed = Feed(path.stem, str(path))
        parsed = parse_feed(feed, Fetched(path.stem, str(path), path.read_bytes()), now)
        found += [article.text for article in parsed.articles if article.text]
    return found


def documents_of(texts: Sequence[str]) -> list[Document]:
    return [text_document(str(number), "", text) for number, text in enumerate(texts)]


def default(texts: Sequence[str], encoder: RememberingEncoder, store: Store | None) -> Summarized:
    """What digest does unless told otherwise: split, encode, choose."""
    documents = documents_of(texts)
    encoded = encoder.documents(documents)
    return summarize(documents, encoded, Extractive(), encoder.key, store)


# --- one run -------------------------------------------------------------------------------


def measure(texts: Sequence[str], rounds: int, written: int) -> bool:
    """Prints everything; whether all bars are met."""
    # Before anything heavy is loaded here: Linux counts the memory of the process that starts
    # another as that one's peak.
    stored = stored_runs(texts)
    from sentence_transformers import SentenceTransformer

    encoder = Encoder(device="cpu")
    plain = SentenceTransformer(str(encoder.folder), local_files_only=True, device="cpu")
    sentences = [list(document.sentences) for document in documents_of(texts)]
    tokens, operations = work(plain, [text for each in sentences for text in each])
    print_machine()
    print(
        f"{sum(map(len, sentences)):,} sentences, {tokens:,} tokens, {operations / 1e12:.2f} TFLOP"
    )

    generator, missing = load_smollm2(texts[0])
    encoder.encode(sentences[0])
    done: list[Round] = []
    write_seconds = 0.0
    for number in range(rounds):
        done.append(one_round(plain, encoder, texts, sentences))
        print(f"  round {number + 1}: {seconds(done[-1])}", flush=True)
        if generator is not None:
            share = list(texts[number:written:rounds])
            write_seconds += timed(partial(generator.summarize, share, [""] * len(share)))

    bars = [
        Bar(
            "whole (split, encode, choose) over the plain encode loop",
            median(each.plain / each.whole for each in done),
            1.6,
        ),
        Bar(
            "whole, % of the matrix-product rate",
            median(100 * operations / each.whole / each.rate for each in done),
            55,
        ),
    ]
    print(f"  encode alone over the plain loop: {median(r.plain / r.encode for r in done):.2f}")
    share_of_rate = median(100 * operations / each.encode / each.rate for each in done)
    print(f"  encode alone, % of the matrix-product rate: {share_of_rate:.0f}")
    if generator is None:
        print(f"  SmolLM2 was NOT measured: {missing}")
    else:
        ours = median(each.whole for each in done) / len(texts)
        theirs = write_seconds / min(written, len(texts))
        print(f"  seconds an article: ours {ours:.3f}, SmolLM2 {theirs:.2f}")
        bars.append(Bar("whole over SmolLM2", theirs / ours, 10))
    bars += stored
    print("\nBars")
    for bar in bars:
        print(bar)
    return generator is not None and all(bar.met for bar in bars)


def work(model: SentenceTransformer, texts: Sequence[str]) -> tuple[int, float]:
    """Tokens that the model reads, and the floating-point operations of its matrix products.

    A layer has four products of d x d (query, key, value, output) and two of d x 4d; those of
    attention itself, which grow with the square of the length, are left out (1 % at 30 tokens).
    """
    found = model.tokenizer(list(texts), truncation=True, max_length=model.max_seq_length)
    tokens = sum(map(len, found["input_ids"]))
    config: Any = model[0].config
    width, inner = config.hidden_size, config.intermediate_size
    layer = 2 * (4 * width * width + 2 * width * inner)
    return tokens, float(tokens * config.num_hidden_layers * layer)


def one_round(
    plain: SentenceTransformer,
    encoder: Encoder,
    texts: Sequence[str],
    sentences: Sequence[list[str]],
) -> Round:
    def plain_loop() -> None:
        for each in sentences:
            plain.encode(each, show_progress_bar=False)

    def whole() -> None:
        default(texts, RememberingEncoder(encoder), None)

    # The rate before, between and after, so that it is that of the same minute.
    rates = [product_rate()]
    plain_seconds = timed(plain_loop)
    rates.append(product_rate())
    encode_seconds = timed(lambda: encoder.encode([text for each in sentences for text in each]))
    rates.append(product_rate())
    whole_seconds = timed(whole)
    rates.append(product_rate())
    return Round(median(rates), plain_seconds, encode_seconds, whole_seconds)


def product_rate(least: float = 0.5) -> float:
    """Floating-point operations a second of the model's largest matrix product, over `least` s."""
    import torch

    left, right = torch.randn(2048, 384), torch.randn(384, 1536)
    torch.mm(left, right)
    count = 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < least:
        for _ in range(10):
            torch.mm(left, right)
        count += 10
    return count * 2 * 2048 * 384 * 1536 / passed


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def load_smollm2(text: str) -> tuple[TextGenerator | None, str]:
    """The generator, having written once, so that loading isn't timed; or None, and why."""
    try:
        from digest.models.generator import TextGenerator

        generator = TextGenerator("smollm2", device="cpu")
        generator.summarize([text], [""])
    except (ImportError, ModelError) as error:
        return None, str(error)
    return generator, ""


# --- with a store --------------------------------------------------------------------------


def stored_runs(texts: Sequence[str]) -> list[Bar]:
    """A first run with a store and a second one, each a process: memory, and what was done."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "texts.json")
        source.write_text(json.dumps(list(texts)), encoding="utf-8")
        command = [sys.executable, __file__, "--run-with-store", str(source), f"{folder}/digest.db"]
        first, second = (
            json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            for _ in range(2)
        )
    for name, found in (("first", first), ("second", second)):
        print(
            f"  {name} run with a store: {found['seconds']:.2f} s, {found['encoded']} encoded, "
            f"{found['fresh']} summarised, peak {found['peak'] / 1e6:,.0f} MB"
        )
    return [
        Bar("peak memory of the first run, GB", first["peak"] / 1e9, 1.5, ceiling=True),
        Bar("first run: articles encoded", first["encoded"], len(set(texts))),
        Bar("second run: articles encoded", second["encoded"], 0, ceiling=True),
        Bar("second run: articles summarised", second["fresh"], 0, ceiling=True),
        Bar("second run: heavy libraries loaded", len(second["heavy"]), 0, ceiling=True),
    ]


def run_with_store(source: Path, database: Path) -> None:
    """Summarises the texts of a JSON file; prints what that took as JSON."""
    texts = json.loads(source.read_text(encoding="utf-8"))
    start = time.perf_counter()
    store = Store(f"sqlite:///{database}")
    encoder = RememberingEncoder(Encoder(device="cpu"), store)
    found = default(texts, encoder, store)
    store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heavy = {"torch", "transformers", "sentence_transformers"}
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "encoded": encoder.encoded,
                "fresh": found.fresh,
                "peak": peak * (1 if sys.platform == "darwin" else 1024),
                "heavy": sorted(heavy & set(sys.modules)),
            }
        )
    )


# --- printing ------------------------------------------------------------------------------


def print_machine() -> None:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{usable} cores ({platform.machine()}), torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}"
    )


def seconds(found: Round) -> str:
    return (
        f"products {found.rate / 1e9:.0f} GFLOP/s, plain loop {found.plain:.2f} s, "
        f"encode {found.encode:.2f} s, whole {found.whole:.2f} s"
    )


if __name__ == "__main__":
    main()
