"""One model of the worker, in a thread of its own: loaded, asked batch by batch, and named when it hangs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from agents.predict import predict
from streams.process.own_thread import OwnThread
from streams.settings import ModelFile
from streams.wire.rows import FeaturesRow, PredRow, Unreadable, encode_packet

if TYPE_CHECKING:
    from models.model import Model

logger = logging.getLogger("hindsight.model")
LONG_S = 10.0
"""A model that has been at work for longer is said to hang, for as long as it is."""
PATIENCE_S = 60.0
"""One of several models that has been at work on a batch for longer is not waited for: its rows are refused."""
Answers = list[PredRow | Unreadable]


class Predictor:
    """One model. `is_alone`: nobody waits for it, so that its rows wait until it answers, however long that takes."""

    def __init__(self, file: ModelFile, *, is_alone: bool) -> None:
        self.file, self.is_alone = file, is_alone
        self.model: Model | None = None
        """None until it is loaded."""
        self.sending = asyncio.Lock()
        """Held while what became of a batch is sent: predictions come in the order of their rows, or the join takes the earlier
        ones for late."""
        self._thread = OwnThread(f"model {file.name}".strip())
        self._turn = asyncio.Lock()
        self._abandoned: asyncio.Task[Answers] | None = None
        """A call that nobody waits for any more; the model is asked again once it has come back."""

    @property
    def problem(self) -> str:
        """One sentence that says why rows are not predicted now; empty if they are."""
        if self._thread.busy_s > LONG_S:
            return self._hangs()
        return "" if self.model is not None else f"The model{self._name} is not loaded yet."

    @property
    def _name(self) -> str:
        return f" {self.file.name}" if self.file.name else ""

    async def load(self, load: Callable[[], Model]) -> Model:
        """Have the thread load the model, and return it.

        Raises:
            Exception: what `load` raised.
        """
        doing = asyncio.create_task(self._thread.do(load))
        try:
            await self._wait(doing, None)
            self.model = await doing
        finally:
            doing.cancel()
        return self.model

    async def predict(self, rows: Sequence[FeaturesRow]) -> Answers:
        """Return what becomes of each row, in order; batches have their turn in the order of the calls."""
        async with self._turn:
            if self._abandoned is not None:
                if not self._abandoned.done():
                    return self._refused(rows)
                self._abandoned = None
                logger.info("The model%s answers again.", self._name)
            return await self._asked(list(rows))

    async def _asked(self, rows: list[FeaturesRow]) -> Answers:
        model = self.model
        assert model is not None, "nothing is fetched before the model is loaded"
        doing = asyncio.create_task(self._thread.do(lambda: predict(rows, model)))
        try:
            await self._wait(doing, None if self.is_alone else PATIENCE_S - LONG_S)
        except asyncio.CancelledError:
            doing.cancel()
            raise
        if doing.done():
            return doing.result()
        self._abandoned = doing
        return self._refused(rows)

    async def _wait(self, doing: asyncio.Task[Any], more_s: float | None) -> None:
        """Wait for the thread; say it once in the log if that takes long, and once when it is done."""
        await asyncio.wait([doing], timeout=LONG_S)
        if doing.done():
            return
        logger.error("%s", self._hangs())
        await asyncio.wait([doing], timeout=more_s)
        if doing.done():
            logger.info("The model%s answers again.", self._name)

    def _refused(self, rows: Sequence[FeaturesRow]) -> Answers:
        assert self.model is not None
        sentence = (
            f"{self.model.label} has been at work on one batch for more than {PATIENCE_S:g} s, and the other models do not "
            "wait for it: restart the worker if it hangs, and requeue the row"
        )
        name = self.model.name
        return [Unreadable(encode_packet(row), "bad_prediction", sentence, model=name) for row in rows]

    def _hangs(self) -> str:
        busy_s = self._thread.busy_s
        if self.model is None:
            return f"The model {self.file.path} has been loading for {busy_s:.0f} s: the worker joins once it has."
        said = f"The model {self.model.label} has been at work on one batch for {busy_s:.0f} s"
        if self._abandoned is not None:
            return f"{said}: its rows go to quarantine, and the other models go on. If it does not answer, restart the worker."
        return (
            f"{said}: further rows of features wait in Kafka, and the join goes on. If it does not answer, restart the "
            "worker, or set HINDSIGHT_MODEL to another one."
        )
