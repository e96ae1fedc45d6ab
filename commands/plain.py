"""A command that is a plain function: no Faust worker around it, its return value is the exit code."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from typing import Any, ClassVar, NoReturn

from faust.cli import AppCommand, option

from streams.process.plain_output import spell_out

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
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
            code = NOBODY_READS
        sys.exit(code)

    @abstractmethod
    def work(self, **options: Any) -> int:
        """Do the command's work; return the exit code."""
