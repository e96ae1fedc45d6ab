"""The bridge's pages: the same door as the worker's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from bridge import health
from streams.pages.door import HEADERS
from streams.pages.proof import Proofs
from streams.settings import load
from tests.brokers import free_port

TOKEN = "correct horse"


class Bridge:
    """All that the pages need of a bridge."""

    def state(self) -> dict[str, Any]:
        return {"ready": False}


def proof(**of: str) -> Callable[[str], str]:
    """Return what makes the header of who proves to know the token, to the bridge at a URL."""
    given = {"token": TOKEN, "path": "/readyz"} | of
    return lambda url: Proofs(given["token"]).proof(given.get("url", url), given["path"], time.time())


def ask(path: str, method: str = "GET", **headers: str | Callable[[str], str]) -> tuple[int, dict[str, str], str]:
    async def talk() -> tuple[int, dict[str, str], str]:
        port = free_port()
        settings = load({"HINDSIGHT_WEB_TOKEN": TOKEN, "HINDSIGHT_BRIDGE_WEB_PORT": str(port)})
        url = f"http://127.0.0.1:{port}"
        sent = {name: value if isinstance(value, str) else value(url) for name, value in headers.items()}
        async with (
            health.pages(Bridge(), settings),  # type: ignore[arg-type]
            aiohttp.ClientSession() as session,
            session.request(method, url + path, headers=sent) as found,
        ):
            return found.status, dict(found.headers), await found.text()

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/livez", "GET", {}, 200),
        ("/readyz", "GET", {}, 401),
        ("/metrics", "GET", {}, 401),
        ("/readyz", "GET", {"Authorization": "Bearer wrong"}, 401),
        ("/readyz", "GET", {"Authorization": f"Bearer {TOKEN}"}, 503),
        ("/readyz", "GET", {"Authorization": proof()}, 503),
        ("/readyz", "GET", {"Authorization": proof(token="guess")}, 401),
        ("/readyz", "GET", {"Authorization": proof(url="http://127.0.0.1:1")}, 401),
        ("/metrics", "GET", {"Authorization": proof()}, 401),
        ("/metrics", "GET", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("/readyz", "POST", {"Authorization": f"Bearer {TOKEN}"}, 405),
        ("/nowhere", "GET", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/livez", "GET", {"Host": "evil.example"}, 421),
    ],
)
def test_the_bridges_pages_have_a_door(path: str, method: str, headers: dict[str, Any], status: int):
    found, given, _ = ask(path, method, **headers)
    assert found == status
    assert {name: given[name] for name in HEADERS} == dict(HEADERS)
    assert "Python" not in str(given)
