"""The script `faust` in .venv/bin, in place of Faust's own: what is wrong before our app is found is a sentence, too.

Whoever installs the packages puts it there: the Makefile and the Dockerfile. It imports nothing of ours but a version.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from faust.cli.base import cli

OURS = "streams"


def problem(arguments: Sequence[str]) -> str:
    """Return what is wrong with the app that is named, in a sentence; empty if it can be looked for."""
    name = _app(arguments)
    if not name:
        return _without_app(arguments)
    package = name.replace(":", ".").partition(".")[0]
    try:
        is_there = importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        is_there = False
    if is_there:
        return ""
    near = difflib.get_close_matches(package, [OURS], 1)
    here = importlib.util.find_spec(OURS) is not None
    hint = f" Did you mean -A {OURS}?" if near and here else f" The app of Hindsight is {OURS!r}." if here else ""
    elsewhere = "" if here else " Call it from the directory of Hindsight, where README.md is."
    return f"There is no app {name!r} in {Path.cwd()}.{hint}{elsewhere}"


def _without_app(arguments: Sequence[str]) -> str:
    """Return what is wrong where no app is named: a command of ours is called through ours."""
    command = next(iter(arguments), "-")
    if command.startswith("-") or os.environ.get("FAUST_APP"):
        return ""
    return f"No app is named: call it as `faust -A {OURS} {shlex.join(arguments)}`."


def _app(arguments: Sequence[str]) -> str:
    """Return the app that is named before the command, empty if none is."""
    for i, argument in enumerate(arguments):
        if argument in ("-A", "--app"):
            return next(iter(arguments[i + 1 : i + 2]), "")
        if argument.startswith("--app="):
            return argument.partition("=")[2]
    return ""


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from streams.version import version

        click.echo(f"Hindsight {version()}; `faust -A {OURS} version` says on what it runs.")
        ctx.exit()


def main() -> None:
    """Run Faust's command line."""
    sys.path.insert(0, str(Path.cwd()))
    if said := problem(sys.argv[1:]):
        print(f"Error: {said}", file=sys.stderr)
        sys.exit(2)
    cli.context_settings["help_option_names"] = ["--help", "-h"]
    is_ours = _app(sys.argv[1:]) == OURS
    if is_ours:
        for parameter in cli.params:
            if parameter.name == "version":
                parameter.callback = _print_version
    cli(prog_name=f"faust -A {OURS}" if is_ours else "faust")


if __name__ == "__main__":
    import faust.cli.faust  # noqa: F401  its commands

    main()
