"""What the workers, the bridge and Kafka say of themselves, gathered for the pages, /readyz and /metrics."""
