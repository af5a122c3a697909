"""Reading on the desk: an edition in all its views, its size and findings, its builds; others."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta

import pytest

from digest.pipeline import editing
from digest.preview.reading import VIEWS
from digest.preview.served import served_copy
from digest.records import NewOperation

from .conftest import GULL, NOON, DeskFixture, Item, words_of


@pytest.fixture
def draft(desk_on: DeskFixture) -> DeskFixture:
    """What a desk stands on, with a draft that waits for approval."""
    desk_on.configure("review: true")
    desk_on.build()
    return desk_on


def page(desk: DeskFixture, path: str = "", **parameters: str) -> str:
    """A page of the edition."""
    answer = desk.client.get(desk.path + path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.text


# --- an edition -----------------------------------------------------------------------------


def test_the_page_says_what_the_edition_is_and_how_far(draft: DeskFixture) -> None:
    with draft.running() as desk:
        said = words_of(page(desk))
        edition = editing.sheet(desk.workshop, desk.digest, desk.date).edition
    assert f"Subject: {edition.subject}" in said
    assert f"Preheader: {edition.preheader}" in said
    assert "The Daily Monday, 2 March 2026" in said
    assert "Draft" in said
    assert "8 stories in 3 topics" in said
    assert "10 articles from 2 feeds" in said
    assert "build 1" in said


def test_the_page_renders_nothing_so_that_it_answers_at_once(draft: DeskFixture) -> None:
    """The frame and the fragments render: with a broken template the page is still there."""
    draft.template.write_text("{% if %}", "utf-8")
    with draft.running() as desk:
        said = page(desk)
    assert "Trams return to Mill Street" in said
    assert "digest.html.j2" not in said


def test_every_view_has_its_tab_and_its_frame(draft: DeskFixture) -> None:
    with draft.running() as desk:
        for view in VIEWS:
            said = page(desk, view=view)
            assert f'href="{desk.path}?view={view}"' in said
            [current] = re.findall(r'view=([a-z-]+)"[^>]*aria-current="page"', said)
            assert current == view
            framed = 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in said
            assert framed == (view not in ("text", "source"))
        assert 'class="story' not in page(desk, view="phone")
        assert page(desk, view="what?").count('aria-current="page"') == 1


def test_the_frame_holds_the_e_mail_as_it_will_be_sent(draft: DeskFixture) -> None:
    with draft.running() as desk:
        [address] = re.findall(r'src="([^"]*email\.html[^"]*)"', page(desk))
        framed = desk.client.get(address.replace("&amp;", "&"))
        exact = desk.client.get(f"{desk.path}/email.html")
        source = page(desk, "/written", kind="source")
        message = email.message_from_bytes(
            desk.client.get(f"{desk.path}/digest.eml").content, policy=email.policy.default
        )
        text = desk.client.get(f"{desk.path}/digest.txt").text
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    plain = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "sandbox" in framed.headers["content-security-policy"]
    assert "script-src" not in framed.headers["content-security-policy"]
    # By itself it is the message’s own, byte for byte (a message ends its lines with CRLF); framed,
    # it is told its colour scheme, and that links open elsewhere (test_served_copy).
    html = html.replace("\r\n", "\n")
    assert exact.content == html.encode()
    assert framed.text == served_copy(html, "light")
    assert plain.split() == text.split()
    assert "&lt;h1&gt;The Daily" in source


def test_images_off_loads_none_and_dark_is_told_so(draft: DeskFixture) -> None:
    with draft.running() as desk:
        off = desk.client.get(f"{desk.path}/email.html?images=0")
        dark = desk.client.get(f"{desk.path}/email.html?scheme=dark")
    assert "img-src" not in off.headers["content-security-policy"]
    assert "img-src" in dark.headers["content-security-policy"]
    assert "color-scheme:dark" in dark.text


def test_a_broken_template_is_told_with_its_line_over_the_last_good_page(
    draft: DeskFixture,
) -> None:
    with draft.running() as desk:
        good = desk.client.get(f"{desk.path}/email.html").text
        desk.template.write_text("\n{% if %}\n", "utf-8")
        said = words_of(page(desk, "/weight"))
        assert "The template is broken" in said
        assert "digest.html.j2:2" in said
        assert "last good page" in said
        assert desk.client.get(f"{desk.path}/email.html").text == good


def test_without_any_good_rendering_the_files_as_built_are_shown(draft: DeskFixture) -> None:
    draft.template.write_text("\n{% if %}\n", "utf-8")
    with draft.running() as desk:
        assert "as it was built" in words_of(page(desk, "/weight"))
        assert "<h1>The Daily</h1>" in desk.client.get(f"{desk.path}/email.html").text


def test_with_nothing_to_show_at_all_it_is_said_what_to_do(draft: DeskFixture) -> None:
    draft.template.write_text("\n{% if %}\n", "utf-8")
    (draft.folder / "outbox" / draft.digest / draft.date / "index.html").unlink()
    with draft.running() as desk:
        assert "until the file is mended" in words_of(page(desk, "/weight"))
        assert desk.client.get(f"{desk.path}/email.html").status_code == 503
        for path in ("digest.txt", "digest.eml", "index.html"):
            assert desk.client.get(f"{desk.path}/{path}").status_code == 404


def test_size_is_measured_against_where_clients_cut(draft: DeskFixture) -> None:
    with draft.running() as desk:
        said = words_of(page(desk, "/weight"))
        html = desk.client.get(f"{desk.path}/written?kind=source").text
    assert re.search(r"\d\.\d kB of 100 kB", said)
    assert "Gmail" not in said
    assert html


def test_findings_stand_beside_the_place_they_speak_of(draft: DeskFixture) -> None:
    good = draft.template.read_text("utf-8")
    # A button is no part of a story, a link without words is.
    broken = good.replace(
        "</h3>", '</h3><div id="{{ story.id }}"><a href="https://x.example/"></a></div>'
    )
    draft.template.write_text(broken.replace("</body>", "<form></form></body>"), "utf-8")
    with draft.running() as desk:
        said = page(desk, "/weight")
        fragment = desk.client.get(
            f"{desk.path}/weight", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
        ).text
    assert "<html" not in fragment
    assert re.search(r"<code>[^<]*digest\.html\.j2:\d+</code>", said)
    assert set(re.findall(r'class="finding"[^>]*', said)) == set(
        re.findall(r'class="finding"[^>]*', fragment)
    )


def test_a_finding_that_speaks_of_a_story_leads_to_it(desk_on: DeskFixture) -> None:
    headline = "Lighthouse &amp;amp; harbour open again"
    desk_on.feed("gull", *GULL, Item(headline, "Harbour", 1))
    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running() as desk:
        said = page(desk, "/weight")
        [story] = [id for name, id in desk.stories().items() if name.startswith("Lighthouse")]
    assert f'data-story="{story}"' in said
    assert f'href="{desk_on.path}/stories/{story}"' in said


def test_neighbours_are_the_editions_before_and_after(draft: DeskFixture) -> None:
    draft.now += timedelta(days=1)
    draft.feed("gull", *GULL, Item("Otters come back to the town brook", "Town", -22))
    draft.build()
    with draft.running() as desk:
        first = page(desk, view="phone")
        assert 'rel="next" href="/editions/daily/2026-03-03?view=phone"' in first
        assert 'rel="prev"' not in first
        assert desk.client.get("/").headers["location"] == "/editions/daily/2026-03-03"
        assert desk.client.get("/editions/daily").headers["location"].endswith("2026-03-03")


def test_what_no_longer_applies_and_what_is_being_made_is_said(draft: DeskFixture) -> None:
    with draft.running() as desk:
        stories = desk.stories()
        trams = stories["Trams return to Mill Street after nine years without rails"]
        text = "Trams return to Mill Street. They will cost 900 million crowns."
        new = NewOperation("summary", {"text": text}, "Asha", "k1", desk.revision, trams)
        editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)
        said = words_of(page(desk))
        assert "Still being made" in said
        assert "the check of “Trams return" in said

        desk.feed("gull", *(item for item in GULL if "Trams" not in item.title))
        desk.workshop.store.save_feeds([], {}, desk.now)
        new = NewOperation("exclude", {"feed": "gull"}, "Asha", "k2", desk.revision)
        editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)
        said = words_of(page(desk))
        assert "no longer applies" in said
        assert f'href="{desk.path}/history"' in page(desk)


def test_a_frozen_edition_says_why_it_cannot_be_changed(desk_on: DeskFixture) -> None:
    desk_on.configure("review: false")
    desk_on.build()
    with desk_on.running() as desk:
        said = words_of(page(desk))
    assert "Approved" in said
    assert "take the approval back to change it" in said


def test_without_a_draft_it_can_still_be_read(draft: DeskFixture) -> None:
    with draft.running() as desk:
        desk.workshop.store.desk.prune("2100-01-01")
        said = words_of(page(desk))
        assert "Built by an older version" in said
        assert "Build it again to change it" in said
        assert "Trams return to Mill Street" in desk.client.get(f"{desk.path}/email.html").text
        assert "No build of this edition was kept" in words_of(page(desk, "/builds"))


@pytest.mark.parametrize("date", ["2020-01-01", "yesterday", "20260302", "..%2f..%2fstate"])
def test_an_edition_that_is_not_there_is_told(draft: DeskFixture, date: str) -> None:
    with draft.running() as desk:
        for path in ("", "/weight", "/email.html", "/builds", "/written"):
            answer = desk.client.get(f"/editions/daily/{date}{path}")
            assert answer.status_code == 404
            assert "<script>" not in answer.text


def test_what_feeds_say_is_never_markup(desk_on: DeskFixture) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)> sails \"into' harbour"
    desk_on.feed("gull", *GULL, Item(evil, "Harbour", 1, link="javascript:alert(3)"))
    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running() as desk:
        [story] = [id for name, id in desk.stories().items() if "sails" in name]
        for path in ("", "/weight", "/builds", f"/stories/{story}?sentence=0"):
            said = desk.client.get(desk.path + path).text
            assert "<script>alert" not in said
            assert "<img" not in said
            assert 'href="javascript' not in said


def test_nothing_has_a_style_of_its_own(draft: DeskFixture) -> None:
    """The policy forbids it, so it would not show."""
    with draft.running() as desk:
        story = next(iter(desk.stories().values()))
        for path in ("", "/builds", f"/stories/{story}?sentence=0", "/weight"):
            said = desk.client.get(desk.path + path).text
            assert not re.search(r"<[^>]*\sstyle=|<style|\son\w+=", said)


# --- builds ---------------------------------------------------------------------------------


def test_two_builds_are_compared(draft: DeskFixture) -> None:
    bottle = "Lighthouse keeper finds a bottle from 1911"
    draft.feed("gull", *GULL, Item(bottle, "Harbour", 0.2))
    draft.build(force=True)
    with draft.running() as desk:
        said = words_of(page(desk, "/builds"))
        assert "difference" in said
        assert bottle in said
        back = words_of(page(desk, "/builds", **{"from": "2", "to": "1"}))
        assert "Gone" in back
        same = words_of(page(desk, "/builds", **{"from": "1", "to": "1"}))
        assert "Choose two different builds" in same
        answer = desk.client.get(f"{desk.path}/builds?from=1&to=9")
        assert answer.status_code == 404
        assert "There is no build 9" in words_of(answer.text)
        assert desk.client.get(f"{desk.path}/builds?from=x&to=%F0").status_code == 200


def test_one_build_has_nothing_to_be_compared_with(draft: DeskFixture) -> None:
    with draft.running() as desk:
        assert "only one build" in words_of(page(desk, "/builds"))


# --- all editions, and none -------------------------------------------------------------------


def test_the_archive_lists_editions_newest_first_and_what_cannot_be_read(
    draft: DeskFixture,
) -> None:
    draft.now = NOON + timedelta(days=1)
    draft.feed("gull", *GULL, Item("Otters come back to the town brook", "Town", -22))
    draft.build()
    (draft.folder / "outbox" / "daily" / "2026-03-02" / "edition.json").write_text("{", "utf-8")
    with draft.running() as desk:
        said = desk.client.get("/editions").text
        assert said.index("Tue 3 Mar 2026") < said.index("Mon 2 Mar 2026")
        assert "can’t be read" in said
        assert "Otters" in said
        assert desk.client.get("/editions?digest=daily").text.count('class="edition-row"') == 2
        assert desk.client.get("/editions?digest=weekly").text.count('class="edition-row"') == 0
        older = desk.client.get("/editions?before=2026-03-03").text
        assert older.count('class="edition-row"') == 1


def test_no_edition_yet_offers_to_build_one(desk_on: DeskFixture) -> None:
    with desk_on.running() as desk:
        for path in ("/", "/editions/daily", "/editions"):
            answer = desk.client.get(path)
            assert answer.status_code == 200
            assert "No edition yet" in words_of(answer.text)
            assert 'action="/digests/daily/build"' in answer.text
        assert desk.client.get("/editions/nobody").status_code == 404


def test_no_edition_and_no_configuration_says_what_is_wrong(desk_on: DeskFixture) -> None:
    (desk_on.folder / "feeds.yaml").write_text("digests: [", "utf-8")
    with desk_on.running() as desk:
        said = words_of(desk.client.get("/").text)
    assert "feeds.yaml can’t be used" in said
    assert "feeds.yaml:" in said


def test_a_broken_configuration_is_told_and_costs_nothing_else(draft: DeskFixture) -> None:
    with draft.running() as desk:
        (desk.folder / "feeds.yaml").write_text("digests: [", "utf-8")
        said = words_of(page(desk))
    assert "feeds.yaml can’t be used" in said
    assert "Trams return to Mill Street" in said


def test_the_key_sheet_names_every_key_of_the_pages(draft: DeskFixture) -> None:
    with draft.running() as desk:
        sheet = desk.client.get("/help").text
        story = next(iter(desk.stories().values()))
        pages = [page(desk), page(desk, f"/stories/{story}")]
    keys = {key for said in pages for key in re.findall(r'data-key="([^"]+)"', said)}
    assert len(keys) > 10
    assert keys <= set(re.findall(r'<kbd class="key">([^<]+)</kbd>', sheet))
