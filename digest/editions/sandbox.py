"""Templates kept in bounds: what they may touch, how long they may run, how much they may write.

Jinja's sandbox keeps a template from Python's insides. It doesn't keep it from running for ever or
from filling the memory, by mistake or for the sake of it; what is counted here does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import unwrap
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.filters import do_format
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.editions.limits import MAX_STEPS, MAX_TEXT

# Wider than any page, and narrow enough to cost nothing: the most that a text may be padded to.
_WIDEST = 10_000
_PADDING = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
# A width of five digits or more, or one that comes from the values (`%*d`, `{:{}}`).
_WIDE_FORMAT = re.compile(r"%[^%a-zA-Z]*(?:\d{5}|\*)|\{[^{}]*(?:\d{5}|\{)")

_steps: ContextVar[list[int] | None] = ContextVar("steps", default=None)


class Environment(ImmutableSandboxedEnvironment):
    """A Jinja environment for templates that anybody may write, with `loader` to find them.

    Raises jinja2's SecurityError, while rendering, for what leads out of bounds.
    """

    # Each can make much of little: a text or a list times a number, sums that double in a loop,
    # powers, and `%` with a width.
    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(
        self, loader: FileSystemLoader, autoescape: Callable[[str | None], bool], **options: Any
    ) -> None:
        super().__init__(loader=loader, autoescape=autoescape, undefined=StrictUndefined, **options)
        self.code_generator_class = _Counting
        self.globals.pop("lipsum")
        for name in ("center", "indent", "wordwrap"):
            self.filters[name] = _narrow(self.filters[name])
        self.filters["format"] = _bounded_format

    def fill(self, template: Template, values: Mapping[str, object]) -> str:
        """The template filled in. Raises what the template raises, and SecurityError."""
        with _counted():
            parts: list[str] = []
            size = 0
            for part in template.generate(**values):
                parts.append(part)
                if (size := size + len(part)) > MAX_TEXT:
                    raise SecurityError(f"it writes over {MAX_TEXT:,} characters")
            return "".join(parts)

    def turns(self, things: Iterable[Any]) -> Iterator[Any]:
        """`things` of a loop, each of which is a step."""
        for thing in things:
            _step()
            yield thing

    def within(self, text: str) -> str:
        """`text`, unless it has grown out of bounds."""
        if len(text) > MAX_TEXT:
            raise SecurityError(f"a text of over {MAX_TEXT:,} characters comes of it")
        return text

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call is a step, and a text's own methods don't make it longer than a page is wide."""
        _step()
        method = unwrap(obj) if callable(obj) else obj  # the sandbox wraps `format`
        if isinstance(text := getattr(method, "__self__", None), str):
            name = getattr(method, "__name__", "")
            if name in _PADDING:
                _check_widths(args)
            elif name in ("format", "format_map"):
                _check_format(text)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right`, where that can't fill the memory."""
        sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
        if operator == "*" and sizes:
            times = next((side for side in (left, right) if isinstance(side, int)), 1)
            if sizes[0] * times > MAX_TEXT:
                raise SecurityError(f"a text or list {times:,} times is over {MAX_TEXT:,} long")
        elif operator == "+" and sum(sizes) > MAX_TEXT:
            raise SecurityError(f"a text or list of over {MAX_TEXT:,} comes of it")
        elif operator == "%" and isinstance(left, str):
            _check_format(left)
        elif operator in ("*", "**") and not sizes and _digits(operator, left, right) > _WIDEST:
            raise SecurityError(f"a number of over {_WIDEST:,} digits comes of it")
        return super().call_binop(context, operator, left, right)


class _Counting(CodeGenerator):
    """Compiles loops so that their turns are counted, and `~` so that its text is measured."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        turns = nodes.EnvironmentAttribute("turns")
        counted = nodes.Call(turns, [node.iter], [], None, None)
        for new in (turns, counted):
            new.set_lineno(node.lineno).set_environment(self.environment)
        node.iter = counted
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.within(")
        super().visit_Concat(node, frame)
        self.write(")")


@contextmanager
def _counted() -> Iterator[None]:
    token = _steps.set([0])
    try:
        yield
    finally:
        _steps.reset(token)


def _step() -> None:
    # None while Jinja folds constants, before anything is rendered.
    if (steps := _steps.get()) is None:
        return
    steps[0] += 1
    if steps[0] > MAX_STEPS:
        raise SecurityError(
            f"it takes over {MAX_STEPS:,} turns of loops and calls; does it loop for ever?"
        )


def _narrow(filter: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pads, with its widths in bounds."""

    @wraps(filter)  # with the mark of what Jinja has to hand it
    def bounded(*args: Any, **kwargs: Any) -> Any:
        _check_widths([*args, *kwargs.values()])
        return filter(*args, **kwargs)

    return bounded


def _bounded_format(format: str, *args: Any, **kwargs: Any) -> str:
    """Jinja's filter `format`, with its widths in bounds."""
    _check_format(format)
    return do_format(format, *args, **kwargs)


def _check_widths(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and value > _WIDEST for value in values):
        raise SecurityError(f"a text of over {_WIDEST:,} characters a line comes of it")


def _check_format(format: str) -> None:
    """Refuses a format, of `%` or of `str.format`, with a width that no page has."""
    if _WIDE_FORMAT.search(format):
        raise SecurityError(f"the format {format[:40]!r} makes over {_WIDEST:,} characters of one")


def _digits(operator: str, left: Any, right: Any) -> float:
    """About how many digits the number has that comes of it."""
    if not (isinstance(left, int) and isinstance(right, int)):
        return 0
    if operator == "**":
        return left.bit_length() * right * 0.30103
    return (left.bit_length() + right.bit_length()) * 0.30103
