"""The service `prepare` of compose.yaml: make what the other services need before they start, and end.

It alone runs as root, without a network and for a second: Docker makes a missing bind mount, and a new volume, as root's.
Done again, it changes nothing.
"""

from __future__ import annotations

import argparse
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from streams.process import atomic_file

USER = "hindsight"
PASSWORD_BYTES = 24


class NotPrepared(Exception):
    """Something cannot be made ready; the message says what to do."""


class RunAs(NamedTuple):
    """Who the other services run as."""

    uid: int
    gid: int

    @classmethod
    def parse(cls, text: str) -> RunAs:
        """Read `uid:gid`.

        Raises:
            NotPrepared: it is something else.
        """
        uid, colon, gid = text.partition(":")
        if not (colon and uid.isdecimal() and gid.isdecimal()):
            raise NotPrepared(f"RUN_AS is {text!r}: give the numbers of a user and a group, as in RUN_AS=1000:1000.")
        return cls(int(uid), int(gid))


def make_password(directory: Path, user: RunAs) -> str:
    """Return the password for RabbitMQ, made at the first start and kept in `directory`, for the services to read."""
    path = directory / "amqp_password"
    if not path.exists():
        _put(path, secrets.token_hex(PASSWORD_BYTES))
    os.chown(path, 0, user.gid)
    path.chmod(0o440)
    return path.read_text(encoding="ascii")


def configure_rabbitmq(directory: Path, password: str) -> None:
    """Write RabbitMQ's user and password, which it takes over when its data is new; then there is no user `guest`.

    RabbitMQ runs as a user of its own image, so all may read the file. Only RabbitMQ mounts the volume.
    """
    path = directory / "10-user.conf"
    _put(path, f"default_user = {USER}\ndefault_pass = {password}\n")
    path.chmod(0o444)


def give(directory: Path, user: RunAs) -> None:
    """Make a volume, and what is in it, belong to the services."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def open_logs(directory: Path, user: RunAs) -> bool:
    """Let the services write in `logs/`, which stays its owner's; return whether that had to be changed.

    Raises:
        NotPrepared: the file system does not let us.
    """
    changed = False
    try:
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            raise NotPrepared(
                "logs/ is on a read-only file system: the metric log cannot be written there. Make that one writable, "
                "or mount another directory at /app/logs in compose.override.yaml, for `prepare` and `worker`."
            )
        files = [path for path in directory.iterdir() if path.is_file() and not path.is_symlink()]
        for path in (directory, *files):
            found = path.stat()
            if not _may_write(found, user):
                os.chown(path, -1, user.gid)
                path.chmod(stat.S_IMODE(found.st_mode) | (0o070 if path is directory else 0o060))
                changed = True
    except OSError as exc:
        owner = directory.stat()
        raise NotPrepared(
            f"logs/ cannot be made writable for the services, which run as {user.uid}:{user.gid} ({exc.strerror}). "
            f"It belongs to {owner.st_uid}:{owner.st_gid}: run the services as its owner, "
            f"RUN_AS={owner.st_uid}:{owner.st_gid} docker compose up"
        ) from exc
    return changed


def _may_write(found: os.stat_result, user: RunAs) -> bool:
    needed = 0o7 if stat.S_ISDIR(found.st_mode) else 0o6
    if user.uid == 0:
        return True
    shift = 6 if found.st_uid == user.uid else 3 if found.st_gid == user.gid else 0
    return (found.st_mode >> shift) & needed == needed


def _put(path: Path, text: str) -> None:
    """Put a file in its place at once; nobody but root reads it until its mode is set."""
    atomic_file.replace(path, text.encode("ascii"), mode=0o400)


def main(arguments: list[str] | None = None) -> int:
    """Prepare everything; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m container.prepare", description=__doc__)
    parser.add_argument("--run-as", required=True, help="uid:gid of the other services")
    parser.add_argument("--logs", type=Path, required=True, help="directory of the metric log")
    parser.add_argument("--state", type=Path, required=True, help="volume of the workers' state")
    parser.add_argument("--secrets", type=Path, required=True, help="volume that the password for RabbitMQ is kept in")
    parser.add_argument("--rabbitmq", type=Path, required=True, help="volume of RabbitMQ's conf.d")
    given = parser.parse_args(arguments)
    try:
        user = RunAs.parse(given.run_as)
        configure_rabbitmq(given.rabbitmq, make_password(given.secrets, user))
        give(given.state, user)
        if open_logs(given.logs, user):
            print(f"logs/ is now writable for the services, which run as {user.uid}:{user.gid}.")
    except NotPrepared as exc:
        print(exc, file=sys.stderr)
        return 1
    print(f"Prepared: logs/, state and RabbitMQ's password, for {user.uid}:{user.gid}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
