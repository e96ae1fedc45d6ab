"""Records of the topic `quarantine` as the pages and the API show them."""

from __future__ import annotations

from typing import Literal

import msgspec


class Refused(msgspec.Struct, frozen=True):
    """One record; `n_rows` is how many rows it is, of all its parts.

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
    resolved: Literal["requeued", "dropped"] | None = None
    resolved_at: float | None = None


class Found(msgspec.Struct):
    """Records, the newest first; how many match in all, of how many that were searched.

    `n_resolved` counts those that match and were requeued or dropped, and so are left out.
    """

    rows: list[Refused]
    n_matching: int
    n_searched: int
    n_resolved: int
