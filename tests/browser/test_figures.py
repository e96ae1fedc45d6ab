"""The dashboard of worlds whose truth is known, from a real insight.db, as it stands in a real Chromium.

Worlds begin at T0; what is asked is asked some minutes later. No worker runs: a test sets what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from agents.insight.query import Asked, Query
from agents.insight.series import Series
from agents.insight.store import Frame, Store
from streams.pages.door import HEADERS
from streams.scores.cells import Cells
from streams.scores.figures import Figures, Gap, Mark
from streams.scores.labels import Labels, cells_of_labels
from tests.browser.chromium import Person, barriers, wide
from tests.unit.streams.scores import label_worlds
from tests.unit.streams.scores.label_worlds import BINS, MINUTE, SLICE_S, WINDOW_S, World
from tests.unit.web.frames import in_frame
from web import answers
from web.dashboard.choice import Choice
from web.dashboard.view import view

T0 = 1_795_824_000.0
STATIC = Path(answers.__file__).parent / "static"
WIDTHS = (320, 390, 768, 1280, 1920)
OVERLAPS = """() => [...document.querySelectorAll("svg.chart")].filter(svg => svg.getClientRects().length).flatMap(svg => {
    const boxes = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
    const over = ([, a], [, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3;
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => over(a, b)).map(b => a[0] + " / " + b[0]));
})"""
"""The labels of charts that lie on each other."""


class Kept:
    """An insight.db with a world in it."""

    def __init__(self, directory: Path):
        self.store = Store.open(directory, Frame(WINDOW_S, SLICE_S, WINDOW_S + 60, "arrival"))
        self._number = self.store.number(Series("ridge-c5a9"))
        self._decided = self.store.number(Series("ridge-c5a9", axis="decided"))

    def add(self, cells: Cells) -> None:
        """Add cells whose times are in seconds since T0."""
        worst = [
            [label._replace(id=f"order-{label.id or i}") for i, label in enumerate(found)] for found in cells.worst
        ]
        series, start = np.full_like(cells.series, self._number), cells.start + T0
        self.store.add([cells._replace(series=series, start=start, worst=worst)])

    def add_decided(self, made: World, now: float) -> None:
        """Add when the labels of a world came, in seconds since its beginning."""
        at = made.made + made.delay
        at = np.sort(at[at <= now]) + T0
        nothing = np.zeros(len(at))
        labels = Labels([""] * len(at), at, nothing, nothing, nothing)
        series = np.full(len(at), self._decided)
        self.store.add([cells_of_labels(labels, series, width_s=SLICE_S, bins=BINS.coarse())])

    def figures(self, minute: float, last: str = "all", **more: Any) -> Figures:
        """Return the answer of so many minutes after T0."""
        query = Query(self.store.reader, BINS, SLICE_S, "arrival")
        return query.figures(Asked(last, **more), T0 + minute * MINUTE)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """An empty insight.db."""
    kept = Kept(tmp_path)
    yield kept
    kept.store.close()


class Shown:
    """Shows figures in windows of a browser, as the dashboard does."""

    def __init__(self, browser: Browser):
        self._browser = browser
        self.people: list[Person] = []

    def __call__(self, figures: Figures | None, problem: str = "", **context: Any) -> Page:
        """Open the page, with the policy of the real one."""
        body = in_frame("dashboard.html", "dashboard", stages=[], units={}, **view(figures, problem, Choice()))
        person = Person(self._browser, "http://dashboard.test", **context)
        person.expect_wrong("status of 404")
        self.people.append(person)
        person.context.route("**/*", lambda route: _answer(route, body))
        return person.go("/")


def _answer(route: Route, body: str) -> None:
    name = route.request.url.rpartition("/static/")[2]
    if name in ("style.css", "icon.svg", "live.js"):
        kind = {"css": "text/css", "svg": "image/svg+xml", "js": "text/javascript"}[name.rpartition(".")[2]]
        route.fulfill(body=(STATIC / name).read_bytes(), content_type=kind)
    elif route.request.url.endswith("/events"):
        route.fulfill(status=404)
    else:
        route.fulfill(
            body=body,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": HEADERS["Content-Security-Policy"]},
        )


@pytest.fixture
def shown(browser: Browser) -> Iterator[Shown]:
    """Shows figures; after the test nothing may have gone wrong in any window."""
    shown = Shown(browser)
    yield shown
    for person in shown.people:
        person.context.close()
    assert [text for person in shown.people for text in person.unexpected()] == []


def world(name: str) -> tuple[World, float]:
    """Return a world whose slow labels are the worse ones, and how many minutes it lasts."""
    rng = np.random.default_rng(5)
    if name == "minute 10":
        return label_worlds.steady(rng, 10, 8, 0.7), 10
    if name == "after a burst":
        return label_worlds.burst(rng, 0.7, rate=2), 255
    if name == "30 days":
        return label_worlds.steady(rng, 30 * 24 * 60, 0.02, 0.7), 30 * 24 * 60
    if name == "labels stayed away":
        return label_worlds.outage(rng, 0.7, rate=2), 340
    return label_worlds.changed(rng, 300, 2, 0.7, at_minute=200, by=1.5), 300


def filled(kept: Kept, name: str) -> float:
    """Put a world into the file; return its last minute."""
    made, minutes = world(name)
    kept.add(label_worlds.cells(np.random.default_rng(1), made, minutes * MINUTE))
    kept.add_decided(made, minutes * MINUTE)
    return minutes


@pytest.mark.parametrize("name", ["minute 10", "after a burst", "30 days", "labels stayed away", "a change"])
def test_every_state_fits_every_screen_and_no_label_lies_on_another(kept: Kept, shown: Shown, name: str) -> None:
    figures = kept.figures(filled(kept, name))
    page = shown(figures)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert wide(page) <= 0, width
        assert page.evaluate(OVERLAPS) == [], width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert barriers(page) == []


def test_minute_10_claims_nothing_past_the_oldest_age_and_is_right_up_to_it(kept: Kept, shown: Shown) -> None:
    figures = kept.figures(filled(kept, "minute 10"))
    assert figures.horizon_s is not None
    assert figures.horizon_s < 10 * MINUTE
    page = shown(figures)
    said = page.locator(".finding .say").inner_text()
    assert said.startswith("Nothing can be said past ")
    truth = label_worlds.true_scores(figures.horizon_s, 0.7)["mae"]
    found = re.search(r"([\d.]+) ± ([\d.]+) expected", said)
    assert found is not None
    assert abs(float(found[1]) - truth) < 0.1 * truth
    coverage = page.locator("section", has=page.get_by_role("heading", name="Coverage by age")).locator("svg.chart")
    expect(coverage.locator("rect[fill='url(#hatch)']")).to_have_count(1)
    expect(coverage.get_by_text("deadline")).to_be_visible()


def test_a_burst_does_not_move_what_is_expected_of_all(kept: Kept, shown: Shown) -> None:
    minutes = filled(kept, "after a burst")
    page = shown(kept.figures(minutes))
    expected = float(page.locator(".scores .big .v").inner_text())
    assert expected == pytest.approx(label_worlds.true_scores(WINDOW_S, 0.7)["mae"], rel=0.06)
    so_far = float(page.locator(".scores .big .so").inner_text())
    assert so_far < expected


def test_across_a_restart_what_is_missing_is_named_and_no_line_lies_over_it(kept: Kept, shown: Shown) -> None:
    minutes = filled(kept, "a change")
    gap = Gap(T0 + 100 * MINUTE, T0 + 105 * MINUTE, "Kafka no longer held 311 verdicts")
    kept.store.add([], gaps=[gap])
    kept.store.mark(Mark(T0 + 105 * MINUTE, "restart", "restart"))
    page = shown(kept.figures(minutes))
    expect(page.get_by_role("listitem").filter(has_text="Kafka no longer held 311 verdicts")).to_be_visible()
    expect(page.locator(".finding .ev")).to_contain_text("incomplete")
    lines = page.locator("section[aria-labelledby=h-time] svg.wide").first.locator("path.s-data")
    assert lines.count() >= 2
    expect(page.locator("section[aria-labelledby=h-time] svg.wide").first.get_by_text("restart")).to_be_visible()


def test_labels_that_stayed_away_are_named(kept: Kept, shown: Shown) -> None:
    page = shown(kept.figures(filled(kept, "labels stayed away")))
    expect(page.locator(".notice")).to_contain_text(re.compile("No label came from (2026-11-28 )?04:0"))


def test_the_end_whose_labels_are_still_arriving_is_hatched_and_a_mature_one_is_not(kept: Kept, shown: Shown) -> None:
    minutes = filled(kept, "a change")
    arriving = "section[aria-labelledby=h-time] .plot:first-of-type svg.wide rect:has(title:text('still arriving'))"
    expect(shown(kept.figures(minutes)).locator(arriving)).to_have_count(1)
    expect(shown(kept.figures(minutes, start=T0, end=T0 + 200 * MINUTE)).locator(arriving)).to_have_count(0)


def test_one_pair_has_an_axis_of_whole_numbers_and_nothing_is_expected_of_it(kept: Kept, shown: Shown) -> None:
    one = Labels(["1"], np.array([60.0]), np.array([5.0]), np.array([3.0]), np.array([4.0]))
    kept.add(cells_of_labels(one, np.zeros(1, np.int64), width_s=SLICE_S, bins=BINS))
    page = shown(kept.figures(5, "1h"))
    expect(page.locator(".finding .say")).to_contain_text("MAE 1.000 so far")
    expect(page.locator(".scores .big .v")).to_have_text("–")
    chart = page.locator("section[aria-labelledby=h-hist] svg.chart")
    ticks = [text for text in chart.locator("text[text-anchor=end]").all_text_contents() if text]
    assert ticks == ["0", "1"]
    expect(page.get_by_role("link", name="order-1")).to_have_attribute("href", "/table/pairs/order-1")
    assert barriers(page) == []


def test_without_any_row_and_without_an_owner_it_says_so(kept: Kept, shown: Shown) -> None:
    empty = shown(kept.figures(5, "1h"))
    expect(empty.locator(".finding")).to_contain_text("Nothing was predicted in this time.")
    assert barriers(empty) == []
    alone = shown(None, problem="No worker that writes insight.db answers.")
    expect(alone.locator(".finding")).to_contain_text("No worker that writes insight.db answers.")
    expect(alone.locator("svg.chart")).to_have_count(0)
    assert barriers(alone) == []


def test_a_chart_says_its_places_to_the_keyboard_and_to_a_finger(kept: Kept, shown: Shown) -> None:
    figures = kept.figures(filled(kept, "a change"))
    page = shown(figures)
    plot = page.locator("section[aria-labelledby=h-hist] .plot")
    plot.focus()
    plot.press("ArrowRight")
    expect(plot.locator(".tip")).to_have_text(re.compile(r"^0 to .* labels? its ids$"))
    first = plot.locator(".tip").inner_text()
    plot.press("ArrowRight")
    expect(plot.locator(".tip")).not_to_have_text(first)
    plot.press("Escape")
    expect(plot.locator(".tip")).to_have_text("")
    touched = shown(figures, has_touch=True)
    touched.locator("section[aria-labelledby=h-hist] rect.f-data").first.tap()
    expect(touched.locator("section[aria-labelledby=h-hist] .tip")).to_have_text(first)


def test_the_choices_fold_on_a_phone_and_all_of_them_are_links(kept: Kept, shown: Shown) -> None:
    figures = kept.figures(filled(kept, "minute 10"))
    page = shown(figures, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    expect(page.get_by_role("navigation", name="Span")).to_have_count(0)
    page.locator("details.picks summary").click()
    links = page.get_by_role("navigation", name="Span").get_by_role("link")
    found = [link.get_attribute("href") for link in links.all()]
    assert found == ["?last=5m", "?", "?last=24h", "?last=7d", "?last=30d", "?last=all"]
    expect(page.get_by_role("link", name="when decided")).to_have_attribute("href", "?axis=decided")


def test_a_click_on_a_bar_or_enter_on_it_leads_to_its_ids_and_a_touch_shows_the_link(kept, shown):
    rng = np.random.default_rng(6)
    kept.add(label_worlds.cells(rng, label_worlds.steady(rng, 120, 5, 0.7), 120 * MINUTE))
    page = shown(kept.figures(120.0), has_touch=True)
    bar = page.locator("[aria-labelledby=h-hist] rect[data-to]").first
    to = bar.get_attribute("data-to")
    assert to.startswith("/table/pairs/?state=matched&by=predicted&")
    bar.click()
    page.wait_for_url(f"**{to}")
    page.go_back()
    plot = page.locator("[aria-labelledby=h-hist] .plot")
    plot.focus()
    page.keyboard.press("ArrowRight")
    expect(plot.get_by_role("link", name="its ids")).to_have_attribute("href", to)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{to}")
    page.go_back()
    page.locator("[aria-labelledby=h-hist] rect[data-to]").nth(2).tap()
    expect(plot.get_by_role("link", name="its ids")).to_be_visible()
    assert page.url.endswith("/"), "a touch does not lead away"
