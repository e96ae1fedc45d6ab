"""What the bridge counts, for /metrics: rows delivered = rows in Kafka + rows quarantined + rows under way."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from streams.process.link import Event

messages = Counter("hindsight_bridge_messages", "RabbitMQ messages that were taken into a batch", ["queue"])
delivered = Counter("hindsight_bridge_rows_delivered", "Rows in those messages, readable or not", ["queue"])
rows = Counter("hindsight_bridge_rows", "Rows that Kafka has confirmed", ["queue"])
packets = Counter("hindsight_bridge_packets", "Kafka records that carry those rows", ["queue"])
quarantined = Counter("hindsight_bridge_quarantined_rows", "Rows that Kafka has in quarantine", ["queue", "reason"])
under_way = Gauge("hindsight_bridge_under_way_rows", "Rows delivered less those that Kafka has confirmed", ["queue"])
acked = Counter("hindsight_bridge_acked_messages", "RabbitMQ messages that were acknowledged", ["queue"])
unacked = Gauge("hindsight_bridge_unacked_messages", "RabbitMQ messages that are not acknowledged yet", ["queue"])
behind = Gauge("hindsight_bridge_behind_messages", "Messages that RabbitMQ still holds, NaN while unknown", ["queue"])
up = Gauge("hindsight_bridge_up", "Whether a link to a broker works", ["link"])
lost = Counter("hindsight_bridge_links_lost", "How often a link to a broker was lost", ["link"])
predictions = Counter("hindsight_bridge_predictions_messages", "Messages of predictions that RabbitMQ has confirmed")
predictions_dropped = Counter("hindsight_bridge_predictions_dropped", "Messages of predictions that were dropped")


def link(name: str, event: Event) -> None:
    """Count what happened to a link."""
    up.labels(name).set(event == "up")
    if event == "lost":
        lost.labels(name).inc()
