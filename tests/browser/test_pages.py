"""The pages in a real Chromium: what they show, in which themes and widths, with and without JavaScript."""

from __future__ import annotations

import itertools
import json
import re
import struct
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from streams.scores.numbers import number
from streams.version import version
from tests.browser.chromium import PHONE, Person, barriers, wide
from tests.browser.conftest import HOSTILE, NewPerson, View
from tests.waiting import wait_until

PAGES = [
    "/",
    "/table/pairs/?n=25",
    "/table/pairs/?state=unmatched",
    "/table/pairs/?q=nothing",
    "/table/pairs/order-7",
    "/table/pairs/old-1",
    "/quarantine",
    "/features",
    "/alerts",
]

ANOTHER_DAY = """() => {
    const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        text.data = text.data.replace(/(?<![\\d-] ?)\\b\\d\\d:\\d\\d:\\d\\d/g, "2026-11-25 $&");
    }
}"""
"""Gives each time of day its date, which it has where it is not of today."""


def shown_ids(page: Page) -> list[str]:
    """Return the ids of a table, in its order."""
    return page.locator(".rows tbody th a").all_inner_texts()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_anybody_up_or_needs_to_be_scrolled_sideways(new_person: NewPerson, path: str) -> None:
    page = new_person(color_scheme="light").go(path)
    assert barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert barriers(page) == []
    assert wide(page) <= 0
    page.set_viewport_size(PHONE)
    assert wide(page) <= 0
    assert barriers(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_times_of_another_day_with_their_dates_fit_too(new_person: NewPerson, path: str) -> None:
    page = new_person().go(path)
    page.evaluate(ANOTHER_DAY)
    assert wide(page) <= 0
    page.set_viewport_size(PHONE)
    assert wide(page) <= 0


def test_the_dashboard_shows_every_term_of_the_sum_and_folds_what_is_well(person: Person) -> None:
    page = person.go("/?last=all")
    expect(page.locator("#live-word")).to_have_text("Live")
    terms = {
        e: page.locator(f"[data-f={e}]").inner_text() for e in ("rows_in", "matched", "unmatched", "late", "difference")
    }
    assert terms == {"rows_in": "670", "matched": "300", "unmatched": "10", "late": "1", "difference": "0"}
    partitions = page.locator("details", has_text="Partitions")
    expect(partitions.locator("summary")).to_contain_text("4 of 4 ready, 1 worker")
    expect(partitions.locator("table")).to_be_hidden()
    partitions.locator("summary").click()
    expect(partitions.locator("tbody tr").last).to_contain_text("ready")
    expect(page.locator("footer")).to_contain_text(f"Hindsight {version()}")


def test_what_is_open_and_where_the_focus_is_outlasts_a_refresh(person: Person) -> None:
    page = person.go("/")
    summary = page.locator("summary", has_text="Stages")
    summary.click()
    uptime = page.locator("#foot").inner_text()
    page.evaluate("document.getElementById('fresh').dataset.seen = 'before'")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("#fresh[data-seen]")).to_have_count(0, timeout=15_000)
    expect(page.locator("#foot")).not_to_have_text(uptime)
    expect(page.locator("details", has_text="Stages").locator("ol")).to_be_visible()
    expect(summary).to_be_focused()


def test_the_picture_and_the_page_say_the_same(person: Person, view: View) -> None:
    mae = number(person.context.request.get("/api/status").json()["mae"])
    said = _description(person.context.request.get("/error_distribution.png").body())
    assert f"MAE {mae}" in said  # behind the verdict
    assert said.endswith("pairs 300")
    page = person.go("/?last=all")
    expect(page.locator(".scores .big .so")).to_have_text(mae)
    expect(page.locator(".scores thead")).to_contain_text("300 labels")
    for name in (
        "Scores",
        "Labels",
        "Coverage by age",
        "Worst ids",
        "Error distribution",
        "By prediction time and label delay",
    ):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_role("link", name="signed").click()
    expect(page).to_have_url(re.compile(r"error=signed"))
    page.locator("section[aria-labelledby=h-hist] summary").click()
    expect(page.get_by_role("region", name="Labels per bar").locator("tbody tr")).not_to_have_count(0)


def _description(png: bytes) -> str:
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, chunk = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if kind in (b"tEXt", b"iTXt") and chunk.startswith(b"Description\0"):
            return chunk.split(b"\0")[-1].decode("utf-8" if kind == b"iTXt" else "latin-1")
        at += 12 + size
    raise AssertionError("the picture has no Description")


