"""Templates that a process compiles once, whoever asks for them how often.

Compiling a theme takes several times as long as filling it in, and each renderer, each reader's
language and each room of the desk has a Jinja environment of its own.
"""

from __future__ import annotations

from types import CodeType

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """Keeps what was compiled, by file; a file whose text has changed is compiled again.

    One for each way of setting up an environment (extensions, white space, code generator, filters
    that are applied to constants), since all of that is in the code. For any number of threads.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fills `bucket` when its text is the one that was compiled."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what is in `bucket`, in place of what an older text of the file gave."""
        if bucket.code is not None:
            self._kept[bucket.key] = bucket.checksum, bucket.code
