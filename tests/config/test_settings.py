"""Settings come from `DIGEST_*` variables and `.env`, and what is wrong with them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.config import Settings, load_settings, unknown_settings
from digest.errors import ConfigError


def complaints() -> list[str]:
    """The lines of the ConfigError that reading the settings must raise."""
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return str(caught.value).splitlines()


@pytest.mark.usefixtures("folder")
def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.config == Path("feeds.yaml")
    assert settings.outbox_dir == Path("outbox")
    assert settings.state_dir == Path("state")
    assert settings.templates_dir == Path("templates")
    assert settings.database == "sqlite:///state/digest.db"
    assert settings.contact == ""
    assert settings.encoder is None
    assert settings.misfire_grace_hours == 6
    assert settings.fetch_timeout_seconds == 30
    assert settings.log_level == "warning"


def test_the_environment_wins_over_the_env_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(
        "DIGEST_OUTBOX_DIR=from-file\nDIGEST_STATE_DIR=from-file\nOTHER_PROGRAM=1\n"
    )
    monkeypatch.setenv("DIGEST_OUTBOX_DIR", "from-environment")
    settings = load_settings()
    assert settings.outbox_dir == Path("from-environment")
    assert settings.state_dir == Path("from-file")


def test_the_default_database_lies_in_the_state_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_STATE_DIR", str(folder))
    assert load_settings().database == f"sqlite:///{folder}/digest.db"


@pytest.mark.usefixtures("folder")
def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_OUTBOX_DIR", "")
    monkeypatch.setenv("DIGEST_ENCODER", "")
    settings = load_settings()
    assert (settings.outbox_dir, settings.encoder) == (Path("outbox"), None)


@pytest.mark.usefixtures("folder")
def test_a_log_level_may_be_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_LOG_LEVEL", "INFO")
    assert load_settings().log_level == "info"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DIGEST_MISFIRE_GRACE_HOURS", "six", "'six' is not a number"),
        ("DIGEST_MISFIRE_GRACE_HOURS", "0", "'0' is too small; it must be more than 0"),
        ("DIGEST_MISFIRE_GRACE_HOURS", "100", "'100' is too large; the most is 72"),
        ("DIGEST_MISFIRE_GRACE_HOURS", "nan", "'nan' is not a number"),
        ("DIGEST_FETCH_TIMEOUT_SECONDS", "-1", "'-1' is too small; it must be more than 0"),
        (
            "DIGEST_LOG_LEVEL",
            "loud",
            "'loud' is not allowed; allowed: 'debug', 'info', 'warning', 'error'",
        ),
        (
            "DIGEST_CONTACT",
            "a@example.org\r\nX: y",
            "'a@example.org\\r\\nX: y' must be one line of ASCII, since it goes into a header",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    assert complaints() == [f"environment: {name}: {message}"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("value", "archive"),
    [
        ("", ""),
        ("https://news.example.org", "https://news.example.org"),
        ("https://news.example.org/digests/", "https://news.example.org/digests"),
        ("HTTP://News.example.org:80/d//", "http://news.example.org/d"),
        ("https://bücher.example/d", "https://xn--bcher-kva.example/d"),
    ],
)
def test_the_public_address_is_kept_without_a_slash_at_its_end(
    monkeypatch: pytest.MonkeyPatch, value: str, archive: str
) -> None:
    monkeypatch.setenv("DIGEST_PUBLIC_URL", value)
    assert load_settings().archive == archive


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "value", ["news.example.org", "/var/www", "ftp://e.org", "https://", "https://e.org/?a=1", "x"]
)
def test_what_is_no_public_address_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DIGEST_PUBLIC_URL", value)
    assert complaints() == [
        f"environment: DIGEST_PUBLIC_URL: {value!r} is not the http(s) address of a folder; for "
        "example https://news.example.org/digests"
    ]


def test_a_wrong_line_of_the_env_file_is_named(folder: Path) -> None:
    (folder / ".env").write_text(
        "# ours\n"
        "DIGEST_FETCH_TIMEOUT_SECONDS=10\n"
        "export DIGEST_FETCH_TIMEOUT_SECONDS = soon\n"
        "digest_misfire_grace_hours=99\n"
    )
    assert complaints() == [
        ".env:4: DIGEST_MISFIRE_GRACE_HOURS: '99' is too large; the most is 72",
        ".env:3: DIGEST_FETCH_TIMEOUT_SECONDS: 'soon' is not a number",
    ]


def test_an_env_file_that_is_not_utf_8_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"DIGEST_CONTACT=\xff\n")
    assert complaints() == [".env: is not UTF-8"]


@pytest.mark.usefixtures("folder")
def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql+psycopg://user:hunter2@host/digest"
    monkeypatch.setenv("DIGEST_DATABASE_URL", address)
    settings = load_settings()
    assert settings.database == address
    assert "hunter2" not in f"{settings} {settings!r} {settings.model_dump()}"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
@pytest.mark.usefixtures("folder")
def test_postgresql_is_written_as_everywhere(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DIGEST_DATABASE_URL", f"{scheme}://user@host/digest")
    assert load_settings().database == "postgresql+psycopg://user@host/digest"


@pytest.mark.parametrize("value", ["host:8786", "http://host:8786", "tcp://host", "tcp://a b:1"])
@pytest.mark.usefixtures("folder")
def test_what_is_no_scheduler_is_complained_of(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DIGEST_DASK_SCHEDULER", value)
    (line,) = complaints()
    assert line.startswith("environment: DIGEST_DASK_SCHEDULER: ")
    assert "for example tcp://scheduler.example:8786" in line


@pytest.mark.usefixtures("folder")
def test_a_wrong_secret_is_complained_of_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DIGEST_DATABASE_URL", "user:hunter2@host")
    assert complaints() == [
        "environment: DIGEST_DATABASE_URL: is not the address of a database; for example "
        "sqlite:///state/digest.db or postgresql://user:password@host/name"
    ]
    with pytest.raises(ValueError, match="database_url") as caught:
        Settings()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "which"),
    [
        ("old-strong-key-of-hunters x", "each of the 2 keys"),
        ("x old-strong-key-of-hunters", "each of the 2 keys"),
        ("hunters hunters hunters", "each of the 3 keys"),
        ("hunters", "the key"),
        (" " * 20, "the key"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_each_key_that_signs_must_be_strong_and_none_is_shown(
    monkeypatch: pytest.MonkeyPatch, value: str, which: str
) -> None:
    monkeypatch.setenv("DIGEST_SECRET_KEY", value)
    (line,) = complaints()
    assert line.startswith(
        f"environment: DIGEST_SECRET_KEY: {which} must have 16 characters or more"
    )
    assert "hunters" not in line


@pytest.mark.usefixtures("folder")
def test_several_strong_keys_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_SECRET_KEY", f"{'o' * 16}  {'n' * 16}\n")
    key = load_settings().secret_key
    assert key is not None
    assert key.get_secret_value().split() == ["o" * 16, "n" * 16]


def test_unknown_names_are_told_with_the_nearest_known(folder: Path) -> None:
    (folder / ".env").write_text("DIGEST_STATEDIR=x\nDIGEST_SMTP_URI=smtp://host\nOTHER=1\n")
    environ = {
        "DIGEST_OUTBOXDIR": "x",
        "DIGEST_OUTBOX_DIR": "x",
        "DIGEST_QQ": "x",
        "HOME": "/",
    }
    assert unknown_settings(environ) == [
        "DIGEST_OUTBOXDIR: unknown setting (did you mean DIGEST_OUTBOX_DIR?)",
        "DIGEST_QQ: unknown setting",
        "DIGEST_SMTP_URI: unknown setting (did you mean DIGEST_SMTP_URL?)",
        "DIGEST_STATEDIR: unknown setting (did you mean DIGEST_STATE_DIR?)",
    ]


@pytest.mark.parametrize("value", ["short", "with blanks in it and long", "Ünïcode-that-is-long"])
def test_a_key_of_the_desk_that_is_weak_or_cannot_be_typed_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DIGEST_DESK_TOKEN", value)
    with pytest.raises(ConfigError, match="DIGEST_DESK_TOKEN: must have 16 characters") as error:
        load_settings()
    assert value not in str(error.value)


def test_a_key_of_the_desk_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_DESK_TOKEN", "a-token-of-these-tests")
    settings = load_settings()
    assert settings.desk_token is not None
    assert settings.desk_token.get_secret_value() == "a-token-of-these-tests"
    assert "a-token" not in repr(settings)
