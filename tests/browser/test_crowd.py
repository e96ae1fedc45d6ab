"""A table with more ids than a page or a file takes, while rows come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.brokers import Brokers
from tests.browser.chromium import Person
from tests.browser.conftest import NewPerson
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_IDS, PACKET = 104_000, 500
CAP = 100_000
COME_S = 60.0


class Crowd:
    """A program in which so many ids wait."""

    def __init__(self, brokers: Brokers):
        self.pipeline = Pipeline(brokers, agents="metric,plot", plot_every_s=5)
        self.url = f"http://127.0.0.1:{self.pipeline.environ['HINDSIGHT_WEB_PORT']}"

    def send(self, kind: str, ids: list[str]) -> None:
        """Send a row for each id."""
        starts = range(0, len(ids), PACKET)
        self.pipeline.publish(kind, [[{"id": i, kind: -1.5} for i in ids[start : start + PACKET]] for start in starts])


@pytest.fixture(scope="module")
def crowd(brokers: Brokers) -> Iterator[Crowd]:
    """A program in which very many ids wait for their prediction."""
    crowd = Crowd(brokers)
    try:
        crowd.pipeline.start()
        crowd.send("y_true", [f"id-{n:06}" for n in range(N_IDS)])
        wait_until(lambda: crowd.pipeline.status().get("waiting") == N_IDS, COME_S, "all wait")
        yield crowd
    finally:
        crowd.pipeline.end()


def test_a_file_ends_at_its_cap_and_says_so(crowd: Crowd, new_person: NewPerson, tmp_path: Path) -> None:
    person = new_person(crowd.url)
    person.context.set_default_timeout(60_000)
    page = person.go("/table/pairs/?sort=id")
    with page.expect_download() as download:
        page.get_by_role("link", name="csv", exact=True).click()
    download.value.save_as(tmp_path / "pairs.csv")
    header, *rows, mark = (tmp_path / "pairs.csv").read_text().splitlines()
    assert mark == f'"# capped at {CAP} rows; filter to get the rest"'
    assert header.startswith("id,state,y_true,")
    assert [row.split(",")[0] for row in rows] == [f"id-{n:06}" for n in range(CAP)]
    assert {row.split(",")[2] for row in rows} == {"-1.5"}  # a number, and so no formula
    rest = person.context.request.get("/table/pairs.ndjson?sort=id&q=id-1039").text().splitlines()
    assert [json.loads(line)["id"] for line in rest] == [f"id-{n:06}" for n in range(103_900, 104_000)]


def test_pages_neither_repeat_nor_skip_while_rows_come_and_go(crowd: Crowd, new_person: NewPerson) -> None:
    person = new_person(crowd.url)
    order = newest(person, 3000)
    gone = set(order[350:950:7])
    seen: list[str] = []
    page = person.go("/table/pairs/?n=100&paused=1")
    for number in range(10):
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        seen += page.locator(".rows tbody th a").all_inner_texts()
        crowd.send("y_true", [f"new-{number}-{n}" for n in range(40)])
        if number == 2:
            crowd.send("y_pred", sorted(gone))
            wait_until(lambda: crowd.pipeline.status().get("matched") == len(gone), COME_S, "they are joined")
        with page.expect_navigation():
            page.locator("#next").click()
    assert len(seen) == len(set(seen)) == 1000
    assert not [row_id for row_id in seen if row_id.startswith("new-")]
    stayed = [row_id for row_id in order if row_id not in gone]
    assert [row_id for row_id in seen if row_id not in gone] == stayed[: len([i for i in seen if i not in gone])]


def newest(person: Person, n: int) -> list[str]:
    """Return the newest ids, as the API's pages list them."""
    found: list[str] = []
    address = "?n=250"
    while len(found) < n:
        answer = person.context.request.get(f"/api/pairs{address}", timeout=60_000).json()
        found += [row["id"] for row in answer["rows"]]
        address = answer["next"]
    return found


def test_a_search_among_very_many_ids_finds_what_it_can_and_the_exact_id_at_once(
    crowd: Crowd, new_person: NewPerson
) -> None:
    person = new_person(crowd.url)
    crowd.send("y_true", ["the newest"])
    wait_until(lambda: newest(person, 1)[0] == "the newest", COME_S, "the row has come")
    page = person.go("/table/pairs/")
    page.get_by_label("id contains").fill("newest")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".rows tbody tr")).to_have_count(1)
    expect(page.locator(".rows mark")).to_have_text("newest")
    page.goto("/table/pairs/?q=id-000042")
    expect(page.get_by_text("Exactly this id:")).to_be_visible()
