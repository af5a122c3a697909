"""The `topics` of a digest in `feeds.yaml`: names, descriptions, keywords, or `auto`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from digest.config.fields import Line, quoted
from digest.config.nearest import suggestion

AUTO: Literal["auto"] = "auto"
"""The value of `topics` for topics that are found in the articles."""

# The heading of what fits no topic, which `digest.stories.topics` gives: no topic may have it.
_RESERVED = "more"

_HOW = "write a description, or {description: …, keywords: […]}"


class TopicSpec(BaseModel):
    """One topic of a digest: what belongs under it."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    description: Line = Field(
        default="",
        title="Description",
        description="What belongs under the heading, in plain words, its matters parted by "
        "commas. Left out: that of the built-in topic of this name, or nearest to it in meaning.",
        examples=["oil, gas, the grid"],
    )
    keywords: tuple[Line, ...] = Field(
        default=(),
        max_length=100,
        title="Keywords",
        description="Words or phrases: a story that has one in its title or opening is likely to "
        "belong.",
        examples=[["pipeline", "OPEC", "power plant"]],
    )


def _topic(value: object) -> object:
    """A description, or nothing, as the mapping that it stands for."""
    if value is None:
        return {}
    if isinstance(value, str):
        if not value.strip():
            return {}
        return {"description": value}
    if isinstance(value, TopicSpec):
        return value
    if not isinstance(value, Mapping):
        kind = "a list" if isinstance(value, tuple | list) else quoted(value)
        raise ValueError(f"{kind} is not a topic's description; {_HOW}")
    for key in value:
        if key not in TopicSpec.model_fields:
            raise ValueError(f"unknown key {key!r}{suggestion(str(key), TopicSpec.model_fields)}")
    # A key without value, as a file that is being written has, means what leaving it out does.
    return {key: given for key, given in value.items() if given is not None}


_Written = Annotated[
    TopicSpec, BeforeValidator(_topic, json_schema_input_type=TopicSpec | str | None)
]


def _names(value: object) -> object:
    """A list of names as a mapping without descriptions, so that one kind is left."""
    if isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no list of topics; write [{quoted(value)[1:-1]}]")
    if isinstance(value, tuple | list):
        names: dict[str, None] = {}
        for name in value:
            if not isinstance(name, str):
                raise ValueError(
                    f"{quoted(name)} is not a topic's name; write names, or name: description"
                )
            if name in names:
                raise ValueError(f"{quoted(name)} is listed twice")
            names[name] = None
        value = names
    if isinstance(value, Mapping):
        _check_names([name for name in value if isinstance(name, str)])
    return value


def _check_names(names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        folded = name.strip().casefold()
        if folded == AUTO:
            raise ValueError(f"{quoted(name)} is no topic's name; alone, topics: auto finds topics")
        if folded == _RESERVED:
            raise ValueError(
                f"{quoted(name)} is the heading of what fits no topic; take another name"
            )
        if folded in seen:
            raise ValueError(f"{quoted(seen[folded])} and {quoted(name)} are the same heading")
        seen[folded] = name


def named(text: str) -> list[str] | Literal["auto"]:
    """The topics that a command line names, as in "World,Sport" or "auto". Raises ValueError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError("names no topic; write World,Sport or auto")
    if [name.casefold() for name in names] == [AUTO]:
        return AUTO
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{quoted(twice)} is listed twice")
    _check_names(names)
    return names


@dataclass(frozen=True)
class _AutoOrNamed:
    """`auto` as it stands, else topics by name. A union would name its branches in errors."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def auto_or_named(value: Any, named: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, str) and value.strip().casefold() == AUTO:
                return AUTO
            return named(_names(value))

        return core_schema.no_info_wrap_validator_function(
            auto_or_named,
            handler.generate_schema(dict[Line, _Written]),
            json_schema_input_schema=handler.generate_schema(
                Literal["auto"] | dict[Line, _Written] | list[Line]
            ),
        )


Topics = Annotated[dict[str, TopicSpec] | Literal["auto"], _AutoOrNamed()]
"""Topics by name, in their order, or `AUTO`."""
