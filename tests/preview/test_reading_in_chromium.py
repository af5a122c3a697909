"""The desk in a real browser: for everybody, at every width, with keys alone, and live."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from digest.errors import StoreError
from digest.pipeline import editing
from digest.preview.room import Room
from digest.records import NewOperation

from .browsing import OTHER_NAME, SIDEWAYS, Reader, problems, read, until
from .conftest import GULL, DeskFixture, Item

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser


def change(desk: DeskFixture, kind: Any, headline: str = "", **values: Any) -> None:
    """Makes a change as another editor would."""
    story = desk.stories()[headline] if headline else ""
    new = NewOperation(kind, values, "Asha", f"key-{desk.revision}", desk.revision, story)
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)


def pages_of(desk: DeskFixture) -> list[str]:
    """Every page that is for reading."""
    story = next(iter(desk.stories().values()))
    views = "stories desktop tablet phone dark text plain-images source".split()
    return [
        *(f"{desk.path}?view={view}" for view in views),
        f"{desk.path}/weight",
        f"{desk.path}/written?kind=source",
        f"{desk.path}/stories/{story}?sentence=0",
        f"{desk.path}/builds",
        "/editions",
        "/feeds",
        "/feeds/gull",
        "/feeds/nobody",
        "/help",
        "/editions/daily/2020-01-01",
    ]


def with_two_builds(desk_on: DeskFixture) -> None:
    """A draft that was built twice, with something to tell in every part of its page."""
    desk_on.configure("review: true", feeds="gull lantern broken")
    (desk_on.folder / "broken.xml").write_text("<html>down for maintenance</html>", "utf-8")
    desk_on.build()
    desk_on.feed("gull", *GULL, Item("Lighthouse keeper finds a bottle from 1911", "Harbour", 0.5))
    desk_on.build(force=True)


@pytest.mark.slow
def test_every_page_is_for_everybody(desk_on: DeskFixture) -> None:
    with_two_builds(desk_on)

    def look(reader: Reader) -> None:
        found = {}
        page = reader.open("/help")
        for path in pages_of(desk_on):
            page.goto(path)
            reader.settle(page)
            if wrong := problems(page):
                found[path] = wrong
        assert found == {}

    with desk_on.running():
        read(desk_on, look)


@pytest.mark.slow
def test_every_state_is_for_everybody(desk_on: DeskFixture) -> None:
    """Nothing built yet; changes that wait and that no longer apply; trouble; evidence; menus."""

    def look(reader: Reader) -> None:
        found = {}

        def judge(state: str, page: Page, within: str = "body", **more: Any) -> None:
            if wrong := problems(page, within, **more):
                found[state] = wrong

        page = reader.open("/")
        judge("no edition yet", page)
        desk_on.build()
        # Such a page goes there by itself.
        page.wait_for_url(f"**{desk_on.path}*")
        change(
            desk_on,
            "summary",
            "Trams return to Mill Street after nine years without rails",
            text="Trams return to Mill Street. They cost 900 million crowns.",
        )
        change(
            desk_on,
            "headline",
            "Comet with two tails can be seen at dusk this week",
            text="Comet with nine tails falls",
        )
        page.goto(desk_on.path)
        reader.settle(page)
        judge("checks that wait", page)
        editing.complete(desk_on.workshop, desk_on.digest, desk_on.date, desk_on.now)
        page.goto(desk_on.path)
        reader.settle(page)
        judge("what is not supported", page)
        for menu in page.locator("#desk .story details.menu").all():
            menu.locator("summary").click()
            judge(f"menu {menu.get_attribute('id')}", page, "details[open]", widths=(375,))
            page.keyboard.press("Escape")
        page.locator("a.sentence").nth(2).focus()
        page.locator("#evidence mark.asked").wait_for()
        judge("evidence", page, widths=(1280,))
        trams = desk_on.stories()["Trams return to Mill Street after nine years without rails"]
        page.goto(f"{desk_on.path}/stories/{trams}?sentence=0")
        judge("an edited story", page)
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        # axe doesn't know that a modal dialog lies above all, whatever is behind it.
        behind = "seen => { document.getElementById('main').style.visibility = seen }"
        page.evaluate(behind, "hidden")
        judge("the key sheet", page, "#keys")
        page.evaluate(behind, "")
        page.keyboard.press("Escape")
        page.locator("#who > summary").click()
        judge("one's name", page, "#who")
        desk_on.template.write_text("\n{% if %}\n", "utf-8")
        page.goto(desk_on.path + "?view=desktop")
        page.get_by_role("alert").wait_for()
        judge("a broken template", page)
        (desk_on.folder / "feeds.yaml").write_text("digests: [", "utf-8")
        for path in (desk_on.path, "/feeds", "/editions"):
            page.goto(path)
            reader.settle(page)
            judge(f"broken feeds.yaml, {path}", page)
        desk_on.workshop.store.desk.prune("2100-01-01")
        for path in (desk_on.path, f"{desk_on.path}/stories/{trams}", f"{desk_on.path}/builds"):
            page.goto(path)
            reader.settle(page)
            judge(f"no draft, {path}", page)
        assert found == {}

    desk_on.configure("review: true")
    with desk_on.running():
        read(desk_on, look)


def send_form(page: Page, action: str, /, **fields: str) -> None:
    """Sends a form as a page of the desk would, or with what none of them has."""
    with page.expect_navigation():
        page.evaluate(
            """([to, fields]) => {
                const form = document.createElement("form");
                [form.method, form.action] = ["post", to];
                for (const [name, value] of Object.entries(fields)) {
                    const field = document.createElement("textarea");
                    [field.name, field.value] = [name, value];
                    form.append(field);
                }
                document.body.append(form);
                HTMLFormElement.prototype.submit.call(form);
            }""",
            [action, fields],
        )


@pytest.mark.slow
def test_every_refusal_is_for_everybody(desk: DeskFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the door and the store refuse, work in hand, and an edition in each of its states."""
    trams = desk.stories()["Trams return to Mill Street after nine years without rails"]
    store = desk.workshop.store

    def look(reader: Reader) -> None:
        found = {}
        page = reader.open("/jobs")

        def judge(state: str, says: str) -> None:
            page.get_by_role("heading", level=1).wait_for()
            assert says in unescape(page.content()), state
            if wrong := problems(page):
                found[state] = wrong

        send_form(page, "/name", text="What I typed.")
        judge("403", "What I typed.")
        page.goto("/jobs")
        send_form(page, "/name", csrf=desk_csrf(page), name="x" * 70_000)
        judge("413", "64 KiB")
        page.goto("/nowhere")
        judge("missing", "nowhere")
        # In a tab of its own: what the browser says of a page without TLS isn't the desk's fault.
        page = reader.tab()
        page.goto(desk.url.replace("127.0.0.1", OTHER_NAME))
        judge("421", f"does not answer to the name {OTHER_NAME}")
        page = reader.open("/jobs")
        gone = {"kind": "summary", "do": "summary", "text": "What I typed.", "key": "1"}
        to = f"{desk.path}/stories/{'0' * 16}"
        page.goto("/jobs")
        send_form(
            page,
            f"{desk.path}/operations",
            csrf=desk_csrf(page),
            seen=str(desk.revision),
            story="0" * 16,
            to=to,
            **gone,
        )
        judge("404 of a change", "What I typed.")
        desk.room.jobs.deliver(desk.digest, desk.date)
        desk.room.jobs.complete(desk.digest, desk.date)
        desk.wait()
        page.goto("/jobs")
        judge("jobs", "DIGEST_SMTP_URL")
        state: Any = "draft"
        for after in ("approved", "skipped", "failed", "sent"):
            reason = "nothing new came" if after in ("skipped", "failed") else ""
            assert store.editions.move(
                desk.digest, desk.date, (state,), desk.now, state=after, reason=reason
            )
            state = after
            page.goto(f"{desk.path}/send")
            judge(f"send, {state}", reason or "No mail server")
            if after == "approved":
                page.goto("/jobs")
                send_form(
                    page,
                    f"{desk.path}/operations",
                    csrf=desk_csrf(page),
                    seen=str(desk.revision),
                    story=trams,
                    to=f"{desk.path}/stories/{trams}",
                    **gone,
                )
                judge("409 of a change", "What I typed.")
        jobs = desk.room.jobs
        (job, *_) = jobs.all()
        working = replace(job, number=99, state="running", stage="articles", done=3, total=9)
        jobs._jobs[99] = working
        page.goto("/jobs")
        judge("a job that runs", "3 of 9")
        del jobs._jobs[99]
        monkeypatch.setattr(Room, "shelf", full_disk)
        page.goto("/jobs")
        judge("trouble", "the disk is full")
        monkeypatch.undo()
        assert found == {}

    read(desk, look)


