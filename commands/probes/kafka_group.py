"""The workers of Kafka's group, wherever they run."""

from __future__ import annotations

import msgspec

from streams.kafka.admin import Admin
from streams.kafka.errors import NoGroupYet
from streams.settings import Settings

TIMEOUT_S = 5.0


class _Said(msgspec.Struct):
    """What Faust says of a worker to the others, as far as it is looked at."""

    url: str


_decode = msgspec.json.Decoder(_Said).decode


async def workers(settings: Settings) -> list[str]:
    """Return the address of each worker's web view, empty for one that is just joining.

    Raises:
        Unavailable: Kafka does not answer, or does not tell us.
    """
    async with Admin(settings, timeout_s=TIMEOUT_S) as admin:
        try:
            members = await admin.members(settings.app_id)
        except NoGroupYet:
            return []
    return sorted(_url(said) for said in members)


def _url(said: bytes) -> str:
    try:
        return _decode(said).url
    except Exception:  # anybody may be in the group; msgspec raises more than its own errors
        return ""
