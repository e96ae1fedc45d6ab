"""Figures that last: cells of sums in one SQLite file, exact after any crash, readable by anybody beside a worker."""
