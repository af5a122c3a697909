"""What the tests send to workers: it must have a name there too, which a conftest has not."""

from __future__ import annotations

import json
import os
import signal
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digest.errors import ModelError
from digest.models.encoder import Encoder
from digest.records import Document, Encoded, Summary, SummarySentence, Vectors


def whoami() -> int:
    return os.getpid()


def moment() -> int:
    """Takes a little, so that others get work too; the id of the process that did it."""
    time.sleep(0.2)
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def address() -> str:
    """The worker's own."""
    from distributed import get_worker

    return str(get_worker().address)


def which(thing: object) -> tuple[int, int]:
    """The process, and what `thing` arrived as there."""
    return os.getpid(), id(thing)


def until(path: str) -> int:
    """Works until there is a file at `path`; the id of the process that did."""
    Path(f"{path}-{os.getpid()}-began").touch()
    while not Path(path).exists():
        time.sleep(0.05)
    return os.getpid()


def clock() -> tuple[float, str]:
    return time.time(), time.strftime("%Z")


def _there(what: str, usual: str) -> str:
    """The key that something has in this process, where the file that THERE names has another."""
    path = os.environ.get("THERE")
    known = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return str(known.get(what, usual))


class WordEncoder(Encoder):
    """Hashes words, as other tests' encoder does."""

    size = 64

    def __init__(self, key: str = "words") -> None:
        super().__init__()
        self._name = key

    def __reduce__(self) -> tuple[Any, ...]:
        return WordEncoder, (self._name,)

    @property
    def key(self) -> str:
        return _there("encoder", self._name)

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.size] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.where(lengths, lengths, 1.0)
        return unit.astype(np.float16).astype(np.float32)


class Writer:
    """A model that writes a text's first sentence."""

    name = "writer"

    @property
    def key(self) -> str:
        key = _there("writer", "writer@1")
        if not key:
            raise ModelError("the writer's weights are not installed; run: pip install writer")
        return key

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        return [text.partition(". ")[0] + "." for text, _ in zip(texts, titles, strict=True)]


class Noting:
    """A summariser that notes each batch it begins in `folder`.

    A file `die-ID` there ends the process that comes to the document of that id: with `always` it
    stays, and each process that tries dies, else the first one only, once files `fetched-ID` say
    that nothing else is lost with it.
    """

    name = "noting"
    key = "noting/1"
    writes = True

    def __init__(self, folder: Path, seconds: float = 0.1, *, always: bool = False) -> None:
        self.folder = folder
        self.seconds = seconds
        self.always = always

    def summarize(
        self, documents: Sequence[Document], encoded: Mapping[str, Encoded]
    ) -> list[Summary]:
        ids = "+".join(document.id for document in documents if document.id in encoded)
        (self.folder / f"began-{ids}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(self.seconds)
        for document in documents:
            deadly = self.folder / f"die-{document.id}"
            if deadly.exists():
                if not self.always:
                    self._wait_until_the_others_are_fetched(ids)
                    deadly.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        return [
            Summary((SummarySentence(document.sentences[0], (0,), 1.0),), self.name)
            for document in documents
        ]

    def _wait_until_the_others_are_fetched(self, ids: str) -> None:
        """What this process has done lies in its memory until it is fetched."""
        done = {path.name.split("-")[1] for path in self.folder.glob(f"began-*-{os.getpid()}-*")}
        while not all((self.folder / f"fetched-{one}").exists() for one in done - {ids}):
            time.sleep(0.02)
