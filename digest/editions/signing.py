"""DKIM signatures (RFC 6376, 8301, 8463): proof that a message came from its domain, unaltered.

The only door to dkim. Signing draws nothing at random, and the time of a signature is that of the
edition: the same message, the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from digest.editions.mailboxes import ascii_domain, parse_mailbox
from digest.errors import ConfigError, Problem

KEY = "DIGEST_DKIM_KEY"
SELECTOR = "DIGEST_DKIM_SELECTOR"
DOMAIN = "DIGEST_DKIM_DOMAIN"

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

# Signed where they are, and once more: then nobody can add another one, which a mail program might
# show instead (RFC 6376, 8.15). RFC 8058, 4, demands both fields of unsubscribing. `Sender` is not
# among them, since a server that a message is handed in at may add it.
_NO_OTHER = (
    b"From To Cc Reply-To Subject Date Message-ID In-Reply-To References MIME-Version Content-Type "
    b"Content-Transfer-Encoding List-Id List-Unsubscribe List-Unsubscribe-Post"
).split()
# Signed where they are. Gmail counts a Feedback-ID only if it is signed.
_AS_THEY_ARE = b"Content-Language List-Archive Feedback-ID Auto-Submitted Precedence".split()

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
# Of a key in PKCS #8 (RFC 8410, 7): the name of the algorithm, then an octet string of 32 bytes in
# an octet string of 34.
_ED25519 = bytes.fromhex("06032b6570 0422 0420")
_ED25519_SEED = 32
# Verifiers take no shorter one (RFC 8301, 3.2).
_RSA_BITS = 1024

_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,62}))*")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for `domain` (A-labels), or for each sender's own when that is empty.

    `key` is as dkim takes it: PEM of an RSA key, base64 of an Ed25519 key's 32 bytes. Made by
    `load_signer`.
    """

    selector: str
    domain: str
    algorithm: Algorithm
    key: bytes = field(repr=False)

    def sign(self, message: bytes, sender: str, moment: datetime) -> bytes:
        """The message with its DKIM-Signature on top, dated `moment`; `sender` is From's domain.

        Header and body are signed in their relaxed forms: what servers do to blanks harms nothing.
        """
        import dkim  # type: ignore[import-untyped]

        class Dated(dkim.DKIM):  # type: ignore[misc]
            """Takes the time of the edition: the library takes the clock's."""

            def gen_header(self, fields: list[tuple[bytes, bytes]], *rest: Any) -> bytes:
                stamp = str(int(moment.timestamp())).encode()
                dated = [(tag, stamp if tag == b"t" else value) for tag, value in fields]
                header: bytes = super().gen_header(dated, *rest)
                return header

        header: bytes = Dated(message).sign(
            self.selector.encode(),
            (self.domain or sender).encode(),
            self.key,
            signature_algorithm=self.algorithm.encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=_signed(message),
        )
        return header + message

    def misaligned(self, sender: str) -> str:
        """Why DMARC does not count this signature for mail of `sender`; empty when it does.

        `sender` is as `from:` in feeds.yaml. DMARC (RFC 7489, 3.1.1) wants both under one
        organisation's domain. Which one that is only a list on the web knows: here it is that of
        the two which the other one ends with.
        """
        theirs = parse_mailbox(sender).domain
        if not self.domain or _within(self.domain, theirs) or _within(theirs, self.domain):
            return ""
        return (
            f"mail from {theirs} is signed by {self.domain}: unless both belong to one domain, "
            f"DMARC takes it for unsigned; set {DOMAIN} to {theirs}, or leave it out"
        )


