"""Where the time goes: samples of the running worker and bridge, by what they were doing. Taken by py-spy."""

from __future__ import annotations

from collections import Counter

from bench import made_up_rows, peer, queues
from bench.joined import N_IDS, PACKET_ROWS, n_in_log
from bench.measure_end_to_end import N_ONE, publisher
from bench.place import Place, Run
from bench.profile import OTHER, Stages, sampled
from bench.results import Figures, Section, line
from bench.show import progress

N_SINGLES = 60_000
PACKETS, SINGLES = "worker, packets, %", "worker, a row a record, %"
WHOLE_WORKER, WHOLE_BRIDGE = "worker, end to end, %", "bridge, end to end, %"
WORKER: Stages = {
    "decoding rows": ("streams/wire/rows.py",),
    "join step": ("streams/join/decide.py", "streams/join/state.py"),
    "store (RocksDB)": ("streams/table/store.py",),
    "decision log": ("streams/table/decision_log.py", "streams/join/decision.py"),
    "owner": ("streams/table/owner.py", "agents/metric.py"),
    "outbox": ("streams/table/outbox.py", "streams/wire/verdicts.py"),
    "CSV and summary": ("agents/metric_log/", "agents/plot"),
    "figures": ("agents/feeding.py", "agents/insight/", "streams/scores/"),
    "Kafka client": ("aiokafka/", "kafka/"),
    "Faust": ("faust/", "mode/", "streams/faust_"),
    "event loop": ("asyncio/", "concurrent/", "threading.py"),
    "asking for events": ("selectors.py",),
}
BRIDGE: Stages = {
    "decoding rows": ("streams/wire/rows.py", "bridge/batch.py", "streams/amqp/properties.py"),
    "packing": ("bridge/packets.py", "streams/wire/partition.py"),
    "AMQP client": (
        "pika/",
        "streams/amqp/frames.py",
        "streams/amqp/connection.py",
        "streams/amqp/channel.py",
        "bridge/queues.py",
    ),
    "relay": ("bridge/",),
    "Kafka client": ("aiokafka/", "kafka/"),
    "event loop": ("asyncio/",),
    "asking for events": ("selectors.py",),
}


def measure(place: Place, n_runs: int, scale: float) -> Section:
    """Sample one run of each."""
    progress("profile: installing py-spy")
    peer.install()
    counted = {
        PACKETS: _joining(place.new_run(), int(N_IDS * scale), PACKET_ROWS),
        SINGLES: _joining(place.new_run(), int(N_SINGLES * scale), 1),
    }
    counted[WHOLE_WORKER], counted[WHOLE_BRIDGE] = _end_to_end(place.new_run(), int(N_ONE * scale))
    stages = list(dict.fromkeys([*WORKER, *BRIDGE, OTHER]))
    shares: dict[str, Figures] = {
        stage: {what: 100 * counts[stage] / counts.total() for what, counts in counted.items() if counts[stage]}
        for stage in stages
    }
    shares["samples"] = {what: counts.total() for what, counts in counted.items()}
    return Section(
        "profile",
        "Where the time goes",
        "200 times a second py-spy looks which thread holds Python's lock (the GIL), and finds its innermost line that belongs "
        "to a stage: shares of the time that Python works. What lets go of the lock, as the disk and sockets do, is not in it; "
        "compiled parts of Faust count as event loop. Only while rows were worked on. End to end: durable, one row a message. "
        "One run.",
        [line(stage, [figures]) for stage, figures in shares.items()],
    )


def _joining(run: Run, n_ids: int, packet_rows: int) -> Counter[str]:
    progress(f"profile: the worker, {2 * n_ids:,} rows, rows a record: {packet_rows}")
    given, counts = made_up_rows.pairs(n_ids, run.at), Counter[str]()
    with run.worker() as worker:
        worker.wait_until_said("The table `pairs` is ready")
        with sampled(run, worker, counts, WORKER):
            made_up_rows.load_pairs(run.settings(), given, packet_rows)
            worker.wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
    return counts


def _end_to_end(run: Run, n_ids: int) -> tuple[Counter[str], Counter[str]]:
    """Return the samples of worker and bridge."""
    progress(f"profile: end to end, {2 * n_ids:,} rows")
    queues.declare_anew(run.place.amqp_url, durable=True)
    of_worker, of_bridge = Counter[str](), Counter[str]()
    with run.worker() as worker, run.bridge() as bridge:
        bridge.wait_until_said("Reading the queue 'y_true'", "Reading the queue 'y_pred'")
        worker.wait_until_said("The table `pairs` is ready")
        with sampled(run, worker, of_worker, WORKER), sampled(run, bridge, of_bridge, BRIDGE):
            with publisher(run, "durable", n_ids, 1) as publishing:
                publishing.wait()
            worker.wait_until(lambda: n_in_log(run.logs) >= n_ids, "the last row", 300)
    return of_worker, of_bridge
