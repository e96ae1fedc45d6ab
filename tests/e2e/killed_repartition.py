"""`python -m tests.e2e.killed_repartition POINT NTH PARTITIONS`: the command, which is killed as it comes to a point."""

from __future__ import annotations

import os
import signal
import sys

from tests.faults.points import Point, install

GROWING, MOVING, LOG = "commands.repartition.growing", "streams.table.moving", "streams.table.decision_log"
POINTS = {
    "before a record is sent": Point(LOG, "DecisionLog", "append", "before"),
    "between log and table": Point(LOG, "DecisionLog", "append", "after"),
    "between the copy and the deletion": Point(MOVING, "Moving", "_delete", "before"),
    "before a topic grows": Point(GROWING, "", "_grown", "before"),
    "once a topic has grown": Point(GROWING, "", "_grown", "after"),
    "before what is unread is read": Point(GROWING, "", "drain", "before"),
    "once what was unread is read": Point(GROWING, "", "drain", "after"),
    "before rows are sent on": Point("streams.table.forwarder", "Forwarder", "_send", "before"),
    "once rows are sent on": Point("streams.table.forwarder", "Forwarder", "_send", "after"),
}


def main() -> None:
    """Run it up to that point."""
    name, nth, partitions = sys.argv[1:]
    install(POINTS[name], int(nth), signal.SIGKILL)
    from commands.repartition import command
    from streams.settings import load

    sys.exit(command.run(load(os.environ), partitions=partitions, yes=True))


if __name__ == "__main__":
    main()
