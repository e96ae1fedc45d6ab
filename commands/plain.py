"""A command that is a plain function: no Faust worker around it, its return value is the exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from abc import abstractmethod
from typing import Any, ClassVar, NoReturn

from faust.cli import AppCommand, option

from streams.process.plain_output import spell_out

FAILED = 2
"""The exit code after a defect, or where nothing can be printed: 1 is an answer of some commands, such as `check`."""
NOBODY_READS = 141
"""The exit code of a program that `| head` has ended: 128 and SIGPIPE."""


def text(*names: str, help: str) -> Any:
    """Return an option that takes text; not given, it is empty."""
    return option(*names, default="", show_default=False, help=help)


class PlainCommand(AppCommand):  # type: ignore[misc]
    """A command of ours. `examples` are shown under its help, a line each."""

    abstract = True
    examples: ClassVar[tuple[str, ...]] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Do the work, and exit with its code; end in silence once nobody reads the output any more."""
        spell_out()
        try:
            code = self.work(**{**self.kwargs, **kwargs})
            print(end="", flush=True)  # also where standard output is closed, and None
        except BrokenPipeError:
            _let_go()
            code = NOBODY_READS
        except Exception as exc:
            if isinstance(exc, OSError) and exc.errno == errno.ENOSPC:
                _let_go()
                print(f"The output cannot be written: {exc.strerror}.", file=sys.stderr)
            else:
                traceback.print_exc()
            code = FAILED
        sys.exit(code)

    @abstractmethod
    def work(self, **options: Any) -> int:
        """Do the command's work; return the exit code."""


def _let_go() -> None:
    """Let what is still to be printed go nowhere: Python flushes once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
