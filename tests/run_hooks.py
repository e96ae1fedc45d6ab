"""What every run of the tests does beside pytest: name what is flaky, and limit the time of a test that runs once more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

TIME_LIMIT = pytest.StashKey[Any]()
"""pytest-timeout's settings of a test, kept for when it runs once more."""


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    """Keep the time limit of a test; what pytest-timeout does with it is left to itself."""
    item.stash[TIME_LIMIT] = settings


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give a test that runs once more its time again: pytest-timeout sets its timer once, whatever runs how often."""
    if getattr(item, "execution_count", 1) > 1:
        item.ihook.pytest_timeout_set_timer(item=item, settings=item.stash[TIME_LIMIT])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say why each test that ran once more had failed at first; name in the last lines those that passed then."""
    yield
    first_failures = terminalreporter.getreports("rerun")
    ended = {
        kind: {report.nodeid for report in terminalreporter.getreports(kind)} for kind in ("passed", "failed", "error")
    }
    for report in first_failures:
        terminalreporter.section(f"first failure of {report.nodeid}", sep="_")
        terminalreporter.line(str(report.longrepr))
    for report in first_failures:
        if report.nodeid in ended["passed"] - ended["failed"] - ended["error"]:
            terminalreporter.line(f"FLAKY {report.nodeid} ({report.when})", yellow=True)
