"""The models that the settings name, loaded and tried: as the worker does it, and the doctor."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from agents.insight.references import HeldOut
from streams.settings import ModelFile, Settings

if TYPE_CHECKING:
    from models.model import Model


def held_out(settings: Settings) -> list[HeldOut]:
    """Return what the cards beside the models say of them; nothing of one without a card, or whose card cannot be read."""
    from models.card import card_path, decode

    found = []
    for file in settings.model_files:
        with suppress(Exception):  # foreign bytes; whoever loads the model says what is wrong with its card
            card = decode(card_path(file.path).read_bytes())
            if card.held_out is not None:
                scores = msgspec.structs.asdict(card.held_out)
                found.append(HeldOut(file.name or card.model, card.n_rows_held_out, scores))
    return found


def load_model(settings: Settings, file: ModelFile) -> Model:
    """Load one of the models and try it; NumPy's threads, which it would have spin beside the join, are one from then on.

    Raises:
        models.errors.ModelError: it cannot be used; the message says why, and what to do.
    """
    from threadpoolctl import threadpool_limits

    from models.artefact import load  # scikit-learn takes a second to import, and no other command needs it

    model = load(file.path, name=file.name, pickle_sha256=settings.model_pickle_sha256, types=settings.model_types)
    threadpool_limits(1, user_api="blas")
    return model
