"""`python -m bridge`: move RabbitMQ's queues into Kafka's topics."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is imported ends quietly too

from bridge.process import main  # noqa: E402

sys.exit(main())
