"""What the logs look like: for people and as JSON; and what never stands in them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from digest.cli.logs import Voice, set_up, take_structlog

log = logging.getLogger("digest.tests")
PERSON = "jane.doe@example.org"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("digest")
    handlers, level = list(root.handlers), ours.level
    quiet = {name: logging.getLogger(name).level for name in ("trafilatura", "apscheduler")}
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    logging.captureWarnings(False)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def fields(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_of_json_has_what_is_bound_and_what_is_extra(out: io.StringIO) -> None:
    set_up("info", "json", out)
    with bound_contextvars(edition="morning/2026-03-02"):
        log.info("fetched in %d s", 3, extra={"feed": "town"})
    log.warning("later")
    first, second = fields(out)
    at = datetime.fromisoformat(first.pop("timestamp"))
    assert at.utcoffset() == UTC.utcoffset(None)
    assert first == {
        "message": "fetched in 3 s",
        "level": "info",
        "logger": "digest.tests",
        "edition": "morning/2026-03-02",
        "feed": "town",
    }
    assert "edition" not in second


def test_a_line_for_people_has_the_same_and_no_colours(out: io.StringIO) -> None:
    set_up("info", "console", out)
    with bound_contextvars(edition="morning/2026-03-02"):
        log.warning("three of %d", 5)
    (line,) = out.getvalue().splitlines()
    assert "three of 5" in line
    assert "edition=morning/2026-03-02" in line
    assert "\x1b" not in line


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    bright, plain = Terminal(), Terminal()
    set_up("info", "console", bright)
    log.warning("look")
    monkeypatch.setenv("NO_COLOR", "1")
    set_up("info", "console", plain)
    log.warning("look")
    assert "\x1b[" in bright.getvalue()
    assert "\x1b" not in plain.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_address_is_written_whole(out: io.StringIO, form: Any) -> None:
    set_up("info", form, out)
    take_structlog()
    with bound_contextvars(person=PERSON):
        log.info("to %s", PERSON, extra={"all": [PERSON, {"key": PERSON, PERSON: 1}]})
    try:
        raise ValueError(f"no such mailbox: <{PERSON}>")
    except ValueError:
        log.exception("sending to %s failed", PERSON)
    structlog.stdlib.get_logger("digest.tests").warning("asked", person=PERSON, by=f"<{PERSON}>")
    said = out.getvalue()
    assert "jane.doe" not in said
    assert "j…@example.org" in said
    assert "ValueError: no such mailbox" in said


def test_an_exception_is_a_text_on_the_same_line_of_json(out: io.StringIO) -> None:
    set_up("info", "json", out)
    try:
        raise KeyError("paper")
    except KeyError:
        log.exception("no edition")
    (line,) = fields(out)
    assert line["message"] == "no edition"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("KeyError: 'paper'")


def test_our_own_level_is_the_settings_and_libraries_stay_quiet(out: io.StringIO) -> None:
    set_up("debug", "json", out)
    log.debug("ours")
    logging.getLogger("somebody.else").debug("theirs")
    logging.getLogger("apscheduler.executors").warning("still running")
    logging.getLogger("trafilatura").error("no article")
    assert [line["message"] for line in fields(out)] == ["ours"]
    set_up("error", "json", out)
    log.warning("not important enough")
    assert len(fields(out)) == 1


def test_setting_it_up_twice_writes_each_line_once(out: io.StringIO) -> None:
    set_up("info", "json", io.StringIO())
    set_up("info", "json", out)
    log.info("once")
    assert len(fields(out)) == 1


def test_what_the_service_says_is_written_whatever_the_level_is(
    out: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up("error", "json", out)
    voice = Voice("json")
    voice.say(f"next edition at 100%, to {PERSON}", digest="morning")
    voice.say_in_a_signal("stopping")
    (line,) = fields(out)
    assert (line["message"], line["digest"]) == (
        "next edition at 100%, to j…@example.org",
        "morning",
    )
    said = json.loads(capfd.readouterr().err)
    assert (said["message"], said["logger"]) == ("stopping", "digest.serve")


def test_in_words_the_service_says_no_more_than_the_words(
    out: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up("error", "console", out)
    voice = Voice("console")
    voice.say("next edition at 7", digest="morning")
    voice.say_in_a_signal("stopping")
    assert (out.getvalue(), capfd.readouterr()) == ("", ("", "next edition at 7\nstopping\n"))


def test_structlog_s_own_loggers_go_the_same_way(out: io.StringIO, capsys: Any) -> None:
    set_up("info", "json", out)
    take_structlog()
    own = structlog.stdlib.get_logger("digest.web")
    own.info("asked", digest="morning")
    own.debug("too little")
    (line,) = fields(out)
    assert (line["message"], line["digest"], line["logger"]) == ("asked", "morning", "digest.web")
    assert line["level"] == "info"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_cannot_be_written_as_utf_8_is_written_all_the_same(form: Any) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8")
    set_up("info", form, out)
    extra = {"path": "\ud800", "zeit": datetime(2026, 3, 2)}  # noqa: DTZ001
    words = ("caf\udce9",)
    line = log.makeRecord(log.name, logging.INFO, __file__, 1, "file %s", words, None, extra=extra)
    # To our handler alone: pytest keeps what reaches its own, and can't send it between processes.
    (ours,) = (
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is out
    )
    ours.handle(line)
    out.flush()
    assert b"file caf?" in raw.getvalue()
