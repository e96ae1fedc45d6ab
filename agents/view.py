"""The web view, in the worker: started before anything else, stopped after everything else."""

from __future__ import annotations

import asyncio
import logging

from streams.faust_app import app, settings
from web.server import Server

logger = logging.getLogger("hindsight.web")
serving: asyncio.Task[None]


@app.at_first
def start_web_view() -> None:
    """Bind and serve, before Kafka is asked for anything."""
    global serving
    server = Server(settings)
    if server.url:
        server.set_address(app.conf)
    serving = asyncio.create_task(_serve(server))
    app.closers.append(server.stop)


async def _serve(server: Server) -> None:
    """Serve; without its pages the worker goes on, and says why there are none."""
    try:
        await server.run()
    except Exception:
        logger.exception("the web view does not run")
