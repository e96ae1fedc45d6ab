"""The rolling windows of this worker. The agent `plot` gives them every record that it writes: `windows.take`."""

from streams.scores.windows import Windows

windows = Windows()
