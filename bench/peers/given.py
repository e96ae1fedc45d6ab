"""What the benchmark tells a peer, and the one thing a peer tells the benchmark besides its CSV."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

APP = os.environ["PEER_APP"]
"""Name for groups and state; the topics are APP-y_true, APP-y_pred and, for those who need it, APP-metric."""
KAFKA = os.environ["PEER_KAFKA"]
LOGS = Path(os.environ["PEER_LOGS_DIR"])
STATE = Path(os.environ["PEER_STATE_DIR"])
WEB_PORT = int(os.environ["PEER_WEB_PORT"])
N_PARTITIONS = 4
CSV = LOGS / "metric_log.csv"
HEADER = "id,y_true,y_pred,absolute_error\n"


@cache
def note_beginning() -> None:
    """Tell the benchmark that the first row is here."""
    (LOGS / "began").touch()


def line(row_id: str, y_true: float, y_pred: float) -> str:
    """Return a row of the CSV."""
    return f"{row_id},{y_true!r},{y_pred!r},{abs(y_true - y_pred)!r}\n"
