"""What is handed to Prometheus and Grafana names only metrics that exist, and says what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from digest.config import Config, Settings, load_config
from digest.pipeline.wiring import open_workshop
from digest.records import HealthState
from digest.service.health import Check, Health, Space, Standing
from digest.service.metrics import Metrics, Values
from digest.service.pulse import Pulse
from digest.service.service import Service
from digest.store.counts import Sizes, Work

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "ops" / "alerts.yml"
DASHBOARD = json.loads((ROOT / "ops" / "grafana.json").read_text("utf-8"))
RULES = YAML(typ="safe").load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)

# Of Prometheus itself: whether it could ask, and what it calls who was asked.
THEIRS = {"up"}
TARGET = {"job", "instance"}
WORDS = {
    *("and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right"),
    *("bool", "offset"),
}
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\b([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")')
_LABELS = re.compile(r"\b(by|without|on|ignoring)\s*\(([^)]*)\)")
_NAME = re.compile(r"(?<![\w:$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")


class Matcher(NamedTuple):
    """A condition of an expression: `metric{label="value"}`."""

    metric: str
    label: str
    kind: str
    value: str


def expressions() -> Iterator[tuple[str, str]]:
    """Where each stands, and what it says."""
    for rule in RULES:
        yield f"alert {rule['alert']}", rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield f"panel {panel['title']}", target["expr"]


def metrics_of(expression: str) -> set[str]:
    """The names of metrics in a PromQL expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", _LABELS.sub(" ", _TEXT.sub(" ", expression)))
    return {name for name in _NAME.findall(bare) if name not in WORDS and not name[0].isdigit()}


def matchers_of(expression: str) -> list[Matcher]:
    return [
        Matcher(metric, label, kind, json.loads(value))
        for metric, inside in _SELECTOR.findall(expression)
        for label, kind, value in _MATCHER.findall(inside)
    ]


def labels_of(expression: str) -> set[str]:
    """The labels that it groups and matches by."""
    grouped = {
        one.strip() for _, inside in _LABELS.findall(expression) for one in inside.split(",")
    }
    return {label for label in grouped if label} | {one.label for one in matchers_of(expression)}


class Exported(NamedTuple):
    """All that `/metrics` can say: labels' values, by metric and label."""

    values: dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The metrics of a service that has something to say of everything."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "feeds.yaml").write_text(
        "digests:\n  - {name: morning}\nfeeds:\n  - {name: town, url: town.xml}\n", "utf-8"
    )
    config: Config = load_config(folder / "feeds.yaml")
    settings = Settings(outbox_dir=folder / "outbox", state_dir=folder / "state")
    with open_workshop(settings) as workshop:
        service = Service(workshop, settings, config)
        pulse = Pulse(service.jobs())
        health = Health(
            workshop.store, {}, lambda: config, service.grace, float, pulse, lambda: NOW
        )
        metrics = Metrics(
            workshop.store,
            lambda: config,
            health,
            pulse,
            float,
            lambda: NOW,
            lambda: NOW,
            sends=True,
        )
        for job in pulse.jobs:
            pulse.noting(job.name, lambda: None)()
        names = ("database", "outbox", "state", "editions", "scheduler")
        metrics._found.values = Values(
            now=NOW,
            checks=[Check(name) for name in names],
            jobs=pulse.runs(),
            silence=0.0,
            desk_jobs=0,
            work=Work(run=(NOW, 1.0)),
            sizes=Sizes(
                1,
                {("morning", state): 1 for state in ("pending", "active", "ended")},
                1,
            ),
            feeds=dict.fromkeys(get_args(HealthState), 1),
            standings=[Standing("morning", NOW - timedelta(days=1))],
            backup=NOW,
            spaces={"outbox": Space(1, 1), "state": Space(1, 1)},
        )
        text = generate_latest(metrics.registry).decode()
    values: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = values.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return Exported(values)


def test_expressions_name_only_metrics_that_exist(exported: Exported) -> None:
    seen: set[str] = set()
    for where, expression in expressions():
        names = metrics_of(expression)
        assert names, f"{where}: {expression}"
        assert names <= exported.values.keys() | THEIRS, f"{where}: {expression}"
        seen |= names
    assert len(seen) > 20


def test_expressions_ask_only_for_labels_and_values_that_exist(exported: Exported) -> None:
    for where, expression in expressions():
        labels = set().union(*(exported.values.get(name, {}) for name in metrics_of(expression)))
        assert labels_of(expression) <= labels | TARGET, f"{where}: {expression}"
        for matcher in matchers_of(expression):
            if matcher.label in TARGET:
                continue
            there = exported.values[matcher.metric][matcher.label]
            if matcher.kind in ("=", "!="):
                assert matcher.value in there, f"{where}: {matcher}"
            else:
                for one in matcher.value.split("|"):
                    assert one in there, f"{where}: {matcher}"


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (state) (a_b{c="d e"}) > 2 * 3600', {"a_b"}),
        ("histogram_quantile(0.9, rate(x_bucket[5m])) and on (instance) y", {"x_bucket", "y"}),
        ('up{job="x"} == 0 or absent(up)', {"up"}),
        ("a < 1e9", {"a"}),
    ],
)
def test_names_are_found_in_expressions(expression: str, names: set[str]) -> None:
    assert metrics_of(expression) == names


# --- the alerts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_what_to_do_and_where_more_is(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Digest[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    told = rule["annotations"]
    assert told.keys() == {"summary", "description", "runbook"}
    assert 10 < len(told["summary"]) < 120
    assert len(told["description"]) > 60
    assert told["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    assert f"### {rule['alert']}\n" in PAGE


def test_the_page_explains_no_alert_that_is_not_there() -> None:
    explained = set(re.findall(r"^### (Digest\w+)$", PAGE, re.MULTILINE))
    assert explained == {rule["alert"] for rule in RULES}


def test_alerts_name_only_commands_and_settings_that_exist() -> None:
    text = ALERTS.read_text("utf-8")
    known = {f"DIGEST_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"DIGEST_\w+", text)) <= known
    commands = {command.split()[0] for command in re.findall(r"`digest (\w+[^`]*)`", text)}
    assert commands <= {"outbox", "doctor", "run", "feeds", "serve", "backup"}


# --- the dashboard -------------------------------------------------------------------------------


def test_the_dashboard_can_be_imported_anywhere() -> None:
    assert DASHBOARD["schemaVersion"] >= 39  # Grafana 11
    assert DASHBOARD["id"] is None
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    uids = set(re.findall(r'"uid": "([^"]*)"', (ROOT / "ops" / "grafana.json").read_text("utf-8")))
    assert uids == {"${datasource}", "-- Grafana --", "digest"}


def test_panels_say_what_they_show_and_cover_none_of_each_other() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            refs = [target["refId"] for target in panel["targets"]]
            assert refs
            assert len(set(refs)) == len(refs)


# --- the page ------------------------------------------------------------------------------------


def test_every_metric_is_explained_and_none_that_is_not_there(exported: Exported) -> None:
    told = set(re.findall(r"^\| `(digest_\w+)`", PAGE, re.MULTILINE))
    ours = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in exported.values
        if name.startswith("digest_")
    }
    assert told == ours
