"""Routes about what is kept and printed: receipts and statements, as files of several forms."""

# pyright: reportUnknownMemberType=false

from typing import Annotated, Any, Final, Literal, TypeAlias

import trio
from fastapi import Query, Request, Response

from node.api import shaping_books
from node.api.context import Api
from node.api.models import trade as shapes
from node.api.parameters import ChapterQuery, FlagQuery, IdPath, IdQuery
from node.api.routing import Route, get
from node.api.shaping import credit_decimals, decimals_of, iso_time
from node.protocol.account import CREDIT
from node.services.books.money import Movement, Statement
from node.services.paper import files
from node.services.paper.files import MEDIA, PaperFile, Wish
from node.services.trading import units

ReceiptFormat: TypeAlias = Literal["json", "msgpack", "html", "pdf"]
StatementFormat: TypeAlias = Literal["json", "csv", "html", "pdf"]
Paper: TypeAlias = Literal["a4", "80mm"]
PaperQuery = Annotated[Paper, Query(description="of a PDF", examples=["a4"])]
PRINTED: Final = ("html", "pdf")


class PaperRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._heavy = trio.CapacityLimiter(1)  # closures and pages are long work, one at a time

    async def receipt(
        self,
        request: Request,
        trade: IdPath,
        order: FlagQuery = False,
        format: Annotated[ReceiptFormat, Query(examples=["json"])] = "json",
        paper: PaperQuery = "a4",
    ) -> Response:
        """A receipt that proves itself; with `order` it shows what was traded.

        As JSON or MessagePack for programs, as HTML or PDF for paper, in the language of the
        request.
        """
        wish = Wish(format, self._api.language(request), order, paper)
        found, core = bytes.fromhex(trade), self._api.core
        return _answer(
            await trio.to_thread.run_sync(
                lambda: files.receipt_file(core, found, wish, self._api.people.name),
                limiter=self._heavy,
            )
        )

    async def statement(
        self,
        request: Request,
        month: Annotated[str, Query(pattern="^[0-9]{4}-[0-9]{2}$", examples=["2026-09"])],
        chapter: ChapterQuery = None,
        member: IdQuery = None,
        format: Annotated[
            StatementFormat | None,
            Query(
                description="a file, signed where it is JSON; else the answer described here",
                examples=[None],
            ),
        ] = None,
        order: FlagQuery = False,
        paper: PaperQuery = "a4",
    ) -> Any:
        """A month's movements (UTC) between opening and closing balance.

        Of this member or another; what a trade was for is said of own ones alone, in a file only
        with `order`.
        """
        number, core = self._api.chapter(chapter), self._api.core
        subject = None if member is None else bytes.fromhex(member)
        wish = None if format is None else Wish(format, self._api.language(request), order, paper)

        def compute() -> Statement | PaperFile:
            found = self._api.money.statement(number, month, subject)
            if wish is None:
                return found
            return files.statement_file(core, found, wish, self._api.people.name)

        made = await trio.to_thread.run_sync(compute, limiter=self._heavy)
        if not isinstance(made, Statement):
            return _answer(made)
        return self._shaped(made, self._api.language(request))

    def _shaped(self, found: Statement, language: str) -> shapes.Statement:
        few, means = shaping_books.level_texts(found.level, language)
        genesis = self._api.core.rules.genesis
        return shapes.Statement(
            member=self._api.who(found.member),
            chapter=found.chapter,
            month=found.month,
            unit=CREDIT,
            unit_name=genesis.unit.code,
            decimals=credit_decimals(self._api.core),
            opening=found.opening,
            movements=[shapes.Movement(**self._line(one)) for one in found.movements],
            others=[
                shapes.OtherMovement(
                    **self._line(one),
                    unit=one.unit,
                    unit_name=units.name_of(one.unit, genesis.unit, language),
                    decimals=decimals_of(self._api.core, one.unit),
                )
                for one in found.others
            ],
            closing=found.closing,
            level=found.level,
            level_text=few,
            level_means=means,
            in_doubt=[shapes.Movement(**self._line(one)) for one in found.in_doubt],
        )

    def _line(self, one: Movement) -> dict[str, Any]:
        return {
            "trade": one.trade.hex(),
            "commit": one.commit.hex(),
            "partner": self._api.who(one.partner),
            "amount": one.amount,
            "time": iso_time(one.time),
            "for": one.order,
            "refunds": None if one.refunds is None else one.refunds.hex(),
        }


def _answer(file: PaperFile) -> Response:
    """A file to keep: the name is ours, made of digits and hex, so that it needs no quoting."""
    return Response(
        file.content,
        media_type=file.media,
        headers={"content-disposition": f'attachment; filename="{file.name}"'},
    )


def routes(api: Api) -> list[Route]:
    """The table."""
    paper = PaperRoutes(api)
    receipt = tuple(MEDIA[name] for name in files.RECEIPT_FORMATS[1:])
    statement = tuple(MEDIA[name] for name in files.STATEMENT_FORMATS[1:])
    return [
        get("/statements", paper.statement, shapes.Statement, also=statement),
        get("/receipts/{trade}", paper.receipt, dict[str, Any], also=receipt),
    ]
