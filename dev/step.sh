#!/bin/sh
# Run a step of the set-up. Ctrl-C ends it and all that it started, at once and without a traceback of Python's.
setsid "$@" &
trap 'kill -- -$!' INT TERM HUP
wait $!
