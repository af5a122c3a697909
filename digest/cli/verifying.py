"""`digest verify`: does the source say what the summary says?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import ConfigOption, load_settings, print_json
from digest.cli.jsonlines import finish, json_lines

if TYPE_CHECKING:
    from digest.pipeline.verifying import Claim, Verified

# Lines verified together: enough to fill the encoder's batches, few enough to stream.
_LINES = 64


def verify(
    jsonl: Annotated[
        str,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help='JSON lines {"id", "source", "summary"}; - is standard input.',
        ),
    ],
    as_json: Annotated[  # noqa: ARG001 - said for symmetry; there is no other form
        bool, typer.Option("--json", help="Print JSON lines (it always does).")
    ] = False,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
) -> None:
    """Check each sentence of a summary against its source.

    Prints a line `{"id", "supported", "score", "sentences"}` for each line of the input, in its
    order. A summary is supported when all its sentences are; its score is that of the weakest.
    Each sentence has its reasons, and the sentences of the source that support it best, counted
    from 0 over the source as it is given. A line that can't be read is named on stderr, and the
    others go on.
    """
    settings = load_settings()
    from digest.models.encoder import Encoder
    from digest.pipeline.verifying import verify_texts

    encoder = Encoder(settings.encoder, settings.device)
    problems: list[str] = []
    claims = _claims(jsonl, problems)
    done = 0
    while batch := list(islice(claims, _LINES)):
        found = verify_texts([claim for _, claim in batch], encoder.encode)
        for (id, _), verified in zip(batch, found, strict=True):
            print_json(_line(id, verified))
        done += len(batch)
    raise typer.Exit(finish(problems, done))


def _claims(name: str, problems: list[str]) -> Iterator[tuple[Any, Claim]]:
    from digest.pipeline.verifying import Claim

    for place, data in json_lines([name], problems):
        source, summary = data.get("source"), data.get("summary")
        title = data.get("title") or ""
        if not isinstance(source, str) or not isinstance(summary, str):
            problems.append(f'{place}: needs "source" and "summary", strings')
        elif not isinstance(title, str):
            problems.append(f'{place}: "title" is no string')
        else:
            yield data["id"], Claim(source, summary, title)


def _line(id: Any, verified: Verified) -> dict[str, Any]:
    return {
        "id": id,
        "supported": verified.supported,
        "score": verified.score,
        "sentences": [asdict(verdict) for verdict in verified.verdicts],
    }
