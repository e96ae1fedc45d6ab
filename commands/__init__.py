"""The commands of `faust -A streams ...`, a room for each larger one."""
