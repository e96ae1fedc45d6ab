"""The web view, in the worker: started before anything else, stopped after everything else."""

from __future__ import annotations

from agents.worker import worker
from streams.faust_app import app
from web.server import Server


@app.at_first
def start_web_view() -> None:
    """Bind and serve, before Kafka is asked for anything; without its pages the worker goes on, and says why."""
    server = Server(worker)
    if server.url:
        app.configure(canonical_url=server.url)  # the other workers learn from Kafka's group where we are
    worker.children.start("the web view", server.run())
    app.closers.append(server.stop)
