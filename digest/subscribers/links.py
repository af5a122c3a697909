"""Signed links: who holds one may confirm, change or end one subscription, and nothing else.

The only door to itsdangerous. A token is `KEY.DIGEST.SIGNATURE`, or `KEY.DIGEST.TIME.SIGNATURE`
where it expires: an HMAC of SHA-256, under a key derived from the secret for each purpose, so that
no token serves for another. Nothing in it is packed, so nothing is unpacked before or after the
signature is checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from itsdangerous import BadSignature, Signer, TimestampSigner

from digest.errors import ConfigError, Problem

Purpose = Literal["confirm", "preferences", "unsubscribe"]

CONFIRM_WITHIN = timedelta(days=7)
"""How long a link to confirm works. The others never end: an old e-mail must still lead out."""

# The lengths that the tables of subscriptions have room for.
_NAMES = r"(?P<key>[A-Za-z0-9_-]{1,32})\.(?P<digest>[A-Za-z0-9_-]{1,64})"
# 32 bytes in base64, whose last character carries 4 bits: any other would be a second way to write
# one signature. A time in seconds has 6 characters until the year 2106, and 11 at the most.
_SIGNATURE = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_LASTING = re.compile(rf"{_NAMES}\.{_SIGNATURE}")
_EXPIRING = re.compile(rf"{_NAMES}\.(?P<time>[A-Za-z0-9_-]{{1,11}})\.{_SIGNATURE}")
_MAX_TOKEN = 32 + 64 + 11 + 43 + 3

# What means the same in HTML, in a header and in plain text, and ends no address in any of them.
_BASE = re.compile(r"https?://[A-Za-z0-9._~:/-]+")


class _Clocked(TimestampSigner):
    """Signs with the time that it is told; the machine's clock when it is told none."""

    def __init__(self, *args: Any, now: datetime | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._now = now

    def get_timestamp(self) -> int:
        return super().get_timestamp() if self._now is None else int(self._now.timestamp())


class Links:
    """Makes and reads the links of subscriptions under the public address `base`.

    `secrets` are one or more, none empty: the last signs, all are honoured. Without a `base` the
    methods that make links return "". Raises ConfigError for a base that can't stand in an e-mail.
    """

    def __init__(self, secrets: Sequence[str], base: str) -> None:
        if not secrets or not all(secrets):
            raise ValueError("links can't be signed without a secret")
        if base and not _BASE.fullmatch(base):
            raise ConfigError(
                [
                    Problem(
                        "environment",
                        None,
                        "DIGEST_PUBLIC_URL",
                        "has characters that can't stand in the links of an e-mail; use an http(s) "
                        "address of A-Z, a-z, 0-9 and - . _ ~ : / only",
                    )
                ]
            )
        self._secrets = list(secrets)
        self._base = base.rstrip("/")

    def unsubscribe(self, key: str, digest: str) -> str:
        """The address that answers one-click unsubscribing (RFC 8058) of `key` from `digest`."""
        return self._link("unsubscribe", key, digest)

    def preferences(self, key: str, digest: str) -> str:
        """The page where `key` chooses what of `digest` they get."""
        return self._link("preferences", key, digest)

    def confirm(self, key: str, digest: str, now: datetime | None = None) -> str:
        """The page where `key` confirms that they want `digest`, from `now` (aware) on."""
        return self._link("confirm", key, digest, now)

    def subscribe(self, digest: str) -> str:
        """The page where anybody may ask for `digest`."""
        return f"{self._base}/subscription/subscribe/{digest}" if self._base else ""

    def token(self, purpose: Purpose, key: str, digest: str, now: datetime | None = None) -> str:
        """The last part of such a link. Raises ValueError for names that none can hold."""
        names = f"{key}.{digest}"
        if not re.fullmatch(_NAMES, names):
            raise ValueError(f"no link can hold key {key[:40]!r} and digest {digest[:70]!r}")
        return self._signer(purpose, now).sign(names).decode("ascii")

    def read(
        self, purpose: Purpose, token: str, now: datetime | None = None
    ) -> tuple[str, str] | None:
        """The key and the digest that a token of ours for `purpose` holds.

        None for what is forged, altered, cut, or made for another purpose, and for a link to
        confirm that is older than CONFIRM_WITHIN at `now` (aware; the machine's clock if None).
        """
        names, made = self._opened(purpose, token)
        return None if made is not None and _is_late(made, now) else names

    def has_expired(self, token: str, now: datetime | None = None) -> tuple[str, str] | None:
        """The key and the digest of a link to confirm that is ours and too old; else None."""
        names, made = self._opened("confirm", token)
        return names if made is not None and _is_late(made, now) else None

    def _link(self, purpose: Purpose, key: str, digest: str, now: datetime | None = None) -> str:
        if not self._base:
            return ""
        return f"{self._base}/subscription/{purpose}/{self.token(purpose, key, digest, now)}"

    def _opened(
        self, purpose: Purpose, token: str
    ) -> tuple[tuple[str, str] | None, datetime | None]:
        """What the token holds, and when it was made if that matters; neither if it isn't ours."""
        shape = _EXPIRING if purpose == "confirm" else _LASTING
        found = shape.fullmatch(token) if len(token) <= _MAX_TOKEN else None
        if found is None:
            return None, None
        made = None
        signer = self._signer(purpose)
        try:
            if isinstance(signer, TimestampSigner):
                # No `max_age`: it also refuses what was signed before the clock was set back.
                made = signer.unsign(token, return_timestamp=True)[1]
            else:
                signer.unsign(token)
        except BadSignature:
            return None, None
        return (found["key"], found["digest"]), made

    def _signer(self, purpose: Purpose, now: datetime | None = None) -> Signer:
        options: dict[str, Any] = {
            "salt": f"digest.subscription.{purpose}",
            "key_derivation": "hmac",
            "digest_method": hashlib.sha256,
        }
        if purpose == "confirm":
            return _Clocked(self._secrets, now=now, **options)
        return Signer(self._secrets, **options)


def _is_late(made: datetime, now: datetime | None) -> bool:
    return (now or datetime.now(UTC)) - made > CONFIRM_WITHIN
