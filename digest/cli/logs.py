"""Logs: what the rooms say with `logging` or structlog, to stderr, a line each.

For people, or as JSON. What `structlog.contextvars` binds around a build or a round of sending
(`digest`, `edition`) and what `extra=` names become fields. No address of a person stands in any
line whole.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TextIO

from digest.cli.common import complain
from digest.text.masking import without_addresses

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

Form = Literal["console", "json"]

_HANDLER = "digest"
_SERVICE = "digest.serve"
# They say at "warning" what is daily business to us: a page without an article in it, where we then
# look ourselves; a job that is still running when its next turn has come.
_QUIET = {"trafilatura": logging.CRITICAL, "apscheduler": logging.ERROR}


def set_up(level: str, form: Form = "console", stream: TextIO | None = None) -> None:
    """Writes what is at least as important as `level` to `stream` (stderr). May be called again."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.set_name(_HANDLER)
    handler.setFormatter(_Formatter(form, colours=_has_colours(out)))
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Our own level only: what libraries say at "info" is of no use to an editor.
    logging.getLogger("digest").setLevel(level.upper())
    # What the service says of itself is for whoever runs it, whatever is logged.
    logging.getLogger(_SERVICE).setLevel(logging.INFO)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def take_structlog() -> None:
    """What structlog's own loggers say goes the same way; for commands that have rooms with any."""
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_fields(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


class Voice:
    """What a service says besides its log: in words to stderr, or with the log where that is JSON.

    Then every line of stderr is an object.
    """

    def __init__(self, form: Form) -> None:
        self.is_json = form == "json"
        self._log = logging.getLogger(_SERVICE)
        if self.is_json:
            logging.captureWarnings(True)

    def say(self, message: str, level: int = logging.INFO, /, **fields: object) -> None:
        """A line; `fields` stand in JSON only, where `message` says the same in words."""
        if self.is_json:
            self._log.log(level, "%s", message, extra=fields)
        else:
            complain(message)

    def say_in_a_signal(self, message: str) -> None:
        """A line from a signal handler, which may have come in the middle of another line."""
        if self.is_json:
            record = self._log.makeRecord(_SERVICE, logging.INFO, "", 0, message, (), None)
            for handler in logging.getLogger().handlers:
                if handler.get_name() == _HANDLER:
                    message = handler.format(record)
        os.write(2, f"{message}\n".encode())


class _Formatter(logging.Formatter):
    """Loads structlog, a tenth of a second, with the first line: most commands write none."""

    def __init__(self, form: Form, *, colours: bool) -> None:
        super().__init__()
        self._make = partial(_formatter, form, colours=colours)
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        self._made = self._made or self._make()
        return self._made.format(record)


def _formatter(form: Form, *, colours: bool) -> logging.Formatter:
    import structlog

    processors: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _masked,
    ]
    if form == "json":
        processors += [
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        processors.append(
            structlog.dev.ConsoleRenderer(
                colors=colours,
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            )
        )
    extra = structlog.stdlib.ExtraAdder()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_fields(), extra], processors=processors
    )


def _fields() -> list[Processor]:
    """What every line says of itself."""
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last word before the line is written: addresses masked in every field of it."""
    return {name: _without_addresses(value) for name, value in event.items()}


def _without_addresses(value: Any) -> Any:
    """`value` as JSON can hold it, its texts without addresses."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            without_addresses(str(key)): _without_addresses(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_addresses(item) for item in value]
    # A lone surrogate, which a file's name can hold, can't be written as UTF-8.
    return without_addresses(str(value)).encode("utf-8", "replace").decode("utf-8")


def _has_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")
