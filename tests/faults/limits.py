"""How long a fault may go unseen, and rows may stand still after it. `make faults` judges; no test does."""

from __future__ import annotations

RESUMES_S = 20.0
"""Kafka's session of 10 s, and 10 s: then rows flow again by themselves."""
RESTARTS_S = 15.0
"""A worker that was killed and is started again works again."""
SEEN_S = 5.0
"""A fault is on /readyz, on /metrics and in the log."""


def late(*, resumed_s: float | None, resumes_s: float, seen_s: float | None) -> list[str]:
    """Return what took longer than it may, each as a sentence."""
    found = []
    if resumed_s is not None and resumed_s > resumes_s:
        found.append(f"rows flowed again after {resumed_s:g} s, and {resumes_s:g} s are allowed")
    if seen_s is not None and seen_s > SEEN_S:
        found.append(f"/readyz, /metrics and the log showed it after {seen_s:g} s, and {SEEN_S:g} s are allowed")
    return found
