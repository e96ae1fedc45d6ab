"""Our own processes, asked over HTTP whether they are ready."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple

import msgspec

from bridge.ledger import rows_in_kafka
from streams.kinds import Kind
from streams.pages.proof import Proofs
from streams.settings import Settings
from web import port as web_port
from web.state.status import Status

TIMEOUT_S = 2.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Ready(NamedTuple):
    """Whether a process is ready, and what it says about itself; `ready` None: nobody of ours answers there."""

    url: str
    ready: bool | None
    said: str


def worker(settings: Settings) -> Ready:
    """Ask the worker on this machine, on the port that is set, or on the one that it took instead."""
    token, port = settings.secret("web_token"), web_port.read(settings)
    found = ask(settings.web_bind, settings.web_port, token)
    if found.ready is None and port != settings.web_port:
        moved = ask(settings.web_bind, port, token)
        return found if moved.ready is None else moved
    return found


def ask(bind: str, port: int, token: str = "") -> Ready:
    """Ask the process whose pages are bound so; `token` is HINDSIGHT_WEB_TOKEN, if there is one."""
    return _ask(web_port.address(bind, port), token)


def bridge(settings: Settings) -> Ready:
    """Ask the bridge."""
    return _ask(web_port.of_bridge(settings), settings.secret("web_token"))


def _ask(where: str, token: str = "") -> Ready:
    url = f"http://{where}/readyz"
    try:
        return _read(url, get(where, token))
    except urllib.error.URLError as exc:
        return Ready(url, None, f"nothing answers there ({getattr(exc.reason, 'strerror', None) or exc.reason})")
    except (OSError, HTTPException) as exc:
        return Ready(url, None, f"does not answer as a web server does ({exc})")


def waiting(settings: Settings, side: str, most: int) -> list[str]:
    """Return the newest ids that wait for a side, `pred` or `true`; empty if no worker answers."""
    where = urllib.parse.urlsplit(worker(settings).url).netloc
    try:
        path = f"/api/pairs?state=waiting_for_{side}&n={most}"
        return [str(row["id"]) for row in json.loads(get(where, settings.secret("web_token"), path))["rows"]]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return []


def status(settings: Settings, found: Ready) -> Status | None:
    """Return what the worker that answered at `found` says of all workers; None if it does not, or is of another version."""
    where = urllib.parse.urlsplit(found.url).netloc
    try:
        return msgspec.json.decode(get(where, settings.secret("web_token"), "/api/status"), type=Status)
    except (OSError, HTTPException, msgspec.MsgspecError, ValueError):
        return None


def get(where: str, token: str = "", path: str = "/readyz") -> bytes:
    """Return what the process at `where`, host:port, answers.

    Anybody may listen there: the token is not sent, a proof is that we know it.

    Raises:
        OSError, HTTPException: nobody answers, or not as a web server does.
    """
    headers = {"Authorization": Proofs(token).proof(f"http://{where}", path, time.time())} if token else {}
    try:
        with _opener.open(
            urllib.request.Request(f"http://{where}{path}", headers=headers), timeout=TIMEOUT_S
        ) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as exc:
        return exc.read()


def delivered(settings: Settings) -> dict[Kind, int]:
    """Return how many rows of each queue the bridge says that Kafka has, quarantine included.

    Its counts begin with its process. Empty if none answers, or if it is a bridge of other topics.
    """
    try:
        return rows_in_kafka(
            json.loads(get(web_port.of_bridge(settings), settings.secret("web_token"))), settings.namespace
        )
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(url: str, body: bytes) -> Ready:
    try:
        answer = json.loads(body)
        if answer.get("error") == "Unauthorized":
            return Ready(url, None, "asks for a token: set HINDSIGHT_WEB_TOKEN here to the one that it has")
        if answer["ready"] is True:
            return Ready(url, True, "ready")
        return Ready(url, False, f"not ready: {_problem(answer)}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Ready(url, None, "something other than Hindsight answers there")


def _problem(answer: dict[str, Any]) -> str:
    """Return what a process that is not ready says is missing: a worker's `checks`, a bridge's `links`."""
    checks = [check["sentence"] for check in answer.get("checks", []) if not check["ok"]]
    links = [
        f"{name}: {link['last_problem'] or 'down'}" for name, link in answer.get("links", {}).items() if not link["up"]
    ]
    return " ".join(checks) or "; ".join(links) or "it does not say why"
