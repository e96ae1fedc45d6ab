"""What is no HTTP gets an answer like every other: our headers, one sentence, no version and no traceback.

aiohttp (seen in 3.14) answers it before any middleware, names itself and Python in `Server`, and logs a traceback.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from web import answers
from web.guard import HEADERS

logger = logging.getLogger("hindsight.web")


class Runner(web.AppRunner):
    """An AppRunner whose server answers what it cannot read as `_Handler` does."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            logger.error("a request failed outside the pages", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        sentence = "This is not a readable HTTP request." if status < 500 else "The web view failed; its log says why."
        response = answers.json(answers.Error(HTTPStatus(status).phrase, sentence), status)
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "no-store"
        response.force_close()
        return response
