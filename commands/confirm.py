"""A question before something that cannot be taken back."""

from __future__ import annotations

import sys

from commands.status.render import BAD


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal; where nobody can be asked, say how to do without. `yes`: it was answered beforehand."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print(f"{BAD} {question} Nothing was done: use --yes if nobody can be asked.", file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
