"""`digest lint`: what is wrong with an edition as a mail, before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    finding_line,
    load_settings,
    print_json,
)
from digest.errors import OutboxError, UsageError

if TYPE_CHECKING:
    from digest.editions.lint import Measured
    from digest.records import Edition, Finding

EDITION_FILE = "edition.json"

EditionArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[EDITION]",
        help="A digest (its newest edition), an edition such as morning/2026-03-02, or an "
        "edition's folder; the newest of all when left out.",
        show_default=False,
    ),
]


def lint(
    wanted: EditionArgument = None,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    as_json: JsonOption = False,
) -> None:
    """Check an edition as a mail: size, links, contrast, plain text, what mail clients support.

    The edition is rendered anew with its theme as it is now. Errors are what readers would stumble
    over, and make exit status 1; warnings are for editors to look at.
    """
    settings = load_settings()
    folder = _folder(settings.outbox_dir, wanted or "")
    from digest.editions.frozen import load_edition
    from digest.editions.lint import lint as find_faults
    from digest.editions.lint import measure
    from digest.editions.render import Renderer
    from digest.pipeline.wiring import theme_folders

    file = folder / EDITION_FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise OutboxError(
            f"{file}: can't be read ({error.strerror}); build the edition again with "
            "`digest run --force`"
        ) from error
    edition = load_edition(data, str(file))
    renderer = Renderer(theme_folders(settings))
    rendered = renderer.render(edition, mail=True)
    findings = find_faults(edition, rendered, renderer.sources(edition.template))
    measured = measure(rendered)
    if as_json:
        print_json(_report(edition, findings, measured))
    else:
        for finding in findings:
            typer.echo(finding_line(finding))
        typer.echo(_last_line(edition, findings, measured))
    if _count(findings, "error"):
        raise typer.Exit(SOME_FAILED)


def _folder(outbox: Path, wanted: str) -> Path:
    """The folder of the edition that is meant. Raises UsageError when there is none."""
    from digest.preview.shelf import address_for, find, list_editions

    editions = list_editions(outbox)
    if (edition := find(editions, wanted)) is not None:
        return edition.folder
    path = Path(wanted)
    if wanted and path.name == EDITION_FILE:
        path = path.parent
    if wanted and (path / EDITION_FILE).exists():
        return path
    if not wanted:
        raise UsageError(f"no edition in {outbox}: it is empty; `digest run` builds one")
    if path.is_dir():
        raise UsageError(f"{path}: has no {EDITION_FILE}; name the folder of one edition")
    address_for(outbox, wanted)  # says what there is
    raise UsageError(f"no edition {wanted!r} in {outbox}")


def _last_line(edition: Edition, findings: Sequence[Finding], measured: Measured) -> str:
    from digest.editions.limits import MAX_BYTES
    from digest.editions.lint.support import facts

    errors, warnings = _count(findings, "error"), _count(findings, "warning")
    return (
        f"{edition.digest} {edition.date}, theme {edition.template}: "
        f"{_number(errors, 'error')}, {_number(warnings, 'warning')}; "
        f"{measured.bytes / 1000:.1f} kB of at most {MAX_BYTES / 1000:.0f}; "
        f"mail clients support {measured.needed:.0%} of what reading needs and "
        f"{measured.support:.0%} of all it uses ({len(facts().clients)} clients, caniemail of "
        f"{facts().updated})"
    )


def _report(edition: Edition, findings: Sequence[Finding], measured: Measured) -> dict[str, Any]:
    from digest.editions.limits import MAX_BYTES

    return {
        "edition": f"{edition.digest}/{edition.date}",
        "theme": edition.template,
        "errors": _count(findings, "error"),
        "warnings": _count(findings, "warning"),
        "bytes": measured.bytes,
        "max_bytes": MAX_BYTES,
        "support": {"needed": round(measured.needed, 3), "all": round(measured.support, 3)},
        "findings": [asdict(finding) for finding in findings],
        "features": [
            {
                "feature": use.feature.slug,
                "title": use.feature.title,
                "times": use.times,
                "extra": use.extra,
                "support": round(use.feature.share, 3),
                "partial": list(use.feature.partial),
                "lacking": list(use.feature.lacking),
                "without": use.feature.without if use.feature.share < 1 else "",
            }
            for use in measured.uses
        ],
    }


def _count(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
