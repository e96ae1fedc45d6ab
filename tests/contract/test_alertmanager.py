"""A real Alertmanager takes what we say: an alert that fires, again and again the same one, and its end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agents.alerting.post import post
from streams.alerts import messages
from streams.alerts.book import Book
from streams.alerts.readings import Reading
from streams.alerts.rules import Alertmanager, Rule
from tests.brokers import CHECKOUT, free_port
from tests.waiting import wait_until

RULE = Rule(name="mae-of-all", metric="mae", above=44.0, severity="critical", summary="The error is high.", model="m-1")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A real Alertmanager, with the configuration that we ship."""
    config, port = CHECKOUT / "docs" / "monitoring" / "alertmanager.yml", free_port()
    address = f"127.0.0.1:{port}"
    argv = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={tmp_path}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [*argv, f"--web.listen-address={address}", "--cluster.listen-address="], stdout=log, stderr=log
        )
        try:
            wait_until(lambda: is_ready(address), 60, "Alertmanager answers")
            yield f"http://{address}"
        finally:
            server.kill()
            server.wait()


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


def alerts(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{address}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())
        return found


async def tell(address: str, book: Book) -> str:
    async with aiohttp.ClientSession() as session:
        body = messages.alertmanager(book.told(time.time()))
        return (await post(session, Alertmanager(url=address), "/api/v2/alerts", body, {})).problem


def test_an_alert_is_one_alert_however_often_it_is_told_and_ends_when_it_is_resolved(address: str) -> None:
    now = time.time()
    book = Book().looked([RULE], {RULE.name: Reading(46.7)}, now)
    for _ in range(2):
        assert asyncio.run(tell(address, book)) == ""
    (alert,) = wait_until(lambda: alerts(address), 30, "the alert is there")
    assert alert["labels"]["alertname"] == "mae-of-all"
    assert alert["labels"]["model"] == "m-1"
    assert alert["annotations"] == {
        "summary": "The error is high.",
        "description": "MAE, expected of all, over 1h, model m-1: 46.70, above 44.00.",
    }
    assert alert["startsAt"] == messages.iso(now).replace("+00:00", "Z")  # type: ignore[union-attr]
    resolved = book.looked([RULE], {RULE.name: Reading(40.0)}, time.time())
    assert asyncio.run(tell(address, resolved)) == ""
    wait_until(lambda: not alerts(address), 30, "the alert has ended")


def test_alerts_of_one_cause_are_one_group(address: str) -> None:
    """What a person is told is a group: that of the error, whatever rules saw it, and that of a queue that nobody reads."""
    rules = [RULE, Rule(name="drift", metric="drift"), Rule(name="bridge", metric="bridge")]
    book = Book().looked(rules, {rule.name: Reading(50.0) for rule in rules}, time.time())
    assert asyncio.run(tell(address, book)) == ""

    def groups() -> list[list[str]]:
        with urllib.request.urlopen(f"{address}/api/v2/alerts/groups", timeout=5) as answer:
            found = [[alert["labels"]["alertname"] for alert in group["alerts"]] for group in json.loads(answer.read())]
        return sorted(sorted(names) for names in found)

    wait_until(lambda: groups() == [["bridge"], ["drift", "mae-of-all"]], 30, "two causes are two groups")
