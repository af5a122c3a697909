"""What ends a service, or a thread of it, as a line of its log where that is JSON."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from digest.cli.common import NOTHING_DONE, WRONG_USE
from digest.cli.logs import Voice
from digest.errors import ConfigError, DigestError, UsageError

log = logging.getLogger(__name__)


@contextmanager
def errors_told(voice: Voice) -> Iterator[None]:
    """Where the log is JSON, no traceback is written into it that isn't a field of a line."""
    if not voice.is_json:
        yield
        return
    before = threading.excepthook
    threading.excepthook = _thread_failed
    try:
        yield
    except typer.Exit:
        raise
    except DigestError as error:
        voice.say(str(error), logging.ERROR)
        wrong = isinstance(error, ConfigError | UsageError)
        raise typer.Exit(WRONG_USE if wrong else NOTHING_DONE) from error
    except Exception as error:
        log.exception("unexpected %s (please report it)", type(error).__name__)
        raise typer.Exit(NOTHING_DONE) from error
    finally:
        threading.excepthook = before


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "a thread"
    if failed.exc_value is not None:
        log.error("%s failed (please report it)", name, exc_info=failed.exc_value)
