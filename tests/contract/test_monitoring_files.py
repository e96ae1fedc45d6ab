"""What we ship for Prometheus and Grafana is read by Prometheus's own tool, fires when it should, and names what there is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from agents.alerting.making import load
from streams.settings import Settings
from tests.brokers import CHECKOUT

SHIPPED = CHECKOUT / "docs" / "monitoring"
RULES, DASHBOARD = SHIPPED / "prometheus-rules.yml", SHIPPED / "grafana-dashboard.json"
PLAYED = Path(__file__).with_name("prometheus_rules_test.yml")
MONITORING = ("prometheus", "alertmanager", "grafana")
NAME = re.compile(r"hindsight_[a-z_]+")


def promtool(*arguments: str) -> None:
    ran = subprocess.run(["promtool", *arguments], text=True, capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_and_alertmanager_take_their_configuration() -> None:
    promtool("check", "config", str(SHIPPED / "prometheus.yml"))
    argv = ["amtool", "check-config", str(SHIPPED / "alertmanager.yml")]
    ran = subprocess.run(argv, text=True, capture_output=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_rules_to_begin_with_can_be_used_with_the_default_window() -> None:
    alerts = load(SHIPPED / "alerts.toml", Settings().join_window_s)
    assert [rule.name for rule in alerts.rules][:2] == ["drift", "error-of-the-last-hour"]
    assert [one.url for one in alerts.alertmanagers] == ["http://alertmanager:9093"]


def test_compose_mounts_what_is_shipped_where_it_is_read() -> None:
    services = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())["services"]
    mounts = [one for name in (*MONITORING, "worker") for one in services[name]["volumes"] if "/docs/" in one]
    assert {CHECKOUT / mount.split(":")[0] for mount in mounts} == {p for p in SHIPPED.rglob("*") if p.is_file()}
    assert [services[name]["profiles"] for name in MONITORING] == [["monitoring"]] * 3
    provider = yaml.safe_load((SHIPPED / "grafana" / "dashboards.yml").read_text())["providers"][0]
    assert any(f":{provider['options']['path']}/" in mount for mount in services["grafana"]["volumes"])


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_each_rule_fires_when_it_should_and_not_otherwise(tmp_path: Path) -> None:
    played = tmp_path / "test.yml"
    played.write_text(PLAYED.read_text().replace("RULES", str(RULES)))
    promtool("test", "rules", str(played))


def test_prometheus_takes_the_rules_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(expressions())]
    panels = tmp_path / "panels.yml"
    panels.write_text(json.dumps({"groups": [{"name": "panels", "rules": asked}]}))
    promtool("check", "rules", str(RULES), str(panels))


def test_prometheus_takes_what_the_page_about_metrics_asks(tmp_path: Path) -> None:
    blocks = re.findall(r"```promql\n(.*?)```", (CHECKOUT / "docs" / "metrics.md").read_text(), re.DOTALL)
    asked = [expression for block in blocks for expression in re.split(r"\n(?! )", block.strip())]
    assert len(asked) > 5
    rules = tmp_path / "rules.yml"
    named = [{"record": f"page:{n}", "expr": expression} for n, expression in enumerate(asked)]
    rules.write_text(json.dumps({"groups": [{"name": "page", "rules": named}]}))
    promtool("check", "rules", str(rules))


def test_both_ask_only_for_what_metrics_shows() -> None:
    sources = (path.read_text() for room in ("web", "bridge", "streams") for path in (CHECKOUT / room).rglob("*.py"))
    shown = set(re.findall(r'"(hindsight_[a-z_]+)"', "".join(sources)))
    rules = re.findall(r"expr: (.*)", RULES.read_text())
    asked = {name.removesuffix("_total") for text in [*rules, *expressions()] for name in NAME.findall(text)}
    assert len(asked) > 10
    assert asked <= shown


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A part of a dashboard: what it may hold, as Grafana's own schema has it (@grafana/schema 13.2)."""


class DataSource(Strict):
    type: Literal["prometheus"]
    uid: str


class Place(Strict):
    x: Annotated[int, msgspec.Meta(ge=0, lt=24)]
    y: Annotated[int, msgspec.Meta(ge=0)]
    w: Annotated[int, msgspec.Meta(gt=0, le=24)]
    h: Annotated[int, msgspec.Meta(gt=0)]


class Defaults(Strict):
    unit: Literal["short", "rowsps"]
    min: float | None = None


class FieldConfig(Strict):
    defaults: Defaults
    overrides: list[Any]


class Target(Strict):
    ref_id: str
    expr: str
    legend_format: str


class Reduce(Strict):
    calcs: list[Literal["lastNotNull"]]


class Legend(Strict):
    display_mode: Literal["list", "table", "hidden"]
    placement: Literal["bottom", "right"]


class StatOptions(Strict):
    reduce_options: Reduce
    color_mode: Literal["value", "background", "none"]


class TimeSeriesOptions(Strict):
    legend: Legend


class Panel(Strict):
    id: int
    title: str
    description: str
    datasource: DataSource
    grid_pos: Place
    field_config: FieldConfig
    targets: Annotated[list[Target], msgspec.Meta(min_length=1)]


class Stat(Panel, tag_field="type", tag="stat"):
    options: StatOptions


class TimeSeries(Panel, tag_field="type", tag="timeseries"):
    options: TimeSeriesOptions


class Variable(Strict):
    name: str
    type: Literal["datasource"]
    query: str
    label: str
    hide: Literal[0, 1, 2]
    refresh: Literal[0, 1, 2]
    options: list[Any]


class Variables(Strict):
    listed: list[Variable] = msgspec.field(name="list")


class Annotations(Strict):
    listed: list[Any] = msgspec.field(name="list")


Span = msgspec.defstruct("Span", [("from", str), ("to", str)], forbid_unknown_fields=True)


class Dashboard(Strict):
    uid: Annotated[str, msgspec.Meta(max_length=40)]
    title: str
    tags: list[str]
    timezone: Literal["utc", "browser"]
    editable: bool
    schema_version: Annotated[int, msgspec.Meta(ge=36)]
    version: int
    refresh: str
    time: Span
    templating: Variables
    annotations: Annotations
    links: list[Any]
    panels: list[Stat | TimeSeries]


def test_the_dashboard_is_of_the_form_that_grafana_has() -> None:
    dashboard = msgspec.json.decode(DASHBOARD.read_bytes(), type=Dashboard)
    assert [variable.name for variable in dashboard.templating.listed] == ["datasource"]
    for panel in dashboard.panels:
        targets = panel.targets
        assert len({target.ref_id for target in targets}) == len(targets), panel.title
        for target in targets:
            named = set(re.findall(r"{{(\w+)}}", target.legend_format))
            kept = re.search(r"by \(([\w, ]+)\)", target.expr)
            assert named == set(kept[1].split(", ") if kept else []), f"{panel.title}: a legend names what there is"


def test_the_dashboard_can_be_imported() -> None:
    """Grafana refuses panels of one id, and draws those that overlap over each other."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in panels)
