"""How fast, beside whom: every figure with its peer on the same brokers and the same rows. `make bench`."""
