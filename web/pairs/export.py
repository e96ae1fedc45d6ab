"""The filtered set as a file: JSON, NDJSON or CSV, streamed, with a visible mark where it is capped."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from web.pairs.cells import AsOf
from web.pairs.columns import IN_FILES, Column, as_row
from web.pairs.pair_view import PairView

MOST_WITH_FEATURES = 200
"""The features of each row are looked up in Kafka one by one."""
MOST_ROWS = 100_000
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}
_encode = msgspec.json.Encoder(enc_hook=str).encode
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def guarded(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers as they are."""
    if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA):
        return "'" + cell
    if isinstance(cell, dict):
        return _encode(cell).decode()
    return "" if cell is None else repr(cell) if isinstance(cell, float) else cell


async def stream(
    request: web.Request,
    form: str,
    as_of: AsOf,
    batches: AsyncIterator[tuple[list[PairView], str]],
    columns: tuple[Column, ...] = IN_FILES,
) -> web.StreamResponse:
    """Answer with all batches of rows; each comes with a sentence if rows after it are missing, else empty."""
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="pairs.{form}"'})
    response.content_type, response.charset = TYPES[form], "utf-8"
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    first, capped = True, ""
    if form == "csv":
        await response.write(",".join(column.name for column in columns).encode() + b"\r\n")
    elif form == "json":
        await response.write(b'{"rows":[')
    async for rows, why_capped in batches:
        await response.write(await asyncio.to_thread(_block, form, as_of, rows, first, columns))
        first, capped = first and not rows, why_capped
    await response.write(_end(form, capped))
    await response.write_eof()
    return response


def _block(form: str, as_of: AsOf, rows: list[PairView], first: bool, columns: tuple[Column, ...] = IN_FILES) -> bytes:
    found = [as_row(pair, as_of, columns) for pair in rows]
    if form == "csv":
        lines = io.StringIO(newline="")
        csv.writer(lines).writerows([[guarded(cell) for cell in row.values()] for row in found])
        return lines.getvalue().encode("utf-8", "backslashreplace")
    encoded = [_encode(row) for row in found]
    if form == "ndjson":
        return b"".join(line + b"\n" for line in encoded)
    return (b"" if first or not rows else b",") + b",".join(encoded)


def _end(form: str, capped: str) -> bytes:
    if form == "json":
        return b'],"capped":' + _encode(capped or None) + b"}\n"
    if not capped:
        return b""
    return f'"# {capped}"\r\n'.encode() if form == "csv" else _encode({"capped": capped}) + b"\n"
