"""Does the model load, and does it predict?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.loading import load_model
from commands.doctor.finding import Finding, note, ok, wrong
from models.errors import ModelError, printable
from streams.process.own_thread import OwnThread, WorkFailed
from streams.settings import Settings

if TYPE_CHECKING:
    from models.model import Model

WHAT = "model"
PATIENCE_S = 60.0
"""Loading a model and trying it takes some seconds."""


def check(settings: Settings) -> list[Finding]:
    """Load the model as the worker would, and try it."""
    if "model" not in settings.agents:
        return [note(WHAT, "not needed: HINDSIGHT_AGENTS leaves out `model`")]
    try:
        model = asyncio.run(_loaded(settings))
    except ModelError as exc:
        return [wrong(WHAT, str(exc))]
    except WorkFailed as exc:
        return [wrong(WHAT, f"{settings.model} cannot be loaded: {exc}")]
    except TimeoutError:
        hangs = f"{settings.model} was not loaded and tried within {PATIENCE_S:g} s: it hangs, or takes very long"
        return [wrong(WHAT, f"{hangs}. A worker that runs `model` waits for it, and its rows stay in Kafka")]
    return [
        ok(WHAT, f"{model.label} of {settings.model} predicts; it takes {_features(model)}"),
        *(note(WHAT, f"{model.label} was {remark}") for remark in model.remarks),
    ]


async def _loaded(settings: Settings) -> Model:
    """Load the model in a thread, which is left behind if it hangs."""
    async with asyncio.timeout(PATIENCE_S):
        return await OwnThread("model").do(lambda: load_model(settings))


def _features(model: Model) -> str:
    names = ", ".join(model.names) if model.names else "without names, in the order that it was trained on"
    return printable(f"{len(model.columns)} features ({names})") + "".join(_gaps(model))


def _gaps(model: Model) -> Iterator[str]:
    """Yield where null stands for a missing value."""
    if all(model.takes_null):
        yield "; null is a missing value"
    elif any(model.takes_null):
        taken = [
            model.names[i] if model.names else f"features[{i}]" for i, takes in enumerate(model.takes_null) if takes
        ]
        yield printable(f"; null is a missing value of {', '.join(taken)}")
