"""Each reader's own copy of an edition, as a message.

Inlining a page's CSS takes a hundred times as long as all else that a message needs. The copies of
readers who want the same topics and languages differ only in the reader's address, name and links,
so the page is filled in once, for a stand-in whose data are then replaced. A theme might do more
with them than print them (encode, shorten, decide by them): address and name are watched for that,
a second stand-in must give the same page, and one that fails is rendered whole for each reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from digest.editions.copies import copy_for
from digest.editions.mailboxes import parse_mailbox
from digest.editions.message import build_message, message_id
from digest.editions.render import Renderer
from digest.editions.signing import Signer
from digest.editions.watched import Watched
from digest.errors import TemplateError
from digest.records import Delivery, Edition, Envelope, Reader, Rendered
from digest.subscribers.links import Links

# Characters that are the same in HTML, in plain text and in an address. The stand-ins hold some of
# each kind, so that a theme that changes one of them is noticed.
_PLAIN = re.compile(r"[A-Za-z0-9 @._~:/+=-]*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Most pages kept: of each choice of topics one, and as many plain texts as addresses have lengths.
_FORMS = 500
# By so much a second stand-in's data are longer where length should make no difference.
_LONGER = len(_LETTERS)
_NAME = 1  # its place among the `_values`

_Kind = tuple[int, ...]
_Render = Callable[..., str]


class Copies:
    """Makes the messages of one edition, which must not change meanwhile.

    `links` are None where no public address is known: such copies name a letter to the sender as
    the way out. `moment` is when sending began, which dates them; the edition's own when None. May
    be used by several threads.
    """

    def __init__(
        self,
        renderer: Renderer,
        edition: Edition,
        links: Links | None = None,
        signer: Signer | None = None,
        moment: datetime | None = None,
    ) -> None:
        self._renderer = renderer
        self._edition = edition
        self._links = links
        self._signer = signer
        self._moment = moment
        self._sender = parse_mailbox(edition.sender).address
        self._variants: dict[tuple[tuple[str, ...], tuple[str, ...]], Edition | None] = {}
        self._editions: dict[tuple[tuple[str, ...], ...], Edition] = {}
        self._pages: dict[_Kind, _Form | None] = {}
        self._texts: dict[_Kind, _Form | None] = {}
        self._proven: dict[_Kind, _Form] = {}

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
        rendered = Rendered(self._page(edition, reader), self._text(edition, reader))
        return Envelope(
            sender=self._sender,
            recipient=delivery.address,
            message_id=message_id(edition, reader),
            message=build_message(
                edition, rendered, reader=reader, signer=self._signer, moment=self._moment
            ),
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
            found = copy_for(self._edition, topics, languages, words)
            # Different choices that leave the same stories share one edition, and its forms.
            self._variants[choice] = found and self._editions.setdefault(_stories(found), found)
        return self._variants[choice]

    def _page(self, edition: Edition, reader: Reader) -> str:
        # An edition is kept among the variants, and so is its id.
        key = (id(edition), *map(bool, _values(reader)))
        if key not in self._pages:
            _keep(self._pages, key, self._form(edition, reader, self._renderer.html, _LONGER))
        form = self._pages.get(key)
        if form is None or not form.is_for(reader):
            return self._renderer.html(edition, mail=True, reader=reader)
        return form.fill(reader)

    def _text(self, edition: Edition, reader: Reader) -> str:
        """Plain text is wrapped, which goes by how long each value in it is; a page isn't."""
        lengths = tuple(map(len, _values(reader)))
        named = (id(edition), *lengths)
        # Most texts don't print the name, and are the same for a name of any length.
        unnamed = (id(edition), *lengths[:_NAME], bool(reader.name), *lengths[_NAME + 1 :])
        key = named if named in self._texts else unnamed
        if key not in self._texts:
            form = self._text_form(edition, reader)
            key = named if form is not None and _NAME in form.printed else unnamed
            _keep(self._texts, key, form)
        form = self._texts.get(key)
        if form is None or not form.is_for(reader):
            return self._renderer.text(edition, mail=True, reader=reader)
        return form.fill(reader)

    def _text_form(self, edition: Edition, reader: Reader) -> _Form | None:
        """The text of a stand-in whose data have these lengths.

        One that differs from another, which is proven, in nothing but where its lines end, needs no
        second one to show that no data but those in their places are in it.
        """
        kind = (id(edition), *map(bool, _values(reader)))
        if kind in self._proven:
            stand_in = _stand_in(reader, _LETTERS)
            with suppress(TemplateError):
                page = self._renderer.text(edition, mail=True, reader=stand_in)
                form = _Form.of(stand_in, page)
                if not _inspected(stand_in) and form.is_wrapped_from(self._proven[kind]):
                    return form
        found = self._form(edition, reader, self._renderer.text, 0)
        if found is not None:
            self._proven.setdefault(kind, found)
        return found

    def _form(self, edition: Edition, reader: Reader, render: _Render, longer: int) -> _Form | None:
        """The page of a stand-in, if another's is the same but for their data.

        The other's are `longer`, and what isn't printed is in any case: then its length counts for
        nothing. A theme that stumbles over a stand-in may not stumble over a reader.
        """
        first = _stand_in(reader, _LETTERS)
        try:
            form = _Form.of(first, render(edition, mail=True, reader=first))
            unprinted = [number not in form.printed for number in range(len(_values(first)))]
            second = _stand_in(reader, _LETTERS[::-1], longer, unprinted)
            same = form.fill(second) == render(edition, mail=True, reader=second)
        except TemplateError:
            return None
        return form if same and not (_inspected(first) or _inspected(second)) else None


