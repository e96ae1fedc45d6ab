"""Records of the topic `quarantine` as the pages and the API show them."""

from __future__ import annotations

from typing import Literal

import msgspec


class Refused(msgspec.Struct, frozen=True):
    """One record; `n_rows` is how many rows it is, of all its parts.

    `place` is the queue or topic that it came from, by its own name; `publisher` who sent it, empty if it does not say;
    `model` the model that refused it, empty if none did.
    `text` is the beginning of its bytes, and `is_cut` tells whether more follow.
    """

    offset: int
    at: float
    reason: str
    detail: str
    source: str
    part: str
    properties: str
    n_rows: int
    n_bytes: int
    text: str
    is_cut: bool
    place: str = ""
    publisher: str = ""
    model: str = ""
    resolved: Literal["requeued", "dropped"] | None = None
    resolved_at: float | None = None


class Group(msgspec.Struct, frozen=True):
    """Rows of one cause, of one queue or topic, from one publisher (empty: it does not say who it is).

    `model` is the model that refused them; empty: none did.

    `reason` is what the command `quarantine` filters by, `newest` the offset of the newest of its `n_records` records,
    `offsets` those of the first few. `bars`: rows over time, in equal parts from `since` to `until` of all groups.
    """

    key: str
    cause: str
    reason: str
    place: str
    publisher: str
    n_rows: int
    n_records: int
    first: float
    last: float
    newest: int
    offsets: list[int]
    bars: list[int]
    model: str = ""


class Found(msgspec.Struct):
    """Records, the newest first; how many match in all, of how many that were searched.

    `n_resolved` counts those that match and were requeued or dropped, and so are left out. `groups` are of all that match,
    whichever of them is asked for.
    """

    rows: list[Refused]
    n_matching: int
    n_searched: int
    n_resolved: int
    groups: list[Group] = []
