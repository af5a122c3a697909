from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import dkim
import pytest

from digest.editions.message import build_message
from digest.editions.signing import Signer, load_signer
from digest.errors import ConfigError
from digest.records import Edition, Reader, Rendered

READER = Reader("ana@example.net", "Ana Prado", unsubscribe="https://example.org/u/abc")
RENDERED = Rendered("<!DOCTYPE html>\n<p>Good  morning</p>\n\n", "Good  morning \n\n")

Keys = Callable[[str], Path]


def openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Private keys in PEM files, made by openssl when they are first asked for."""
    folder = tmp_path_factory.mktemp("keys")
    ways: dict[str, tuple[str, ...]] = {
        "rsa": ("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"),
        "short": ("genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:768"),
        "ed25519": ("genpkey", "-algorithm", "ed25519"),
        "ec": ("genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    }

    def make(name: str) -> Path:
        file = folder / f"{name}.pem"
        if not file.exists():
            if name in ways:
                file.write_bytes(openssl(*ways[name]))
            elif name == "old form":
                file.write_bytes(openssl("rsa", "-traditional", "-in", make("rsa")))
            elif name == "locked":
                file.write_bytes(
                    openssl("pkcs8", "-topk8", "-passout", "pass:x", "-in", make("rsa"))
                )
            elif name == "public":
                file.write_bytes(openssl("pkey", "-pubout", "-in", make("rsa")))
        return file

    return make


def record(key: Path) -> bytes:
    """What stands in the DNS, made as docs/email.md says."""
    der = openssl("pkey", "-pubout", "-outform", "der", "-in", key)
    if len(der) < 100:  # of Ed25519 the key itself, without its algorithm (RFC 8463, 4)
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(der[-32:])
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)


def verified(message: bytes, key: Path, name: bytes = b"s1._domainkey.example.org.") -> bool:
    asked: list[bytes] = []

    def dns(asked_for: bytes, timeout: int = 5) -> bytes | None:  # noqa: ARG001
        asked.append(asked_for)
        return record(key) if asked_for == name else None

    valid: bool = dkim.verify(message, dnsfunc=dns)
    assert asked == [name]
    return valid


@pytest.fixture
def past(edition: Edition) -> Edition:
    """A signature from the future is refused, and this one's date should not depend on today's."""
    return replace(edition, built=datetime(2024, 3, 1, 6, tzinfo=UTC))


@pytest.mark.parametrize("kind", ["rsa", "old form", "ed25519"])
@pytest.mark.parametrize("reader", [None, READER], ids=["sender", "reader"])
def test_a_signed_message_is_verified(
    past: Edition, keys: Keys, kind: str, reader: Reader | None
) -> None:
    signer = load_signer(keys(kind), "s1")
    signed = build_message(past, RENDERED, reader=reader, signer=signer)

    assert verified(signed, keys("rsa" if kind == "old form" else kind))
    assert signed.endswith(build_message(past, RENDERED, reader=reader))
    assert signed.startswith(b"DKIM-Signature: v=1;")
    assert b"\n" not in signed.replace(b"\r\n", b"")
    assert max(len(line) for line in signed.split(b"\r\n")) <= 78
    assert not message_from_bytes(signed, policy=default).defects


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_same_message_gets_the_same_signature_dated_as_the_edition(
    past: Edition, keys: Keys, kind: str
) -> None:
    signer = load_signer(keys(kind), "s1")
    signed = build_message(past, RENDERED, signer=signer)

    assert build_message(past, RENDERED, signer=load_signer(keys(kind), "s1")) == signed
    assert f" t={int(past.built.timestamp())};".encode() in signed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\nSubject: Strait", b"\r\nSubject: Harbour"),
        (b"\r\nFrom: The", b"\r\nFrom: A"),
        (b"\r\nTo: Ana", b"\r\nTo: Eva"),
        (b"Good", b"Bad"),
        (b"https://example.org/u/abc", b"https://example.com/u/abc"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
        (b"\r\nFeedback-ID: 2", b"\r\nFeedback-ID: 3"),
        (b"\r\nMIME-Version", b"\r\nSubject: Another\r\nMIME-Version"),
        (b"\r\nMIME-Version", b"\r\nFrom: x@example.org\r\nMIME-Version"),
        (b"\r\nMIME-Version", b"\r\nReply-To: x@example.com\r\nMIME-Version"),
        (b"\r\nMIME-Version", b"\r\nList-Unsubscribe: <https://x.example>\r\nMIME-Version"),
        (b"\r\nMIME-Version", b"\r\nContent-Transfer-Encoding: base64\r\nMIME-Version"),
    ],
)
def test_what_is_altered_or_added_breaks_the_signature(
    past: Edition, keys: Keys, old: bytes, new: bytes
) -> None:
    signed = build_message(past, RENDERED, reader=READER, signer=load_signer(keys("rsa"), "s1"))

    head, at, body = signed.partition(b"\r\nFrom: ")
    altered = head + (at + body).replace(old, new, 1)
    assert altered != signed
    assert not verified(altered, keys("rsa"))


def test_no_one_click_can_be_added_where_none_was_promised(past: Edition, keys: Keys) -> None:
    signed = build_message(past, RENDERED, signer=load_signer(keys("rsa"), "s1"))

    added = b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version"
    assert verified(signed, keys("rsa"))
    assert not verified(signed.replace(b"\r\nMIME-Version", added, 1), keys("rsa"))


def test_what_servers_do_on_the_way_does_not_break_it(past: Edition, keys: Keys) -> None:
    signed = build_message(past, RENDERED, reader=READER, signer=load_signer(keys("rsa"), "s1"))

    received = b"Received: from a.example by b.example; Tue, 24 Nov 2026 07:00:12 +0000\r\n"
    sender = signed.replace(b"\r\nDate: ", b"\r\nSender: mailer@example.org\r\nDate:  ", 1)
    assert verified(received + sender + b"\r\n\r\n", keys("rsa"))


def test_all_that_can_be_signed_is_signed(past: Edition, keys: Keys) -> None:
    published = replace(past, archive="https://example.org/digests")
    signed = build_message(
        published, RENDERED, reader=READER, signer=load_signer(keys("rsa"), "s1")
    )

    found = re.search(rb"h=([^;]*);", signed)
    assert found
    names = [name.strip().decode() for name in found[1].split(b":")]
    present = [name.lower() for name in message_from_bytes(signed).keys()]  # noqa: SIM118
    unsigned = set(present) - set(names) - {"dkim-signature"}
    assert unsigned == {"x-auto-response-suppress"}
    for name in ("from", "subject", "list-unsubscribe", "list-unsubscribe-post"):
        assert names.count(name) == 2


# --- whose signature it is -----------------------------------------------------------------


def test_the_domain_is_the_senders_unless_another_one_is_set(past: Edition, keys: Keys) -> None:
    foreign = replace(past, sender="News <news@BÜCHER.example>")
    own = build_message(foreign, RENDERED, signer=load_signer(keys("ed25519"), "s1"))
    other = load_signer(keys("ed25519"), "s1", "Größe.example")

    assert verified(own, keys("ed25519"), b"s1._domainkey.xn--bcher-kva.example.")
    assert verified(
        build_message(foreign, RENDERED, signer=other),
        keys("ed25519"),
        b"s1._domainkey.xn--gre-6ka8i.example.",
    )


@pytest.mark.parametrize("domain", ["", "example.org", "mail.news.example.org", "NEWS.example.org"])
def test_a_signature_of_the_senders_house_is_aligned(keys: Keys, domain: str) -> None:
    signer = load_signer(keys("ed25519"), "s1", domain)

    assert signer.misaligned("The Digest <digest@news.example.org>") == ""


@pytest.mark.parametrize("domain", ["example.net", "xample.org", "provider.example"])
def test_a_signature_of_another_house_is_told(keys: Keys, domain: str) -> None:
    told = load_signer(keys("ed25519"), "s1", domain).misaligned("digest@example.org")

    assert f"mail from example.org is signed by {domain}" in told
    assert "DIGEST_DKIM_DOMAIN" in told


# --- keys that can't be used ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("locked", "locked with a passphrase"),
        ("public", "there is public key in it"),
        ("short", "768 bits are too few"),
        ("ec", "neither an RSA nor an Ed25519 key"),
    ],
)
def test_a_key_that_cannot_sign_is_told(keys: Keys, kind: str, reason: str) -> None:
    file = keys(kind)
    with pytest.raises(ConfigError, match=reason) as raised:
        load_signer(file, "s1")

    assert str(raised.value).startswith(f"{file}: DIGEST_DKIM_KEY: ")
    assert "docs/email.md" in str(raised.value)


def test_a_damaged_key_is_told(keys: Keys, tmp_path: Path) -> None:
    pem = keys("rsa").read_text().splitlines()
    damaged = tmp_path / "key.pem"
    for number in range(1, len(pem) - 1):
        line = pem[number]
        other = line[:10] + ("A" if line[10] != "A" else "B") + line[11:]
        damaged.write_text("\n".join([*pem[:number], other, *pem[number + 1 :]]))
        try:
            signer = load_signer(damaged, "s1")
        except ConfigError as error:
            assert "DIGEST_DKIM_KEY" in str(error)  # noqa: PT017
        else:
            # Only the number that signing and verifying do without may be damaged.
            header = signer.sign(b"From: a@example.org\r\n\r\n", "example.org", datetime.now(UTC))
            assert verified(header, keys("rsa"))
    for content in ("", "no key", "\n".join(pem[:5]), "\n".join([*pem[:5], "*", *pem[5:]])):
        damaged.write_text(content)
        with pytest.raises(ConfigError, match="DIGEST_DKIM_KEY: not a private key that can sign"):
            load_signer(damaged, "s1")


def test_an_ed25519_key_that_breaks_off_is_told(keys: Keys, tmp_path: Path) -> None:
    der = base64.b64decode(b"".join(keys("ed25519").read_bytes().splitlines()[1:-1]))
    short = base64.b64encode(der[:-4]).decode()
    (tmp_path / "key.pem").write_text(
        f"-----BEGIN PRIVATE KEY-----\n{short}\n-----END PRIVATE KEY-----\n"
    )

    with pytest.raises(ConfigError, match="its end is missing"):
        load_signer(tmp_path / "key.pem", "s1")


def test_a_key_file_with_windows_line_ends_and_text_round_it_is_read(
    keys: Keys, tmp_path: Path, past: Edition
) -> None:
    lines = ["Bag Attributes", *keys("rsa").read_text().splitlines(), ""]
    (tmp_path / "key.pem").write_bytes("\r\n".join(lines).encode())

    signer = load_signer(tmp_path / "key.pem", "s1")
    assert verified(build_message(past, RENDERED, signer=signer), keys("rsa"))


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nowhere\.pem: DIGEST_DKIM_KEY: can't be read \(No such"
    ):
        load_signer(tmp_path / "nowhere.pem", "s1")


@pytest.mark.parametrize("selector", ["", "s 1", "s1;", "s1.", "-s", "s\r\nBcc: x", "é"])
def test_a_selector_that_cannot_stand_in_the_dns_is_told(keys: Keys, selector: str) -> None:
    with pytest.raises(ConfigError, match=r"environment: DIGEST_DKIM_SELECTOR: .* is no selector"):
        load_signer(keys("ed25519"), selector)


@pytest.mark.parametrize("domain", ["a b", "x..y", "-", "example.org; p=", "a\nb"])
def test_a_domain_that_is_none_is_told(keys: Keys, domain: str) -> None:
    with pytest.raises(ConfigError, match=r"environment: DIGEST_DKIM_DOMAIN: .* is no domain"):
        load_signer(keys("ed25519"), "s1", domain)


def test_a_signer_does_not_show_its_key(keys: Keys) -> None:
    signer = load_signer(keys("ed25519"), "s1")

    assert isinstance(signer, Signer)
    assert signer.key.decode() not in repr(signer)
