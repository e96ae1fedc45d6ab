"""Do ids wait for their other side under hardly another spelling, such as `43` and `43.0`?"""

from __future__ import annotations

from collections.abc import Iterable

from commands.doctor.finding import Finding, wrong
from commands.probes import processes
from streams.settings import Settings
from streams.wire.near_ids import canonical
from web.text import shown

WHAT = "ids that wait"
MOST = 200


def check(settings: Settings) -> list[Finding]:
    """Look at the newest ids that wait for each side, as the worker tells them; nothing is said where none answers."""
    return findings(*(processes.waiting(settings, side, MOST) for side in ("pred", "true")))


def findings(for_pred: Iterable[str], for_true: Iterable[str]) -> list[Finding]:
    """Return a finding if ids that wait for a prediction are near others that wait for a truth."""
    of_text = {canonical(row_id): row_id for row_id in for_true}
    near = [(row_id, of_text[text]) for row_id in for_pred if (text := canonical(row_id)) in of_text]
    near = [(one, other) for one, other in near if one != other]
    if not near:
        return []
    one, other = near[0]
    more = f", and {len(near) - 1:,} more pairs like them" if len(near) > 1 else ""
    return [
        wrong(
            WHAT,
            f"{_quoted(one)} waits for its prediction and {_quoted(other)} for its truth{more}. They are not the same text, "
            "so they are not joined: if both are one, have the id sent as the same text everywhere.",
        )
    ]


def _quoted(row_id: str) -> str:
    return f"`{shown(row_id, 60)}`"
