"""The commands of `faust -A streams ...` beyond Faust's own. Each imports what it needs when it is called."""

from __future__ import annotations

from typing import Any, ClassVar

import click
from faust.cli import argument, option

from commands import faust_cli
from commands.plain import PlainCommand, text


class bridge(PlainCommand):  # noqa: N801  Faust names a command after its class
    """Move RabbitMQ's queues into Kafka's topics, until Ctrl-C."""

    examples = (
        "faust -A streams bridge                                         in a process of its own; several share the queues",
        "HINDSIGHT_QUEUES=y_true,y_pred faust -A streams bridge          where your own model service reads `features`",
    )

    def work(self, **options: Any) -> int:
        """Run the bridge."""
        from bridge import process

        return process.main()


class features(PlainCommand):  # noqa: N801
    """Send random rows of load_diabetes to the queues `features` and `y_true`: the data driver."""

    examples = (
        "faust -A streams features --rate 200 --label-delay 30           200 rows a second, whose truth comes 30 s later",
        "faust -A streams features --count 1000 --seed 1                 the same 1,000 rows each time",
    )
    options: ClassVar[list[Any]] = [
        option("--rate", type=float, default=5.0, help="rows per second"),
        option("--count", type=int, default=None, help="stop after so many rows (default: never)"),
        option("--seed", type=int, default=None, help="makes runs repeatable"),
        option("--label-delay", default="0", help="seconds from the features to their truth, or lognormal:MEDIAN"),
        option("--duplicate-rate", type=float, default=0.0, help="share of messages that are sent twice"),
        option("--missing-rate", type=float, default=0.0, help="share of truths that are never sent"),
        option("--bad-rate", type=float, default=0.0, help="share of truths that are sent as text, which is refused"),
        option("--drift-at", type=float, default=0.0, help="seconds after which --drift and --bias begin"),
        option("--drift", type=float, default=1.0, help="how many times as far from their mean the truths lie then"),
        option("--bias", type=float, default=0.0, help="by how much predictions are too high then: truths are lower"),
        option("--tag", "tags", multiple=True, help="a tag of each row, one of these: country=DE,FR; may be repeated"),
    ]

    def work(self, **options: Any) -> int:
        """Run the data driver."""
        from commands.driver import command as driver
        from streams.faust_app import settings

        return driver.run(settings, **options)


class status(PlainCommand):  # noqa: N801
    """Show the state of everything on one screen: queues, topics, verdicts, errors. Needs no running worker."""

    examples = (
        "faust -A streams status --watch                                 refreshed every 2 seconds, with rows a second",
        "faust -A streams status --json                                  for programs",
    )
    options: ClassVar[list[Any]] = [
        option("--json", "as_json", is_flag=True, help="print it as JSON"),
        option("--watch", is_flag=True, help="refresh every 2 seconds, until Ctrl-C"),
        option(
            "--since",
            default="all",
            help="the figures of predictions of this length of time until now: 5m, 3h, 7d; all",
        ),
    ]

    def work(self, **options: Any) -> int:
        """Print it."""
        from commands.status import command
        from streams.faust_app import settings

        return command.run(settings, **options)


class doctor(PlainCommand):  # noqa: N801
    """Check everything that must be right, with the cause and the remedy if it is not; exits with 1 if anything is wrong."""

    examples = (
        "faust -A streams doctor --json                                  for programs: what, level (ok, note, wrong), said",
    )
    options: ClassVar[list[Any]] = [option("--json", "as_json", is_flag=True, help="print it as JSON")]

    def work(self, **options: Any) -> int:
        """Run the checks."""
        from commands.doctor import command
        from streams.faust_app import settings

        return command.run(settings, **options)


class topology(PlainCommand):  # noqa: N801
    """Declare the Kafka topics and the RabbitMQ queues that are missing, and exit."""

    examples = (
        "faust -A streams topology --wait 300                            before anything else starts, such as in a container",
    )
    options: ClassVar[list[Any]] = [
        option("--wait", "wait_s", type=float, default=60.0, help="seconds to wait for brokers that do not answer yet"),
        option(
            "--recreate",
            is_flag=True,
            help="delete queues that are declared otherwise than HINDSIGHT_QUEUE_KIND says, if they are empty and nobody "
            "reads them, and declare them anew",
        ),
        option("--yes", is_flag=True, help="recreate: do not ask"),
    ]

    def work(self, **options: Any) -> int:
        """Declare them."""
        from commands import topology as command
        from streams.faust_app import settings

        return command.run(settings, **options)


