"""What a service forgets once a day, for the commands that cron starts instead of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.cli.common import complain
from digest.errors import StoreError

if TYPE_CHECKING:
    from digest.config import Config
    from digest.pipeline.wiring import Workshop

log = logging.getLogger(__name__)


def tidied(workshop: Workshop, config: Config, keep_days: int, at: datetime) -> bool:
    """Keeps house unless that was done today; False, and told, where it could not be done."""
    from digest.service.housekeeping import keep_house_daily

    # What `--now` makes up for a rehearsal makes nothing older than it is.
    day = min(at, datetime.now(UTC))
    try:
        if (done := keep_house_daily(workshop, config, keep_days, day)) is not None:
            log.info("housekeeping: %s", done)
    except StoreError as error:
        complain(f"housekeeping: {error}")
        return False
    return True
