"""Does the model load, and does it predict?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.loading import load_model
from commands.doctor.finding import Finding, note, ok, wrong
from models.errors import ModelError, printable
from streams.process.own_thread import OwnThread, WorkFailed
from streams.settings import ModelFile, Settings

if TYPE_CHECKING:
    from models.model import Model

WHAT = "model"
PATIENCE_S = 60.0
"""Loading a model and trying it takes some seconds."""


def check(settings: Settings) -> list[Finding]:
    """Load the models as the worker would, and try them."""
    if "model" not in settings.agents:
        return [note(WHAT, "not needed: HINDSIGHT_AGENTS leaves out `model`")]
    return [finding for file in settings.model_files for finding in _check(settings, file)]


def _check(settings: Settings, file: ModelFile) -> list[Finding]:
    try:
        model = asyncio.run(_loaded(settings, file))
    except ModelError as exc:
        return [wrong(WHAT, str(exc))]
    except WorkFailed as exc:
        return [wrong(WHAT, f"{file.path} cannot be loaded: {exc}")]
    except TimeoutError:
        hangs = f"{file.path} was not loaded and tried within {PATIENCE_S:g} s: it hangs, or takes very long"
        return [wrong(WHAT, f"{hangs}. A worker that runs `model` waits for it, and its rows stay in Kafka")]
    listed = settings.model_names
    if listed and model.name not in listed:
        what = (
            f"{model.name} of {file.path} is not in HINDSIGHT_MODELS ({', '.join(listed)}): its predictions are refused"
        )
        return [wrong(WHAT, f"{what}. Name it: HINDSIGHT_MODEL={listed[0]}={file.path}")]
    return [
        ok(WHAT, f"{model.label} of {file.path} predicts; it takes {_features(model)}"),
        *(note(WHAT, f"{model.label} was {remark}") for remark in model.remarks),
    ]


async def _loaded(settings: Settings, file: ModelFile) -> Model:
    """Load the model in a thread, which is left behind if it hangs."""
    async with asyncio.timeout(PATIENCE_S):
        return await OwnThread("model").do(lambda: load_model(settings, file))


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
