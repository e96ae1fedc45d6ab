"""The end of a process that was told to stop: in order, but not for longer than whoever stops it will wait."""

from __future__ import annotations

import logging
import os
import sys
import threading

logger = logging.getLogger("hindsight")


def end_within(seconds: float) -> None:
    """Have the process end after `seconds`, whatever it is doing then: a broker that is away cannot hold it up.

    All state is safe against kill -9, so that an end in the middle loses nothing.
    """
    deadline = threading.Timer(seconds, _end, [seconds])
    deadline.daemon = True
    deadline.start()


def _end(seconds: float) -> None:
    logger.warning(
        "Stopped after %g s in the middle of its work: what is not done is read again at the next start.", seconds
    )
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)
