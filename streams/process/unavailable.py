"""The exception for a broker that does not do what it was asked for."""


class Unavailable(Exception):
    """A broker cannot be used, or not now; the message is a sentence for people: what, why, and what to do."""

    pause_s = 0.0
    """How long the next attempt has to wait at least: what a person has to put right is not looked at every second."""
