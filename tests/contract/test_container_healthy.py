"""The image's HEALTHCHECK, asked of a server that answers as the worker or the bridge does."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest

from container import healthy
from streams.pages.proof import Proofs
from tests.brokers import free_port


class Ours(http.server.ThreadingHTTPServer):
    """Answers /readyz as it is told, to those who prove that they know its token, if it has one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.ready, self.token = True, ""


class Answer(http.server.BaseHTTPRequestHandler):
    server: Ours

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization", "")
        url, token = f"http://127.0.0.1:{self.server.server_port}", self.server.token
        allowed = not token or Proofs(token).holds(shown, url, self.path, time.time())
        body = json.dumps({"ready": self.server.ready} if allowed else {"error": "A token is needed."}).encode()
        self.send_response(401 if not allowed else 200 if self.server.ready else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Ours]:
    """A server on a port of its own."""
    with Ours() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers on either port, until a test says so."""
    for name in ("WEB_PORT", "BRIDGE_WEB_PORT"):
        monkeypatch.setenv(f"HINDSIGHT_{name}", str(free_port()))


@pytest.mark.parametrize("name", ["WEB_PORT", "BRIDGE_WEB_PORT"])
@pytest.mark.parametrize("ready", [True, False])
def test_worker_and_bridge_are_healthy_when_they_are_ready(
    server: Ours, monkeypatch: pytest.MonkeyPatch, name: str, ready: bool
) -> None:
    monkeypatch.setenv(f"HINDSIGHT_{name}", str(server.server_port))
    server.ready = ready
    assert healthy.main() == (0 if ready else 1)


def test_a_worker_behind_a_token_is_asked_with_a_proof(server: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINDSIGHT_WEB_PORT", str(server.server_port))
    server.token = "open-sesame"
    assert healthy.main() == 1
    monkeypatch.setenv("HINDSIGHT_WEB_TOKEN", "open-sesame")
    assert healthy.main() == 0


def test_nobody_answering_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthy.main() == 1
    assert "nothing answers there (Connection refused)" in capsys.readouterr().out


def test_settings_that_cannot_be_used_are_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HINDSIGHT_WEB_PORT", "none")
    assert healthy.main() == 1
    assert "HINDSIGHT_WEB_PORT is 'none'" in capsys.readouterr().out
