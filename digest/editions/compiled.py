"""Templates that a process compiles once, whoever asks for them how often.

Compiling a theme takes several times as long as filling it in, and each renderer, each reader's
language and each room of the desk has a Jinja environment of its own.
"""

from __future__ import annotations

from types import CodeType

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """Keeps what was compiled, by file; a file whose text has changed is compiled again.

    So is one for an environment that is set up otherwise. Only what constants are filtered by must
    be the same in all environments: that too is in the code. For any number of threads.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> Bucket:
        """The place of a template, with its code in it when that is known."""
        escapes = environment.autoescape
        decisive = (
            type(environment).__qualname__,
            environment.code_generator_class.__qualname__,
            environment.finalize is None,
            escapes(name) if callable(escapes) else escapes,
            environment.trim_blocks,
            environment.lstrip_blocks,
            environment.keep_trailing_newline,
            environment.is_async,
            sorted(environment.extensions),
            sorted(environment.policies.items()),
            getattr(environment, "newstyle_gettext", False),
        )
        return super().get_bucket(environment, f"{name}\0{decisive}", filename, source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fills `bucket` when its text is the one that was compiled."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what is in `bucket`, in place of what an older text of the file gave."""
        if bucket.code is not None:
            self._kept[bucket.key] = bucket.checksum, bucket.code


COMPILED = Compiled()
"""This process's."""
