"""`digest feeds add|remove|import|export`: what they say, and what feeds.yaml holds afterwards."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
LOCAL = {"DIGEST_ALLOW_PRIVATE_NETWORKS": "true"}
CONFIG = """# what we read
digests:
  - name: town
    feeds: [town, local]   # names and tags
feeds:
  # the paper
  - {name: town, url: town.xml, tags: [local]}   # a file
"""
ITEM = "<item><title>%s</title><guid>%s</guid><pubDate>%s</pubDate></item>"
RSS = (
    '<rss version="2.0"><channel><title>Harbour News</title>'
    + ITEM % ("Old boat", 1, "Mon, 02 Mar 2026 05:00:00 GMT")
    + ITEM % ("New boat", 2, "Mon, 02 Mar 2026 06:00:00 GMT")
    + "</channel></rss>"
)
PAGES = {
    "/": '<html><head><link rel="alternate" type="application/rss+xml" title="All" href="/boats">'
    '<link rel="alternate" type="application/rss+xml" title="Sport" href="/sport"></head></html>',
    "/boats": RSS,
    "/bare": "<html><body>No feed here</body></html>",
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "feeds.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def site() -> Iterator[str]:
    """A site whose front page names two feeds; `/old` has moved to `/boats` for good."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGES.get(self.path, "").encode()
            moved = self.path == "/old"
            self.send_response(301 if moved else 200 if body else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if moved:
                self.send_header("Location", "/boats")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_feed_of_a_site_is_found_named_and_written(
    digest: Run, config: Path, site: str
) -> None:
    done = digest("feeds", "add", site, "--tag", "local", "--topic", "World", **LOCAL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "added harbour-news to feeds.yaml\n"
        "  title    Harbour News\n"
        f"  address  {site}/boats\n"
        "  feed     RSS 2.0, 2 entries\n"
        "  newest   2026-03-02 06:00 UTC: New boat\n"
    )
    assert done.stderr == f"the page has another feed: {site}/sport (Sport)\n"
    assert config.read_text() == (
        CONFIG
        + f"  - {{name: harbour-news, title: Harbour News, url: {site}/boats, tags: [local], "
        "topic: World}\n"
    )


def test_name_and_title_can_be_given_and_json_says_what_was_written(
    digest: Run, config: Path, site: str
) -> None:
    words = ["--name", "boats", "--title", "Boats", "--json", "--config", str(config)]
    done = digest("feeds", "add", f"{site}/old", *words, **LOCAL)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], told["title"], told["entries"]) == ("boats", "Boats", 2)
    assert told["url"] == f"{site}/boats"  # moved for good
    assert told["newest"] == {"title": "New boat", "published": "2026-03-02T06:00:00+00:00"}
    assert "name: boats, title: Boats," in config.read_text()


@pytest.mark.usefixtures("config")
def test_a_feed_that_no_digest_reads_is_told_of(digest: Run, site: str) -> None:
    done = digest("feeds", "add", f"{site}/boats", **LOCAL)
    assert done.returncode == 0
    assert done.stderr == (
        "no digest of feeds.yaml reads harbour-news: give it a tag that one asks for (local), "
        "or write its name under 'feeds:' of a digest\n"
    )


