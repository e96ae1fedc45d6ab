"""The bridge's pages: the same door as the worker's."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from bridge import health
from streams.pages.door import HEADERS
from streams.settings import load
from tests.brokers import free_port

TOKEN = "correct horse"


class Bridge:
    """All that the pages need of a bridge."""

    def state(self) -> dict[str, Any]:
        return {"ready": False}


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    async def talk() -> tuple[int, dict[str, str], str]:
        port = free_port()
        settings = load({"HINDSIGHT_WEB_TOKEN": TOKEN, "HINDSIGHT_BRIDGE_WEB_PORT": str(port)})
        url = f"http://127.0.0.1:{port}{path}"
        async with (
            health.pages(Bridge(), settings),  # type: ignore[arg-type]
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers) as found,
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
        ("/metrics", "GET", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("/readyz", "POST", {"Authorization": f"Bearer {TOKEN}"}, 405),
        ("/nowhere", "GET", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/livez", "GET", {"Host": "evil.example"}, 421),
    ],
)
def test_the_bridges_pages_have_a_door(path: str, method: str, headers: dict[str, str], status: int):
    found, given, _ = ask(path, method, **headers)
    assert found == status
    assert {name: given[name] for name in HEADERS} == dict(HEADERS)
    assert "Python" not in str(given)
