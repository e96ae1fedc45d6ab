"""The page `docs/benchmarks.md`: how to run the benchmark, and the tables of one run of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bench import plot, show
from bench.results import Section

HEAD = """\
# Benchmarks

Every figure stands beside its peer, measured in the same run, on the same brokers and the same rows. The tables below
are of {day}, from a machine with 2 cores that holds everything at once: RabbitMQ, Kafka, the publisher, the bridge, the
worker and the benchmark.

```
make bench                                # everything, about 20 minutes; tables here, plot in bench/results/latest.png
python -m bench join latency --runs 5     # some of it: bridge, join, peers, end-to-end, latency, waiting, stall, web
python -m bench --json                    # bench/results/latest.json too, with every single run
python -m bench --markdown docs/benchmarks.md   # this page
python -m bench --scale 0.1               # fewer rows, for a quick look
python -m bench soak --minutes 60         # memory of a worker that fifty people watch for an hour, only if it is named
make peers                                # what only the peers need, Kafka Streams and others; the benchmark makes it too
make bench-check                          # CPU of the hot paths against what is recorded; fails past 1.3 times of it
```

It starts a RabbitMQ and a Kafka of its own on free ports and removes them afterwards. Each figure is the median of
{n_runs} runs that take turns with their peers; a ratio is the median of the ratios within each turn. CPU is that of the
process under measurement over the measured span, from the kernel's accounting. Where rows come out, they are held
against those that went in, each id and each value, and a wrong output ends the benchmark. Nothing asks the worker while
it is measured: when it began and ended is read from the times in its decision log and from the CSV's own time.

![the figures below, as bars]({picture})

"""


def write(sections: Sequence[Section], path: Path) -> None:
    """Write the page, and its picture beside it."""
    picture = path.with_suffix(".png")
    plot.draw(list(sections), picture)
    n_runs = max((len(line.runs) for section in sections for line in section.lines), default=1)
    head = HEAD.format(day=time.strftime("%Y-%m-%d", time.gmtime()), n_runs=n_runs, picture=picture.name)
    path.write_text(head + "\n".join(map(show.markdown, sections)))
