"""Each reader's own copy of an edition, as a message.

Inlining a page's CSS takes a hundred times as long as all else that a message needs. The copies of
readers who want the same topics and languages differ only in the reader's address, name and links,
so the page is filled in once, for a stand-in whose data are then replaced. A theme might do more
with them than print them (encode, shorten, wrap, decide by them): that is found out by trying, with
a second stand-in, and such a page is rendered whole for each reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from digest.editions.copies import copy_for
from digest.editions.mailboxes import parse_mailbox
from digest.editions.message import build_message, message_id
from digest.editions.render import Renderer
from digest.editions.signing import Signer
from digest.records import Delivery, Edition, Envelope, Reader, Rendered
from digest.subscribers.links import Links

# Characters that are the same in HTML, in plain text and in an address. The stand-ins hold some of
# each kind, so that a theme that changes one of them is noticed.
_PLAIN = re.compile(r"[A-Za-z0-9 @._~:/+=-]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Copies:
    """Makes the messages of one edition, which must not change meanwhile.

    `links` are None where no public address is known: such copies name a letter to the sender as
    the way out. May be used by several threads.
    """

    def __init__(
        self,
        renderer: Renderer,
        edition: Edition,
        links: Links | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._renderer = renderer
        self._edition = edition
        self._links = links
        self._signer = signer
        self._sender = parse_mailbox(edition.sender).address
        self._variants: dict[tuple[tuple[str, ...], tuple[str, ...]], Edition | None] = {}
        self._printed: dict[tuple[object, ...], tuple[int, ...]] = {}
        self._forms: dict[tuple[object, ...], _Form | None] = {}

    def holds_any(self, topics: Sequence[str], languages: Sequence[str]) -> bool:
        """Whether the copy for these topics and languages has any story."""
        return self._variant(tuple(topics), tuple(languages)) is not None

    def message_id(self, delivery: Delivery) -> str:
        """The Message-ID of the copy of `delivery`."""
        return message_id(self._edition, self._reader(delivery))

    def envelope(self, delivery: Delivery) -> Envelope:
        """The message of `delivery` with its envelope.

        Raises TemplateError, and OutboxError for what can't be addressed.
        """
        edition = self._variant(delivery.topics, delivery.languages) or self._edition
        reader = self._reader(delivery)
        rendered = Rendered(
            self._filled(edition, reader, "html"), self._filled(edition, reader, "text")
        )
        return Envelope(
            sender=self._sender,
            recipient=delivery.address,
            message_id=message_id(edition, reader),
            message=build_message(edition, rendered, reader=reader, signer=self._signer),
        )

    def _reader(self, delivery: Delivery) -> Reader:
        if self._links is None:
            return Reader(delivery.address, delivery.name)
        return Reader(
            delivery.address,
            delivery.name,
            unsubscribe=self._links.unsubscribe(delivery.key, delivery.digest),
            preferences=self._links.preferences(delivery.key, delivery.digest),
        )

    def _variant(self, topics: tuple[str, ...], languages: tuple[str, ...]) -> Edition | None:
        choice = (topics, languages)
        if choice not in self._variants:
            words = self._renderer.words(self._edition.language)
            self._variants[choice] = copy_for(self._edition, topics, languages, words)
        return self._variants[choice]

    def _filled(self, edition: Edition, reader: Reader, what: str) -> str:
        values = _values(reader)
        given = tuple(map(bool, values))
        seen = (id(edition), what, given)  # an edition is kept among the variants, and so is its id
        if seen not in self._printed:
            stand_in = _stand_in(reader, _LETTERS)
            page = self._render(edition, stand_in, what)
            self._printed[seen] = tuple(
                number for number, value in enumerate(_values(stand_in)) if value and value in page
            )
        printed = [values[number] for number in self._printed[seen]]
        # Plain text is wrapped, which goes by how long each of them is; a page isn't.
        key = (*seen, *(map(len, printed) if what == "text" else ()))
        if key not in self._forms:
            self._forms[key] = self._form(edition, reader, what)
        form = self._forms[key]
        if form is None or not all(_PLAIN.fullmatch(value) for value in printed):
            return self._render(edition, reader, what)
        return form.fill(reader)

    def _form(self, edition: Edition, reader: Reader, what: str) -> _Form | None:
        """The page of a stand-in, if another's is the same but for their data."""
        first = _stand_in(reader, _LETTERS)
        second = _stand_in(reader, _LETTERS[::-1], longer=what == "html")
        form = _Form(first, self._render(edition, first, what))
        same = form.fill(second) == self._render(edition, second, what)
        return form if same else None

    def _render(self, edition: Edition, reader: Reader, what: str) -> str:
        if what == "html":
            return self._renderer.html(edition, mail=True, reader=reader)
        return self._renderer.text(edition, mail=True, reader=reader)


@dataclass(frozen=True, slots=True)
class _Form:
    """A page in which the data of `reader` stand where another's may stand."""

    reader: Reader
    page: str

    def fill(self, reader: Reader) -> str:
        new = dict(zip(_values(self.reader), _values(reader), strict=True))
        new.pop("", None)
        if not new:
            return self.page
        old = re.compile("|".join(re.escape(value) for value in sorted(new, key=len, reverse=True)))
        return old.sub(lambda found: new[found[0]], self.page)


def _values(reader: Reader) -> tuple[str, str, str, str]:
    return reader.address, reader.name, reader.unsubscribe, reader.preferences


def _stand_in(reader: Reader, letters: str, *, longer: bool = False) -> Reader:
    """Somebody else with data of the same lengths (or longer), and empty where they are empty."""
    more = len(letters) if longer else 0

    def like(value: str, start: str, end: str = "") -> str:
        if not value:
            return ""
        room = max(0, len(value) + more - len(start) - len(end))
        # Upper case and signs: what a theme does to them shows.
        body = (f"{letters[:3].upper()}+{letters[3:6]}=_{letters[6:]}-" * (room // 8 + 1))[:room]
        return f"{start}{body}{end}"

    return Reader(
        address=like(reader.address, "q", "@z.example"),
        name=like(reader.name, "N"),
        unsubscribe=like(reader.unsubscribe, "https://u.example/"),
        preferences=like(reader.preferences, "https://p.example/"),
    )
