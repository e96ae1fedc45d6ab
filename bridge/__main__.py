"""`python -m bridge`: move RabbitMQ's queues into Kafka's topics."""

import sys

from bridge.process import main

sys.exit(main())
