"""`feeds.yaml` while the service runs: a changed one is taken up, a broken one is not."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from digest.config import Config, load_config
from digest.errors import ConfigError

log = logging.getLogger(__name__)

# What tells a file from the one that was there: a rename over it changes the inode.
_Look = tuple[int, int, int] | None


class ConfigFile:
    """The configuration in the file `path`, as it was last fit for use.

    Raises ConfigError when it isn't at first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = _look(path)
        self._judged = self._seen
        self._content = _hash(path)
        self.config: Config = load_config(path)

    def changed(self) -> Config | None:
        """The new configuration, if the file holds another one; a broken one is logged, once.

        A file is read when it has stayed as it is from one look to the next: an editor may be in
        the middle of writing it.
        """
        look = _look(self.path)
        settled, self._seen = look == self._seen, look
        if not settled or look == self._judged:
            return None
        self._judged = look
        content = _hash(self.path)
        if content == self._content:
            return None
        self._content = content
        try:
            config = load_config(self.path)
        except ConfigError as error:
            log.error(
                "%s can't be used; what was read before it stays in force until it is mended:\n%s",
                self.path,
                error,
            )
            return None
        if config == self.config:
            log.info("%s is fit for use and says what was said before", self.path)
            return None
        self.config = config
        log.info("%s has changed and is taken up", self.path)
        return config


def _look(path: Path) -> _Look:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
