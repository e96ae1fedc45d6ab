"""What could not be read, by cause, place and publisher, with the form that it must have beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pika
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import PHONE, Person, barriers, wide
from tests.browser.conftest import View

CAUSE = "`y_true` has a comma"
NAME = "labels-de 2.8.0"


@pytest.fixture
def commas(view: View) -> Iterator[None]:
    """Three rows of one publisher that writes decimal commas; they are dropped after the test."""
    url = view.pipeline.environ["HINDSIGHT_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for i in range(3):
            body = f'{{"id": "comma-{i}", "y_true": "148,{i}"}}'.encode()
            channel.basic_publish("", "y_true", body, pika.BasicProperties(app_id=NAME))
    view.wait_for("quarantined", 6)
    yield
    numbers = view.pipeline.status()["quarantined"]
    assert numbers == 6
    for offset in _offsets(view):
        assert view.pipeline.run_command("quarantine", "drop", offset, "--yes").returncode == 0
    view.wait_for("quarantined", 3)


def _offsets(view: View) -> list[str]:
    """Return the numbers of the rows of this test."""
    listed = view.pipeline.run_command("quarantine", "list").stdout.splitlines()
    return [line.split()[0] for line in listed if "has a comma" in line]


@pytest.mark.usefixtures("commas")
def test_rows_of_one_cause_and_publisher_are_one_group_with_its_form_beside(person: Person) -> None:
    page = person.go("/quarantine")
    group = page.locator(".groups tbody tr", has_text=CAUSE)
    expect(group).to_have_count(1)
    expect(group).to_contain_text(re.compile(rf"^3\s*{re.escape(CAUSE)}\s*queue y_true\s*{re.escape(NAME)}"))
    expect(page.locator(".rows tbody tr")).to_have_count(6)

    group.get_by_role("link", name=CAUSE).click()

    expect(page).to_have_url(re.compile(r"/quarantine\?group=[0-9a-f]{10}$"))
    expect(page.locator(".groups .on")).to_contain_text(CAUSE)
    expect(page.locator(".rows tbody tr")).to_have_count(3)
    came = page.locator("section", has=page.get_by_role("heading", name="As it came"))
    expect(came.locator("pre")).to_have_text('{"id": "comma-2", "y_true": "148,2"}')
    expect(came).to_contain_text("use a point for decimals")
    must = page.locator("section", has=page.get_by_role("heading", name="As it must be"))
    expect(must.locator("pre")).to_contain_text('"y_true": 148.0')
    expect(page.locator(".steps")).to_contain_text(NAME)
    expect(page.locator(".steps pre").first).to_have_text(
        re.compile(r"^faust -A streams quarantine requeue \d+ \d+ \d+$")
    )
    assert barriers(page) == []
    page.set_viewport_size(PHONE)
    assert wide(page) <= 0
    assert barriers(page) == []

    page.get_by_role("link", name="Show all groups' rows").click()
    expect(page.locator(".rows tbody tr")).to_have_count(6)


def test_a_group_that_is_gone_says_so(person: Person) -> None:
    page = person.go("/quarantine?group=0000000000")
    expect(page.get_by_text("No row of this group is waiting to be dealt with.")).to_be_visible()
    expect(page.locator(".groups .on")).to_have_count(0)


def test_the_dashboard_says_once_that_rows_cannot_be_read_and_where_they_are(person: Person) -> None:
    notice = person.go("/").locator(".notice", has_text="cannot be read")
    expect(notice).to_have_count(1)
    expect(notice).to_contain_text("rows of y_true cannot be read, newest: ")
    notice.get_by_role("link", name="Show them").click()
    expect(person.page.get_by_role("heading", name="Quarantine")).to_be_visible()
