"""Why another machine can't be reached, in words that say where to look."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


def unreachable(address: str, seconds: float) -> str:
    """What is wrong with the way to `address` (`tcp://host:port`); empty when somebody listens."""
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), seconds).close()
    except ConnectionRefusedError:
        return "nothing listens there"
    except socket.gaierror:
        return f"the host {place.hostname} is not known"
    except TimeoutError:
        return "the host doesn't answer"
    except (OSError, ValueError) as error:  # ValueError: no such port
        return f"it can't be reached ({getattr(error, 'strerror', None) or error})"
    return ""


def said(error: BaseException) -> str:
    """What a library says of an error, on one line; its kind where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__
