"""`feeds.yaml`: its models, and the reading of it with every problem named by line and field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from digest.config.fields import (
    FeedUrl,
    Language,
    Line,
    Memory,
    Schedule,
    Sender,
    Slug,
    Subject,
    SummaryModel,
    TimeZone,
    Window,
)
from digest.config.messages import plain, shown
from digest.config.nearest import suggestion
from digest.config.references import cross_problems
from digest.config.topics import Topics
from digest.config.yaml_lines import YamlFile, YamlPath, dotted, read_yaml
from digest.errors import ConfigError, Problem
from digest.text.subject import SUBJECT

if TYPE_CHECKING:
    from digest.records import Feed


class _Spec(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def keys(cls) -> list[str]:
        """The keys a file may use, in the order of the model."""
        return [field.alias or name for name, field in cls.model_fields.items()]


class SummarySpec(_Spec):
    """How articles are summarised."""

    model: SummaryModel = Field(
        default="extractive",
        title="Model",
        description=(
            "What writes the summaries. `extractive` takes sentences word for word; "
            "`distilbart`, `bart-large-cnn`, `pegasus`, `flan-t5-small`, `smollm2`, a repository "
            "of the hub (`owner/name@revision`) or a folder (`./folder`) write their own, of "
            "which only what the article supports is printed."
        ),
        examples=["extractive", "distilbart"],
    )
    sentences: int = Field(
        default=2, ge=1, le=10, title="Sentences", description="Most sentences a summary may have."
    )
    words: int | None = Field(
        default=None,
        ge=10,
        le=1000,
        title="Words",
        description=(
            "Most words of an extractive summary, unless no sentence is so short; 35 for each "
            "sentence when left out."
        ),
    )


class DigestSpec(_Spec):
    """One digest: what goes into it, when it is built, how it looks."""

    name: Slug = Field(
        title="Name",
        description="Short name; also the folder under the outbox, so a-z, 0-9, - and _ only.",
        examples=["morning"],
    )
    title: Line = Field(
        default="",
        title="Title",
        description="What readers see at the top. Left out: the name.",
        examples=["The Morning Digest"],
    )
    schedule: Schedule | None = Field(
        default=None,
        title="Schedule",
        description="Cron line in the digest's time zone, for `digest serve`: minute, hour, day "
        "of month, month, day of week. Left out: built only by `digest run`.",
        examples=["0 7 * * mon-fri", "@daily"],
    )
    timezone: TimeZone = Field(
        default="UTC",
        title="Time zone",
        description="IANA time zone of the schedule, the date and the times shown.",
        examples=["Europe/London"],
    )
    window: Window = Field(
        default="24h",
        validate_default=True,
        title="Window",
        description="How far back articles are taken: a number of m, h or d, or `all` for "
        "whatever was not told yet.",
        examples=["24h", "7d", "all"],
    )
    feeds: tuple[Line, ...] | None = Field(
        default=None,
        min_length=1,
        title="Feeds",
        description="Names or tags of feeds. Left out: all feeds.",
        examples=[["world", "tech"]],
    )
    topics: Topics | None = Field(
        default=None,
        min_length=1,
        title="Topics",
        description="The headings: a list of names, or each name with a description of what "
        "belongs under it and keywords; `auto` finds them in the articles. Left out: the built-in "
        "topics.",
        examples=[
            ["World", "Technology"],
            {"World": "wars, diplomacy, elections abroad"},
            {"Energy": {"description": "oil, gas, the grid", "keywords": ["OPEC", "pipeline"]}},
            "auto",
        ],
    )
    max_stories: int = Field(
        default=20, ge=1, le=200, title="Most stories", description="Most stories in one edition."
    )
    max_per_topic: int | None = Field(
        default=None,
        ge=1,
        le=200,
        title="Most stories of a topic",
        description="Most stories of one topic, while others have stories to fill the edition. "
        "Left out: half of `max_stories`.",
    )
    max_per_feed: int | None = Field(
        default=None,
        ge=1,
        le=200,
        title="Most stories of a feed",
        description="Most stories led by one feed, while others have stories to fill the edition. "
        "Left out: a third of `max_stories`.",
    )
    memory: Memory = Field(
        default="7d",
        validate_default=True,
        title="Memory",
        description="A number of days (d): what the editions of so long told comes back only as "
        "an update, when there is news. 0d: stories are not compared, though no article is told "
        "twice.",
        examples=["7d", "0d"],
    )
    summary: SummarySpec = Field(
        default=SummarySpec(),
        title="Summary",
        description="What writes the summaries, and how long they are.",
    )
    template: Slug = Field(
        default="classic",
        title="Template",
        description="The theme: a folder of the templates folder.",
        examples=["classic"],
    )
    language: Language = Field(
        default="en",
        title="Language",
        description="The language of the fixed words, dates and numbers; articles stay in theirs. "
        "There are en, de, fr, es and uk; a file in `templates/locale` makes another.",
        examples=["de"],
    )
    subject: Subject = Field(
        default=SUBJECT,
        title="Subject",
        description="The subject line, with any of {title}, {headline} and {topic} (of the top "
        "story), {date} and {stories} (how many there are).",
        examples=["{headline} | {title}"],
    )
    images: Literal["none", "lead", "all"] = Field(
        default="none",
        title="Images",
        description="Which stories are printed with the picture of their article, which stays at "
        "its source: none, the first of the edition (`lead`), or all.",
    )
    postal_address: Line = Field(
        default="",
        title="Postal address",
        description="Postal address of the sender, for the footer; many countries ask for one.",
        examples=["The Morning Digest, 12 Harbour Street, Exampleton"],
    )
    review: bool = Field(
        default=False,
        title="Review",
        description="true: an editor must approve an edition before anything is sent.",
    )
    show_failed_feeds: bool = Field(
        default=False,
        title="Show failed feeds",
        description="true: the footer tells readers, too, which feeds have been failing. Editors "
        "see it in the preview.",
    )
    sender: Sender = Field(
        default="Digest <digest@localhost>",
        alias="from",
        title="From",
        description="Sender of the e-mail.",
        examples=["The Morning Digest <digest@example.org>"],
    )

    @property
    def label(self) -> str:
        """What readers see: the title when there is one, else the name."""
        return self.title or self.name


class FeedSpec(_Spec):
    """One feed."""

    name: Slug = Field(
        title="Name",
        description="Short name, used in `feeds` of a digest, in reports and in the database.",
        examples=["bbc-world"],
    )
    url: FeedUrl = Field(
        title="Address",
        description="http(s) address, or a path relative to this file.",
        examples=["https://example.org/rss.xml", "feeds/sample.xml"],
    )
    title: Line = Field(
        default="",
        title="Title",
        description="What readers see as the source. Left out: the name.",
        examples=["BBC News"],
    )
    tags: tuple[Line, ...] = Field(
        default=(),
        title="Tags",
        description="Words by which digests choose feeds.",
        examples=[["world"]],
    )
    topic: Line | None = Field(
        default=None,
        title="Topic",
        description="The topic most of its articles belong to: a hint, not a rule.",
        examples=["World"],
    )
    weight: float = Field(
        default=1.0,
        gt=0,
        le=10,
        title="Weight",
        description="How much its articles count in the ranking; 1 is usual.",
    )
    full_text: Literal["auto", "always", "never"] = Field(
        default="auto",
        title="Full text",
        description="Whether articles' own pages are fetched for their text: `auto` where the feed "
        "has only a teaser (never for a feed that is a file), `always`, `never`.",
    )


class Config(_Spec):
    """A whole `feeds.yaml`: the digests to build and the feeds they are built from."""

    digests: tuple[DigestSpec, ...] = Field(
        min_length=1, title="Digests", description="The digests to build."
    )
    feeds: tuple[FeedSpec, ...] = Field(
        min_length=1, title="Feeds", description="The feeds to read."
    )

    def digest(self, name: str) -> DigestSpec | None:
        """The digest of that name."""
        return next((digest for digest in self.digests if digest.name == name), None)

    def feeds_of(self, digest: DigestSpec) -> tuple[Feed, ...]:
        """The feeds that `digest` chooses by name or tag, each once, in the order of the file."""
        if digest.feeds is None:
            return self.records()
        wanted = set(digest.feeds)
        return tuple(
            feed for feed in self.records() if not wanted.isdisjoint((feed.name, *feed.tags))
        )

    def records(self) -> tuple[Feed, ...]:
        """All feeds, in the order of the file."""
        from digest.records import Feed  # brings numpy, which reading a file has no use for

        return tuple(
            Feed(
                feed.name,
                feed.url,
                feed.title,
                feed.tags,
                feed.topic,
                feed.weight,
                feed.full_text,
            )
            for feed in self.feeds
        )


_SPECS: dict[YamlPath, type[_Spec]] = {
    (): Config,
    ("digests",): DigestSpec,
    ("digests", "summary"): SummarySpec,
    ("feeds",): FeedSpec,
}


def load_config(path: Path) -> Config:
    """Read and check `feeds.yaml`. Feeds that are paths come out absolute.

    A path is relative to the folder of the file; whether it exists is not asked here, because a
    missing feed file is that feed's failure. Raises ConfigError with everything that is wrong.
    """
    file = read_yaml(path)
    _check_whole(file)
    problems = [*file.problems, *cross_problems(file)]
    config: Config | None = None
    try:
        config = Config.model_validate(file.data, context={"folder": path.absolute().parent})
    except ValidationError as error:
        # A place already spoken of (an empty value, a doubled name) is not spoken of again.
        told = {(problem.line, problem.field) for problem in problems}
        found = [_problem(file, details) for details in _own_errors(error)]
        problems += [problem for problem in found if (problem.line, problem.field) not in told]
        cause: Exception | None = error
    else:
        cause = None
    if problems or config is None:
        raise ConfigError(sorted(problems, key=lambda p: p.line or 0)) from cause
    return config


def _check_whole(file: YamlFile) -> None:
    """Say what a file is that is no mapping at all."""
    hint = "it needs 'digests:' and 'feeds:'; `digest init` makes one to start from"
    if isinstance(file.data, dict):
        return
    what = "is empty" if file.data is None else f"is {shown(file.data)}, not a mapping"
    raise ConfigError([Problem(file.name, None, "", f"{what}: {hint}"), *file.problems])


def _own_errors(error: ValidationError) -> list[ErrorDetails]:
    """pydantic's errors, less the lists that it calls too short because their items are wrong."""
    return [
        details
        for details in error.errors(include_url=False)
        if not (details["type"] == "too_short" and details["input"])
    ]


def _problem(file: YamlFile, error: ErrorDetails) -> Problem:
    path = tuple(step for step in error["loc"] if step != "[key]")
    line = file.line(path)
    spec = _SPECS.get(tuple(step for step in path[:-1] if isinstance(step, str)))
    if error["type"] == "extra_forbidden" and spec is not None:
        message = f"unknown key {path[-1]!r}{suggestion(str(path[-1]), spec.keys())}"
        return Problem(file.name, line, dotted(path[:-1]), message)
    if error["type"] == "missing" and spec is not None:
        return Problem(file.name, line, dotted(path), _missing(spec, str(path[-1])))
    if error["type"] == "too_short" and len(path) == 1:
        return Problem(file.name, line, dotted(path), "is empty; list at least one")
    return Problem(file.name, line, dotted(path), plain(error))


def _missing(spec: type[_Spec], key: str) -> str:
    field = next(f for name, f in spec.model_fields.items() if (f.alias or name) == key)
    example = f"; for example {key}: {field.examples[0]}" if field.examples else ""
    return f"is missing{example}"
