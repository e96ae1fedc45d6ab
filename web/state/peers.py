"""The other workers: who they are, from Faust's assignment in Kafka's group, and what they answer, within a time.

A peer is asked with our own token, never with what a caller showed us, and only for what it holds itself.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from agents.worker import Worker

TIMEOUT_S = 1.0


class Answer(NamedTuple):
    """What one worker said; `data` is None if it did not answer."""

    url: str
    data: Any


class Peers:
    """Asks the other workers."""

    def __init__(self, worker: Worker, url: str):
        self._worker, self._url = worker, url
        self._token = worker.settings.web_token.get_secret_value()
        self._session: aiohttp.ClientSession | None = None

    def partitions(self) -> dict[str, list[int]]:
        """Return which partitions of the table each worker owns, by the worker's URL; ours included."""
        if not self._worker.runs("metric"):
            return {}
        assigned = self._worker.app.assignor.table_metadata(self._worker.names.pairs_log.name)
        return {url: sorted(parts) for url, tps in assigned.items() if (parts := _flat(tps))}

    def others(self) -> list[str]:
        """Return the URLs of the other workers."""
        if not self._worker.runs("metric"):
            return []
        found = set(self.partitions()) | set(self._worker.app.assignor.external_topics_metadata())
        return sorted(found - {self._url})

    async def ask(self, path: str, *, also: int = 200, only: str = "") -> list[Answer]:
        """Ask every other worker, or only one, for `path`, all at once; `also` is a further status that is an answer."""
        asked = [url for url in self.others() if only in ("", url)]
        return list(await asyncio.gather(*(self._ask(url, path, also) for url in asked)))

    async def _ask(self, url: str, path: str, also: int) -> Answer:
        if self._session is None:
            headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
            self._session = aiohttp.ClientSession(
                headers=headers | {"Accept": "application/json"}, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.get(URL(url + path, encoded=True), allow_redirects=False) as response,
            ):
                if response.status not in (200, also):
                    return Answer(url, None)
                return Answer(url, msgspec.json.decode(await response.read()))
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError, ValueError):
            return Answer(url, None)

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _flat(tps: Any) -> list[int]:
    return [p for parts in tps.values() for p in parts] if isinstance(tps, dict) else list(tps)
