"""The command `doctor`: each thing that must be right, checked on a line, with the cause and what to do."""

from __future__ import annotations

import json
import logging
import textwrap
from collections.abc import Callable, Iterator

from commands.doctor import (
    check_files_and_ports,
    check_ids,
    check_kafka,
    check_model,
    check_python,
    check_quarantine,
    check_rabbitmq,
    check_running,
    check_settings,
)
from commands.doctor.finding import Finding
from commands.status.render import BAD, GOOD, on_terminal, paint
from streams.settings import Settings

NOTE = "·"
MARKS = {"ok": GOOD, "note": NOTE, "wrong": BAD}
WIDTH = 118
WHAT_CHARS = 32
CHECKS: tuple[Callable[[Settings], list[Finding]], ...] = (
    lambda settings: check_python.check(),
    check_settings.check,
    check_files_and_ports.check,
    check_model.check,
    check_rabbitmq.check,
    check_kafka.check,
    check_quarantine.check,
    check_ids.check,
    check_running.check,
)


def run(settings: Settings, *, as_json: bool = False) -> int:
    """Print a line for each thing that is checked; return 1 if any is wrong."""
    for name in ("aiokafka", "pika"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # the findings say what they would say
    found: list[Finding] = []
    for finding in findings(settings):
        found.append(finding)
        if not as_json:
            print(line(finding, colours=on_terminal()), flush=True)
    print(json.dumps([finding._asdict() for finding in found]) if as_json else _summary(found))
    return 1 if _n_wrong(found) else 0


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield what each check found, one check after the other."""
    for check in CHECKS:
        yield from check(settings)


def line(finding: Finding, *, colours: bool = False) -> str:
    """Return a finding as text, long sentences wrapped under their beginning."""
    beginning = f"{MARKS[finding.level]} {finding.what:<{WHAT_CHARS}}  "
    after = " " * len(beginning)
    text = textwrap.fill(
        finding.said,
        WIDTH,
        initial_indent=beginning,
        subsequent_indent=after,
        break_on_hyphens=False,
        break_long_words=False,
    )
    text += f"\n{after}{finding.command}" if finding.command else ""
    return paint(text) if colours else text


def _n_wrong(found: list[Finding]) -> int:
    return sum(finding.level == "wrong" for finding in found)


def _summary(found: list[Finding]) -> str:
    if n_wrong := _n_wrong(found):
        return f"\n{n_wrong} to put right ({BAD})."
    if missing := check_running.missing(found):
        return f"\nNothing to put right, but no {' and no '.join(missing)} is running."
    return "\nNothing to put right."
