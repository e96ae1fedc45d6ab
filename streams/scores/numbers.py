"""Numbers as people like to read them, in the picture and on the pages."""

from __future__ import annotations

import math
from functools import lru_cache

NONE = "–"


@lru_cache(8192)  # a page has thousands, most of them for the second time, and again a second later
def number(value: float | None, *, signed: bool = False) -> str:
    """Return a figure to four digits: `41.93`, `−1.310`, `12,340`, `1.235e9`; `–` for None.

    Args:
        signed: put a plus before what is above zero.
    """
    if value is None:
        return NONE
    size = abs(value)
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    if not size:
        return "0"
    if size >= 1e7 or size < 1e-4:
        return sign + _scientific(size)
    rounded = float(f"{size:.3e}")
    n_decimals = max(0, 3 - math.floor(math.log10(rounded)))
    return f"{sign}{size:,.{n_decimals}f}"


def tick(value: float) -> str:
    """Return a round number without needless digits: `0`, `2.5`, `1,000`, `1e9`."""
    if value and not 1e-4 <= abs(value) < 1e7:
        return _scientific(value)
    return f"{value:,.6f}".rstrip("0").rstrip(".").replace("-", "−")


def _scientific(value: float) -> str:
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", "−")
