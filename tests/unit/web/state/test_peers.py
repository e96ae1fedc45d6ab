"""What a worker asks others, over real sockets: with a token that is never sent, only of addresses, and never a 500."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest
from aiohttp import web

from streams.settings import load
from web.api import Check
from web.guard import Guard
from web.state import peers
from web.state.peers import Peers

TOKEN = "correct horse"
FINE = Check("table", ok=True, sentence="Works.")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Wait for an answer, however slow the machine is."""
    monkeypatch.setattr(peers, "TIMEOUT_S", 30.0)


def asker(token, *urls):
    """Return a worker's `Peers`, in a group whose members go by `urls`."""
    assignor = SimpleNamespace(
        table_metadata=lambda topic: {url: [n] for n, url in enumerate(urls)}, external_topics_metadata=dict
    )
    worker = SimpleNamespace(
        settings=load({"HINDSIGHT_WEB_TOKEN": token} if token else {}),
        runs=lambda agent: True,
        app=SimpleNamespace(assignor=assignor),
        names=SimpleNamespace(pairs_log=SimpleNamespace(name="log")),
    )
    return Peers(worker, "http://own:1")


def asked(body, *, own="", theirs="", status=200):
    """Return what a worker with the token `own` makes of an answer of one with `theirs`, and the headers that it sent."""
    seen = []

    async def answer(request):
        seen.append(dict(request.headers))
        return web.Response(body=body, status=status)

    async def talk():
        app = web.Application()
        app.add_routes([web.get("/peer/x", answer)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        if theirs:
            settings = load({"HINDSIGHT_WEB_TOKEN": theirs})
            guarded = web.Application(middlewares=[Guard(settings, url).middleware])
            guarded.add_routes([web.get("/peer/x", answer)])
            await runner.cleanup()
            runner = web.AppRunner(guarded, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", int(url.rpartition(":")[2]), reuse_address=True).start()
        asking = asker(own, url)
        try:
            (said,) = await asking.ask("/peer/x?a=%2E", Check)
            return said
        finally:
            await asking.stop()
            await runner.cleanup()

    return asyncio.run(talk()), seen


def test_workers_with_one_token_answer_each_other_and_the_token_is_not_sent():
    said, seen = asked(msgspec.msgpack.encode(FINE), own=TOKEN, theirs=TOKEN)
    assert said.data == FINE
    assert TOKEN not in str(seen)


def test_a_stranger_in_the_group_is_not_sent_the_token():
    said, seen = asked(msgspec.msgpack.encode(FINE), own=TOKEN)
    assert said.data == FINE
    assert seen
    assert TOKEN not in str(seen)


def test_a_worker_with_another_token_says_so():
    assert asked(b"", own="guess", theirs=TOKEN)[0].problem == peers.REFUSED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"<html>", 200),
        (b"\x91" * 100_000, 200),
        (b"\x80", 200),
        (b"x", 404),
        (b"", 302),
        (b"x" * (17 << 20), 200),
    ],
    ids=["nothing", "html", "deep", "no fields", "404", "redirect", "huge"],
)
def test_an_answer_of_another_kind_is_named(monkeypatch, body, status):
    monkeypatch.setattr(peers, "TIMEOUT_S", 60.0)  # what takes long on a busy machine is not what is tested
    assert asked(body, status=status)[0].problem == peers.UNEXPECTED


@pytest.mark.parametrize(
    "url", ["http://u:p@a:1", "http://a:1/x", "file:///etc/passwd", "javascript:1", "http://a b:1", ""]
)
def test_only_addresses_are_asked(url):
    (said,) = asyncio.run(asker("", url).ask("/peer/x", Check))
    assert said.problem == peers.NO_ADDRESS
