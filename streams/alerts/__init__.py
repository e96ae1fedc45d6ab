"""Alarms: the rules of a file, what they are held against, the five states of each, and what is sent. No I/O, no clock."""
