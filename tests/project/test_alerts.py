"""Each alert is raised when it should be, and not a moment or a hair before.

The rules are played by Prometheus' own promtool over series that are written down here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

ALERTS = Path(__file__).resolve().parents[2] / "ops" / "alerts.yml"
NAMES = [
    rule["alert"] for rule in YAML(typ="safe").load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
]


class Case(NamedTuple):
    """How many alerts of a name are `raised` after `minutes` of `series`, of one value a minute.

    The notation of values is promtool's: `1x9` is ten times 1, `0+2x9` counts 0, 2 … 18.
    """

    alert: str
    raised: int
    minutes: int
    series: dict[str, str]


# Minutes; a day of the rules is not played minute by minute, which takes seconds.
LONG = 1000

UP = 'up{job="digest"}'
CHECK = 'digest_check_ok{check="outbox"}'
STARTED = 'process_start_time_seconds{job="digest"}'
TICK = 'digest_job_running_seconds{name="tick"}'
STAGE = 'digest_stage_failures_total{stage="%s"}'
BUILD = 'digest_build_info{version="%s"}'
PENDING = 'digest_deliveries{state="pending"}'
TRIED = 'digest_delivery_attempts_total{outcome="%s"}'
LETTERS = 'digest_queue_length{queue="letters"}'
FEEDS = 'digest_feeds{state="%s"}'
BACKUP = 'digest_last_backup_time_seconds{job="digest",instance="%s"}'
FREE, SIZE = 'digest_disk_free_bytes{folder="outbox"}', 'digest_disk_size_bytes{folder="outbox"}'

CASES = [
    Case("DigestDown", 1, 5, {UP: "1x1 0x9"}),
    Case("DigestDown", 1, 5, {'up{job="another"}': "1x9"}),
    Case("DigestDown", 0, 3, {UP: "1x1 0x9"}),
    Case("DigestDown", 0, 9, {UP: "1x9"}),
    Case("DigestNotReady", 1, 7, {CHECK: "1 0x9"}),
    Case("DigestNotReady", 0, 5, {CHECK: "1 0x9"}),
    # An edition that is late has an alert of its own.
    Case("DigestNotReady", 0, 9, {'digest_check_ok{check="editions"}': "0x9"}),
    Case("DigestRestarts", 1, 30, {STARTED: "1x5 2x5 3x5 4x5 5x9"}),
    Case("DigestRestarts", 0, 30, {STARTED: "1x5 2x5 3x5 4x9"}),
    Case("DigestJobStuck", 1, 121, {TICK: "0+60x130"}),
    Case("DigestJobStuck", 0, 120, {TICK: "0+60x130"}),
    # To send an edition to a million people takes a day.
    Case("DigestJobStuck", 0, 200, {'digest_job_running_seconds{name="deliveries"}': "0+60x200"}),
    Case("DigestStageFails", 1, 10, {STAGE % "compose": "0x5 1x9"}),
    Case("DigestStageFails", 0, 90, {STAGE % "compose": "0x5 1x99"}),
    Case("DigestStageFails", 0, 10, {STAGE % "fetch": "0+5x15", STAGE % "send": "0+5x15"}),
    Case("DigestVersionsDiffer", 1, 1500, {BUILD % "1.0": "1x1500", BUILD % "1.1": "1x1500"}),
    Case("DigestVersionsDiffer", 0, 1400, {BUILD % "1.0": "1x1500", BUILD % "1.1": "1x1500"}),
    Case(
        "DigestVersionsDiffer",
        0,
        1500,
        {f'digest_build_info{{version="1.0", instance="{one}"}}': "1x1500" for one in "ab"},
    ),
    Case("DigestEditionOverdue", 1, 3, {'digest_edition_overdue_seconds{digest="a"}': "0 60x9"}),
    Case("DigestEditionOverdue", 0, 3, {'digest_edition_overdue_seconds{digest="a"}': "0x9"}),
    Case("DigestEditionUnsent", 1, 17, {"digest_edition_unsent_seconds": "0+60x20"}),
    Case("DigestEditionUnsent", 0, 15, {"digest_edition_unsent_seconds": "0+60x20"}),
    Case("DigestEditionOld", 1, 70, {'digest_edition_age_seconds{digest="a"}': "700000x70"}),
    Case("DigestEditionOld", 0, 70, {'digest_edition_age_seconds{digest="a"}': "690000x70"}),
    Case("DigestDeliveriesStuck", 1, 65, {PENDING: "500x70"}),
    Case("DigestDeliveriesStuck", 0, 25, {PENDING: "500x70"}),
    Case("DigestDeliveriesStuck", 0, 65, {PENDING: "500-1x70"}),
    Case("DigestDeliveriesStuck", 0, 65, {PENDING: "0x70"}),
    Case("DigestDeliveriesUnconfirmed", 1, 7, {'digest_deliveries{state="unconfirmed"}': "0 2x9"}),
    Case("DigestDeliveriesUnconfirmed", 0, 7, {'digest_deliveries{state="unconfirmed"}': "0x9"}),
    Case("DigestBounces", 1, 60, {TRIED % "bounced": "0+1x60", TRIED % "sent": "0+10x60"}),
    Case("DigestBounces", 0, 60, {TRIED % "bounced": "0+1x60", TRIED % "sent": "0+40x60"}),
    Case("DigestBounces", 0, 60, {TRIED % "bounced": "0+1x5 5x55", TRIED % "sent": "0x60"}),
    Case("DigestMailPutOff", 1, 60, {TRIED % "deferred": "0+2x60", TRIED % "sent": "0+1x60"}),
    Case("DigestMailPutOff", 0, 60, {TRIED % "deferred": "0+1x60", TRIED % "sent": "0+2x60"}),
    Case("DigestMailPutOff", 0, 60, {TRIED % "deferred": "0+1x9 9x51", TRIED % "sent": "0x60"}),
    Case("DigestLettersWait", 1, 160, {LETTERS: "0 3x170"}),
    Case("DigestLettersWait", 0, 160, {LETTERS: "3x99 0 3x70"}),
    Case("DigestFeedsFail", 1, 130, {FEEDS % "failing": "4x130", FEEDS % "healthy": "8x130"}),
    Case(
        "DigestFeedsFail",
        1,
        130,
        {
            FEEDS % state: f"{count}x130"
            for state, count in {"never_worked": 2, "failing": 2, "healthy": 8}.items()
        },
    ),
    Case("DigestFeedsFail", 0, 130, {FEEDS % "failing": "4x130", FEEDS % "healthy": "80x130"}),
    Case("DigestFeedsFail", 0, 130, {FEEDS % "failing": "2x130", FEEDS % "healthy": "0x130"}),
    Case("DigestFeedsFail", 0, 90, {FEEDS % "failing": "4x130", FEEDS % "healthy": "8x130"}),
    Case("DigestFeedGone", 2, 1500, {FEEDS % "gone": "1x1500", FEEDS % "stale": "1x1500"}),
    Case("DigestFeedGone", 0, 1500, {FEEDS % "failing": "1x1500", FEEDS % "gone": "0x1500"}),
    Case("DigestDiskLow", 1, 12, {FREE: "900000000x15"}),
    Case("DigestDiskLow", 0, 12, {FREE: "1100000000x15"}),
    Case("DigestDiskFills", 1, 360, {FREE: "9e9-2000000x400", SIZE: "40e9x400"}),
    Case("DigestDiskFills", 0, 360, {FREE: "9e9-2000000x400", SIZE: "20e9x400"}),
    Case("DigestDiskFills", 0, 360, {FREE: "9e9-1000x400", SIZE: "40e9x400"}),
    # Time begins at 0: two days, and the one for which it must last. Of two the later one counts.
    Case("DigestBackupOld", 1, 4330, {BACKUP % "a": "0x440"}),
    Case("DigestBackupOld", 0, 4310, {BACKUP % "a": "0x440"}),
    Case("DigestBackupOld", 1, 4390, {BACKUP % "a": "0x5 3600x440", BACKUP % "b": "0x440"}),
    Case("DigestBackupOld", 0, 4330, {BACKUP % "a": "0x5 3600x440", BACKUP % "b": "0x440"}),
]


def test_every_alert_has_a_case_in_which_it_is_raised_and_one_in_which_it_is_not() -> None:
    assert {case.alert for case in CASES if case.raised} == set(NAMES)
    assert {case.alert for case in CASES if not case.raised} == set(NAMES)


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """promtool, ended; its words stand in `stdout` and `stderr`."""
    found = shutil.which("promtool")
    if found is None and not os.environ.get("CI"):
        pytest.skip("needs promtool (Debian's package prometheus); in CI its absence is a failure")
    return subprocess.run(
        [found or "promtool", *arguments], capture_output=True, text=True, check=False, timeout=120
    )


def played(cases: Sequence[Case], path: Path) -> subprocess.CompletedProcess[str]:
    """`cases`, played from a plan at `path`, at the pace of the longest of them."""
    pace = "10m" if max(case.minutes for case in cases) > LONG else "1m"
    tests = [
        {
            "interval": pace,
            "input_series": [
                {"series": name, "values": values} for name, values in case.series.items()
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
                    "eval_time": f"{case.minutes}m",
                    "exp_samples": [{"labels": "{}", "value": case.raised}] if case.raised else [],
                }
            ],
        }
        for case in cases
    ]
    plan = {"rule_files": [str(ALERTS)], "evaluation_interval": pace, "tests": tests}
    path.write_text(json.dumps(plan), "utf-8")  # JSON is YAML
    return ran("test", "rules", str(path))


def test_promtool_accepts_the_rules() -> None:
    done = ran("check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(NAMES)} rules found" in done.stdout


@pytest.mark.parametrize("is_long", [False, True])
def test_alerts_are_raised_when_they_should_be(is_long: bool, tmp_path: Path) -> None:
    cases = [case for case in CASES if (case.minutes > LONG) is is_long]
    done = played(cases, tmp_path / "plan.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_play_finds_each_alert_that_is_missing(tmp_path: Path) -> None:
    wrong = [case._replace(raised=case.raised + 1) for case in CASES if case.minutes < 100]
    done = played(wrong, tmp_path / "plan.yml")
    assert done.returncode != 0
    assert done.stderr.count("exp:") == len(wrong)
