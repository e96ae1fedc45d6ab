"""The faults of `make test`: chosen for what they cover; `make faults` runs all of them, and for longer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.brokers import CHECKOUT, Brokers
from tests.faults.fault import Fault, all_faults
from tests.faults.runner import Runner

pytestmark = pytest.mark.timeout(600)  # a fault may take minutes to be settled
SEED = 1
SCALE = 0.2
CHOSEN = [one for one in all_faults().values() if one.chosen]


@pytest.fixture(scope="module")
def runner(brokers: Brokers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One pipeline for all faults that do not need their own."""

    def own_brokers() -> Brokers:
        made = Brokers(tmp_path_factory.mktemp("brokers of a fault"))
        made.start()
        return made

    runner = Runner(brokers, own_brokers)
    yield runner
    runner.end()


@pytest.mark.parametrize("fault", [pytest.param(one, id=one.name) for one in CHOSEN])
def test_nothing_is_lost_and_nothing_is_there_twice(runner: Runner, fault: Fault) -> None:
    report = runner.run(fault, SEED, SCALE)

    assert report["problems"] == [], json.dumps(report, indent=1)
    assert report["rows"]["ok"] == report["rows"]["acknowledged"] > 200
    assert report["verdicts"]["ok"] == report["verdicts"]["acknowledged"] > 100


def test_after_all_of_them_every_id_has_its_one_verdict(runner: Runner) -> None:
    report = runner.finish()

    assert report is not None
    assert report["problems"] == [], json.dumps(report, indent=1)
    assert report["waiting"] == 0
    assert report["verdicts"]["ok"] == report["verdicts"]["acknowledged"]


def test_each_fault_is_in_the_table() -> None:
    table = (CHECKOUT / "docs" / "guarantees.md").read_text()

    assert [name for name in all_faults() if f"`{name}`" not in table] == []
