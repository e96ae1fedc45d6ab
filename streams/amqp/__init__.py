"""AMQP: pika as coroutines, its exceptions as sentences. pika stays in here."""