def test_a_file_is_written_relative_to_feeds_yaml(
    digest: Run, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a b.xml").write_text(RSS)
    done = digest("feeds", "add", str(tmp_path / "more" / "a b.xml"), "--tag", "local")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'url: "more/a b.xml"' in config.read_text()
    again = digest("feeds", "add", "more/a b.xml")
    assert again.returncode == 2
    assert "is in feeds.yaml already; it is the feed 'harbour-news'" in again.stderr


# Each: the address, the exit status, and what is said.
NOT_ADDED = {
    "no feed": ("{site}/bare", 3, "a web page, and no feed of it was found; tried {site}/bare/"),
    "nothing there": ("{site}/none", 3, "HTTP 404"),
    "no address": ("what is this", 2, "is neither an http(s) address nor a file that is there"),
    "a script": ("javascript:alert(1)", 2, "is neither an http(s) address nor a file"),
}


@pytest.mark.parametrize(("address", "status", "said"), NOT_ADDED.values(), ids=NOT_ADDED.keys())
def test_what_is_no_feed_is_not_written(
    digest: Run, config: Path, site: str, address: str, status: int, said: str
) -> None:
    done = digest("feeds", "add", address.format(site=site), **LOCAL)
    assert (done.returncode, done.stdout) == (status, "")
    assert said.format(site=site) in done.stderr
    assert config.read_text() == CONFIG


def test_private_networks_are_not_asked_unless_allowed(
    digest: Run, config: Path, site: str
) -> None:
    done = digest("feeds", "add", site)
    assert done.returncode == 3
    assert "DIGEST_ALLOW_PRIVATE_NETWORKS" in done.stderr
    assert config.read_text() == CONFIG


def test_passwords_are_written_and_never_shown(digest: Run, config: Path, site: str) -> None:
    address = site.replace("://", "://me:secret@")
    done = digest("feeds", "add", address, "--tag", "local", **LOCAL)
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert f"{address}/boats" in config.read_text()
    written = digest("feeds", "export")
    assert "secret" not in written.stdout
    assert "user and password were left out of the address of: harbour-news" in written.stderr
    again = digest("feeds", "add", f"{address}/boats", **LOCAL)
    assert "secret" not in again.stderr
    removed = digest("feeds", "remove", "harbour-news")
    assert removed.stdout == f"removed harbour-news (http://***@{site[7:]}/boats) from feeds.yaml\n"
    assert config.read_text() == CONFIG


def test_a_feed_is_removed_with_the_word_that_named_it(digest: Run, config: Path) -> None:
    config.write_text(
        CONFIG.replace("[town, local]", "[town, b, far]")
        + "  - {name: b, url: b.xml, tags: [far]}\n"
    )
    done = digest("feeds", "remove", "b")
    assert done.stdout == (
        "removed b (b.xml) from feeds.yaml\nthe digest town no longer names 'b'\n"
        "the digest town no longer names 'far'\n"
    )
    assert config.read_text() == CONFIG.replace("[town, local]", "[town]")


def test_what_cannot_be_removed_is_told_with_its_place(digest: Run, config: Path) -> None:
    done = digest("feeds", "remove", "town")
    assert done.returncode == 2
    assert "'town' is the only feed of feeds.yaml" in done.stderr
    assert digest("feeds", "remove", "towm").returncode == 2
    config.write_text(CONFIG + "  - {name: b, url: b.xml}\n")
    done = digest("feeds", "remove", "town")
    assert done.returncode == 2
    assert done.stderr.startswith("feeds.yaml:4: digests[0].feeds: the digest 'town' has no other")


OPML = """<opml version="1.0"><head><title>Mine</title></head><body>
<outline text="local"><outline text="A & B" xmlUrl="https://a.example/?x=1&y=2"/></outline>
<outline text="C" xmlUrl="https://c.example/feed"/>
<outline text="D" xmlUrl="file:///etc/passwd"/>
</body></opml>
"""


def test_a_list_is_imported_as_far_as_it_goes(digest: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "list.opml").write_text(OPML)
    done = digest("feeds", "import", "list.opml", "--tag", "read")
    assert done.returncode == 1
    assert (
        done.stdout == "added a-b (https://a.example/?x=1&y=2)\nadded c (https://c.example/feed)\n"
    )
    assert done.stderr.splitlines() == [
        "list.opml: line 4: 'D' has no http(s) address: 'file:///etc/passwd'",
        "2 added to feeds.yaml, 0 there already, 1 not taken",
        "no digest of feeds.yaml reads c: give it a tag that one asks for (local), or write its "
        "name under 'feeds:' of a digest",
    ]
    assert config.read_text() == CONFIG + (
        "  - {name: a-b, title: A & B, url: https://a.example/?x=1&y=2, tags: [local, read]}\n"
        "  - {name: c, title: C, url: https://c.example/feed, tags: [read]}\n"
    )
    before = config.read_text()
    again = digest("feeds", "import", "-", "--json", input=OPML)
    assert again.returncode == 1
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["there"] * 2
    assert config.read_text() == before


def test_a_file_that_lacks_only_feeds_gets_its_first_ones(digest: Run, config: Path) -> None:
    for before in ("digests:\n  - name: m\n", "digests:\n  - name: m\nfeeds:   # none yet\n"):
        config.write_text(before)
        done = digest("feeds", "import", "-", input=OPML.replace("file:///etc/passwd", "d.example"))
        assert (done.returncode, done.stderr) == (
            0,
            "3 added to feeds.yaml, 0 there already, 0 not taken\n",
        )
        assert config.read_text().startswith(before)
    config.write_text("digests: []\n")
    assert digest("feeds", "import", "-", input=OPML).returncode == 2


@pytest.mark.parametrize("data", ["", "hello", "<opml><body></body></opml>"])
def test_a_list_without_feeds_does_nothing(digest: Run, config: Path, data: str) -> None:
    done = digest("feeds", "import", "-", input=data)
    assert (done.returncode, done.stdout) == (3, "")
    assert config.read_text() == CONFIG


def test_what_was_exported_can_be_imported(digest: Run, config: Path) -> None:
    assert digest("feeds", "import", "-", input=OPML).returncode == 1
    done = digest("feeds", "export", "out.opml")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "left out, since they are files of this machine: town",
        "2 feeds written to out.opml",
    ]
    shown = digest("feeds", "export", "--now", "2026-03-02T07:00")
    assert "<dateCreated>Mon, 02 Mar 2026 07:00:00 +0000</dateCreated>" in shown.stdout
    before = config.read_text()
    config.write_text(CONFIG)
    assert digest("feeds", "import", "out.opml").returncode == 0
    assert config.read_text() == before
    config.write_text(CONFIG)
    assert digest("feeds", "export").returncode == 3


@pytest.mark.parametrize("command", ["import", "export"])
def test_a_list_that_cannot_be_opened_is_named(digest: Run, config: Path, command: str) -> None:
    config.write_text(CONFIG.replace("town.xml", "'https://town.example/'"))
    done = digest("feeds", command, "none/list.opml")
    assert done.returncode == 2
    assert done.stderr.startswith("none/list.opml: No such file or directory")
