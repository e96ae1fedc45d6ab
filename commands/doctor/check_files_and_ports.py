"""Can the directories be written, has the disk room, is the web view's port free?"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from agents.insight.answers import Answers
from agents.insight.database import InsightError
from agents.insight.query import Asked
from commands.doctor.finding import Finding, ok, wrong
from commands.probes import processes
from streams.settings import Settings

LEAST_FREE_BYTES = 500 << 20


def check(settings: Settings) -> list[Finding]:
    """Check what the worker needs of this machine."""
    places = [
        directory("state directory", settings.state_path, "HINDSIGHT_STATE_DIR"),
        directory("logs directory", settings.logs_dir, "HINDSIGHT_LOGS_DIR"),
    ]
    found = [*places, *figures(settings), web_view(settings)]
    return (
        found
        if settings.bridge_in_worker or not settings.queues
        else [*found, port("bridge port", settings.web_bind, settings.bridge_web_port)]
    )


def figures(settings: Settings) -> list[Finding]:
    """Check that insight.db can be read, if it is there."""
    try:
        Answers(settings.logs_dir, settings.join_window_s).look(Asked(last="1h"))
    except InsightError as exc:
        return [wrong("figures", str(exc))]
    return []


def web_view(settings: Settings) -> Finding:
    """Check the web view's port; it is well that it is taken, if a worker of ours took the next one."""
    found = port("web port", settings.web_bind, settings.web_port, settings.secret("web_token"))
    if found.level == "wrong" and (worker := processes.worker(settings)).ready is not None:
        address = worker.url.removesuffix("/readyz")
        return ok(
            "web port", f"{settings.web_port} is in use by something else; the web view is at {address} ({worker.said})"
        )
    return found


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


def port(what: str, bind: str, number: int, token: str = "") -> Finding:
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
    found = processes.ask(bind, number, token)
    if found.ready is not None:
        return ok(what, f"{bind}:{number} is answered by Hindsight ({found.said})")
    said = f"{bind}:{number} cannot be listened on: {os.strerror(taken.errno or 0)}. Set HINDSIGHT_WEB_BIND or the port"
    return wrong(what, f"{said} (HINDSIGHT_WEB_PORT, HINDSIGHT_BRIDGE_WEB_PORT).")
