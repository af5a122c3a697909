"""Templates that a process compiles once, whoever asks for them how often.

Compiling a theme takes longer than filling it in, and each renderer, each reader's language and
each room of the desk has a Jinja environment of its own. A door to jinja2.
"""

from __future__ import annotations

from types import CodeType

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

_OPTIONS = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string", "line_statement_prefix"),
    *("line_comment_prefix", "trim_blocks", "lstrip_blocks", "newline_sequence"),
    *("keep_trailing_newline", "is_async", "sandboxed", "optimized"),
)
_NAMES = ("extensions", "filters", "tests")


class Compiled(BytecodeCache):
    """Keeps what was compiled, by file; a file whose text has changed is compiled again.

    So is one for an environment that is set up otherwise: all that Jinja's compiler asks of one is
    part of the key, but for what filters, tests and the finaliser do. Those of one name must do the
    same in all environments, since constants are filtered when a template is compiled. For any
    number of threads.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> Bucket:
        """The place of a template, with its code in it when that is known."""
        escapes = environment.autoescape
        decisive = (
            _named(type(environment)),
            _named(environment.code_generator_class),
            environment.finalize and _named(environment.finalize),
            escapes(name) if callable(escapes) else escapes,
            [getattr(environment, option) for option in _OPTIONS],
            [sorted(getattr(environment, names)) for names in _NAMES],
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


def _named(thing: object) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"


COMPILED = Compiled()
"""This process's."""
