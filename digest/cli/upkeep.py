"""`digest init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from digest.errors import UsageError


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put it.")] = Path(),
) -> None:
    """Write a first feeds.yaml to start from. An existing one is left alone."""
    path = folder / "feeds.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(files("digest.cli").joinpath("starter.yaml").read_text("utf-8"))
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; it was left as it is") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    typer.echo(f"{path}\nNext: digest run --config {path}")
