"""The desk's English, all of it in `desk.toml`: what its pages say, and what it refuses, why."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

_FILE = Path(__file__).parent / "desk.toml"


class DeskWords:
    """What templates call `t`: `t("send.approve", name=value)` gives a text with values filled in.

    An entry that is a table of `one` and `other` is chosen from by the value `n`. A name that isn't
    there is a mistake of whoever asks: KeyError.
    """

    def __init__(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        self._sections = sections

    def __call__(self, name: str, /, **values: object) -> str:
        """The text as plain text; a template escapes it, values too."""
        return self._entry(name, values).format(**values)

    def html(self, name: str, /, **values: object) -> Markup:
        """The text as HTML of ours; the values are escaped."""
        return Markup(self._entry(name, values)).format(**values)

    def _entry(self, name: str, values: Mapping[str, object]) -> str:
        section, _, key = name.partition(".")
        try:
            entry = self._sections[section][key]
        except KeyError as error:
            raise KeyError(f"{_FILE.name} has no {name!r}; write it there") from error
        if isinstance(entry, dict):
            entry = entry["one" if values.get("n") == 1 else "other"]
        return str(entry)


@cache
def desk_words() -> DeskWords:
    """The words of the file that comes with digest."""
    return DeskWords(tomllib.loads(_FILE.read_text("utf-8")))
