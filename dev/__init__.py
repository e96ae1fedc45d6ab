"""A real RabbitMQ and a real Kafka on this machine's loopback, for a first run and for tests: `python -m dev`."""


class DevError(Exception):
    """Something that the person at the keyboard can put right; the message says what and how."""
