"""A real HTTP server that alerts are posted to, and that may be slow, broken or away."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Posted(NamedTuple):
    """One request that was answered."""

    path: str
    headers: dict[str, str]
    body: Any


class Receiver:
    """Answers on loopback with `answers` in turn, the last one again and again. 0: it does not answer until it is closed."""

    def __init__(self, *answers: int, port: int = 0) -> None:
        self.answers, self.posted = list(answers or (200,)), list[Posted]()
        self._closed = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.posted.append(Posted(self.path, dict(self.headers), body))
                if not status:
                    receiver._closed.wait(60)
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
