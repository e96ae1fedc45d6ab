"""The page `docs/benchmarks.md`: how to run the benchmark, all goals, and the tables and pictures of what is saved."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench import drawing, show
from bench.program import ROOT
from bench.saved import Measured

PAGE, DATA, PICTURES = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks.json", ROOT / "docs/images/benchmarks"
REMARKS = ROOT / "bench/remarks.md"
"""What people have to say about the goals; it stands below them."""
HEAD = """\
# Benchmarks

Every figure stands beside its peer, measured in the same run, on the same brokers and the same rows, on one machine that
holds everything at once: RabbitMQ, Kafka, the publisher, the bridge, the worker and the benchmark. Every single run is in
[benchmarks.json](benchmarks.json).

```
make bench                                # everything, about 50 minutes
python -m bench peers latency --runs 5    # some of it; each is saved in bench/results/
python -m bench --scale 0.1               # fewer rows, for a quick look
python -m bench --page                    # this page, from what is saved
make peers                                # what only the peers need, Kafka Streams and others; the benchmark makes it too
python -m bench soak --minutes 60         # memory of a worker that fifty people watch for an hour, only if it is named
make bench-check                          # CPU of the hot paths against what is recorded; fails past 1.3 times of it
```

It starts a RabbitMQ and a Kafka of its own on free ports and removes them afterwards. A figure is the median of runs that
take turns with their peers; a ratio is the median of the ratios within each turn. CPU is that of the process under
measurement over the measured span, from the kernel's accounting. Where rows come out, they are held against those that went
in, each id and each value, and a wrong output ends the benchmark. Nothing asks the worker while it is measured: when it
began and ended is read from the times in its decision log and from the CSV's own time.

What its parts took for this page, in minutes, at the scale that each names: {names}.

"""


def write(measured: Sequence[Measured]) -> None:
    """Write the page, its pictures and the JSON of all runs."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for one in measured:
        drawing.draw(one.section, PICTURES / f"{one.section.name}.png")
    names = ", ".join(f"{one.section.name} {one.took_s / 60:.0f}" for one in measured)
    head = HEAD.format(names=names)
    PAGE.write_text(head + "\n".join([_goals(measured), REMARKS.read_text(), *map(_section, measured)]))
    DATA.write_bytes(msgspec.json.format(msgspec.json.encode(list(measured))))


def _goals(measured: Sequence[Measured]) -> str:
    goals = [(one.section, goal) for one in measured for goal in one.section.goals]
    n_reached = sum(goal.is_reached for _, goal in goals)
    rows = [[f"[{section.title}](#{_anchor(section.title)})", *show.goal_cells(goal)] for section, goal in goals]
    return f"## Goals: {n_reached} of {len(goals)} are reached\n\n" + show.table(
        ["", "goal", "target", "measured", ""], rows, numbers=(2, 3)
    )


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _section(one: Measured) -> str:
    section, plural = one.section, "s" * (one.n_runs > 1)
    share = "" if one.scale == 1 else f" --scale {one.scale:g}"
    made = f"*{one.day}, commit {one.commit}, {one.n_runs} run{plural}, {one.took_s / 60:.0f} min; {one.machine}: "
    return "\n".join(
        [
            show.markdown(section),
            f"![{section.title}, as a picture](images/benchmarks/{section.name}.png)\n",
            f"{made}`python -m bench {section.name} --runs {one.n_runs}{share}`*\n",
        ]
    )
