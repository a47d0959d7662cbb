"""Routes about notes: trading by file and QR code where there is no network."""

# pyright: reportUnknownMemberType=false

from functools import partial

import trio
from fastapi import Request

from node import i18n
from node.api.context import Api
from node.api.models import stall as shapes
from node.api.parameters import IdPath
from node.api.routes_trade import TradeRoutes
from node.api.routing import Route, write
from node.protocol.errors import LocalFault
from node.services.trading import stall
from node.services.trading.stall import Given, Taken

QR_MARGIN_MODULES = 4  # what the standard asks for


class StallRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._trades = TradeRoutes(api)

    async def greet(self, request: Request, body: shapes.GreetingIn) -> shapes.NoteOut:
        """A note for anybody: who this is, and what is held here, so that the other's is short."""
        given = await trio.to_thread.run_sync(self._api.stall.greet)
        return self._note(given, self._api.language(request), body.part_characters, body.drawn)

    async def give(self, request: Request, trade: IdPath, body: shapes.NoteIn) -> shapes.NoteOut:
        """The note of an own trade for its other side: what they lack of it, and its order."""
        make = partial(self._api.stall.give, bytes.fromhex(trade), full=body.full)
        given = await trio.to_thread.run_sync(make)
        return self._note(given, self._api.language(request), body.part_characters, body.drawn)

    async def take(self, request: Request, body: shapes.NotesIn) -> shapes.Taken:
        """Take in a note that was handed over, and settle what it accepts."""
        data = stall.join(body.parts)
        taken = await self._api.stall.take(data, anyway=body.anyway)
        language = self._api.language(request)
        answer, sender = taken.answer, self._api.who(taken.sender)
        return shapes.Taken(
            sender=sender,
            own=taken.own,
            trades=[self._taken(trade, language) for trade in taken.trades],
            accepted=taken.accepted,
            duplicate=taken.duplicate,
            rejected=taken.rejected,
            lacking=taken.lacking,
            settled=[trade.hex() for trade in taken.settled],
            unsettled=[trade.hex() for trade in taken.unsettled],
            unsettled_text=(
                None if taken.reason is None else i18n.problem_text(taken.reason, language)
            ),
            answer=(
                None
                if answer is None
                else self._note(answer, language, body.part_characters, body.drawn)
            ),
            text=i18n.text(f"stall.taken_{_summary(taken)}", language, name=sender.name),
        )

    def _note(self, given: Given, language: str, longest: int, drawn: bool) -> shapes.NoteOut:
        texts = stall.split(given.data, longest)
        return shapes.NoteOut(
            partner=None if given.partner is None else self._api.who(given.partner),
            trades=[self._told(trade, language) for trade in given.trades],
            records=given.records,
            size=len(given.data),
            parts=texts,
            codes=[draw(text) for text in texts] if drawn else [],
        )

    def _told(self, trade: bytes, language: str) -> shapes.Told:
        standing = self._api.stall.standing(trade)
        return shapes.Told(
            id=trade.hex(),
            standing=standing,  # type: ignore[arg-type]
            final=standing == "final",
            text=i18n.text(f"stall.{standing}", language),
        )

    def _taken(self, trade: bytes, language: str) -> shapes.TakenTrade:
        told = self._told(trade, language)
        found = None
        if told.standing != "unknown":
            found = self._trades.shown(self._api.money.trade(trade), language)
        return shapes.TakenTrade(**told.model_dump(), trade=found)


def _summary(taken: Taken) -> str:
    """What a person is told first about a note."""
    if taken.own:
        return "own"
    if taken.lacking:
        return "lacking"
    if taken.rejected:
        return "rejected"
    if taken.unsettled:
        return "unsettled"
    return "new" if taken.accepted or taken.settled else "known"


def draw(text: str) -> shapes.Code:
    """A part as a QR code that any camera reads. Raises LocalFault note-too-large."""
    import segno  # a page of codes is asked for now and then: the node starts without it

    try:
        code = segno.make(text, error="l", micro=False, boost_error=True)
    except segno.DataOverflowError:
        raise LocalFault("note-too-large") from None
    lines: list[str] = []
    for y, row in enumerate(code.matrix, start=QR_MARGIN_MODULES):
        x, dark = QR_MARGIN_MODULES, bytes(row) + b"\0"
        while (start := dark.find(1, x - QR_MARGIN_MODULES)) >= 0:
            end = dark.index(0, start)
            lines.append(f"M{start + QR_MARGIN_MODULES} {y}.5h{end - start}")
            x = end + QR_MARGIN_MODULES
    return shapes.Code(size=len(code.matrix) + 2 * QR_MARGIN_MODULES, path="".join(lines))


def routes(api: Api) -> list[Route]:
    """The table. Making a note changes nothing, so it may be made as often as wanted."""
    notes = StallRoutes(api)
    return [
        write("POST", "/trades/greeting", notes.greet, shapes.NoteOut, "trade", once=False),
        write("POST", "/trades/{trade}/note", notes.give, shapes.NoteOut, "trade", once=False),
        write("POST", "/trades/notes", notes.take, shapes.Taken, "trade", once=False),
    ]
