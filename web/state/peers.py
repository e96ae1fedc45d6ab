"""The other workers: who they are, from Faust's assignment in Kafka's group, and what they answer, within a time.

Anybody in that group may name any address and answer anything. So only `http(s)://host:port` is asked, and the token is
sent to nobody: a proof is, that we know it (`streams.pages.proof`). What comes back is decoded into the struct that is
expected, up to a size, or it is no answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Generic, NamedTuple, TypeVar

import aiohttp
import msgspec
from yarl import URL

from agents.worker import Worker
from streams.pages.proof import Proofs
from streams.settings import ADDRESS

TIMEOUT_S = 1.0
MOST_BYTES = 16 << 20
T = TypeVar("T")
NO_ANSWER = f"did not answer within {TIMEOUT_S:g} s"
UNEXPECTED = "does not answer as expected: is it of another version?"
NO_ADDRESS = "goes by an address that is not asked: it is not http://host:port"


REFUSED = "has another token than this worker, or a clock that differs by more than a minute"


class _NotAsExpected(Exception):
    """The message is what is wrong with the answer."""


class Answer(NamedTuple, Generic[T]):
    """What one worker said; `data` is None if it did not answer, and then `problem` says how."""

    url: str
    data: T | None
    problem: str = ""


class Peers:
    """Asks the other workers."""

    def __init__(self, worker: Worker, url: str):
        self._worker, self._url = worker, url
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

    async def ask(self, path: str, kind: type[T], *, only: str = "") -> list[Answer[T]]:
        """Ask every other worker, or only one, for `path`, all at once; the answer is one of `kind`."""
        asked = [url for url in self.others() if only in ("", url)]
        return list(await asyncio.gather(*(self._ask(url, path, kind) for url in asked)))

    async def _ask(self, url: str, path: str, kind: type[T]) -> Answer[T]:
        if not ADDRESS.fullmatch(url):
            return Answer(url, None, NO_ADDRESS)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                raw = await self._fetched(url, path)
            return Answer(url, msgspec.msgpack.decode(raw, type=kind))
        except _NotAsExpected as exc:
            return Answer(url, None, str(exc))
        except (TimeoutError, aiohttp.ClientConnectionError, OSError):
            return Answer(url, None, NO_ANSWER)
        except (aiohttp.ClientError, msgspec.MsgspecError, ValueError, RecursionError):
            return Answer(url, None, UNEXPECTED)

    async def _fetched(self, url: str, path: str) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        token = self._worker.settings.secret("web_token")
        headers = {"Authorization": Proofs(token).proof(url, path, time.time())} if token else {}
        asked = URL(url + path, encoded=True)
        async with self._session.get(asked, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise _NotAsExpected(REFUSED if response.status == 401 else UNEXPECTED)
            raw = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                raw += chunk
                if len(raw) > MOST_BYTES:
                    raise _NotAsExpected(UNEXPECTED)
            return bytes(raw)

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _flat(tps: Any) -> list[int]:
    return [p for parts in tps.values() for p in parts] if isinstance(tps, dict) else list(tps)
