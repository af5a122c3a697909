"""`digest summarize`: one stage by itself, over files or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    ConfigOption,
    JsonOption,
    load_settings,
    print_json,
    read_text,
    shown,
)
from digest.cli.jsonlines import finish, json_lines
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.records import Document, Summary

# Lines summarised together: enough to fill the encoder's batches, few enough to stream.
_LINES = 64


def summarize(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="Texts, HTML or Markdown; - is standard input."),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl", help='Read JSON lines {"id", "title"?, "text" or "html"}, write JSON lines.'
        ),
    ] = False,
    as_json: JsonOption = False,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="extractive, a preset (`digest models list`), owner/name of the hub, or a folder.",
        ),
    ] = "extractive",
    max_sentences: Annotated[
        int, typer.Option("--max-sentences", min=1, max=50, help="Most sentences of a summary.")
    ] = 2,
    max_words: Annotated[
        int | None,
        typer.Option(
            "--max-words",
            min=10,
            metavar="N",
            help="Most words of an extractive summary, unless no sentence is so short; 35 a "
            "sentence when left out.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="With JSON: say of each sentence taken word for word why it was."
        ),
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Summarise texts: the sentences that tell most, word for word.

    Nothing is kept: the same text again is summarised again. Each sentence says which sentences
    of the source it stands on (counted from 0). A line or a
    file that can't be read is named on stderr, and the others go on.
    """
    settings = load_settings()
    if explain and not (as_json or jsonl):
        raise UsageError("--explain is printed with --json or --jsonl only; add one of them")
    from digest.pipeline.encoding import RememberingEncoder
    from digest.pipeline.wiring import open_models
    from digest.summaries.salience import explain as explained

    bare, summarizers = open_models(settings)
    encoder = RememberingEncoder(bare)
    summarizer = summarizers.get(model, max_sentences, max_words)
    _ = summarizer.key  # a model that is missing is said at once, not after a minute's encoding
    names = files or ["-"]
    problems: list[str] = []
    source = _json_documents(names, problems) if jsonl else _file_documents(names, problems)
    done = 0
    while batch := list(islice(source, _LINES)):
        # Ids of the user's may repeat; ours may not.
        numbered = [_renamed(document, done + n) for n, (_, document) in enumerate(batch)]
        encoded = encoder.documents(numbered)
        summaries = summarizer.summarize(numbered, encoded)
        for (name, _), document, summary in zip(batch, numbered, summaries, strict=True):
            if jsonl or as_json:
                why = explained(document, encoded[document.id]) if explain else None
                print_json(_summary_json(name, summary, why))
            else:
                prefix = f"{name}: " if len(names) > 1 else ""
                typer.echo(prefix + summary.text)
        done += len(batch)
    raise typer.Exit(finish(problems, done))


def _file_documents(names: list[str], problems: list[str]) -> Iterator[tuple[Any, Document]]:
    from digest.pipeline.summarizing import text_document
    from digest.text.clean import file_text

    for name in names:
        try:
            title, text = file_text(read_text(name))
        except UsageError as error:
            problems.append(str(error))
            continue
        if not text:
            problems.append(f"{shown(name)}: is empty, there is nothing to summarise")
            continue
        yield name, text_document(name, title, text)


def _json_documents(names: list[str], problems: list[str]) -> Iterator[tuple[Any, Document]]:
    from digest.pipeline.summarizing import text_document
    from digest.text.clean import article_text, file_text, plain_text
    from digest.text.html import one_line

    for place, data in json_lines(names, problems):
        title = one_line(data["title"]) if isinstance(data.get("title"), str) else ""
        if isinstance(data.get("text"), str):
            text = plain_text(data["text"], title)
        elif isinstance(data.get("html"), str):
            found, text = file_text(data["html"]) if not title else ("", "")
            title = title or found
            text = text or article_text(data["html"], title)
        else:
            problems.append(f'{place}: needs "text" or "html", a string')
            continue
        yield data["id"], text_document(str(data["id"]), title, text)


def _renamed(document: Document, number: int) -> Document:
    return replace(document, id=str(number))


def _summary_json(
    id: Any, summary: Summary, why: list[dict[str, float]] | None = None
) -> dict[str, Any]:
    """A summary's line; `why` are the shares of salience of the document's sentences."""
    sentences = [asdict(sentence) for sentence in summary.sentences]
    if why is not None and summary.model == "extractive":
        for sentence in sentences:
            shares = why[sentence["source"][0]]
            sentence["why"] = {
                name: round(share, 3)
                for name, share in sorted(shares.items(), key=lambda one: -abs(one[1]))
            }
    line = {
        "id": id,
        "summary": summary.text,
        "sentences": sentences,
        "model": summary.model,
    }
    # Only where a model wrote: what was taken out of its summary, and whether another stood in.
    if summary.dropped:
        line["dropped"] = [asdict(sentence) for sentence in summary.dropped]
    if summary.instead_of:
        line["instead_of"] = summary.instead_of
    return line
