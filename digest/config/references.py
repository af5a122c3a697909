"""What can only be seen by looking at several places of `feeds.yaml` at once.

Works on the plain data rather than the models, so that one bad value elsewhere does not hide
what is found here; what has the wrong type is passed over, the models report it.
"""

from __future__ import annotations

from collections.abc import Iterator

from digest.config.fields import quoted
from digest.config.nearest import suggestion
from digest.config.yaml_lines import YamlData, YamlFile, YamlPath, dotted
from digest.errors import Problem
from digest.text.addresses import same_address


def cross_problems(file: YamlFile) -> list[Problem]:
    """Empty values, names and addresses given twice, and digests that name unknown feeds."""
    return [
        *_empty_values(file),
        *_repeated(file, "digests", "name", "digest"),
        *_repeated(file, "feeds", "name", "feed"),
        *_repeated(file, "feeds", "url", "feed"),
        *_unknown_feeds(file),
    ]


def _items(file: YamlFile, section: str) -> Iterator[tuple[YamlPath, dict[str, YamlData]]]:
    """The mappings listed under `section`, each with its path."""
    listed = file.data.get(section) if isinstance(file.data, dict) else None
    for index, item in enumerate(listed if isinstance(listed, tuple) else ()):
        if isinstance(item, dict):
            yield (section, index), item


def _empty_values(file: YamlFile) -> Iterator[Problem]:
    places: list[tuple[YamlPath, YamlData]] = [((), file.data)]
    for section in ("digests", "feeds"):
        for path, item in _items(file, section):
            places += [(path, item), ((*path, "summary"), item.get("summary"))]
    for path, mapping in places:
        for key, value in mapping.items() if isinstance(mapping, dict) else ():
            if value is None:
                here = (*path, key)
                message = "has no value; write one behind the colon"
                yield Problem(file.name, file.line(here), dotted(here), message)


def _repeated(file: YamlFile, section: str, key: str, kind: str) -> Iterator[Problem]:
    first: dict[str, int | None] = {}
    for path, item in _items(file, section):
        value = item.get(key)
        if not isinstance(value, str):
            continue
        here = (*path, key)
        line = file.line(here)
        same = same_address(value) if key == "url" else value.strip()
        if same in first:
            message = f"{quoted(value)} is already the {key} of the {kind} on line {first[same]}"
            yield Problem(file.name, line, dotted(here), message)
        else:
            first[same] = line


def _unknown_feeds(file: YamlFile) -> Iterator[Problem]:
    names: list[str] = []
    tags: list[str] = []
    for _, feed in _items(file, "feeds"):
        if isinstance(name := feed.get("name"), str):
            names.append(name.strip())
        if isinstance(listed := feed.get("tags"), tuple):
            tags += [tag.strip() for tag in listed if isinstance(tag, str)]
    known = list(dict.fromkeys(names + tags))
    for path, digest in _items(file, "digests"):
        wanted = digest.get("feeds")
        for index, word in enumerate(wanted if isinstance(wanted, tuple) else ()):
            if isinstance(word, str) and word.strip() not in known:
                here = (*path, "feeds", index)
                message = f"{quoted(word)} is no feed's name or tag{suggestion(word, known)}"
                yield Problem(file.name, file.line(here), dotted(here), message)
