"""The ward board and its live stream (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from suwen.core.errors import NotFound, SuwenError
from suwen.health.alerts.watchdog import times
from suwen.records.alerts.wards import Ward
from suwen.records.streams import gateway_state
from suwen.server.asking import Asking, Signed
from suwen.server.language import say
from suwen.server.render import environment, page
from suwen.server.ward import board as ward_board
from suwen.server.ward import scores as ward_scores
from suwen.server.ward.board import Board, Watching
from suwen.server.ward.desks import desk_of

router = APIRouter(include_in_schema=False, prefix="/ward")
EVERY_S: Final = 2.0
"""Seconds from one look at the ward to the next."""
WardId = Annotated[str, Query(pattern=r"^[A-Za-z0-9._\-]{0,64}$")]


def wards_of(asking: Asking) -> list[Ward]:
    """Return the wards of the house."""
    return desk_of(asking).wards.list()


def watching(asking: Asking, ward: str) -> Watching:
    """Return a person's look at a ward.

    Raises
    ------
    NotFound
        No such ward.
    """
    known = {one.id: one for one in wards_of(asking)}
    if ward and ward not in known:
        raise NotFound("no such ward", "a ward that was defined", "choose one of the list")
    budget = known[ward].budget if ward else None
    return Watching(desk_of(asking), asking.language, ward, budget)


def shown(asking: Asking, board: Board) -> dict[str, Any]:
    """Return what the rows of the board need."""
    language = asking.language
    return {
        "board": board,
        "gateway": gateway_state.told(asking.bench.store, board.now).value,
        "columns": [(key, say(language, ward_board.COLUMNS[key])) for key in ward_board.SHOWN],
    }


@router.get("")
def ward_page(
    request: Request, asking: Signed, ward: WardId = "", fresh: bool = True
) -> HTMLResponse:
    """Show the board; it then follows the stream, and scores are renewed unless not `fresh`."""
    look = watching(asking, ward)
    return page(
        asking,
        request,
        "ward.html",
        here="ward",
        ward=ward,
        fresh=fresh,
        wards=wards_of(asking),
        limits=times(),
        **shown(asking, look.board()),
    )


@router.get("/live")
def live(
    request: Request, asking: Signed, ward: WardId = "", fresh: bool = True
) -> StreamingResponse:
    """Stream the board: its rows when they change, the server's time and the pulse always."""
    look = watching(asking, ward)
    return StreamingResponse(
        _events(request, asking, look, fresh),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, asking: Asking, look: Watching, fresh: bool
) -> AsyncIterator[str]:
    template, before = environment(asking.language).get_template("ward_rows.html"), ""
    while not await request.is_disconnected():
        if not asking.bench.sessions.living(asking.token):
            yield "event: ended\ndata: {}\n\n"
            return
        try:
            board = await run_in_threadpool(look.board)
            if fresh:
                await run_in_threadpool(_renew, asking, look, board)
        except SuwenError as error:
            yield f"event: trouble\ndata: {json.dumps({'code': error.code})}\n\n"
            await asyncio.sleep(EVERY_S)
            continue
        rows = template.render(**shown(asking, board))
        told: dict[str, Any] = {
            "now": board.now.timestamp(),
            "pulse": board.pulse.at.timestamp() if board.pulse.at else 0,
        }
        if rows != before:
            told["rows"], before = rows, rows
        yield f"event: board\ndata: {json.dumps(told)}\n\n"
        await asyncio.sleep(EVERY_S)


def _renew(asking: Asking, look: Watching, board: Board) -> None:
    """Score whose turn it is, in the name of whose board is open; one at a look."""
    due = asking.bench.rounds.due([row.patient for row in board.rows if row.measured])
    if due:
        with suppress(NotFound):
            ward_scores.score(asking, look.desk.streams, due)


@router.post("/score")
def score(
    request: Request,
    asking: Signed,
    patient: Annotated[str, Form(max_length=64)],
    ward: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Score one patient from the newest readings, and show the board."""
    look = watching(asking, ward)
    ward_scores.score(asking, look.desk.streams, patient)
    return page(asking, request, "ward_rows.html", **shown(asking, look.board()))
