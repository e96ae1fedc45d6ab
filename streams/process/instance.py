"""A worker's own place on disk: its tables, and the instance id that Kafka knows it by.

Workers that share a state directory take one instance each; the lock of a killed worker is free at once, so that a
restarted worker is the same group member as before and gets the same partitions back at once.
"""

from __future__ import annotations

import secrets
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from streams.process.file_lock import try_lock

MAX_INSTANCES = 256


class InstanceError(Exception):
    """The state directory cannot be used; the message says why."""


class WorkerInstance(NamedTuple):
    """A locked directory; `lock` is kept open as long as the process lives."""

    path: Path
    instance_id: str
    lock: IO[str]

    def member_id(self, *metadata: str) -> str:
        """Return the static member id (`group.instance.id`) of a worker that tells Kafka's group this `metadata`.

        A static member that comes back is handed its last assignment as it was, with the address and for the topics of
        then (KIP-345). A worker whose address or agents changed must therefore be another member.
        """
        return f"{self.instance_id}-{zlib.crc32(repr(metadata).encode()):08x}"


def take(state_dir: Path) -> WorkerInstance:
    """Lock the first free instance of a state directory.

    Raises:
        InstanceError: the directory cannot be written, or all instances are taken.
    """
    try:
        for n in range(1, MAX_INSTANCES + 1):
            path = state_dir / f"worker-{n}"
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(PermissionError):  # somebody else's directory that we may write all the same
                path.chmod(0o700)  # ids and values of everybody's rows are in there
            lock = try_lock(path / "lock")
            if lock is not None:
                return WorkerInstance(path, _instance_id(path / "instance"), lock)
    except OSError as exc:
        raise InstanceError(
            f"The state directory {str(state_dir)!r} cannot be used: {exc.strerror}. "
            "Make it writable, or set HINDSIGHT_STATE_DIR to a directory that is."
        ) from exc
    raise InstanceError(f"All {MAX_INSTANCES} instances of {str(state_dir)!r} are taken by running workers.")


def _instance_id(path: Path) -> str:
    if not path.exists() or not path.read_text().strip():
        path.write_text(f"hindsight-{secrets.token_hex(8)}\n")
    return path.read_text().strip()
