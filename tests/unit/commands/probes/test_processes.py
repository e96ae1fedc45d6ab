"""The probe of our own processes, against servers that answer as workers, bridges and strangers do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from commands.doctor import check_files_and_ports
from commands.probes import processes
from streams.settings import Settings
from web import port as web_port

READY = {"ready": True, "checks": [{"name": "model", "ok": True, "sentence": "ridge predicts."}]}


@contextmanager
def answering(body: Any, status: int = 200) -> Iterator[int]:
    """Hold a server running that gives one answer to everything; yield its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("body", "ready", "said"),
    [
        (READY, True, "ready"),
        (
            {
                "ready": False,
                "checks": [{"name": "table", "ok": False, "sentence": "Kafka is away."}, *READY["checks"]],
            },
            False,
            "not ready: Kafka is away.",
        ),
        (
            {"ready": False, "links": {"kafka": {"up": False, "last_problem": "refused"}, "queues": {"up": True}}},
            False,
            "not ready: kafka: refused",
        ),
        ({"ready": False}, False, "not ready: it does not say why"),
        ({"ready": False, "checks": "yes"}, None, "something other than Hindsight answers there"),
        (
            {"error": "Unauthorized", "sentence": "A token is required."},
            None,
            "asks for a token: set HINDSIGHT_WEB_TOKEN here to the one that it has",
        ),
        ([], None, "something other than Hindsight answers there"),
    ],
    ids=[
        "a worker",
        "a worker that waits",
        "a bridge that waits",
        "nothing said",
        "another shape",
        "a token",
        "a stranger",
    ],
)
def test_readiness_is_read_from_what_our_processes_answer(body: Any, ready: bool | None, said: str) -> None:
    with answering(body, 200 if ready else 503) as port:
        found = processes.ask("127.0.0.1", port)
    assert (found.ready, found.said) == (ready, said)


def test_a_worker_is_found_on_the_port_that_it_took_instead(tmp_path: Path) -> None:
    with answering({"hello": 1}) as taken, answering(READY) as other:
        settings = Settings(web_port=taken, state_dir=tmp_path)
        assert processes.worker(settings).ready is None
        assert check_files_and_ports.web_view(settings).level == "wrong"
        web_port.write(settings, other)
        assert processes.worker(settings).url == f"http://127.0.0.1:{other}/readyz"
        assert check_files_and_ports.web_view(settings).said.endswith(
            f"the web view is at http://127.0.0.1:{other} (ready)"
        )
    assert processes.worker(settings).ready is None
