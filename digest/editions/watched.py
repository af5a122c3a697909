"""A text that notices when a template does more with it than print it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# To print a text is to ask for it as a string, to join it to another, or to ask whether there is
# any. All else that a string can do may make the page depend on what is in it.
_PRINTING = frozenset(
    "__add__ __class__ __delattr__ __dir__ __doc__ __format__ __getattribute__ __getnewargs__ "
    "__getstate__ __init__ __init_subclass__ __new__ __reduce__ __reduce_ex__ __setattr__ "
    "__sizeof__ __str__ __subclasshook__".split()
)


class Watched(str):
    """A string whose `inspected` becomes true once anything but its printing was asked for."""

    inspected: bool

    def __new__(cls, text: str) -> Watched:
        made = super().__new__(cls, text)
        made.inspected = False
        return made

    def __bool__(self) -> bool:
        return str.__len__(self) > 0


def _noticing(name: str) -> Callable[..., Any]:
    original = getattr(str, name)

    def noticed(self: Watched, *args: Any, **kwargs: Any) -> Any:
        self.inspected = True
        return original(self, *args, **kwargs)

    return noticed


for _name in dir(str):
    if _name not in _PRINTING and callable(getattr(str, _name)):
        setattr(Watched, _name, _noticing(_name))
