"""Opening a pickle, which can run any code: only as the very file whose sha256 somebody set."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]

from models.errors import ModelError, said


def open_pickle(path: Path, raw: bytes, digest: str, trusted: str) -> Any:
    """Return what `pickle.dump`, `joblib.dump` or cloudpickle wrote, if `digest`, its sha256, is among `trusted`.

    Raises:
        ModelError: nobody named this file, or it cannot be opened here.
    """
    known = [one.strip() for one in trusted.lower().split(",") if one.strip()]
    if not known:
        raise ModelError(
            f"The model {path} is a pickle, which can run any code when it is opened. If you trust where it comes "
            f"from, set HINDSIGHT_MODEL_PICKLE_SHA256={digest}; better, save it with skops."
        )
    if digest not in known:
        raise ModelError(
            f"The model {path} has the sha256 {digest}, but HINDSIGHT_MODEL_PICKLE_SHA256 is {trusted}: it "
            f"is not the file that was trusted, so it is not opened. Restore that file, or set the new digest."
        )
    try:
        return joblib.load(BytesIO(raw))
    except (Exception, SystemExit) as exc:  # a pickle raises whatever its code raises, a missing module first of all
        raise ModelError(
            f"The pickle {path} cannot be opened here: {said(exc)}. "
            f"Install the libraries it was made with, or save the model with skops."
        ) from None
