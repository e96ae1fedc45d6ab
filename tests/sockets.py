"""What a process listens on, as the kernel tells it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import NamedTuple

LISTENING = "0A"


class Address(NamedTuple):
    """An address that is listened on; a v4 address that was asked for through v6 counts as v4."""

    ip: str
    port: int


def listening(pid: int) -> set[Address]:
    """Return the TCP addresses that a process listens on."""
    held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            field = line.split()
            if field[3] == LISTENING and f"socket:[{field[9]}]" in held:
                ip, _, port = field[1].partition(":")
                found.add(Address(_ip(ip), int(port, 16)))
    return found


def _ip(text: str) -> str:
    """Read an address from /proc/net, which holds it as 32-bit words of the machine's byte order."""
    words = bytes.fromhex(text)
    packed = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
    address = ipaddress.ip_address(packed)
    return str(getattr(address, "ipv4_mapped", None) or address)
