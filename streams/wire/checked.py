"""Types of values that come from elsewhere, such as another worker: decoding refuses what no page could show."""

from __future__ import annotations

import sys
from typing import Annotated

from msgspec import Meta

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Size = Annotated[float, Meta(ge=-1e150, le=1e150)]
"""A finite number whose square is finite too."""
Time = Annotated[float, Meta(ge=0, le=1e11)]
"""UTC epoch seconds, or a length of time in seconds."""
Share = Annotated[float, Meta(ge=0, le=1)]
Natural = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
