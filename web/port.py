"""Which port the web view took, where its own was taken: written beside the worker's state, for `status` and `doctor`."""

from __future__ import annotations

import contextlib
from pathlib import Path

from streams.settings import Settings

FURTHER = 20


def candidates(settings: Settings) -> range:
    """Return the ports that the web view may take, the first one that is free: its own, and the next ones."""
    return range(settings.web_port, min(settings.web_port + FURTHER, 65535) + 1)


def write(settings: Settings, port: int) -> None:
    """Note the port that the web view listens on, if it is not the one that was asked for.

    Where the note cannot be written, the log says the port, and the worker itself says what is wrong with the directory.
    """
    if port == settings.web_port:
        return
    with contextlib.suppress(OSError):
        _path(settings).parent.mkdir(parents=True, exist_ok=True)
        _path(settings).write_text(f"{port}\n")


def read(settings: Settings) -> int:
    """Return the port that a worker noted last, else the one that is set. Nobody may listen there any more."""
    try:
        return int(_path(settings).read_text())
    except (OSError, ValueError):
        return settings.web_port


def _path(settings: Settings) -> Path:
    return settings.state_path / f"web-{settings.web_port}"


def address(bind: str, port: int) -> str:
    """Return host and port by which pages that are bound so are reached from this machine."""
    host = "127.0.0.1" if bind in ("0.0.0.0", "::", "") else bind  # noqa: S104  only compared
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def of_bridge(settings: Settings) -> str:
    """Return host and port of the bridge's pages."""
    return address(settings.bridge_host or settings.web_bind, settings.bridge_web_port)
