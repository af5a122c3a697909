"""What mail clients support, for `digest lint`: writes digest/editions/lint/support.json.

    npm pack caniemail && python scripts/mail_support.py caniemail-2.0.2.tgz

Keeps of the npm package `caniemail` (the tests of caniemail.com) only what lint asks: for each
feature of HTML, CSS and picture formats how the newest tested version of each client takes it. The
package's licence is written beside it.
"""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

FACTS = Path(__file__).parents[1] / "digest" / "editions" / "lint" / "support.json"
LICENCE = FACTS.with_name("support.LICENSE")

# Windows Mail was withdrawn in 2024, and AOL shows what Yahoo shows. The new Outlook for Windows is
# outlook.com in a window of its own, and is tested as that.
CLIENTS = {
    "gmail.desktop-webmail": "Gmail, web",
    "gmail.mobile-webmail": "Gmail, mobile web",
    "gmail.ios": "Gmail, iOS",
    "gmail.android": "Gmail, Android",
    "apple-mail.macos": "Apple Mail, macOS",
    "apple-mail.ios": "Apple Mail, iOS",
    "outlook.windows": "Outlook, Windows",
    "outlook.outlook-com": "Outlook, web and new",
    "outlook.macos": "Outlook, macOS",
    "outlook.ios": "Outlook, iOS",
    "outlook.android": "Outlook, Android",
    "yahoo.desktop-webmail": "Yahoo, web",
    "yahoo.ios": "Yahoo, iOS",
    "yahoo.android": "Yahoo, Android",
}
CATEGORIES = ("css", "html", "image")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} caniemail-VERSION.tgz (made by `npm pack caniemail`)")
    with tarfile.open(sys.argv[1]) as package:
        about = json.loads(_member(package, "package.json"))
        facts = json.loads(_member(package, "data/caniemail.json"))
        licence = _member(package, "LICENSE").decode()
    version = f"{about['name']} {about['version']}"
    features = {
        feature["slug"]: [feature["title"].strip(), _support(feature["stats"])]
        for feature in sorted(facts["data"], key=lambda feature: str(feature["slug"]))
        if feature["category"] in CATEGORIES
    }
    lines = [f'  "package": {json.dumps(version)}']
    lines.append(f'  "updated": {json.dumps(facts["last_update_date"][:10])}')
    lines += ['  "clients": ' + _object(CLIENTS), '  "features": ' + _object(features)]
    FACTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    LICENCE.write_text(
        f"support.json is an extract of the npm package {version}, whose facts are those of\n"
        f"https://www.caniemail.com ({facts['last_update_date'][:10]}; MIT License, Copyright (c) "
        "2019 HTeuMeuLeu).\nThe package's licence:\n\n" + licence,
        encoding="utf-8",
    )
    print(f"{FACTS}: {len(features)} features, {len(CLIENTS)} clients")


def _member(package: tarfile.TarFile, name: str) -> bytes:
    file = package.extractfile(f"package/{name}")
    if file is None:
        sys.exit(f"{name} is no file in the package; is it caniemail's?")
    return file.read()


def _support(stats: dict[str, dict[str, dict[str, str]]]) -> str:
    """A letter a client, as caniemail writes them: y(es), a(lmost), n(o), u(nknown)."""
    letters = []
    for client in CLIENTS:
        family, _, platform = client.partition(".")
        tested = stats.get(family, {}).get(platform, {})
        newest = next(reversed(tested.values()), "u")  # versions stand from old to new
        letters.append(newest[:1] if newest[:1] in ("y", "a", "n") else "u")
    return "".join(letters)


def _object(values: dict[str, Any]) -> str:
    """A JSON object with one member a line."""
    members = (
        f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )
    return "{\n" + ",\n".join(members) + "\n  }"


if __name__ == "__main__":
    main()
