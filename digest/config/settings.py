"""Settings: environment variables `DIGEST_*`, and the same names in `.env`, current folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from digest.config.messages import plain
from digest.config.nearest import nearest
from digest.errors import ConfigError, Problem
from digest.text.urls import canonical_url, is_http, redact

PREFIX = "DIGEST_"
ENV_FILE = Path(".env")

# Of hexadecimal digits these are 64 bits: more than anybody tries out to sign a newsletter's links.
_KEY_LENGTH = 16


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """Where things are and how the program behaves; what is in a digest stands in `feeds.yaml`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    config: Path = Field(default=Path("feeds.yaml"), description="The file of digests and feeds.")
    outbox_dir: Path = Field(default=Path("outbox"), description="Where editions wait.")
    state_dir: Path = Field(
        default=Path("state"), description="The database and what else is remembered."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="Another database than the default: `postgresql://user:password@host/name`, "
        "or `sqlite:///FILE`.",
    )
    templates_dir: Path = Field(default=Path("templates"), description="Where themes are.")
    contact: str = Field(
        default="",
        max_length=200,
        description="Address or URL that feeds' servers may complain to.",
    )
    public_url: str | None = Field(
        default=None,
        max_length=500,
        description="The http(s) address under which the outbox is published, for links to earlier "
        "editions, and under which `digest serve` answers what begins with `/subscription/`.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="How mail leaves: `smtp://user:password@host:587`, `smtps://…` for TLS from "
        "the start, `maildir:FOLDER` or `file:FOLDER`. Without it nothing is sent.",
    )
    smtp_connections: int = Field(
        default=1, ge=1, le=20, description="How many connections to the mail server at once."
    )
    smtp_per_connection: int = Field(
        default=100, ge=1, le=100_000, description="Most messages over one connection."
    )
    smtp_per_second: float | None = Field(
        default=None, gt=0, le=10_000, description="Most messages a second; no limit if unset."
    )
    smtp_per_hour: int | None = Field(
        default=None, ge=1, le=10_000_000, description="Most messages an hour; no limit if unset."
    )
    smtp_timeout_seconds: float = Field(
        default=60,
        ge=1,
        le=600,
        description="How long the mail server may be silent; after a message's end ten times that, "
        "up to the ten minutes that RFC 5321 grants.",
    )
    send_retry_hours: float = Field(
        default=48,
        gt=0,
        le=240,
        description="How long a message that a server put off is tried again before it counts as "
        "bounced.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="What signs the links to confirm and to unsubscribe; made and kept in the "
        "database if unset. Several, parted by blanks: the last signs, all are honoured. 16 "
        "characters each, or more.",
    )
    desk_token: SecretStr | None = Field(
        default=None,
        description="The key that `digest preview` and `digest serve` ask for before they show the "
        "editor's desk; where it isn't set, one is made at each start with `--host`, and none is "
        "asked for without. 16 characters or more.",
    )
    fetch_minutes: int = Field(
        default=30,
        ge=0,
        le=1440,
        description="How often `digest serve` looks which feeds may be asked again, between "
        "editions; 0 never.",
    )
    dkim_key: Path | None = Field(
        default=None, description="The private key (PEM, RSA or Ed25519) that signs messages."
    )
    dkim_selector: str = Field(
        default="digest",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$",
        description="The name under which DNS has the public key.",
    )
    dkim_domain: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$",
        max_length=253,
        description="The domain that signs, when it isn't the sender's.",
    )
    allow_private_networks: bool = Field(
        default=False,
        description="Whether feeds and pages may be fetched from this machine and its own network, "
        "and from any port.",
    )
    encoder: str | None = Field(
        default=None,
        max_length=300,
        description=(
            "Another sentence encoder than the packaged one, for example a multilingual one: a "
            "sentence-transformers folder, or a repository of the hub (`owner/name@revision`)."
        ),
    )
    device: str | None = Field(
        default=None,
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        description="Where models run: `cpu`, `cuda`, `cuda:1`, `mps`; the best there is if unset.",
    )
    dtype: Literal["float32", "float16", "bfloat16"] | None = Field(
        default=None,
        description="Number format of models that write; what suits the device if unset.",
    )
    dask_scheduler: str | None = Field(
        default=None,
        description="Where feeds are fetched and summaries are made: the scheduler of a Dask "
        "cluster, `tcp://host:8786`; this machine if unset.",
    )
    dask_fallback: bool = Field(
        default=False,
        description="Whether this machine does the work where the cluster can't; else that is an "
        "error.",
    )
    keep_days: int = Field(
        default=400,
        ge=60,
        le=36_500,
        description="How long articles and what became of them are kept. What is not yet sent, or "
        "what an edition's memory needs, stays.",
    )
    misfire_grace_hours: float = Field(
        default=6,
        gt=0,
        le=72,
        description="How late a scheduled edition may still be built, and its sending begin.",
    )
    fetch_timeout_seconds: float = Field(
        default=30, gt=0, le=600, description="How long one feed may take."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field(default="warning", description="The least important log line that is written.")
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        default="console", description="Log lines for people, or JSON, a line each."
    )

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        # The value may hold a password, so the message does not show it.
        if value is not None and not re.match(r"[a-z0-9+]+://", value.get_secret_value()):
            raise ValueError(
                "is not the address of a database; for example sqlite:///state/digest.db or "
                "postgresql://user:password@host/name"
            )
        return value

    @field_validator("dask_scheduler")
    @classmethod
    def _is_a_scheduler(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"(tcp|tls)://[^\s/@]+:\d{1,5}", value):
            raise ValueError(
                "is not the address of a Dask scheduler; for example tcp://scheduler.example:8786"
            )
        return value

    @field_validator("secret_key")
    @classmethod
    def _is_made_of_strong_keys(cls, value: SecretStr | None) -> SecretStr | None:
        # Each part signs by itself, so each must be strong. Their number is all that is shown.
        if value is not None:
            lengths = [len(key) for key in value.get_secret_value().split()]
            if not lengths or min(lengths) < _KEY_LENGTH:
                which = "the key" if len(lengths) < 2 else f"each of the {len(lengths)} keys"
                raise ValueError(
                    f"{which} must have {_KEY_LENGTH} characters or more; blanks part one key from "
                    "the next, and `openssl rand -hex 32` makes one without"
                )
        return value

    @field_validator("desk_token")
    @classmethod
    def _is_a_strong_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        key = value.get_secret_value()
        # It is typed and pasted into a form, and stands in an address.
        if len(key) < _KEY_LENGTH or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError(
                f"must have {_KEY_LENGTH} characters of ASCII or more, without blanks; "
                "`openssl rand -hex 32` makes one"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _is_a_folder_of_the_web(cls, value: str | None) -> str | None:
        if not value:
            return None
        address = canonical_url(value).rstrip("/")
        if not is_http(address) or "?" in address or "#" in address:
            raise ValueError(
                f"{redact(value)!r} is not the http(s) address of a folder; for example "
                "https://news.example.org/digests"
            )
        return address

    @field_validator("contact")
    @classmethod
    def _fits_a_header(cls, value: str) -> str:
        if not (value.isascii() and (value.isprintable() or not value)):
            raise ValueError(f"{value!r} must be one line of ASCII, since it goes into a header")
        return value

    @property
    def archive(self) -> str:
        """The public address without a slash at its end; empty when there is none."""
        return self.public_url or ""

    @property
    def database(self) -> str:
        """The database's address, password included: for opening it, never for printing."""
        if self.database_url is not None:
            address = self.database_url.get_secret_value()
            # As libpq writes it; SQLAlchemy wants to know the driver.
            return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", address)
        return f"sqlite:///{self.state_dir / 'digest.db'}"


def load_settings(file: Path = ENV_FILE) -> Settings:
    """Read the environment, then `.env`, or another `file`, for what the environment leaves open.

    Relative paths stay relative to the current folder. Raises ConfigError that names variable and
    file, with the line where the value came from `.env`.
    """
    try:
        return Settings(_env_file=file)
    except ValidationError as error:
        problems = [
            _problem(file, variable(str(details["loc"][0])), plain(details))
            for details in error.errors(include_url=False)
        ]
        raise ConfigError(problems) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(file), None, "", "is not UTF-8")]) from error
    except OSError as error:
        message = f"can't be read: {error.strerror or error}"
        raise ConfigError([Problem(str(file), None, "", message)]) from error


