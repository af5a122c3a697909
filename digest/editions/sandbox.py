"""Templates kept in bounds: what they may touch, how long they may run, how much they may write.

Jinja's sandbox keeps a template from Python's insides. It doesn't keep it from running for ever,
from filling the memory or from asking the clock. Here each turn of a loop, each call and each
filter is a step, and so is every hundred characters or single item that goes in or comes out: a
template that makes much of little runs out of steps, by whatever way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import unwrap
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.editions.compiled import COMPILED
from digest.editions.limits import MAX_STEPS

# Characters to a step: what takes about as long as a turn of a loop.
_STEP = 100
# Wider than any page, and narrow enough to cost nothing: the most that a text may be padded to.
_WIDEST = 10_000
# A width of five digits or more, or one that comes from the values (`%*d`, `{:{}}`).
_WIDE_PERCENT = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(?:\d*\.)?(?:\d{5}|\*)")
_WIDE_BRACES = re.compile(r"\{[^{}]*(?:\d{5}|\{)")
# Filters whose numbers are widths or counts of what is added, and methods and filters that put one
# text into each place of another.
_PADDING = frozenset({"batch", "center", "indent", "round", "slice", "tojson", "wordwrap", "wrap"})
_MULTIPLYING = frozenset({"join", "replace", "translate"})
# What would make one edition differ from day to day, or from machine to machine.
_NOT_OURS = frozenset({"astimezone", "fromtimestamp", "now", "strftime", "today", "utcnow"})

_steps: ContextVar[list[int] | None] = ContextVar("steps", default=None)


class Missing(StrictUndefined):
    """What isn't there, said in an editor's words."""

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if owner is None:
            return (
                f"{name!r} was asked of something that isn't there (None); wrap it in an `if`, as "
                "in {% if reader %}"
            )
        if is_dataclass(owner):
            there = ", ".join(field.name for field in fields(owner))
            return f"{type(owner).__name__} has no {name!r}; it has {there}"
        if type(owner).__module__.startswith("jinja2"):
            # A global name, a macro of an imported file, or `loop`.
            return f"there is no {name!r}"
        return super()._undefined_message


class Environment(ImmutableSandboxedEnvironment):
    """A Jinja environment for templates that anybody may write, with `loader` to find them.

    Raises jinja2's SecurityError, while rendering, for what leads out of bounds.
    """

    intercepted_binops = frozenset({"*", "**", "+", "%", "//"})

    def __init__(
        self, loader: FileSystemLoader, autoescape: Callable[[str | None], bool], **options: Any
    ) -> None:
        super().__init__(
            loader=loader,
            autoescape=autoescape,
            undefined=Missing,
            finalize=_counted,
            bytecode_cache=COMPILED,
            **options,
        )
        self.code_generator_class = _Counting
        self.globals.pop("lipsum")
        self.filters.pop("random")
        self.filters["format"] = _checked_format(self.filters["format"])
        self.count_filters()

    def count_filters(self) -> None:
        """Makes a step of every filter, those that were added since the last time included."""
        for name, filter in self.filters.items():
            if not hasattr(filter, "is_counted"):
                self.filters[name] = _counting(name, filter)

    def fill(self, template: Template, values: Mapping[str, object]) -> str:
        """The template filled in. Raises what the template raises, and SecurityError."""
        token = _steps.set([0])
        try:
            return template.render(**values)
        finally:
            _steps.reset(token)

    def turns(self, things: Iterable[Any]) -> Iterator[Any]:
        """`things` of a loop, each of which is a step."""
        for thing in things:
            _take(1)
            yield thing

    def counted(self, text: Any) -> Any:
        """What `~` makes."""
        return _counted(text)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Not Python's insides, nor the machine's clock and zone."""
        return attr not in _NOT_OURS and super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Missing:
        """What raises, when it is used, why the attribute may not be."""
        if attribute not in _NOT_OURS:
            return super().unsafe_undefined(obj, attribute)  # type: ignore[return-value]
        return Missing(
            f"{attribute!r} asks this machine for its clock, zone or language, and every rendering "
            "must be the same; the filters `clock`, `when` and `long_date` show times",
            exc=SecurityError,
        )

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call is a step, and so is every hundred characters that it takes and gives."""
        _take(1)
        given = (*args, *kwargs.values())
        if not isinstance(obj, Macro):  # what a macro does is counted in it
            _counted(given)
            _check_call(obj, args, given)
        return _counted(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right`, where that can't fill the memory."""
        sizes = [_size(side) for side in (left, right)]
        if operator == "*" and any(sizes):
            times = next((side for side in (left, right) if isinstance(side, int)), 1)
            _take(max(sizes) * max(times, 0) // _STEP)
        elif operator == "%" and isinstance(left, str):
            _check_format(left, _WIDE_PERCENT)
        elif operator in ("*", "**") and _digits(operator, left, right) > _WIDEST:
            raise SecurityError(f"a number of over {_WIDEST:,} digits comes of it")
        return _counted(super().call_binop(context, operator, left, right))


class _Counting(CodeGenerator):
    """Compiles loops so that their turns are counted, and `~` so that its text is."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        turns = nodes.EnvironmentAttribute("turns")
        counted = nodes.Call(turns, [node.iter], [], None, None)
        for new in (turns, counted):
            new.set_lineno(node.lineno).set_environment(self.environment)
        node.iter = counted
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.counted(")
        super().visit_Concat(node, frame)
        self.write(")")


def _take(number: int) -> None:
    """Takes so many steps. Raises SecurityError when there are no more."""
    # None while Jinja folds constants, before anything is rendered.
    if (steps := _steps.get()) is None:
        return
    steps[0] += number
    if steps[0] > MAX_STEPS:
        raise SecurityError(
            f"it takes over {MAX_STEPS:,} steps (turns of loops, calls, hundreds of characters); "
            "does it go on for ever?"
        )


def _counted(value: Any) -> Any:
    """`value`, whose length has been taken as steps; lists are entered."""
    if isinstance(value, str | bytes | range):
        _take(_length(value) // _STEP)
    elif isinstance(value, list | tuple | set | frozenset):
        _take(len(value))
        for item in value:
            _counted(item)
    elif isinstance(value, dict):  # and no Mapping: a template's context is one
        _take(len(value))
        for item in value.values():
            _counted(item)
    return value


def _size(value: Any) -> int:
    return (
        len(value) * _STEP
        if isinstance(value, list | tuple)
        else (_length(value) if isinstance(value, str | bytes) else 0)
    )


def _length(value: str | bytes | range) -> int:
    """The length, past a text that watches whether a template asks for it."""
    return str.__len__(value) if isinstance(value, str) else len(value)


def _counting(name: str, filter: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that takes steps for what goes in and comes out."""

    @wraps(filter)  # with the mark of what Jinja has to hand it
    def counting(*args: Any, **kwargs: Any) -> Any:
        _take(1)
        given = (*args, *kwargs.values())
        _counted(given)
        if name in _PADDING:
            # The number that is filtered is no width; before it may stand what Jinja hands over.
            _check_widths(given[2 if hasattr(filter, "jinja_pass_arg") else 1 :])
        elif name in _MULTIPLYING:
            _check_product(given)
        return _counted(filter(*args, **kwargs))

    counting.is_counted = True  # type: ignore[attr-defined]
    return counting


def _checked_format(filter: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter)
    def checked(format: str, *args: Any, **kwargs: Any) -> Any:
        _check_format(format, _WIDE_PERCENT)
        return filter(format, *args, **kwargs)

    checked.is_counted = True  # type: ignore[attr-defined] # its numbers are values, no widths
    return checked


def _check_call(obj: Any, args: tuple[Any, ...], given: tuple[Any, ...]) -> None:
    """Refuses methods and functions of Python's that would make much of a number."""
    method = unwrap(obj) if callable(obj) else obj  # the sandbox wraps `format`
    name = getattr(method, "__name__", "")
    if name in ("format", "format_map") and isinstance(method.__self__, str):
        _check_format(method.__self__, _WIDE_BRACES)
    elif name.endswith("gettext") or name == "_gettext_alias":
        for text in args:  # what fills them in is named
            if isinstance(text, str):
                _check_format(text, _WIDE_PERCENT)
    elif isinstance(owner := getattr(method, "__self__", None), str | bytes | int):
        _check_widths(given)
        if name in _MULTIPLYING:
            _check_product((owner, *given))


def _check_widths(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and value > _WIDEST for value in values):
        raise SecurityError(f"a number of over {_WIDEST:,} is no width")


def _check_product(values: tuple[Any, ...]) -> None:
    """Refuses to put a long text into each of many places."""
    sizes = [_size(value) for value in values]
    if isinstance(values[-1], dict):
        sizes += [_size(value) for value in values[-1].values()]
    two = sorted(sizes)[-2:]
    _take(two[0] * two[-1] // _STEP // _STEP if len(two) > 1 else 0)


def _check_format(format: str, wide: re.Pattern[str]) -> None:
    """Refuses a format with a width that no page has."""
    if wide.search(format.replace("%%", "")):  # the sign itself
        raise SecurityError(f"the format {format[:40]!r} makes over {_WIDEST:,} characters of one")


def _digits(operator: str, left: Any, right: Any) -> float:
    """About how many digits the number has that comes of it."""
    if not (isinstance(left, int) and isinstance(right, int)):
        return 0
    if operator == "**":
        return left.bit_length() * right * 0.30103
    return (left.bit_length() + right.bit_length()) * 0.30103
