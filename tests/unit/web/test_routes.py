"""The files that pages load, asked for by any name."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import web

from web import routes


def static(name: str) -> web.Response:
    return asyncio.run(routes._static(SimpleNamespace(match_info={"name": name})))


def test_a_file_is_sent_with_its_type():
    found = static("style.css")
    assert (found.status, found.content_type) == (200, "text/css")
    assert found.body == (routes.STATIC / "style.css").read_bytes()


@pytest.mark.parametrize(
    "name", ["..", "../view.py", "openapi.json", "no.css", "\0.css", "a" * 300 + ".css", "ü\udcff.js"]
)
def test_what_is_no_such_file_is_not_found_whatever_it_is_called(name):
    with pytest.raises(web.HTTPNotFound):
        static(name)
