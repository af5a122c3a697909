"""Messages as files, for people without a mail server: a Maildir, or a folder of `.eml` files.

A message's name comes from its Message-ID and recipient, so that the same message never lies there
twice, and an earlier process's work is recognised. It appears by one rename of a file that was
written and flushed elsewhere in the folder: nobody sees half of one, and a power cut loses none.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from digest.errors import RelayError
from digest.records import Envelope, Receipt

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
# Names of files may have 255 bytes; the rest of ours needs 30.
_LONGEST_NAME = 120


class MaildirTransport:
    """Delivers into the Maildir at `folder`, made when the first message comes.

    Lines end with LF there, as programs that read Maildirs expect (https://cr.yp.to/proto/maildir).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[int, frozenset[str]] = (-1, frozenset())

    @property
    def address(self) -> str:
        """As messages name it: `maildir:FOLDER`."""
        return f"maildir:{self._folder}"

    def __repr__(self) -> str:
        return f"MaildirTransport({self.address!r})"

    def send(self, envelope: Envelope, ready: Callable[[], None] = lambda: None) -> Receipt:
        """Puts the message into `new`. Raises RelayError when that can't be done."""
        name = _maildir_name(envelope)
        with _told(self.address):
            for subfolder in ("tmp", "new", "cur"):
                (self._folder / subfolder).mkdir(mode=0o700, parents=True, exist_ok=True)
            is_there = self._has(name)
        message = envelope.message.replace(b"\r\n", b"\n")
        if is_there:
            ready()
        else:
            part, final = self._folder / "tmp" / name, self._folder / "new" / name
            _place(self.address, message, part, final, ready)
        return Receipt("sent", f"put into {self.address}")

    def has(self, envelope: Envelope) -> bool:
        """Whether the message lies there, read or not; one that was moved away doesn't."""
        with _told(self.address):
            return self._has(_maildir_name(envelope))

    def check(self) -> None:
        """As `Transport.check`: makes the folder, and writes a file there that is removed again."""
        _try(self.address, self._folder)

    def cut(self) -> None:
        """Does nothing: nobody is waited for."""

    def close(self) -> None:
        """Does nothing: nothing is kept open."""

    def _has(self, name: str) -> bool:
        return (self._folder / "new" / name).exists() or name in self._names_read()

    def _names_read(self) -> frozenset[str]:
        """Names in `cur`, where mail readers move messages, without their flags (`:2,S`).

        Listed again only when the folder changed: otherwise ten thousand messages would cost ten
        thousand listings. A change within the clock's tick is of no harm: it matters only for what
        an earlier process left.
        """
        folder = self._folder / "cur"
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        if self._read[0] != changed:
            names = frozenset(entry.name.partition(":")[0] for entry in folder.iterdir())
            self._read = (changed, names)
        return self._read[1]


class FileTransport:
    """Writes each message as an `.eml` file, byte for byte, into `folder`, made when needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def address(self) -> str:
        """As messages name it: `file:FOLDER`."""
        return f"file:{self._folder}"

    def __repr__(self) -> str:
        return f"FileTransport({self.address!r})"

    def send(self, envelope: Envelope, ready: Callable[[], None] = lambda: None) -> Receipt:
        """Writes the message. Raises RelayError when that can't be done."""
        final = self._folder / _file_name(envelope)
        with _told(self.address):
            self._folder.mkdir(parents=True, exist_ok=True)
            is_there = final.exists()
        if is_there:
            ready()
        else:
            part = self._folder / f".{final.name}.part"
            _place(self.address, envelope.message, part, final, ready)
        return Receipt("sent", f"written to {final}")

    def has(self, envelope: Envelope) -> bool:
        """Whether the message lies there."""
        with _told(self.address):
            return (self._folder / _file_name(envelope)).exists()

    def check(self) -> None:
        """As `Transport.check`: makes the folder, and writes a file there that is removed again."""
        _try(self.address, self._folder)

    def cut(self) -> None:
        """Does nothing: nobody is waited for."""

    def close(self) -> None:
        """Does nothing: nothing is kept open."""


def _try(address: str, folder: Path) -> None:
    with _told(address):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".digest-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()


def _maildir_name(envelope: Envelope) -> str:
    return f"digest-{_fingerprint(envelope)[:32]}"


def _file_name(envelope: Envelope) -> str:
    """The part of the Message-ID before the @, for people, and the fingerprint, for uniqueness."""
    words = _PLAIN.sub("-", envelope.message_id.strip("<> \t").partition("@")[0]).strip("-.")
    return f"{words[:_LONGEST_NAME] or 'message'}-{_fingerprint(envelope)[:16]}.eml"


def _fingerprint(envelope: Envelope) -> str:
    """SHA-256 of what makes two messages the same one, in hex."""
    identity = f"{envelope.message_id.strip()}\n{envelope.recipient}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _place(
    address: str, message: bytes, part: Path, final: Path, ready: Callable[[], None]
) -> None:
    """Lets `message` appear at `final` whole and lasting; `part` is where it is written first.

    A `part` that a killed process left behind is written over.
    """
    try:
        with _told(address), part.open("wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        # What this raises is the caller's, and no failure of the folder.
        ready()
        with _told(address):
            part.rename(final)
    except BaseException:
        # Where even that is refused, the next try writes over it.
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    with _told(address):
        handle = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _told(address: str) -> Iterator[None]:
    """What the system refuses in the block becomes a RelayError about `address`."""
    try:
        yield
    except OSError as error:
        raise RelayError(f"{address}: {_plainly(error)}") from error


def _plainly(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; make room, sending goes on then"
    if error.errno == errno.EFBIG:
        return "larger than a file may be here (ulimit -f); raise the limit, sending goes on then"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder can't be written; check its rights, or set another in DIGEST_SMTP_URL"
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "a file stands where a folder is needed, or the reverse; move it away"
    return f"can't be written ({error.strerror or error})"
