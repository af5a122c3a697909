"""One run over all 101 real feeds of the shared data: over HTTP, and again as files.

What readers get of it is looked at in both themes, with all the pictures that the feeds offer.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import html5lib
import pytest

from digest.editions.frozen import load_edition
from digest.editions.limits import MAX_BYTES
from digest.editions.lint import lint
from digest.editions.render import Renderer, packaged_themes
from digest.records import Edition, Reader, Rendered

# Of conftest.py: one can't be imported by name, every room has one.
Desk = Any
Viewer = Any

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
MANIFEST = (
    [json.loads(line) for line in (DATA / "manifest.jsonl").read_text("utf-8").splitlines()]
    if DATA.is_dir()
    else []
)
NAMES = {f"feed-{number:03}": row["file"] for number, row in enumerate(MANIFEST)}
# Two of the files hold 11 entries with nothing in them, which are left out with a note.
HOLLOW = re.compile(r"illegally-nested|no_encoding_ISO-8859-1")
DIGEST = "{name: all, max_stories: 40}"
NOW = "2026-03-02T07:00+00:00"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(not MANIFEST, reason="../shared/data/feeds is not here"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(DATA)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


Run = Callable[[list[tuple[str, str]], str], Any]


@pytest.fixture(scope="module")
def run(desk: Desk, small_encoder: Path) -> Run:
    """Runs over feeds into an outbox.

    Thousands of articles are encoded, which of them belong together is not looked at here.
    """

    def run(urls: list[tuple[str, str]], outbox: str) -> Any:
        desk.configure(DIGEST, urls)
        arguments = ("run", "--window", "all", "--now", NOW)
        settings = {"DIGEST_OUTBOX_DIR": outbox, "DIGEST_ENCODER": str(small_encoder)}
        return desk.run_json(*arguments, timeout=500, **settings)

    return run


@pytest.fixture(scope="module")
def desk(new_desk: Any) -> Desk:
    return new_desk()


@pytest.fixture(scope="module")
def over_http(run: Run, address: str) -> Any:
    return run([(name, f"{address}/{quote(file)}") for name, file in NAMES.items()], "outbox-http")


@pytest.fixture(scope="module")
def as_files(run: Run, over_http: Any) -> Any:
    """The same state, but another outbox: what was computed is remembered, what was told isn't."""
    assert over_http["digests"]
    return run([(name, str(DATA / file)) for name, file in NAMES.items()], "outbox-files")


@pytest.fixture(scope="module", params=["outbox-http", "outbox-files"])
def edition(request: pytest.FixtureRequest, desk: Desk, as_files: Any) -> Path:
    assert as_files["digests"]
    return desk.folder / request.param / "all" / "2026-03-02"  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer([packaged_themes()])


@pytest.mark.parametrize("way", ["over_http", "as_files"])
def test_each_feed_gives_all_its_entries(way: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(way)
    assert report["exit"] == 0, report["stderr"]
    rows = {row["file"]: row for row in MANIFEST}
    assert len(report["feeds"]) == len(rows) == 101
    for outcome in report["feeds"]:
        row = rows[NAMES[outcome["feed"]]]
        assert outcome["status"] == "fetched", outcome
        hollow = sum(int(note.split()[0]) for note in outcome["notes"] if "left out" in note)
        assert outcome["entries"] + hollow == row["entries"], row["file"]
        assert hollow == 0 or HOLLOW.search(row["file"])
    (digest,) = report["digests"]
    assert (digest["status"], digest["stories"]) == ("built", 40)


def test_the_second_run_encodes_only_what_reads_otherwise_as_a_file(as_files: Any) -> None:
    (digest,) = as_files["digests"]
    assert digest["encoded"] <= digest["articles"] // 20
    # Only what is printed is summarised.
    assert digest["summarized"] + digest["remembered"] == digest["stories"]
    assert digest["remembered"] >= digest["stories"] * 9 // 10


def test_the_page_is_sound_html(edition: Path) -> None:
    page = (edition / "index.html").read_text("utf-8")
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True)
    tree = parser.parse(page)
    names = {
        element.tag.rpartition("}")[2] for element in tree.iter() if isinstance(element.tag, str)
    }
    assert not names & {"script", "iframe", "object", "embed", "form", "link", "base"}


