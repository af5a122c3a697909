"""What an editor sees, over real HTTP on loopback."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from digest.editions.frozen import dump_edition, load_edition
from digest.records import Update

Files = Callable[..., Path]
Serve = Callable[..., AbstractContextManager[httpx.Client]]


def frame_address(page: str) -> str:
    """Where the page's frame leads."""
    match = re.search(r'<iframe sandbox="([^"]*)"[^>]*\bsrc="([^"]*)"', page)
    assert match, "the page has no sandboxed frame"
    assert "allow-scripts" not in match[1]
    return match[2].replace("&amp;", "&")


def edit(template: Path, old: str, new: str) -> None:
    """Saves the template with a change."""
    template.write_text(template.read_text("utf-8").replace(old, new), "utf-8")


def framed(site: httpx.Client, address: str) -> str:
    """The e-mail that the page at `address` shows."""
    return site.get(frame_address(site.get(address).text)).text


def test_the_start_page_leads_to_the_edition_of_the_latest_date(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition(date="2026-11-24")
    file_edition(date="2026-11-23")
    assert site.get("/").headers["location"] == "/editions/demo/2026-11-24"


def test_of_two_editions_of_one_date_the_one_built_last_is_the_newest(
    site: httpx.Client, file_edition: Files
) -> None:
    for digest, built in (("alpha", 300), ("beta", 900), ("gamma", 600)):
        os.utime(file_edition(digest) / "edition.json", (built, built))
    assert site.get("/").headers["location"] == "/editions/beta/2026-11-24"


def test_a_digest_leads_to_its_newest_edition_and_keeps_the_view(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition("demo", "2026-11-24")
    file_edition("evening", "2026-11-22")
    answer = site.get("/editions/evening?view=phone")
    assert answer.headers["location"] == "/editions/evening/2026-11-22?view=phone"


def test_the_page_tells_subject_sender_preheader_stories_and_failed_feeds(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition()
    page = site.get("/editions/demo/2026-11-24").text
    assert "<h1>River towns &lt;rebuild&gt; after the flood</h1>" in page
    assert "The Demo Digest &lt;digest@example.org&gt;" in page
    assert "And a comet that can be seen at dusk" in page
    assert "2 in 2 topics" in page
    assert "31 articles from 5 feeds" in page
    assert "1 feed failed" in page
    assert "<strong>Harbour Weekly</strong>: the server answered 503" in page


def test_the_page_lists_all_editions_and_marks_the_one_shown(
    site: httpx.Client, file_edition: Files
) -> None:
    for digest, date in (("demo", "2026-11-23"), ("demo", "2026-11-24"), ("evening", "2026-11-20")):
        file_edition(digest, date)
    page = site.get("/editions/demo/2026-11-23").text
    shelf = page[page.index('id="shelf"') : page.index("<main")]
    assert re.findall(r'href="([^"?]*)', shelf) == [
        "/editions/demo/2026-11-24",
        "/editions/demo/2026-11-23",
        "/editions/evening/2026-11-20",
    ]
    assert re.findall(r'href="([^"?]*)[^>]*aria-current', shelf) == ["/editions/demo/2026-11-23"]


def test_older_and_newer_stay_within_the_digest(site: httpx.Client, file_edition: Files) -> None:
    for digest, date in (
        ("demo", "2026-11-20"),
        ("evening", "2026-11-21"),
        ("demo", "2026-11-22"),
        ("evening", "2026-11-23"),
        ("demo", "2026-11-24"),
    ):
        file_edition(digest, date)
    page = site.get("/editions/demo/2026-11-22?view=dark").text
    assert 'rel="prev" href="/editions/demo/2026-11-20?view=dark"' in page
    assert 'rel="next" href="/editions/demo/2026-11-24?view=dark"' in page
    assert 'rel="next"' not in site.get("/editions/demo/2026-11-24").text


def test_an_email_over_gmails_limit_is_marked(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    assert "Gmail clips it" not in site.get("/editions/demo/2026-11-24").text
    edit(template, "</body>", "x" * 102 * 1024 + "</body>")
    assert "Gmail clips it at 102 KB" in site.get("/editions/demo/2026-11-24").text


def test_the_plain_text_view_shows_the_text_of_the_email_escaped(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    template.with_name("digest.txt.j2").write_text("{{ edition.subject }}\n", "utf-8")
    file_edition()
    page = site.get("/editions/demo/2026-11-24?view=text").text
    assert "River towns &lt;rebuild&gt; after the flood\n</pre>" in page
    assert "<iframe" not in page
    text = site.get("/editions/demo/2026-11-24/digest.txt")
    assert text.text == "River towns <rebuild> after the flood\n"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_message_is_downloaded_as_it_was_built(site: httpx.Client, file_edition: Files) -> None:
    folder = file_edition()
    answer = site.get("/editions/demo/2026-11-24/digest.eml")
    assert answer.content == (folder / "digest.eml").read_bytes()
    assert answer.headers["content-type"] == "message/rfc822"
    assert 'attachment; filename="demo-2026-11-24.eml"' in answer.headers["content-disposition"]
    (folder / "digest.eml").unlink()
    assert site.get("/editions/demo/2026-11-24/digest.eml").status_code == 404
    assert "digest.eml" not in site.get("/editions/demo/2026-11-24").text


def test_the_frame_holds_the_edition_rendered_with_the_templates_as_they_are_now(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    assert "<h1>The Demo Digest</h1>" in framed(site, "/editions/demo/2026-11-24")
    edit(template, "<h1>", "<h1>Now: ")
    assert "<h1>Now: The Demo Digest</h1>" in framed(site, "/editions/demo/2026-11-24")


def test_a_link_to_an_earlier_edition_leads_to_its_page(
    serve: Serve, file_edition: Files, template: Path
) -> None:
    template.write_text(
        template.read_text("utf-8").replace(
            "<h2>",
            """{% if story.update %}<a class="earlier" href="{{
            story.update | earlier_url(edition, relative=not mail) }}">before</a>{% endif %}
            <h2 id="{{ story.id }}">""",
        ),
        "utf-8",
    )
    file_edition(date="2026-11-23")
    file = file_edition() / "edition.json"
    edition = load_edition(file.read_bytes(), str(file))
    (first, *others) = edition.topics
    told = Update("2026-11-23", "s1", "River towns wait for the flood", ("five",))
    updated = replace(first, stories=(replace(first.stories[0], update=told),))
    file.write_bytes(dump_edition(replace(edition, topics=(updated, *others))))
    with serve() as client:
        frame = client.get("/editions/demo/2026-11-24/email.html")
        (link,) = re.findall(r'href="(\.\./[^"]+)"', frame.text)
        assert '<base target="_blank">' in frame.text  # a new tab, not the frame
        page = client.get(urljoin(str(frame.url), link))
    assert page.status_code == 200
    assert page.url.path == "/editions/demo/2026-11-23/index.html"
    assert f'id="{link.partition("#")[2]}"' in page.text
    assert "sandbox" in page.headers["content-security-policy"]


def test_the_page_of_an_edition_that_is_not_there_is_a_404(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition()
    assert site.get("/editions/demo/2026-11-23/index.html").status_code == 404


def test_an_edition_built_anew_is_shown_anew(site: httpx.Client, file_edition: Files) -> None:
    file_edition()
    assert "The Demo Digest" in framed(site, "/editions/demo/2026-11-24")
    file_edition(title="The Second Try")
    assert "The Second Try" in framed(site, "/editions/demo/2026-11-24")


def test_the_version_changes_with_templates_and_editions_and_only_with_them(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    def version() -> str:
        return str(site.get("/version").json()["version"])

    seen = [version()]
    file_edition()
    seen.append(version())
    assert f'data-version="{seen[-1]}"' in site.get("/editions/demo/2026-11-24").text
    assert version() == seen[-1]
    edit(template, "</body>", "<hr></body>")
    seen.append(version())
    template.with_name("part.html.j2").write_text("a new file", "utf-8")
    seen.append(version())
    file_edition(date="2026-11-25")
    seen.append(version())
    assert len(set(seen)) == 5


def test_the_frames_address_stays_while_the_email_does(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    before = frame_address(site.get("/editions/demo/2026-11-24").text)
    template.with_name("unused.html.j2").write_text("not included anywhere", "utf-8")
    assert frame_address(site.get("/editions/demo/2026-11-24").text) == before
    edit(template, "</body>", "<hr></body>")
    assert frame_address(site.get("/editions/demo/2026-11-24").text) != before


def test_the_preview_shows_what_only_editors_are_told(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    edit(
        template, "</body>", "{% if editors %}{{ edition.failed[0].feed }} fails{% endif %}</body>"
    )
    assert "Harbour Weekly fails" in framed(site, "/editions/demo/2026-11-24")


def test_a_broken_template_shows_file_and_line_over_the_last_good_page(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    good = template.read_text("utf-8")
    edit(template, "<h1>", "<h1>Good: ")
    assert "Good: The Demo Digest" in framed(site, "/editions/demo/2026-11-24")
    template.write_text("<p>\n{% for %}\n", "utf-8")
    page = site.get("/editions/demo/2026-11-24").text
    assert f"{template}:2: " in page
    assert "Below is the last good page." in page
    assert "Good: The Demo Digest" in framed(site, "/editions/demo/2026-11-24")
    template.write_text(good, "utf-8")
    page = site.get("/editions/demo/2026-11-24").text
    assert "Rendering failed" not in page
    assert "Good: " not in framed(site, "/editions/demo/2026-11-24")


def test_a_template_broken_from_the_start_shows_the_edition_as_it_was_built(
    site: httpx.Client, file_edition: Files, template: Path
) -> None:
    file_edition()
    template.write_text("{{ edition.nonsense }}", "utf-8")
    page = site.get("/editions/demo/2026-11-24").text
    assert "digest.html.j2:1: " in page
    assert "Below is the edition as it was built." in page
    assert "<h1>The Demo Digest</h1>" in framed(site, "/editions/demo/2026-11-24")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 99}'])
def test_a_damaged_edition_tells_its_trouble_and_leaves_the_others_in_reach(
    site: httpx.Client, file_edition: Files, content: bytes
) -> None:
    file = file_edition(date="2026-11-24") / "edition.json"
    file_edition(date="2026-11-23")
    file.write_bytes(content)
    answer = site.get("/editions/demo/2026-11-24")
    assert answer.status_code == 200
    assert str(file) in answer.text
    assert 'href="/editions/demo/2026-11-23' in answer.text
    assert "Rendering failed" not in site.get("/editions/demo/2026-11-23").text


def test_an_edition_of_which_nothing_is_left_says_so(
    site: httpx.Client, file_edition: Files
) -> None:
    folder = file_edition()
    for file in folder.iterdir():
        file.unlink()
    page = site.get("/editions/demo/2026-11-24").text
    assert "There is nothing to show of this edition." in page
    assert "digest run --force" in page
    assert site.get("/editions/demo/2026-11-24/email.html").status_code == 404
    assert site.get("/editions/demo/2026-11-24/digest.txt").status_code == 404


def test_without_an_edition_the_page_says_how_to_build_one(site: httpx.Client) -> None:
    answer = site.get("/")
    assert answer.status_code == 200
    assert "<code>digest run</code>" in answer.text


def test_an_unknown_edition_is_a_404_that_lists_what_there_is(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition()
    for address in ("/editions/demo/2026-11-25", "/editions/other", "/editions/a/b/c", "/nothing"):
        answer = site.get(address)
        assert answer.status_code == 404, address
        assert '<a href="/editions/demo/2026-11-24">' in answer.text


def test_an_outbox_that_cannot_be_read_is_named(site: httpx.Client, outbox: Path) -> None:
    outbox.write_text("a file where the folder should be", "utf-8")
    answer = site.get("/")
    assert answer.status_code == 500
    assert f"{outbox}: can&#39;t be read" in answer.text


def test_folders_that_are_no_editions_are_passed_over(
    site: httpx.Client, outbox: Path, file_edition: Files
) -> None:
    file_edition()
    for name in ("demo/.2026-11-25.tmp", "demo/2026-13-01", "demo/20261125", ".x/2026-11-25"):
        (outbox / name).mkdir(parents=True)
    page = site.get("/editions/demo/2026-11-24").text
    assert set(re.findall(r'href="(/editions/[^"?]*)', page)) == {
        "/editions/demo/2026-11-24",
        "/editions/demo/2026-11-24/digest.eml",
    }


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2Fsecret",
        "%2e%2e/%2e%2e/secret",
        "demo/..%2f..%2fsecret",
        "demo/2026-11-24%00",
        "./.",
    ],
)
def test_no_name_in_an_address_leads_out_of_the_outbox(
    site: httpx.Client, outbox: Path, file_edition: Files, name: str
) -> None:
    file_edition()
    (outbox.parent / "secret").mkdir()
    for file in ("digest.eml", "digest.txt", "edition.json"):
        (outbox.parent / "secret" / file).write_text("told to nobody", "utf-8")
    for rest in ("", "/email.html", "/digest.txt", "/digest.eml"):
        answer = site.get(f"/editions/{name}{rest}")
        assert answer.status_code == 404
        assert "told to nobody" not in answer.text
    assert site.get("/static/..%2fapp.py").status_code == 404


def test_the_email_may_run_nothing_and_load_only_pictures(
    site: httpx.Client, file_edition: Files
) -> None:
    file_edition()
    headers = site.get("/editions/demo/2026-11-24/email.html").headers
    parts = [part.split() for part in headers["content-security-policy"].split(";")]
    policy = {name: " ".join(values) for name, *values in parts}
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["img-src"] == "https: http:"
    assert "script-src" not in policy
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]


def test_every_answer_keeps_to_itself(site: httpx.Client, file_edition: Files) -> None:
    file_edition()
    for address in ("/", "/editions/demo/2026-11-24", "/nothing", "/static/preview.js", "/healthz"):
        headers = site.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'"), address
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_name_no_address_outside_the_server(site: httpx.Client, file_edition: Files) -> None:
    file_edition()
    page = site.get("/editions/demo/2026-11-24?view=text").text
    for address in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert address.startswith(("/", "#")), address


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_reading_is_allowed(site: httpx.Client, file_edition: Files, method: str) -> None:
    file_edition()
    for address in ("/", "/editions/demo/2026-11-24", "/healthz", "/static/preview.css"):
        assert site.request(method, address).status_code == 405
    head = site.head("/editions/demo/2026-11-24")
    assert head.status_code == 200
    assert head.content == b""


def test_a_foreign_host_header_is_refused(serve: Serve) -> None:
    with serve("::1", "digest.example.org") as site:
        for host in ("localhost", "localhost:99", "127.0.0.1", "[::1]:8000", "digest.example.org"):
            assert site.get("/healthz", headers={"Host": host}).status_code == 200, host
        for host in ("evil.example.org", "localhost.evil.example.org", "127.0.0.1.example.org"):
            assert site.get("/healthz", headers={"Host": host}).status_code == 400, host


def test_health_is_told_as_json(site: httpx.Client) -> None:
    answer = site.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_a_theme_that_is_gone_is_named(
    site: httpx.Client, template: Path, file_edition: Files
) -> None:
    file_edition()
    template.parent.rename(template.parent.with_name("other"))
    page = site.get("/editions/demo/2026-11-24").text
    assert "Rendering failed" in page
    assert "theme &#39;small&#39;" in page
