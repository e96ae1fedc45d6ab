"""The screenshots of the README: `PICTURES=docs/images .venv/bin/python -m pytest tests/browser/test_pictures.py`.

Every run of the tests makes them, from diabetes data that the data driver sends and the model predicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.brokers import Brokers
from tests.browser.chromium import PHONE
from tests.browser.conftest import NewPerson
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_PAIRS = 1500
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def busy(brokers: Brokers) -> Iterator[str]:
    """The address of a program that has joined a few thousand pairs."""
    pipeline = Pipeline(brokers, plot_every_s=1)
    try:
        pipeline.start()
        driver = pipeline.run_command(
            "features",
            "--rate",
            "400",
            "--count",
            "2000",
            "--label-delay",
            "1.5",
            "--missing-rate",
            "0.02",
            "--duplicate-rate",
            "0.02",
            "--seed",
            "7",
        )
        assert driver.returncode == 0, driver.stderr
        wait_until(lambda: pipeline.status().get("matched", 0) > N_PAIRS, 30.0, "most are joined")
        yield f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}"
    finally:
        pipeline.end()


def test_the_screenshots_are_made(busy: str, new_person: NewPerson, pictures: Path) -> None:
    pictures.mkdir(exist_ok=True)
    for name, path, context in (
        ("web_dashboard", "/", {"color_scheme": "light"}),
        ("web_table_dark", "/table/pairs/?n=25", {"color_scheme": "dark"}),
        ("web_phone", "/", {"viewport": PHONE, "device_scale_factor": 2}),
    ):
        page = new_person(busy, **context).go(path)
        expect(page.locator("#live-word")).to_have_text("Live")
        page.screenshot(path=pictures / f"{name}.png", full_page=name == "web_dashboard")
        assert (pictures / f"{name}.png").read_bytes()[:8] == PNG