def _stories(edition: Edition) -> tuple[tuple[str, ...], ...]:
    return tuple((topic.name, *(story.id for story in topic.stories)) for topic in edition.topics)


def _keep(forms: dict[_Kind, _Form | None], key: _Kind, form: _Form | None) -> None:
    if len(forms) >= _FORMS:
        forms.clear()
    forms[key] = form


@dataclass(frozen=True, slots=True)
class _Form:
    """A page with places for a reader's data: `places` says which of them (as in `_values`) stands
    after each but the last of `pieces`; `printed` are those that stand anywhere."""

    pieces: tuple[str, ...]
    places: tuple[int, ...]
    printed: frozenset[int]

    @classmethod
    def of(cls, reader: Reader, page: str) -> _Form:
        """The form of which `page` is the one that `reader` gets."""
        numbers = {str(value): at for at, value in enumerate(_values(reader)) if value}
        if not numbers:
            return cls((page,), (), frozenset())
        longest_first = sorted(numbers, key=len, reverse=True)
        parts = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", page)
        places = tuple(numbers[part] for part in parts[1::2])
        return cls(tuple(parts[::2]), places, frozenset(places))

    def is_wrapped_from(self, other: _Form) -> bool:
        """Whether both are the same but for blanks that are line breaks in one of them."""
        return self.places == other.places and all(
            mine.replace("\n", " ") == theirs.replace("\n", " ")
            for mine, theirs in zip(self.pieces, other.pieces, strict=True)
        )

    def is_for(self, reader: Reader) -> bool:
        """Whether what is printed of `reader` is printed as it is, in HTML as in plain text."""
        values = _values(reader)
        return all(_PLAIN.fullmatch(values[number]) for number in self.printed)

    def fill(self, reader: Reader) -> str:
        """The page with the data of `reader`."""
        values = _values(reader)
        parts = [self.pieces[0]]
        for number, piece in zip(self.places, self.pieces[1:], strict=True):
            parts += (str(values[number]), piece)
        return "".join(parts)


def _values(reader: Reader) -> tuple[str, str, str, str]:
    return reader.address, reader.name, reader.unsubscribe, reader.preferences


def _inspected(reader: Reader) -> bool:
    return any(isinstance(value, Watched) and value.inspected for value in _values(reader))


def _stand_in(
    reader: Reader, letters: str, longer: int = 0, unprinted: Sequence[bool] = (False,) * 4
) -> Reader:
    """Somebody else with data that are `longer` by so many characters, empty where they are empty.

    Address and name are watched; the links are ours, and all alike. Those `unprinted` are longer in
    any case, by `_LONGER`.
    """

    def like(value: str, turn: int, number: int, end: str = "") -> str:
        if not value:
            return ""
        # Each value has letters of its own, so that none is found in another. In both cases, and
        # with signs: what a theme does to them shows.
        own = letters[turn:] + letters[:turn]
        body = f"{own[0]}{own[1].upper()}+{own[2:8]}=_{own[8:]}-"
        more = _LONGER if unprinted[number] else longer
        room = max(1, len(value) + more - len(end))
        return (body * (room // len(body) + 1))[:room] + end

    def link(value: str, turn: int, number: int) -> str:
        if not value:
            return ""
        return f"https://{letters[turn]}.example/{like(value[18:] or value, turn, number)}"

    return Reader(
        address=Watched(like(reader.address, 0, 0, "@z.example")),
        name=Watched(like(reader.name, 5, _NAME)),
        unsubscribe=link(reader.unsubscribe, 10, 2),
        preferences=link(reader.preferences, 15, 3),
    )
