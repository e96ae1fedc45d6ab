"""The model that the settings name, loaded and tried: as the worker does it, and the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.settings import Settings

if TYPE_CHECKING:
    from models.model import Model


def load_model(settings: Settings) -> Model:
    """Load the model and try it.

    Raises:
        models.errors.ModelError: it cannot be used; the message says why, and what to do.
    """
    from models.artefact import load  # scikit-learn takes a second to import, and no other command needs it

    file = settings.model_files[0]
    return load(file.path, name=file.name, pickle_sha256=settings.model_pickle_sha256, types=settings.model_types)
