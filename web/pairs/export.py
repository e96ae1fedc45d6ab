"""The filtered set as a file: JSON, NDJSON or CSV, streamed, with a visible mark where it is capped."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiohttp import web

from web.pairs.pair_rows import CSV_COLUMNS

MOST_ROWS = 100_000
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}
_encode = msgspec.json.Encoder(enc_hook=str).encode
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def guarded(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; numbers as they are."""
    if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA):
        return "'" + cell
    return "" if cell is None else repr(cell) if isinstance(cell, float) else cell


async def stream(
    request: web.Request, form: str, batches: AsyncIterator[tuple[list[dict[str, Any]], str]]
) -> web.StreamResponse:
    """Answer with all batches of rows; each comes with a sentence if rows after it are missing, else empty."""
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="pairs.{form}"'})
    response.content_type, response.charset = TYPES[form], "utf-8"
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    first, capped = True, ""
    if form == "csv":
        await response.write(",".join(CSV_COLUMNS).encode() + b"\r\n")
    elif form == "json":
        await response.write(b'{"rows":[')
    async for rows, why_capped in batches:
        await response.write(_block(form, rows, first))
        first, capped = first and not rows, why_capped
    await response.write(_end(form, capped))
    await response.write_eof()
    return response


def _block(form: str, rows: list[dict[str, Any]], first: bool) -> bytes:
    if form == "csv":
        lines = io.StringIO(newline="")
        csv.writer(lines).writerows([[guarded(row[name]) for name in CSV_COLUMNS] for row in rows])
        return lines.getvalue().encode("utf-8", "backslashreplace")
    encoded = [_encode({name: row[name] for name in CSV_COLUMNS}) for row in rows]
    if form == "ndjson":
        return b"".join(line + b"\n" for line in encoded)
    return (b"" if first or not rows else b",") + b",".join(encoded)


def _end(form: str, capped: str) -> bytes:
    if form == "json":
        return b'],"capped":' + _encode(capped or None) + b"}\n"
    if not capped:
        return b""
    return f'"# {capped}"\r\n'.encode() if form == "csv" else _encode({"capped": capped}) + b"\n"
