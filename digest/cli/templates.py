"""`digest templates`: the themes, whether they hold, and a new one to begin with."""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    complain,
    finding_line,
    load_settings,
    print_json,
)
from digest.errors import ConfigError, TemplateError, UsageError

if TYPE_CHECKING:
    from digest.config import Settings
    from digest.editions.render import Renderer
    from digest.records import Edition, Finding

templates = typer.Typer(no_args_is_help=True, help="The themes, and how they are.")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAIN = "digest.html.j2"
# Folders beside the themes that are none: what themes share, and the words in other languages.
_RESERVED = ("base", "locale")
# The mark of the hostile edition, as it is when it has become an element.
_AS_MARKUP = re.compile(r"""<u id=["']?hostile""")
# That mark in what is said of it, with all that follows; and where a template breaks.
_HOSTILE = re.compile(r"""["'“]?(?:2 )?(?:<|&lt;|%3C)u(?: |%20)id=["']?hostile.*""", re.DOTALL)
_PLACE = re.compile(r"[^\n]+?:\d+(?=: )")


@templates.command("list")
def templates_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the themes: where each comes from, and which digests of feeds.yaml use it.

    A file of yours, in the templates folder, goes before the packaged theme's of the same name.
    """
    settings = load_settings()
    renderer, folders = _renderer(settings)
    users, problem = _users(config or settings.config, is_named=config is not None)
    for name in sorted({*renderer.themes(), *_broken(folders), *users}):
        line = {**_origin(folders, name), "digests": users.get(name, [])}
        if as_json:
            print_json(line)
            continue
        used = f"used by {', '.join(line['digests'])}" if line["digests"] else "not used"
        typer.echo(f"{name}: {_said(line)}; {used}")
    if problem:
        complain(problem)
        raise typer.Exit(SOME_FAILED)


@templates.command("check")
def templates_check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[THEME]...", help="Themes; all when none is named.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,  # noqa: ARG001
    as_json: JsonOption = False,
) -> None:
    """Render sample editions in each theme, and say what is wrong, with file and line.

    Each is made as e-mail, as web page and for editors, in every language that there is; with
    stories and without, with pictures, and with texts that mean harm. The e-mails go through the
    checks of `digest lint`.
    """
    settings = load_settings()
    renderer, folders = _renderer(settings)
    known = sorted({*renderer.themes(), *_broken(folders)})
    for name in names or ():
        if not any((folder / name).is_dir() for folder in folders) or name in _RESERVED:
            _require(name, known)
    failed = False
    for name in dict.fromkeys(names or known):
        findings = list(_findings(renderer, folders, name))
        errors = sum(finding.severity == "error" for finding in findings)
        failed = failed or errors > 0
        if as_json:
            print_json({"theme": name, "findings": [asdict(finding) for finding in findings]})
            continue
        for finding in findings:
            typer.echo(finding_line(finding))
        warnings = len(findings) - errors
        typer.echo(f"{name}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    if failed:
        raise typer.Exit(SOME_FAILED)


@templates.command("new")
def templates_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new theme's name.")],
    source: Annotated[
        str, typer.Option("--from", metavar="THEME", help="The theme to begin with.")
    ] = "classic",
    config: ConfigOption = None,  # noqa: ARG001
) -> None:
    """Make a theme of your own: a copy of another's folder, for you to change."""
    settings = load_settings()
    renderer, folders = _renderer(settings)
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(
            f"{name!r} can't be a theme's name; take up to 64 of a-z, 0-9, - and _, a letter or "
            f"digit first, and not {' or '.join(_RESERVED)}"
        )
    _require(source, renderer.themes())
    target = settings.templates_dir / name
    there = next((folder / name for folder in folders if (folder / name).exists()), None)
    if there is not None:
        raise UsageError(f"{there} is there already; take another name, or remove it first")
    _copy([folder / source for folder in folders if (folder / source).is_dir()], target)
    typer.echo(f"{target}: made from {source}. Next:")
    typer.echo(f"  edit {target / 'style.css'}: its colours, type and spacing")
    typer.echo(f"  digest templates check {name}")
    typer.echo(f"  write `template: {name}` under your digest in feeds.yaml")
    typer.echo("  digest run --force: an edition keeps the theme that it was built with")
    typer.echo("  digest preview renders it anew whenever you save a file")


