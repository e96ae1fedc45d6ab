"""The door of the web view: that of any of our pages, and proofs of other workers. Behind it, pages take turns.

The join has the event loop to itself but for short steps: few pages are made at a time, and templates are filled in by a
thread of their own.
"""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from streams.pages.door import Handler, own_hosts, proves_token, proves_token_here, refusal, shows_token
from streams.process.own_thread import OwnThread
from streams.settings import Settings
from streams.table.store import StoreFailed
from web import answers
from web.pairs.query import BadQuery

logger = logging.getLogger("hindsight.web")
PAGES_AT_ONCE = 4
OUT_OF_TURN = ("/livez", "/readyz", "/metrics", "/events", "/static/", "/peer/", "/table/pairs.", "/table/pairs/.")
"""What does not wait for pages: it is quick, or sent bit by bit, or another worker's page waits for it."""


class Guard:
    """Refuses what may not be asked, and keeps every traceback inside."""

    def __init__(self, settings: Settings, url: str):
        self._settings, self._url = settings, url
        self._hosts = own_hosts(settings.web_bind, url, *settings.web_hosts)
        self._turns = asyncio.Semaphore(PAGES_AT_ONCE)
        self._thread = OwnThread("pages")

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            found = await self._handle(request, handler)
            if isinstance(found, answers.Page):
                await self._thread.do(found.fill_in)
            return found

        self.middleware = middleware

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = refusal(request, self._hosts, is_let_in=self._is_let_in(request))
        if refused is not None:
            return answers.error(request, refused.status, refused.sentence, headers=refused.headers)
        try:
            return await self._made(request, handler)
        except web.HTTPException as exc:
            sentence = "There is no such page." if exc.status == 404 and exc.text == "404: Not Found" else exc.text
            return answers.error(request, exc.status, sentence or exc.reason, headers=exc.headers)
        except BadQuery as exc:
            return answers.error(request, 400, str(exc))
        except (ConnectionError, TimeoutError):
            raise
        except StoreFailed as exc:
            return answers.error(request, 503, f"This cannot be shown: {exc}.")
        except Exception:
            logger.exception("a page failed: %s", ascii(request.path)[:300])
            return answers.error(request, 500, "This page failed; the worker's log says why. The join continues.")

    async def _made(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(OUT_OF_TURN):
            return await handler(request)
        if answers.wants_html(request) and "" in request.query.values():
            raise web.HTTPFound(request.rel_url.with_query([part for part in request.query.items() if part[1]]))
        async with self._turns:
            found = await handler(request)
            if isinstance(found, answers.Page):
                await self._thread.do(found.fill_in)
            return found

    def _is_let_in(self, request: web.Request) -> bool:
        """Tell whether a request shows the token, or proves that it is known; one of another worker has to prove it."""
        if self._settings.secret("web_token") and request.path.startswith("/peer/"):
            return proves_token(request, self._settings, self._url)
        return shows_token(request, self._settings) or proves_token_here(request, self._settings)