def variable(field: str) -> str:
    """The environment variable of a field: `outbox_dir` → `DIGEST_OUTBOX_DIR`."""
    return PREFIX + field.upper()


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """A line for each `DIGEST_*` name, in `environ` or `.env`, that nothing reads."""
    known = [variable(field) for field in Settings.model_fields]
    names = {*environ, *(dotenv_values(ENV_FILE) if ENV_FILE.is_file() else ())}
    remarks = []
    for name in sorted(name for name in names if name.upper().startswith(PREFIX)):
        if name.upper() not in known:
            guess = nearest(name[len(PREFIX) :], (word[len(PREFIX) :] for word in known))
            hint = f" (did you mean {PREFIX}{guess}?)" if guess else ""
            remarks.append(f"{name}: unknown setting{hint}")
    return remarks


def _problem(file: Path, name: str, message: str) -> Problem:
    if name in (key.upper() for key in os.environ if os.environ[key]):
        return Problem("environment", None, name, message)
    return Problem(str(file), _line_in_env_file(file, name), name, message)


def _line_in_env_file(file: Path, name: str) -> int | None:
    """The line that sets `name`, counted from 1; the last one wins, as in the reading of it."""
    setting = re.compile(rf"\s*(?:export\s+)?['\"]?{re.escape(name)}['\"]?\s*=", re.I)
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, start=1) if setting.match(line)]
    return found[-1] if found else None
