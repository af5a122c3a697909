"""Make the pictures of the desk for the documentation, from the demo.

    python scripts/desk_pictures.py [--out docs/images]

builds the demo in a folder of its own, opens it with `digest preview`, writes a sentence that its
article doesn't support, and photographs: `desk.png` and `desk-dark.png` (the edition, 1280 px),
`desk-why.png`, `desk-edit.png`, `desk-send.png`, `desk-history.png` and `desk-phone.png` (375 px).

Needs Playwright's Python package and an installed Chromium. The encoder is loaded: a minute.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
INVENTED = "Both sides will celebrate with 4,000 guests in Lisbon."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", metavar="FOLDER")
    out: Path = parser.parse_args().out
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no `chromium` on PATH: install it (Debian: apt install chromium)")
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        desk(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        photograph(browser, address, out)
        browser.close()


def photograph(browser: Browser, address: str, out: Path) -> None:
    page = opened(browser, address)
    edition = page.url.partition("?")[0]
    still(page, out / "desk.png")
    story = page.locator("li.story h3.headline a").first.get_attribute("href") or ""
    page.goto(address + story + "?sentence=0")
    still(page, out / "desk-why.png", height=1100)
    text = page.locator("#summary-text")
    text.fill(text.input_value().split(". ")[0] + ". " + INVENTED)
    page.locator("#summary-verdicts").get_by_text("4,000").first.wait_for(timeout=120_000)
    page.locator("#edit").scroll_into_view_if_needed()
    page.locator("#edit").screenshot(path=out / "desk-edit.png")
    page.locator("#summary-form button.primary").click()
    page.wait_for_timeout(2000)
    page.goto(edition)
    page.locator('button[name="do"][value="drop"]').last.click()
    page.wait_for_timeout(1000)
    page.goto(edition + "/history")
    still(page, out / "desk-history.png", height=700)
    page.goto(edition + "/send")
    still(page, out / "desk-send.png", height=1000)
    still(opened(browser, address, scheme="dark"), out / "desk-dark.png")
    still(opened(browser, address, width=375), out / "desk-phone.png", height=900)


def opened(browser: Browser, address: str, *, width: int = 1280, scheme: str = "light") -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.add_cookies([{"name": "digest_name", "value": "Asha", "url": address}])
    page = context.new_page()
    page.goto(address)
    page.locator("#stories").wait_for()
    return page


def still(page: Page, path: Path, *, height: int = 900) -> None:
    """A picture of the window, once all that comes later has come."""
    size = page.viewport_size
    page.set_viewport_size({"width": size["width"] if size else 1280, "height": height})
    page.wait_for_timeout(2500)
    page.screenshot(path=path)


@contextmanager
def desk(folder: Path) -> Iterator[str]:
    """The demo in `folder`, with a reader, on a desk that is open; its address."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    config = str(folder / "examples" / "feeds.yaml")
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
    environment = {**mine, "DIGEST_SMTP_URL": f"maildir:{folder / 'mail'}"}
    digest = str(Path(sys.executable).with_name("digest"))
    for words in (
        ["run"],
        ["subscribers", "add", "reader@example.org", "--digest", "demo"],
    ):
        subprocess.run(
            [digest, *words, "--config", config], cwd=folder, env=environment, check=False
        )
    preview = subprocess.Popen(
        [digest, "preview", "demo", "--port", "0", "--no-browser", "--config", config],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert preview.stdout is not None
        line = preview.stdout.readline()
        found = re.search(r"http://[\d.:]+", line)
        if found is None:
            sys.exit(f"the desk doesn't open: {line}")
        yield found[0]
    finally:
        preview.terminate()
        preview.wait(20)


if __name__ == "__main__":
    main()
