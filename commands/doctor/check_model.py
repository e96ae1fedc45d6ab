"""Does the model load?"""

from __future__ import annotations

from commands.doctor.finding import Finding, note, ok, wrong
from streams.settings import Settings


def check(settings: Settings) -> list[Finding]:
    """Load the model as the worker would."""
    from models.artefact import ModelError, load  # scikit-learn takes a second to import

    if "model" not in settings.agents:
        return [note("model", "not needed: HINDSIGHT_AGENTS leaves out `model`")]
    try:
        model = load(settings.model, settings.model_pickle_sha256)
    except ModelError as exc:
        return [wrong("model", str(exc))]
    return [ok("model", f"{model.name} of {settings.model}, takes {model.n_features} features")]
