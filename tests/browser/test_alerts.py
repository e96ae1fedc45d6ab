"""The page of alerts: what needs somebody first, in words that say why."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE, barriers, wide
from tests.browser.conftest import NewPerson
from tests.waiting import wait_until

LOOKED_S = 60.0


def rules(page: Page) -> list[str]:
    """Return what the page says of each rule."""
    page.reload()
    return page.locator("section table.rows").first.locator("tbody tr").all_inner_texts()


def test_each_rule_stands_with_its_state_and_its_reason(new_person: NewPerson) -> None:
    page = new_person().go("/alerts")
    wait_until(lambda: "pending" in " ".join(rules(page)), LOOKED_S, "the rules were looked at")
    texts = rules(page)
    assert [text.split()[0] for text in texts] == ["cannot", "pending", "ok"]
    assert "coverage" in texts[0]
    assert "are needed" in texts[0]
    assert "above 1.000 for 999h" in texts[1]
    assert "rows unaccounted for" in texts[2]
    assert page.locator(".badge").count() == 0
    assert barriers(page) == []
    page.set_viewport_size(PHONE)
    assert wide(page) <= 0
    assert barriers(page) == []


def test_the_dashboard_says_first_how_the_model_does_against_its_reference(new_person: NewPerson) -> None:
    page = new_person().go("/alerts")
    wait_until(lambda: rules(page)[0].startswith("cannot"), LOOKED_S, "the rules were looked at")
    sentence = page.locator(".notice b").first.inner_text()
    assert "reference" in sentence or "no label" in sentence.lower()

    page.goto(page.url.replace("/alerts", "/"))

    notice = page.locator("#fresh .notice", has_text=sentence)
    finding = page.locator("#fresh .finding")
    expect(notice).to_be_visible()
    above, below = notice.bounding_box(), finding.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] < below["y"]
    assert barriers(page) == []
