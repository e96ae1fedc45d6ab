"""TCP ports on loopback: is one free, who holds it, give me one that nobody uses."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from dev import DevError

HOST = "127.0.0.1"
BELOW_THE_EPHEMERAL = range(26_000, 32_000)
"""Ports that the kernel does not hand to outgoing connections, so that one stays free over a restart."""
LISTENING = "0A"


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(n: int) -> list[int]:
    """Return `n` different ports that nobody listens on."""
    candidates = random.sample(BELOW_THE_EPHEMERAL, len(BELOW_THE_EPHEMERAL))
    found = [port for port, _ in zip((p for p in candidates if is_free(p)), range(n), strict=False)]
    if len(found) < n:
        raise DevError(f"No free TCP port was found on {HOST} between 26000 and 32000.")
    return found


def require_free(port: int, *, broker: str, setting: str) -> None:
    """Check that a broker's port can be listened on.

    Raises:
        DevError: somebody listens there; the message names who, if that can be seen, and the setting to change.
    """
    if not is_free(port):
        raise DevError(
            f"Port {port}, which {broker} needs, is in use by {holder(port)}: "
            f"stop that, or set {setting} to another port."
        )


def holder(port: int) -> str:
    """Return who listens on a port, as far as we may see it."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in inodes:
                pid = link.parts[2]
                return f"process {pid} ({Path('/proc', pid, 'comm').read_text().strip()})"
        except OSError:
            continue  # the process ended meanwhile, or belongs to somebody else
    return "another process"


def _listening_inodes(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on `port`, from the kernel's table."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            field = line.split()
            if field[3] == LISTENING and int(field[1].rpartition(":")[2], 16) == port:
                inodes.add(field[9])
    return inodes
