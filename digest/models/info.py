"""What is told of a model on disk: one line of `digest models list`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model on disk or expected there. `size` in bytes; `problem` is empty when it is fit.

    `use` is `encoder` or `summaries`. `sha256` is the hash of the weights (hex), `revision` the
    commit of a hub's repository; each is empty where it is not known.
    """

    name: str
    use: str
    path: Path
    size: int
    sha256: str
    problem: str = ""
    revision: str = ""

    @property
    def there(self) -> bool:
        """Whether there is anything on disk, fit or not."""
        return self.path != Path()
