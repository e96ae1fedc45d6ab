"""One id's page, the numbers of the charts, and quarantine, in a real Chromium."""

from __future__ import annotations

import io
import json
import re
import time
from urllib.parse import parse_qs, quote, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE, Person, barriers
from tests.browser.conftest import HOSTILE, NewPerson, View
from tests.waiting import wait_until

READ_S = 20.0


def raw_rows(page: Page) -> dict[str, str]:
    """Return the raw rows of an id's page, by their captions."""
    section = page.locator("section", has=page.get_by_role("heading", name="Raw rows"))
    closed = section.locator("details:not([open]) summary")
    while closed.count():
        closed.first.click()
    return {
        part.locator("summary").inner_text(): part.locator("pre").inner_text().strip()
        for part in section.locator("details").all()
    }


def test_the_raw_rows_are_those_that_were_sent(person: Person) -> None:
    page = person.go("/table/pairs/order-7")
    found = {re.sub(r", offset [0-9]+$", "", what): json.loads(text) for what, text in raw_rows(page).items()}
    assert {what: row["id"] for what, row in found.items()} == dict.fromkeys(
        ("y_pred", "y_true", "y_true again"), "order-7"
    )
    assert [found["y_pred"]["y_pred"], found["y_true"]["y_true"], found["y_true again"]["y_true"]] == [
        104.9,
        116.6,
        777.0,
    ]
    assert barriers(page) == []
    said = person.context.request.get("/api/pairs/order-7").json()["payloads"]
    assert [json.loads(payload["text"]) for payload in said] == list(found.values())


@pytest.mark.parametrize(
    ("row_id", "shown"),
    [("<script>alert(1)</script>",) * 2, ("\u202eevil", "⟨U+202E⟩evil"), ("nul\x00id", "nul\x00id")],
    ids=ascii,
)
def test_the_raw_row_of_a_hostile_id_is_text(person: Person, row_id: str, shown: str) -> None:
    assert row_id in HOSTILE
    page = person.go("/table/pairs/?state=waiting_for_pred&n=100")
    page.locator(f'a[href^="/table/pairs/{quote(row_id, safe="")}?"]').click()
    (text,) = raw_rows(page).values()
    assert json.loads(text)["id"] == shown
    expect(page.locator("main script, main img")).to_have_count(0)


