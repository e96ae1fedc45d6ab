"""Can the directories be written, has the disk room, is the web view's port free?"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from agents.checks.finding import Finding, ok, wrong
from agents.probes import web
from streams.settings import Settings

LEAST_FREE_BYTES = 500 << 20


def check(settings: Settings) -> list[Finding]:
    """Check what the worker needs of this machine."""
    places = [
        directory("state directory", settings.state_path, "HINDSIGHT_STATE_DIR"),
        directory("logs directory", settings.logs_dir, "HINDSIGHT_LOGS_DIR"),
    ]
    ports = [("web port", settings.web_port), ("bridge port", settings.bridge_web_port)]
    used = ports[:1] if settings.bridge_in_worker else ports
    return places + [port(what, settings.web_bind, number) for what, number in used]


def directory(what: str, path: Path, setting: str) -> Finding:
    """Check that files can be written in a directory, or that it can be made, and that its disk has room."""
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as exc:
        return wrong(what, f"{path} cannot be used: {exc.strerror} ({there}). Make it writable, or set {setting}.")
    if free < LEAST_FREE_BYTES:
        return wrong(what, f"{path}: its disk has only {free >> 20} MB left. Free some, or set {setting}.")
    made = "" if there == path else ", will be made"
    return ok(what, f"{path}{made}, {free / (1 << 30):.1f} GB free")


def port(what: str, bind: str, number: int) -> Finding:
    """Check that a port can be listened on, or that it is a process of ours that does."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, number))
        except OSError as exc:
            taken = exc
        else:
            return ok(what, f"{bind}:{number} is free")
    found = web.ask(bind, number)
    if found.ready is not None:
        return ok(what, f"{bind}:{number} is answered by Hindsight ({found.said})")
    said = f"{bind}:{number} cannot be listened on: {os.strerror(taken.errno or 0)}. Set HINDSIGHT_WEB_BIND or the port"
    return wrong(what, f"{said} (HINDSIGHT_WEB_PORT, HINDSIGHT_BRIDGE_WEB_PORT).")
