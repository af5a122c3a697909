"""What a template that extends another says of itself: its blocks, and what is in none of them.

With `render`, `sandbox` and `compiled` a door to jinja2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jinja2 import BaseLoader, nodes
from jinja2 import Environment as Jinja


@dataclass(frozen=True, slots=True)
class Outline:
    """A template that extends another; all numbers are lines.

    `blocks` are those that stand in no other block; `known` the names that what it extends has, at
    any depth. `before` are the texts above `extends`, printed above the whole page; `outside` those
    below it that are in no block, and printed nowhere.
    """

    path: str
    blocks: Mapping[str, int]
    known: frozenset[str]
    before: tuple[int, ...]
    outside: tuple[int, ...]


def outline(environment: Jinja, name: str, path: str) -> Outline | None:
    """That of the template `name`; None when it extends none, or one that only the edition tells.

    `path` is that of its file. Raises jinja2's TemplateSyntaxError and TemplateNotFound.
    """
    tree = _parsed(environment, name)
    parent = _parent(tree)
    if parent is None:
        return None
    known: set[str] = set()
    seen = {name}
    while parent is not None and parent not in seen:
        seen.add(parent)
        above = _parsed(environment, parent)
        known |= {block.name for block in above.find_all(nodes.Block)}
        parent = _parent(above)
    blocks = {block.name: block.lineno for block in _outermost(tree)}
    begins = next(at for at, node in enumerate(tree.body) if isinstance(node, nodes.Extends))
    before = tuple(_texts(tree.body[:begins]))
    outside = tuple(_texts(tree.body[begins + 1 :]))
    return Outline(path, blocks, frozenset(known), before, outside)


def _parsed(environment: Jinja, name: str) -> nodes.Template:
    loader = environment.loader
    assert isinstance(loader, BaseLoader)
    source, path, _ = loader.get_source(environment, name)
    return environment.parse(source, name, path)


def _parent(tree: nodes.Template) -> str | None:
    """The name of what it extends; None for nothing, and for what isn't written there."""
    for node in tree.body:
        if isinstance(node, nodes.Extends):
            is_known = isinstance(node.template, nodes.Const)
            return str(node.template.value) if is_known else None  # type: ignore[attr-defined]
    return None


def _outermost(node: nodes.Node) -> Iterator[nodes.Block]:
    """The blocks that stand in no other."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Block):
            yield child
        else:
            yield from _outermost(child)


def _texts(body: list[nodes.Node]) -> Iterator[int]:
    """The lines where something would be printed."""
    for node in body:
        if isinstance(node, nodes.Include):
            yield node.lineno
        elif isinstance(node, nodes.Output):
            for piece in node.nodes:
                if not isinstance(piece, nodes.TemplateData):
                    yield piece.lineno
                elif text := piece.data.lstrip():
                    # The line of a text is that on which the blanks before it begin.
                    yield piece.lineno + piece.data[: -len(text)].count("\n")