def test_the_page_has_absolute_harmless_links_only(edition: Path) -> None:
    page = (edition / "index.html").read_text("utf-8")
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    seen = 0
    for element in tree.iter():
        for attribute, value in element.items():
            assert not attribute.startswith("on"), f"{element.tag} {attribute}"
            if attribute in ("href", "src", "srcset", "background", "action"):
                seen += 1
                parts = urlsplit(value)
                inside = value.startswith("#") and len(value) > 1
                assert (
                    inside
                    or value == "../index.html"  # the list of editions, which lies there
                    or parts.scheme == "mailto"
                    or (parts.scheme in ("http", "https") and parts.netloc)
                ), value
    assert seen >= 40
    assert "javascript:" not in page.lower()
    assert (edition / "../index.html").is_file()


def test_no_internal_link_leads_nowhere(edition: Path) -> None:
    tree = html5lib.parse((edition / "index.html").read_text("utf-8"), namespaceHTMLElements=False)
    ids = {element.get("id") or element.get("name") for element in tree.iter()}
    for element in tree.iter("a"):
        href = element.get("href", "")
        assert not href.startswith("#") or href[1:] in ids


def test_the_plain_text_is_plain(edition: Path) -> None:
    text = (edition / "digest.txt").read_text("utf-8")
    assert not re.search(r"</?(?:p|br|div|span|a|img|li|b|i|strong|em)\b[^>]*>", text)
    assert not re.search(r"&(?:nbsp|amp|lt|gt|quot|#\d+);", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


def test_the_e_mail_parses(edition: Path, renderer: Renderer) -> None:
    data = (edition / "digest.eml").read_bytes()
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message.defects == []
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert max(map(len, data.splitlines())) <= 998
    body = message.get_body(("html",))
    assert body is not None
    frozen = load_edition((edition / "edition.json").read_bytes(), str(edition))
    assert body.get_content().split() == renderer.render(frozen, mail=True).html.split()


# --- in both themes -------------------------------------------------------------------------

READER = Reader("ada@example.org", "Ada", "https://example.org/u/1", "https://example.org/p/1")


@pytest.fixture(scope="module", params=["classic", "compact"])
def printed(request: pytest.FixtureRequest, desk: Desk, as_files: Any) -> Edition:
    """The edition as it would be in another theme, its pictures too."""
    assert as_files["digests"]
    path = desk.folder / "outbox-files" / "all" / "2026-03-02" / "edition.json"
    edition = load_edition(path.read_bytes(), str(path))
    assert len(edition.stories) == 40
    assert any(story.image for story in edition.stories)
    return replace(edition, template=request.param, images="all")


@pytest.fixture(scope="module")
def mail(printed: Edition, renderer: Renderer) -> Rendered:
    return renderer.render(printed, mail=True, reader=READER)


def test_the_lint_finds_no_error(printed: Edition, mail: Rendered, renderer: Renderer) -> None:
    findings = lint(printed, mail, renderer.sources(printed.template), reader=READER)
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_no_client_cuts_the_e_mail_off(mail: Rendered) -> None:
    assert len(mail.html.encode()) < MAX_BYTES


def test_a_strict_parser_finds_no_error(
    printed: Edition, mail: Rendered, renderer: Renderer
) -> None:
    for html in (mail.html, renderer.render(printed).html):
        parser = html5lib.HTMLParser()
        parser.parse(html)
        assert parser.errors == []


@pytest.mark.browser
def test_it_is_for_everybody(mail: Rendered, viewer: Viewer) -> None:
    found: list[str] = []
    for scheme in ("light", "dark"):
        viewer.show(mail.html, scheme=scheme)
        found += viewer.violations()
    assert not found, "\n".join(found)


@pytest.mark.browser
def test_it_fits_a_phone_with_large_text(mail: Rendered, viewer: Viewer) -> None:
    viewer.show(mail.html, width=375)
    assert viewer.width() <= 375
    viewer.show(mail.html, width=320)
    viewer.enlarge_text(2)
    assert viewer.width() <= 320