class repartition(PlainCommand):  # noqa: N801
    """Give the topics more PARTITIONS, with each id's state in the one that it belongs to; workers and bridges are stopped."""

    examples = (
        "faust -A streams repartition 16                                 then set HINDSIGHT_PARTITIONS=16, and start again",
    )
    options: ClassVar[list[Any]] = [argument("partitions"), option("--yes", is_flag=True, help="do not ask")]

    def work(self, **options: Any) -> int:
        """Grow them."""
        from commands.repartition import command
        from streams.faust_app import settings

        return command.run(settings, **options)


class reconcile(PlainCommand):  # noqa: N801
    """Prove from Kafka and the CSV files that nothing is lost or duplicated; exits with 1 if not, with 2 if it cannot tell."""

    examples = (
        "faust -A streams reconcile --from 2h                            only what was decided in the last two hours",
        "faust -A streams reconcile --json                               up to 1,000 ids for each sum that does not hold",
    )
    options: ClassVar[list[Any]] = [
        text("--from", "start", help="only what was decided since then: a UTC time, or how long ago: 2h, 7d"),
        text("--to", "end", help="only what was decided before that time"),
        option("--json", "as_json", is_flag=True, help="print it as JSON"),
    ]

    def work(self, **options: Any) -> int:
        """Print the sums."""
        from commands.reconcile import command
        from streams.faust_app import settings

        return command.run(settings, **options)


class quarantine(PlainCommand):  # noqa: N801
    """List, show, requeue or drop rows that could not be read: all that match the filters, or those of these NUMBERS."""

    examples = (
        "faust -A streams quarantine list --from 2h                      what was refused lately",
        "faust -A streams quarantine show 17 --raw > body                the original bytes of row 17",
        "faust -A streams quarantine requeue --queue y_true --dry-run    what could be read now",
        "faust -A streams quarantine drop --reason not_json --yes        take rows off the list",
    )
    options: ClassVar[list[Any]] = [
        argument("action", type=click.Choice(["list", "show", "requeue", "drop"])),
        argument("numbers", type=int, nargs=-1),
        text("--reason", help="only rows with this reason: oversize, not_json, bad_row, ..."),
        text("--queue", help="only rows of this queue or topic: features, y_true, y_pred"),
        text("--from", "start", help="only what was refused since then: a UTC time, or how long ago: 2h, 7d"),
        text("--to", "end", help="only what was refused before that time"),
        option("--resolved", is_flag=True, help="include rows that were requeued or dropped before"),
        option("--dry-run", is_flag=True, help="only print what would be done"),
        option("--yes", is_flag=True, help="do not ask"),
        option("--raw", is_flag=True, help="show: print the original bytes, and nothing else"),
        option("--json", "as_json", is_flag=True, help="list, show: print JSON, one row per line"),
    ]

    def work(self, **options: Any) -> int:
        """Do what was asked for."""
        from commands.quarantine import command
        from streams.faust_app import settings

        return command.run(settings, **options)


class alerts(PlainCommand):  # noqa: N801
    """Check a file of alert rules, that of HINDSIGHT_ALERTS if none is given: what it says, or what is wrong with it."""

    examples = ("faust -A streams alerts check alerts.toml                       before HINDSIGHT_ALERTS names it",)
    options: ClassVar[list[Any]] = [
        argument("action", type=click.Choice(["check"])),
        argument("file", required=False, default=""),
    ]

    def work(self, **options: Any) -> int:
        """Check it."""
        from commands.alerts import rules
        from streams.faust_app import settings

        return rules.run(settings, file=options["file"])


