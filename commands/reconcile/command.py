"""The command `reconcile`: prove that nothing is lost and nothing is there twice, or name what is."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import sys

from commands.probes import Unavailable, processes
from commands.probes.kafka_ranges import ranges
from commands.reconcile.collect import Gatherer
from commands.reconcile.facts import Facts
from commands.reconcile.sums import Result, Sum, compute
from commands.status.render import BAD, GOOD, on_terminal, paint
from commands.times import parse_time
from streams.kafka import probe
from streams.settings import Settings, SettingsError

MOST_SHOWN = 20
NOT_CHECKED = 2


def run(settings: Settings, *, start: str = "", end: str = "", as_json: bool = False) -> int:
    """Print the sums and what breaks them; return 0 if all hold, 1 if not, 2 if they could not be checked.

    Args:
        start: only what was decided from then on (see `commands.times`); empty: from the beginning.
        end: only what was decided before; empty: up to now.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)  # what it would say is in our sentences
    try:
        found = asyncio.run(_reconcile(settings, start, end))
    except (Unavailable, SettingsError, ValueError) as exc:
        return _could_not(str(exc), as_json)
    except sqlite3.Error as exc:
        return _could_not(f"The temporary file failed ({exc}): set TMPDIR to a directory with more space.", as_json)
    print(_json(found) if as_json else text(found, colours=on_terminal()))
    return found.code


async def _reconcile(settings: Settings, start: str, end: str) -> Result:
    begin = parse_time(start) if start else None
    until = parse_time(end) if end else None
    await probe.probe(settings)
    delivered = await asyncio.to_thread(processes.delivered, settings)
    facts = Facts()
    try:
        async with ranges(settings) as kafka:
            gatherer = Gatherer(settings, kafka, facts, start=begin, end=until, delivered=delivered)
            return compute(await gatherer.run(), facts)
    finally:
        facts.close()


def text(found: Result, *, colours: bool = False) -> str:
    """Return the result for people: one line a sum, what breaks it below."""
    width = max(len(each.name) for each in found.sums)
    lines = []
    for each in found.sums:
        sign = "=" if each.left == each.right else "≠"
        mark = GOOD if each.holds else BAD
        lines.append(f"{mark} {each.name:<{width}}  {each.left:>12,} {sign} {each.right:,}")
        lines += [f"      {line}" for line in _why(each)]
    lines += [f"{BAD} {sentence}" for sentence in found.strange[:MOST_SHOWN]]
    if len(found.strange) > MOST_SHOWN:
        lines.append(f"  ... and {len(found.strange) - MOST_SHOWN:,} more like it (--json names them)")
    lines += [f"· not checked: {sentence}" for sentence in found.unchecked]
    lines += [f"· {note}" for note in found.notes]
    lines += ["", _summary(found)]
    return paint("\n".join(lines)) if colours else "\n".join(lines)


def _why(each: Sum) -> list[str]:
    said = [f"{problem.id}: {problem.said}" for problem in each.problems[:MOST_SHOWN]]
    if each.n_problems > MOST_SHOWN:
        said.append(f"... and {each.n_problems - MOST_SHOWN:,} more (--json names the first {len(each.problems):,})")
    if each.off:
        said.append(f"off in partition {', '.join(map(str, each.off))}")
    return said


def _summary(found: Result) -> str:
    if found.code == 1:
        n = sum(each.n_problems for each in found.sums) + len(found.strange)
        return f"{found.n_ids:,} ids checked: it does not add up (problems: {n:,}). docs/ledger.md says what each line means."
    if found.code == NOT_CHECKED:
        return f"{found.n_ids:,} ids checked: what could be checked adds up, but not everything could be."
    return f"{found.n_ids:,} ids checked: everything adds up; nothing is lost, and nothing is duplicated."


def _json(found: Result) -> str:
    return json.dumps(
        {
            "code": found.code,
            "ids": found.n_ids,
            "sums": [
                {
                    "name": each.name,
                    "left": each.left,
                    "right": each.right,
                    "holds": each.holds,
                    "partitions": each.off,
                    "n_problems": each.n_problems,
                    "problems": [{"id": problem.id, "said": problem.said} for problem in each.problems],
                }
                for each in found.sums
            ],
            "strange": found.strange,
            "unchecked": found.unchecked,
            "notes": found.notes,
        }
    )


def _could_not(sentence: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"code": NOT_CHECKED, "sums": [], "strange": [], "unchecked": [sentence], "notes": []}))
    else:
        print(f"{BAD} could not be checked: {sentence}", file=sys.stderr)
    return NOT_CHECKED
