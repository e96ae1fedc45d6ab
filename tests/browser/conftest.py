"""A whole program with rows of every kind in it, and a browser. Both are shared: a test leaves them as they were."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.brokers import CHECKOUT, Brokers
from tests.browser.chromium import Person, chromium
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

HOSTILE = [
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "\u202eevil",
    "../..",
    "nul\x00id",
    "=1+1",
    "..",
    ".",
    "\"'><img src=x onerror=alert(1)>",
    "x" * 128,
]
WAIT_S = 30.0
RULES = """
[[rule]]
name = "mae-of-all-predictions"
metric = "mae"
basis = "so_far"
above = 1
for = "999h"

[[rule]]
name = "coverage"
metric = "coverage"
over = "2h"
below = 0.5
keep = "10m"

[[rule]]
name = "rows"
metric = "ledger"
severity = "critical"

[[webhook]]
url = "http://127.0.0.1:9/a-very-long-address"
"""
N_MATCHED = 300
NewPerson = Callable[..., Person]


class View:
    """A running program, its address, and what is in it.

    300 `order-N` matched, of which 0 to 6 came twice and 7 to 8 with another y_true; `lone-N` with y_true only and
    `old-N` with y_pred only are unmatched, `old-1` with a y_true that came late; 40 `wait-N` wait, and so do the
    hostile ids; three rows are in quarantine, one of them of `order-900`.
    """

    def __init__(self, brokers: Brokers, **settings: Any):
        self.pipeline = Pipeline(
            brokers,
            agents="metric,plot",
            plot_every_s=1,
            join_window_s=600,
            max_out_of_orderness_s=0,
            dedupe_horizon_s=600,
            **settings,
        )
        self.url = f"http://127.0.0.1:{self.pipeline.environ['HINDSIGHT_WEB_PORT']}"

    def start(self) -> None:
        """Start it, fill it, and wait until all rows have come."""
        self.pipeline.start()
        now = time.time()
        self._send("y_pred", [f"old-{n}" for n in range(6)], now - 700, lambda n: 100.0 + n)
        self._send("y_true", [f"lone-{n}" for n in range(4)], now - 700, lambda n: 50.0 + n)
        orders = [f"order-{n}" for n in range(N_MATCHED)]
        self._send("y_pred", orders, now - 2, lambda n: 100 + n * 0.7)
        self._send("y_true", orders, now, _truth)
        self.wait_for("unmatched", 10)
        self._send("y_true", orders[:7], now, _truth)
        self._send("y_true", orders[7:9], now, lambda n: 777.0)
        self._send("y_true", ["old-1"], now, lambda n: 3.25)
        self._send("y_pred", [f"wait-{n}" for n in range(40)], now, lambda n: 33.5 + n)
        self._send("y_true", HOSTILE, now, lambda n: 1.0)
        self.pipeline.publish(
            "y_true", [b"not json", b'{"id":"order-900","y_true":"nan"}', b'{"id":"<b>x</b>","y_true":true}']
        )
        self.wait_for("waiting", 40 + len(HOSTILE))
        self.wait_for("matched", N_MATCHED)
        self.wait_for("late", 1)
        self.wait_for("quarantined", 3)

    def wait_for(self, name: str, n: int) -> None:
        """Wait until a figure of `/api/status` is `n`."""
        wait_until(lambda: self.pipeline.status().get(name) == n, WAIT_S, f"{name} is {n}: {self.pipeline.status()}")

    def _send(self, kind: str, ids: list[str], ts: float, y: Callable[[int], float]) -> None:
        self.pipeline.publish(kind, [[{"id": row_id, "ts": ts, kind: y(n)} for n, row_id in enumerate(ids)]])


def _truth(n: int) -> float:
    return 90 + n * 0.8 + (n % 17) * 3


@pytest.fixture(scope="package")
def view(brokers: Brokers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """A program with rows of every kind, and rules of which one is pending, one cannot tell and one is well."""
    rules = tmp_path_factory.mktemp("rules") / "alerts.toml"
    rules.write_text(RULES)
    view = View(brokers, alerts=rules)
    try:
        view.start()
        yield view
    finally:
        view.pipeline.end()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium. It ends with these tests: Playwright holds an event loop, and others start their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def new_person(browser: Browser, view: View) -> Iterator[NewPerson]:
    """Opens windows; after the test nothing may have gone wrong in any."""
    people: list[Person] = []

    def open_window(url: str = view.url, **context: Any) -> Person:
        people.append(Person(browser, url, **context))
        return people[-1]

    yield open_window
    for person in people:
        person.context.close()
    assert [text for person in people for text in person.unexpected()] == []


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    """A window of usual size."""
    return new_person()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: a temporary directory, or the README's with PICTURES=docs/images."""
    named = os.environ.get("PICTURES")
    return CHECKOUT / named if named else tmp_path_factory.mktemp("pictures")