def load_signer(key: Path, selector: str, domain: str = "") -> Signer:
    """The signer with the private key in the PEM file `key`, RSA or Ed25519.

    `selector` and `domain` say where its public half stands in the DNS:
    `<selector>._domainkey.<domain>`. An empty `domain` means that of each sender.

    Raises ConfigError that names the setting and the file: before anything is built, not after.
    """
    if not _SELECTOR.fullmatch(selector):
        reason = f"{selector!r} is no selector; it is the name your public key has in the DNS"
        raise _wrong(SELECTOR, f"{reason} before ._domainkey, for example digest2026")
    try:
        domain = ascii_domain(domain) if domain else ""
    except ValueError as error:
        raise _wrong(DOMAIN, f"{error}; for example example.org") from error
    try:
        pem = key.read_bytes()
    except OSError as error:
        reason = f"can't be read ({error.strerror or error})"
        raise _wrong(KEY, f"{reason}; name the file of your private key", key) from error
    label, der = _pem(pem, key)
    at = der.find(_ED25519)
    if label == "PRIVATE KEY" and at >= 0:
        seed = der[at + len(_ED25519) :][:_ED25519_SEED]
        if len(seed) < _ED25519_SEED:
            raise _unusable("its end is missing", key)
        return Signer(selector, domain, "ed25519-sha256", base64.b64encode(seed))
    _check_rsa(der, key)
    body = base64.encodebytes(der).strip()
    # What dkim looks for is a line that ends with `--`, one that begins so, and the key between.
    return Signer(selector, domain, "rsa-sha256", b"--\n" + body + b"\n--")


def _pem(pem: bytes, key: Path) -> tuple[str, bytes]:
    """The label and the content (DER) of the first private key in a PEM file (RFC 7468)."""
    found = {label.decode(): body for label, body in reversed(_PEM.findall(pem))}
    label = next((label for label in found if label in ("PRIVATE KEY", "RSA PRIVATE KEY")), "")
    if "ENCRYPTED PRIVATE KEY" in found or b"ENCRYPTED" in found.get(label, b""):
        raise _unusable("it is locked with a passphrase", key)
    if not label:
        kinds = ", ".join(name.lower() for name in found) or "no key in PEM format"
        raise _unusable(f"there is {kinds} in it", key)
    try:
        return label, base64.b64decode(b"".join(found[label].split()), validate=True)
    except binascii.Error as error:
        raise _unusable(f"its base64 is damaged: {error}", key) from error


def _check_rsa(der: bytes, key: Path) -> None:
    """By a trial: signs with the private numbers of the key, verifies with its public ones."""
    from dkim.crypto import (  # type: ignore[import-untyped]
        RSASSA_PKCS1_v1_5_sign,
        RSASSA_PKCS1_v1_5_verify,
        parse_private_key,
    )

    trial = hashlib.sha256()
    try:
        parts = parse_private_key(der)
        fits = RSASSA_PKCS1_v1_5_verify(trial, RSASSA_PKCS1_v1_5_sign(trial, parts), parts)
    # It falls over damaged lengths and numbers in ways of its own, assertions among them.
    except Exception as error:
        raise _unusable("it is neither an RSA nor an Ed25519 key, or damaged", key) from error
    if not fits:
        raise _unusable("its numbers don't belong together, so it is damaged", key)
    if (bits := parts["modulus"].bit_length()) < _RSA_BITS:
        raise _unusable(f"{bits} bits are too few to be trusted", key)


def _signed(message: bytes) -> list[bytes]:
    """The names for `h=`: each as often as it is there, those of `_NO_OTHER` once more."""
    head = message.partition(b"\r\n\r\n")[0]
    there = [name.lower() for name in re.findall(rb"^([!-9;-~]+):", head, re.MULTILINE)]
    names: list[bytes] = []
    for name in (*_NO_OTHER, *_AS_THEY_ARE):
        names += [name.lower()] * (there.count(name.lower()) + (name in _NO_OTHER))
    return names


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")


def _unusable(reason: str, key: Path) -> ConfigError:
    advice = "use an RSA key of 2048 bits without passphrase (docs/email.md says how to make one)"
    return _wrong(KEY, f"not a private key that can sign: {reason}; {advice}", key)


def _wrong(setting: str, message: str, file: Path | None = None) -> ConfigError:
    return ConfigError([Problem(str(file or "environment"), None, setting, message)])
