"""The pages while the program lives: rows come, the worker dies and comes back, one of two workers does not answer."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.brokers import Brokers, free_port
from tests.browser.conftest import NewPerson
from tests.e2e.pipeline import FAUST, Pipeline
from tests.waiting import wait_until

READY_S = 60.0


class Living:
    """One worker or two, over topics of their own."""

    def __init__(self, brokers: Brokers):
        self.pipeline = Pipeline(brokers, agents="metric,plot", plot_every_s=1, partitions=4)
        self.url = f"http://127.0.0.1:{self.pipeline.environ['HINDSIGHT_WEB_PORT']}"
        self.taken = socket.create_server(("127.0.0.1", free_port()))
        port = str(self.taken.getsockname()[1])
        self.second = self.pipeline.new_worker("second", HINDSIGHT_WEB_PORT=port)
        self.second_environ = self.pipeline.environ | {"HINDSIGHT_WEB_PORT": port}

    @property
    def second_url(self) -> str:
        """Where the second worker's web view is: its own port is taken by a stranger."""
        return self.second.said.partition("The web view: ")[2].split()[0]

    def send(self, ids: list[str]) -> None:
        """Send a prediction for each id."""
        self.pipeline.publish("y_pred", [[{"id": row_id, "y_pred": 1.5} for row_id in ids]])

    def partitions_of(self) -> set[str]:
        """Return the workers that own partitions, once all are ready."""
        partitions = self.pipeline.status().get("partitions", [])
        ready = len(partitions) == 4 and all(part["state"] == "ready" for part in partitions)
        return {part["worker"] for part in partitions} if ready else set()


@pytest.fixture
def living(brokers: Brokers) -> Iterator[Living]:
    """A program with one worker that runs and a second one that does not yet."""
    living = Living(brokers)
    try:
        living.pipeline.start()
        yield living
    finally:
        living.pipeline.end()
        living.taken.close()


def test_rows_appear_and_a_worker_that_is_gone_is_seen_and_its_return_too(
    living: Living, new_person: NewPerson
) -> None:
    person = new_person(living.url)
    page, table = person.go("/"), person.new_tab()
    table.goto("/table/pairs/")
    expect(page.get_by_text("No rows yet.")).to_be_visible()
    expect(table.get_by_text("No ids yet.")).to_be_visible()

    living.send([f"a-{n}" for n in range(5)])
    expect(page.locator("[data-f=waiting]")).to_have_text("5")
    expect(table.locator(".rows tbody tr")).to_have_count(5)

    table.get_by_role("button", name="Pause").press("Space")
    living.send(["b-0", "b-1"])
    expect(table.get_by_role("button", name="Show 2 new rows")).to_be_visible()
    expect(table.locator(".rows tbody tr")).to_have_count(5)
    table.get_by_role("button", name="Show 2 new rows").click()
    expect(table.locator(".rows tbody tr")).to_have_count(7)

    person.expect_wrong("net::ERR_")  # a browser writes each lost connection to its console
    living.pipeline.worker.kill()
    stale = re.compile(r"^Stale for \d+ s, reconnecting$")
    expect(page.locator("#live-word")).to_have_text(stale, timeout=3000)
    expect(table.locator("#live-word")).to_have_text(stale, timeout=3000)
    expect(page.locator("[data-f=waiting]")).to_have_text("7")

    living.pipeline.start_worker()
    expect(page.locator("#live-word")).to_have_text("Live", timeout=20_000)
    living.send(["c-0"])
    expect(page.locator("[data-f=waiting]")).to_have_text("8")


def test_a_kafka_that_stands_still_is_said_and_what_was_last_known_stays(
    living: Living, brokers: Brokers, new_person: NewPerson
) -> None:
    living.send(["a-0"])
    wait_until(lambda: living.pipeline.status().get("waiting") == 1, READY_S, "the row has come")
    person = new_person(living.url)
    page = person.go("/")
    away = page.locator(".notice", has_text="does not answer")
    brokers.kafka_server.pause()
    try:
        expect(away).to_contain_text("It was last heard at", timeout=20_000)
        verdict = "Nothing can be said of the error yet: no label has come."
        expect(page.locator(".notice").filter(has_not_text=verdict)).to_have_count(1)
        expect(page.locator("#live-word")).to_have_text("Live, but not all works")
        expect(page.locator("[data-f=waiting]")).to_have_text("1")
        other = person.new_tab()
        other.goto("/table/pairs/a-0")
        expect(other.locator(".verdict")).to_contain_text("Not joined yet: only y_pred came")
        expect(other.locator("details", has_text="does not answer")).to_have_count(1)
        other.goto("/quarantine")
        expect(other.locator("main").get_by_text("does not answer")).not_to_have_count(0)
    finally:
        brokers.kafka_server.resume()
    expect(away).to_have_count(0, timeout=40_000)


def test_any_of_two_workers_shows_all_and_names_the_one_that_does_not_answer(
    living: Living, new_person: NewPerson
) -> None:
    living.second.start("The table `pairs` is ready")
    both = {living.url, living.second_url}
    wait_until(lambda: living.partitions_of() == both, READY_S, "each worker owns partitions")
    living.send([f"id-{n}" for n in range(40)])
    wait_until(lambda: living.pipeline.status().get("waiting") == 40, READY_S, "all rows have come")

    for url in sorted(both):
        page = new_person(url).go("/table/pairs/?n=100")
        expect(page.locator(".rows tbody tr")).to_have_count(40)
        page.get_by_text("More filters").click()
        page.get_by_label("worker").select_option(living.second_url)
        page.get_by_role("button", name="Apply").click()
        own = page.locator(".rows tbody tr")
        n_own = own.count()
        assert 0 < n_own < 40
        theirs = own.locator("th a").first.inner_text()
        page.goto("/table/pairs/?q=id-7")
        expect(page.get_by_text("Exactly this id:")).to_contain_text("id-7")
        page.goto("/table/pairs/id-7")
        expect(page.locator(".verdict")).to_contain_text("Not joined yet")
        expect(page.locator("pre")).to_contain_text('"id":"id-7"')

    status = subprocess.run(
        [FAUST, "-A", "streams", "status", "--json"],
        env=living.second_environ,
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(status.stdout)["worker"]["url"] == f"{living.second_url}/readyz"

    living.second.send(signal.SIGSTOP)
    try:
        person = new_person(living.url)
        person.expect_wrong("status of 503")  # a page of 503 is an error to the console
        page = person.go("/")
        expect(page.get_by_role("alert")).to_contain_text(f"Worker {living.second_url} did not answer within 1 s.")
        expect(page.locator(".eq li").first).to_contain_text("≥ ")
        expect(
            page.locator("section", has_text="Partitions").locator("tbody tr", has_text="no answer")
        ).not_to_have_count(0)
        page.goto("/table/pairs/?n=100")
        expect(page.locator(".rows tbody tr")).to_have_count(40 - n_own)
        expect(page.get_by_role("alert")).to_have_count(1)
        page.goto(f"/table/pairs/{theirs}")
        expect(page.locator(".verdict")).to_contain_text("Not known now: partition")
    finally:
        living.second.send(signal.SIGCONT)
