"""The door of the web view, with a real server: who may ask, what, and what every answer carries."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from streams.pages.door import HEADERS, add_headers
from streams.pages.proof import Proofs
from streams.pages.server import Runner
from streams.settings import SettingsError, load
from streams.table.store import StoreDamaged
from web.guard import Guard
from web.pairs.query import BadQuery

TOKEN = "correct horse"
OWN_URL = "http://127.0.0.1:1"


async def _fails(request):
    raise RuntimeError("secret inside")


async def _meets_a_damaged_database(request):
    raise StoreDamaged(Path("state/pairs-0"), Exception("Corruption: block checksum mismatch"))


async def _fine(request):
    return web.Response(text="fine")


async def _cannot_be_asked(request):
    raise BadQuery("There is no parameter <b> here.")


async def _asked(request):
    return web.Response(text=request.query_string)


def ask(path="/fine", *, token="", settings=None, method="GET", proof=None, **headers):
    """Return status, headers and body of one request to a guarded server."""

    async def talk():
        of_token = load({"HINDSIGHT_WEB_TOKEN": token} if token else {})
        guard = Guard(settings or of_token, OWN_URL)
        app = web.Application(middlewares=[guard.middleware])
        app.on_response_prepare.append(add_headers)
        handlers = {
            "/fine": _fine,
            "/asked": _asked,
            "/fails": _fails,
            "/unknown": _cannot_be_asked,
            "/damaged": _meets_a_damaged_database,
            "/livez": _fine,
            "/peer/x": _fine,
        }
        app.add_routes(web.get(path, handler) for path, handler in handlers.items())
        runner = Runner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        if proof:
            headers["Authorization"] = proof(port)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, URL(f"http://127.0.0.1:{port}{path}", encoded=True), headers=headers) as found,
            ):
                return found.status, dict(found.headers), await found.text()
        finally:
            await runner.cleanup()

    return asyncio.run(talk())


def test_the_address_of_a_page_holds_no_empty_parameter_whatever_a_form_sent():
    assert ask("/asked?q=a%26b&from=&sort=", Accept="text/html")[2] == "q=a%26b"
    assert ask("/asked?from=&to=", Accept="text/html")[2] == ""
    assert ask("/asked?q=a&from=", Accept="application/json")[2] == "q=a&from="


@pytest.mark.parametrize("path", ["/fine", "/nowhere", "/fails"])
def test_every_answer_carries_the_headers(path):
    _, headers, _ = ask(path)
    assert {name: headers[name] for name in HEADERS} == dict(HEADERS)
    assert "Python" not in str(headers)
    assert "aiohttp" not in str(headers)


def test_a_failure_shows_no_traceback():
    status, _, body = ask("/fails")
    assert status == 500
    assert "secret" not in body
    assert "Traceback" not in body


def test_a_page_that_meets_a_damaged_database_says_what_to_do():
    status, _, body = ask("/damaged")
    assert status == 503
    assert "the database state/pairs-0 cannot be used: Corruption: block checksum mismatch. Move it away" in body


def test_a_page_that_is_asked_for_what_there_is_not_says_so_to_people_and_to_programs():
    status, _, body = ask("/unknown")
    assert (status, "There is no parameter <b> here." in body) == (400, True)
    status, _, body = ask("/unknown", Accept="text/html")
    assert (status, "There is no parameter &lt;b&gt; here." in body) == (400, True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_looking_is_allowed(method):
    status, headers, _ = ask(method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:6066", "", "127.0.0.1.evil.example", "["])
def test_a_strange_host_is_refused(host):
    assert ask(Host=host)[0] in (400, 421)


def test_a_token_is_asked_for_and_both_ways_to_show_it_work():
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    assert ask(token=TOKEN)[0] == 401
    assert ask(token=TOKEN, Authorization="Bearer wrong")[0] == 401
    assert ask(token=TOKEN, Authorization="Basic !!!")[0] == 401
    assert ask(token=TOKEN, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(token=TOKEN, Authorization=f"Basic {basic}")[0] == 200
    assert ask(f"/fine?token={TOKEN.replace(' ', '%20')}", token=TOKEN)[0] == 401
    assert ask("/livez", token=TOKEN)[0] == 200


def test_a_process_of_this_machine_proves_that_it_knows_the_token_to_the_port_that_it_asks():
    def of_port(port, path="/fine"):
        return Proofs(TOKEN).proof(f"http://127.0.0.1:{port}", path, time.time())

    assert ask(token=TOKEN, proof=of_port)[0] == 200
    assert ask("/fine?n=1", token=TOKEN, proof=of_port)[0] == 401
    elsewhere = of_port(1)
    assert ask(token=TOKEN, Authorization=elsewhere)[0] == 401
    assert ask(token=TOKEN, Authorization=elsewhere, Host="127.0.0.1:1")[0] == 401, "relayed by who listens there"


def test_another_worker_proves_that_it_knows_the_token_and_the_token_itself_opens_nothing_of_theirs():
    proof = Proofs(TOKEN).proof(OWN_URL, "/peer/x?q=%2E", time.time())
    assert ask("/peer/x?q=%2E", token=TOKEN, Authorization=proof)[0] == 200
    assert ask("/peer/x?q=1", token=TOKEN, Authorization=proof)[0] == 401
    assert ask("/fine", token=TOKEN, Authorization=proof)[0] == 401
    assert ask("/peer/x", token=TOKEN, Authorization=f"Bearer {TOKEN}")[0] == 401
    assert ask("/peer/x")[0] == 200


@pytest.mark.parametrize("bind", ["127.evil.example", "127.0.0.1.example", "0.0.0.0", "::"])
def test_a_name_that_only_looks_like_this_machine_needs_a_token(bind):
    with pytest.raises(SettingsError, match="HINDSIGHT_WEB_TOKEN"):
        load({"HINDSIGHT_WEB_BIND": bind})


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(bind):
    assert load({"HINDSIGHT_WEB_BIND": bind}).web_is_local


EVERYWHERE = "0.0.0.0"


def test_nobody_opens_the_web_view_by_mistake():
    with pytest.raises(SettingsError, match="HINDSIGHT_WEB_TOKEN"):
        load({"HINDSIGHT_WEB_BIND": EVERYWHERE})
    assert load({"HINDSIGHT_WEB_BIND": EVERYWHERE, "HINDSIGHT_WEB_OPEN": "true"}).web_open
    assert load({"HINDSIGHT_WEB_BIND": EVERYWHERE, "HINDSIGHT_WEB_TOKEN": "x"}).web_token.get_secret_value() == "x"


def test_a_url_that_is_too_long_is_refused():
    assert ask("/fine?q=" + "x" * 20_000)[0] in (400, 414)


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n"], ids=["text", "nul"]
)
def test_what_is_no_http_gets_the_headers_and_a_sentence_too(raw, caplog):
    answer = asyncio.run(_say(raw))
    assert answer.startswith("HTTP/1.0 400 Bad Request\r\n")
    assert all(f"{name}: {value}\r\n" in answer for name, value in HEADERS.items())
    assert '"sentence":"This is not a readable HTTP request."' in answer
    assert "Python" not in answer
    assert not caplog.records


async def _say(raw):
    runner = Runner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(raw)
        answer = await reader.read()
        writer.close()
        return answer.decode()
    finally:
        await runner.cleanup()


def test_a_token_that_was_changed_in_its_file_is_asked_for_at_once(tmp_path):
    file = tmp_path / "token"
    file.write_text("former")
    settings = load({"HINDSIGHT_WEB_TOKEN_FILE": str(file)})
    assert ask(settings=settings, Authorization="Bearer former")[0] == 200
    file.write_text(TOKEN)
    assert ask(settings=settings, Authorization="Bearer former")[0] == 401
    assert ask(settings=settings, Authorization=f"Bearer {TOKEN}")[0] == 200
    file.write_text("")
    assert ask(settings=settings)[0] == 401
