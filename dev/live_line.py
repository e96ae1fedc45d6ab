"""How the running worker stands, in a line: what does not work, or else its counts. From its own web view."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any

from commands.probes import processes
from streams.settings import Settings
from web import port


def page(settings: Settings) -> str:
    """Return the address at which a browser on this machine finds the web view."""
    return f"http://{port.address(settings.web_bind, settings.web_port)}/"


def line(settings: Settings) -> str:
    """Return the counts of this moment, what does not work, or that nobody answers yet."""
    where = port.address(settings.web_bind, settings.web_port)
    try:
        return text(json.loads(processes.get(where, settings.secret("web_token"), "/api/status")))
    except (OSError, HTTPException, ValueError, KeyError, TypeError):  # not there yet, not JSON, or not ours
        return "waiting for the worker to answer ..."


def text(status: dict[str, Any]) -> str:
    """Return one answer of `/api/status` as a line: what does not work, or else the counts.

    A count that is not known yet is a dash.
    """
    of_bridge = (status["bridge"] or {}).get("problem")
    if wrong := [*status["problems"], *filter(None, [of_bridge])]:
        more = f" (and {len(wrong) - 1} more, see the web page)" if len(wrong) > 1 else ""
        return f"Not working: {wrong[0]}{more}"

    def count(name: str, form: str = ",") -> str:
        return "–" if status[name] is None else format(status[name], form)

    too_large = f" | too large to score {count('n_left_out')}" if status["n_left_out"] else ""
    return (
        f"{count('rows_per_s', ',.1f')} rows/s | matched {count('matched')} | waiting {count('waiting')} | "
        f"unmatched {count('unmatched')} | quarantined {count('quarantined')} | MAE {count('mae', '.2f')}{too_large}"
    )
