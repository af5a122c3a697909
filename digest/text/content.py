"""What makes two texts the same."""

from __future__ import annotations

import hashlib
import unicodedata


def content_hash(title: str, text: str) -> str:
    """SHA-256, hexadecimal, of title and text; the spellings of one character are one (NFC)."""
    content = unicodedata.normalize("NFC", f"{title}\n{text}")
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
