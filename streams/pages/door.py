"""The door of a process's pages: who may ask, what may be asked, and the headers of every answer.

A token is shown as `Authorization: Bearer …`, or as the password of basic auth, which browsers ask for by themselves;
it is never part of a URL and no cookie holds it. Processes of ours prove that they know it (`streams.pages.proof`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict
from yarl import URL

from streams.pages.proof import Proofs
from streams.settings import Settings

logger = logging.getLogger("hindsight.web")
_PORT = re.compile(r":[0-9]+$")
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
FAILED = "This page failed; the log of its process says why. Rows are moved all the same."


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    sentence: str
    headers: Mapping[str, str] = {}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer carries, errors included."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")


def refusal(request: web.Request, hosts: set[str], *, is_let_in: bool) -> Refusal | None:
    """Return why a request is refused, None if it is not.

    Args:
        hosts: the names that this process goes by, in lower case.
        is_let_in: whether it has shown what it must.
    """
    if len(request.raw_path) > MAX_TARGET_CHARS:
        return Refusal(414, f"A URL of more than {MAX_TARGET_CHARS:,} characters is not read.")
    if not _is_known(request.headers.get("Host", ""), hosts):
        return Refusal(421, "The web view is not served under this host name. HINDSIGHT_WEB_HOSTS lists further ones.")
    if request.method not in ("GET", "HEAD"):
        return Refusal(405, "The web view is read-only: GET and HEAD.", {"Allow": "GET, HEAD"})
    if not is_let_in:
        return Refusal(
            401,
            "A token is required, as a bearer token or as the password of any user.",
            {"WWW-Authenticate": 'Basic realm="Hindsight", charset="UTF-8"'},
        )
    return None


def shows_token(request: web.Request, settings: Settings) -> bool:
    """Tell whether a request shows the token as it is now, if there is one, or needs none."""
    token = settings.secret("web_token")
    return not token or request.path in OPEN_PATHS or _shows(request.headers.get("Authorization", ""), token)


def proves_token_here(request: web.Request, settings: Settings) -> bool:
    """Tell whether a request proves that the token is known, to the name that it asks for and the port that it came in by."""
    if request.transport is None:
        return False
    port = request.transport.get_extra_info("sockname")[1]
    return proves_token(request, settings, f"http://{_PORT.sub('', request.host)}:{port}")


def proves_token(request: web.Request, settings: Settings, url: str) -> bool:
    """Tell whether a request proves to the process at `url` that the token is known, if there is one."""
    token, shown = settings.secret("web_token"), request.headers.get("Authorization", "")
    return bool(token) and Proofs(token).holds(shown, url, request.raw_path, time.time())


def plain(settings: Settings, hosts: set[str]) -> Middleware:
    """Return the door of pages that are for programs alone: errors are JSON, and no traceback gets out."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_let_in = shows_token(request, settings) or proves_token_here(request, settings)
        refused = refusal(request, hosts, is_let_in=is_let_in)
        if refused is not None:
            return error(*refused)
        try:
            return await handler(request)
        except web.HTTPException as exc:
            return error(exc.status, "There is no such page." if exc.status == 404 else exc.reason)
        except Exception:
            logger.exception("a page failed: %s", ascii(request.path)[:300])
            return error(500, FAILED)

    return middleware


def error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as JSON: what was wrong, in HTTP's words and in a sentence."""
    body = msgspec.json.encode({"error": HTTPStatus(status).phrase, "sentence": sentence})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def own_hosts(bind: str, url: str, *further: str) -> set[str]:
    """Return the host names that a process goes by: this machine's, what it is bound to, its own URL's, and further ones."""
    names = {"localhost", "127.0.0.1", "::1", bind, socket.gethostname(), URL(url).host or "localhost", *further}
    if bind in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        names |= _addresses()
    return {name.lower() for name in names}


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


def _addresses() -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()
