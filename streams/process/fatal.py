"""The end of a process that cannot continue: one sentence, and out.

All state is safe against kill -9, so the quickest way out is the safest: a stuck part cannot hold it up.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

logger = logging.getLogger("hindsight")


def fatal(sentence: str) -> NoReturn:
    """Say why in one sentence and end the process with exit code 1, at once."""
    logger.critical("The process exits: %s", sentence)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(1)
