"""`digest` as its users start it: the console script, in an empty folder, with nothing faked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.encoders import make_sentence_encoder, write_transformer

SCRIPT = Path(sys.executable).with_name("digest")


@dataclass(frozen=True)
class Desk:
    """A folder with state and outbox; `run` is a command typed there, with `settings`."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    def environment(self, **settings: str) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
        return {**mine, "DIGEST_ALLOW_PRIVATE_NETWORKS": "true", **self.settings, **settings}

    def run(
        self, *arguments: str | Path, timeout: float = 120, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(**settings),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def run_json(self, *arguments: str | Path, timeout: float = 120, **settings: str) -> Any:
        """What the command prints as JSON; its exit status comes along as `exit`."""
        result = self.run(*arguments, "--json", timeout=timeout, **settings)
        assert result.stdout, result.stderr
        return {**json.loads(result.stdout), "exit": result.returncode, "stderr": result.stderr}

    def configure(self, digest: str, urls: Sequence[tuple[str, str]]) -> Path:
        """Writes feeds.yaml with one digest (YAML in flow style) and feeds by name and address."""
        path = self.folder / "feeds.yaml"
        feeds = "".join(f"  - {{name: {name}, url: {json.dumps(url)}}}\n" for name, url in urls)
        path.write_text(f"digests:\n  - {digest}\nfeeds:\n{feeds}", encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence encoder of one layer with random weights: what a test needs that looks at many
    articles, and not at which of them belong together."""
    folder = tmp_path_factory.mktemp("encoder")
    letters = [chr(code) for code in range(0x21, 0x7F)]
    small = letters[ord("a") - 0x21 : ord("z") - 0x20]
    write_transformer(folder, [*letters, *(a + b for a in small for b in small)], layers=1)
    make_sentence_encoder(folder)
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def new_desk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a desk of its own for a module whose tests look at one run."""
    return lambda: Desk(tmp_path_factory.mktemp("desk"))
