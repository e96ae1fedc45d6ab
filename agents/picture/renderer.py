"""The picture is drawn in a process apart: matplotlib would hold the worker's interpreter for most of a tenth second.

Measured beside a busy loop on 2 cores: a message that takes 2 ms took up to 27 ms during a draw in a thread (86 ms on a
full machine), and 2.6 ms during a draw in this process. It costs about 90 MB, and the worker never loads matplotlib.
The process draws one picture a line and ends when its input does: it outlives no worker, however that one ended.
"""

from __future__ import annotations

import gc
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from streams.scores.figures import Figures

PATIENCE_S = 30.0
"""How long one picture may take; the first one imports matplotlib."""
_ROOT = Path(__file__).resolve().parents[2]


class CannotDraw(Exception):
    """The picture was not drawn; the old one stands. The message is a sentence."""


class _Order(msgspec.Struct):
    figures: Figures
    path: str
    now: float
    verdict: str


class Renderer:
    """Draws in a process that starts with the first picture, and again after it died. One thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def draw(self, figures: Figures, path: Path, *, now: float, verdict: str = "") -> None:
        """Draw the picture at `path` as `agents.picture.figure.draw` does, and wait for it: call this in a worker thread.

        Raises:
            CannotDraw: the directory cannot be written, or the process died or took too long.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(_Order(figures, str(path.resolve()), now, verdict)) + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline() if _is_readable(process.stdout) else b""
        except (OSError, ValueError):  # a ValueError: `close` was called meanwhile
            answer = b""
        if not answer:
            self.close()
            raise CannotDraw(f"{path} was not drawn: the drawing process died, or took {PATIENCE_S:.0f} s.")
        if problem := msgspec.json.decode(answer, type=str):
            raise CannotDraw(f"{path} was not drawn: {problem}.")

    def close(self) -> None:
        """End the process, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agents.picture.renderer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=_ROOT,
                start_new_session=True,  # Ctrl-C is for the worker, which closes this one's input
            )
        return self._process


def _is_readable(file: IO[bytes]) -> bool:
    """Wait until something can be read, for as long as a picture may take. `select` ends at 1,023 descriptors.

    A file that `close` closes just before the wait would never be ready: it is looked at again each second.
    """
    give_up_mono = time.monotonic() + PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while (left_s := give_up_mono - time.monotonic()) > 0 and not file.closed:
            if selector.select(min(left_s, 1.0)):
                return True
    return False


def serve(orders: BinaryIO, answers: BinaryIO) -> None:
    """Draw a picture for each line of `orders`; answer each with a line: an empty text, or what went wrong."""
    from agents.picture.figure import draw

    for line in orders:
        problem = ""
        try:
            order = msgspec.json.decode(line, type=_Order)
            draw(order.figures, Path(order.path), now=order.now, verdict=order.verdict)
        except OSError as exc:
            problem = exc.strerror or str(exc)
        except Exception as exc:  # whatever matplotlib raises is the worker's to tell
            problem = repr(exc)
        try:
            answers.write(msgspec.json.encode(problem) + b"\n")
        except BrokenPipeError:
            return  # the worker was killed while we drew
        gc.collect()  # a figure is a net of references; without this the process grows


if __name__ == "__main__":
    os.nice(19)
    with os.fdopen(sys.stdout.fileno(), "wb", buffering=0) as unbuffered:
        serve(sys.stdin.buffer, unbuffered)
