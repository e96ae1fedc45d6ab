"""Kafka: clients, topics, producers, readers. aiokafka stays in here."""