def test_the_table_filters_sorts_and_pages_with_everything_in_the_address(person: Person) -> None:
    page = person.go("/table/pairs/")
    page.get_by_label("id contains").fill("order-1")
    page.get_by_text("More filters").click()
    page.get_by_label("|error| from").fill("5")
    page.locator("select[name=sort]").select_option("-error")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name=re.compile("^matched")).click()
    assert "q=order-1" in page.url
    assert "state=matched" in page.url
    errors = [abs(float(cell.replace("−", "-"))) for cell in page.locator("td[data-k=error]").all_inner_texts()]
    assert errors == sorted(errors, reverse=True)
    assert min(errors) >= 5
    assert all(row_id.startswith("order-1") for row_id in shown_ids(page))
    expect(page.locator("mark").first).to_have_text("order-1")

    page.goto("/table/pairs/?q=order-17&state=waiting")
    expect(page.get_by_text("Exactly this id:")).to_have_text(re.compile(r"^Exactly this id: order-17\s*matched$"))
    expect(page.get_by_role("link", name="Remove state waiting")).to_be_visible()

    seen: list[str] = []
    page.goto("/table/pairs/?q=order&n=100&sort=id")
    while True:
        seen += shown_ids(page)
        if not page.locator("#next").count():
            break
        page.locator("#next").click()
    assert len(seen) == len(set(seen)) == 300
    assert seen == sorted(seen)


def test_the_states_are_counted_and_the_unmatched_have_their_tab(person: Person, view: View) -> None:
    page = person.go("/table/pairs/?q=order")
    chips = page.get_by_label("State").inner_text()
    for words in ("all 300", "matched 300", "waiting 0", "duplicate 7", "conflict 2"):
        assert words in re.sub(r"\s+", " ", chips)
    page.get_by_role("link", name="Unmatched", exact=True).click()
    assert sorted(shown_ids(page)) == [f"lone-{n}" for n in range(4)] + [f"old-{n}" for n in range(6)]
    page.get_by_role("link", name="only y_true").click()
    assert sorted(shown_ids(page)) == [f"lone-{n}" for n in range(4)]
    page.goto(f"/table/pairs/?worker={quote(view.url)}&state=unmatched_pred")
    assert len(shown_ids(page)) == 6
    page.goto("/table/pairs/?worker=http://nobody&q=order")
    expect(page.get_by_role("link", name="Remove worker http://nobody")).to_be_visible()


def test_a_conflict_and_a_late_row_show_both_values(person: Person) -> None:
    page = person.go("/table/pairs/?state=conflict")
    assert sorted(shown_ids(page)) == ["order-7", "order-8"]
    expect(page.locator("tr", has_text="order-7").locator("td[data-k=true]")).to_have_text("116.6 ≠ 777")
    page.get_by_role("link", name="order-7").click()
    expect(page.locator(".verdict")).to_contain_text("Two values of y_true disagree: 116.6 at offset")
    page.goto("/table/pairs/old-1")
    expect(page.locator(".verdict")).to_contain_text(
        "Not joined: its y_true lies 11 min 40 s away, and the window is 10 min."
    )
    expect(page.locator(".why").first).to_contain_text("3.25")


def test_why_an_id_is_not_joined_is_one_sentence(person: Person) -> None:
    waiting = person.go("/table/pairs/wait-3").locator(".verdict")
    expect(waiting).to_contain_text(re.compile(r"^Not joined yet: only y_pred came, .* ago; it expires in .* min"))
    expect(person.page.locator(".why").first).to_contain_text("offset")
    expect(person.page.get_by_role("row", name=re.compile("^deadline"))).to_be_visible()
    lone = person.go("/table/pairs/lone-1").locator(".verdict")
    expect(lone).to_contain_text(
        re.compile(r"^Not joined: only y_true came, with a ts 1\d min .*behind: its window was over\.")
    )


def test_an_id_that_was_refused_says_why_and_is_found_in_quarantine(new_person: NewPerson) -> None:
    person = new_person()
    person.expect_wrong("status of 404")
    page = person.go("/table/pairs/order-900")
    expect(page.locator(".verdict")).to_contain_text(
        "Not joined: quarantined because it could not be read: `y_true` is NaN"
    )
    page.get_by_role("link", name="Search it in quarantine").click()
    expect(page.locator(".rows tbody tr")).to_have_count(1)
    page.locator(".rows summary").click()
    expect(page.locator(".rows pre")).to_have_text('{"id":"order-900","y_true":"nan"}')


