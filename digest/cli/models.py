"""`digest models`: which models are on disk, and how others get there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    load_settings,
    print_json,
    progress_bar,
)

if TYPE_CHECKING:
    from digest.config import Settings
    from digest.models.info import ModelInfo

models = typer.Typer(no_args_is_help=True, help="The models on disk.")


@models.command("list")
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: ARG001
    """List the encoder, the models for summaries that have a short name, and the hub's cache."""
    settings = load_settings()
    from digest.models.hub import on_disk

    encoder = _encoder(settings)
    found = [encoder, *(info for info in on_disk() if info.path != encoder.path)]
    for info in found:
        if as_json:
            print_json({**asdict(info), "path": str(info.path) if info.there else ""})
        else:
            typer.echo(_line(info))
    # A model that nobody got is no failure; one that is broken is, and so is a missing encoder.
    broken = [info for info in found if info.problem and (info.there or info is encoder)]
    if broken:
        fit = any(not info.problem for info in found)
        raise typer.Exit(SOME_FAILED if fit else NOTHING_DONE)


@models.command("pull")
def models_pull(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="distilbart, bart-large-cnn, pegasus, flan-t5-small; or owner/name of the hub, "
            "with @revision or /FILE.gguf if you like.",
        ),
    ],
    config: ConfigOption = None,  # noqa: ARG001
) -> None:
    """Download a model from the hub, and check what came.

    HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean elsewhere.
    """
    load_settings()
    from digest.models.download import pull

    with progress_bar() as progress:
        found = pull(name, progress)
    revision = f", revision {found.revision[:12]}" if found.revision else ""
    typer.echo(f"{found.name}: {_size(found.size)}{revision}, {found.folder}")


def _encoder(settings: Settings) -> ModelInfo:
    from digest.models.encoder import Encoder

    return Encoder(settings.encoder, settings.device).info()


def _line(info: ModelInfo) -> str:
    if info.problem:
        return f"{info.name} ({info.use}): {info.problem}"
    parts = [_size(info.size)]
    if info.revision:
        parts.append(f"revision {info.revision[:12]}")
    if info.sha256:
        parts.append(f"sha256 {info.sha256[:12]}…")
    return f"{info.name} ({info.use}): {', '.join(parts)}, {info.path}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
