"""A process whose clock is three days late, from its first moment on: Python imports it itself."""

import time
from functools import partial


def _late(right):
    return right() - 3 * 86_400


time.time = partial(_late, time.time)
