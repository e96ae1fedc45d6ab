"""A question before something that cannot be taken back."""

from __future__ import annotations

import signal
import sys

from commands.status.render import BAD


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal; where nobody can be asked, say how to do without. `yes`: it was answered beforehand."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print(f"{BAD} {question} Nothing was done: use --yes if nobody can be asked.", file=sys.stderr)
        return False
    if _answer(f"{question} [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("Nothing was done.", file=sys.stderr)
    return False


def _answer(prompt: str) -> str:
    """Return what is typed; nothing for Ctrl-C, which inside of `asyncio.run` would only be noted, and for Ctrl-D."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(prompt)
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        return ""
    finally:
        signal.signal(signal.SIGINT, before)