# --- where themes are ------------------------------------------------------------------------


def _renderer(settings: Settings) -> tuple[Renderer, tuple[Path, ...]]:
    from digest.editions.render import Renderer
    from digest.pipeline.wiring import theme_folders

    folders = theme_folders(settings)
    # In a checkout both are the same folder.
    unlike = {folder.resolve(): folder for folder in reversed(folders)}
    folders = tuple(reversed(unlike.values()))
    return Renderer(folders), folders


def _users(path: Path, *, is_named: bool) -> tuple[Mapping[str, list[str]], str]:
    """Which digests of feeds.yaml use each theme, and what is wrong with that file, if anything."""
    if not is_named and not path.is_file():
        return {}, ""
    from digest.config import load_config

    users: dict[str, list[str]] = defaultdict(list)
    try:
        configuration = load_config(path)
    except ConfigError as error:  # perhaps of a theme's name, which is why one looks here
        return {}, str(error)
    for digest in configuration.digests:
        users[digest.template].append(digest.name)
    return users, ""


def _broken(folders: Sequence[Path]) -> list[str]:
    """Folders that look like themes, whether or not they have what makes them one."""
    return [
        place.name
        for folder in folders
        for place in folder.glob("*/")
        if place.name not in _RESERVED
        and not place.name.startswith(".")
        # One that is empty was to be a theme; one with other files alone has another use.
        and (any((*place.glob("*.j2"), *place.glob("*.css"))) or not any(place.iterdir()))
    ]


def _origin(folders: Sequence[Path], name: str) -> dict[str, Any]:
    """Where theme `name` comes from: `path`, `packaged`, and its files in place of the packaged."""
    packaged = folders[-1]
    theirs = [folder / name for folder in folders if (folder / name).is_dir()]
    is_whole = any((place / _MAIN).is_file() for place in theirs)
    problem = f"has no {_MAIN}" if theirs else "there is no such theme"
    own = [place for place in theirs if place.parent != packaged]
    instead = (
        sorted(path.name for path in own[0].iterdir() if (packaged / name / path.name).is_file())
        if own
        else []
    )
    return {
        "name": name,
        "path": str(theirs[0]) if theirs else "",
        "packaged": bool(theirs) and not own,
        "instead": instead,
        "problem": "" if is_whole else problem,
    }


def _said(line: Mapping[str, Any]) -> str:
    if line["problem"]:
        return f"{line['path']} {line['problem']}" if line["path"] else str(line["problem"])
    if line["packaged"]:
        return "packaged"
    instead = f", in place of the packaged {', '.join(line['instead'])}" if line["instead"] else ""
    return f"{line['path']}{instead}"


def _require(name: str, known: Sequence[str]) -> None:
    if name not in known:
        from digest.config.nearest import suggestion

        raise UsageError(f"there is no theme {name!r}{suggestion(name, known)}")


def _copy(places: Sequence[Path], target: Path) -> None:
    """Copies a theme whose files lie in `places`, the first going before; whole or not at all."""
    building = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(building, ignore_errors=True)  # of a process of the same number that died
        for place in reversed(places):
            shutil.copytree(place, building, dirs_exist_ok=True)
        building.rename(target)  # fails where somebody has made one since we looked
    except (OSError, shutil.Error) as error:
        raise UsageError(f"{target}: can't be made ({error}); nothing was kept") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


# --- whether they hold -----------------------------------------------------------------------


def _findings(renderer: Renderer, folders: Sequence[Path], theme: str) -> Iterator[Finding]:
    """What is wrong with `theme`, each thing once."""
    from digest.records import Finding

    if problem := _origin(folders, theme)["problem"]:
        place = next(folder / theme for folder in folders if (folder / theme).is_dir())
        yield Finding("theme", "error", f"{problem}; copy it from another theme", str(place))
        return
    seen: set[tuple[str, str, str]] = set()
    for found in _tried(renderer, folders, theme):
        key = (found.rule, found.where, found.message)
        if key not in seen:
            seen.add(key)
            yield found


