"""`python -m dev brokers | rabbitmq | kafka | run | docs`: see each command's help."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is imported ends without a traceback

import argparse
import os
import sys

from dev import DevError, brokers, docs, run
from dev.say import say
from dev.stopping import Stop
from streams.process.plain_output import spell_out
from streams.settings import SettingsError, load


def main() -> int:
    """Run the command; return the exit code."""
    spell_out()
    given = _parser().parse_args()
    command = given.command
    try:
        settings = load(os.environ)
        if command == "run":
            run.run(settings, Stop(), say, with_features=given.features != "0")
        elif command == "docs":
            docs.write()
        elif command == "brokers":
            brokers.run(brokers.BOTH, settings, Stop(), say)
        else:
            brokers.run((command,), settings, Stop(), say)
    except (DevError, SettingsError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev", description="Embedded brokers for a first run and for tests."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("brokers", help="run RabbitMQ and Kafka on loopback until Ctrl-C")
    commands.add_parser("rabbitmq", help="run only RabbitMQ")
    commands.add_parser("kafka", help="run only Kafka")
    running = commands.add_parser("run", help="run everything, with embedded brokers where the settings name none")
    running.add_argument(
        "--features", choices=("0", "1"), default="1", help="0: without the random rows of the data driver"
    )
    commands.add_parser("docs", help="write docs/configuration.md and web/static/openapi.json from the code")
    return parser


if __name__ == "__main__":
    sys.exit(main())
