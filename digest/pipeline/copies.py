"""Each reader's own copy of an edition, as a message.

Inlining a page's CSS takes a hundred times as long as all else that a message needs. The copies of
readers who want the same topics and languages differ only in the reader's address, name and links,
so the page is filled in once, for a stand-in whose data are then replaced. A theme might do more
with them than print them (encode, shorten, decide by them): address and name are watched for that,
a second stand-in must give the same page, and one that fails is rendered whole for each reader.
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
from digest.editions.watched import Watched
from digest.records import Delivery, Edition, Envelope, Reader, Rendered
from digest.subscribers.links import Links

# Characters that are the same in HTML, in plain text and in an address. The stand-ins hold some of
# each kind, so that a theme that changes one of them is noticed.
_PLAIN = re.compile(r"[A-Za-z0-9 @._~:/+=-]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Most pages kept: of each choice of topics one, and as many plain texts as addresses have lengths.
_FORMS = 500


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
        # Plain text is wrapped, which goes by how long each value is; a page isn't. An edition is
        # kept among the variants, and so is its id.
        kind = tuple(map(len, values)) if what == "text" else tuple(map(bool, values))
        key = (id(edition), what, *kind)
        if key not in self._forms:
            if len(self._forms) >= _FORMS:
                self._forms.clear()
            self._forms[key] = self._form(edition, reader, what)
        form = self._forms.get(key)
        if form is None or not form.is_for(reader):
            return self._render(edition, reader, what)
        return form.fill(reader)

    def _form(self, edition: Edition, reader: Reader, what: str) -> _Form | None:
        """The page of a stand-in, if another's is the same but for their data."""
        longer = len(_LETTERS) if what == "html" else 0
        first, second = _stand_in(reader, _LETTERS), _stand_in(reader, _LETTERS[::-1], longer)
        form = _Form(first, self._render(edition, first, what))
        same = form.fill(second) == self._render(edition, second, what)
        return form if same and not (_inspected(first) or _inspected(second)) else None

    def _render(self, edition: Edition, reader: Reader, what: str) -> str:
        if what == "html":
            return self._renderer.html(edition, mail=True, reader=reader)
        return self._renderer.text(edition, mail=True, reader=reader)


@dataclass(frozen=True, slots=True)
class _Form:
    """A page in which the data of `reader` stand where another's may stand."""

    reader: Reader
    page: str

    def is_for(self, reader: Reader) -> bool:
        """Whether what is printed of `reader` is printed as it is, in HTML as in plain text."""
        values = zip(_values(self.reader), _values(reader), strict=True)
        return all(_PLAIN.fullmatch(new) for old, new in values if old and old in self.page)

    def fill(self, reader: Reader) -> str:
        """The page with the data of `reader`."""
        new = {
            str(old): new
            for old, new in zip(_values(self.reader), _values(reader), strict=True)
            if old
        }
        if not new:
            return self.page
        old = re.compile("|".join(re.escape(value) for value in sorted(new, key=len, reverse=True)))
        return old.sub(lambda found: new[found[0]], self.page)


def _values(reader: Reader) -> tuple[str, str, str, str]:
    return reader.address, reader.name, reader.unsubscribe, reader.preferences


def _inspected(reader: Reader) -> bool:
    return any(isinstance(value, Watched) and value.inspected for value in _values(reader))


def _stand_in(reader: Reader, letters: str, longer: int = 0) -> Reader:
    """Somebody else with data that are `longer` by so many characters, empty where they are empty.

    Address and name are watched; the links are ours, and all alike.
    """

    def like(value: str, turn: int, end: str = "") -> str:
        if not value:
            return ""
        # Each value has letters of its own, so that none is found in another. In both cases, and
        # with signs: what a theme does to them shows.
        own = letters[turn:] + letters[:turn]
        body = f"{own[0]}{own[1].upper()}+{own[2:8]}=_{own[8:]}-"
        room = max(1, len(value) + longer - len(end))
        return (body * (room // len(body) + 1))[:room] + end

    def link(value: str, turn: int) -> str:
        return f"https://{letters[turn]}.example/{like(value[18:] or value, turn)}" if value else ""

    return Reader(
        address=Watched(like(reader.address, 0, "@z.example")),
        name=Watched(like(reader.name, 5)),
        unsubscribe=link(reader.unsubscribe, 10),
        preferences=link(reader.preferences, 15),
    )
