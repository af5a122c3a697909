"""`digest feeds check` as its users see it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
NOW = "2026-03-02T07:00"
ALLOWED = {"DIGEST_ALLOW_PRIVATE_NETWORKS": "true"}
ENTRY = (
    "<item><title>Harbour opens pier</title><guid>1</guid><link>https://town.example/pier</link>"
    "<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate><description>Three ferries moored at the new "
    "pier before noon. The mayor cut a rope.</description></item>"
)
RSS = f"<rss version='2.0'><channel><title>Town News</title>{ENTRY}</channel></rss>"


@pytest.fixture
def base() -> Iterator[str]:
    """A server: `/feed` is one, `/old` leads there for good, `/busy` wants to be left in peace."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = {
                "/feed": (200, {"ETag": '"1"', "Cache-Control": "max-age=600"}, RSS.encode()),
                "/old": (301, {"Location": "/feed"}, b""),
                "/busy": (503, {"Retry-After": "7200"}, b""),
            }.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def town(tmp_path: Path, base: str) -> Path:
    (tmp_path / "feeds.yaml").write_text(
        "digests:\n  - {name: town}\nfeeds:\n"
        f"  - {{name: good, url: '{base}/feed', full_text: never}}\n"
        f"  - {{name: moving, url: '{base}/old', full_text: never}}\n"
        f"  - {{name: busy, url: '{base}/busy', full_text: never}}\n"
    )
    return tmp_path


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {line.split()[0]: line for line in done.stdout.splitlines()}


@pytest.mark.usefixtures("town")
def test_the_table_has_a_row_a_feed(digest: Run) -> None:
    done = digest("feeds", "check", "--now", NOW, **ALLOWED)
    assert done.returncode == 1
    table = rows(done)
    assert list(table) == ["feed", "good", "moving", "busy"]
    assert "healthy" in table["good"]
    assert "never worked" in table["busy"]
    assert "HTTP 503 Service Unavailable" in table["busy"]
    assert done.stderr.strip() == "2 healthy, 1 never worked"


def test_what_is_stored_is_shown_without_asking(digest: Run, town: Path) -> None:
    assert "not asked" in rows(digest("feeds", "check", "--stored"))["good"]
    assert not (town / "state").exists()
    for hour in range(7, 10):
        digest("fetch", "--now", f"2026-03-02T{hour:02}:00", "--force", **ALLOWED)
    table = rows(digest("feeds", "check", "--stored", "--now", "2026-03-02T10:00"))
    assert "moved" in table["moving"]
    assert "set url: http://127.0.0.1" in table["moving"]
    assert table["good"].split()[1] == "healthy"
    assert "0%" in table["good"]


@pytest.mark.usefixtures("town")
def test_json_tells_how_a_feed_is(digest: Run) -> None:
    digest("fetch", "--now", NOW, **ALLOWED)
    state = digest("feeds", "check", "--stored", "--json", "--now", NOW)
    lines = {line["feed"]: line for line in map(json.loads, state.stdout.splitlines())}
    assert lines["good"]["state"] == "healthy"
    assert lines["busy"]["state"] == "never worked"
    assert lines["busy"]["failures"] == 1
    assert lines["busy"]["not_before"] == "2026-03-02T09:00:00+00:00"


@pytest.mark.model
@pytest.mark.usefixtures("town")
def test_one_feed_is_told_of_in_detail(digest: Run, base: str) -> None:
    done = digest("feeds", "check", "moving", "--now", NOW, **ALLOWED)
    assert done.returncode == 0
    for words in (
        "moving: healthy",
        f"redirect    HTTP 301 (for good) to {base}/feed",
        "answer      HTTP 200 in",
        "header      cache-control: max-age=600",
        'validators  ETag "1"',
        "feed        RSS 2.0, 'Town News', 1 entry",
        "1 of 1 are only teasers; their pages are not fetched (full_text: never)",
        "not before 2026-03-02 07:10 UTC",
        "A reader would see\n  Harbour opens pier\n",
        "Three ferries moored at the new pier before noon.",
        "https://town.example/pier",
    ):
        assert words in done.stdout


@pytest.mark.model
@pytest.mark.usefixtures("town")
def test_any_address_can_be_checked(digest: Run, base: str) -> None:
    done = digest("feeds", "check", f"{base}/feed", "--json", "--now", NOW, **ALLOWED)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["url"], told["status"], told["format"]) == (f"{base}/feed", "fetched", "RSS 2.0")
    (sample,) = told["samples"]
    assert sample["title"] == "Harbour opens pier"


@pytest.mark.usefixtures("town")
def test_an_address_of_one_s_own_network_says_how_to_allow_it(digest: Run, base: str) -> None:
    done = digest("feeds", "check", f"{base}/feed")
    assert done.returncode == 3
    assert "DIGEST_ALLOW_PRIVATE_NETWORKS=true allows it" in done.stdout


@pytest.mark.usefixtures("town")
def test_what_it_is_too_early_for_is_said_and_no_failure(digest: Run) -> None:
    digest("fetch", "--now", NOW, **ALLOWED)
    done = digest("fetch", "--now", "2026-03-02T07:05", **ALLOWED)
    assert "good: not asked again before 2026-03-02 07:10 UTC" in done.stdout
    assert "busy: failed: HTTP 503 Service Unavailable; not asked again before" in done.stdout
    assert done.returncode == 1