class check(PlainCommand):  # noqa: N801
    """Is the error within a limit? Exits with 0 if so, with 1 if it is beyond, with 2 if that cannot be told."""

    examples = (
        "faust -A streams check --max-mae 50                             for cron and CI, of the predictions of the last hour",
        "faust -A streams check --max-mae 50 --last 1d --min-coverage 0.6  cannot be told (2) while fewer labels are in",
    )
    options: ClassVar[list[Any]] = [
        option("--max-mae", type=float, required=True, help="the MAE that must not be exceeded"),
        option("--last", default="1h", help="of the predictions since then: 30m, 1h, 7d"),
        option(
            "--min-coverage", type=click.FloatRange(0, 1), default=0.0, help="share of predictions that need a label"
        ),
        option("--min-pairs", type=click.IntRange(1), default=30, help="labels that are needed"),
        text("--model", help="of this model alone"),
    ]

    def work(self, **options: Any) -> int:
        """Tell."""
        from commands.alerts import check as command
        from streams.faust_app import settings

        return command.run(settings, **options)


class compare(PlainCommand):  # noqa: N801
    """Is the second model better? Exits with 0 if so, with 1 if it is worse, with 2 if that is open or cannot be told."""

    examples = (
        "faust -A streams compare ridge forest --last 7d                 of the ids that both predicted in the last week",
        "faust -A streams compare ridge forest --by country              for which segments it is better, and for which worse",
    )
    options: ClassVar[list[Any]] = [
        argument("first"),
        argument("second"),
        option("--last", default="all", help="of the predictions since then: 30m, 1h, 7d"),
        text("--by", help="also by the segments of a key of tags, of HINDSIGHT_SEGMENTS"),
    ]

    def work(self, **options: Any) -> int:
        """Tell."""
        from commands import compare as command
        from streams.faust_app import settings

        return command.run(settings, **options)


class reference(PlainCommand):  # noqa: N801
    """Show, set or clear what the model is held against: labels of a span when it was known to be good."""

    examples = (
        "faust -A streams reference set --from 7d --to 1d                the span of a week that was known to be good",
        "faust -A streams reference set --from 8d --to 1d --by-hour      each error against the same hour of the day",
        "faust -A streams reference clear                                the first mature labels are taken again",
    )
    options: ClassVar[list[Any]] = [
        argument("action", type=click.Choice(["show", "set", "clear"])),
        text("--from", "start", help="set: of predictions since then: a UTC time, or how long ago: 2h, 7d"),
        text("--to", "end", help="set: of predictions before that time"),
        option("--by-hour", is_flag=True, help="set: hold each error against the same hour of the day (UTC)"),
        text("--model", help="of this model alone"),
    ]

    def work(self, **options: Any) -> int:
        """Do what was asked for."""
        from commands.alerts import reference as command
        from streams.faust_app import settings

        return command.run(settings, **options)


class segments(PlainCommand):  # noqa: N801
    """Show which segments the loss is in, and whether its change is the model's or the mix's. Needs no running worker."""

    examples = (
        "faust -A streams segments --by country --last 24h               by the tag `country`, of the last day",
        "faust -A streams segments --by y_pred --json                    by the size of the prediction, for programs",
    )
    options: ClassVar[list[Any]] = [
        option("--by", default="", help="a key of HINDSIGHT_SEGMENTS, y_pred or y_true; the first one if empty"),
        option("--last", default="1h", help="predictions of this length of time until now: 5m, 3h, 7d; all"),
        option("--from", "start", default="", help="the first prediction: a time, or how long ago"),
        option("--to", "end", default="", help="until then; empty: now"),
        option("--model", default="", help="of this model alone"),
        option("--json", "as_json", is_flag=True, help="print it as JSON"),
    ]

    def work(self, **options: Any) -> int:
        """Print them."""
        from commands import segments as command
        from streams.faust_app import settings

        return command.run(settings, **options)


class version(PlainCommand):  # noqa: N801
    """Print the version of Hindsight, and of what it runs on."""

    def work(self, **options: Any) -> int:
        """Print it."""
        import platform

        import faust

        from streams.version import version as ours

        print(f"Hindsight {ours()} (Faust {faust.__version__}, Python {platform.python_version()})")
        return 0


faust_cli.arrange()
