"""The rows on the wire: what a body may be, how it is partitioned, what a verdict and a dead letter look like. Pure."""
