"""What a mail server's reply means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.outbox.verdicts import LONGEST_REASON, Refusal, after_the_dot, judge, reason
from digest.records import Receipt

GO_ON, REFUSED, LASTING = "go on", "refused", "lasting"

PHASES = ["connect", "helo", "starttls", "auth", "mail", "rcpt", "data"]


def kind(verdict: Receipt | Refusal | None) -> str:
    if verdict is None:
        return GO_ON
    if isinstance(verdict, Refusal):
        return LASTING if verdict.lasting else REFUSED
    return "dead" if verdict.dead else verdict.outcome


@pytest.mark.parametrize(
    ("phase", "code", "text", "expected"),
    [
        ("connect", 220, "mail.example ESMTP", GO_ON),
        ("connect", 250, "what a greeting is not", REFUSED),
        ("connect", 554, "no service", REFUSED),
        ("connect", 450, "greylisted", REFUSED),
        ("helo", 250, "mail.example", GO_ON),
        ("helo", 504, "need a full name", REFUSED),
        ("starttls", 220, "go ahead", GO_ON),
        ("starttls", 250, "not a go-ahead", REFUSED),
        ("starttls", 454, "not now", REFUSED),
        ("auth", 235, "welcome", GO_ON),
        ("auth", 503, "already", GO_ON),
        ("auth", 334, "VXNlcm5hbWU6", REFUSED),
        ("auth", 454, "4.7.0 later", REFUSED),
        ("auth", 535, "5.7.8 wrong", LASTING),
        ("auth", 500, "what?", LASTING),
        ("mail", 250, "2.1.0 Ok", GO_ON),
        ("mail", 451, "later", REFUSED),
        ("mail", 354, "not yet", REFUSED),
        ("mail", 550, "5.1.8 no such sender", LASTING),
        ("mail", 530, "5.7.0 log in first", LASTING),
        ("mail", 553, "not owned by the user", LASTING),
        ("mail", 550, "5.4.5 daily quota exceeded", REFUSED),
        ("mail", 552, "5.3.4 out of space", REFUSED),
        ("rcpt", 250, "2.1.5 Ok", GO_ON),
        ("rcpt", 251, "will forward", GO_ON),
        ("rcpt", 252, "will try", GO_ON),
        ("rcpt", 354, "not yet", REFUSED),
        ("rcpt", 450, "4.2.0 greylisted", "deferred"),
        ("rcpt", 452, "4.5.3 too many recipients", "deferred"),
        ("rcpt", 552, "mailbox full", "deferred"),
        ("rcpt", 552, "5.2.2 mailbox full", "deferred"),
        ("rcpt", 550, "5.2.2 over quota", "deferred"),
        ("rcpt", 552, "5.2.3 too large for this mailbox", "bounced"),
        ("rcpt", 552, "5.3.4 too large for the system", "bounced"),
        ("rcpt", 550, "5.4.5 daily quota exceeded", "deferred"),
        ("rcpt", 550, "no such user", "bounced"),
        ("rcpt", 550, "5.7.1 blocked by policy", "bounced"),
        ("rcpt", 550, "5.1.1 no such user", "dead"),
        ("rcpt", 550, "5.1.1", "dead"),
        ("rcpt", 550, "5.1.1\nlines after it", "dead"),
        ("rcpt", 550, "5.1.10 null MX", "dead"),
        ("rcpt", 551, "5.1.6 moved", "dead"),
        ("rcpt", 553, "5.1.3 malformed", "dead"),
        ("rcpt", 550, "5.2.1 disabled", "dead"),
        ("rcpt", 450, "5.1.1 of another class than its code", "deferred"),
        ("rcpt", 550, "4.1.1 of another class than its code", "bounced"),
        ("rcpt", 550, "5.1.11 of no such meaning", "bounced"),
        ("rcpt", 550, "said of 5.1.1 later", "bounced"),
        ("rcpt", 554, "5.7.1 <ann@example.org>: Relay access denied", "deferred"),
        ("rcpt", 550, "5.7.1 <ann@example.org>... Relaying denied", "deferred"),
        ("rcpt", 550, "5.7.54 SMTP; Unable to relay recipient", "deferred"),
        ("rcpt", 550, "relay not permitted", "deferred"),
        ("rcpt", 550, "5.1.1 no relay access denied here: unknown", "dead"),
        ("rcpt", 530, "5.7.0 log in first", LASTING),
        ("rcpt", 503, "MAIL first", REFUSED),
        ("rcpt", 553, "5.7.1 <n@example.org>: Sender address rejected: not owned", LASTING),
        ("rcpt", 554, "5.7.1 <host[192.0.2.1]>: Client host rejected: listed", LASTING),
        ("rcpt", 450, "4.1.8 <n@example.org>: Sender address rejected: no domain", REFUSED),
        ("rcpt", 550, "5.1.8 bad sender", LASTING),
        ("rcpt", 550, "5.7.1 <a@example.org>: Recipient address rejected: no", "bounced"),
        ("data", 354, "go ahead", GO_ON),
        ("data", 250, "what is no leave to send", REFUSED),
        ("data", 451, "later", "deferred"),
        ("data", 554, "no valid recipients", "bounced"),
        ("data", 550, "5.1.1 not of one recipient", "bounced"),
    ],
)
def test_a_reply_before_the_dot(phase: Any, code: int, text: str, expected: str) -> None:
    assert kind(judge(phase, code, text)) == expected


@pytest.mark.parametrize("phase", PHASES)
def test_421_ends_the_session_and_is_nobodys_fault(phase: Any) -> None:
    assert kind(judge(phase, 421, "4.3.2 shutting down")) == REFUSED


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (250, "2.0.0 Ok: queued", "sent"),
        (251, "fine", "sent"),
        (200, "fine", "sent"),
        (354, "go ahead", "unconfirmed"),
        (421, "4.3.2 shutting down", "deferred"),
        (451, "later", "deferred"),
        (552, "5.2.2 mailbox full", "deferred"),
        (552, "too much", "bounced"),
        (554, "5.7.1 spam", "bounced"),
        (550, "5.1.1 said too late to be of one address", "bounced"),
    ],
)
def test_a_reply_to_the_whole_message(code: int, text: str, expected: str) -> None:
    assert kind(after_the_dot(code, text)) == expected


def test_a_refusal_says_what_was_refused_and_what_was_said() -> None:
    verdict = judge("auth", 535, "5.7.8 wrong\nsee https://example.org")
    assert verdict == Refusal("it refuses the user or the password: 535 5.7.8 wrong", lasting=True)


def test_a_reason_is_the_first_line_printable_and_without_addresses() -> None:
    text = "5.1.1 <ann.lee@example.org>:\x1b[31m no\tsuch user\nask bob@example.org"
    assert reason(550, text) == "550 5.1.1 <a…@example.org>: [31m no such user"
    assert reason(250, "") == "250"


@given(st.sampled_from(PHASES), st.integers(200, 599), st.text(max_size=400))
def test_every_reply_has_a_meaning(phase: Any, code: int, text: str) -> None:
    verdict = judge(phase, code, text)
    for said in (verdict, after_the_dot(code, text)):
        words = said.reason if said else ""
        assert words.isprintable()
        assert len(words) <= LONGEST_REASON + 60
    # Only a recipient's refusal makes an address dead, and only one for good.
    if isinstance(verdict, Receipt) and verdict.dead:
        assert (phase, code // 100) == ("rcpt", 5)
    assert not after_the_dot(code, text).dead
