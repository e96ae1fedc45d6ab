"""The worker: everything that its agents share, put together in one place.

The modules of the agents declare what Faust runs, and take their part from `worker`; the pages are given all of it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from agents.alerting.alerting import Alerting
from agents.alerting.looking import nobody
from agents.alerting.making import made, rules_of
from agents.feeding import FILES, Feeding, frame_of
from agents.insight.answers import Answers
from agents.insight.counting import Counting
from agents.joining import Joining
from agents.loading import held_out
from agents.metric_log.incoming import Incoming
from agents.metric_log.local_path import LocalPath
from agents.metric_log.parquet_rows import package_problem
from agents.metric_log.verdict_files import VerdictFiles
from agents.plotting import Plotting
from agents.predicting import Predicting
from bridge.app import Bridge
from streams.alerts.parse import Unusable
from streams.alerts.readings import Health
from streams.alerts.rules import Alerts
from streams.faust_app import HindsightApp, app, names, settings
from streams.kafka.records import TP
from streams.kafka.topics import Topics
from streams.process.fatal import fatal
from streams.scores.figures import Mark
from streams.settings import Settings
from streams.table.pairs_table import PairsTable
from streams.table.witness import Witness


class Worker:
    """The parts of one worker process. Which of them run is said by the setting `agents`.

    `problems` has one sentence for each part beside them that does not work now, and an empty one where it works;
    `unreadable` one for each kind of rows that cannot be read: nothing of ours is broken then, but somebody has to act.
    """

    def __init__(self, app: HindsightApp, settings: Settings, names: Topics):
        self.app, self.settings, self.names = app, settings, names
        self.children = app.children
        self.problems: dict[str, str] = {"kafka": ""}
        self.unreadable: list[str] = []
        self.is_started = False
        """Whether Kafka has answered, and the parts are set up."""
        local_path = LocalPath()
        self.pairs = PairsTable(
            app,
            name="pairs",
            help="Ids that wait for their other side, and those that got their verdict lately.",
            partitions=settings.partitions,
            key_type=bytes,
            value_type=bytes,
            changelog_topic=app.raw_topic(names.pairs_log.name),
            standby_buffer_size=1,
        )
        store = self.pairs.store
        self.joining = Joining(settings, names, app.fetcher, store.partition, store.set_aside, local_path.put)
        self.pairs.source = self.joining
        self.predicting = Predicting(settings, names, app.fetcher)
        confirms = Witness(self.joining.log, settings.partitions).confirms
        self.feeding = Feeding(settings, names.metric.name, confirms, self._figures)
        self.filing: Feeding | None = None
        """What writes the Parquet files of all verdicts, where the setting asks for them."""
        if settings.parquet_every_s is not None:
            self.filing = Feeding(settings, names.metric.name, confirms, self._files, FILES)
        self.feedings = [self.feeding, *([self.filing] if self.filing else [])]
        self.answers = Answers(settings.logs_dir, settings.join_window_s, self._late)
        self.plotting = Plotting(
            settings,
            names,
            app.fetcher,
            Incoming(confirms),
            local_path,
            self.feedings,
            self.answers,
            self.writes_the_log,
            self._verdict,
        )
        self._rules = Alerts()
        self.alerting: Alerting | None = None
        """None until the worker is set up."""
        self.health: Callable[[], Awaitable[Health]] = nobody
        """Returns how all workers and the bridge are; set by the web view, which knows them."""
        self.bridge: Bridge | None = None
        """Where the setting asks for it, once the worker is set up."""

    def read_rules(self) -> None:
        """Read the file of alert rules; one that cannot be used ends the process at once, Kafka there or not."""
        try:
            self._rules = rules_of(self.settings)
        except Unusable as exc:
            fatal(f"HINDSIGHT_ALERTS cannot be used.\n{exc}")

    def set_up(self) -> None:
        """Tell the parts what is known only once the worker has its place on disk."""
        self.joining.instance_id = self.app.instance.instance_id
        self.pairs.store.directory = self.app.instance.path
        self.app.closers.append(self.joining.close)
        if self.settings.has_bridge_inside:
            self.bridge = Bridge(self.settings)
        if self.filing and "plot" in self.settings.agents and (problem := package_problem()):
            fatal(problem)
        self.alerting = made(
            self._rules,
            self.settings,
            self.answers,
            self.writes_the_log,
            self._not_counted,
            self._health,
            held_out(self.settings),
        )
        self.is_started = True

    def _figures(self) -> Counting:
        """Open insight.db."""
        mark = Mark(time.time(), "opened", f"Worker {self.joining.instance_id} counts from here.")
        segments, listed = self.settings.segments, self.settings.model_names
        watched = [rule.by for rule in self._rules.rules if rule.by]
        return Counting.open(self.settings.logs_dir, frame_of(self.settings), mark, segments, listed, watched)

    def _files(self) -> VerdictFiles:
        """Open the Parquet files."""
        return VerdictFiles.open(self.settings.logs_dir, self.settings.parquet_every_s or 0.0)

    def _not_counted(self) -> str:
        """Return why insight.db does not hold what the join has decided; an empty string if it does."""
        return self.plotting.link.problem or self.feeding.problem or self.feeding.behind

    def _late(self) -> str:
        """Return why the figures are of a while ago, as a clause; an empty string if they are of now."""
        return "the metric log cannot be written" if self.plotting.link.problem else self.feeding.late

    def _verdict(self) -> str:
        verdict = self.alerting.verdict if self.alerting else None
        return verdict.sentence if verdict else ""

    async def _health(self) -> Health:
        return await self.health()

    def runs(self, agent: str) -> bool:
        """Tell whether an agent runs here, and its part is set up."""
        return self.is_started and agent in self.settings.agents

    def writes_the_log(self) -> bool:
        """Tell whether this worker owns the topic `metric`: it writes the metric log and insight.db."""
        return self.app.owns(TP(self.names.metric.name, 0))


worker = Worker(app, settings, names)
app.at_first(worker.read_rules)
app.on_before_start(worker.set_up)