@pytest.mark.parametrize("row_id", HOSTILE, ids=ascii)
def test_a_hostile_id_is_only_text(person: Person, row_id: str) -> None:
    page = person.go("/table/pairs/?q=" + quote(row_id, safe="") + "&state=waiting")
    link = page.locator(".rows tbody th a").first
    assert "\u202e" not in link.inner_text()
    if row_id not in (".", ".."):  # parts of other ids
        link.click()
    else:
        page.goto("/table/pairs/?id=" + row_id)
    expect(page.locator("h1.id")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("Not joined yet: only y_true came")
    expect(page.locator("main script, main img")).to_have_count(0)
    found = person.context.request.get(
        "/api/pairs/" + quote(row_id, safe="") if row_id not in (".", "..") else "/table/pairs/?id=" + row_id
    )
    assert found.json()["id"] == row_id


def test_the_filtered_set_is_a_file_in_three_forms(person: Person) -> None:
    get = person.context.request.get
    asked = "?q=order&sort=id&state=duplicate"
    whole = get(f"/table/pairs.json{asked}").json()
    lines = get(f"/table/pairs.ndjson{asked}").text().splitlines()
    table = get(f"/table/pairs.csv{asked}").text().splitlines()
    ids = [f"order-{n}" for n in range(7)]
    assert [row["id"] for row in whole["rows"]] == [json.loads(line)["id"] for line in lines] == ids
    assert [line.split(",")[0] for line in table] == ["id", *ids]
    assert whole["capped"] is None
    formulas = get("/table/pairs.csv?q=%3D1").text()
    assert "\n'=1+1," in formulas.replace("\r", "")


def test_without_javascript_everything_is_read_and_asked(new_person: NewPerson) -> None:
    page = new_person(java_script_enabled=False).go("/?last=all")
    expect(page.locator("#live-word")).to_contain_text("As of ")
    expect(page.locator("#pause")).to_be_hidden()
    page.get_by_role("link", name="1h", exact=True).click()
    expect(page.get_by_role("link", name="1h", exact=True)).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Ids", exact=True).click()
    page.get_by_label("id contains").fill("wait-1")
    page.get_by_role("button", name="Apply").click()
    assert set(shown_ids(page)) == {"wait-1", *(f"wait-1{n}" for n in range(10))}
    page.get_by_role("link", name="wait-12").click()
    expect(page.locator(".verdict")).to_contain_text("Not joined yet")
    page.get_by_role("link", name="Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_keyboard_is_enough(person: Person) -> None:
    page = person.go("/")
    page.keyboard.press("/")
    page.wait_for_url("**/table/pairs/#search")
    expect(page.get_by_label("id contains")).to_be_focused()
    page.keyboard.type("order-2")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=order-2**")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    links = page.locator(".rows tbody th a")
    expect(links.first).to_be_focused()
    first = links.first.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1.id")).to_have_text(first)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()


def test_single_keys_can_be_switched_off(person: Person) -> None:
    page = person.go("/table/pairs/?q=order&n=25")
    page.get_by_role("button", name="keyboard").click()
    page.get_by_label("These single keys work").uncheck()
    page.keyboard.press("Escape")
    page.locator("h1").click()  # the focus was on the button, where no single key works
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()
    expect(page.locator(".rows tbody th a").first).not_to_be_focused()
    page.reload()
    page.get_by_role("button", name="keyboard").click()
    expect(page.get_by_label("These single keys work")).not_to_be_checked()
    page.get_by_label("These single keys work").check()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator(".rows tbody th a").first).to_be_focused()


def test_pause_is_in_the_address_and_in_the_links(person: Person) -> None:
    page = person.go("/?last=24h")
    expect(page.locator("#live-word")).to_have_text("Live")
    page.keyboard.press("Space")
    expect(page.locator("#live-word")).to_have_text("Live")  # it scrolls, as anywhere else
    page.get_by_role("button", name="Pause").press("Space")
    expect(page.locator("#live-word")).to_have_text("Paused")
    assert "paused=1" in page.url
    expect(page.get_by_text(re.compile(r"^at \d\d:\d\d:\d\d, while you read$"))).to_be_visible()
    page.get_by_role("link", name="5m", exact=True).click()
    expect(page.locator("#live-word")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#live-word")).to_have_text("Live")
    assert "paused" not in page.url


@pytest.mark.parametrize("state", ["matched", "waiting"])
def test_a_row_is_two_lines_on_a_phone(new_person: NewPerson, state: str) -> None:
    page = new_person(viewport=PHONE).go(
        f"/table/pairs/?q={'order' if state == 'matched' else 'wait'}&state={state}&n=25"
    )
    rows = page.locator(".rows tbody tr").evaluate_all(  # all at once: rows that are live come and go
        "rows => rows.map(row => [row.innerText, [...row.children].filter(cell => cell.offsetParent)"
        ".map(cell => cell.getBoundingClientRect().y)])"
    )
    assert rows
    assert [(text, tops) for text, tops in rows if _n_lines(tops) != 2] == []


def _n_lines(tops: list[float]) -> int:
    tops = sorted(tops)
    return 1 + sum(below - above > 12 for above, below in itertools.pairwise(tops))


def test_eight_tabs_are_all_live(person: Person) -> None:
    tabs = [person.page, *(person.new_tab() for _ in range(7))]
    for tab in tabs:
        tab.goto("/")
    for tab in tabs:
        expect(tab.locator("#live-word")).to_have_text("Live")
        wait_until(lambda tab=tab: tab.evaluate("document.body.className") == "", 5, "nothing is stale")


def test_themes_are_chosen_and_kept(person: Person) -> None:
    page = person.go("/?theme=dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto("/quarantine")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.get_by_role("link", name="Light", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_the_policy_refuses_what_is_not_ours(person: Person) -> None:
    person.expect_wrong("Content Security Policy|status of 404")  # there is no picture x: onerror would run
    page = person.go("/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    wait_until(lambda: any("Content Security Policy" in text for text in person.wrong), 5, "the policy speaks")
    assert page.title() == "Dashboard · Hindsight"
