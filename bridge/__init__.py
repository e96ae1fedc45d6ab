"""RabbitMQ to Kafka and back: one file per system it speaks, one for the relay between them."""
