"""No page is wider than its screen: with rows, before the first one, and while Kafka is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.brokers import Brokers
from tests.browser.chromium import barriers
from tests.browser.conftest import NewPerson, View
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

WIDTHS = (320, 360, 390, 768, 1024, 1280, 1920)
SCREENS = [{"width": width, "height": 900} for width in WIDTHS]
EMPTY = ("/", "/table/pairs/", "/table/pairs/?state=unmatched", "/table/pairs/nobody", "/quarantine", "/alerts")
FULL = (
    *("/", "/?last=all&error=signed&y=log", "/?axis=decided"),
    *("/table/pairs/", "/table/pairs/?state=waiting", "/table/pairs/?q=order&max_age=2h&min_error=1&sort=-error"),
    *("/table/pairs/?q=nothing", "/table/pairs/?from=2026-01-01&by=predicted&state=unmatched_pred"),
    *("/table/pairs/order-7", "/table/pairs/old-1", "/table/pairs/lone-1", "/table/pairs/wait-3"),
    *("/table/pairs/order-900", "/table/pairs/" + "x" * 128),
    *("/quarantine", "/quarantine?q=order", "/alerts"),
)
READY_S = 60.0
BEYOND = """() => [...document.querySelectorAll("main *, header *, footer *")].filter(e => e.checkVisibility()
    && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !e.closest(".scroll, .scrollx, .vh, svg, .head")).map(e => e.outerHTML.slice(0, 120))"""
"""What sticks out of the window, but for what scrolls by itself."""


def sideways(page: Page) -> list[tuple[int, list[str]]]:
    """Return the widths at which a page can be scrolled sideways, with what sticks out."""
    found = []
    for screen in SCREENS:
        page.set_viewport_size(screen)  # type: ignore[arg-type]
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        beyond = page.evaluate(BEYOND)
        if over > 0 or beyond:
            found.append((screen["width"], beyond))
    return found


@pytest.mark.parametrize("path", FULL)
def test_with_rows(new_person: NewPerson, view: View, path: str) -> None:
    person = new_person()
    person.expect_wrong("status of 404")
    assert sideways(person.go(path)) == []


@pytest.fixture
def nothing_yet(brokers: Brokers) -> Iterator[str]:
    """The address of a worker to which no row has come."""
    pipeline = Pipeline(brokers, agents="metric,plot")
    try:
        pipeline.start()
        wait_until(lambda: pipeline.page("/readyz") != "", READY_S, f"it is ready: {pipeline.worker.said}")
        yield f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}"
    finally:
        pipeline.end()


@pytest.fixture
def without_kafka(brokers: Brokers) -> Iterator[str]:
    """The address of a worker whose Kafka does not answer."""
    pipeline = Pipeline(brokers, agents="metric,plot", kafka="127.0.0.1:1")
    try:
        pipeline.worker.launch()
        wait_until(
            lambda: "does not answer" in pipeline.page("/api/status"), READY_S, f"it says so: {pipeline.worker.said}"
        )
        yield f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}"
    finally:
        pipeline.end()


@pytest.mark.parametrize("state", ["nothing_yet", "without_kafka"])
def test_without_rows(request: pytest.FixtureRequest, new_person: NewPerson, state: str) -> None:
    person = new_person(request.getfixturevalue(state))
    person.expect_wrong("status of (404|503)")
    for path in EMPTY:
        page = person.go(path)
        assert sideways(page) == [], path
        assert barriers(page) == [], path
