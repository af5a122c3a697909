"""What the door signs and compares, and how often somebody may try."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from threading import Lock

# A month, after which the key is asked for again.
KEY_LASTS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Keys:
    """What the door signs with: `secret` is this desk's, `token` what visitors must know, if any.

    The cookie of a visitor who gave the token is signed with both, so that it ends with either, and
    so that nobody can try tokens out by making cookies of them.
    """

    secret: bytes
    token: str | None = None

    def csrf(self, browser: str) -> str:
        """The token of the forms that this browser gets."""
        return self._sign(f"csrf {browser}")

    def is_token(self, given: str) -> bool:
        """Whether it is the token; in the same time for any that isn't."""
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def cookie(self, now: datetime) -> str:
        """What a browser that gave the token keeps."""
        said = f"{int(now.timestamp())}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self._sign(f'key {self.token} {said}')}"

    def is_cookie(self, given: str, now: datetime) -> bool:
        """Whether we made it, for this token, and not too long ago."""
        said, _, signature = given.rpartition(".")
        right = self._sign(f"key {self.token} {said}")
        if not hmac.compare_digest(signature.encode(), right.encode()):
            return False
        made = int(said.partition(".")[0])
        return made <= now.timestamp() + 60 and now.timestamp() - made < KEY_LASTS.total_seconds()

    def _sign(self, text: str) -> str:
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()


class Patience:
    """How many wrong tokens somebody may give: `most` within `within`, by the address they have.

    Right ones are not looked at either once it is over. As many addresses as `remembered` are kept,
    which cost little; who guesses from more than that still guesses among 16 characters.
    """

    most = 5
    within = timedelta(minutes=1)
    remembered = 1_000

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait(self, peer: str, now: datetime) -> int:
        """Seconds until they may try again; 0 for now."""
        with self._lock:
            tries = [at for at in self._wrong.get(peer, []) if now - at < self.within]
            if len(tries) < self.most:
                return 0
            return ceil((tries[-self.most] + self.within - now).total_seconds())

    def wrong(self, peer: str, now: datetime) -> None:
        """Notes a wrong token."""
        with self._lock:
            tries = [*self._wrong.pop(peer, []), now][-self.most :]
            self._wrong[peer] = tries
            if len(self._wrong) > self.remembered:
                self._wrong.popitem(last=False)
