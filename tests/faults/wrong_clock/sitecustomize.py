"""Imported by Python itself where PYTHONPATH names this directory: the wall clock is off by what a file says, at each look.

A library that is preloaded (libfaketime) would be closer to a machine whose clock is wrong, but it shifts what librdkafka and
`time.sleep` wait for as well, by an hour, which no clock of a machine does: they wait by the monotonic clock.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_FILE = Path(os.environ["TEST_CLOCK_OFFSET_FILE"])
_time, _time_ns = time.time, time.time_ns


def _offset_s() -> int:
    return int(_FILE.read_text())


time.time = lambda: _time() + _offset_s()
time.time_ns = lambda: _time_ns() + _offset_s() * 1_000_000_000
