"""`feeds.yaml` while a program runs: a changed one is taken up, a broken one is not."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from threading import Lock

from digest.config.feeds_yaml import Config, load_config
from digest.errors import ConfigError

log = logging.getLogger(__name__)

# What tells a file from the one that was there: a rename over it changes the inode.
_Look = tuple[int, int, int] | None


class ConfigFile:
    """The configuration in the file `path`, as it was last fit for use.

    `error` says what is wrong with the file as it is now, with line and field; empty when nothing
    is. Raises ConfigError when it isn't fit for use at first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = _look(path)
        self._judged = self._seen
        self._content = _hash(path)
        self.error = ""
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
            self.error = str(error)
            log.error(
                "%s can't be used; what was read before it stays in force until it is mended:\n%s",
                self.path,
                error,
            )
            return None
        self.error = ""
        if config == self.config:
            log.info("%s is fit for use and says what was said before", self.path)
            return None
        self.config = config
        log.info("%s has changed and is taken up", self.path)
        return config


class WatchedConfig:
    """The configuration as a page needs it, which works without one, too. For many threads.

    A file that is broken from the start is read again when it has changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: ConfigFile | None = None
        self._error = ""
        self._seen: tuple[_Look, str] | None = None

    def look(self) -> None:
        """Takes up what has changed since the last look."""
        with self._lock:
            if self._file is not None:
                self._file.changed()
                return
            seen = _look(self._path), _hash(self._path)
            if seen == self._seen:
                return
            self._seen = seen
            try:
                self._file = ConfigFile(self._path)
            except ConfigError as error:
                self._error = str(error)

    @property
    def config(self) -> Config | None:
        """What is in force; None where nothing has been fit for use yet."""
        return self._file.config if self._file is not None else None

    @property
    def error(self) -> str:
        """What is wrong with the file as it is now, or empty."""
        return self._file.error if self._file is not None else self._error


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
