"""A YAML file as plain data, with the line of every key and list item.

The file is composed to nodes by ruamel.yaml's round-trip loader (YAML 1.2, the loader that keeps
comments when a command edits the file) and turned into data here. Nodes, unlike loaded data, know
their lines even where a scalar, a duplicate key or an alias stands.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from digest.errors import ConfigError, Problem

YamlPath = tuple[str | int, ...]
YamlData = dict[str, "YamlData"] | tuple["YamlData", ...] | str | int | float | bool | None

MAX_BYTES = 4 * 1024 * 1024
"""Some 30,000 feeds; more than that is not a file a person keeps, and may be a device."""

MAX_DEPTH = 20
"""`feeds.yaml` is four levels deep."""

MAX_ALIASED = 10_000
"""Nodes that may come in through aliases: honest files have dozens, a "billion laughs" 10^9."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CORE = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's data: dicts with text keys, tuples and scalars. `lines` count from 1.

    `problems` are faults that leave the rest of the file readable, such as a key given twice.
    """

    name: str
    data: YamlData
    lines: Mapping[YamlPath, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: YamlPath) -> int | None:
        """The line of what `path` leads to, or of the nearest thing around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def dotted(path: YamlPath) -> str:
    """A path as people write it: `feeds[3].url`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML document. `data` is None for a file without content.

    Raises ConfigError when the file can't be opened, decoded or parsed.
    """
    return parse_yaml(_read_text(path), str(path))


def parse_yaml(text: str, name: str) -> YamlFile:
    """Like `read_yaml`, of a text; `name` is what errors call it."""
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigError(
            [Problem(name, line, "", f"holds the control character {found.group()!r}; remove it")]
        )
    try:
        with warnings.catch_warnings():
            # An anchor may be set again (YAML 1.2, section 3.2.2.2): nothing to tell a user of.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise ConfigError([_syntax_problem(name, error)]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"holds the character U+{error.character:04X}, which YAML forbids; remove it"
        raise ConfigError([Problem(name, line, "", message)]) from error
    except RecursionError as error:
        raise ConfigError([Problem(name, None, "", _TOO_DEEP)]) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError([Problem(name, None, "", f"is not valid YAML: {error}")]) from error
    walk = _Walk(name)
    data = walk.value(root, ()) if root is not None else None
    return YamlFile(name, data, walk.lines, tuple(walk.problems))


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"


def _read_text(path: Path) -> str:
    name = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        message = "there is no such file; `digest init` makes one, `--config FILE` names another"
        raise ConfigError([Problem(name, None, "", message)]) from error
    except IsADirectoryError as error:
        raise ConfigError([Problem(name, None, "", "is a folder; name the file in it")]) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem(name, None, "", f"can't be read: {reason}")]) from error
    if len(content) > MAX_BYTES:
        message = f"is larger than {MAX_BYTES // 1024 // 1024} MiB; is it the right file?"
        raise ConfigError([Problem(name, None, "", message)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 (byte 0x{content[error.start]:02x}); save it as UTF-8"
        raise ConfigError([Problem(name, line, "", message)]) from error


# What the parser says where a text begins with `*`, `&`, `%` or `@`, or has `: ` in it.
_UNQUOTED = re.compile(r"mapping values|alphabetic or numeric|cannot start any token")


def _syntax_problem(name: str, error: MarkedYAMLError) -> Problem:
    line = error.problem_mark.line + 1 if error.problem_mark else None
    problem = error.problem or "it can't be read"
    if "'\\t'" in problem:
        return Problem(name, line, "", "has a tab; YAML is indented with spaces")
    context = ""
    if error.context and error.context_mark:
        context = f" ({error.context} that begins on line {error.context_mark.line + 1})"
    hint = "; put quotes round the text" if _UNQUOTED.search(problem) else ""
    return Problem(name, line, "", f"is not valid YAML: {problem}{context}{hint}")


class _Walk:
    """Turns nodes into data, noting lines and collecting problems on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[YamlPath, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()
        self._aliased = 0

    def value(self, node: Node, path: YamlPath) -> YamlData:
        if len(path) > MAX_DEPTH:
            # Also where an alias that stands inside its own anchor ends.
            raise ConfigError([Problem(self.name, _line(node), "", _TOO_DEEP)])
        self._count(node)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if str(node.tag) not in (_CORE + "map", _CORE + "seq"):
            self._note(node, path, _foreign(str(node.tag)))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path)
        raise TypeError(type(node))

    def _count(self, node: Node) -> None:
        if id(node) in self._seen:
            self._aliased += 1
        self._seen.add(id(node))
        if self._aliased > MAX_ALIASED:
            message = f"its aliases (*name) stand for more than {MAX_ALIASED} values"
            raise ConfigError([Problem(self.name, _line(node), "", message)])

    def _mapping(self, node: MappingNode, path: YamlPath) -> YamlData:
        data: dict[str, YamlData] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._note(key_node, path, "a key must be plain text")
                continue
            key, here = key_node.value, (*path, key_node.value)
            if key == "<<":
                self._note(key_node, path, "'<<' (merging) is not part of YAML 1.2; write the keys")
                continue
            if key in data:
                first = self.lines[here]
                self._note(key_node, path, f"{key!r} is given twice, first on line {first}")
                continue
            self.lines[here] = _line(key_node)
            data[key] = self.value(value_node, here)
        return data

    def _sequence(self, node: SequenceNode, path: YamlPath) -> YamlData:
        items: list[YamlData] = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.lines[here] = _line(item)
            items.append(self.value(item, here))
        return tuple(items)

    def _scalar(self, node: ScalarNode, path: YamlPath) -> YamlData:
        # The round-trip loader marks the folds of `>` scalars with BEL, which no file may hold.
        text: str = node.value.replace("\a", "") if node.style == ">" else node.value
        tag = str(node.tag)
        if not tag.startswith(_CORE):
            self._note(node, path, _foreign(tag))
            return text
        try:
            return _scalar(text, tag.removeprefix(_CORE))
        except ValueError:  # `!!int x`, or a number of thousands of digits: left to the models
            return text

    def _note(self, node: Node, path: YamlPath, message: str) -> None:
        self.problems.append(Problem(self.name, _line(node), dotted(path), message))


def _scalar(text: str, kind: str) -> YamlData:
    """A scalar by the core schema of YAML 1.2: dates, and the `yes` of YAML 1.1, are text."""
    match kind:
        case "null":
            return None
        case "bool" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text.lstrip("+-").startswith(("0x", "0o")) else int(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _foreign(tag: str) -> str:
    return f"the tag {tag!r} has no meaning here; remove it"


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
