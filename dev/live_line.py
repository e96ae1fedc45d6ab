"""How the running worker stands, in a line: what does not work, or else its counts. From its own web view."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from streams.settings import Settings

ANSWER_TIMEOUT_S = 1.0
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  compared with, never bound


def page(settings: Settings) -> str:
    """Return the address at which a browser on this machine finds the web view."""
    host = "127.0.0.1" if settings.web_bind in EVERYWHERE else settings.web_bind
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}/"


def line(settings: Settings) -> str:
    """Return the counts of this moment, what does not work, or that nobody answers yet."""
    request = urllib.request.Request(f"{page(settings)}api/status")  # noqa: S310  our own worker
    if token := settings.secret("web_token"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310
            return text(json.loads(answer.read()))
    except (OSError, ValueError, KeyError):  # not there yet, not JSON, or not ours
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
