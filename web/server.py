"""The worker's own web server: bound before Faust starts, so that it answers while Kafka is away."""

from __future__ import annotations

import logging
import socket
from typing import Protocol

from aiohttp import web

from agents.worker import Worker
from streams.pages.door import add_headers
from streams.pages.server import Runner, listening, serve
from streams.settings import Settings
from web import answers
from web import port as web_port
from web.alerts.page import health
from web.cache import Cache
from web.features.lookup import FeaturesOfMany
from web.guard import Guard
from web.keys import (
    BRIDGE,
    CACHE,
    ENDS,
    FACTS,
    FEATURES,
    FEATURES_OF_MANY,
    FIGURES,
    GROWN,
    LIVE,
    PAYLOADS,
    PEERS,
    QUARANTINE,
    SETTINGS,
    TALLIES,
    URL,
    WORKER,
)
from web.live import Live
from web.one_id.features import FeaturesOf
from web.one_id.payloads import Payloads
from web.pairs.tally import Tallies
from web.quarantine.newest import Quarantine
from web.quarantine.watch import Watch
from web.routes import routes
from web.state.bridge_watch import BridgeWatch
from web.state.peers import Peers
from web.state.score_metrics import Grown
from web.state.topic_ends import Ends
from web.state.worker_facts import Facts

logger = logging.getLogger("hindsight.web")
SHUTDOWN_S = 1.0


def build(worker: Worker, url: str) -> web.Application:
    """Return the application with everything that its pages need."""
    settings = worker.settings
    answers.read_templates()
    app = web.Application(middlewares=[Guard(settings, url).middleware], client_max_size=1024)
    app.on_response_prepare.append(add_headers)
    app[WORKER], app[SETTINGS], app[URL] = worker, settings, url
    app[ENDS] = Ends(settings, worker.problems)
    app[FIGURES], app[GROWN] = worker.answers, Grown()
    app[FACTS] = Facts(worker, app[ENDS])
    app[BRIDGE] = BridgeWatch(worker)
    app[PEERS], app[QUARANTINE] = Peers(worker, url), Quarantine(settings, worker.problems)
    app[PAYLOADS], app[TALLIES] = Payloads(settings, worker.problems), Tallies()
    app[FEATURES] = FeaturesOf(settings, worker.problems, worker.predicting.names)
    app[FEATURES_OF_MANY] = FeaturesOfMany(settings, worker.problems, worker.predicting.names)
    app[CACHE], app[LIVE] = Cache(), Live()
    routes(app)
    worker.health = lambda: health(app)
    return app


class _Part(Protocol):
    async def run(self) -> None: ...


class Server:
    """One server, from its socket to its end."""

    def __init__(self, worker: Worker):
        self._worker = worker
        settings = worker.settings
        self._socket = _bind(settings)
        port = self._socket.getsockname()[1] if self._socket else settings.web_port
        self.url = _url(settings, port) if self._socket else ""
        web_port.write(settings, port)
        self._runner: web.AppRunner | None = None

    async def run(self) -> None:
        """Serve until `stop`."""
        if self._socket is None:
            return
        app = build(self._worker, self.url)
        self._runner = Runner(
            app,
            shutdown_timeout=SHUTDOWN_S,
            keepalive_timeout=20.0,
            max_line_size=32_768,
            max_field_size=16_384,
            handler_cancellation=True,
        )
        await serve(self._runner, self._socket)
        logger.info("The web view: %s", self.url)
        parts: dict[str, _Part] = {
            "facts": app[FACTS],
            "view of Kafka": app[ENDS],
            "view of the bridge": app[BRIDGE],
            "view of quarantine": Watch(app[QUARANTINE], app[ENDS], self._worker.unreadable),
            "live page": app[LIVE],
        }
        for name, part in parts.items():
            self._worker.children.start(f"the {name}", part.run())

    async def stop(self) -> None:
        """Stop serving; open streams end."""
        if self._runner is not None:
            await self._runner.app[PEERS].stop()
            await self._runner.app[PAYLOADS].stop()
            await self._runner.app[FEATURES].stop()
            await self._runner.app[FEATURES_OF_MANY].stop()
            await self._runner.app[TALLIES].stop()
            await self._runner.app[QUARANTINE].stop()
            await self._runner.cleanup()


def _bind(settings: Settings) -> socket.socket | None:
    """Return a listening socket on the port or one of the next; None, and a sentence, if there is none."""
    reason = ""
    for port in web_port.candidates(settings):
        try:
            bound = listening(settings.web_bind, port)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            continue
        if port != settings.web_port:
            logger.warning("Port %d is taken (%s): the web view takes %d.", settings.web_port, reason, port)
        return bound
    logger.error(
        "No web view: %s cannot be used from port %d on (%s). Set HINDSIGHT_WEB_BIND or HINDSIGHT_WEB_PORT.",
        settings.web_bind,
        settings.web_port,
        reason,
    )
    return None


def _url(settings: Settings, port: int) -> str:
    if settings.web_url:
        return settings.web_url
    bind = settings.web_bind
    host = socket.gethostname() if bind in ("0.0.0.0", "::") else f"[{bind}]" if ":" in bind else bind  # noqa: S104
    return f"http://{host}:{port}"