def _tried(renderer: Renderer, folders: Sequence[Path], theme: str) -> Iterator[Finding]:
    from digest.editions.archive import archive_of, entry
    from digest.editions.lint import lint, unused_rules
    from digest.editions.words import languages
    from digest.records import Finding, Reader

    reader = Reader("ada@example.org", "Ada", "https://example.org/u/1", "https://example.org/p/1")
    try:
        sources = renderer.sources(theme)
        spoken = languages(folders)
    except TemplateError as error:
        yield Finding("theme", "error", str(error))
        return
    seen: list[str] = []
    broken: set[str] = set()
    told: set[tuple[str, str]] = set()
    for edition in _editions(theme, spoken):
        try:
            mail = renderer.render(edition, mail=True, reader=reader)
            pages = (
                mail.html,
                renderer.render(edition).html,
                renderer.render(edition, editors=True).html,
                renderer.render_archive(archive_of(edition, [entry(edition)])),
            )
        except TemplateError as error:
            message = _without_harm(str(error))
            place = _PLACE.match(message)
            # What breaks on one edition breaks on the next, perhaps in other words.
            if place is None or place[0] not in broken:
                yield Finding("theme", "error", message)
            broken.add(place[0] if place else message)
            continue
        seen += pages
        if any(_AS_MARKUP.search(page) for page in pages):
            yield Finding(
                "escaping",
                "error",
                "a text of an article gets into the page as mark-up; leave out `|safe`",
                str(_path_of(sources)),
            )
        # Warnings of a story are about what the sample tells; only those of a file are the theme's.
        for found in lint(edition, mail, sources, reader=reader):
            if found.severity != "error" and not found.where.startswith(tuple(sources)):
                continue
            tame = replace(
                found, message=_without_harm(found.message), where=_without_harm(found.where)
            )
            # The same of the harmless editions says more.
            if tame == found or (tame.rule, tame.where) not in told:
                yield tame
            told.add((tame.rule, tame.where))
    if not broken:
        yield from _of_templates(renderer, theme, sources)
        yield from unused_rules(sources, seen)


def _of_templates(renderer: Renderer, theme: str, sources: Mapping[str, str]) -> Iterator[Finding]:
    """What a template that renders says in vain, and tags that it leaves open."""
    from digest.config.nearest import suggestion
    from digest.editions.lint import unbalanced
    from digest.editions.sample import sample_edition
    from digest.records import Finding

    for outline in renderer.outline(theme):
        for name, line in outline.blocks.items():
            if name not in outline.known:
                message = f"nothing prints the block {name!r}{suggestion(name, outline.known)}"
                yield Finding("blocks", "error", message, f"{outline.path}:{line}")
        for line in outline.outside[:1]:
            message = "what stands outside of the blocks is printed nowhere; put it into one"
            yield Finding("blocks", "error", message, f"{outline.path}:{line}")
        for line in outline.before[:1]:
            message = "what stands above `extends` is printed above the page; put it into a block"
            yield Finding("blocks", "error", message, f"{outline.path}:{line}")
    sample = sample_edition(theme)
    for mail in (True, False):
        yield from unbalanced(renderer.as_written(sample, mail=mail), sources)


def _editions(theme: str, spoken: Sequence[str]) -> Iterator[Edition]:
    """The sample in each language, an edition without stories, and one that means harm."""
    from digest.editions.sample import hostile_edition, sample_edition

    sample = sample_edition(theme)
    sample = replace(sample, note=(*sample.note, "More of it at https://example.org/harbour."))
    for language in spoken:
        yield replace(sample, language=language)
    yield replace(sample, topics=(), failed=(), left_out=0, retold=0, told=(), articles=0)
    yield hostile_edition(theme)


def _without_harm(text: str) -> str:
    """What is said of a text of the hostile edition, without that text."""
    return _HOSTILE.sub("(a text of an article that is mark-up)", text)


def _path_of(sources: Mapping[str, str]) -> str:
    """The file with the first `|safe` and its line; where there is none, the first file."""
    for path, text in sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\|\s*safe\b|autoescape\s+false", line):
                return f"{path}:{number}"
    return next(iter(sources), "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
