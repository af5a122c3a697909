"""Messages through programs that are not ours: mutt reads them, SpamAssassin judges them."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from email.parser import HeaderParser
from email.policy import default
from pathlib import Path

import pytest

from digest.editions.message import build_message
from digest.editions.render import Renderer
from digest.editions.sample import sample_edition
from digest.records import Edition, EditionStory, EditionTopic, Reader, Rendered

THEMES = ("classic", "compact")
READER = Reader(
    "ana@bücher.example",
    "Ana Prado-Żółć 🚢",
    unsubscribe="https://news.example.org/unsubscribe/abcdefghijklmnopqrstuvwxyz0123456789",
    preferences="https://news.example.org/preferences/abcdefghijklmnopqrstuvwxyz0123456789",
)


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None and not os.environ.get("CI"),
        reason=f"needs {program} on PATH; in CI its absence is a failure",
    )


# --- mutt ----------------------------------------------------------------------------------

# What mutt shows of a message, header and all, it gives to `cat`. Of the two texts it takes the
# one named first; the page comes as it is.
MUTTRC = """
set folder="{folder}" mailcap_path="{folder}/mailcap" tmpdir="{folder}" charset="utf-8"
set wrap=0 wait_key=no quit=yes pipe_decode=yes pipe_decode_weed=no
unalternative_order *
alternative_order {wanted}
auto_view text/html
push "<pipe-message>cat > {folder}/shown<enter><exit>"
"""


def mutt(folder: Path, message: bytes, wanted: str) -> tuple[dict[str, str], str]:
    """Header fields and body as mutt decodes them. It wants a terminal, and gets one."""
    box = folder / "box"
    for name in ("cur", "new", "tmp"):
        (box / name).mkdir(parents=True, exist_ok=True)
    # As servers deliver it: the lines of files end with LF.
    (box / "cur" / "1:2,S").write_bytes(message.replace(b"\r\n", b"\n"))
    (folder / "mailcap").write_text("text/html; cat %s; copiousoutput\n")
    (folder / "muttrc").write_text(MUTTRC.format(folder=folder, wanted=wanted))
    ours, theirs = pty.openpty()
    said = b""
    try:
        process = subprocess.Popen(
            ["mutt", "-n", "-F", folder / "muttrc", "-R", "-f", box],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            for _ in range(100):
                if process.poll() is not None:
                    break
                if select.select([ours], [], [], 0.1)[0]:
                    said += os.read(ours, 65536)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(ours)
        os.close(theirs)
    shown = folder / "shown"
    assert shown.is_file(), said.decode(errors="replace")
    head, _, body = shown.read_text("utf-8").partition("\n\n")
    fields = HeaderParser().parsestr(head)
    return {name: re.sub(r"\n(?=[ \t])", "", value) for name, value in fields.items()}, body


@needs("mutt")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("reader", [None, READER], ids=["sender", "reader"])
def test_mutt_reads_the_text_and_the_page_as_they_were_made(
    edition: Edition, renderer: Renderer, tmp_path: Path, theme: str, reader: Reader | None
) -> None:
    edition = replace(edition, template=theme)
    rendered = renderer.render(edition, mail=True, reader=reader)
    message = build_message(edition, rendered, reader=reader)

    fields, text = mutt(tmp_path, message, "text/plain")
    assert text == rendered.text
    assert fields["Subject"] == edition.subject
    assert mutt(tmp_path, message, "text/html")[1].strip() == rendered.html.strip()


LONG = (
    "Thirty-one harbours agree on one timetable for night ferries, and the pilots' union, which "
    "had asked for longer rest since the spring, says that it will sign once the winter rota is "
    "printed, while the two largest ports still argue over who is to pay for the tugs that must "
    "wait outside the mole in heavy weather ahead"
)
AWKWARD = {
    "emoji": "🚢⚡ Twelve electric tugs 👩🏽‍🚀 for the harbour 🇺🇦 — “first of their kind” 🚢⚡",
    "right to left": "المدينة القديمة تفتح أول مكتبة عامة منذ عشرين عاما، وقصص أخرى كثيرة",
    "300 characters": LONG,
    "300 characters, not ASCII": LONG.replace("a", "ä"),
    "no blanks": "港の新しい気象レーダー、豪雨を三十分早く知らせる" * 10,
    "one word": "x" * 300,
    "looks encoded": "=?utf-8?q?not_encoded?= and (so on)",
    "two  blanks": "One  two   three",
}


@needs("mutt")
@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_headers_come_back_from_mutt_and_from_python(
    edition: Edition, make_story: Callable[..., EditionStory], tmp_path: Path, kind: str
) -> None:
    text = AWKWARD[kind]
    topics = (EditionTopic("World", (make_story(text),)),)
    edition = replace(edition, subject=text, title=text, topics=topics)
    message = build_message(edition, Rendered("<p>Hi</p>\n", f"{text}\n"), reader=READER)

    fields, body = mutt(tmp_path, message, "text/plain")
    assert body == f"{text}\n"
    assert fields["Subject"] == text
    assert fields["To"] == f"{READER.name} <ana@bücher.example>"  # IDNA is read too
    parsed = HeaderParser(policy=default).parsestr(message.decode("ascii"))
    assert parsed["Subject"] == text
    assert parsed["To"].addresses[0].display_name == READER.name
    assert max(len(line) for line in message.split(b"\r\n")) <= 998
    head = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    # Over 78 is only what can't be folded: an address, a word.
    assert all(len(line) <= 78 or line.strip().count(b" ") <= 1 for line in head)


@needs("mutt")
@pytest.mark.parametrize(
    "name",
    [
        "Die Größe",
        "Digest, The",
        "The Digest (evening)",
        "الصحيفة الصباحية للمدينة القديمة والميناء وما حولهما",
        "Größenwahn und Überfluss, die Zeitung für Leser in Österreich und Übersee",
        "港の新しい気象レーダー、豪雨を三十分早く知らせる",
    ],
)
def test_a_senders_name_comes_back_from_mutt(edition: Edition, tmp_path: Path, name: str) -> None:
    edition = replace(edition, sender=f'"{name}" <digest@example.org>')
    message = build_message(edition, Rendered("<p>Hi</p>\n", "Hi\n"))

    shown = mutt(tmp_path, message, "text/plain")[0]["From"]
    found = re.fullmatch(r'"?(.*?)"? <digest@example\.org>', shown)
    assert found
    assert found[1] == name


# --- SpamAssassin --------------------------------------------------------------------------


def judged(folder: Path, messages: dict[str, bytes]) -> dict[str, tuple[float, str]]:
    """Score and rules of each message, by the rules that lie on this machine: no network.

    All in one call, since reading the rules takes a second.
    """
    files = []
    for number, message in enumerate(messages.values()):
        files.append(folder / f"{number}.eml")
        files[-1].write_bytes(message)
    done = subprocess.run(
        ["spamassassin", "--local", "--nocreate-prefs", "--cf=use_bayes 0", *files],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
    )
    found = re.findall(
        r"^X-Spam-Status: (?:Yes|No), score=(-?[\d.]+) .*?tests=(.*?)\s+autolearn",
        done.stdout,
        re.MULTILINE | re.DOTALL,
    )
    assert len(found) == len(messages), done.stderr
    return {
        name: (float(score), "".join(rules.split()))
        for name, (score, rules) in zip(messages, found, strict=True)
    }


# A string that is made for trying the rules: they make a thousand of it.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@needs("spamassassin")
def test_no_edition_looks_like_spam(edition: Edition, renderer: Renderer, tmp_path: Path) -> None:
    editions = {
        (kind, theme): replace(made, template=theme)
        for theme in THEMES
        for kind, made in (("golden", edition), ("sample", sample_edition(theme)))
    }
    messages = {
        f"{kind}, {theme}, {'reader' if reader else 'sender'}": build_message(
            made, renderer.render(made, mail=True, reader=reader), reader=reader
        )
        for (kind, theme), made in editions.items()
        for reader in (None, READER)
    }
    spam = build_message(edition, Rendered(f"<p>{GTUBE}</p>\n", f"{GTUBE}\n"))

    scores = judged(tmp_path, {**messages, "spam": spam})

    assert {name for name, (score, _) in scores.items() if score > 500} == {"spam"}
    assert {name: found for name, found in scores.items() if found[0] >= 1.0} == {
        "spam": scores["spam"]
    }
    assert all("MAILING_LIST_MULTI" in rules for _, rules in scores.values())
