"""The commands of `faust -A streams ...`."""
