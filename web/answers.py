"""How an answer is made: a page from a template, JSON, or an error in the form that was asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from aiohttp import web

from streams.version import version
from web import text

HERE = Path(__file__).parent
THEMES = ("auto", "light", "dark")
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {name: getattr(text, name) for name in text.__all__} | {
    "spelled": text.shown,
    "range_of": range,
    "version": version,
}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Error(msgspec.Struct, frozen=True):
    """What was wrong, in HTTP's words and in a sentence."""

    error: str
    sentence: str


def read_templates() -> None:
    """Read all templates: the first page of each kind would take ten times as long, and hold the join up."""
    for name in _templates.list_templates():
        _templates.get_template(name)


def wants_html(request: web.Request) -> bool:
    """Tell whether the caller asks for a page: browsers name text/html, programs do not."""
    return "text/html" in request.headers.get("Accept", "")


def json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=_encode(data), status=status, content_type="application/json", headers=headers)


def html(template: str, **values: Any) -> str:
    """Return a template filled in."""
    return _templates.get_template(template).render(**values)


class Page(web.Response):
    """A page whose template is not filled in yet, since that takes long: `web.guard` has it done by a thread of its own."""

    def __init__(self, make: Callable[[], str], status: int) -> None:
        super().__init__(status=status, content_type="text/html", headers={"Vary": "Accept, Cookie"})
        self._make = make

    def fill_in(self) -> None:
        """Fill the template in."""
        if self.body is None:
            self.text = self._make()


class Later:
    """A part of a page that is made when the template is filled in."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __html__(self) -> str:
        return self._make()


def page(request: web.Request, template: str, code: int = 200, **values: Any) -> Page:
    """Answer with a page in the theme that the caller chose."""
    theme = theme_of(request)
    make = functools.partial(html, template, theme=theme, theme_links=_theme_links(request), **values)
    response = Page(make, code)
    if request.query.get("theme") in THEMES:
        response.set_cookie("theme", theme, max_age=365 * 86400, samesite="Strict", httponly=True)
    return response


def theme_of(request: web.Request) -> str:
    """Return auto, light or dark: as the URL says, else as it was last chosen."""
    given = request.query.get("theme") or request.cookies.get("theme", "")
    return given if given in THEMES else "auto"


def _theme_links(request: web.Request) -> dict[str, str]:
    return {theme: "?" + str(request.rel_url.update_query(theme=theme).raw_query_string) for theme in THEMES}


def error(
    request: web.Request, status: int, sentence: str, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with one sentence; never with a traceback."""
    keep = {name: value for name, value in (headers or {}).items() if name in ("Allow", "WWW-Authenticate", "Location")}
    title = HTTPStatus(status).phrase
    if not wants_html(request) or status in (401, 414, 421):
        return json(Error(title, sentence), status, keep)
    response = page(request, "message.html", status, title=title, sentence=sentence, here="")
    response.headers.update(keep)
    return response
