"""Faust's command line as it is offered here: ours first, and of Faust's own only what works, or is honest.

Faust's commands that would lie here are not offered: who calls one is told what to do instead.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable
from typing import Any, ClassVar

import click
from faust.cli import faust as theirs
from faust.cli import option
from faust.cli.base import cli, now_builtin_worker_options

from commands.plain import PlainCommand
from streams.version import version

WIDTH = 110
INSTEAD = {
    "models": "no `faust.Record` is used: the forms of rows are in README.md",
    "model": "no `faust.Record` is used: the forms of rows are in README.md",
    "send": "send rows to RabbitMQ, or to Kafka's topics by their key: README.md, Your own services",
    "reset": "the table is in Kafka: to have it restored, stop the worker and delete HINDSIGHT_STATE_DIR",
    "clean-versions": "there is one version of the state, in HINDSIGHT_STATE_DIR",
    "livecheck": "`doctor` checks what must be right, `reconcile` that nothing is lost",
    "completion": "there is none",
}
EXAMPLES = (
    "faust -A streams worker -l info                 the agents: model, join, metric log and picture",
    "faust -A streams bridge                         moves RabbitMQ's queues into Kafka",
    "faust -A streams status --watch                 everything on one screen",
    "faust -A streams doctor                         what is wrong, and what to do",
    "faust -A streams quarantine list --from 2h      rows that could not be read",
    "faust -A streams reconcile                      proves that nothing is lost or duplicated",
)


def _moved(*names: str, to: str) -> Any:
    """Return an option of Faust's worker that is not offered: it says which setting there is instead."""

    def refuse(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            raise click.UsageError(f"{names[0]} has no effect on our web view. {to}", ctx)

    return option(*names, default=None, hidden=True, expose_value=False, callback=refuse)


class worker(theirs.worker):  # type: ignore[misc]  # noqa: N801  Faust names a command after its class
    """Start a worker: the agents that HINDSIGHT_AGENTS names, and the web view."""

    options: ClassVar[list[Any]] = [
        *now_builtin_worker_options,
        _moved("--web-port", "-p", to="Set HINDSIGHT_WEB_PORT."),
        _moved("--web-bind", "-b", to="Set HINDSIGHT_WEB_BIND."),
        _moved("--web-host", to="Set HINDSIGHT_WEB_BIND, and HINDSIGHT_WEB_HOSTS for further names."),
        _moved("--web-transport", to="It is served over TCP: set HINDSIGHT_WEB_BIND and HINDSIGHT_WEB_PORT."),
        option(
            "--with-web/--without-web",
            default=None,
            hidden=True,
            expose_value=False,
            callback=lambda ctx, parameter, value: _without_web(ctx, value),
        ),
    ]

    def as_service(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the worker runs: the app, whose settings are all in the environment."""
        return self.app

    def faust_ident(self) -> str:
        """Return the title of the banner."""
        return f"Hindsight {version()} on {super().faust_ident()}"

    def _banner_data(self, worker: Any) -> Any:
        data = [(name, said) for name, said in super()._banner_data(worker) if name.strip() not in ("web", "drivers")]
        return [(name, "RocksDB, restored from Kafka" if name == "store" else said) for name, said in data]


def _without_web(ctx: click.Context, value: bool | None) -> None:
    if value is False:
        raise click.UsageError("--without-web has no effect: every worker has its web view, /readyz and /metrics.", ctx)


class agents(PlainCommand):  # noqa: N801
    """List the agents that a worker runs here, and the topics that each reads."""

    def work(self, **options: Any) -> int:
        """Print them."""
        _print_table(
            (agent.name, ", ".join(agent.channel.topics), agent.help) for _, agent in sorted(self.app.agents.items())
        )
        return 0


class tables(PlainCommand):  # noqa: N801
    """List the tables, and the topic that each is restored from."""

    def work(self, **options: Any) -> int:
        """Print them."""
        found = self.app.tables.values()
        _print_table((table.name, table.changelog_topic.get_topic_name(), table.help) for table in found)
        return 0


def _print_table(rows: Iterable[tuple[str, str, str]]) -> None:
    found = list(rows)
    widths = [max((len(row[i]) for row in found), default=0) for i in range(2)]
    for name, topics, said in found:
        print(f"{name:<{widths[0]}}  {topics:<{widths[1]}}  {said}".rstrip())


class _Group(click.Group):
    """What is different from Faust's group of commands: `ours` come first."""

    ours: tuple[str, ...] = ()

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        ctx.help_option_names = ["--help", "-h"]  # of the command that comes
        if args[0] not in self.commands:
            ctx.fail(_unknown(args[0], self.commands))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.width = min(WIDTH, shutil.get_terminal_size().columns)
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        others = [name for name in sorted(self.commands) if name not in self.ours]
        for title, names in (("Commands", self.ours), ("Commands of Faust", others)):
            with formatter.section(title):
                formatter.write_dl([(name, _first_line(self.commands[name])) for name in names])

        _write_examples(formatter, EXAMPLES)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)


class _Command(click.Command):
    """A command with examples."""

    examples: tuple[str, ...] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(formatter, self.examples)


def arrange() -> None:
    """Offer what works here, ours first; called once all commands are declared."""
    for name in INSTEAD:
        cli.commands.pop(name, None)
    cli.help = (
        "Hindsight tells how wrong a regression model is, live, although the truth arrives later than the prediction."
    )
    declared_here = PlainCommand.__subclasses__()
    ours = ("worker", *(each.__name__ for each in declared_here if each.__module__ != __name__))
    cli.__class__ = type("Group", (_Group, type(cli)), {"ours": ours})
    for declared in declared_here:
        command = cli.commands[declared.__name__]
        command.__class__ = _Command
        command.examples = declared.examples


def _unknown(name: str, known: Iterable[str]) -> str:
    if name in INSTEAD:
        return f"Faust's command {name!r} is not offered here: {INSTEAD[name]}."
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def _first_line(command: click.Command) -> str:
    return (command.help or "").strip().splitlines()[0].rstrip(".")


def _write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    if examples:
        formatter.write("\nExamples:\n" + "".join(f"  {example}\n" for example in examples))
