"""The editor's desk as `digest preview` and `digest serve` open it."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from socket import socket
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from digest.config import Config, Settings
    from digest.pipeline.wiring import Workshop
    from digest.preview.room import DeskRoom


def open_desk(
    settings: Settings,
    workshop: Workshop,
    config: Callable[[], Config | None],
    config_error: Callable[[], str],
    host: str,
    listener: socket,
    *,
    serves: bool = False,
) -> DeskRoom:
    """The editor's desk on `listener`. It has a key where others can reach it, or one is set."""
    from digest.pipeline.wiring import theme_folders
    from digest.preview.jobs import Jobs
    from digest.preview.room import DeskRoom
    from digest.preview.server import is_for_this_machine

    def clock() -> datetime:
        return datetime.now(UTC)

    token = settings.desk_token.get_secret_value() if settings.desk_token else None
    if token is None and not is_for_this_machine(listener):
        token = secrets.token_urlsafe(24)
    # A proxy passes its own name on; without a key, what comes through one is refused anyway.
    public = urlsplit(settings.archive).hostname if token else None
    return DeskRoom(
        workshop=workshop,
        config=config,
        config_error=config_error,
        clock=clock,
        jobs=Jobs(workshop, config, config_error, clock, serves=serves),
        themes=theme_folders(settings),
        token=token,
        hosts=(host, public) if public else (host,),
        serves=serves,
        default_name="editor" if token else _own_name(),
    )


def entrance(desk: DeskRoom, path: str, *, is_own: bool = False) -> str:
    """The path to open, with the key where one is asked for.

    Without it where it `is_own`, the user's, and what is printed goes into a log.
    """
    if desk.token is None or (is_own and not sys.stdout.isatty()):
        return path
    further = {"token": desk.token, **({"next": path} if path != "/" else {})}
    return f"/enter?{urlencode(further, safe='/')}"


def _own_name() -> str:
    """Of whoever started the program, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that nobody has
        return "editor"
