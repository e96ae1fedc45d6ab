"""Values as people read them in the pages: times, spans, counts, and ids that may hold anything."""

from __future__ import annotations

import math
import time
import unicodedata
from functools import lru_cache
from urllib.parse import quote

from streams.scores.numbers import NONE, number, tick

__all__ = [
    "cell",
    "clock",
    "count",
    "date",
    "long_span",
    "moment",
    "number",
    "percent",
    "pieces",
    "row_url",
    "short_span",
    "shown",
    "span",
    "tick",
    "value",
]
_DAY_S = 86_400


def count(n: float | None) -> str:
    """Return a whole number with separators: `1,234`; `–` for None."""
    return NONE if n is None else f"{n:,.0f}"


def value(y: float | None) -> str:
    """Return a row's own value, short where that loses nothing: `275`, `163.42`, `1e+20`; `–` for None."""
    if y is None:
        return NONE
    short = f"{y:.2f}".rstrip("0").rstrip(".") if abs(y) < 1e7 else f"{y:.6g}"
    if y and float(short) == 0:
        short = f"{y:.4g}"
    return short.replace("-", "−")


def cell(found: float | str | bool | None) -> str:
    """Return a feature's value: a number with six digits, text as it is, `true` and `false`; `–` for None."""
    if found is None:
        return NONE
    if isinstance(found, bool):
        return "true" if found else "false"
    return shown(found, 200) if isinstance(found, str) else f"{found:.6g}".replace("-", "−")


def clock(ts: float | None, *, digits: int = 0) -> str:
    """Return the time of day in UTC: `20:17:02`, `20:17:02.115`; with its date where that is not today's."""
    return NONE if ts is None else _clock(ts, digits, time.time() // _DAY_S)


@lru_cache(8192)  # pages say the times of slices again and again
def _clock(ts: float, digits: int, today: float) -> str:
    """Return the time of day in UTC; `today`: which day since 1970 it is now."""
    whole = math.floor(ts)
    try:
        then = time.gmtime(whole)
    except (OverflowError, ValueError, OSError):
        return repr(ts)
    fraction = f"{ts - whole:.{digits}f}"[1:] if digits else ""
    day = "" if whole // _DAY_S == today else time.strftime("%Y-%m-%d ", then)
    return day + time.strftime("%H:%M:%S", then) + fraction


def moment(ts: float | None) -> str:
    """Return date and time in UTC to the millisecond, whatever day it is: `2026-11-29 20:17:02.115 UTC`."""
    if ts is None:
        return NONE
    whole = math.floor(ts)
    try:
        then = time.gmtime(whole)
    except (OverflowError, ValueError, OSError):
        return repr(ts)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', then)}{f'{min(ts - whole, 0.999):.3f}'[1:]} UTC"


def date(ts: float | None) -> str:
    """Return date and time in UTC."""
    return NONE if ts is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ts))


def span(seconds: float | None) -> str:
    """Return a length of time as a clock shows it: `0:41`, `12:39`, `1:02:03`, `3 d 4 h`."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    sign = "−" if seconds <= -1 else ""
    whole = int(abs(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    if hours >= 48:
        return f"{sign}{hours // 24} d {hours % 24} h"
    return f"{sign}{hours}:{minutes:02}:{secs:02}" if hours else f"{sign}{minutes}:{secs:02}"


def long_span(seconds: float | None) -> str:
    """Return a length of time in words: `0.4 s`, `41 s`, `1 min 34 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    size, sign = abs(seconds), "−" if seconds < 0 else ""
    if size < 9.95:
        return f"{sign}{size:.1f} s".replace(".0 s", " s")
    whole = round(size)
    if whole < 60:
        return f"{sign}{whole} s"
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // part
            return f"{sign}{whole // unit} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{sign}{whole} s"


def short_span(seconds: float) -> str:
    """Return a length of time as an axis has it, in one unit: `0 s`, `0.04 s`, `45 s`, `27 min`, `3.5 h`, `12 d`."""
    for unit, name, least in ((86_400, "d", 172_800), (3600, "h", 5400), (60, "min", 90)):
        if seconds >= least or seconds == unit:
            return f"{seconds / unit:.{1 if seconds < 10 * unit else 0}f}".removesuffix(".0") + f" {name}"
    if 0 < seconds < 1:
        return f"{tick(float(f'{seconds:.2g}'))} s"
    return f"{seconds:.{0 if seconds >= 10 or seconds == int(seconds) else 1}f} s"


def percent(share: float | None) -> str:
    """Return a share as per cent: `97.7 %`."""
    return NONE if share is None else f"{100 * share:.1f} %"


def row_url(row_id: str) -> str:
    """Return the address of an id's page, whatever it holds; a browser would resolve the two ids of dots."""
    if row_id in (".", ".."):
        return "/table/pairs/?id=" + row_id
    return "/table/pairs/" + quote(row_id, safe="")


def pieces(row_id: str, part: str) -> list[tuple[bool, str]]:
    """Return an id cut where it contains `part`: (whether it is `part`, text)."""
    if not part:
        return [(False, row_id)]
    first, *others = row_id.split(part)
    return [(False, first), *(piece for other in others for piece in ((True, part), (False, other)))]


def shown(row_id: str, most: int = 200) -> str:
    """Return an id with what is invisible or turns the reading direction spelled out, and cut if it is long."""
    spelled = row_id[:most]
    if not spelled.isprintable():
        spelled = "".join(f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c)[0] == "C" else c for c in spelled)
    return spelled + ("" if len(row_id) <= most else f" … ({len(row_id):,} characters)")
