"""The documents are true as far as a machine can tell: settings, paths, links and commands exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from commands import commands
from dev.docs import PAGE, configuration
from streams.settings import FORMER_NAMES, PREFIX, Settings
from web import openapi
from web.pairs.query import NAMES

ROOT = Path(__file__).parents[3]
PAGES = [
    ROOT / name
    for name in (
        "README.md",
        "README.ru.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/alerting.md",
        "docs/architecture.md",
        "docs/brokers.md",
        "docs/compatibility.md",
        "docs/configuration.md",
        "docs/decisions.md",
        "docs/glossary.md",
        "docs/guarantees.md",
        "docs/insight.md",
        "docs/ledger.md",
        "docs/metrics.md",
        "docs/parquet.md",
        "docs/permissions.md",
        "docs/queues.md",
        "docs/services.md",
    )
]
FAUSTS_OWN = {"worker"}
MADE_AT_RUN_TIME = re.compile(r"^logs/")


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


def test_the_page_of_settings_is_what_the_settings_say():
    assert PAGE.read_text(encoding="utf-8") == configuration(), "run `python -m dev docs`"


def test_the_description_of_the_api_is_what_its_structs_say():
    assert openapi.PAGE.read_text(encoding="utf-8") == openapi.text(), "run `python -m dev docs`"


def test_the_description_of_the_api_names_every_filter_of_the_table():
    assert {*openapi.FILTERS.split(), "n", "after", "before", "paused"} == set(NAMES)


def test_every_setting_has_a_description():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_local_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_files_and_folders_that_are_named_exist(page: Path):
    named = re.findall(
        r"`((?:streams|bridge|agents|web|commands|models|dev|container|bench|tests|docs|examples|logs)/[\w./]*)`",
        page.read_text("utf-8"),
    )
    assert [path for path in named if not MADE_AT_RUN_TIME.match(path) and not (ROOT / path).exists()] == []


def test_settings_that_are_named_exist(page: Path):
    named = set(re.findall(rf"{PREFIX}([A-Z0-9_]*[A-Z0-9])(?![A-Z0-9_])(?!_)", page.read_text(encoding="utf-8")))
    known = {name.upper() for name in (*Settings.model_fields, *FORMER_NAMES)}
    assert {name for name in named if name not in known and name.removesuffix("_FILE") not in known} == set()


def test_commands_that_are_named_exist(page: Path):
    named = set(re.findall(r"faust -A streams (\w+)", page.read_text(encoding="utf-8")))
    assert {name for name in named if not hasattr(commands, name)} <= FAUSTS_OWN


def test_make_targets_that_are_named_exist(page: Path):
    named = set(re.findall(r"^make (\w+)|`make (\w+)`", page.read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {first or second for first, second in named} <= targets


def test_the_agent_that_faust_users_are_shown_is_ours():
    (shown,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.DOTALL)
    assert shown in (ROOT / "agents" / "plot.py").read_text("utf-8")


def test_the_programs_that_are_shown_to_services_are_files_that_the_tests_run():
    files = {path.read_text("utf-8"): path.stem for path in (ROOT / "examples").rglob("*.py")}
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "services.md").read_text("utf-8"), re.DOTALL)
    assert [files.get(program) for program in shown] == [
        "rabbitmq_forms",
        "rabbitmq_predictor",
        "kafka_producer",
        "kafka_predictor",
    ]
    run = (ROOT / "tests" / "e2e" / "test_examples.py").read_text("utf-8")
    names = (name.replace("kafka_python_", "{client}_").replace("kafka_", "{client}_") for name in files.values())
    assert [name for name in names if name not in run] == []


def test_modules_that_are_named_can_be_run(page: Path):
    named = re.findall(r"python -m ([\w.]+)", page.read_text(encoding="utf-8"))
    assert [name for name in named if not _can_be_run(name)] == []


def _can_be_run(name: str) -> bool:
    found = importlib.util.find_spec(name)
    return found is not None and (not found.submodule_search_locations or _can_be_run(f"{name}.__main__"))
