"""What a service forgets once a day, for the commands that cron starts instead of it."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.cli.common import complain
from digest.errors import StoreError

if TYPE_CHECKING:
    from digest.config import Config
    from digest.pipeline.wiring import Workshop

log = logging.getLogger(__name__)


def tidied(
    workshop: Workshop, config: Config, keep_days: int, at: datetime, stop: threading.Event
) -> bool:
    """Keeps house unless that was done today; False, and told, where it could not be done.

    What is left when `stop` is set the next turn goes on with.
    """
    from digest.service.housekeeping import keep_house_daily
    from digest.service.service import Stopped

    def go_on() -> None:
        if stop.is_set():
            raise Stopped

    # What `--now` makes up for a rehearsal makes nothing older than it is.
    day = min(at, datetime.now(UTC))
    try:
        if (done := keep_house_daily(workshop, config, keep_days, day, go_on)) is not None:
            log.info("housekeeping: %s", done)
    except Stopped:
        log.info("housekeeping: stopped; the next turn goes on with it")
    except StoreError as error:
        complain(f"housekeeping: {error}")
        return False
    return True
