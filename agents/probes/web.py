"""Our own processes, asked over HTTP whether they are ready."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import NamedTuple

TIMEOUT_S = 2.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Ready(NamedTuple):
    """Whether a process is ready, and what it says about itself; `ready` None: nobody of ours answers there."""

    url: str
    ready: bool | None
    said: str


def ask(bind: str, port: int) -> Ready:
    """Ask the process that listens on a port of this machine."""
    host = "127.0.0.1" if bind in ("0.0.0.0", "::", "") else bind  # noqa: S104  only compared
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz"
    try:
        with _opener.open(url, timeout=TIMEOUT_S) as response:
            return _read(url, response.read())
    except urllib.error.HTTPError as exc:
        return _read(url, exc.read())
    except urllib.error.URLError as exc:
        return Ready(url, None, f"does not answer ({getattr(exc.reason, 'strerror', None) or exc.reason})")
    except (OSError, HTTPException) as exc:
        return Ready(url, None, f"does not answer as a web server does ({exc})")


def _read(url: str, body: bytes) -> Ready:
    try:
        answer = json.loads(body)
        ready = answer["ready"]
    except (ValueError, KeyError, TypeError):
        return Ready(url, None, "something else than Hindsight answers there")
    if ready is True:
        return Ready(url, True, "ready")
    return Ready(url, False, f"not ready: {_problem(answer)}")


def _problem(answer: dict[str, object]) -> str:
    """Return what a process that is not ready says is missing."""
    for name in ("problems", "links", "checks"):
        found = answer.get(name)
        if isinstance(found, dict):
            down = [f"{key}: {_said(value)}" for key, value in found.items() if not _is_up(value)]
            if down:
                return "; ".join(down)
        if isinstance(found, list) and found:
            return "; ".join(str(each) for each in found)
    return "it does not say why"


def _is_up(value: object) -> bool:
    return bool(value.get("up")) if isinstance(value, dict) else value in (True, "ok")


def _said(value: object) -> object:
    return value.get("last_problem") or "down" if isinstance(value, dict) else value
