"""`digest summarize` and `digest group`: one stage by itself, over files or JSON lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    ConfigOption,
    JsonOption,
    load_settings,
    print_json,
    progress_bar,
    read_text,
    shown,
)
from digest.cli.jsonlines import finish, json_lines
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.records import Article, Document, Summary

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
        str, typer.Option("--model", metavar="NAME", help="What writes the summaries.")
    ] = "extractive",
    max_sentences: Annotated[
        int, typer.Option("--max-sentences", min=1, max=50, help="Most sentences of a summary.")
    ] = 2,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Summarise texts: the sentences that tell most, word for word.

    Each sentence says which sentences of the source it stands on (counted from 0). A line or a
    file that can't be read is named on stderr, and the others go on.
    """
    settings = load_settings()
    if model != "extractive":
        raise UsageError(f"--model {model!r} is unknown; there is: extractive")
    from digest.models.encoder import Encoder
    from digest.pipeline.encoding import RememberingEncoder
    from digest.pipeline.summarizing import summarize as summarize_documents
    from digest.summaries.extractive import Extractive

    encoder = RememberingEncoder(Encoder(settings.model_path))
    summarizer = Extractive(max_sentences)
    names = files or ["-"]
    problems: list[str] = []
    source = _json_documents(names, problems) if jsonl else _file_documents(names, problems)
    done = 0
    while batch := list(islice(source, _LINES)):
        # Ids of the user's may repeat; ours may not.
        numbered = [_renamed(document, done + n) for n, (_, document) in enumerate(batch)]
        found = summarize_documents(numbered, encoder, summarizer).summaries
        for (name, _), document in zip(batch, numbered, strict=True):
            summary = found[document.id]
            if jsonl or as_json:
                print_json(_summary_json(name, summary))
            else:
                prefix = f"{name}: " if len(names) > 1 else ""
                typer.echo(prefix + summary.text)
        done += len(batch)
    raise typer.Exit(finish(problems, done))


def group(
    jsonl: Annotated[
        str,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help='JSON lines {"id", "title", "text", "published"?}; - is standard input.',
        ),
    ],
    topics: Annotated[
        str | None,
        typer.Option(
            "--topics",
            metavar="NAME,NAME,…",
            help="Topics to choose from; the built-in ones when left out.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[  # noqa: ARG001 - said for symmetry; there is no other form
        bool, typer.Option("--json", help="Print JSON lines (it always does).")
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Group articles into stories and topics.

    Prints a line `{"id", "story", "topic", "topic_score"}` for each article, in the order of the
    input. Articles with the same `story` tell the same event.
    """
    settings = load_settings()
    from digest.models.encoder import Encoder
    from digest.pipeline.encoding import RememberingEncoder
    from digest.pipeline.grouping import group as group_articles
    from digest.pipeline.summarizing import article_documents
    from digest.stories.topics import TopicChooser, resolve

    problems: list[str] = []
    articles = list(_articles(jsonl, problems))
    with progress_bar() as progress:
        encoder = RememberingEncoder(Encoder(settings.model_path), progress=progress)
        names = [name.strip() for name in topics.split(",") if name.strip()] if topics else None
        chooser = TopicChooser(resolve(names, encoder.texts), encoder.texts)
        encoded = encoder.documents(article_documents([article for _, article in articles]))
        found = group_articles([article for _, article in articles], encoded, chooser, {})
    lines = {
        article.id: {
            "story": story.id,
            "topic": story.topic,
            "topic_score": round(choice.score, 4),
        }
        for story, choice in found
        for article in story.articles
    }
    for given, article in articles:
        print_json({"id": given, **lines[article.id]})
    raise typer.Exit(finish(problems, len(articles)))


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
    from digest.text.clean import article_text, plain_text
    from digest.text.html import one_line

    for place, data in json_lines(names, problems):
        title = one_line(data["title"]) if isinstance(data.get("title"), str) else ""
        if isinstance(data.get("text"), str):
            text = plain_text(data["text"], title)
        elif isinstance(data.get("html"), str):
            text = article_text(data["html"], title)
        else:
            problems.append(f'{place}: needs "text" or "html", a string')
            continue
        yield data["id"], text_document(str(data["id"]), title, text)


def _articles(name: str, problems: list[str]) -> Iterator[tuple[Any, Article]]:
    from digest.records import Article
    from digest.text.clean import plain_text
    from digest.text.html import one_line

    seen: set[str] = set()
    for place, data in json_lines([name], problems):
        title, text = data.get("title") or "", data.get("text") or ""
        if not isinstance(title, str) or not isinstance(text, str) or not (title or text):
            problems.append(f'{place}: needs "title" or "text", strings')
            continue
        id = str(data["id"])
        if id in seen:
            problems.append(f"{place}: id {id!r} was there before")
            continue
        try:
            published = _published(data.get("published"))
        except ValueError:
            problems.append(f'{place}: "published" is no ISO 8601 time')
            continue
        seen.add(id)
        title = one_line(title)
        body = plain_text(text, title)
        yield (
            data["id"],
            Article(
                id=id,
                feed="",
                title=title,
                text=body,
                published=published or datetime.fromtimestamp(0, UTC),
                date_origin="feed" if published else "missing",
                content_hash=hashlib.sha256(f"{title}\n{body}".encode()).hexdigest(),
            ),
        )


def _published(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(value)
    time = datetime.fromisoformat(value)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _renamed(document: Document, number: int) -> Document:
    return replace(document, id=str(number))


def _summary_json(id: Any, summary: Summary) -> dict[str, Any]:
    return {
        "id": id,
        "summary": summary.text,
        "sentences": [asdict(sentence) for sentence in summary.sentences],
        "model": summary.model,
    }
