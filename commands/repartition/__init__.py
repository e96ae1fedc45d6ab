"""The command `repartition`: topics with more partitions, and each id's state in the one that it belongs to."""
