"""Language tags as RFC 5646 (BCP 47) writes them; the one definition of what a language may be."""

from __future__ import annotations

import re

MAX_TAG = 35
"""Characters that hold every tag without extensions of its own (RFC 5646, 4.4.1)."""

# RFC 5646, 2.1: language, extended languages, script, region, variants, extensions, private use.
# Before the end there may be a subtag that is none, what POSIX appends (`en_US.UTF-8`,
# `sr_RS@latin`), or the rest of a list; a word after a blank would make `No language` Norwegian.
_TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?"
    r"(?=\Z|-|[.@]|\s*[,;])",
    re.IGNORECASE | re.ASCII,
)


def language_tag(text: str) -> str:
    """The tag that `text` is, or the longest beginning of it that is one; "" when there is none.

    Case stays, `_` becomes `-`: `en_US.utf8` is `en-US`, `en-us-utf8` is `en-us`. A tag of private
    use alone (`x-none`) names no language. Whether a subtag is registered is not looked at.
    """
    match = _TAG.match(text.strip().replace("_", "-"))
    tag = match[0] if match else ""
    # Cut between subtags and read anew: a singleton that extends nothing goes too (4.4.2).
    return tag if len(tag) <= MAX_TAG else language_tag(tag[: MAX_TAG + 1].rpartition("-")[0])