def test_a_late_row_stands_beside_the_other_and_says_what_the_error_had_been(person: Person) -> None:
    page = person.go("/table/pairs/old-1")
    expect(page.get_by_role("columnheader", name="truth, too late")).to_be_visible()
    expect(page.get_by_role("row", name="error if it had joined")).to_contain_text("97.75")
    expect(page.get_by_text("not counted in any score")).to_be_visible()
    assert len(raw_rows(page)) == 2


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("row_id", ["order-7", "old-1", "wait-3"])
def test_the_page_of_an_id_fits_any_screen(person: Person, width: int, row_id: str) -> None:
    person.page.set_viewport_size({"width": width, "height": 800})
    page = person.go(f"/table/pairs/{row_id}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for track in page.locator("svg.track").all():
        box = track.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
    assert barriers(page) == []


def test_a_row_has_its_json_and_the_api_an_index(person: Person) -> None:
    request = person.context.request
    assert request.get("/table/pairs/order-7.json").json()["id"] == "order-7"
    index = request.get("/api/").json()
    assert index["addresses"]["/api/pairs/{id}"] == "One id, and why it is not joined"
    assert request.get(index["openapi"]).ok


def test_an_id_that_waits_shows_when_it_expires(person: Person) -> None:
    page = person.go("/table/pairs/wait-3")
    events = page.locator("ol.events li")
    expect(events).to_have_count(2)
    expect(events.last).to_contain_text("expires, if its other side has not come")
    expect(page.get_by_text("the thin line: now")).to_be_visible()
    expect(page.get_by_role("row", name="time left")).to_contain_text("min")


def test_a_column_is_sorted_by_its_header_both_ways(person: Person) -> None:
    page = person.go("/table/pairs/?state=matched&n=25")
    for direction in ("descending", "ascending"):
        page.get_by_role("columnheader", name="y_pred").get_by_role("link").click()
        expect(page.get_by_role("columnheader", name="y_pred")).to_have_attribute("aria-sort", direction)
        values = [float(cell) for cell in page.locator("td[data-k=pred]").all_inner_texts()]
        assert values == sorted(values, reverse=direction == "descending")
        assert len(values) == 25


def test_the_filters_by_age_and_error_leave_what_they_say(person: Person) -> None:
    page = person.go("/table/pairs/")
    page.get_by_text("More filters").click()
    page.get_by_label("|error| from").fill("60")
    page.get_by_label("|error| to").fill("62")
    page.get_by_label("age (90, 5m, 2h) from").fill("0s")
    page.get_by_label("age (90, 5m, 2h) to").fill("2h")
    page.get_by_role("button", name="Apply").click()
    errors = [abs(float(cell.replace("−", "-"))) for cell in page.locator("td[data-k=error]").all_inner_texts()]
    assert errors
    assert all(60 <= error <= 62 for error in errors)
    expect(page.get_by_role("link", name=re.compile("^all"))).to_have_text(re.compile(rf"^all\s*{len(errors)}$"))
    page.get_by_label("age (90, 5m, 2h) from").fill("3h")
    page.get_by_label("age (90, 5m, 2h) to").fill("4h")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Remove age from 3 h")).to_be_visible()


def test_labels_and_coverage_are_those_of_the_rows(person: Person) -> None:
    page = person.go("/?last=all")
    labels = page.locator("section", has=page.get_by_role("heading", name="Labels"))
    expect(labels).to_contain_text("of 346 predictions")
    shares = {row.split("\t")[0]: row.split("\t")[1:] for row in labels.locator("tbody tr").all_inner_texts()}
    assert shares["in"] == ["300", "86.7 %"]
    coverage = page.locator("section", has=page.get_by_role("heading", name="Coverage by age"))
    coverage.locator("summary").click()
    table = [row.split("\t") for row in coverage.locator("details tbody tr").all_inner_texts()]
    assert table[0] == ["0 s", "0.0 %"]
    assert 86.7 <= float(table[-1][1].removesuffix(" %")) <= 98.0  # of all, and of those that do not wait


def test_a_row_that_was_dropped_leaves_the_count_and_the_list(person: Person, view: View) -> None:
    view.pipeline.publish("y_true", [b"to be dropped"])
    view.wait_for("quarantined", 4)
    page = person.go("/quarantine?q=to+be+dropped")
    offset = page.locator(".rows tbody th").inner_text()
    done = view.pipeline.run_command("quarantine", "drop", offset, "--yes")
    assert done.returncode == 0, done.stderr
    view.wait_for("quarantined", 3)
    assert json.loads(view.pipeline.run_command("status", "--json").stdout)["quarantined"] == 3
    page.reload()
    expect(page.locator(".rows tbody tr")).to_have_count(0)
    page.get_by_role("link", name="Show also 1 that were dealt with").click()
    expect(page.locator(".rows tbody tr")).to_contain_text("dropped")
    expect(page.locator(".rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Hide those that were dealt with").click()
    expect(page.get_by_text("No quarantined row holds it.")).to_be_visible()


def test_event_time_goes_on_while_the_page_is_open(person: Person, view: View) -> None:
    page = person.go("/table/pairs/?q=order-17")
    shown = page.locator("[data-t=event_time]")
    before = shown.inner_text()
    page.evaluate("document.querySelector('[data-t=event_time]').textContent = ''")
    wait_until(lambda: shown.inner_text() == before, READ_S, f"the event time is {before} again")


def test_the_counts_are_of_what_their_links_lead_to(person: Person) -> None:
    page = person.go("/table/pairs/?n=100")
    expect(page.locator(".rows caption")).to_have_text(re.compile(r"^100 of 360 ids, newest first$"))
    for words, n in (("matched", "300"), ("unmatched", "10"), ("duplicate", "7"), ("late", "1")):
        chip = page.get_by_label("State").get_by_role("link", name=re.compile(f"^{words}"))
        expect(chip).to_have_text(re.compile(rf"{words}\s+{n}$"))
        chip.click()
        expect(page.locator(".rows caption")).to_contain_text(f"of {n} ids")
    page.goto("/table/pairs/?state=matched")
    facet = page.get_by_role("navigation", name="Partition").get_by_role("link").first
    n = facet.locator(".n").inner_text()
    facet.click()
    expect(page.locator(".rows caption")).to_contain_text(f"of {n} ids")


def test_an_id_leads_to_those_before_and_after_it_in_the_order_of_its_list(person: Person) -> None:
    page = person.go("/table/pairs/?state=matched&sort=-error&n=25")
    ids = page.locator(".rows tbody th a").all_inner_texts()
    page.locator(".rows tbody th a").first.click()
    expect(page.get_by_role("link", name="← previous")).to_have_count(0)
    for row_id in ids[1:4]:
        page.get_by_role("link", name="next →").click()
        expect(page.locator("h1.id")).to_have_text(row_id)
    page.get_by_role("link", name="← previous").click()
    expect(page.locator("h1.id")).to_have_text(ids[2])
    page.locator("main").get_by_role("link", name="Ids", exact=True).click()
    expect(page.locator(".rows caption")).to_contain_text("largest error first")
    page.goto("/table/pairs/?q=order&n=25")
    newest = page.locator(".rows tbody th a").all_inner_texts()
    page.locator(".rows tbody th a").nth(1).click()
    page.get_by_role("link", name="← previous").click()
    expect(page.locator("h1.id")).to_have_text(newest[0])


def test_an_id_opened_by_its_address_leads_to_those_before_and_after_it_by_id(person: Person) -> None:
    page = person.go("/table/pairs/order-17")
    page.get_by_role("link", name="next →").click()
    expect(page.locator("h1.id")).to_have_text("order-170")
    page.get_by_role("link", name="← previous").click()
    expect(page.locator("h1.id")).to_have_text("order-17")
    page.get_by_role("link", name="← previous").click()
    expect(page.locator("h1.id")).to_have_text("order-169")
    unknown = person.context.request.get("/table/pairs/order-17a", headers={"Accept": "text/html"})
    assert '<a rel="next" href="/table/pairs/order-18">' in unknown.text()


def test_the_filter_by_time_leaves_what_was_predicted_then(person: Person) -> None:
    page = person.go("/table/pairs/")
    old = person.context.request.get("/api/pairs/old-1").json()["row"]["ts_pred"]
    page.get_by_text("More filters").click()
    page.locator("select[name=by]").select_option("predicted")
    page.get_by_label("time to, UTC").fill(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(old + 60)))
    page.get_by_role("button", name="Apply").click()
    assert sorted(page.locator(".rows tbody th a").all_inner_texts()) == [f"old-{n}" for n in range(6)]
    expect(page.get_by_label("State").get_by_role("link", name=re.compile("^all"))).to_have_text(
        re.compile(r"all\s+6$")
    )
    assert set(parse_qs(urlsplit(page.url).query)) == {"by", "to"}


def test_what_is_pointed_at_is_told_with_all_its_digits(person: Person) -> None:
    page = person.go("/table/pairs/?q=order-17&sort=id")
    row = page.locator(".rows tbody tr").first
    expect(row.locator("td[data-k=pred]")).to_have_attribute("title", re.compile(r"^111\.9, happened 20\d\d-"))
    expect(row.locator("td[data-k=age]")).to_have_attribute("title", re.compile(r"^20\d\d-.*\.\d{3} UTC$"))


def test_a_long_id_is_cut_in_its_middle_and_still_there_whole(new_person: NewPerson) -> None:
    page = new_person(viewport=PHONE).go("/table/pairs/?state=waiting_for_pred&n=100")
    link = page.get_by_role("link", name="x" * 128)
    expect(link).to_have_attribute("title", "x" * 128)
    box, tail = link.bounding_box(), link.locator(".tail").bounding_box()
    assert box is not None
    assert tail is not None
    assert tail["x"] + tail["width"] <= box["x"] + box["width"] + 1 <= PHONE["width"]
    expect(link.locator(".tail")).to_have_text("x" * 8)


@pytest.mark.parametrize(
    "path",
    ["/", "/table/pairs/", "/table/pairs/order-7", "/table/pairs.csv", "/quarantine", "/alerts", "/api/status",
     "/api/scores", "/api/pairs", "/api/pairs/order-7", "/api/quarantine", "/api/alerts", "/api/"],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_an_unknown_parameter_is_refused_everywhere(person: Person, path: str, accept: str) -> None:
    found = person.context.request.get(path, params={"min_eror": "100"}, headers={"Accept": accept})
    assert found.status == 400
    assert "min_eror" in found.text()


def test_list_export_and_page_say_what_the_metric_log_does(person: Person, view: View) -> None:
    log = pd.read_csv(view.pipeline.logs / "metric_log.csv").set_index("id")
    found = person.context.request.get("/table/pairs.csv?state=matched&sort=-error").text()
    table = pd.read_csv(io.StringIO(found)).set_index("id")
    assert sorted(table.index) == sorted(log.index)
    for name in ("y_true", "y_pred"):
        assert (table[name] == log[name].reindex(table.index)).all(), name
    sizes = log.absolute_error
    assert table.error.abs().tolist() == pytest.approx(sorted(sizes, reverse=True))
    page = person.go("/table/pairs/?state=matched&sort=-error&n=25")
    expect(page.locator(".rows caption")).to_have_text(f"25 of {len(log)} ids, largest error first")
    shown = [float(cell.replace("−", "-")) for cell in page.locator("td[data-k=error]").all_inner_texts()]
    assert shown == pytest.approx(table.error[:25].tolist(), abs=0.005)
    page.locator(".rows tbody th a").first.click()
    expect(page.locator(".verdict")).to_contain_text(
        re.compile(rf"In size, it is the largest of the {len(log)} errors of ")
    )
    median = sizes.sort_values().index[len(sizes) // 2]
    words = page.goto(f"/table/pairs/{median}") and page.locator(".verdict").inner_text()
    share = re.search(r"larger than ([\d.]+)% of", words or "")
    assert share is not None
    assert float(share[1]) / 100 == pytest.approx((sizes < sizes[median]).mean(), abs=0.03)
