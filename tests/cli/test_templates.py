"""`digest templates`: the themes, whether they hold, and a new one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html
from typer.testing import CliRunner

from digest.cli.templates import templates
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import hostile_edition
from digest.errors import UsageError

Run = Callable[..., subprocess.CompletedProcess[str]]
FEEDS = "feeds: [{name: a, url: 'https://e.org/feed'}]\n"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, in which `templates` is the folder of one's own themes."""
    for name in [name for name in os.environ if name.startswith("DIGEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> tuple[int, list[str], str]:
    """Exit status, lines of stdout, stderr. Raises what the command raises."""
    done = CliRunner().invoke(templates, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout.splitlines(), done.stderr


def found(*words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """What `check` finds, by theme."""
    status, lines, _ = run("check", *words, "--json")
    return status, {line["theme"]: line["findings"] for line in map(json.loads, lines)}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def changed(block: str, text: str) -> str:
    """Makes theme `mine`, the packaged classic with `text` as one of its blocks; gives its path."""
    theme = Path("templates") / "mine"
    shutil.copytree(packaged_themes() / "classic", theme)
    page = f"{{% extends 'base/layout.html.j2' %}}\n{{% block {block} %}}{text}{{% endblock %}}\n"
    return str(write(theme / "digest.html.j2", page))


# --- list ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("desk")
def test_the_packaged_themes_are_listed_without_a_feeds_yaml() -> None:
    assert run("list") == (0, ["classic: packaged; not used", "compact: packaged; not used"], "")


def test_themes_of_one_s_own_stand_beside_and_before_the_packaged_ones(desk: Path) -> None:
    write(desk / "templates" / "mine" / "digest.html.j2", "")
    write(desk / "templates" / "classic" / "style.css", "")
    write(desk / "templates" / "classic" / "extra.css", "")
    digests = "digests: [{name: one}, {name: two, template: mine}, {name: three, template: mine}]"
    write(desk / "feeds.yaml", f"{digests}\n{FEEDS}")
    assert run("list")[:2] == (
        0,
        [
            "classic: templates/classic, in place of the packaged style.css; used by one",
            "compact: packaged; not used",
            "mine: templates/mine; used by two, three",
        ],
    )
    lines = [json.loads(line) for line in run("list", "--json")[1]]
    assert lines[0]["instead"] == ["style.css"]
    assert [line["packaged"] for line in lines] == [False, True, False]
    assert lines[2]["digests"] == ["two", "three"]


def test_broken_themes_and_missing_ones_are_listed(desk: Path) -> None:
    write(desk / "templates" / "broken" / "digest.html.j2", "{% if %}")
    write(desk / "templates" / "empty" / "style.css", "")
    write(desk / "templates" / "base" / "macros.html.j2", "")
    (desk / "templates" / "binary").mkdir()
    (desk / "templates" / "binary" / "digest.html.j2").write_bytes(b"\xff\xfe\0")
    write(desk / "feeds.yaml", f"digests: [{{name: one, template: gone}}]\n{FEEDS}")
    status, lines, _ = run("list")
    assert (status, [line for line in lines if "packaged" not in line]) == (
        0,
        [
            "binary: templates/binary; not used",
            "broken: templates/broken; not used",
            "empty: templates/empty has no digest.html.j2; not used",
            "gone: there is no such theme; used by one",
        ],
    )


def test_a_broken_feeds_yaml_is_told_of_and_the_themes_are_listed(desk: Path) -> None:
    write(desk / "feeds.yaml", "digests: 7\n")
    status, lines, complaint = run("list")
    assert (status, len(lines)) == (1, 2)
    assert "feeds.yaml:1" in complaint


# --- check ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("desk")
def test_nothing_is_wrong_with_the_packaged_themes() -> None:
    status, by_theme = found()
    errors = {
        theme: [finding for finding in findings if finding["severity"] == "error"]
        for theme, findings in by_theme.items()
    }
    assert (status, errors) == (0, {"classic": [], "compact": []})


@pytest.mark.usefixtures("desk")
def test_an_unknown_theme_is_refused_with_a_guess() -> None:
    with pytest.raises(
        UsageError, match=r"there is no theme 'clasic' \(did you mean 'classic'\?\)"
    ):
        run("check", "clasic")
    with pytest.raises(UsageError, match="known: classic, compact"):
        run("check", "zzz")


def test_a_broken_theme_is_told_with_file_and_line(desk: Path) -> None:
    path = write(desk / "templates" / "broken" / "digest.html.j2", "<p>\n{% if %}\n")
    status, lines, _ = run("check", "broken", "compact")
    assert status == 1
    assert str(path.relative_to(desk)) + ":2" in lines[0]
    assert lines[1] == "broken: 1 error, 0 warnings"
    assert lines[-1].startswith("compact: 0 errors")


@pytest.mark.usefixtures("desk")
def test_a_fault_that_shows_only_without_stories_is_found_and_told_once() -> None:
    path = changed("masthead", "{{ super() }}{{ edition.topics[0].name[:0] }}")
    status, by_theme = found("mine")
    assert status == 1
    (finding,) = by_theme["mine"]
    assert finding["message"].startswith(f"{path}:2: ")


@pytest.mark.usefixtures("desk")
def test_a_text_that_gets_in_as_mark_up_is_told_with_the_line() -> None:
    path = changed("note", "<tr><td>{{ edition.note | join | safe }}</td></tr>")
    status, by_theme = found("mine")
    assert status == 1
    (finding,) = [one for one in by_theme["mine"] if one["rule"] == "escaping"]
    assert finding["where"] == f"{path}:2"


# What a theme can print of a text that isn't ours; the loops are round all of them.
STORIES = "{% for topic in edition.topics %}{% for story in topic.stories %}"
LOOPS = (f"{STORIES}{{% for other in story.also %}}", "{% endfor %}" * 3)
TEXTS = [
    "edition.title",
    "edition.subject",
    "edition.preheader",
    "edition.note[0]",
    "edition.note[1]",
    "edition.postal",
    "edition.failed[0].feed",
    "edition.failed[0].reason",
    "topic.name",
    "story.headline",
    "story.source",
    "story.author",
    "story.summary[0].text",
    "story.image.alt",
    "(story | picture(edition)).alt",
    "story.update.headline",
    "story.update.news[0]",
    "other.feed",
    "other.headline",
]


@pytest.mark.parametrize("text", TEXTS)
def test_of_a_text_printed_as_it_is_every_theme_shows_the_mark_up(desk: Path, text: str) -> None:
    page = f"<p>{LOOPS[0]}{{{{ {text} | safe }}}}<img alt='{{{{ {text} | safe }}}}'>{LOOPS[1]}"
    write(desk / "templates" / "mine" / "digest.html.j2", page)
    renderer = Renderer([desk / "templates", packaged_themes()])
    html = renderer.render(hostile_edition("mine"), mail=True).html
    found = lxml_html.document_fromstring(html)
    assert found.xpath("//p/u[@id='hostile']"), "in a text"
    assert found.xpath("//img/following-sibling::u[@id='hostile']"), "out of an attribute"


@pytest.mark.slow
@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    "row",
    [
        f"{STORIES}{{{{ story.update.headline | safe if story.update }}}}{'{% endfor %}' * 2}",
        f"{STORIES}{{% set shown = story | picture(edition) %}}{{% if shown %}}"
        "<img src='https://e.org/a.png' width='9' height='9' alt='{{ shown.alt | safe }}'>"
        f"{{% endif %}}{'{% endfor %}' * 2}",
        "{% for topic in edition.topics %}{{ topic.name | safe }}{% endfor %}",
    ],
    ids=["update", "alt", "topic"],
)
def test_a_text_that_only_some_stories_have_is_tried_too(row: str) -> None:
    path = changed("note", f"<tr><td>{row}</td></tr>")
    _, by_theme = found("mine")
    (finding,) = [one for one in by_theme["mine"] if one["rule"] == "escaping"]
    assert finding["where"] == f"{path}:2"


def test_a_theme_that_loops_for_ever_is_stopped(desk: Path) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
    write(desk / "templates" / "loop" / "digest.html.j2", loop)
    status, by_theme = found("loop")
    assert status == 1
    assert "loop/digest.html.j2:1" in by_theme["loop"][0]["message"]


def test_a_file_that_is_no_text_is_named(desk: Path) -> None:
    path = write(desk / "templates" / "binary" / "digest.html.j2", "")
    path.write_bytes(b"\xff\xfe\0")
    status, by_theme = found("binary")
    assert status == 1
    assert "templates/binary/digest.html.j2" in by_theme["binary"][0]["message"]


def test_a_folder_without_its_main_file_is_an_error(desk: Path) -> None:
    write(desk / "templates" / "empty" / "style.css", "")
    status, lines, _ = run("check", "empty")
    assert status == 1
    assert lines[0].startswith("error: templates/empty: has no digest.html.j2")


@pytest.mark.usefixtures("desk")
def test_a_block_that_nothing_prints_is_told_with_a_guess() -> None:
    path = changed("footr", "<tr><td>a</td></tr>")
    _, by_theme = found("mine")
    (finding,) = by_theme["mine"]
    assert (finding["severity"], finding["where"]) == ("error", f"{path}:2")
    assert finding["message"] == "nothing prints the block 'footr' (did you mean 'footer'?)"


@pytest.mark.usefixtures("desk")
def test_a_block_of_a_theme_s_own_within_another_is_printed_and_good() -> None:
    changed("masthead", "{{ super() }}{% block ours %}{% endblock %}")
    assert found("mine") == (0, {"mine": []})


@pytest.mark.usefixtures("desk")
def test_a_text_outside_of_the_blocks_is_told_with_its_line() -> None:
    path = Path(changed("masthead", "{{ super() }}"))
    write(path, f"{path.read_text()}\n{{% set a = 1 %}}\n\n<p>Never seen</p>\n")
    _, by_theme = found("mine")
    (finding,) = by_theme["mine"]
    assert (finding["rule"], finding["where"]) == ("blocks", f"{path}:6")
    assert "printed nowhere" in finding["message"]


@pytest.mark.usefixtures("desk")
def test_a_text_above_extends_is_told_with_its_line() -> None:
    path = Path(changed("masthead", "{{ super() }}"))
    write(path, f"{{# ours #}}\n\n<!-- ours -->\n{path.read_text()}")
    _, by_theme = found("mine")
    (finding,) = [one for one in by_theme["mine"] if one["rule"] == "blocks"]
    assert finding["where"] == f"{path}:3"
    assert "above the page" in finding["message"]


def test_blocks_are_those_of_all_that_a_theme_extends(desk: Path) -> None:
    page = "{% extends 'classic/digest.html.j2' %}{% block footer %}{{ super() }}{% endblock %}"
    for name in ("style.css", "adaptive.css"):
        write(
            desk / "templates" / "mine" / name, (packaged_themes() / "classic" / name).read_text()
        )
    write(desk / "templates" / "mine" / "digest.html.j2", page)
    assert found("mine") == (0, {"mine": []})


@pytest.mark.usefixtures("desk")
def test_tags_that_are_left_open_are_told() -> None:
    path = changed("masthead", "{{ super() }}<tr><td><div class='ours'>a</td></tr>")
    _, by_theme = found("mine")
    findings = [one for one in by_theme["mine"] if one["rule"] == "tags"]
    assert {(one["severity"], one["where"]) for one in findings} == {("error", f"{path}:2")}


@pytest.mark.usefixtures("desk")
def test_a_rule_for_nothing_is_a_warning_of_check() -> None:
    path = Path(changed("masthead", "{{ super() }}")).with_name("style.css")
    lines = len(path.read_text().splitlines())
    write(path, f"{path.read_text()}.nowhere {{ margin: 0 }}\n")
    status, by_theme = found("mine")
    (finding,) = by_theme["mine"]
    assert (status, finding["severity"]) == (0, "warning")
    assert finding["where"] == f"{path}:{lines + 1}"


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    "row",
    ["{{ {}[edition.title] }}", "<i style='color: #eee; background: #fff'>{{ edition.title }}</i>"],
)
def test_what_is_wrong_is_told_without_the_texts_of_the_edition_that_means_harm(row: str) -> None:
    changed("note", f"<tr><td>{row}</td></tr>")
    status, by_theme = found("mine")
    assert status == 1
    said = json.dumps(by_theme["mine"])
    assert "hostile" not in said
    assert "WWWW" not in said


@pytest.mark.usefixtures("desk")
def test_what_breaks_on_every_edition_is_told_once() -> None:
    path = changed("note", "{{ {}[edition.title] }}")
    _, by_theme = found("mine")
    (finding,) = by_theme["mine"]
    assert finding["message"].startswith(f"{path}:2: ")


def test_an_empty_folder_is_a_theme_that_lacks_its_page(desk: Path) -> None:
    (desk / "templates" / "x").mkdir(parents=True)
    (desk / "templates" / "pictures").mkdir()
    write(desk / "templates" / "pictures" / "a.txt", "")
    assert [line.partition(":")[0] for line in run("list")[1]] == ["classic", "compact", "x"]
    for name in ("x", "pictures"):
        status, lines, _ = run("check", name)
        assert status == 1
        assert lines[0].startswith(f"error: templates/{name}: has no digest.html.j2; copy it")


# --- new -----------------------------------------------------------------------------------


def test_a_new_theme_is_a_whole_copy_and_holds(desk: Path) -> None:
    status, lines, _ = run("new", "mine", "--from", "compact")
    assert status == 0
    assert "template: mine" in "\n".join(lines)
    # An edition is frozen with its theme: without --force the next run would keep the old one.
    assert "digest run --force" in "\n".join(lines)
    assert "digest preview" in lines[-1]
    packaged = {path.name: path.read_bytes() for path in (packaged_themes() / "compact").iterdir()}
    theme = desk / "templates" / "mine"
    assert {path.name: path.read_bytes() for path in theme.iterdir()} == packaged
    assert [path.name for path in theme.parent.iterdir()] == ["mine"]
    assert run("check", "mine")[0] == 0


def test_what_one_changed_of_a_packaged_theme_is_copied_with_it(desk: Path) -> None:
    write(desk / "templates" / "classic" / "style.css", "/* ours */")
    run("new", "mine")
    assert (desk / "templates" / "mine" / "style.css").read_text() == "/* ours */"
    assert (desk / "templates" / "mine" / "digest.html.j2").is_file()


@pytest.mark.parametrize(
    "name", ["", "Mine", "a b", "../x", "a/b", ".x", "-x", "ä", "a" * 65, "base", "locale", "a\n"]
)
def test_a_name_that_is_no_plain_word_is_refused(desk: Path, name: str) -> None:
    with pytest.raises(UsageError, match="can't be a theme's name"):
        run("new", "--", name)
    assert not (desk / "templates").exists()


def test_what_is_there_already_is_left_alone(desk: Path) -> None:
    style = write(desk / "templates" / "mine" / "style.css", "/* ours */")
    for name in ("mine", "compact"):
        with pytest.raises(UsageError, match=f"{name} is there already"):
            run("new", name)
    assert style.read_text() == "/* ours */"
    assert [path.name for path in style.parent.iterdir()] == ["style.css"]


def test_a_theme_that_isn_t_there_can_t_be_copied(desk: Path) -> None:
    with pytest.raises(UsageError, match=r"no theme 'compakt' \(did you mean 'compact'\?\)"):
        run("new", "mine", "--from", "compakt")
    assert not (desk / "templates").exists()


def test_where_it_can_t_be_written_nothing_is_left(desk: Path) -> None:
    write(desk / "templates", "a file, no folder")
    with pytest.raises(UsageError, match=r"templates/mine: can't be made"):
        run("new", "mine")
    assert [path.name for path in desk.iterdir()] == ["templates"]


def test_wrong_use_is_told_in_words(digest: Run) -> None:
    done = digest("templates", "check", "clasic")
    assert done.returncode == 2
    assert done.stderr == "there is no theme 'clasic' (did you mean 'classic'?)\n"
