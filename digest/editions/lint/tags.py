"""Whether the tags of a page are closed as they are opened, before a parser has mended them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

from digest.editions.lint.markup import Places
from digest.records import Finding

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# Those that HTML lets one leave open (HTML Standard, 13.1.2.4).
_MAY_STAY_OPEN = frozenset(
    "html head body li dt dd p rt rp optgroup option colgroup caption thead tbody tfoot tr td "
    "th".split()
)
# The first fault makes the next: more of them say nothing new.
_TOLD = 3


def unbalanced(html: str, sources: Mapping[str, str]) -> Iterator[Finding]:
    """Tags of `html` that aren't closed, and ends of what isn't open.

    Errors, for they move what follows into another cell or out of the page; of what HTML lets one
    leave open, warnings. The first three are told.
    """
    places = Places(sources)
    reader = _Tags()
    reader.feed(html)
    reader.close()
    faults = [*reader.faults, *reversed(reader.opened)]
    for tag, written in faults[:_TOLD]:
        if written.startswith("</"):
            message = f"{written} closes what isn't open"
            yield Finding("tags", "error", message, places.of(written))
            continue
        message = f"{written[:60]} isn't closed before what holds it is"
        where = places.of(written, written.partition(" ")[0])
        yield Finding("tags", "warning" if tag in _MAY_STAY_OPEN else "error", message, where)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[tuple[str, str]] = []
        self.faults: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in _VOID:
            self.opened.append((tag, self.get_starttag_text() or f"<{tag}>"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML knows no such thing: `<div />` is a `<div>`; in SVG it is one.
        if not any(open_tag == "svg" for open_tag, _ in self.opened) and tag != "svg":
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not any(open_tag == tag for open_tag, _ in self.opened):
            self.faults.append((tag, f"</{tag}>"))
            return
        while self.opened:
            open_tag, written = self.opened.pop()
            if open_tag == tag:
                return
            self.faults.append((open_tag, written))
