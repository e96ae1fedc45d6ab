"""Who may ask what: a token, host names, frames, long ids; from a real Chromium where that is what asks."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.brokers import Brokers
from tests.browser.conftest import NewPerson, View
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

TOKEN = "open-sesame-7"
LISTENS = "0A"
N_LISTENERS = 200


class Guarded:
    """A worker that asks for a token."""

    def __init__(self, brokers: Brokers):
        self.pipeline = Pipeline(brokers, agents="metric,plot", web_token=TOKEN)
        self.port = int(self.pipeline.environ["HINDSIGHT_WEB_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"

    def listen(self) -> http.client.HTTPConnection:
        """Ask for the stream of events."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/events", headers={"Authorization": f"Bearer {TOKEN}"})
        return connection

    def ask(self, method: str, target: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers and body of an answer; a header is `name_with_underlines`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                method, target, headers={name.replace("_", "-"): value for name, value in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def guarded(brokers: Brokers) -> Iterator[Guarded]:
    """A worker that asks for a token."""
    guarded = Guarded(brokers)
    try:
        guarded.pipeline.start_worker()
        yield guarded
    finally:
        guarded.pipeline.end()


def test_a_token_opens_the_pages_and_stands_in_no_address(guarded: Guarded, new_person: NewPerson) -> None:
    credentials = {"username": "anybody", "password": TOKEN}
    page = new_person(guarded.url, http_credentials=credentials).go("/")
    expect(page.get_by_text("No rows yet.")).to_be_visible()
    page.get_by_role("link", name="Ids", exact=True).click()
    expect(page.get_by_text("No ids yet.")).to_be_visible()
    assert TOKEN not in page.url + page.content()
    assert TOKEN not in guarded.pipeline.worker.said


def test_without_the_token_a_browser_is_shown_nothing(guarded: Guarded, new_person: NewPerson) -> None:
    for credentials in ({}, {"http_credentials": {"username": "anybody", "password": TOKEN + "x"}}):
        answer = new_person(guarded.url, **credentials).context.request.get("/table/pairs/")
        assert answer.status == 401
        assert answer.json()["sentence"].startswith("A token is required")


@pytest.mark.parametrize(
    ("status", "method", "target", "headers"),
    [
        (401, "GET", "/", {}),
        (401, "GET", f"/?token={TOKEN}", {}),
        (401, "GET", "/", {"Cookie": f"token={TOKEN}"}),
        (405, "POST", "/", {"Authorization": f"Bearer {TOKEN}"}),
        (405, "DELETE", "/table/pairs/x", {"Authorization": f"Bearer {TOKEN}"}),
        (421, "GET", "/", {"Host": "evil.example", "Authorization": f"Bearer {TOKEN}"}),
        (414, "GET", "/table/pairs/" + "x" * 20_000, {"Authorization": f"Bearer {TOKEN}"}),
        (404, "GET", "/nothing", {"Authorization": f"Bearer {TOKEN}"}),
        (400, "GET", "/table/pairs/?n=x", {"Authorization": f"Bearer {TOKEN}"}),
        (200, "GET", "/", {"Authorization": f"Bearer {TOKEN}"}),
    ],
    ids=str,
)
def test_every_answer_carries_the_strict_headers(
    guarded: Guarded, status: int, method: str, target: str, headers: dict[str, str]
) -> None:
    found, said, body = guarded.ask(method, target, **headers)
    assert found == status
    assert "default-src 'none'" in said["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in said["Content-Security-Policy"]
    assert "unsafe" not in said["Content-Security-Policy"]
    assert (said["X-Content-Type-Options"], said["Referrer-Policy"], said["Server"]) == (
        "nosniff",
        "no-referrer",
        "hindsight",
    )
    assert "Traceback" not in body


def test_the_two_hundred_and_first_listener_is_told_why_it_is_not_served(guarded: Guarded) -> None:
    streams = [guarded.listen() for _ in range(N_LISTENERS)]
    try:
        assert {stream.getresponse().status for stream in streams} == {200}
        status, _, body = guarded.ask("GET", "/events", Authorization=f"Bearer {TOKEN}")
        assert (status, "200 pages are listening already; close some." in body) == (503, True)
    finally:
        for stream in streams:
            stream.close()
    wait_until(
        lambda: guarded.ask("HEAD", "/events", Authorization=f"Bearer {TOKEN}")[0] == 200, 20, "there is room again"
    )


def test_a_name_that_was_bent_to_this_machine_is_refused(view: View, new_person: NewPerson) -> None:
    port = view.pipeline.environ["HINDSIGHT_WEB_PORT"]
    person = new_person()
    person.expect_wrong("status of 421")
    answer = person.page.goto(f"http://evil.localhost:{port}/")  # Chromium takes every name under localhost to loopback
    assert answer is not None
    assert answer.status == 421


def test_no_other_page_can_frame_ours(view: View, new_person: NewPerson) -> None:
    person = new_person()
    person.expect_wrong("(?i)frame")
    person.page.set_content(f'<iframe src="{view.url}/"></iframe>')
    wait_until(lambda: any("frame" in text.lower() for text in person.wrong), 5, "the browser refuses the frame")
    assert not any("Hindsight" in frame.content() for frame in person.page.frames)


def test_an_id_of_ten_thousand_characters_is_answered_and_cut(view: View, new_person: NewPerson) -> None:
    person = new_person()
    person.expect_wrong("status of 40[04]")
    page = person.go("/table/pairs/" + "x" * 10_000)
    expect(page.locator(".verdict")).to_contain_text("Not joined: no row with this id is known.")
    expect(page.locator("h1")).to_contain_text("(10,000 characters)")
    page.goto("/table/pairs/?q=" + "x" * 10_000)
    expect(page.get_by_text("q has more than 512 characters.")).to_be_visible()
    assert "x" * 1000 not in view.pipeline.worker.said


def test_fausts_own_pages_are_off(view: View, new_person: NewPerson) -> None:
    get = new_person().context.request.get
    for path in ("/table", "/table/", "/router/", "/router/pairs/x", "/graph", "/graph/", "/stats/", "/assignor/"):
        assert get(path).status == 404, path
    assert listening(view.pipeline.worker.process.pid) == {int(view.pipeline.environ["HINDSIGHT_WEB_PORT"])}


def listening(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on."""
    own = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {
        int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == LISTENS and f"socket:[{line[9]}]" in own
    }
