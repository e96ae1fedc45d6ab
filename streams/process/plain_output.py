"""What is printed where only ASCII can be: signs are spelled otherwise, and no UnicodeEncodeError ends a command."""

from __future__ import annotations

import codecs
import io
import sys

HANDLER = "hindsight.spelled"
SPELLED = {
    "✓": "+",
    "✗": "x",
    "·": "-",
    "–": "-",
    "−": "-",
    "…": "...",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "≈": "~",
    "±": "+-",
    "²": "^2",
}


def spell_out() -> None:
    """Have the standard output take any text, whatever its encoding."""
    codecs.register_error(HANDLER, _spelled)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=HANDLER)


def _spelled(exc: UnicodeError) -> tuple[str, int]:
    if not isinstance(exc, UnicodeEncodeError):
        raise exc
    text = exc.object[exc.start : exc.end]
    return "".join(SPELLED.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text), exc.end
