"""Debian's Chromium, headless, as a person uses it. Imports nothing of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 844}
_axe = Axe()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Hold a Chromium running; as root it has no sandbox."""
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET + sandbox)
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """One browser window of its own, and what went wrong in it: errors of scripts, refused by the policy, failed loads."""

    def __init__(self, browser: Browser, url: str, **context: Any):
        self.context: BrowserContext = browser.new_context(
            base_url=url, viewport=context.pop("viewport", {"width": 1280, "height": 900}), **context
        )
        self.context.set_default_timeout(10_000)
        self.wrong: list[str] = []
        self.expected = ""
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        """Open a tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: self.wrong.append(f"a dialog: {dialog.message}"))
        return page

    def expect_wrong(self, pattern: str) -> None:
        """Take errors for what the test is about, whenever the console tells them, where a pattern is in their text."""
        self.expected = pattern

    def unexpected(self) -> list[str]:
        """Return what went wrong and is not what the test is about."""
        return [text for text in self.wrong if not (self.expected and re.search(self.expected, text))]

    def go(self, path: str) -> Page:
        """Open a page in the first tab."""
        self.page.goto(path)
        return self.page


def wide(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def barriers(page: Page) -> list[str]:
    """Return what axe finds: a rule, and the elements that break it."""
    found = _axe.run(page).response["violations"]
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found]
