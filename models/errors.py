"""What went wrong with a model, in words that are safe to show: foreign text becomes one bounded, printable line."""

from __future__ import annotations

MAX_CHARS = 300
MAX_SENTENCE_CHARS = 2000


class ModelError(Exception):
    """A model cannot be used; the message says what, why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence, MAX_SENTENCE_CHARS))


def printable(text: str, most: int = MAX_CHARS) -> str:
    """Return text as one line of at most `most` characters: blanks as one space, what cannot be printed as �."""
    line = " ".join(text[: 2 * most].split())
    shown = "".join(char if char.isprintable() else "�" for char in line)
    return shown if len(shown) <= most and len(text) <= 2 * most else f"{shown[: most - 1]}…"


def said(exc: BaseException) -> str:
    """Return the kind of an exception and the first line of its message, without a full stop. Never raises."""
    try:
        text = str(exc)
    except BaseException:  # foreign code
        text = ""
    first = next((line for line in text[: 2 * MAX_CHARS].splitlines() if line.strip()), "")
    kind = type(exc).__name__
    return printable(f"{kind}: {first}" if first else kind).rstrip(".")
