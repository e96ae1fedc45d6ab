"""The metric log: every verdict once in `metric_log.csv` or `unmatched_log.csv`, whatever dies."""
