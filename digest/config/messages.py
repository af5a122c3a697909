"""pydantic's validation errors in plain words: what stands there, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ErrorDetails

from digest.config.fields import quoted

_WANTED = {
    "string_type": "text",
    "string_unicode": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "tuple_type": "a list",
    "model_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
}


def plain(error: ErrorDetails) -> str:
    """The message of one error; the place it belongs to is the caller's to name."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in _WANTED:
        message = f"{shown(value)} is not {_WANTED[kind]}"
        if kind == "string_type" and isinstance(value, bool | int | float):
            message += f'; put it in quotes: "{_scalar(value)}"'
        return message
    if kind == "literal_error":
        return (
            f"{shown(value)} is not allowed; allowed: {context['expected'].replace(' or ', ', ')}"
        )
    if kind == "too_short":
        return "is empty; list at least one, or leave the key out"
    if kind == "string_too_long":
        return f"{shown(value)} is longer than {context['max_length']} characters"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"{shown(value)} is {_bound(kind, context)}"
    return f"{shown(value)}: {error['msg']}"


def shown(value: object) -> str:
    """A value as a message quotes it: scalars as YAML writes them, collections by kind."""
    if value is None:
        return "an empty value"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple | list):
        return "a list"
    return quoted(value) if isinstance(value, str) else quoted(_scalar(value))


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bound(kind: str, context: Mapping[str, object]) -> str:
    match kind:
        case "greater_than":
            return f"too small; it must be more than {context['gt']:g}"
        case "greater_than_equal":
            return f"too small; the least is {context['ge']:g}"
        case "less_than":
            return f"too large; it must be less than {context['lt']:g}"
    return f"too large; the most is {context['le']:g}"