def full_disk(_: Room) -> Any:
    raise StoreError("sqlite:///state/digest.db: the disk is full; make room")


def desk_csrf(page: Page) -> str:
    return page.locator('input[name="csrf"]').first.get_attribute("value") or ""


@pytest.mark.slow
def test_the_page_that_asks_for_the_key_is_for_everybody(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open("/enter")
        found = problems(page)
        page.goto("/enter?token=wrong")
        page.get_by_role("alert").wait_for()
        assert found + problems(page) == []

    desk_on.token = "a-token-of-these-tests"
    with desk_on.running():
        read(desk_on, look)


@pytest.mark.slow
def test_no_page_scrolls_sideways_on_the_narrowest_phone(desk_on: DeskFixture) -> None:
    with_two_builds(desk_on)

    def look(reader: Reader) -> None:
        over = {}
        page = reader.open("/help", 320)
        # Names may have sixty characters, and one of them is the last who changed something.
        story = next(iter(desk_on.stories().values()))
        new = NewOperation("drop", {}, "Maximiliana" * 5, "long", desk_on.revision, story)
        editing.change(desk_on.workshop, desk_on.digest, desk_on.date, new, desk_on.now)
        for path in pages_of(desk_on):
            page.goto(path)
            reader.settle(page)
            if pixels := page.evaluate(SIDEWAYS):
                over[path] = pixels
        page.goto(desk_on.path)
        for menu in page.locator("#desk details.menu > summary").all():
            menu.click()
            if pixels := page.evaluate(SIDEWAYS):
                over[menu.get_attribute("aria-label") or "a menu"] = pixels
        assert over == {}

    with desk_on.running():
        read(desk_on, look)


def test_a_sentence_shows_beside_it_what_it_stands_on(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        sentence = page.locator("a.sentence").nth(1)
        evidence = page.locator("#evidence")
        assert evidence.is_hidden()

        sentence.focus()
        evidence.locator("mark.asked").wait_for()
        assert evidence.locator("mark.asked").inner_text() == sentence.inner_text()
        assert "Word for word" in evidence.inner_text()

        page.keyboard.press("Escape")
        assert evidence.is_hidden()
        assert sentence.evaluate("it => it === document.activeElement")

        other = page.locator("a.sentence").nth(4)
        other.hover()
        evidence.locator("mark.asked", has_text=other.inner_text()).wait_for()
        # It can be pointed at, and stays.
        evidence.hover()
        page.get_by_role("button", name="Back to the e-mail").click()
        assert evidence.is_hidden()

        other.click()
        page.wait_for_url("**/stories/*?sentence=*")
        assert (
            page.locator("mark.asked").inner_text() in page.locator("#evidence-text").inner_text()
        )

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_without_scripts_all_of_it_is_reached_by_links(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path, java_script_enabled=False)
        page.get_by_role("link", name="Size and findings").click()
        assert "kB of 100 kB" in page.locator("main").inner_text()
        page.get_by_role("link", name="Back to the edition").click()
        page.locator("a.sentence").first.click()
        assert page.locator("mark.asked").count() == 1
        page.get_by_role("link", name="Back to the edition").click()
        page.get_by_role("link", name="Plain text").click()
        page.get_by_role("link", name="Open the plain text").click()
        assert "* Trams return" in page.locator("body").inner_text()

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_keys_choose_views_and_stories_and_can_be_switched_off(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        page.keyboard.press("4")
        page.wait_for_url("**?view=phone")
        assert page.locator("iframe").evaluate("frame => frame.clientWidth") == 375
        page.keyboard.press("1")
        page.wait_for_url("**?view=stories")
        focused = "document.activeElement.textContent"
        page.keyboard.press("j")
        assert page.evaluate(focused) == page.locator("li.story h3").nth(0).inner_text()
        page.keyboard.press("j")
        assert page.evaluate(focused) == page.locator("li.story h3").nth(1).inner_text()

        page.keyboard.press("?")
        sheet = page.get_by_role("dialog", name="Keys")
        sheet.get_by_label("Use single keys").uncheck()
        page.keyboard.press("Escape")
        assert sheet.is_hidden()
        page.keyboard.press("4")
        page.keyboard.press("?")
        assert sheet.is_hidden()
        page.reload()
        page.keyboard.press("4")
        assert page.url.endswith("?view=stories")
        # The page of keys works by itself, and there they can be switched on again.
        page.goto("/help")
        page.locator("main").get_by_label("Use single keys").check()
        page.keyboard.press("f")
        page.wait_for_url("**/feeds")

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_findings_stay_in_their_rows_while_the_page_renews_itself(desk_on: DeskFixture) -> None:
    """In a frame without them the rows below would stand higher, and a click would miss."""

    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        page.locator("li.story .findings").first.wait_for()
        page.evaluate(
            """() => {
                window.without = 0;
                const look = () => {
                    if (!document.querySelector("li.story .findings")) window.without += 1;
                };
                new MutationObserver(look).observe(document.getElementById("desk"), {
                    childList: true, subtree: true, attributes: true,
                });
            }"""
        )
        *_, last = desk_on.stories()
        change(desk_on, "drop", last)
        page.locator("li.story.dropped").wait_for()
        page.wait_for_timeout(300)
        assert page.evaluate("window.without") == 0

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_what_others_change_shows_without_reload_and_disturbs_nothing(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path)
        page.evaluate("window.same = document.querySelector('#frame')")
        link = page.locator("li.story h3 a").nth(3)
        name = link.inner_text()
        link.focus()
        link.evaluate("it => it.scrollIntoView({block: 'center'})")
        at = page.evaluate("scrollY")
        change(desk_on, "drop", "Market traders ask for a roof over the northern stalls")
        page.locator("li.story.dropped").wait_for()
        assert page.evaluate("document.activeElement.textContent") == name
        assert abs(page.evaluate("scrollY") - at) < 200
        assert page.evaluate("window.same === document.querySelector('#frame')")
        frame = page.frame_locator("#frame")
        frame.get_by_text("Market traders").wait_for(state="detached")

        # What is typed stays, whatever comes meanwhile.
        story = desk_on.stories()["Glacier above the valley lost eleven metres of ice"]
        page.goto(f"{desk_on.path}/stories/{story}")
        page.locator("#headline-text").fill("A glacier lost")
        before = page.locator("#desk").get_attribute("data-version")
        change(desk_on, "drop", "Laboratory grows moss that drinks the fog of mornings")
        page.locator(f"#desk:not([data-version='{before}'])").wait_for()
        assert page.locator("#headline-text").input_value() == "A glacier lost"
        assert page.evaluate("document.activeElement.id") == "headline-text"

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def hold(page: Page) -> list[Route]:
    """The requests for the e-mail, each of which waits for its answer."""
    asked: list[Route] = []
    page.route("**/email.html*", lambda route: asked.append(route))
    return asked


def test_the_frame_shows_one_edition_after_the_other_and_the_last_one_in_the_end(
    desk_on: DeskFixture,
) -> None:
    """An address that meets an earlier one on its arrival can be lost in Chromium."""

    def look(reader: Reader) -> None:
        page = reader.tab()
        asked = hold(page)

        def drop(title: str) -> None:
            dropped = page.locator("li.story.dropped").count()
            change(desk_on, "drop", title)
            page.locator("li.story.dropped").nth(dropped).wait_for()
            # Time for a request that mustn't come.
            page.wait_for_timeout(300)

        def is_asked(times: int) -> None:
            until(page, lambda: len(asked) == times)
            shown = "document.getElementById('frame').dataset.email"
            assert asked[-1].request.url == f"{desk_on.url}{page.evaluate(shown)}"

        page.goto(f"{desk_on.url}{desk_on.path}", wait_until="commit")
        is_asked(1)
        first = asked[0].fetch(max_retries=3)
        one, two, three, four, *_ = desk_on.stories()
        drop(one)
        drop(two)
        assert len(asked) == 1
        asked[0].fulfill(response=first)
        is_asked(2)  # what came between is skipped
        second = asked[1].fetch(max_retries=3)
        drop(three)
        assert len(asked) == 2
        asked[1].fulfill(response=second)
        is_asked(3)
        asked[2].continue_()
        frame = page.frame_locator("#frame")
        for title in (one, two, three):
            frame.get_by_text(title).first.wait_for(state="detached")
        frame.get_by_text(four).first.wait_for()

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_what_the_frame_showed_before_is_no_step_back(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(f"{desk_on.path}/builds")
        page.goto(desk_on.path)
        frame = page.frame_locator("#frame")
        one, two, three, *_ = desk_on.stories()
        frame.get_by_text(one).first.wait_for()
        for title in (one, two, three):
            change(desk_on, "drop", title)
            frame.get_by_text(title).first.wait_for(state="detached")
        assert page.evaluate("history.length") == 3  # the blank page of a new tab is one
        page.go_back()
        assert page.url == f"{desk_on.url}{desk_on.path}/builds"
        page.go_forward()
        page.frame_locator("#frame").get_by_text("Daily").first.wait_for()
        assert page.frame_locator("#frame").get_by_text(three).count() == 0

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_a_frame_that_never_arrives_doesn_t_keep_the_next_edition_out(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.tab()
        # Playwright's own clock waits for the frame, and so for ever.
        page.add_init_script(
            """const timer = window.setTimeout;
            window.setTimeout = (what, ms) => timer(what, ms === 10_000 ? 500 : ms);"""
        )
        asked = hold(page)
        page.goto(f"{desk_on.url}{desk_on.path}", wait_until="commit")
        until(page, lambda: len(asked) == 1)
        page.locator("li.story h3 a").first.focus()
        until(page, lambda: len(asked) == 2)
        asked[1].continue_()
        one, two, *_ = desk_on.stories()
        frame = page.frame_locator("#frame")
        frame.get_by_text(two).first.wait_for()
        change(desk_on, "drop", one)
        until(page, lambda: len(asked) == 3)
        change(desk_on, "drop", two)
        until(page, lambda: len(asked) == 4)
        asked[3].continue_()
        frame.get_by_text(two).first.wait_for(state="detached")

    desk_on.configure("review: true")
    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_an_e_mail_that_the_server_refuses_is_not_asked_for_without_end(
    desk_on: DeskFixture,
) -> None:
    def look(reader: Reader) -> None:
        page = reader.tab()
        asked: list[str] = []

        def refuse(route: Route) -> None:
            asked.append(route.request.url)
            route.fulfill(status=500, headers={"X-Frame-Options": "DENY"}, body="no")

        page.route("**/email.html*", refuse)
        page.goto(f"{desk_on.url}{desk_on.path}")
        page.locator("li.story h3 a").first.focus()
        page.wait_for_timeout(1000)
        # Once by the page, and once since the frame is to show the story that has the focus.
        assert 1 <= len(asked) <= 2

    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_a_broken_template_is_told_over_the_last_good_page(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open(desk_on.path + "?view=desktop")
        frame = page.frame_locator("#frame")
        good = desk_on.template.read_text("utf-8")
        desk_on.template.write_text(good.replace("<h1>", "<h1>Edited: "), "utf-8")
        frame.get_by_role("heading", name="Edited: The Daily").wait_for()

        desk_on.template.write_text("\n{% if %}\n", "utf-8")
        alert = page.get_by_role("alert")
        alert.wait_for()
        assert "digest.html.j2:2" in alert.inner_text()
        assert "last good page" in alert.inner_text()
        assert frame.get_by_role("heading", name="Edited: The Daily").is_visible()

        desk_on.template.write_text(good, "utf-8")
        alert.wait_for(state="detached")
        frame.get_by_role("heading", name="The Daily", exact=True).wait_for()

    desk_on.build()
    with desk_on.running():
        read(desk_on, look)


def test_the_first_edition_is_built_from_the_page_and_shows_by_itself(desk_on: DeskFixture) -> None:
    def look(reader: Reader) -> None:
        page = reader.open("/")
        assert "No edition yet" in page.locator("h1").inner_text()
        page.get_by_role("button", name="Build daily").click()
        page.wait_for_url(f"**{desk_on.path}*")
        assert page.locator("li.story").count() == 8

    desk_on.configure("review: true")
    with desk_on.running():
        read(desk_on, look)
