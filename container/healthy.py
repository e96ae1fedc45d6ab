"""The image's HEALTHCHECK: is what runs in this container ready? One line, and exit code 1 if it is not."""

from __future__ import annotations

import os
import sys

from commands.probes import processes
from streams.settings import SettingsError, load

LOOPBACK = "127.0.0.1"


def main() -> int:
    """Ask the web view's port, then the bridge's; return the exit code."""
    try:
        settings = load(os.environ)
    except SettingsError as exc:
        print(exc)
        return 1
    token = settings.secret("web_token")
    answers = [processes.ask(LOOPBACK, port, token) for port in (settings.web_port, settings.bridge_web_port)]
    found = next((answer for answer in answers if answer.ready is not None), answers[0])
    print(f"{found.url}: {found.said}")
    return 0 if found.ready else 1


if __name__ == "__main__":
    sys.exit(main())
