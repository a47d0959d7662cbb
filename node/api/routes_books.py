"""Routes about the books: state root, verification, closes of chapters, proofs, audits."""

# pyright: reportUnknownMemberType=false

from functools import cache
from typing import Annotated, Any

import trio
from fastapi import Query, Request, Response

from node import i18n
from node.api import shaping_books
from node.api.context import Api
from node.api.models import books as shapes
from node.api.models.office import Decision
from node.api.parameters import ChapterQuery, IdQuery
from node.api.routing import Route, get, write
from node.api.shaping import credit_decimals
from node.ledger import root as ledger_root
from node.protocol.account import CREDIT
from node.services.books import closing, verification
from node.services.books.audit import audit
from node.services.books.closes import Closes
from node.services.books.ties import ties

MonthQuery = Annotated[
    str | None, Query(pattern=shapes.MONTH_PATTERN, description="UTC", examples=["2026-10"])
]


class BookRoutes:
    """Handlers; see the table at the end."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._closing = closing.Closing(api.core, api.publisher)
        self._heavy = trio.CapacityLimiter(1)  # long computations, one at a time

    async def root(self, chapter: ChapterQuery = None) -> shapes.Root:
        """The state root and its sections, of all or of one chapter."""
        core = self._api.core
        scope = ledger_root.SCOPE_ALL
        if chapter is not None:
            scope = self._api.community.chapter(chapter)[1].name

        def compute() -> tuple[list[tuple[str, bytes]], bytes]:
            with core.reading() as reader:
                found = ledger_root.sections(reader, core.rules, scope)
                return found, ledger_root.state_root(reader, core.rules, scope)

        found, whole = await trio.to_thread.run_sync(compute, limiter=self._heavy)
        sections = [shapes.Section(name=name, hash=digest.hex()) for name, digest in found]
        return shapes.Root(chapter=chapter, root=whole.hex(), sections=sections)

    async def verify(self, request: Request, body: shapes.VerifyIn) -> shapes.Verified:
        """Verify the own books, and say how far the proof goes."""
        found = await trio.to_thread.run_sync(
            lambda: verification.verify(self._api.core, from_scratch=body.from_scratch),
            limiter=self._heavy,
        )
        return shaping_books.verified(found, self._api.language(request))

    async def closes(self, request: Request, chapter: ChapterQuery = None) -> shapes.Closes:
        """The months that a chapter has closed, each compared with the own books."""
        number, language = self._api.chapter(chapter), self._api.language(request)
        core, looked = self._api.core, Closes(self._api.core)

        def compute() -> list[shapes.Close]:
            if core.writer.fault is None:
                looked.look(number)
            views = looked.views(number)
            with core.reading() as reader:
                return [shaping_books.close(core, reader, view, language) for view in views]

        items = await trio.to_thread.run_sync(compute, limiter=self._heavy)
        return shapes.Closes(items=items)

    async def close(self, request: Request, body: shapes.CloseIn) -> Decision:
        """Close a month (officers), or propose it, or agree to what another officer proposed."""
        number = self._api.chapter(body.chapter)
        made = await self._closing.close(number, body.month)
        key = "office.done" if made.done else "office.asked"
        language = self._api.language(request)
        return Decision(
            id=made.record.hex(),
            proposal=made.hash.hex(),
            done=made.done,
            agreed=made.agreed,
            needed=made.needed,
            text=i18n.text(key, language, agreed=made.agreed, needed=made.needed),
        )

    async def proof(
        self,
        month: Annotated[str, Query(pattern=shapes.MONTH_PATTERN, examples=["2026-10"])],
        member: IdQuery = None,
        chapter: ChapterQuery = None,
    ) -> Response:
        """What the close of a month says of a member, as a file that proves itself."""
        number, core = self._api.chapter(chapter), self._api.core
        subject = core.member if member is None else bytes.fromhex(member)

        def compute() -> str:
            if core.writer.fault is None:
                Closes(core).look(number)
            return closing.proof_text(core, number, month, subject)

        text = await trio.to_thread.run_sync(compute, limiter=self._heavy)
        return Response(text, media_type="application/json")

    async def audit(
        self, request: Request, chapter: ChapterQuery = None, month: MonthQuery = None
    ) -> shapes.Audit:
        """A report on a chapter for whoever looks after its books."""
        number, language = self._api.chapter(chapter), self._api.language(request)
        core = self._api.core

        def compute() -> shapes.Audit:
            found = audit(core, number, month)
            with core.reading() as reader:
                return shaping_books.audited(core, reader, found, language)

        return await trio.to_thread.run_sync(compute, limiter=self._heavy)

    async def ties(self, chapter: ChapterQuery = None) -> shapes.Ties:
        """Who trades with whom in a chapter, and how much each month saw."""
        number, core = self._api.chapter(chapter), self._api.core
        found = await trio.to_thread.run_sync(lambda: ties(core, number), limiter=self._heavy)
        genesis, who = core.rules.genesis, cache(self._api.who)
        return shapes.Ties(
            chapter=genesis.chapters[number].name,
            items=[
                shapes.Tie(one=who(tie.one), other=who(tie.other), trades=tie.trades)
                for tie in found.ties
            ],
            count=found.count,
            months=[
                shapes.MonthTotal(month=one.month, trades=one.trades, volume=one.volume)
                for one in found.months
            ],
            unit=CREDIT,
            unit_name=genesis.unit.code,
            decimals=credit_decimals(core),
        )


def routes(api: Api) -> list[Route]:
    """The table."""
    books = BookRoutes(api)
    return [
        get("/ledger/root", books.root, shapes.Root),
        write("POST", "/ledger/verify", books.verify, shapes.Verified, "read", once=False),
        get("/ledger/closes", books.closes, shapes.Closes),
        write("POST", "/ledger/closes", books.close, Decision, "admin"),
        get("/ledger/proof", books.proof, dict[str, Any]),
        get("/ledger/audit", books.audit, shapes.Audit),
        get("/ledger/ties", books.ties, shapes.Ties),
    ]
