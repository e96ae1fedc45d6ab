"""The command `python -m models.card FILE`: write a model's card from what its file knows and what is told."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from models.artefact import describe
from models.card import card_path, encode
from models.errors import ModelError
from models.told import Features, Told
from streams.process import atomic_file


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    told = Told(options.name, options.version, options.features, options.example)
    try:
        card = describe(options.file, told, pickle_sha256=options.pickle_sha256, types=options.types)
        atomic_file.replace(card_path(options.file), encode(card))
    except OSError as exc:
        print(
            f"The card was not written: {exc.strerror or exc} ({exc.filename or card_path(options.file)}).",
            file=sys.stderr,
        )
        return 1
    except ModelError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(f"Wrote {card_path(options.file)}: {card.model}, which takes {', '.join(card.features)}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.card",
        description="Try a model and write its card, as JSON beside it: its name, version and features.",
    )
    parser.add_argument("file", type=Path, help="the model: .skops, .pkl, .pickle, .joblib, or a directory of MLflow")
    parser.add_argument("--name", default="", help="what the model is called beside its predictions")
    parser.add_argument("--version", default="", help="its version (default: the first digits of the file's sha256)")
    parser.add_argument(
        "--features", type=_list, default=(), help="names of its features in its order, comma-separated"
    )
    parser.add_argument("--example", type=_row, help='a row that it takes, as JSON: [0.03, "Riga"] or {"age": 0.03}')
    parser.add_argument("--pickle-sha256", default="", help="as HINDSIGHT_MODEL_PICKLE_SHA256")
    parser.add_argument("--types", type=_list, default=(), help="as HINDSIGHT_MODEL_TYPES")
    return parser


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _row(text: str) -> Any:
    try:
        return msgspec.json.decode(text, type=Features)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no row of features: {exc}") from None
