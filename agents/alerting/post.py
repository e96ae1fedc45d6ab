"""One attempt to post to a receiver: taken, or why not."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import aiohttp

from agents.alerting.receivers import NOT_TRIED_AGAIN, Unsendable, named, target
from streams.alerts.rules import Webhook

TIMEOUT_S = 10.0


class Outcome(NamedTuple):
    """What became of an attempt: an empty problem if it was taken. `is_final`: another attempt would end likewise."""

    problem: str = ""
    is_final: bool = False


async def post(
    session: aiohttp.ClientSession,
    receiver: Webhook,
    path: str,
    body: bytes,
    headers: dict[str, str],
    timeout_s: float = TIMEOUT_S,
) -> Outcome:
    """Post JSON to a receiver; it is taken if the answer is of 2xx. Whatever goes wrong is a sentence."""
    try:
        to = target(receiver)
        asked = {"Content-Type": "application/json", **to.headers, **headers}
        async with asyncio.timeout(timeout_s):
            async with session.post(
                to.url.rstrip("/") + path if path else to.url, data=body, headers=asked, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    return Outcome()
                return Outcome(f"{named(receiver)} answers {answer.status}", answer.status in NOT_TRIED_AGAIN)
    except Unsendable as exc:
        return Outcome(str(exc).rstrip("."))
    except TimeoutError:
        return Outcome(f"{named(receiver)} does not answer within {timeout_s:.0f} s")
    except (aiohttp.ClientError, OSError, ValueError) as exc:  # ValueError: an address that is none
        return Outcome(f"{named(receiver)} cannot be reached ({type(exc).__name__})")
