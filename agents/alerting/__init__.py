"""Alerts that are looked at and sent by one worker: the one that keeps the figures."""
