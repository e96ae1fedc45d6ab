"""`python -m bridge`: the same as `faust -A streams bridge`, for those who have no use for Faust's command line."""

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is imported ends quietly too

import argparse
import sys

from bridge.process import main
from streams.version import version

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m bridge",
        description="Move RabbitMQ's queues into Kafka's topics, until Ctrl-C. Its settings are HINDSIGHT_ variables.",
    )
    parser.add_argument("--version", action="version", version=f"Hindsight {version()}")
    parser.parse_args()
    sys.exit(main())
