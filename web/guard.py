"""The door of the web view: who may ask, what may be asked, and the headers of every answer.

A token is shown as `Authorization: Bearer …`, or as the password of basic auth, which browsers ask for by themselves;
it is never part of a URL and no cookie holds it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import socket
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from streams.settings import Settings
from web import answers
from web.state.proof import Proofs

logger = logging.getLogger("hindsight.web")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_TARGET_CHARS = 16_000
HEADERS = CIMultiDict(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": "hindsight",
    }
)
OPEN_PATHS = ("/livez",)
"""What needs no token: it tells nothing but that the process turns."""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer carries, errors included."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")


class Guard:
    """Refuses what may not be asked, and keeps every traceback inside."""

    def __init__(self, settings: Settings, own: set[str], url: str):
        self._hosts = {host.lower() for host in (*own, *settings.web_hosts)}
        self._settings, self._url = settings, url

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._handle(request, handler)

        self.middleware = middleware

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = _refusal(request, self._hosts, self._is_let_in(request))
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as exc:
            sentence = "There is no such page." if exc.status == 404 and exc.text == "404: Not Found" else exc.text
            return answers.error(request, exc.status, sentence or exc.reason, headers=exc.headers)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            logger.exception("a page failed: %s", ascii(request.path)[:300])
            return answers.error(request, 500, "This page failed; the worker's log says why. The join continues.")

    def _is_let_in(self, request: web.Request) -> bool:
        """Tell whether a request shows the token; one of another worker, a proof that it is known."""
        token = self._settings.secret("web_token")
        if not token:
            return True
        shown = request.headers.get("Authorization", "")
        if request.path.startswith("/peer/"):
            return Proofs(token).holds(shown, self._url, request.raw_path, time.time())
        return request.path in OPEN_PATHS or _shows(shown, token)


def _refusal(request: web.Request, hosts: set[str], is_let_in: bool) -> web.Response | None:
    if len(request.raw_path) > MAX_TARGET_CHARS:
        return answers.error(request, 414, f"A URL of more than {MAX_TARGET_CHARS:,} characters is not read.")
    if not _is_known(request.headers.get("Host", ""), hosts):
        return answers.error(
            request, 421, "The web view is not served under this host name. HINDSIGHT_WEB_HOSTS lists further ones."
        )
    if request.method not in ("GET", "HEAD"):
        return answers.error(request, 405, "The web view is read-only: GET and HEAD.", headers={"Allow": "GET, HEAD"})
    if not is_let_in:
        return answers.error(
            request,
            401,
            "A token is required, as a bearer token or as the password of any user.",
            headers={"WWW-Authenticate": 'Basic realm="Hindsight", charset="UTF-8"'},
        )
    return None


def _is_known(host: str, hosts: set[str]) -> bool:
    try:
        name = URL(f"http://{host}").host
    except ValueError:
        return False
    return bool(name) and str(name).lower() in hosts


def _shows(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(errors="replace"), token.encode())


def own_hosts(bind: str, url: str) -> set[str]:
    """Return the host names that this worker goes by: this machine's, what it is bound to, and its own URL's."""
    names = {"localhost", "127.0.0.1", "::1", bind, socket.gethostname(), URL(url).host or "localhost"}
    if bind in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        names |= _addresses()
    return names


def _addresses() -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()
